// SPDX-License-Identifier: MIT

//! The kernel in memory, as a test of another program uses it, over both interfaces that
//! it has. `tests/kernel` of the workspace holds it against Linux.

use rustix::io::Errno;

use super::values::{daemon, server, web};
use crate::{
    Client, DaemonRole, DestinationId, DestinationSettings, Error, Interface, Operation, ServiceId,
    ServiceSettings, testing::FakeKernel,
};

const INTERFACES: [Interface; 2] = [Interface::Netlink, Interface::SocketOptions];

fn balanced(interface: Interface) -> (FakeKernel, Client) {
    let kernel = FakeKernel::new();
    let mut client = kernel.client_over(interface).unwrap();
    client
        .add_service(&web(), &ServiceSettings::new("wrr").persistent(60))
        .unwrap();
    client
        .add_destination(&web(), &server(), &DestinationSettings::masquerading())
        .unwrap();
    (kernel, client)
}

#[test]
fn every_client_of_a_kernel_sees_the_same_table() {
    for interface in INTERFACES {
        let (kernel, mut client) = balanced(interface);
        let mut other = kernel.client().unwrap();
        assert_eq!(other.services().unwrap(), client.services().unwrap());
        other.flush().unwrap();
        assert_eq!(client.services().unwrap(), []);
    }
}

#[test]
fn connections_are_those_that_were_set_and_survive_an_edit() {
    for interface in INTERFACES {
        let (kernel, mut client) = balanced(interface);
        assert!(kernel.set_connections(&web(), &server(), 3, 4));
        client
            .edit_destination(
                &web(),
                &server(),
                &DestinationSettings::masquerading().weight(0),
            )
            .unwrap();
        let destination = client.destinations(&web()).unwrap().remove(0);
        assert_eq!(
            (
                destination.active_connections,
                destination.inactive_connections
            ),
            (3, 4)
        );
        let nowhere = DestinationId::new([10, 0, 0, 9], 80);
        assert!(!kernel.set_connections(&web(), &nowhere, 1, 1));
    }
}

#[test]
fn the_next_requests_fail_as_told_and_those_after_do_not() {
    let (kernel, mut client) = balanced(Interface::Netlink);
    kernel.refuse_next(Errno::NOMEM);
    kernel.leave_next_unanswered();
    assert_eq!(client.services().unwrap_err().errno(), Some(Errno::NOMEM));
    let outcome = client.delete_service(&web());
    assert!(matches!(
        outcome,
        Err(Error::Timeout {
            operation: Operation::DeleteService(id)
        }) if id == web()
    ));
    // It was done all the same.
    assert_eq!(client.services().unwrap(), []);
}

#[test]
fn a_large_table_comes_in_pieces_and_is_whole() {
    for interface in INTERFACES {
        let kernel = FakeKernel::new();
        let mut client = kernel.client_over(interface).unwrap();
        let services: Vec<ServiceId> = (1..=500)
            .map(|port| ServiceId::tcp(([10, 0, 0, 1], port)))
            .collect();
        for id in &services {
            client.add_service(id, &ServiceSettings::default()).unwrap();
        }
        let read: Vec<ServiceId> = client
            .agreed_services()
            .unwrap()
            .into_iter()
            .map(|service| service.id)
            .collect();
        assert_eq!(read, services);
    }
}

#[test]
fn a_daemon_starts_once_and_runs_until_it_is_stopped() {
    let mut client = FakeKernel::new().client().unwrap();
    let backup = daemon(DaemonRole::Backup, "eth0").sync_id(9);
    client.start_daemon(&backup).unwrap();
    let error = client.start_daemon(&backup).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EXIST));
    let running = client.daemons().unwrap().remove(0);
    assert_eq!(
        (running.role, running.sync_id, running.port),
        (DaemonRole::Backup, 9, Some(8848))
    );
    client.stop_daemon(DaemonRole::Backup).unwrap();
    assert_eq!(client.daemons().unwrap(), []);
}

#[test]
fn files_are_there_when_they_were_set_and_a_namespace_is_not() {
    let kernel = FakeKernel::new();
    let client = kernel.client().unwrap();
    assert!(client.connections().is_err());
    kernel.set_file(
        "ip_vs_conn",
        "headings\nTCP 0A000009 D431 0A000001 0050 0A000002 1F90 ESTABLISHED 899\n",
    );
    let mut connections = client.connections().unwrap();
    let connection = connections.next_connection().unwrap().unwrap();
    assert_eq!(connection.destination, "10.0.0.2:8080".parse().unwrap());
    assert_eq!(connections.next_connection().unwrap(), None);
    assert!(matches!(
        client.namespace(),
        Err(Error::Io {
            operation: Operation::ReadNamespace,
            ..
        })
    ));
}
