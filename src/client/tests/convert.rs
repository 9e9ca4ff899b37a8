// SPDX-License-Identifier: MIT

//! What the kernel sends back of a model is the model, over the bytes.

use std::{
    fmt::Debug,
    net::IpAddr,
    num::{NonZeroU16, NonZeroU32},
};

use ipvs_netlink::{
    Counter, DestinationAttribute, IP_VS_CONN_F_TUNNEL_TYPE_GUE, IpvsAttribute, IpvsCommand,
    IpvsMessage, ServiceAttribute, StatsAttribute,
};
use netlink_packet_core::ParseableParametrized;
use netlink_packet_generic::{GenlFamily, GenlHeader};
use proptest::{prelude::*, test_runner::FileFailurePersistence};

use crate::{
    AddressFamily, Counters, DaemonRole, Destination, DestinationId, DestinationSettings,
    ForwardingMethod, Netmask, Persistence, SchedulerFlags, Service, ServiceId, ServiceSettings,
    Stats, SyncDaemon, Timeouts, Tunnel, TunnelChecksum,
    kernel::convert::{
        daemon, daemon_attributes, destination, destination_attributes, service,
        service_attributes, timeout_attributes, timeouts,
    },
};

/// A failure's seed is kept beside this file; commit it with the repair.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

/// The attributes as they travel.
fn bytes(command: IpvsCommand, attributes: Vec<IpvsAttribute>) -> Vec<u8> {
    let mut bytes = Vec::new();
    IpvsMessage::new(command, attributes).append_to(&mut bytes);
    bytes
}

/// The attributes after a journey over the wire.
fn sent(command: IpvsCommand, attributes: Vec<IpvsAttribute>) -> Vec<IpvsAttribute> {
    let message = IpvsMessage::new(command, Vec::new());
    let bytes = bytes(command, attributes);
    let header = GenlHeader {
        cmd: message.command(),
        version: message.version(),
    };
    IpvsMessage::parse_with_param(&bytes, header)
        .unwrap()
        .attributes
}

fn any_family() -> impl Strategy<Value = AddressFamily> {
    prop_oneof![Just(AddressFamily::Ipv4), Just(AddressFamily::Ipv6)]
}

/// A name that the kernel takes.
fn any_name() -> impl Strategy<Value = String> {
    "[a-z0-9_.:-]{1,15}"
}

fn any_service_id() -> impl Strategy<Value = ServiceId> {
    prop_oneof![
        (any::<u16>(), any::<IpAddr>(), any::<u16>()).prop_map(|(protocol, address, port)| {
            ServiceId::Address {
                protocol: protocol.into(),
                address,
                port,
            }
        }),
        (any::<NonZeroU32>(), any_family())
            .prop_map(|(mark, family)| ServiceId::Fwmark { mark, family }),
    ]
}

/// Persistence has the family of its service.
fn any_persistence(family: AddressFamily) -> impl Strategy<Value = Option<Persistence>> {
    let netmask = any::<u32>().prop_map(move |bits| match family {
        AddressFamily::Ipv4 => Netmask::Ipv4(bits.into()),
        AddressFamily::Ipv6 => Netmask::Ipv6(bits),
    });
    proptest::option::of(
        (any::<u32>(), netmask).prop_map(|(timeout, netmask)| Persistence { timeout, netmask }),
    )
}

fn any_settings(family: AddressFamily) -> impl Strategy<Value = ServiceSettings> {
    (
        any_name(),
        any::<[bool; 4]>(),
        any_persistence(family),
        proptest::option::of(any_name()),
    )
        .prop_map(
            |(scheduler, [flag_1, flag_2, flag_3, one_packet], persistence, persistence_engine)| {
                ServiceSettings {
                    scheduler,
                    scheduler_flags: SchedulerFlags {
                        flag_1,
                        flag_2,
                        flag_3,
                    },
                    one_packet,
                    persistence,
                    persistence_engine,
                }
            },
        )
}

fn any_stats() -> impl Strategy<Value = Stats> {
    any::<[u64; 10]>().prop_map(
        |[
            connections,
            in_packets,
            out_packets,
            in_bytes,
            out_bytes,
            connections_per_second,
            in_packets_per_second,
            out_packets_per_second,
            in_bytes_per_second,
            out_bytes_per_second,
        ]| Stats {
            connections,
            in_packets,
            out_packets,
            in_bytes,
            out_bytes,
            connections_per_second,
            in_packets_per_second,
            out_packets_per_second,
            in_bytes_per_second,
            out_bytes_per_second,
        },
    )
}

fn any_service() -> impl Strategy<Value = Service> {
    any_service_id()
        .prop_flat_map(|id| (Just(id), any_settings(id.family()), any_stats()))
        .prop_map(|(id, settings, stats)| Service {
            unknown_flags: 0,
            id,
            settings,
            stats,
        })
}

fn any_checksum() -> impl Strategy<Value = TunnelChecksum> {
    prop_oneof![
        Just(TunnelChecksum::None),
        Just(TunnelChecksum::Full),
        Just(TunnelChecksum::Remote),
    ]
}

fn any_tunnel() -> impl Strategy<Value = Tunnel> {
    let other = |kind, port, flags| Tunnel::Other { kind, port, flags };
    prop_oneof![
        Just(Tunnel::Ipip),
        (any::<NonZeroU16>(), any_checksum())
            .prop_map(|(port, checksum)| Tunnel::Gue { port, checksum }),
        any_checksum().prop_map(|checksum| Tunnel::Gre { checksum }),
        // A type, or what no tunnel of the type has.
        (3..=u8::MAX, any::<u16>(), any::<u16>())
            .prop_map(move |(kind, port, flags)| other(kind, port, flags)),
        (1..=2_u8, any::<u16>(), 3..=u16::MAX)
            .prop_map(move |(kind, port, flags)| other(kind, port, flags)),
        (0..=2_u16).prop_map(move |flags| other(IP_VS_CONN_F_TUNNEL_TYPE_GUE, 0, flags)),
    ]
}

