// SPDX-License-Identifier: MIT

//! Connection synchronization daemons.

use std::{
    fmt,
    net::IpAddr,
    num::{NonZeroU8, NonZeroU16},
};

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

/// A connection synchronization daemon to start. What is `None` is left to the
/// kernel.
///
/// ```
/// use ipvs_client::{DaemonRole, SyncDaemonSettings};
///
/// let daemon = SyncDaemonSettings::new(DaemonRole::Master, "eth0").sync_id(7);
/// assert_eq!((daemon.sync_id, daemon.group), (7, None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SyncDaemonSettings {
    /// Master or backup.
    pub role: DaemonRole,
    /// The network interface; 15 bytes at most.
    pub interface: String,
    /// The group of directors. A backup with 0 hears all groups.
    pub sync_id: u8,
    /// The largest message, in bytes. The kernel's default fits the
    /// interface.
    pub sync_maxlen: Option<NonZeroU16>,
    /// The multicast group; 224.0.0.81 by default.
    pub group: Option<IpAddr>,
    /// The UDP port; 8848 by default.
    pub port: Option<NonZeroU16>,
    /// The time to live of the messages; 1 by default.
    pub ttl: Option<NonZeroU8>,
}

impl SyncDaemonSettings {
    /// A daemon of the group 0 that leaves to the kernel what can be left.
    #[must_use]
    pub fn new(role: DaemonRole, interface: impl Into<String>) -> Self {
        Self {
            role,
            interface: interface.into(),
            sync_id: 0,
            sync_maxlen: None,
            group: None,
            port: None,
            ttl: None,
        }
    }

    /// Puts it into another group of directors.
    #[must_use]
    pub fn sync_id(mut self, sync_id: u8) -> Self {
        self.sync_id = sync_id;
        self
    }

    /// Limits the length of a message, in bytes.
    #[must_use]
    pub fn sync_maxlen(mut self, bytes: NonZeroU16) -> Self {
        self.sync_maxlen = Some(bytes);
        self
    }

    /// Sends to another multicast group, or hears it.
    #[must_use]
    pub fn group(mut self, group: impl Into<IpAddr>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Uses another UDP port.
    #[must_use]
    pub fn port(mut self, port: NonZeroU16) -> Self {
        self.port = Some(port);
        self
    }

    /// Gives the messages another time to live.
    #[must_use]
    pub fn ttl(mut self, ttl: NonZeroU8) -> Self {
        self.ttl = Some(ttl);
        self
    }
}

/// A connection synchronization daemon that runs, with what the kernel says of
/// it: other programs may have started it with numbers that
/// [`SyncDaemonSettings`] has no room for.
///
/// Kernels before 4.3 do not know what is `None`.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncDaemon {
    /// Master or backup.
    pub role: DaemonRole,
    /// The network interface.
    pub interface: String,
    /// The group of directors.
    pub sync_id: u32,
    /// The largest message, in bytes.
    pub sync_maxlen: Option<u16>,
    /// The multicast group.
    pub group: Option<IpAddr>,
    /// The UDP port.
    pub port: Option<u16>,
    /// The time to live of the messages.
    pub ttl: Option<u8>,
}

impl SyncDaemon {
    /// A daemon as kernels before 4.3 tell it, for tests of programs that are
    /// told.
    #[must_use]
    pub fn new(role: DaemonRole, interface: impl Into<String>, sync_id: u32) -> Self {
        Self {
            role,
            interface: interface.into(),
            sync_id,
            sync_maxlen: None,
            group: None,
            port: None,
            ttl: None,
        }
    }
}
