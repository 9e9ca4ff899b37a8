// SPDX-License-Identifier: MIT

//! Plans from command lines.

use ipvs_client::{
    Change, SyncDaemonSettings,
    plan::{Plan, PlanOptions, Wanted},
    testing::FakeKernel,
};

use crate::{args::parse_command, command::Command};

/// The plan that makes of a kernel where these command lines have been carried out what
/// the others say.
pub(crate) fn plan_of(now: &[&str], wanted: &[&str]) -> Plan {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    let (changes, daemon) = read(now);
    assert_eq!(client.apply(&changes).unwrap().len(), 0);
    if let Some(daemon) = daemon {
        client.start_daemon(&daemon).unwrap();
    }
    let (changes, daemon) = read(wanted);
    let mut wanted = Wanted::default();
    if let Some(daemon) = daemon {
        wanted.add_daemon(daemon).unwrap();
    }
    for change in changes {
        wanted.add(&change).unwrap();
    }
    let current = client.read_current(&wanted, |_| true).unwrap();
    Plan::new(&current, &wanted, PlanOptions::default())
}

/// The changes of command lines, and the daemon that one starts.
fn read(lines: &[&str]) -> (Vec<Change>, Option<SyncDaemonSettings>) {
    let (mut changes, mut started) = (Vec::new(), None);
    for line in lines {
        match parse_command(line) {
            Command::Change(change) => changes.push(change),
            Command::StartDaemon(daemon) => started = Some(daemon),
            other => panic!("{other:?}"),
        }
    }
    (changes, started)
}
