// SPDX-License-Identifier: MIT

//! Synchronization daemons, and what is done when their answer stays away.

use std::num::{NonZeroU8, NonZeroU16};

use ipvs_netlink::{DaemonAttribute, IpvsAttribute, IpvsCommand};
use rustix::io::Errno;

use super::{
    fake_kernel::{Answer, Request, acknowledged, client_with, dumped, refused, swallowed},
    values::{daemon, refusal, timed_out},
};
use crate::{DaemonRole, Operation, SyncDaemon, SyncDaemonSettings};

fn master() -> SyncDaemon {
    SyncDaemon {
        role: DaemonRole::Master,
        interface: "dummy0".to_owned(),
        sync_id: 7,
        sync_maxlen: Some(1400),
        group: Some([224, 0, 0, 88].into()),
        port: Some(8850),
        ttl: Some(3),
    }
}

fn backup() -> SyncDaemon {
    SyncDaemon {
        role: DaemonRole::Backup,
        interface: "dummy0".to_owned(),
        sync_id: 9,
        sync_maxlen: Some(1300),
        group: Some("ff05::51".parse().unwrap()),
        port: Some(8851),
        ttl: Some(4),
    }
}

/// The daemon to start that then runs as this one.
fn settings(running: SyncDaemon) -> SyncDaemonSettings {
    SyncDaemonSettings {
        role: running.role,
        interface: running.interface,
        sync_id: running.sync_id.try_into().unwrap(),
        sync_maxlen: running.sync_maxlen.and_then(NonZeroU16::new),
        group: running.group,
        port: running.port.and_then(NonZeroU16::new),
        ttl: running.ttl.and_then(NonZeroU8::new),
    }
}

/// [`master`] in the order in which the kernel sends it.
fn master_reply() -> Vec<IpvsAttribute> {
    vec![IpvsAttribute::Daemon(vec![
        DaemonAttribute::State(1.into()),
        DaemonAttribute::MulticastInterface("dummy0".to_owned()),
        DaemonAttribute::SyncId(7),
        DaemonAttribute::SyncMaxlen(1400),
        DaemonAttribute::MulticastPort(8850),
        DaemonAttribute::MulticastTtl(3),
        DaemonAttribute::MulticastGroup([224, 0, 0, 88].into()),
    ])]
}

/// [`backup`] in the order in which the kernel sends it.
fn backup_reply() -> Vec<IpvsAttribute> {
    vec![IpvsAttribute::Daemon(vec![
        DaemonAttribute::State(2.into()),
        DaemonAttribute::MulticastInterface("dummy0".to_owned()),
        DaemonAttribute::SyncId(9),
        DaemonAttribute::SyncMaxlen(1300),
        DaemonAttribute::MulticastPort(8851),
        DaemonAttribute::MulticastTtl(4),
        DaemonAttribute::MulticastGroup6("ff05::51".parse().unwrap()),
    ])]
}

fn running(daemons: Vec<Vec<IpvsAttribute>>) -> Vec<Answer> {
    dumped(IpvsCommand::NewDaemon, daemons)
}

#[test]
fn a_daemon_without_options_sends_what_the_kernel_must_have() {
    for (role, state) in [(DaemonRole::Master, 1), (DaemonRole::Backup, 2)] {
        let (mut client, kernel) = client_with([acknowledged()]);
        client.start_daemon(&daemon(role, "eth0")).unwrap();
        assert_eq!(
            kernel.requests(),
            [Request::Acknowledged(
                IpvsCommand::NewDaemon,
                vec![IpvsAttribute::Daemon(vec![
                    DaemonAttribute::State(state.into()),
                    DaemonAttribute::MulticastInterface("eth0".to_owned()),
                    DaemonAttribute::SyncId(0),
                ])],
            )]
        );
    }
}

#[test]
fn a_daemon_with_all_options_sends_them() {
    let (mut client, kernel) = client_with([acknowledged(), acknowledged()]);
    client.start_daemon(&settings(master())).unwrap();
    client.start_daemon(&settings(backup())).unwrap();
    assert_eq!(
        kernel.requests(),
        [
            Request::Acknowledged(
                IpvsCommand::NewDaemon,
                vec![IpvsAttribute::Daemon(vec![
                    DaemonAttribute::State(1.into()),
                    DaemonAttribute::MulticastInterface("dummy0".to_owned()),
                    DaemonAttribute::SyncId(7),
                    DaemonAttribute::SyncMaxlen(1400),
                    DaemonAttribute::MulticastGroup([224, 0, 0, 88].into()),
                    DaemonAttribute::MulticastPort(8850),
                    DaemonAttribute::MulticastTtl(3),
                ])],
            ),
            Request::Acknowledged(
                IpvsCommand::NewDaemon,
                vec![IpvsAttribute::Daemon(vec![
                    DaemonAttribute::State(2.into()),
                    DaemonAttribute::MulticastInterface("dummy0".to_owned()),
                    DaemonAttribute::SyncId(9),
                    DaemonAttribute::SyncMaxlen(1300),
                    DaemonAttribute::MulticastGroup6("ff05::51".parse().unwrap()),
                    DaemonAttribute::MulticastPort(8851),
                    DaemonAttribute::MulticastTtl(4),
                ])],
            ),
        ]
    );
}

