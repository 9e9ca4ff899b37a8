// SPDX-License-Identifier: MIT

//! The request of each method, whole.

use std::num::NonZeroU16;

use ipvs_netlink::{
    DestinationAttribute, InfoAttribute, IpvsAttribute, IpvsCommand, ServiceAttribute,
    ServiceFlags, TunnelFlags,
};

use super::{
    fake_kernel::{Request, acknowledged, client_with, dumped, replied},
    values::{
        AF_INET, AF_INET6, address_service, bytes, destination_id, forwarded, fwmark, identity,
        plain, server, service_reply, settings_attributes, sip, sip_attributes, web,
        web_attributes,
    },
};
use crate::{
    AddressFamily, DestinationSettings, Error, ForwardingMethod, Netmask, Operation, Persistence,
    Protocol, SchedulerFlags, ServiceId, ServiceSettings, Timeouts, Tunnel, TunnelChecksum,
};

const EVERY_CLIENT_ALONE: [u8; 4] = [255; 4];

fn whole_prefix() -> [u8; 4] {
    128_u32.to_ne_bytes()
}

/// The request that adds the service.
fn added(id: &ServiceId, settings: &ServiceSettings) -> Vec<Request> {
    let (mut client, kernel) = client_with([acknowledged()]);
    client.add_service(id, settings).unwrap();
    kernel.requests()
}

fn new_service(parts: [Vec<ServiceAttribute>; 2]) -> [Request; 1] {
    [Request::Acknowledged(
        IpvsCommand::NewService,
        vec![IpvsAttribute::Service(parts.concat())],
    )]
}

#[test]
fn a_service_is_added_by_protocol_address_and_port() {
    for (protocol, number) in [
        (Protocol::Tcp, 6),
        (Protocol::Udp, 17),
        (Protocol::Sctp, 132),
        (Protocol::Other(47), 47),
    ] {
        assert_eq!(
            added(&address_service(protocol, "192.0.2.1", 80), &plain()),
            new_service([
                identity(AF_INET, number, "192.0.2.1", 80),
                settings_attributes("wrr", ServiceFlags::empty(), 0, EVERY_CLIENT_ALONE),
            ])
        );
        assert_eq!(
            added(&address_service(protocol, "2001:db8::1", 443), &plain()),
            new_service([
                identity(AF_INET6, number, "2001:db8::1", 443),
                settings_attributes("wrr", ServiceFlags::empty(), 0, whole_prefix()),
            ])
        );
    }
}

#[test]
fn a_service_is_added_by_firewall_mark_of_either_family() {
    for (family, number, netmask) in [
        (AddressFamily::Ipv4, AF_INET, EVERY_CLIENT_ALONE),
        (AddressFamily::Ipv6, AF_INET6, whole_prefix()),
    ] {
        assert_eq!(
            added(&fwmark(7, family), &plain()),
            new_service([
                vec![
                    ServiceAttribute::AddressFamily(number),
                    ServiceAttribute::Fwmark(7),
                ],
                settings_attributes("wrr", ServiceFlags::empty(), 0, netmask),
            ])
        );
    }
}

#[test]
fn persistence_sends_its_flag_timeout_and_netmask() {
    let persistent = |timeout, netmask| ServiceSettings {
        persistence: Some(Persistence::new(timeout).with_netmask(netmask)),
        ..plain()
    };
    assert_eq!(
        added(
            &web(),
            &persistent(600, Netmask::Ipv4([255, 255, 255, 0].into()))
        ),
        new_service([
            web_attributes(),
            settings_attributes("wrr", ServiceFlags::PERSISTENT, 600, [255, 255, 255, 0]),
        ])
    );
    assert_eq!(
        added(&sip(), &persistent(60, Netmask::Ipv6(64))),
        new_service([
            sip_attributes(),
            settings_attributes("wrr", ServiceFlags::PERSISTENT, 60, 64_u32.to_ne_bytes()),
        ])
    );
    assert_eq!(
        added(
            &fwmark(7, AddressFamily::Ipv6),
            &persistent(60, Netmask::Ipv6(48))
        ),
        new_service([
            vec![
                ServiceAttribute::AddressFamily(AF_INET6),
                ServiceAttribute::Fwmark(7),
            ],
            settings_attributes("wrr", ServiceFlags::PERSISTENT, 60, 48_u32.to_ne_bytes()),
        ])
    );
}

