// SPDX-License-Identifier: MIT

//! The client crate against a real kernel.

use std::{
    fs::File,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    num::NonZeroU32,
    thread,
};

use ipvs_client::{
    AddressFamily, Change, Client, ConnectionService, DaemonRole, DestinationId,
    DestinationSettings, Errno, ForwardingMethod, Netmask, NetworkNamespace, Operation,
    Persistence, Protocol, ServiceId, ServiceSettings, Stats, Timeouts, Tunnel, Version,
    testing::FakeKernel,
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

/// One connection to the service, which a server of the namespace itself takes.
fn connect(address: SocketAddr) -> TcpStream {
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, address.port())).unwrap();
    let stream = TcpStream::connect(address).unwrap();
    server.accept().unwrap();
    stream
}

#[test]
fn connections_and_totals_are_those_of_the_namespace_of_the_client_whatever_thread_asks() {
    let (director, other) = (namespace("director"), namespace("other"));
    director.ip("addr add 10.0.0.1/32 dev lo").unwrap();
    let service = SocketAddr::from(([10, 0, 0, 1], 80));
    let (client, _stream) = director
        .run(|| {
            let mut client = Client::open().unwrap();
            let web = ServiceId::tcp(service);
            client.add_service(&web, &settings("rr")).unwrap();
            let server = DestinationId::new(Ipv4Addr::LOCALHOST, 80);
            let method = DestinationSettings::masquerading();
            client.add_destination(&web, &server, &method).unwrap();
            (client, connect(service))
        })
        .unwrap();
    let services = || {
        let mut connections = client.connections().unwrap();
        let mut services = Vec::new();
        while let Some(connection) = connections.next_connection().unwrap() {
            services.push(connection.service);
        }
        services
    };
    let seen = [ConnectionService::Address(service)];
    assert_eq!(director.run(services).unwrap(), seen);
    // This thread is in neither namespace.
    assert_eq!(services(), seen);
    assert_eq!(other.run(services).unwrap(), seen);
    let director_counts = client.total_stats().unwrap();
    assert_eq!(
        director.run(|| client.total_stats().unwrap()).unwrap(),
        director_counts
    );

    let elsewhere = Client::open_in(&other).unwrap();
    let mut connections = elsewhere.connections().unwrap();
    assert_eq!(connections.next_connection().unwrap(), None);
    assert_eq!(elsewhere.total_stats().unwrap(), Stats::default());
}

#[test]
fn a_client_of_another_namespace_changes_the_table_there_and_the_thread_stays() {
    let (here, there) = (NetworkNamespace::current().unwrap(), namespace("director"));
    let mut client = Client::open_in(&there).unwrap();
    assert_eq!(NetworkNamespace::current().unwrap(), here);
    assert_eq!(
        client.namespace().unwrap(),
        NetworkNamespace::of(&there).unwrap()
    );
    assert_ne!(client.namespace().unwrap(), here);
    client.add_service(&web(1, 80), &settings("rr")).unwrap();
    let inside = there.run(|| {
        let mut client = Client::open().unwrap();
        (client.namespace().unwrap(), client.services().unwrap())
    });
    let (namespace, services) = inside.unwrap();
    assert_eq!(namespace, client.namespace().unwrap());
    assert_eq!(services, client.services().unwrap());
    assert_eq!(services.len(), 1);
}

#[test]
fn a_file_that_is_no_network_namespace_cannot_be_opened_as_one() {
    for path in ["/dev/null", "/proc/self/ns/mnt"] {
        let error = Client::open_in(File::open(path).unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot reach IPVS: Invalid argument (os error 22)",
            "{path}"
        );
    }
}

/// Sets a threshold or the weight, and gets it.
type Field = (
    fn(DestinationSettings, u32) -> DestinationSettings,
    fn(&DestinationSettings) -> u32,
);

