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
