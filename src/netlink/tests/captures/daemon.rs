// SPDX-License-Identifier: MIT

//! Synchronization daemons.

use ipvs_netlink::{DaemonAttribute, DaemonState, IpvsAttribute, IpvsCommand};

use crate::{check_reply, check_request};

fn master() -> Vec<IpvsAttribute> {
    vec![IpvsAttribute::Daemon(vec![
        DaemonAttribute::State(DaemonState::Master),
        DaemonAttribute::MulticastInterface("dummy0".to_owned()),
        DaemonAttribute::SyncId(7),
        DaemonAttribute::SyncMaxlen(1400),
        DaemonAttribute::MulticastPort(8850),
        DaemonAttribute::MulticastTtl(3),
        DaemonAttribute::MulticastGroup([224, 0, 0, 88].into()),
    ])]
}

fn backup() -> Vec<IpvsAttribute> {
    vec![IpvsAttribute::Daemon(vec![
        DaemonAttribute::State(DaemonState::Backup),
        DaemonAttribute::MulticastInterface("dummy0".to_owned()),
        DaemonAttribute::SyncId(9),
        DaemonAttribute::SyncMaxlen(1300),
        DaemonAttribute::MulticastPort(8851),
        DaemonAttribute::MulticastTtl(4),
        DaemonAttribute::MulticastGroup6("ff05::51".parse().unwrap()),
    ])]
}

#[test]
fn new_daemon_request_for_both_states() {
    check_request(
        include_str!("bytes/new_daemon_master_request.hex"),
        IpvsCommand::NewDaemon,
        master(),
    );
    check_request(
        include_str!("bytes/new_daemon_backup_ipv6_request.hex"),
        IpvsCommand::NewDaemon,
        backup(),
    );
}

#[test]
fn daemon_reply_for_both_states() {
    check_reply(
        include_str!("bytes/new_daemon_master_reply.hex"),
        IpvsCommand::NewDaemon,
        master(),
    );
    check_reply(
        include_str!("bytes/new_daemon_backup_ipv6_reply.hex"),
        IpvsCommand::NewDaemon,
        backup(),
    );
}

#[test]
fn del_daemon_request() {
    check_request(
        include_str!("bytes/del_daemon_request.hex"),
        IpvsCommand::DelDaemon,
        vec![IpvsAttribute::Daemon(vec![
            DaemonAttribute::State(DaemonState::Master),
            DaemonAttribute::MulticastInterface(String::new()),
            DaemonAttribute::SyncId(0),
        ])],
    );
}

#[test]
fn get_daemon_request() {
    check_request(
        include_str!("bytes/get_daemon_request.hex"),
        IpvsCommand::GetDaemon,
        vec![],
    );
}
