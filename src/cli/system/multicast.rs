// SPDX-License-Identifier: MIT

//! The multicast groups that interfaces of the network namespace have joined.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

/// A multicast group of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MulticastGroup {
    /// The number of the interface.
    pub(crate) interface: u32,
    pub(crate) group: IpAddr,
}

/// Reads them for the network namespace of the calling thread.
pub(crate) fn read() -> io::Result<Vec<MulticastGroup>> {
    read_below(Path::new("/proc/thread-self/net"))
}

fn read_below(folder: &Path) -> io::Result<Vec<MulticastGroup>> {
    let read = |file| match fs::read_to_string(folder.join(file)) {
        // A kernel without multicast, or without IPv6.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        outcome => outcome,
    };
    let mut groups = decode_v4(&read("igmp")?);
    groups.extend(read("igmp6")?.lines().filter_map(decode_v6));
    Ok(groups)
}

/// Reads `/proc/net/igmp`: a line for each interface, and lines that begin with a tab for
/// its groups.
fn decode_v4(text: &str) -> Vec<MulticastGroup> {
    let mut interface = None;
    let mut groups = Vec::new();
    for line in text.lines() {
        let Some(word) = line.split_whitespace().next() else {
            continue;
        };
        if !line.starts_with('\t') {
            // The headings have no number.
            interface = word.parse().ok();
        } else if let (Some(interface), Ok(group)) = (interface, u32::from_str_radix(word, 16)) {
            // A number in the byte order of the machine.
            let group = Ipv4Addr::from(group.to_ne_bytes()).into();
            groups.push(MulticastGroup { interface, group });
        }
    }
    groups
}

/// Reads a line of `/proc/net/igmp6`: number and name of the interface, group, ...
fn decode_v6(line: &str) -> Option<MulticastGroup> {
    let mut words = line.split_whitespace();
    let interface = words.next()?.parse().ok()?;
    let digits = words.nth(1).filter(|digits| digits.len() == 32)?;
    let group = u128::from_str_radix(digits, 16).ok()?;
    Some(MulticastGroup {
        interface,
        group: Ipv6Addr::from(group).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn groups_are_those_of_their_interfaces() {
        // Linux 6.1.176, with a backup daemon on `back`; `ip maddress` showed the same.
        const IGMP: &str = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter
1\tlo        :     1      V3
\t\t\t\t010000E0     1 0:00000000\t\t0
2\tback      :     2      V3
\t\t\t\t510000E0     1 0:00000000\t\t0
\t\t\t\t010000E0     1 0:00000000\t\t0
";
        const IGMP6: &str = "1    lo              ff020000000000000000000000000001     1 0000000C 0
1    lo              ff010000000000000000000000000001     1 00000008 0
2    back            ff020000000000000000000000000001     1 0000000C 0
";
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("igmp"), IGMP).unwrap();
        fs::write(folder.path().join("igmp6"), IGMP6).unwrap();
        let group = |interface, group: &str| MulticastGroup {
            interface,
            group: group.parse().unwrap(),
        };
        assert_eq!(
            read_below(folder.path()).unwrap(),
            [
                group(1, "224.0.0.1"),
                group(2, "224.0.0.81"),
                group(2, "224.0.0.1"),
                group(1, "ff02::1"),
                group(1, "ff01::1"),
                group(2, "ff02::1"),
            ]
        );
    }
}
