// SPDX-License-Identifier: MIT

//! Replies of the kernel become the model.

use std::num::{NonZeroU16, NonZeroU32};

use ipvs_netlink::{
    DaemonAttribute, DestinationAttribute, InfoAttribute, IpvsAttribute, IpvsCommand,
    ServiceAttribute, ServiceFlags, StatsAttribute, TunnelFlags,
};
use netlink_packet_core::DefaultNla;

use super::{
    fake_kernel::{Answer, Message, client_with, dumped, part, replied},
    values::{
        AF_INET, AF_INET6, address_service, bytes, destination_attributes, destination_id, fwmark,
        malformed, server, service_reply, settings_attributes, sip, sip_attributes, web,
        web_attributes,
    },
};
use crate::{
    AddressFamily, Destination, DestinationSettings, ForwardingMethod, Info, Netmask, Operation,
    Persistence, Protocol, SchedulerFlags, Service, ServiceId, ServiceSettings, Stats, Timeouts,
    Tunnel, TunnelChecksum, Version,
};

/// An attribute of a kernel to come.
fn unknown() -> DefaultNla {
    DefaultNla::new(300, vec![1, 2, 3, 4, 5])
}

fn services(replies: Vec<Vec<IpvsAttribute>>) -> Vec<Service> {
    let (mut client, _) = client_with([dumped(IpvsCommand::NewService, replies)]);
    client.services().unwrap()
}

fn destinations(service: &ServiceId, replies: Vec<Vec<DestinationAttribute>>) -> Vec<Destination> {
    let replies = replies
        .into_iter()
        .map(|attributes| vec![IpvsAttribute::Destination(attributes)])
        .collect();
    let (mut client, _) = client_with([dumped(IpvsCommand::NewDest, replies)]);
    client.destinations(service).unwrap()
}

/// The counters of seven connections, cut to their low 32 bits where the
/// kernel does.
fn counters() -> Vec<StatsAttribute<u32>> {
    vec![
        StatsAttribute::Connections(7),
        StatsAttribute::InPackets(37),
        StatsAttribute::OutPackets(27),
        StatsAttribute::InBytes(2015),
        StatsAttribute::Other(DefaultNla::new(11, vec![])),
        StatsAttribute::OutBytes(8460),
        StatsAttribute::ConnectionsPerSecond(1),
        StatsAttribute::InPacketsPerSecond(3),
        StatsAttribute::OutPacketsPerSecond(2),
        StatsAttribute::InBytesPerSecond(142),
        StatsAttribute::OutBytesPerSecond(595),
    ]
}

fn stats() -> Stats {
    Stats {
        connections: 7,
        in_packets: 37,
        out_packets: 27,
        in_bytes: 2015,
        out_bytes: 8460,
        connections_per_second: 1,
        in_packets_per_second: 3,
        out_packets_per_second: 2,
        in_bytes_per_second: 142,
        out_bytes_per_second: 595,
    }
}

/// The same, each over what 32 bits hold.
fn counters64() -> Vec<StatsAttribute<u64>> {
    const HIGH: u64 = 1 << 32;
    vec![
        StatsAttribute::Connections(HIGH + 7),
        StatsAttribute::InPackets(HIGH + 37),
        StatsAttribute::OutPackets(HIGH + 27),
        StatsAttribute::InBytes(HIGH + 2015),
        StatsAttribute::OutBytes(HIGH + 8460),
        StatsAttribute::ConnectionsPerSecond(HIGH + 1),
        StatsAttribute::InPacketsPerSecond(HIGH + 3),
        StatsAttribute::OutPacketsPerSecond(HIGH + 2),
        StatsAttribute::InBytesPerSecond(HIGH + 142),
        StatsAttribute::OutBytesPerSecond(HIGH + 595),
    ]
}

fn stats64() -> Stats {
    Stats {
        connections: 4_294_967_303,
        in_packets: 4_294_967_333,
        out_packets: 4_294_967_323,
        in_bytes: 4_294_969_311,
        out_bytes: 4_294_975_756,
        connections_per_second: 4_294_967_297,
        in_packets_per_second: 4_294_967_299,
        out_packets_per_second: 4_294_967_298,
        in_bytes_per_second: 4_294_967_438,
        out_bytes_per_second: 4_294_967_891,
    }
}

fn settings(scheduler: &str) -> ServiceSettings {
    ServiceSettings {
        scheduler: scheduler.to_owned(),
        scheduler_flags: SchedulerFlags::default(),
        one_packet: false,
        persistence: None,
        persistence_engine: None,
    }
}

