// SPDX-License-Identifier: MIT

//! What the whole table has counted, from `/proc/net/ip_vs_stats`.

use std::{fs, io};

use crate::{Error, Operation, Result, Stats};

/// Of the network namespace that the thread is in, like a socket that it opens.
const PATH: &str = "/proc/thread-self/net/ip_vs_stats";

/// What the whole table of the current network namespace has done, from
/// `/proc/net/ip_vs_stats`; what virtual services did that are gone is in it.
///
/// # Errors
/// [`Error::Io`] when the kernel has no IPVS, its module is not loaded, or the
/// file has another form.
pub fn total_stats() -> Result<Stats> {
    let failed = |reason| Error::Io {
        operation: Operation::ReadTotals,
        reason,
    };
    let text = fs::read_to_string(PATH).map_err(failed)?;
    parse(&text).ok_or_else(|| {
        failed(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{PATH} has an unknown form"),
        ))
    })
}

/// Two lines of headings and one of counters; an empty line; a line of headings
/// and one of rates. All numbers are hexadecimal.
fn parse(text: &str) -> Option<Stats> {
    let mut lines = text.lines();
    let [connections, in_packets, out_packets, in_bytes, out_bytes] = numbers(lines.nth(2)?)?;
    let [
        connections_per_second,
        in_packets_per_second,
        out_packets_per_second,
        in_bytes_per_second,
        out_bytes_per_second,
    ] = numbers(lines.nth(2)?)?;
    Some(Stats {
        connections,
        in_packets,
        out_packets,
        in_bytes,
        out_bytes,
        connections_per_second,
        in_packets_per_second,
        out_packets_per_second,
        in_bytes_per_second,
        out_bytes_per_second,
    })
}

fn numbers(line: &str) -> Option<[u64; 5]> {
    let mut numbers = [0; 5];
    let mut words = line.split_ascii_whitespace();
    for number in &mut numbers {
        *number = u64::from_str_radix(words.next()?, 16).ok()?;
    }
    words.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "   Total Incoming Outgoing         Incoming         Outgoing
   Conns  Packets  Packets            Bytes            Bytes
       A       1F        0 FFFFFFFFFFFFFFFF               10

 Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s
       1        2        3                4                C
";

    #[test]
    fn counters_and_rates_are_hexadecimal() {
        assert_eq!(
            parse(FILE),
            Some(Stats {
                connections: 10,
                in_packets: 31,
                out_packets: 0,
                in_bytes: u64::MAX,
                out_bytes: 16,
                connections_per_second: 1,
                in_packets_per_second: 2,
                out_packets_per_second: 3,
                in_bytes_per_second: 4,
                out_bytes_per_second: 12,
            })
        );
    }

    #[test]
    fn another_form_is_not_taken_for_counters() {
        for (from, to) in [
            ("       A ", "       x "),
            ("       A ", ""),
            ("       A ", " A A "),
            (" FFFF", " FFFFF"),
            ("       1        2", "       1"),
            ("\n\n", "\n"),
        ] {
            let text = FILE.replacen(from, to, 1);
            assert_ne!(text, FILE);
            assert_eq!(parse(&text), None, "{text}");
        }
        assert_eq!(parse(""), None);
    }
}