#[test]
fn those_who_update_one_server_at_the_same_time_lose_nothing_of_each_other() {
    const ROUNDS: u32 = 400;
    with_client(|client| {
        let server = DestinationId::new([10, 0, 0, 2], 80);
        let others: Vec<DestinationId> = (3..=250)
            .map(|host| DestinationId::new([10, 0, 0, host], 80))
            .collect();
        client.add_service(&web(1, 80), &settings("rr")).unwrap();
        let method = DestinationSettings::masquerading().upper_threshold(ROUNDS);
        client
            .add_destination(&web(1, 80), &server, &method)
            .unwrap();
        // Few servers come in one piece, many in several.
        for crowd in [&[][..], &others] {
            for id in crowd {
                client.add_destination(&web(1, 80), id, &method).unwrap();
            }
            let fields: [Field; 2] = [
                (|now, value| now.weight(value), |now| now.weight),
                (
                    |now, value| now.lower_threshold(value),
                    |now| now.lower_threshold,
                ),
            ];
            thread::scope(|scope| {
                for (set, get) in fields {
                    scope.spawn(move || {
                        let mut client = Client::open().unwrap();
                        let mut last = None;
                        for value in 1..=ROUNDS {
                            let update = |now: &DestinationSettings| set(*now, value);
                            let before = client
                                .update_destination(&web(1, 80), &server, update)
                                .unwrap();
                            // Nobody else sets this field.
                            assert_eq!(get(&before), last.unwrap_or(get(&before)));
                            last = Some(value);
                        }
                    });
                }
            });
            let destinations = client.destinations(&web(1, 80)).unwrap();
            let now = destinations
                .iter()
                .find(|known| known.id == server)
                .unwrap();
            let last = method.weight(ROUNDS).lower_threshold(ROUNDS);
            assert_eq!(now.settings, last);
        }
    });
}

#[test]
fn who_holds_the_lock_of_the_namespace_for_ever_does_not_stop_updates() {
    let director = namespace("director");
    let lock = director.run(|| File::open("/proc/thread-self/ns/net").unwrap());
    let lock = lock.unwrap();
    lock.lock().unwrap();
    let mut client = Client::open_in(&lock).unwrap();
    client.add_service(&web(1, 80), &settings("rr")).unwrap();
    client
        .update_service(&web(1, 80), |now| now.clone().persistent(60))
        .unwrap();
    let service = client.service(&web(1, 80)).unwrap();
    assert_eq!(service.settings, settings("rr").persistent(60));
    drop(lock);
}

/// Names of every kind of service.
fn services() -> Vec<ServiceId> {
    let mark = NonZeroU32::new(7).unwrap();
    vec![
        web(1, 80),
        web(2, 0),
        "UDP [2001:db8::1]:53".parse().unwrap(),
        ServiceId::fwmark(mark, AddressFamily::Ipv4),
        ServiceId::fwmark(mark, AddressFamily::Ipv6),
    ]
}

/// Changes of every kind, many of which the kernel refuses.
fn changes() -> Vec<Change> {
    let persistent = |netmask| {
        settings("wlc").persistence(Persistence::new(60).with_netmask(Netmask::Ipv6(netmask)))
    };
    let mut changes = vec![Change::SetTimeouts(Timeouts::default().tcp(7).udp(9))];
    for id in services() {
        changes.extend([
            Change::DeleteService(id),
            Change::EditService(id, settings("rr")),
            Change::AddService(id, settings("nosuch")),
            Change::AddService(id, settings("")),
            Change::AddService(id, settings("rr").persistence_engine("nosuch")),
        ]);
        if id.family() == AddressFamily::Ipv6 {
            changes.extend([0, 129].map(|bits| Change::AddService(id, persistent(bits))));
            changes.push(Change::AddService(id, persistent(64)));
        }
        changes.extend([
            Change::AddService(id, settings("rr").one_packet()),
            Change::AddService(id, settings("wrr")),
            Change::EditService(id, settings("nosuch")),
            Change::EditService(id, settings("sh").persistent(300)),
            Change::ZeroService(id),
        ]);
        for change in destinations() {
            let (server, method) = change;
            changes.extend([
                Change::DeleteDestination(id, server),
                Change::EditDestination(id, server, method),
                Change::AddDestination(id, server, method),
                Change::AddDestination(id, server, method),
                Change::EditDestination(id, server, method.weight(5)),
                Change::EditDestination(id, server, method.lower_threshold(5)),
            ]);
        }
        changes.push(Change::DeleteDestination(
            id,
            "10.0.0.2:80".parse().unwrap(),
        ));
    }
    changes.push(Change::DeleteService(web(1, 80)));
    let gone = DestinationId::new([10, 0, 0, 2], 80);
    let method = DestinationSettings::masquerading();
    changes.push(Change::AddDestination(web(1, 80), gone, method));
    changes
}

