// SPDX-License-Identifier: MIT

//! The client crate against a real kernel.

use ipvs_client::{
    AddressFamily, Client, Connections, DestinationId, DestinationSettings, Errno, Operation,
    Protocol, ServiceId, ServiceSettings, Timeouts, Version,
};

use crate::namespace;

fn web(last: u8, port: u16) -> ServiceId {
    ServiceId::Address {
        protocol: Protocol::Tcp,
        address: [10, 0, 0, last].into(),
        port,
    }
}

fn settings(scheduler: &str) -> ServiceSettings {
    ServiceSettings::new(scheduler)
}

/// Runs a closure with a client of a fresh namespace.
fn with_client<T: Send>(work: impl FnOnce(&mut Client) -> T + Send) -> T {
    namespace("director")
        .run(|| work(&mut Client::open().unwrap()))
        .unwrap()
}

#[test]
fn the_kernel_tells_its_version_and_the_size_of_its_connection_table() {
    let info = with_client(|client| client.info().unwrap());
    assert_eq!(info.version, Version(0x0001_0201));
    assert!(info.connection_table_size.is_power_of_two(), "{info:?}");
}

#[test]
fn a_service_reads_back_as_it_was_written() {
    with_client(|client| {
        client.add_service(&web(1, 80), &settings("rr")).unwrap();
        let service = client.service(&web(1, 80)).unwrap();
        assert_eq!((service.id, service.settings), (web(1, 80), settings("rr")));
        client.edit_service(&web(1, 80), &settings("none")).unwrap();
        let service = client.service(&web(1, 80)).unwrap();
        assert_eq!(service.settings, settings("none"));
    });
}

#[test]
fn a_table_of_several_datagrams_is_read_whole() {
    with_client(|client| {
        for port in 1..=500 {
            client.add_service(&web(1, port), &settings("rr")).unwrap();
        }
        let services = client.services().unwrap();
        let mut ports: Vec<u16> = services
            .iter()
            .map(|service| match service.id {
                ServiceId::Address { port, .. } => port,
                ServiceId::Fwmark { .. } => 0,
            })
            .collect();
        ports.sort_unstable();
        assert!(ports.into_iter().eq(1..=500));
        client.flush().unwrap();
        assert_eq!(client.services().unwrap(), []);
    });
}

#[test]
fn a_refusal_keeps_the_operation_its_object_and_the_errno() {
    with_client(|client| {
        let error = client.delete_service(&web(1, 80)).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::SRCH));
        assert!(
            error
                .to_string()
                .starts_with("cannot delete TCP 10.0.0.1:80: "),
            "{error}"
        );

        let server = DestinationId {
            address: [224, 0, 0, 1].into(),
            port: 80,
        };
        client.add_service(&web(1, 80), &settings("rr")).unwrap();
        let error = client
            .add_destination(&web(1, 80), &server, &DestinationSettings::masquerading())
            .unwrap_err();
        assert!(
            matches!(
                error,
                ipvs_client::Error::Kernel {
                    operation: Operation::AddDestination(service, destination),
                    errno: Errno::INVAL,
                } if service == web(1, 80) && destination == server
            ),
            "{error}"
        );
    });
}

#[test]
fn the_client_goes_on_after_a_refusal() {
    with_client(|client| {
        for _ in 0..3 {
            client.delete_service(&web(1, 80)).unwrap_err();
            client.add_service(&web(1, 80), &settings("rr")).unwrap();
            client.delete_service(&web(1, 80)).unwrap();
        }
    });
}

#[test]
fn the_same_mark_names_a_service_of_each_family() {
    with_client(|client| {
        for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
            let id = ServiceId::Fwmark {
                mark: 7.try_into().unwrap(),
                family,
            };
            client.add_service(&id, &settings("rr")).unwrap();
            assert_eq!(client.service(&id).unwrap().id, id);
        }
        assert_eq!(client.services().unwrap().len(), 2);
    });
}

#[test]
fn destinations_of_a_service_that_is_not_there_are_none() {
    with_client(|client| assert_eq!(client.destinations(&web(1, 80)).unwrap(), []));
}

#[test]
fn timeouts_read_back_as_they_were_set() {
    let timeouts = Timeouts::default().tcp(7200).tcp_fin(60).udp(30);
    with_client(|client| {
        client.set_timeouts(&timeouts).unwrap();
        assert_eq!(client.timeouts().unwrap(), timeouts);
    });
}

#[test]
fn a_thread_reads_the_connections_of_its_own_namespace() {
    namespace("director")
        .run(|| {
            Client::open().unwrap();
            let mut connections = Connections::open().unwrap();
            assert_eq!(connections.next_connection().unwrap(), None);
        })
        .unwrap();
}