#[test]
fn a_persistence_engine_is_sent_by_name() {
    let settings = ServiceSettings {
        persistence_engine: Some("sip".into()),
        ..plain()
    };
    assert_eq!(
        added(&web(), &settings),
        new_service([
            web_attributes(),
            [
                settings_attributes("wrr", ServiceFlags::empty(), 0, EVERY_CLIENT_ALONE),
                vec![ServiceAttribute::PersistenceEngineName("sip".to_owned())],
            ]
            .concat(),
        ])
    );
}

#[test]
fn each_scheduler_flag_and_one_packet_has_its_bit() {
    let flagged = |scheduler_flags, one_packet| ServiceSettings {
        scheduler: "mh".to_owned(),
        scheduler_flags,
        one_packet,
        ..plain()
    };
    for (settings, bits) in [
        (flagged(SchedulerFlags::FLAG_1, false), 0x08),
        (flagged(SchedulerFlags::FLAG_2, false), 0x10),
        (flagged(SchedulerFlags::FLAG_3, false), 0x20),
        (flagged(SchedulerFlags::empty(), true), 0x04),
        (flagged(SchedulerFlags::all(), true), 0x3c),
        // Bits that are none of a scheduler's are not sent.
        (flagged(SchedulerFlags::from_bits_retain(0xff), false), 0x38),
    ] {
        assert_eq!(
            added(&web(), &settings),
            new_service([
                web_attributes(),
                settings_attributes(
                    "mh",
                    ServiceFlags::from_bits_retain(bits),
                    0,
                    EVERY_CLIENT_ALONE
                ),
            ])
        );
    }
}

#[test]
fn editing_a_service_sends_all_its_settings() {
    let (mut client, kernel) = client_with([acknowledged()]);
    let settings = ServiceSettings {
        one_packet: true,
        persistence: Some(Persistence::new(300).with_netmask(Netmask::host(AddressFamily::Ipv6))),
        persistence_engine: Some("sip".into()),
        ..plain()
    };
    client.edit_service(&sip(), &settings).unwrap();
    assert_eq!(
        kernel.requests(),
        [Request::Acknowledged(
            IpvsCommand::SetService,
            vec![IpvsAttribute::Service(
                [
                    sip_attributes(),
                    settings_attributes(
                        "wrr",
                        ServiceFlags::PERSISTENT | ServiceFlags::ONE_PACKET,
                        300,
                        whole_prefix()
                    ),
                    vec![ServiceAttribute::PersistenceEngineName("sip".to_owned())],
                ]
                .concat()
            )],
        )]
    );
}

#[test]
fn a_netmask_of_the_other_family_is_refused_and_nothing_sent() {
    let with_netmask = |netmask| ServiceSettings {
        persistence: Some(Persistence::new(300).with_netmask(netmask)),
        ..plain()
    };
    let (mut client, kernel) = client_with([]);
    let outcomes = [
        (
            client.add_service(&web(), &with_netmask(Netmask::Ipv6(64))),
            Operation::AddService(web()),
            AddressFamily::Ipv4,
            "cannot add TCP 192.0.2.1:80: the netmask is not for Ipv4 addresses",
        ),
        (
            client.edit_service(
                &sip(),
                &with_netmask(Netmask::Ipv4([255, 255, 0, 0].into())),
            ),
            Operation::EditService(sip()),
            AddressFamily::Ipv6,
            "cannot edit UDP [2001:db8::1]:5060: the netmask is not for Ipv6 addresses",
        ),
    ];
    for (outcome, expected_operation, expected_family, text) in outcomes {
        let error = outcome.unwrap_err();
        assert_eq!(error.to_string(), text);
        match error {
            Error::NetmaskFamily { operation, family } => {
                assert_eq!((operation, family), (expected_operation, expected_family));
            }
            other => panic!("not about the netmask: {other:?}"),
        }
    }
    assert_eq!(kernel.requests(), []);
}

