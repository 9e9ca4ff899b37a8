// SPDX-License-Identifier: MIT

//! Rewritten bytes are read back with `ipvs-netlink`, which has the numbers and
//! lengths from the kernel's header too.

use ipvs_netlink::{
    DaemonAttribute as Daemon, DestinationAttribute as Destination, InfoAttribute as Info,
    IpvsAttribute as Top, IpvsCommand, IpvsMessage, ServiceAttribute as Service, ServiceFlags,
    StatsAttribute as Stats, TunnelFlags,
};
use netlink_packet_core::{NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_generic::GenlMessage;

use super::{ipvs_family, parse, rewrite};

const FAMILY: u16 = 28;

/// A datagram with one reply of the family.
fn datagram(command: IpvsCommand, attributes: Vec<Top>) -> Vec<u8> {
    let mut payload = GenlMessage::from_payload(IpvsMessage::new(command, attributes));
    payload.set_resolved_family_id(FAMILY);
    let mut message = NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::from(payload));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// The attributes of the reply once the rules have been carried out, and how
/// often they met something.
fn rewritten(command: IpvsCommand, attributes: Vec<Top>, rules: &str) -> (Vec<Top>, usize) {
    let mut bytes = datagram(command, attributes);
    let rules = parse(rules).unwrap();
    let mut applied = 0;
    rewrite(&mut bytes, FAMILY, &rules, |_| applied += 1).unwrap();
    let message = NetlinkMessage::<GenlMessage<IpvsMessage>>::deserialize(&bytes).unwrap();
    let NetlinkPayload::InnerMessage(message) = message.payload else {
        panic!("{message:?}");
    };
    (message.payload.attributes, applied)
}

#[test]
fn every_attribute_of_a_service_is_where_the_rules_look_for_it() {
    let service = vec![
        Service::AddressFamily(2),
        Service::Protocol(6),
        Service::Address([0; 16]),
        Service::Port(80),
        Service::Fwmark(1),
        Service::SchedulerName("lblcr".to_owned()),
        Service::Flags {
            flags: ServiceFlags::empty(),
            mask: u32::MAX,
        },
        Service::Timeout(0),
        Service::Netmask([255; 4]),
        Service::PersistenceEngineName("sip".to_owned()),
    ];
    let rules = "service family 10\nservice protocol 47\nservice address 10.0.0.9\n\
                 service:80 port 8080\nservice fwmark 7\nservice scheduler a b\n\
                 service flags 0x100\nservice timeout 4294967295\n\
                 service netmask 255.0.0.0\nservice engine x\nservice:81 timeout 5";
    let mut address = [0; 16];
    address[..4].copy_from_slice(&[10, 0, 0, 9]);
    let wanted = vec![
        Service::AddressFamily(10),
        Service::Protocol(47),
        Service::Address(address),
        Service::Port(8080),
        Service::Fwmark(7),
        Service::SchedulerName("a b".to_owned()),
        Service::Flags {
            flags: ServiceFlags::from_bits_retain(0x100),
            mask: u32::MAX,
        },
        Service::Timeout(u32::MAX),
        Service::Netmask([255, 0, 0, 0]),
        Service::PersistenceEngineName("x".to_owned()),
    ];
    let done = rewritten(IpvsCommand::NewService, vec![Top::Service(service)], rules);
    assert_eq!(done, (vec![Top::Service(wanted)], 10));
}

#[test]
fn every_attribute_of_a_destination_is_where_the_rules_look_for_it() {
    let destination = vec![
        Destination::Address([0; 16]),
        Destination::Port(80),
        Destination::ForwardingMethod(0.into()),
        Destination::Weight(0),
        Destination::UpperThreshold(0),
        Destination::LowerThreshold(0),
        Destination::ActiveConnections(0),
        Destination::InactiveConnections(0),
        Destination::PersistentConnections(0),
        Destination::AddressFamily(2),
        Destination::TunnelType(0.into()),
        Destination::TunnelPort(0),
        Destination::TunnelFlags(TunnelFlags::empty()),
    ];
    let rules = "destination address 2001:db8::1\ndestination port 1\ndestination method 2\n\
                 destination weight 3\ndestination upper-threshold 4\n\
                 destination lower-threshold 5\ndestination active 6\n\
                 destination inactive 7\ndestination persistent 8\ndestination family 10\n\
                 destination tunnel-type 9\ndestination tunnel-port 10\n\
                 destination tunnel-flags 11";
    let mut address = [0; 16];
    address[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    address[15] = 1;
    let wanted = vec![
        Destination::Address(address),
        Destination::Port(1),
        Destination::ForwardingMethod(2.into()),
        Destination::Weight(3),
        Destination::UpperThreshold(4),
        Destination::LowerThreshold(5),
        Destination::ActiveConnections(6),
        Destination::InactiveConnections(7),
        Destination::PersistentConnections(8),
        Destination::AddressFamily(10),
        Destination::TunnelType(9.into()),
        Destination::TunnelPort(10),
        Destination::TunnelFlags(TunnelFlags::from_bits_retain(11)),
    ];
    let reply = vec![Top::Destination(destination)];
    let done = rewritten(IpvsCommand::NewDest, reply, rules);
    assert_eq!(done, (vec![Top::Destination(wanted)], 13));
}

#[test]
fn counters_are_rewritten_in_both_sets_and_a_set_can_be_left_out() {
    let set = |value| {
        vec![
            Stats::Connections(value),
            Stats::InBytes(1),
            Stats::OutBytesPerSecond(value),
        ]
    };
    let reply = || {
        let set64 = vec![
            Stats::Connections(1),
            Stats::InBytes(1),
            Stats::OutBytesPerSecond(1),
        ];
        vec![Top::Service(vec![
            Service::Stats(set(1)),
            Service::Stats64(set64),
        ])]
    };
    let rules = "service conns,inbytes,outbps 0x500000007";
    let (done, applied) = rewritten(IpvsCommand::NewService, reply(), rules);
    let wanted = vec![
        Service::Stats(vec![
            Stats::Connections(7),
            Stats::InBytes(0x5_0000_0007),
            Stats::OutBytesPerSecond(7),
        ]),
        Service::Stats64(vec![
            Stats::Connections(0x5_0000_0007),
            Stats::InBytes(0x5_0000_0007),
            Stats::OutBytesPerSecond(0x5_0000_0007),
        ]),
    ];
    assert_eq!((done, applied), (vec![Top::Service(wanted)], 6));

    let (done, _) = rewritten(IpvsCommand::NewService, reply(), "service stats64 absent");
    let Top::Service(left) = &done[0] else {
        panic!("{done:?}");
    };
    assert!(matches!(left[..], [Service::Stats(_), Service::Other(_)]));
}

#[test]
fn daemons_timeouts_and_the_kernel_itself_have_rules_too() {
    let daemon = vec![Top::Daemon(vec![
        Daemon::State(1.into()),
        Daemon::MulticastInterface("eth0".to_owned()),
        Daemon::SyncId(0),
        Daemon::SyncMaxlen(0),
        Daemon::MulticastGroup([224, 0, 0, 81].into()),
        Daemon::MulticastPort(0),
        Daemon::MulticastTtl(0),
    ])];
    let rules = "daemon state 2\ndaemon interface lo\ndaemon syncid 256\ndaemon maxlen 1\n\
                 daemon group 239.0.0.1\ndaemon port 2\ndaemon ttl 3\ninfo size 1";
    let wanted = vec![Top::Daemon(vec![
        Daemon::State(2.into()),
        Daemon::MulticastInterface("lo".to_owned()),
        Daemon::SyncId(256),
        Daemon::SyncMaxlen(1),
        Daemon::MulticastGroup([239, 0, 0, 1].into()),
        Daemon::MulticastPort(2),
        Daemon::MulticastTtl(3),
    ])];
    let done = rewritten(IpvsCommand::NewDaemon, daemon, rules);
    assert_eq!(done, (wanted, 7));

    let timeouts = vec![
        Top::TimeoutTcp(1),
        Top::TimeoutTcpFin(1),
        Top::TimeoutUdp(1),
    ];
    let rules = "timeouts tcp 4\ntimeouts tcpfin 5\ntimeouts udp 6";
    let wanted = vec![
        Top::TimeoutTcp(4),
        Top::TimeoutTcpFin(5),
        Top::TimeoutUdp(6),
    ];
    let done = rewritten(IpvsCommand::SetConfig, timeouts, rules);
    assert_eq!(done, (wanted, 3));

    let info = vec![
        Top::Info(Info::Version(1)),
        Top::Info(Info::ConnectionTableSize(1)),
    ];
    let rules = "info version 0x10201\ninfo size 8192";
    let wanted = vec![
        Top::Info(Info::Version(0x1_0201)),
        Top::Info(Info::ConnectionTableSize(8192)),
    ];
    let done = rewritten(IpvsCommand::SetInfo, info, rules);
    assert_eq!(done, (wanted, 2));
}

#[test]
fn other_families_and_what_is_no_message_stay_as_they_are() {
    let rules = parse("info size 1").unwrap();
    let reply = datagram(
        IpvsCommand::SetInfo,
        vec![Top::Info(Info::ConnectionTableSize(4096))],
    );
    for (family, bytes) in [(FAMILY + 1, reply.clone()), (FAMILY, b"\x10\0\0".to_vec())] {
        let mut after = bytes.clone();
        rewrite(&mut after, family, &rules, |_| panic!("nothing to rewrite")).unwrap();
        assert_eq!(after, bytes);
    }
    for length in 0..reply.len() {
        let mut cut = reply[..length].to_vec();
        rewrite(&mut cut, FAMILY, &rules, |_| panic!("it is cut")).unwrap();
    }
}

#[test]
fn the_number_of_the_family_is_what_the_kernel_tells() {
    // CTRL_CMD_NEWFAMILY of nlctrl: name IPVS, number 28.
    let told = b"\x28\0\0\0\x10\0\0\0\x01\0\0\0\0\0\0\0\x01\x02\0\0\
                 \x09\0\x02\0IPVS\0\0\0\0\x06\0\x01\0\x1c\0\0\0";
    if cfg!(target_endian = "little") {
        assert_eq!(ipvs_family(told), Some(28));
    }
    let other = datagram(IpvsCommand::SetInfo, Vec::new());
    assert_eq!(ipvs_family(&other), None);
}

#[test]
fn rules_that_mean_nothing_or_do_not_fit_are_errors() {
    for rule in [
        "service",
        "service weight 5",
        "daemon:80 state 1",
        "info inbytes 5",
        "service stats 5",
        "service timeout x",
        "service netmask 24",
    ] {
        assert!(parse(rule).is_err(), "{rule}");
    }
    let rules = parse("service scheduler abcd").unwrap();
    let scheduler = Service::SchedulerName("wlc".to_owned());
    let mut bytes = datagram(IpvsCommand::NewService, vec![Top::Service(vec![scheduler])]);
    assert!(rewrite(&mut bytes, FAMILY, &rules, |_| ()).is_err());
}