#[test]
fn services_of_every_kind_in_the_kernels_order() {
    let whole = |identity: Vec<ServiceAttribute>, settings: Vec<ServiceAttribute>| {
        vec![IpvsAttribute::Service(
            [
                identity,
                settings,
                vec![
                    ServiceAttribute::Stats(counters()),
                    ServiceAttribute::Stats64(counters64()),
                ],
            ]
            .concat(),
        )]
    };
    let mark = |family| {
        vec![
            ServiceAttribute::AddressFamily(family),
            ServiceAttribute::Fwmark(7),
        ]
    };
    let mut sip_settings = settings_attributes(
        "rr",
        ServiceFlags::PERSISTENT | ServiceFlags::HASHED,
        60,
        64_u32.to_ne_bytes(),
    );
    sip_settings.insert(1, ServiceAttribute::PersistenceEngineName("sip".to_owned()));

    let listed = services(vec![
        whole(
            web_attributes(),
            settings_attributes(
                "mh",
                ServiceFlags::PERSISTENT | ServiceFlags::HASHED | ServiceFlags::SCHEDULER_2,
                600,
                [255, 255, 255, 0],
            ),
        ),
        whole(sip_attributes(), sip_settings),
        whole(
            super::values::identity(AF_INET, 132, "192.0.2.1", 0),
            settings_attributes("none", ServiceFlags::HASHED, 0, [255; 4]),
        ),
        whole(
            mark(AF_INET),
            settings_attributes(
                "wlc",
                ServiceFlags::HASHED | ServiceFlags::ONE_PACKET,
                0,
                [255; 4],
            ),
        ),
        whole(
            mark(AF_INET6),
            settings_attributes(
                "sh",
                ServiceFlags::HASHED | ServiceFlags::SCHEDULER_1 | ServiceFlags::SCHEDULER_3,
                0,
                128_u32.to_ne_bytes(),
            ),
        ),
    ]);

    let expected = [
        (
            web(),
            ServiceSettings {
                scheduler_flags: SchedulerFlags::FLAG_2,
                persistence: Some(
                    Persistence::new(600).with_netmask(Netmask::Ipv4([255, 255, 255, 0].into())),
                ),
                ..settings("mh")
            },
        ),
        (
            sip(),
            ServiceSettings {
                persistence: Some(Persistence::new(60).with_netmask(Netmask::Ipv6(64))),
                persistence_engine: Some("sip".into()),
                ..settings("rr")
            },
        ),
        (
            address_service(Protocol::Sctp, "192.0.2.1", 0),
            settings("none"),
        ),
        (
            fwmark(7, AddressFamily::Ipv4),
            ServiceSettings {
                one_packet: true,
                ..settings("wlc")
            },
        ),
        (
            fwmark(7, AddressFamily::Ipv6),
            ServiceSettings {
                scheduler_flags: SchedulerFlags::FLAG_1 | SchedulerFlags::FLAG_3,
                ..settings("sh")
            },
        ),
    ]
    .map(|(id, settings)| Service {
        unknown_flags: 0,
        id,
        settings,
        stats: Some(stats64()),
    });
    assert_eq!(listed, expected);
}

#[test]
fn a_service_of_a_protocol_without_a_name_keeps_its_number() {
    let listed = services(vec![service_reply(super::values::identity(
        AF_INET,
        47,
        "192.0.2.1",
        0,
    ))]);
    assert_eq!(
        listed[0].id,
        address_service(Protocol::Other(47), "192.0.2.1", 0)
    );
}

#[test]
fn a_service_with_32_bit_counters_alone_has_those() {
    let reply = vec![IpvsAttribute::Service(
        [
            web_attributes(),
            settings_attributes("wrr", ServiceFlags::HASHED, 0, [255; 4]),
            vec![ServiceAttribute::Stats(counters())],
        ]
        .concat(),
    )];
    let (mut client, _) = client_with([replied(IpvsCommand::NewService, reply)]);
    assert_eq!(client.service(&web()).unwrap().stats, Some(stats()));
}

#[test]
fn the_64_bit_counters_count_whichever_comes_first() {
    let reply = vec![IpvsAttribute::Service(
        [
            web_attributes(),
            settings_attributes("wrr", ServiceFlags::HASHED, 0, [255; 4]),
            vec![
                ServiceAttribute::Stats64(counters64()),
                ServiceAttribute::Stats(counters()),
            ],
        ]
        .concat(),
    )];
    assert_eq!(services(vec![reply])[0].stats, Some(stats64()));
}

