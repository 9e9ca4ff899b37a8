// SPDX-License-Identifier: MIT

use std::io::{self, Write};

use ipvs_client::Timeouts;

/// The timeouts of connections, in seconds.
pub(crate) fn write_timeouts(out: &mut impl Write, timeouts: &Timeouts) -> io::Result<()> {
    writeln!(
        out,
        "Timeout (tcp tcpfin udp): {} {} {}",
        timeouts.tcp, timeouts.tcp_fin, timeouts.udp
    )
}