#[test]
fn a_daemon_is_stopped_by_its_role() {
    for (role, state) in [(DaemonRole::Master, 1), (DaemonRole::Backup, 2)] {
        let (mut client, kernel) = client_with([acknowledged()]);
        client.stop_daemon(role).unwrap();
        assert_eq!(kernel.requests(), [stop(state)]);
    }
}

fn stop(state: u32) -> Request {
    Request::Acknowledged(
        IpvsCommand::DelDaemon,
        vec![IpvsAttribute::Daemon(vec![DaemonAttribute::State(
            state.into(),
        )])],
    )
}

#[test]
fn running_daemons_come_with_all_their_options() {
    let (mut client, _) = client_with([running(vec![master_reply(), backup_reply()])]);
    assert_eq!(client.daemons().unwrap(), [master(), backup()]);
}

#[test]
fn a_daemon_of_an_old_kernel_has_no_options() {
    let (mut client, _) = client_with([running(vec![vec![IpvsAttribute::Daemon(vec![
        DaemonAttribute::State(2.into()),
        DaemonAttribute::MulticastInterface("eth0".to_owned()),
        DaemonAttribute::SyncId(0),
    ])]])]);
    assert_eq!(
        client.daemons().unwrap(),
        [SyncDaemon::new(DaemonRole::Backup, "eth0", 0)]
    );
}

fn asks_what_runs() -> Request {
    Request::Dump(IpvsCommand::GetDaemon, vec![])
}

#[test]
fn a_start_whose_answer_is_swallowed_succeeds_when_the_daemon_runs() {
    let (mut client, kernel) = client_with([swallowed(), running(vec![master_reply()])]);
    client.start_daemon(&settings(master())).unwrap();
    assert_eq!(kernel.requests()[1..], [asks_what_runs()]);
}

#[test]
fn a_start_whose_answer_is_swallowed_times_out_when_only_the_other_daemon_runs() {
    let (mut client, kernel) = client_with([swallowed(), running(vec![backup_reply()])]);
    assert_eq!(
        timed_out(client.start_daemon(&settings(master()))),
        Operation::StartDaemon(DaemonRole::Master)
    );
    assert_eq!(kernel.requests()[1..], [asks_what_runs()]);
}

#[test]
fn a_stop_whose_answer_is_swallowed_succeeds_when_only_the_other_daemon_runs() {
    let (mut client, kernel) = client_with([swallowed(), running(vec![backup_reply()])]);
    client.stop_daemon(DaemonRole::Master).unwrap();
    assert_eq!(kernel.requests(), [stop(1), asks_what_runs()]);
}

#[test]
fn a_stop_whose_answer_is_swallowed_times_out_when_the_daemon_still_runs() {
    let (mut client, kernel) = client_with([swallowed(), running(vec![master_reply()])]);
    assert_eq!(
        timed_out(client.stop_daemon(DaemonRole::Master)),
        Operation::StopDaemon(DaemonRole::Master)
    );
    assert_eq!(kernel.requests(), [stop(1), asks_what_runs()]);
}

#[test]
fn a_refusal_about_a_daemon_is_not_asked_about() {
    let (mut client, kernel) = client_with([refused(Errno::SRCH)]);
    assert_eq!(
        refusal(client.stop_daemon(DaemonRole::Backup)),
        (Operation::StopDaemon(DaemonRole::Backup), Errno::SRCH)
    );
    assert_eq!(kernel.requests(), [stop(2)]);
}

/// The kernel has refused it, then, and the refusal is lost.
#[test]
fn a_start_whose_answer_is_swallowed_times_out_when_the_daemon_runs_otherwise() {
    let (mut client, _) = client_with([swallowed(), running(vec![master_reply()])]);
    let wanted = settings(master()).sync_id(8);
    assert_eq!(
        timed_out(client.start_daemon(&wanted)),
        Operation::StartDaemon(DaemonRole::Master)
    );
}

#[test]
fn when_it_is_not_told_either_what_runs_the_error_is_that_of_the_daemon() {
    let (mut client, _) = client_with([swallowed(), refused(Errno::NOMEM)]);
    assert_eq!(
        timed_out(client.stop_daemon(DaemonRole::Master)),
        Operation::StopDaemon(DaemonRole::Master)
    );
}
