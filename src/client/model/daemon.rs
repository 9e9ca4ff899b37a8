// SPDX-License-Identifier: MIT

//! Connection synchronization daemons.

use std::{fmt, net::IpAddr};

/// The two daemons that share connections between directors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DaemonRole {
    /// Sends this director's connections.
    Master,
    /// Takes over another director's connections.
    Backup,
}

impl fmt::Display for DaemonRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Master => "master",
            Self::Backup => "backup",
        })
    }
}

/// A connection synchronization daemon: what to start, or what runs.
///
/// In a request, what is `None` is left to the kernel. In a reply, `None`
/// comes from kernels before 4.3, which know none of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncDaemon {
    /// Which of the two.
    pub role: DaemonRole,
    /// The network interface; 15 bytes at most.
    pub interface: String,
    /// The group of directors, 0 to 255. A backup with 0 hears all groups.
    pub sync_id: u32,
    /// The largest message, in bytes. The kernel's default fits the
    /// interface.
    pub sync_maxlen: Option<u16>,
    /// The multicast group; 224.0.0.81 by default.
    pub group: Option<IpAddr>,
    /// The UDP port; 8848 by default.
    pub port: Option<u16>,
    /// The time to live of the messages; 1 by default.
    pub ttl: Option<u8>,
}
