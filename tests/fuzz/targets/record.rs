// SPDX-License-Identifier: MIT

//! The fast way to read a service or destination against the slow one: both read the
//! same, and what the slow one takes the fast one takes.
#![no_main]

use ipvs_netlink::{
    DestinationAttribute as D, DestinationRecord, IpvsAttribute, IpvsCommand, IpvsMessage,
    ServiceAttribute as S, ServiceRecord, StatsAttribute, UnreadStats,
};
use libfuzzer_sys::fuzz_target;
use netlink_packet_core::ParseableParametrized;

fuzz_target!(|input: &[u8]| {
    let service = ServiceRecord::read(input);
    let destination = DestinationRecord::read(input);
    for stats in [
        service.as_ref().ok().and_then(|it| it.as_ref()?.stats),
        destination.as_ref().ok().and_then(|it| it.as_ref()?.stats),
    ]
    .into_iter()
    .flatten()
    {
        let _ = stats.read();
    }
    let header = IpvsCommand::NewService.header();
    let Ok(message) = IpvsMessage::parse_with_param(input, header) else {
        return;
    };
    let service = service.expect("the slow way has read it");
    let destination = destination.expect("the slow way has read it");
    let first = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            IpvsAttribute::Service(set) => Some(set),
            _ => None,
        });
    assert_eq!(service.is_some(), first.is_some());
    if let (Some(record), Some(set)) = (service, first) {
        check_service(&record, set);
    }
    let first = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            IpvsAttribute::Destination(set) => Some(set),
            _ => None,
        });
    assert_eq!(destination.is_some(), first.is_some());
    if let (Some(record), Some(set)) = (destination, first) {
        check_destination(&record, set);
    }
});

/// Compares the fields of a record with the last attribute of each number.
fn check_service(record: &ServiceRecord<'_>, set: &[S]) {
    let mut wanted = ServiceRecord::default();
    let mut stats = None;
    let mut stats64 = None;
    for attribute in set {
        match attribute {
            S::AddressFamily(value) => wanted.address_family = Some(*value),
            S::Protocol(value) => wanted.protocol = Some(*value),
            S::Address(value) => wanted.address = Some(*value),
            S::Port(value) => wanted.port = Some(*value),
            S::Fwmark(value) => wanted.fwmark = Some(*value),
            S::SchedulerName(name) => wanted.scheduler_name = Some(name),
            S::Flags { flags, mask } => wanted.flags = Some((*flags, *mask)),
            S::Timeout(value) => wanted.timeout = Some(*value),
            S::Netmask(value) => wanted.netmask = Some(*value),
            S::PersistenceEngineName(name) => wanted.persistence_engine_name = Some(name),
            S::Stats(set) => stats = Some(count(set)),
            S::Stats64(set) => stats64 = Some(count(set)),
            _ => {}
        }
    }
    assert_eq!(record.stats.map(read), stats64.or(stats));
    wanted.stats = record.stats;
    assert_eq!(*record, wanted);
}

fn check_destination(record: &DestinationRecord<'_>, set: &[D]) {
    let mut wanted = DestinationRecord::default();
    let mut stats = None;
    let mut stats64 = None;
    for attribute in set {
        match attribute {
            D::AddressFamily(value) => wanted.address_family = Some(*value),
            D::Address(value) => wanted.address = Some(*value),
            D::Port(value) => wanted.port = Some(*value),
            D::ForwardingMethod(value) => wanted.forwarding_method = Some(*value),
            D::Weight(value) => wanted.weight = Some(*value),
            D::UpperThreshold(value) => wanted.upper_threshold = Some(*value),
            D::LowerThreshold(value) => wanted.lower_threshold = Some(*value),
            D::ActiveConnections(value) => wanted.active_connections = Some(*value),
            D::InactiveConnections(value) => wanted.inactive_connections = Some(*value),
            D::PersistentConnections(value) => wanted.persistent_connections = Some(*value),
            D::TunnelType(value) => wanted.tunnel_type = Some(*value),
            D::TunnelPort(value) => wanted.tunnel_port = Some(*value),
            D::TunnelFlags(value) => wanted.tunnel_flags = Some(*value),
            D::Stats(set) => stats = Some(count(set)),
            D::Stats64(set) => stats64 = Some(count(set)),
            _ => {}
        }
    }
    assert_eq!(record.stats.map(read), stats64.or(stats));
    wanted.stats = record.stats;
    assert_eq!(*record, wanted);
}

fn read(unread: UnreadStats<'_>) -> [u64; 10] {
    let record = unread.read().expect("the slow way has read them");
    [
        record.connections,
        record.in_packets,
        record.out_packets,
        record.in_bytes,
        record.out_bytes,
        record.connections_per_second,
        record.in_packets_per_second,
        record.out_packets_per_second,
        record.in_bytes_per_second,
        record.out_bytes_per_second,
    ]
}

fn count<C: Copy + Into<u64>>(set: &[StatsAttribute<C>]) -> [u64; 10] {
    let mut numbers = [0; 10];
    for attribute in set {
        let (place, value) = match *attribute {
            StatsAttribute::Connections(value) => (0, value.into()),
            StatsAttribute::InPackets(value) => (1, value.into()),
            StatsAttribute::OutPackets(value) => (2, value.into()),
            StatsAttribute::InBytes(value) => (3, value),
            StatsAttribute::OutBytes(value) => (4, value),
            StatsAttribute::ConnectionsPerSecond(value) => (5, value.into()),
            StatsAttribute::InPacketsPerSecond(value) => (6, value.into()),
            StatsAttribute::OutPacketsPerSecond(value) => (7, value.into()),
            StatsAttribute::InBytesPerSecond(value) => (8, value.into()),
            StatsAttribute::OutBytesPerSecond(value) => (9, value.into()),
            _ => continue,
        };
        numbers[place] = value;
    }
    numbers
}
