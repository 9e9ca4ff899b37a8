// SPDX-License-Identifier: MIT

//! The model into the structures of the socket options, and back. What those have no
//! place for is an error.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
};

use super::structures::{
    DaemonUser, DestinationEntry, DestinationUser, GetInfo, NAME_LENGTH, ServiceEntry, ServiceName,
    ServiceUser, StatsUser, TimeoutUser,
};
use crate::{
    AddressFamily, Counters, DaemonRole, Destination, DestinationId, DestinationSettings,
    ForwardingMethod, Info, NetlinkOnly, Netmask, Persistence, Protocol, SchedulerFlags, Service,
    ServiceId, ServiceSettings, Stats, SyncDaemon, SyncDaemonSettings, Timeouts, Tunnel, Version,
};

/// Service flags (`IP_VS_SVC_F_*`).
const PERSISTENT: u32 = 0x1;
const HASHED: u32 = 0x2;
const ONE_PACKET: u32 = 0x4;

/// The forwarding method in the flags of a destination (`IP_VS_CONN_F_FWD_MASK`).
const METHOD_MASK: u32 = 0x7;

/// States of a daemon (`IP_VS_STATE_*`); 0 is none.
const MASTER: i32 = 1;
const BACKUP: i32 = 2;

/// The fewest bytes that a packet of IPv4 has.
const PACKET_MIN: u64 = 20;

/// Names a service.
pub(crate) fn name_service(id: &ServiceId) -> Result<ServiceName, NetlinkOnly> {
    let mut name = ServiceName::default();
    match *id {
        ServiceId::Address {
            protocol,
            address: IpAddr::V4(address),
            port,
        } => {
            if let Protocol::Other(_) = protocol {
                return Err(NetlinkOnly::Protocol);
            }
            name.protocol = protocol.number();
            name.address = address.octets();
            name.port = port.into();
        }
        ServiceId::Fwmark {
            mark,
            family: AddressFamily::Ipv4,
        } => {
            // The kernel wants one of a mark, too, and netlink gives it this one.
            name.protocol = Protocol::Tcp.number();
            name.fwmark = mark.get();
        }
        _ => return Err(NetlinkOnly::Ipv6),
    }
    Ok(name)
}

/// Describes a service whole.
pub(crate) fn describe_service(
    id: &ServiceId,
    settings: &ServiceSettings,
) -> Result<ServiceUser, NetlinkOnly> {
    let name = name_service(id)?;
    if settings.persistence_engine.is_some() {
        return Err(NetlinkOnly::PersistenceEngine);
    }
    let mut flags = u32::from((settings.scheduler_flags & SchedulerFlags::all()).bits());
    if settings.one_packet {
        flags |= ONE_PACKET;
    }
    if settings.persistence.is_some() {
        flags |= PERSISTENT;
    }
    let persistence = settings.persistence.unwrap_or(Persistence::new(0));
    let netmask = match persistence.netmask() {
        Some(Netmask::Ipv4(netmask)) => netmask,
        Some(Netmask::Ipv6(_)) => return Err(NetlinkOnly::Ipv6),
        None => Ipv4Addr::BROADCAST,
    };
    Ok(ServiceUser {
        name,
        scheduler_name: pad_name(&settings.scheduler),
        flags,
        timeout: persistence.timeout,
        netmask: netmask.octets(),
    })
}

/// Describes a service whole, but for the flags that this crate has no name for, and the
/// protocol of a mark, which it does not know: those stay as the entry has them.
pub(crate) fn describe_known_service(
    id: &ServiceId,
    settings: &ServiceSettings,
    entry: &ServiceEntry,
) -> Result<ServiceUser, NetlinkOnly> {
    let mut service = describe_service(id, settings)?;
    service.name.protocol = entry.name.protocol;
    service.flags |= unknown_flags(entry.flags);
    Ok(service)
}

/// Names a destination.
pub(crate) fn name_destination(id: &DestinationId) -> Result<DestinationUser, NetlinkOnly> {
    let IpAddr::V4(address) = id.address else {
        return Err(NetlinkOnly::Ipv6);
    };
    Ok(DestinationUser {
        address: address.octets(),
        port: id.port.into(),
        ..DestinationUser::default()
    })
}