#[test]
fn a_destination_with_connections_and_counters() {
    let listed = destinations(
        &web(),
        vec![vec![
            DestinationAttribute::Address(bytes("127.0.0.1")),
            DestinationAttribute::Port(8080),
            // The kernel's flags above the method do not belong to it.
            DestinationAttribute::ForwardingMethod(0x103.into()),
            DestinationAttribute::Weight(3),
            DestinationAttribute::TunnelType(0.into()),
            DestinationAttribute::TunnelPort(0),
            DestinationAttribute::TunnelFlags(TunnelFlags::empty()),
            DestinationAttribute::UpperThreshold(500),
            DestinationAttribute::LowerThreshold(400),
            DestinationAttribute::ActiveConnections(1),
            DestinationAttribute::InactiveConnections(6),
            DestinationAttribute::PersistentConnections(2),
            DestinationAttribute::AddressFamily(AF_INET),
            DestinationAttribute::Stats(counters()),
            DestinationAttribute::Stats64(counters64()),
        ]],
    );
    assert_eq!(
        listed,
        [Destination {
            id: destination_id("127.0.0.1", 8080),
            settings: DestinationSettings {
                forwarding_method: ForwardingMethod::DirectRouting,
                weight: 3,
                upper_threshold: 500,
                lower_threshold: 400,
            },
            active_connections: 1,
            inactive_connections: 6,
            persistent_connections: 2,
            stats: Some(stats64()),
        }]
    );
}

#[test]
fn each_forwarding_method_and_tunnel_is_told_apart() {
    let port = NonZeroU16::new(6081).unwrap();
    let tunnel = ForwardingMethod::Tunneling;
    let cases = [
        ((0, 0, 0, 0), ForwardingMethod::Masquerading),
        ((1, 0, 0, 0), ForwardingMethod::LocalNode),
        ((3, 0, 0, 0), ForwardingMethod::DirectRouting),
        ((4, 0, 0, 0), ForwardingMethod::Bypass),
        ((5, 0, 0, 0), ForwardingMethod::Other(5)),
        ((2, 0, 0, 0), tunnel(Tunnel::Ipip)),
        (
            (2, 1, 6081, 0),
            tunnel(Tunnel::Gue {
                port,
                checksum: TunnelChecksum::None,
            }),
        ),
        (
            (2, 1, 6081, 2),
            tunnel(Tunnel::Gue {
                port,
                checksum: TunnelChecksum::Remote,
            }),
        ),
        (
            (2, 2, 0, 1),
            tunnel(Tunnel::Gre {
                checksum: TunnelChecksum::Full,
            }),
        ),
        // What the kernel does not look at.
        (
            (2, 2, 6081, 1),
            tunnel(Tunnel::Gre {
                checksum: TunnelChecksum::Full,
            }),
        ),
        ((2, 0, 6081, 7), tunnel(Tunnel::Ipip)),
        (
            (2, 3, 0, 0),
            tunnel(Tunnel::Other {
                kind: 3,
                port: 0,
                flags: 0,
            }),
        ),
        (
            (2, 2, 0, 3),
            tunnel(Tunnel::Other {
                kind: 2,
                port: 0,
                flags: 3,
            }),
        ),
    ];
    let replies = cases
        .iter()
        .map(|((method, kind, port, flags), _)| {
            [
                vec![
                    DestinationAttribute::TunnelType((*kind).into()),
                    DestinationAttribute::TunnelPort(*port),
                    DestinationAttribute::TunnelFlags(TunnelFlags::from_bits_retain(*flags)),
                ],
                destination_attributes("198.51.100.4", 8080)
                    .into_iter()
                    .map(|attribute| match attribute {
                        DestinationAttribute::ForwardingMethod(_) => {
                            DestinationAttribute::ForwardingMethod((*method).into())
                        }
                        other => other,
                    })
                    .collect(),
            ]
            .concat()
        })
        .collect();
    let methods: Vec<_> = destinations(&web(), replies)
        .into_iter()
        .map(|destination| destination.settings.forwarding_method)
        .collect();
    assert_eq!(methods, cases.map(|(_, method)| method));
}

#[test]
fn a_tunnel_of_a_kernel_without_tunnel_attributes_is_ipip() {
    let mut reply = destination_attributes("198.51.100.4", 8080);
    reply[2] = DestinationAttribute::ForwardingMethod(2.into());
    assert_eq!(
        destinations(&web(), vec![reply])[0]
            .settings
            .forwarding_method,
        ForwardingMethod::Tunneling(Tunnel::Ipip)
    );
}

