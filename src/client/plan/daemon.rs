// SPDX-License-Identifier: MIT

//! The synchronization daemons that are started, or started anew.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::{NonZeroU8, NonZeroU16},
};

use super::Step;
use crate::{DaemonRole, SyncDaemon, SyncDaemonSettings};

/// The kernel's defaults (`IP_VS_SYNC_GROUP`,
/// `IP_VS_SYNC_PORT` and the time to live in its `ip_vs_sync.c`).
const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 81));
const PORT: u16 = 8848;
const TTL: u8 = 1;
/// The kernel raises the largest message of a backup to this.
const BACKUP_MAXLEN: u16 = 1024;
/// It lowers that of both roles to what a packet has room for behind the headers of
/// IP and UDP.
const IPV6_MAXLEN: u16 = u16::MAX - 40 - 8;
const IPV4_MAXLEN: u16 = u16::MAX - 20 - 8;

/// Returns what makes the daemons that run those that should run. One that runs
/// otherwise than it should is stopped and started.
pub(super) fn plan_daemons(running: &[SyncDaemon], wanted: &[SyncDaemonSettings]) -> Vec<Step> {
    let mut steps = Vec::new();
    for wanted in wanted {
        let running = running.iter().find(|daemon| daemon.role == wanted.role);
        match running {
            Some(running) if is_so(running, wanted) => continue,
            Some(running) => steps.push(Step::StopDaemon(running.clone())),
            None => {}
        }
        steps.push(Step::StartDaemon(wanted.clone()));
    }
    steps
}

/// Returns whether a daemon runs as it should. What a kernel before 4.3 does not
/// tell is taken to be so.
pub(crate) fn is_so(running: &SyncDaemon, wanted: &SyncDaemonSettings) -> bool {
    let group = wanted.group.unwrap_or(GROUP);
    let least = match wanted.role {
        DaemonRole::Master => 1,
        DaemonRole::Backup => BACKUP_MAXLEN,
    };
    let most = match group {
        IpAddr::V4(_) => IPV4_MAXLEN,
        IpAddr::V6(_) => IPV6_MAXLEN,
    };
    let maxlen = wanted.sync_maxlen;
    let maxlen = maxlen.map(|bytes| bytes.get().clamp(least, most));
    running.interface == wanted.interface
        && running.sync_id == u32::from(wanted.sync_id)
        && is_told_or_so(running.group, group)
        && is_told_or_so(running.port, wanted.port.map_or(PORT, |port| port.get()))
        && is_told_or_so(running.ttl, wanted.ttl.map_or(TTL, |ttl| ttl.get()))
        // The default depends on the interface.
        && maxlen.is_none_or(|maxlen| is_told_or_so(running.sync_maxlen, maxlen))
}

fn is_told_or_so<T: PartialEq>(running: Option<T>, wanted: T) -> bool {
    running.is_none_or(|running| running == wanted)
}

impl From<&SyncDaemon> for SyncDaemonSettings {
    /// Makes the settings that start a daemon again which has run so.
    fn from(running: &SyncDaemon) -> Self {
        let mut settings = Self::new(running.role, running.interface.clone());
        // A message of the daemon has room for these bits of it.
        settings.sync_id = (running.sync_id & 0xff) as u8;
        settings.sync_maxlen = running.sync_maxlen.and_then(NonZeroU16::new);
        settings.group = running.group;
        settings.port = running.port.and_then(NonZeroU16::new);
        settings.ttl = running.ttl.and_then(NonZeroU8::new);
        settings
    }
}
