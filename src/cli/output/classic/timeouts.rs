// SPDX-License-Identifier: MIT

//! The timeouts of connections as ipvsadm 1.31 lists them.

use std::{
    io::{self, Write},
    num::NonZeroU32,
};

use ipvs_client::Timeouts;

/// Writes the timeouts, in seconds.
pub(crate) fn write_timeouts(out: &mut impl Write, timeouts: &Timeouts) -> io::Result<()> {
    // As in the original, 0 is of a protocol that the kernel does not know.
    let [tcp, tcp_fin, udp] = [timeouts.tcp, timeouts.tcp_fin, timeouts.udp]
        .map(|timeout| timeout.map_or(0, NonZeroU32::get));
    writeln!(out, "Timeout (tcp tcpfin udp): {tcp} {tcp_fin} {udp}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of ipvsadm 1.31 (tests/kernel/compat/recorded: random_1.txt and, for a
    /// timeout of 0, replies_values.txt).
    #[test]
    fn the_line_is_that_of_the_original() {
        for (timeouts, line) in [
            (
                Timeouts::default().tcp(2_678_400).tcp_fin(120).udp(900),
                "Timeout (tcp tcpfin udp): 2678400 120 900\n",
            ),
            (
                Timeouts::default().tcp_fin(120).udp(300),
                "Timeout (tcp tcpfin udp): 0 120 300\n",
            ),
        ] {
            let mut out = Vec::new();
            write_timeouts(&mut out, &timeouts).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), line);
        }
    }
}