#[test]
fn a_destination_without_a_family_has_its_services() {
    let id = |service: &ServiceId, address| {
        destinations(service, vec![destination_attributes(address, 8080)])[0].id
    };
    assert_eq!(id(&web(), "198.51.100.4"), server());
    assert_eq!(
        id(&sip(), "2001:db8::53"),
        destination_id("2001:db8::53", 8080)
    );
    assert_eq!(
        id(&fwmark(7, AddressFamily::Ipv6), "2001:db8::53"),
        destination_id("2001:db8::53", 8080)
    );
}

#[test]
fn a_destinations_own_family_counts_though_it_comes_after_the_address() {
    let listed = destinations(
        &web(),
        vec![
            [
                destination_attributes("2001:db8::53", 53),
                vec![DestinationAttribute::AddressFamily(AF_INET6)],
            ]
            .concat(),
            destination_attributes("198.51.100.4", 8080),
        ],
    );
    assert_eq!(listed[0].id, destination_id("2001:db8::53", 53));
    assert_eq!(listed[1].id, server());
}

#[test]
fn attributes_that_nobody_knows_yet_are_ignored() {
    let mut service = service_reply(web_attributes());
    let IpvsAttribute::Service(attributes) = &mut service[0] else {
        panic!("a service");
    };
    attributes.insert(0, ServiceAttribute::Other(unknown()));
    service.insert(0, IpvsAttribute::Other(unknown()));
    assert_eq!(services(vec![service])[0].id, web());

    let mut destination = destination_attributes("198.51.100.4", 8080);
    destination.insert(0, DestinationAttribute::Other(unknown()));
    assert_eq!(destinations(&web(), vec![destination])[0].id, server());

    let (mut client, _) = client_with([
        dumped(
            IpvsCommand::NewDaemon,
            vec![vec![IpvsAttribute::Daemon(vec![
                DaemonAttribute::Other(unknown()),
                DaemonAttribute::State(1.into()),
                DaemonAttribute::MulticastInterface("eth0".to_owned()),
            ])]],
        ),
        replied(
            IpvsCommand::SetConfig,
            vec![
                IpvsAttribute::Other(unknown()),
                IpvsAttribute::TimeoutTcp(900),
            ],
        ),
        replied(
            IpvsCommand::SetInfo,
            vec![
                IpvsAttribute::Info(InfoAttribute::Other(unknown())),
                IpvsAttribute::Info(InfoAttribute::Version(1)),
                IpvsAttribute::Info(InfoAttribute::ConnectionTableSize(2)),
            ],
        ),
    ]);
    assert_eq!(client.daemons().unwrap()[0].interface, "eth0");
    assert_eq!(client.timeouts().unwrap().tcp, NonZeroU32::new(900));
    assert_eq!(client.info().unwrap().connection_table_size, 2);
}

#[test]
fn timeouts_and_those_of_a_kernel_without_udp() {
    let tcp = [
        IpvsAttribute::TimeoutTcp(900),
        IpvsAttribute::TimeoutTcpFin(120),
    ];
    let all = [tcp.to_vec(), vec![IpvsAttribute::TimeoutUdp(300)]].concat();
    let (mut client, _) = client_with([
        replied(IpvsCommand::SetConfig, all),
        replied(IpvsCommand::SetConfig, tcp.to_vec()),
    ]);
    let expected = Timeouts::default().tcp(900).tcp_fin(120).udp(300);
    assert_eq!(client.timeouts().unwrap(), expected);
    assert_eq!(
        client.timeouts().unwrap(),
        Timeouts {
            udp: None,
            ..expected
        }
    );
}

#[test]
fn the_version_and_the_size_of_the_connection_table() {
    let (mut client, _) = client_with([replied(
        IpvsCommand::SetInfo,
        vec![
            IpvsAttribute::Info(InfoAttribute::Version(0x01_02_01)),
            IpvsAttribute::Info(InfoAttribute::ConnectionTableSize(4096)),
        ],
    )]);
    let info = client.info().unwrap();
    assert_eq!(
        info,
        Info {
            version: Version(0x01_02_01),
            connection_table_size: 4096,
        }
    );
    assert_eq!(info.version.to_string(), "1.2.1");
}

