// SPDX-License-Identifier: MIT

//! The synchronization daemons as ipvsadm 1.31 lists them.

use std::io::{self, Write};

use ipvs_client::SyncDaemon;

/// Writes the line of a daemon. Kernels before 4.3 tell only its interface and
/// identifier. As in the original, a value of 0 is left out.
pub(crate) fn write_daemon(out: &mut impl Write, daemon: &SyncDaemon) -> io::Result<()> {
    write!(
        out,
        "{} sync daemon (mcast={}, syncid={}",
        daemon.role, daemon.interface, daemon.sync_id
    )?;
    if let Some(maxlen) = daemon.sync_maxlen.filter(|maxlen| *maxlen != 0) {
        write!(out, ", maxlen={maxlen}")?;
    }
    if let Some(group) = daemon.group {
        write!(out, ", group={group}")?;
    }
    if let Some(port) = daemon.port.filter(|port| *port != 0) {
        write!(out, ", port={port}")?;
    }
    if let Some(ttl) = daemon.ttl.filter(|ttl| *ttl != 0) {
        write!(out, ", ttl={ttl}")?;
    }
    writeln!(out, ")")
}

#[cfg(test)]
mod tests {
    use ipvs_client::DaemonRole;

    use super::*;

    fn line(daemon: &SyncDaemon) -> String {
        let mut out = Vec::new();
        write_daemon(&mut out, daemon).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_daemon_is_one_line_with_what_the_kernel_tells() {
        let mut daemon = SyncDaemon::new(DaemonRole::Backup, "eth1", 5);
        daemon.sync_maxlen = Some(1400);
        daemon.group = Some([224, 0, 0, 82].into());
        daemon.port = Some(9000);
        daemon.ttl = Some(3);
        assert_eq!(
            line(&daemon),
            "backup sync daemon (mcast=eth1, syncid=5, maxlen=1400, group=224.0.0.82, \
             port=9000, ttl=3)\n"
        );
        for nothing in [None, Some(0)] {
            daemon.role = DaemonRole::Master;
            daemon.sync_maxlen = nothing;
            daemon.group = None;
            daemon.port = nothing;
            daemon.ttl = nothing.map(|_| 0);
            assert_eq!(line(&daemon), "master sync daemon (mcast=eth1, syncid=5)\n");
        }
    }
}