fn any_forwarding_method() -> impl Strategy<Value = ForwardingMethod> {
    prop_oneof![
        Just(ForwardingMethod::Masquerading),
        Just(ForwardingMethod::LocalNode),
        any_tunnel().prop_map(ForwardingMethod::Tunneling),
        Just(ForwardingMethod::DirectRouting),
        Just(ForwardingMethod::Bypass),
        (5..=7_u32).prop_map(ForwardingMethod::Other),
    ]
}

fn any_destination() -> impl Strategy<Value = Destination> {
    (
        (any::<IpAddr>(), any::<u16>()),
        any_forwarding_method(),
        any::<[u32; 6]>(),
        any_stats(),
    )
        .prop_map(
            |((address, port), forwarding_method, [a, b, c, d, e, f], stats)| Destination {
                id: DestinationId { address, port },
                settings: DestinationSettings {
                    forwarding_method,
                    weight: a,
                    upper_threshold: b,
                    lower_threshold: c,
                },
                active_connections: d,
                inactive_connections: e,
                persistent_connections: f,
                stats,
            },
        )
}

fn any_daemon() -> impl Strategy<Value = SyncDaemon> {
    (
        prop_oneof![Just(DaemonRole::Master), Just(DaemonRole::Backup)],
        any_name(),
        any::<u32>(),
        any::<Option<u16>>(),
        any::<Option<IpAddr>>(),
        any::<Option<u16>>(),
        any::<Option<u8>>(),
    )
        .prop_map(
            |(role, interface, sync_id, sync_maxlen, group, port, ttl)| SyncDaemon {
                role,
                interface,
                sync_id,
                sync_maxlen,
                group,
                port,
                ttl,
            },
        )
}

/// The counters as the kernel sends them; `narrow` is what it does to those
/// that it sends in 32 bits.
fn stats_attributes<C: Counter + Debug>(
    stats: &Stats,
    narrow: fn(u64) -> C,
) -> Vec<StatsAttribute<C>> {
    vec![
        StatsAttribute::Connections(narrow(stats.connections)),
        StatsAttribute::InPackets(narrow(stats.in_packets)),
        StatsAttribute::OutPackets(narrow(stats.out_packets)),
        StatsAttribute::InBytes(stats.in_bytes),
        StatsAttribute::OutBytes(stats.out_bytes),
        StatsAttribute::ConnectionsPerSecond(narrow(stats.connections_per_second)),
        StatsAttribute::InPacketsPerSecond(narrow(stats.in_packets_per_second)),
        StatsAttribute::OutPacketsPerSecond(narrow(stats.out_packets_per_second)),
        StatsAttribute::InBytesPerSecond(narrow(stats.in_bytes_per_second)),
        StatsAttribute::OutBytesPerSecond(narrow(stats.out_bytes_per_second)),
    ]
}

fn stats32(stats: &Stats) -> Vec<StatsAttribute<u32>> {
    stats_attributes(stats, |counter| counter as u32)
}

fn stats64(stats: &Stats) -> Vec<StatsAttribute<u64>> {
    stats_attributes(stats, |counter| counter)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_service_comes_back_as_it_was(expected in any_service()) {
        let mut attributes = service_attributes(&expected.id, &expected.settings);
        attributes.push(ServiceAttribute::Stats(stats32(&expected.stats)));
        attributes.push(ServiceAttribute::Stats64(stats64(&expected.stats)));
        let reply = bytes(
            IpvsCommand::NewService,
            vec![IpvsAttribute::Service(attributes)],
        );
        prop_assert_eq!(&service(&reply, Counters::Read).unwrap(), &expected);
        let without = Service { stats: Stats::default(), ..expected };
        prop_assert_eq!(service(&reply, Counters::Skip).unwrap(), without);
    }

    /// Whatever the family of the service: the destination names its own.
    #[test]
    fn a_destination_comes_back_as_it_was(
        expected in any_destination(),
        service_family in any_family(),
    ) {
        let mut attributes = destination_attributes(&expected.id, &expected.settings);
        attributes.extend([
            DestinationAttribute::ActiveConnections(expected.active_connections),
            DestinationAttribute::InactiveConnections(expected.inactive_connections),
            DestinationAttribute::PersistentConnections(expected.persistent_connections),
            DestinationAttribute::Stats(stats32(&expected.stats)),
            DestinationAttribute::Stats64(stats64(&expected.stats)),
        ]);
        let reply = bytes(
            IpvsCommand::NewDest,
            vec![IpvsAttribute::Destination(attributes)],
        );
        let read = |counters| destination(&reply, service_family, counters).unwrap();
        prop_assert_eq!(&read(Counters::Read), &expected);
        let without = Destination { stats: Stats::default(), ..expected };
        prop_assert_eq!(read(Counters::Skip), without);
    }

    #[test]
    fn a_daemon_comes_back_as_it_was(expected in any_daemon()) {
        let reply = sent(
            IpvsCommand::NewDaemon,
            vec![IpvsAttribute::Daemon(daemon_attributes(&expected))],
        );
        prop_assert_eq!(daemon(reply).unwrap(), expected);
    }

    #[test]
    fn timeouts_come_back_as_they_were(tcp: u32, tcp_fin: u32, udp: u32) {
        let expected = Timeouts { tcp, tcp_fin, udp };
        let reply = sent(IpvsCommand::SetConfig, timeout_attributes(&expected));
        prop_assert_eq!(timeouts(reply).unwrap(), expected);
    }
}