/// Describes a destination whole.
pub(crate) fn describe_destination(
    id: &DestinationId,
    settings: &DestinationSettings,
) -> Result<DestinationUser, NetlinkOnly> {
    let name = name_destination(id)?;
    if let ForwardingMethod::Tunneling(tunnel) = settings.forwarding_method
        && tunnel != Tunnel::Ipip
    {
        return Err(NetlinkOnly::Tunnel);
    }
    Ok(DestinationUser {
        connection_flags: settings.forwarding_method.number(),
        // What is above i32::MAX is negative, which the kernel refuses.
        weight: settings.weight.cast_signed(),
        upper_threshold: settings.upper_threshold,
        lower_threshold: settings.lower_threshold,
        ..name
    })
}

/// Names a daemon to stop.
pub(crate) fn name_daemon(role: DaemonRole) -> DaemonUser {
    DaemonUser {
        state: match role {
            DaemonRole::Master => MASTER,
            DaemonRole::Backup => BACKUP,
        },
        ..DaemonUser::default()
    }
}

/// Describes a daemon to start.
pub(crate) fn describe_daemon(daemon: &SyncDaemonSettings) -> Result<DaemonUser, NetlinkOnly> {
    let SyncDaemonSettings {
        role,
        interface,
        sync_id,
        sync_maxlen: None,
        group: None,
        port: None,
        ttl: None,
    } = daemon
    else {
        return Err(NetlinkOnly::DaemonSettings);
    };
    Ok(DaemonUser {
        multicast_interface: pad_name(interface),
        sync_id: (*sync_id).into(),
        ..name_daemon(*role)
    })
}

/// Sets all three timeouts; 0 leaves one as it is.
pub(crate) fn describe_timeouts(timeouts: &Timeouts) -> TimeoutUser {
    // What is above i32::MAX is negative, which the kernel refuses.
    let seconds = |timeout: Option<NonZeroU32>| timeout.map_or(0, NonZeroU32::get).cast_signed();
    TimeoutUser {
        tcp: seconds(timeouts.tcp),
        tcp_fin: seconds(timeouts.tcp_fin),
        udp: seconds(timeouts.udp),
    }
}

/// Returns whether the kernel has filled the entry of a service: without a scheduler
/// it has the name "none".
pub(crate) fn is_service(entry: &ServiceEntry) -> bool {
    entry.scheduler_name != [0; NAME_LENGTH]
}

/// Returns whether the kernel has filled the entry of a destination: it takes none that
/// packets cannot be sent to.
pub(crate) fn is_destination(entry: &DestinationEntry) -> bool {
    entry.address != [0; 4]
}

/// Makes a service of an entry.
pub(crate) fn read_service(entry: &ServiceEntry, counters: Counters) -> Service {
    let name = &entry.name;
    let id = match NonZeroU32::new(name.fwmark) {
        Some(mark) => ServiceId::fwmark(mark, AddressFamily::Ipv4),
        None => ServiceId::Address {
            protocol: name.protocol.into(),
            address: name.address.into(),
            port: name.port.get(),
        },
    };
    let mut settings = ServiceSettings::new(read_name(&entry.scheduler_name));
    settings.scheduler_flags = SchedulerFlags::from_bits_truncate(entry.flags as u8);
    settings.one_packet = entry.flags & ONE_PACKET != 0;
    settings.persistence = (entry.flags & PERSISTENT != 0)
        .then(|| Persistence::new(entry.timeout).with_netmask(Netmask::Ipv4(entry.netmask.into())));
    Service {
        id,
        settings,
        unknown_flags: unknown_flags(entry.flags),
        stats: read_stats(&entry.stats, counters),
    }
}

/// Makes a destination of an entry.
pub(crate) fn read_destination(entry: &DestinationEntry, counters: Counters) -> Destination {
    Destination {
        id: DestinationId::new(entry.address, entry.port.get()),
        settings: DestinationSettings {
            forwarding_method: match entry.connection_flags & METHOD_MASK {
                0 => ForwardingMethod::Masquerading,
                1 => ForwardingMethod::LocalNode,
                2 => ForwardingMethod::Tunneling(Tunnel::Ipip),
                3 => ForwardingMethod::DirectRouting,
                4 => ForwardingMethod::Bypass,
                other => ForwardingMethod::Other(other),
            },
            weight: entry.weight.cast_unsigned(),
            upper_threshold: entry.upper_threshold,
            lower_threshold: entry.lower_threshold,
        },
        active_connections: entry.active_connections,
        inactive_connections: entry.inactive_connections,
        persistent_connections: entry.persistent_connections,
        stats: read_stats(&entry.stats, counters),
    }
}

