// SPDX-License-Identifier: MIT

//! Names that nothing in the kernel can have. Netlink would cut such a name,
//! and the kernel would take the rest for another.

use super::{
    fake_kernel::{Request, acknowledged, client_with},
    values::{daemon, plain, web},
};
use crate::{DaemonRole, Error, NameKind, Operation, Result, ServiceSettings};

/// The operation, and the kind of thing that should have had an impossible name.
fn impossible_name(outcome: Result<()>) -> (Operation, NameKind) {
    match outcome.err() {
        Some(Error::ImpossibleName { operation, kind }) => (operation, kind),
        other => panic!("not about a name: {other:?}"),
    }
}

fn scheduled_by(scheduler: &str) -> ServiceSettings {
    ServiceSettings {
        scheduler: scheduler.to_owned(),
        ..plain()
    }
}

fn told_apart_by(engine: &str) -> ServiceSettings {
    ServiceSettings {
        persistence_engine: Some(engine.into()),
        ..plain()
    }
}

#[test]
fn a_scheduler_or_engine_that_cannot_be_is_an_error_and_not_asked_for() {
    let (mut client, kernel) = client_with([]);
    let schedulers = [
        "sixteen-bytes-16",
        "rr\0wrr",
        "\0",
        &"r".repeat(100_000),
        // Letters of two bytes: bytes count.
        "ääääääää",
    ]
    .map(|name| (scheduled_by(name), NameKind::Scheduler));
    let engines = ["seventeen-bytes17", "sip\0", &"s".repeat(100_000)]
        .map(|name| (told_apart_by(name), NameKind::PersistenceEngine));
    for (settings, kind) in schedulers.into_iter().chain(engines) {
        assert_eq!(
            impossible_name(client.add_service(&web(), &settings)),
            (Operation::AddService(web()), kind)
        );
        assert_eq!(
            impossible_name(client.edit_service(&web(), &settings)),
            (Operation::EditService(web()), kind)
        );
    }
    assert_eq!(kernel.requests(), []);
}

#[test]
fn an_interface_that_cannot_be_is_an_error_and_not_asked_for() {
    let (mut client, kernel) = client_with([]);
    for interface in ["sixteen-bytes-16", "eth0\0", &"e".repeat(100_000)] {
        assert_eq!(
            impossible_name(client.start_daemon(&daemon(DaemonRole::Backup, interface))),
            (
                Operation::StartDaemon(DaemonRole::Backup),
                NameKind::Interface
            )
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
