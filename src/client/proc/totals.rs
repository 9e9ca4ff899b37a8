// SPDX-License-Identifier: MIT

//! The counters of the whole table, from `/proc/net/ip_vs_stats`.

use std::io::{self, Read};

use crate::{Error, Operation, Result, Stats};

/// The name of the file.
pub(crate) const FILE: &str = "ip_vs_stats";

/// Reads the counters of the whole table.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read or has another form.
pub(crate) fn read(mut file: impl Read) -> Result<Stats> {
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(failed)?;
    parse(&text).ok_or_else(|| {
        failed(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("/proc/thread-self/net/{FILE} has an unknown form"),
        ))
    })
}

pub(crate) fn failed(reason: io::Error) -> Error {
    Error::Io {
        operation: Operation::ReadTotals,
        reason,
    }
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

    const TEXT: &str = "   Total Incoming Outgoing         Incoming         Outgoing
   Conns  Packets  Packets            Bytes            Bytes
       A       1F        0 FFFFFFFFFFFFFFFF               10

 Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s
       1        2        3                4                C
";

    #[test]
    fn counters_and_rates_are_hexadecimal() {
        assert_eq!(
            parse(TEXT),
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
            let text = TEXT.replacen(from, to, 1);
            assert_ne!(text, TEXT);
            assert_eq!(parse(&text), None, "{text}");
        }
        assert_eq!(parse(""), None);
    }
}
