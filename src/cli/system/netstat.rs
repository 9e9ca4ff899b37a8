// SPDX-License-Identifier: MIT

//! Counters of what became of packets in the network namespace.

use std::fs;

/// Returns the number of packets that a reverse path filter has dropped since the network
/// namespace exists; none where the kernel does not tell.
pub(crate) fn count_reverse_path_drops() -> Option<u64> {
    find_counter(
        &fs::read_to_string("/proc/thread-self/net/netstat").ok()?,
        "TcpExt:",
        "IPReversePathFilter",
    )
}

/// Finds a counter in the form of `/proc/net/netstat`: for each group a line with the
/// names, and one with the numbers below them.
fn find_counter(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with(group));
    let names = lines.next()?.split_whitespace();
    let mut numbers = lines.next()?.split_whitespace();
    let place = names.into_iter().position(|other| other == name)?;
    numbers.nth(place)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_stands_below_its_name() {
        // As Linux 6.1 writes it, but shorter.
        let text = "TcpExt: SyncookiesSent IPReversePathFilter TCPTimeWaitOverflow\n\
                    TcpExt: 0 17 3\n\
                    IpExt: InNoRoutes InTruncatedPkts\n\
                    IpExt: 5 0\n";
        let find = |group, name| find_counter(text, group, name);
        assert_eq!(find("TcpExt:", "IPReversePathFilter"), Some(17));
        assert_eq!(find("IpExt:", "InNoRoutes"), Some(5));
        assert_eq!(find("IpExt:", "IPReversePathFilter"), None);
        assert_eq!(find("MPTcpExt:", "InNoRoutes"), None);
    }
}
