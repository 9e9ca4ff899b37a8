// SPDX-License-Identifier: MIT

//! A plan from command lines, for the tests of what is written of one.

use ipvs_client::{
    Change, SyncDaemonSettings,
    plan::{Plan, PlanOptions, Wanted},
    testing::FakeKernel,
};

use crate::{args::parse_command, command::Command};

/// A plan with each kind of step.
pub(crate) fn plan_of_every_step() -> Plan {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    let (changes, daemon) = read(&[
        "--set 900 120 300",
        "--start-daemon master --mcast-interface eth0 --syncid 1",
        "-A -t 10.0.0.1:80 -s rr",
        "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m",
        "-a -t 10.0.0.1:80 -r 10.0.0.3:80 -m",
        "-A -f 7 -s rr",
        "-a -f 7 -r 10.0.0.4:0",
    ]);
    assert_eq!(client.apply(&changes).unwrap().len(), 0);
    client.start_daemon(&daemon).unwrap();
    let (changes, daemon) = read(&[
        "--set 1 2 3",
        "--start-daemon master --mcast-interface eth1 --syncid 2",
        "-A -u 10.0.0.1:53 -s wrr",
        "-A -t 10.0.0.1:80 -s wlc",
        "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 5",
        "-a -t 10.0.0.1:80 -r 10.0.0.5:80 -m",
    ]);
    let mut wanted = Wanted::default();
    wanted.add_daemon(daemon).unwrap();
    for change in changes {
        wanted.add(&change).unwrap();
    }
    let current = client.read_current(&wanted, |_| true).unwrap();
    Plan::new(&current, &wanted, PlanOptions::default())
}

/// The changes of command lines, and the daemon that one starts.
fn read(lines: &[&str]) -> (Vec<Change>, SyncDaemonSettings) {
    let (mut changes, mut started) = (Vec::new(), None);
    for line in lines {
        match parse_command(line) {
            Command::Change(change) => changes.push(change),
            Command::StartDaemon(daemon) => started = Some(daemon),
            other => panic!("{other:?}"),
        }
    }
    (changes, started.unwrap())
}