#[test]
fn a_service_is_deleted_zeroed_and_read_by_its_name_alone() {
    for (id, attributes) in [
        (web(), web_attributes()),
        (sip(), sip_attributes()),
        (
            fwmark(7, AddressFamily::Ipv6),
            vec![
                ServiceAttribute::AddressFamily(AF_INET6),
                ServiceAttribute::Fwmark(7),
            ],
        ),
    ] {
        let (mut client, kernel) = client_with([
            acknowledged(),
            acknowledged(),
            replied(IpvsCommand::NewService, service_reply(attributes.clone())),
            dumped(IpvsCommand::NewDest, vec![]),
        ]);
        client.delete_service(&id).unwrap();
        client.zero_service(&id).unwrap();
        assert_eq!(client.service(&id).unwrap().id, id);
        assert_eq!(client.destinations(&id).unwrap(), []);
        let named = || vec![IpvsAttribute::Service(attributes.clone())];
        assert_eq!(
            kernel.requests(),
            [
                Request::Acknowledged(IpvsCommand::DelService, named()),
                Request::Acknowledged(IpvsCommand::Zero, named()),
                Request::Acknowledged(IpvsCommand::GetService, named()),
                Request::Dump(IpvsCommand::GetDest, named()),
            ]
        );
    }
}

#[test]
fn what_concerns_the_whole_table_has_no_attributes() {
    let (mut client, kernel) = client_with([
        acknowledged(),
        acknowledged(),
        dumped(IpvsCommand::NewService, vec![]),
        dumped(IpvsCommand::NewDaemon, vec![]),
        replied(IpvsCommand::SetConfig, vec![]),
        replied(
            IpvsCommand::SetInfo,
            vec![
                IpvsAttribute::Info(InfoAttribute::Version(0x01_02_01)),
                IpvsAttribute::Info(InfoAttribute::ConnectionTableSize(4096)),
            ],
        ),
    ]);
    client.zero_all().unwrap();
    client.flush().unwrap();
    client.services().unwrap();
    client.daemons().unwrap();
    client.timeouts().unwrap();
    client.info().unwrap();
    assert_eq!(
        kernel.requests(),
        [
            Request::Acknowledged(IpvsCommand::Zero, vec![]),
            Request::Acknowledged(IpvsCommand::Flush, vec![]),
            Request::Dump(IpvsCommand::GetService, vec![]),
            Request::Dump(IpvsCommand::GetDaemon, vec![]),
            Request::Acknowledged(IpvsCommand::GetConfig, vec![]),
            Request::Acknowledged(IpvsCommand::GetInfo, vec![]),
        ]
    );
}

#[test]
fn timeouts_are_set_all_three_zeros_included() {
    let (mut client, kernel) = client_with([acknowledged()]);
    client
        .set_timeouts(&Timeouts::default().tcp(900).udp(300))
        .unwrap();
    assert_eq!(
        kernel.requests(),
        [Request::Acknowledged(
            IpvsCommand::SetConfig,
            vec![
                IpvsAttribute::TimeoutTcp(900),
                IpvsAttribute::TimeoutTcpFin(0),
                IpvsAttribute::TimeoutUdp(300),
            ],
        )]
    );
}

/// A destination request of the service [`web`].
fn of_web(command: IpvsCommand, destination: Vec<DestinationAttribute>) -> Request {
    Request::Acknowledged(
        command,
        vec![
            IpvsAttribute::Service(web_attributes()),
            IpvsAttribute::Destination(destination),
        ],
    )
}

fn server_attributes() -> Vec<DestinationAttribute> {
    vec![
        DestinationAttribute::AddressFamily(AF_INET),
        DestinationAttribute::Address(bytes("198.51.100.4")),
        DestinationAttribute::Port(8080),
    ]
}

#[test]
fn each_forwarding_method_has_its_number() {
    for (method, number) in [
        (ForwardingMethod::Masquerading, 0),
        (ForwardingMethod::LocalNode, 1),
        (ForwardingMethod::DirectRouting, 3),
        (ForwardingMethod::Bypass, 4),
        (ForwardingMethod::Other(7), 7),
    ] {
        let (mut client, kernel) = client_with([acknowledged()]);
        client
            .add_destination(&web(), &server(), &forwarded(method))
            .unwrap();
        assert_eq!(
            kernel.requests(),
            [of_web(
                IpvsCommand::NewDest,
                [
                    server_attributes(),
                    vec![
                        DestinationAttribute::ForwardingMethod(number.into()),
                        DestinationAttribute::Weight(1),
                        DestinationAttribute::UpperThreshold(0),
                        DestinationAttribute::LowerThreshold(0),
                    ],
                ]
                .concat(),
            )]
        );
    }
}