#[test]
fn a_service_without_what_it_must_have_is_malformed_and_the_attribute_named() {
    let IpvsAttribute::Service(whole) = service_reply(web_attributes()).remove(0) else {
        panic!("a service");
    };
    let names = [
        "IPVS_SVC_ATTR_AF",
        "IPVS_SVC_ATTR_PROTOCOL",
        "IPVS_SVC_ATTR_ADDR",
        "IPVS_SVC_ATTR_PORT",
        "IPVS_SVC_ATTR_SCHED_NAME",
        "IPVS_SVC_ATTR_FLAGS",
        "IPVS_SVC_ATTR_TIMEOUT",
        "IPVS_SVC_ATTR_NETMASK",
        "IPVS_SVC_ATTR_STATS",
    ];
    assert_eq!(whole.len(), names.len());
    for (at, name) in names.into_iter().enumerate() {
        let mut attributes = whole.clone();
        attributes.remove(at);
        let (mut client, _) = client_with([replied(
            IpvsCommand::NewService,
            vec![IpvsAttribute::Service(attributes)],
        )]);
        assert_eq!(
            malformed(client.service(&web())),
            (Operation::ReadService(web()), format!("{name} is missing"))
        );
    }
}

#[test]
fn a_destination_without_what_it_must_have_is_malformed_and_the_attribute_named() {
    for (at, name) in [
        (0, "IPVS_DEST_ATTR_ADDR"),
        (1, "IPVS_DEST_ATTR_PORT"),
        (2, "IPVS_DEST_ATTR_FWD_METHOD"),
        (3, "IPVS_DEST_ATTR_WEIGHT"),
        (9, "IPVS_DEST_ATTR_STATS"),
    ] {
        let mut attributes = destination_attributes("198.51.100.4", 8080);
        attributes.remove(at);
        let (mut client, _) = client_with([dumped(
            IpvsCommand::NewDest,
            vec![vec![IpvsAttribute::Destination(attributes)]],
        )]);
        assert_eq!(
            malformed(client.destinations(&web())),
            (
                Operation::ListDestinations(web()),
                format!("{name} is missing")
            )
        );
    }
}

#[test]
fn a_reply_about_something_else_is_malformed() {
    let empty_daemon = vec![IpvsAttribute::Daemon(vec![])];
    let (mut client, _) = client_with([
        dumped(IpvsCommand::NewService, vec![vec![]]),
        dumped(IpvsCommand::NewDest, vec![empty_daemon.clone()]),
        dumped(IpvsCommand::NewDaemon, vec![vec![]]),
        dumped(IpvsCommand::NewDaemon, vec![empty_daemon]),
        replied(
            IpvsCommand::SetInfo,
            vec![IpvsAttribute::Info(InfoAttribute::Version(1))],
        ),
        replied(
            IpvsCommand::SetInfo,
            vec![IpvsAttribute::Info(InfoAttribute::ConnectionTableSize(1))],
        ),
    ]);
    for (outcome, name) in [
        (client.services().map(drop), "IPVS_CMD_ATTR_SERVICE"),
        (client.destinations(&web()).map(drop), "IPVS_CMD_ATTR_DEST"),
        (client.daemons().map(drop), "IPVS_CMD_ATTR_DAEMON"),
        (client.daemons().map(drop), "IPVS_DAEMON_ATTR_STATE"),
        (client.info().map(drop), "IPVS_INFO_ATTR_CONN_TAB_SIZE"),
        (client.info().map(drop), "IPVS_INFO_ATTR_VERSION"),
    ] {
        assert_eq!(malformed(outcome).1, format!("{name} is missing"));
    }
}

#[test]
fn an_answer_without_a_reply_is_malformed() {
    let (mut client, _) = client_with([vec![Answer::Datagram(vec![Message::ack()])]]);
    assert_eq!(
        malformed(client.timeouts()),
        (Operation::ReadTimeouts, "it is empty".to_owned())
    );
}

#[test]
fn a_family_that_ipvs_does_not_have_is_malformed() {
    let mut reply = part(
        IpvsCommand::NewService,
        service_reply(super::values::identity(17, 6, "192.0.2.1", 80)),
    );
    let (mut client, _) = client_with([vec![Answer::Datagram(vec![reply.clone()])]]);
    assert_eq!(
        malformed(client.services()),
        (
            Operation::ListServices,
            "17 is not an address family that IPVS has".to_owned()
        )
    );

    // A value that is cut off is named by the protocol crate.
    reply.payload_mut().truncate(4 + 4 + 4 + 1);
    for (place, length) in [(4, 9_u16), (8, 5)] {
        reply.payload_mut()[place..place + 2].copy_from_slice(&length.to_ne_bytes());
    }
    let (mut client, _) = client_with([vec![Answer::Datagram(vec![reply])]]);
    let (operation, reason) = malformed(client.services());
    assert_eq!(operation, Operation::ListServices);
    assert!(
        reason.contains("IPVS_CMD_ATTR_SERVICE"),
        "the reason is {reason:?}"
    );
}
