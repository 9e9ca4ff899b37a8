// SPDX-License-Identifier: MIT

//! A model that travels to the kernel and back, over the bytes, is the same model.

use std::{
    fmt::Debug,
    num::{NonZeroU8, NonZeroU16},
};

use ipvs_netlink::{
    Counter, DestinationAttribute, IpvsAttribute, IpvsCommand, IpvsMessage, ServiceAttribute,
    StatsAttribute,
};
use netlink_packet_core::ParseableParametrized;
use proptest::{
    prelude::*,
    test_runner::{FileFailurePersistence, TestCaseError},
};

use super::any::{any_daemon_settings, any_destination, any_family, any_service};
use crate::{
    Counters, Destination, Service, Stats, SyncDaemon, Timeouts,
    kernel::netlink::convert::{
        append_attributes, describe_daemon, describe_destination, describe_service,
        describe_timeouts, read_daemon, read_destination, read_service, read_timeouts,
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
fn bytes(attributes: &[IpvsAttribute]) -> Vec<u8> {
    let mut bytes = Vec::new();
    append_attributes(&mut bytes, attributes);
    bytes
}

/// The attributes of a message that has these bytes.
fn attributes(command: IpvsCommand, bytes: &[u8]) -> Vec<IpvsAttribute> {
    IpvsMessage::parse_with_param(bytes, command.header())
        .unwrap()
        .attributes
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
        let mut request = Vec::new();
        describe_service(&expected.id, &expected.settings).append_to(&mut request);
        let mut attributes = attributes(IpvsCommand::NewService, &request);
        let Some(IpvsAttribute::Service(service)) = attributes.first_mut() else {
            return Err(TestCaseError::fail("no service"));
        };
        service.push(ServiceAttribute::Stats(stats32(expected.stats.as_ref().unwrap())));
        service.push(ServiceAttribute::Stats64(stats64(expected.stats.as_ref().unwrap())));
        let reply = bytes(&attributes);
        prop_assert_eq!(&read_service(&reply, Counters::Read).unwrap(), &expected);
        let without = Service { stats: None, ..expected };
        prop_assert_eq!(read_service(&reply, Counters::Skip).unwrap(), without);
    }

    /// Whatever the family of the service: the destination names its own.
    #[test]
    fn a_destination_comes_back_as_it_was(
        expected in any_destination(),
        service_family in any_family(),
    ) {
        let mut request = Vec::new();
        describe_destination(&expected.id, &expected.settings).append_to(&mut request);
        let mut attributes = attributes(IpvsCommand::NewDest, &request);
        let Some(IpvsAttribute::Destination(destination)) = attributes.first_mut() else {
            return Err(TestCaseError::fail("no destination"));
        };
        destination.extend([
            DestinationAttribute::ActiveConnections(expected.active_connections),
            DestinationAttribute::InactiveConnections(expected.inactive_connections),
            DestinationAttribute::PersistentConnections(expected.persistent_connections),
            DestinationAttribute::Stats(stats32(expected.stats.as_ref().unwrap())),
            DestinationAttribute::Stats64(stats64(expected.stats.as_ref().unwrap())),
        ]);
        let reply = bytes(&attributes);
        let read = |counters| read_destination(&reply, service_family, counters).unwrap();
        prop_assert_eq!(&read(Counters::Read), &expected);
        let without = Destination { stats: None, ..expected };
        prop_assert_eq!(read(Counters::Skip), without);
    }

    #[test]
    fn a_daemon_comes_back_as_it_was(wanted in any_daemon_settings()) {
        let reply = bytes(&[IpvsAttribute::Daemon(describe_daemon(&wanted))]);
        let reply = attributes(IpvsCommand::NewDaemon, &reply);
        let expected = SyncDaemon {
            role: wanted.role,
            interface: wanted.interface,
            sync_id: wanted.sync_id.into(),
            sync_maxlen: wanted.sync_maxlen.map(NonZeroU16::get),
            group: wanted.group,
            port: wanted.port.map(NonZeroU16::get),
            ttl: wanted.ttl.map(NonZeroU8::get),
        };
        prop_assert_eq!(read_daemon(reply).unwrap(), expected);
    }

    #[test]
    fn timeouts_come_back_as_they_were(tcp: u32, tcp_fin: u32, udp: u32) {
        let expected = Timeouts::default().tcp(tcp).tcp_fin(tcp_fin).udp(udp);
        let reply = bytes(&describe_timeouts(&expected));
        let reply = attributes(IpvsCommand::SetConfig, &reply);
        prop_assert_eq!(read_timeouts(reply).unwrap(), expected);
    }
}