/// Makes a running daemon; `None` of one that does not run.
pub(crate) fn read_daemon(daemon: &DaemonUser) -> Option<SyncDaemon> {
    let role = match daemon.state {
        MASTER => DaemonRole::Master,
        BACKUP => DaemonRole::Backup,
        _ => return None,
    };
    let interface = read_name(&daemon.multicast_interface);
    Some(SyncDaemon::new(
        role,
        interface,
        daemon.sync_id.cast_unsigned(),
    ))
}

/// Makes the timeouts.
pub(crate) fn read_timeouts(timeouts: &TimeoutUser) -> Timeouts {
    // A kernel that is built without a protocol leaves zeros.
    Timeouts::default()
        .tcp(timeouts.tcp.cast_unsigned())
        .tcp_fin(timeouts.tcp_fin.cast_unsigned())
        .udp(timeouts.udp.cast_unsigned())
}

/// Makes version and table size.
pub(crate) fn read_info(info: &GetInfo) -> Info {
    Info::new(Version(info.version), info.size)
}

/// Returns the flags that have no place in the model and are not the kernel's own.
fn unknown_flags(flags: u32) -> u32 {
    flags & !(PERSISTENT | HASHED | ONE_PACKET | u32::from(SchedulerFlags::all().bits()))
}

/// Makes the counters, if they are wanted and certain.
///
/// Connections and packets have 32 bits here and begin again at 0, bytes have 64. While
/// the bytes of one direction fit fewer packets than 32 bits count, its packets have
/// not begun again, and neither have the connections, each of which has had a packet.
/// Beyond that nothing is told: half of the counters would be of no use to those who
/// put them into proportion.
fn read_stats(stats: &StatsUser, counters: Counters) -> Option<Stats> {
    const CERTAIN: u64 = PACKET_MIN << u32::BITS;
    let (in_bytes, out_bytes) = (stats.in_bytes.get(), stats.out_bytes.get());
    if counters == Counters::Skip || in_bytes >= CERTAIN || out_bytes >= CERTAIN {
        return None;
    }
    Some(Stats {
        connections: stats.connections.into(),
        in_packets: stats.in_packets.into(),
        out_packets: stats.out_packets.into(),
        in_bytes,
        out_bytes,
        connections_per_second: stats.connections_per_second.into(),
        in_packets_per_second: stats.in_packets_per_second.into(),
        out_packets_per_second: stats.out_packets_per_second.into(),
        in_bytes_per_second: stats.in_bytes_per_second.into(),
        out_bytes_per_second: stats.out_bytes_per_second.into(),
    })
}

/// Fills a name up with NULs. The client checks the length of names; what is too long
/// would be cut here.
fn pad_name(name: &str) -> [u8; NAME_LENGTH] {
    let mut padded = [0; NAME_LENGTH];
    // The last byte stays NUL.
    for (to, from) in padded.iter_mut().zip(name.bytes()).take(NAME_LENGTH - 1) {
        *to = from;
    }
    padded
}

/// Reads a name up to its NUL.
fn read_name(bytes: &[u8; NAME_LENGTH]) -> String {
    let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(in_bytes: u64, out_bytes: u64) -> Option<Stats> {
        let stats = StatsUser {
            connections: u32::MAX,
            in_packets: 2,
            out_packets: 3,
            in_bytes: in_bytes.into(),
            out_bytes: out_bytes.into(),
            in_bytes_per_second: 4,
            ..StatsUser::default()
        };
        read_stats(&stats, Counters::Read)
    }

    #[test]
    fn counters_are_told_while_32_bits_of_packets_are_enough() {
        // 2^32 packets of 20 bytes, the smallest header of IPv4 (RFC 791).
        let limit = 85_899_345_920;
        let stats = read(limit - 1, limit - 1).unwrap();
        assert_eq!(stats.connections, u64::from(u32::MAX));
        assert_eq!((stats.in_packets, stats.out_packets), (2, 3));
        assert_eq!((stats.in_bytes, stats.out_bytes), (limit - 1, limit - 1));
        assert_eq!(stats.in_bytes_per_second, 4);
        assert_eq!(read(limit, 0), None);
        assert_eq!(read(0, limit), None);
    }

    #[test]
    fn a_name_without_its_end_is_read_whole() {
        assert_eq!(read_name(&[b'x'; NAME_LENGTH]), "x".repeat(NAME_LENGTH));
        assert_eq!(read_name(&pad_name("wrr")), "wrr");
        assert_eq!(read_name(&pad_name(&"x".repeat(20))), "x".repeat(15));
    }
}
