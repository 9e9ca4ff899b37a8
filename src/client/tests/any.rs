// SPDX-License-Identifier: MIT

//! Any value of the model that a kernel can have, for properties.

use std::{
    net::IpAddr,
    num::{NonZeroU8, NonZeroU16, NonZeroU32},
};

use proptest::prelude::*;

use crate::{
    AddressFamily, DaemonRole, Destination, DestinationId, DestinationSettings, ForwardingMethod,
    Netmask, Persistence, SchedulerFlags, Service, ServiceId, ServiceSettings, Stats,
    SyncDaemonSettings, Tunnel, TunnelChecksum,
};

pub(crate) fn any_family() -> impl Strategy<Value = AddressFamily> {
    prop_oneof![Just(AddressFamily::Ipv4), Just(AddressFamily::Ipv6)]
}

/// A name that the kernel takes.
pub(crate) fn any_name() -> impl Strategy<Value = String> {
    "[a-z0-9_.:-]{1,15}"
}

pub(crate) fn any_service_id() -> impl Strategy<Value = ServiceId> {
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
pub(crate) fn any_persistence(family: AddressFamily) -> impl Strategy<Value = Option<Persistence>> {
    let netmask = any::<u32>().prop_map(move |bits| match family {
        AddressFamily::Ipv4 => Netmask::Ipv4(bits.into()),
        AddressFamily::Ipv6 => Netmask::Ipv6(bits),
    });
    proptest::option::of(
        (any::<u32>(), netmask)
            .prop_map(|(timeout, netmask)| Persistence::new(timeout).with_netmask(netmask)),
    )
}

pub(crate) fn any_settings(family: AddressFamily) -> impl Strategy<Value = ServiceSettings> {
    (
        // Two of them have names of their own for their flags.
        prop_oneof![any_name(), Just("sh".to_owned()), Just("mh".to_owned())],
        (any::<u8>(), any::<bool>()),
        any_persistence(family),
        proptest::option::of(any_name()),
    )
        .prop_map(
            |(scheduler, (flags, one_packet), persistence, persistence_engine)| ServiceSettings {
                scheduler,
                scheduler_flags: SchedulerFlags::from_bits_truncate(flags),
                one_packet,
                persistence,
                persistence_engine: persistence_engine.map(Into::into),
            },
        )
}

pub(crate) fn any_stats() -> impl Strategy<Value = Stats> {
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

pub(crate) fn any_service() -> impl Strategy<Value = Service> {
    any_service_id()
        .prop_flat_map(|id| (Just(id), any_settings(id.family()), any_stats()))
        .prop_map(|(id, settings, stats)| Service {
            unknown_flags: 0,
            id,
            settings,
            stats: Some(stats),
        })
}

pub(crate) fn any_checksum() -> impl Strategy<Value = TunnelChecksum> {
    prop_oneof![
        Just(TunnelChecksum::None),
        Just(TunnelChecksum::Full),
        Just(TunnelChecksum::Remote),
    ]
}

pub(crate) fn any_tunnel() -> impl Strategy<Value = Tunnel> {
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
        (0..=2_u16).prop_map(move |flags| other(1, 0, flags)),
    ]
}

pub(crate) fn any_forwarding_method() -> impl Strategy<Value = ForwardingMethod> {
    prop_oneof![
        Just(ForwardingMethod::Masquerading),
        Just(ForwardingMethod::LocalNode),
        any_tunnel().prop_map(ForwardingMethod::Tunneling),
        Just(ForwardingMethod::DirectRouting),
        Just(ForwardingMethod::Bypass),
        (5..=7_u32).prop_map(ForwardingMethod::Other),
    ]
}

pub(crate) fn any_destination_id() -> impl Strategy<Value = DestinationId> {
    (any::<IpAddr>(), any::<u16>()).prop_map(|(address, port)| DestinationId { address, port })
}

pub(crate) fn any_destination() -> impl Strategy<Value = Destination> {
    (
        any_destination_id(),
        any_forwarding_method(),
        any::<[u32; 6]>(),
        any_stats(),
    )
        .prop_map(
            |(id, forwarding_method, [a, b, c, d, e, f], stats)| Destination {
                id,
                settings: DestinationSettings {
                    forwarding_method,
                    weight: a,
                    upper_threshold: b,
                    lower_threshold: c,
                },
                active_connections: d,
                inactive_connections: e,
                persistent_connections: f,
                stats: Some(stats),
            },
        )
}

/// A daemon that runs.
#[cfg(feature = "serde")]
pub(crate) fn any_daemon() -> impl Strategy<Value = crate::SyncDaemon> {
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
            |(role, interface, sync_id, sync_maxlen, group, port, ttl)| crate::SyncDaemon {
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

/// A daemon that can be asked for.
pub(crate) fn any_daemon_settings() -> impl Strategy<Value = SyncDaemonSettings> {
    (
        prop_oneof![Just(DaemonRole::Master), Just(DaemonRole::Backup)],
        any_name(),
        any::<u8>(),
        any::<Option<NonZeroU16>>(),
        any::<Option<IpAddr>>(),
        any::<Option<NonZeroU16>>(),
        any::<Option<NonZeroU8>>(),
    )
        .prop_map(
            |(role, interface, sync_id, sync_maxlen, group, port, ttl)| SyncDaemonSettings {
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