#[test]
fn each_tunnel_has_its_type_port_and_flags() {
    let port = NonZeroU16::new(6080).unwrap();
    for (tunnel, kind, port, flags) in [
        (Tunnel::Ipip, 0, 0, 0),
        (
            Tunnel::Gue {
                port,
                checksum: TunnelChecksum::None,
            },
            1,
            6080,
            0,
        ),
        (
            Tunnel::Gue {
                port,
                checksum: TunnelChecksum::Full,
            },
            1,
            6080,
            1,
        ),
        (
            Tunnel::Gue {
                port,
                checksum: TunnelChecksum::Remote,
            },
            1,
            6080,
            2,
        ),
        (
            Tunnel::Gre {
                checksum: TunnelChecksum::Full,
            },
            2,
            0,
            1,
        ),
        (
            Tunnel::Other {
                kind: 9,
                port: 8,
                flags: 7,
            },
            9,
            8,
            7,
        ),
    ] {
        let (mut client, kernel) = client_with([acknowledged()]);
        client
            .add_destination(
                &web(),
                &server(),
                &forwarded(ForwardingMethod::Tunneling(tunnel)),
            )
            .unwrap();
        assert_eq!(
            kernel.requests(),
            [of_web(
                IpvsCommand::NewDest,
                [
                    server_attributes(),
                    vec![
                        DestinationAttribute::ForwardingMethod(2.into()),
                        DestinationAttribute::Weight(1),
                        DestinationAttribute::UpperThreshold(0),
                        DestinationAttribute::LowerThreshold(0),
                        DestinationAttribute::TunnelType(kind.into()),
                        DestinationAttribute::TunnelPort(port),
                        DestinationAttribute::TunnelFlags(TunnelFlags::from_bits_retain(flags)),
                    ],
                ]
                .concat(),
            )]
        );
    }
}

#[test]
fn a_tunnel_destination_of_the_other_family_names_its_own() {
    let (mut client, kernel) = client_with([acknowledged()]);
    client
        .add_destination(
            &web(),
            &destination_id("2001:db8::53", 80),
            &forwarded(ForwardingMethod::Tunneling(Tunnel::Ipip)),
        )
        .unwrap();
    assert_eq!(
        kernel.requests(),
        [of_web(
            IpvsCommand::NewDest,
            vec![
                DestinationAttribute::AddressFamily(AF_INET6),
                DestinationAttribute::Address(bytes("2001:db8::53")),
                DestinationAttribute::Port(80),
                DestinationAttribute::ForwardingMethod(2.into()),
                DestinationAttribute::Weight(1),
                DestinationAttribute::UpperThreshold(0),
                DestinationAttribute::LowerThreshold(0),
                DestinationAttribute::TunnelType(0.into()),
                DestinationAttribute::TunnelPort(0),
                DestinationAttribute::TunnelFlags(TunnelFlags::empty()),
            ],
        )]
    );
}

#[test]
fn editing_a_destination_sends_all_its_settings() {
    let (mut client, kernel) = client_with([acknowledged()]);
    let settings = DestinationSettings {
        forwarding_method: ForwardingMethod::DirectRouting,
        weight: 5,
        upper_threshold: 100,
        lower_threshold: 80,
    };
    client
        .edit_destination(&web(), &server(), &settings)
        .unwrap();
    assert_eq!(
        kernel.requests(),
        [of_web(
            IpvsCommand::SetDest,
            [
                server_attributes(),
                vec![
                    DestinationAttribute::ForwardingMethod(3.into()),
                    DestinationAttribute::Weight(5),
                    DestinationAttribute::UpperThreshold(100),
                    DestinationAttribute::LowerThreshold(80),
                ],
            ]
            .concat(),
        )]
    );
}

#[test]
fn a_destination_is_deleted_by_its_name_alone() {
    let (mut client, kernel) = client_with([acknowledged()]);
    client.delete_destination(&web(), &server()).unwrap();
    assert_eq!(
        kernel.requests(),
        [of_web(IpvsCommand::DelDest, server_attributes())]
    );
}

#[test]
fn destinations_of_a_firewall_mark_name_the_mark() {
    let (mut client, kernel) = client_with([acknowledged()]);
    client
        .delete_destination(&fwmark(7, AddressFamily::Ipv4), &server())
        .unwrap();
    assert_eq!(
        kernel.requests(),
        [Request::Acknowledged(
            IpvsCommand::DelDest,
            vec![
                IpvsAttribute::Service(vec![
                    ServiceAttribute::AddressFamily(AF_INET),
                    ServiceAttribute::Fwmark(7),
                ]),
                IpvsAttribute::Destination(server_attributes()),
            ],
        )]
    );
}
