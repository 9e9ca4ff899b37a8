// SPDX-License-Identifier: MIT

//! Names that nothing in the kernel can have. Netlink would cut such a name,
//! and the kernel would take the rest for another.

use rustix::io::Errno;

use super::{
    fake_kernel::{Request, acknowledged, client_with},
    values::{daemon, plain, refusal, web},
};
use crate::{DaemonRole, Operation, ServiceSettings};

fn scheduled_by(scheduler: &str) -> ServiceSettings {
    ServiceSettings {
        scheduler: scheduler.to_owned(),
        ..plain()
    }
}

fn told_apart_by(engine: &str) -> ServiceSettings {
    ServiceSettings {
        persistence_engine: Some(engine.to_owned()),
        ..plain()
    }
}

#[test]
fn a_scheduler_or_engine_that_cannot_be_does_not_exist_and_is_not_asked_for() {
    let (mut client, kernel) = client_with([]);
    for settings in [
        scheduled_by("sixteen-bytes-16"),
        scheduled_by("rr\0wrr"),
        scheduled_by("\0"),
        scheduled_by(&"r".repeat(100_000)),
        // Letters of two bytes: bytes count.
        scheduled_by("ääääääää"),
        told_apart_by("seventeen-bytes17"),
        told_apart_by("sip\0"),
        told_apart_by(&"s".repeat(100_000)),
    ] {
        assert_eq!(
            refusal(client.add_service(&web(), &settings)),
            (Operation::AddService(web()), Errno::NOENT)
        );
        assert_eq!(
            refusal(client.edit_service(&web(), &settings)),
            (Operation::EditService(web()), Errno::NOENT)
        );
    }
    assert_eq!(kernel.requests(), []);
}

#[test]
fn an_interface_that_cannot_be_does_not_exist_and_is_not_asked_for() {
    let (mut client, kernel) = client_with([]);
    for interface in ["sixteen-bytes-16", "eth0\0", &"e".repeat(100_000)] {
        assert_eq!(
            refusal(client.start_daemon(&daemon(DaemonRole::Backup, interface))),
            (Operation::StartDaemon(DaemonRole::Backup), Errno::NODEV)
        );
    }
    assert_eq!(kernel.requests(), []);
}

#[test]
fn the_longest_names_reach_the_kernel_whole() {
    let (mut client, kernel) = client_with([acknowledged(), acknowledged(), acknowledged()]);
    client
        .add_service(&web(), &scheduled_by("fifteen-bytes15"))
        .unwrap();
    client
        .edit_service(&web(), &told_apart_by("sixteen-bytes-16"))
        .unwrap();
    client
        .start_daemon(&daemon(DaemonRole::Backup, "fifteen-bytes15"))
        .unwrap();
    let sent: Vec<String> = kernel
        .requests()
        .into_iter()
        .map(|request| match request {
            Request::Acknowledged(_, attributes) => format!("{attributes:?}"),
            other => panic!("not a change: {other:?}"),
        })
        .collect();
    assert!(sent[0].contains(r#"SchedulerName("fifteen-bytes15")"#));
    assert!(sent[1].contains(r#"PersistenceEngineName("sixteen-bytes-16")"#));
    assert!(sent[2].contains(r#"MulticastInterface("fifteen-bytes15")"#));
}
