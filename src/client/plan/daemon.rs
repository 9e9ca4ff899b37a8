// SPDX-License-Identifier: MIT

//! The synchronization daemons that are started, or started anew.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::{NonZeroU8, NonZeroU16},
};

use super::Step;
use crate::{DaemonRole, SyncDaemon, SyncDaemonSettings};

/// What the kernel takes where it is told nothing (`IP_VS_SYNC_GROUP`,
/// `IP_VS_SYNC_PORT` and the time to live in its `ip_vs_sync.c`).
const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 81));
const PORT: u16 = 8848;
const TTL: u8 = 1;
/// The kernel raises the largest message of a backup to this.
const BACKUP_MAXLEN: u16 = 1024;

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
fn is_so(running: &SyncDaemon, wanted: &SyncDaemonSettings) -> bool {
    let maxlen = wanted.sync_maxlen.map(|bytes| match wanted.role {
        DaemonRole::Master => bytes.get(),
        DaemonRole::Backup => bytes.get().max(BACKUP_MAXLEN),
    });
    running.interface == wanted.interface
        && running.sync_id == u32::from(wanted.sync_id)
        && is_told_or_so(running.group, wanted.group.unwrap_or(GROUP))
        && is_told_or_so(running.port, wanted.port.map_or(PORT, |port| port.get()))
        && is_told_or_so(running.ttl, wanted.ttl.map_or(TTL, |ttl| ttl.get()))
        // The default depends on the interface.
        && maxlen.is_none_or(|maxlen| is_told_or_so(running.sync_maxlen, maxlen))
}

fn is_told_or_so<T: PartialEq>(running: Option<T>, wanted: T) -> bool {
    running.is_none_or(|running| running == wanted)
}

impl From<&SyncDaemon> for SyncDaemonSettings {
    /// What starts a daemon again that has run so.
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