/// Destinations of every kind, with settings.
fn destinations() -> Vec<(DestinationId, DestinationSettings)> {
    let tunnel = |kind, port| Tunnel::Other {
        kind,
        port,
        flags: 0,
    };
    let mut all = Vec::new();
    for address in [
        "10.0.0.2",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "2001:db8::2",
        "::",
        "ff02::1",
        "fe80::1",
    ] {
        let id = DestinationId::new(address.parse::<IpAddr>().unwrap(), 80);
        all.extend([
            (id, DestinationSettings::masquerading().weight(1 << 31)),
            (id, DestinationSettings::masquerading().lower_threshold(1)),
            (id, DestinationSettings::tunneling(tunnel(1, 0))),
            (id, DestinationSettings::tunneling(Tunnel::Ipip)),
            (id, DestinationSettings::direct_routing().upper_threshold(9)),
            (id, DestinationSettings::new(ForwardingMethod::Other(5))),
            (id, DestinationSettings::masquerading().weight(0)),
        ]);
    }
    all
}

/// The indices of changes, and why each was refused.
type Refused = Vec<(usize, Option<Errno>)>;

/// Applies the changes; returns the refusals, and the table after them.
fn carry_out(client: &mut Client) -> (Refused, Vec<String>, Timeouts) {
    let refused = client.apply(&changes()).unwrap();
    let refused = refused
        .into_iter()
        .map(|(index, error)| (index, error.errno()))
        .collect();
    let mut table: Vec<String> = client
        .services()
        .unwrap()
        .into_iter()
        .map(|service| {
            let destinations = client.destinations(&service.id).unwrap();
            format!("{service:#?}{destinations:#?}")
        })
        .collect();
    table.sort();
    (refused, table, client.timeouts().unwrap())
}

#[test]
fn the_kernel_in_memory_refuses_and_keeps_what_the_kernel_does() {
    let (refused, table, timeouts) = with_client(carry_out);
    let fake = carry_out(&mut FakeKernel::new().client().unwrap());
    let changes = changes();
    let name =
        |(index, errno): &(usize, Option<Errno>)| format!("{errno:?}: {:?}", changes[*index]);
    let names = |refused: &[_]| refused.iter().map(name).collect::<Vec<_>>();
    assert_eq!(names(&fake.0), names(&refused));
    assert_eq!(fake.1, table);
    assert_eq!(fake.2, timeouts);
    assert!(refused.len() > 100 && !table.is_empty());
}

#[test]
fn the_kernel_in_memory_knows_nothing_where_the_kernel_knows_nothing() {
    let outcomes = |client: &mut Client| {
        [
            client.service(&web(1, 80)).map(drop),
            client.stop_daemon(DaemonRole::Master),
            client.zero_service(&web(1, 80)),
            client.zero_all(),
            client.flush(),
            client.destinations(&web(1, 80)).map(drop),
            client.daemons().map(drop),
        ]
        .map(|outcome| outcome.map_err(|error| error.to_string()))
    };
    let fake = outcomes(&mut FakeKernel::new().client().unwrap());
    assert_eq!(fake, with_client(outcomes));
    let info = FakeKernel::new().client().unwrap().info().unwrap();
    assert_eq!(info, with_client(|client| client.info().unwrap()));
}
