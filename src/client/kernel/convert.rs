// SPDX-License-Identifier: MIT

//! The model into attributes, and attributes into the model. Nothing else in
//! this crate knows both.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::{NonZeroU16, NonZeroU32},
};

use ipvs_netlink::{
    self as netlink, Counter, DaemonAttribute, DaemonState, DestinationAttribute, InfoAttribute,
    IpvsAttribute, ServiceAttribute, ServiceFlags, StatsAttribute, TunnelFlags, TunnelType,
    UnreadStats, read_destination, read_service,
};
use netlink_packet_core::DecodeError;

use crate::{
    AddressFamily, Counters, DaemonRole, Destination, DestinationId, DestinationSettings,
    ForwardingMethod, Info, Netmask, Persistence, Protocol, SchedulerFlags, Service, ServiceId,
    ServiceSettings, Stats, SyncDaemon, Timeouts, Tunnel, TunnelChecksum, Version,
};

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// The attributes that name a service.
pub(crate) fn service_id_attributes(id: &ServiceId) -> Vec<ServiceAttribute> {
    // Room for the settings as well, so that they join without a move.
    let mut attributes = Vec::with_capacity(9);
    attributes.push(ServiceAttribute::AddressFamily(family_number(id.family())));
    match *id {
        ServiceId::Address {
            protocol,
            address,
            port,
        } => {
            attributes.push(ServiceAttribute::Protocol(protocol.number()));
            attributes.push(ServiceAttribute::Address(address_bytes(address)));
            attributes.push(ServiceAttribute::Port(port));
        }
        ServiceId::Fwmark { mark, .. } => attributes.push(ServiceAttribute::Fwmark(mark.get())),
    }
    attributes
}

/// The attributes that describe a service whole.
pub(crate) fn service_attributes(
    id: &ServiceId,
    settings: &ServiceSettings,
) -> Vec<ServiceAttribute> {
    let mut flags = ServiceFlags::empty();
    flags.set(ServiceFlags::PERSISTENT, settings.persistence.is_some());
    flags.set(ServiceFlags::ONE_PACKET, settings.one_packet);
    flags.set(ServiceFlags::SCHEDULER_1, settings.scheduler_flags.flag_1);
    flags.set(ServiceFlags::SCHEDULER_2, settings.scheduler_flags.flag_2);
    flags.set(ServiceFlags::SCHEDULER_3, settings.scheduler_flags.flag_3);

    // The kernel wants a timeout and a netmask of every service.
    let persistence = settings.persistence.unwrap_or(Persistence {
        timeout: 0,
        netmask: Netmask::host(id.family()),
    });

    let mut attributes = service_id_attributes(id);
    attributes.push(ServiceAttribute::SchedulerName(settings.scheduler.clone()));
    attributes.push(ServiceAttribute::Flags {
        flags,
        mask: u32::MAX,
    });
    attributes.push(ServiceAttribute::Timeout(persistence.timeout));
    attributes.push(ServiceAttribute::Netmask(match persistence.netmask {
        Netmask::Ipv4(mask) => mask.octets(),
        Netmask::Ipv6(length) => length.to_ne_bytes(),
    }));
    if let Some(engine) = &settings.persistence_engine {
        attributes.push(ServiceAttribute::PersistenceEngineName(engine.clone()));
    }
    attributes
}

/// The attributes that name a destination.
pub(crate) fn destination_id_attributes(id: &DestinationId) -> Vec<DestinationAttribute> {
    let mut attributes = Vec::with_capacity(10);
    attributes.push(DestinationAttribute::AddressFamily(family_number(
        id.address.into(),
    )));
    attributes.push(DestinationAttribute::Address(address_bytes(id.address)));
    attributes.push(DestinationAttribute::Port(id.port));
    attributes
}

/// The attributes that describe a destination whole.
pub(crate) fn destination_attributes(
    id: &DestinationId,
    settings: &DestinationSettings,
) -> Vec<DestinationAttribute> {
    let mut attributes = destination_id_attributes(id);
    attributes.push(DestinationAttribute::ForwardingMethod(
        match settings.forwarding_method {
            ForwardingMethod::Masquerading => netlink::ForwardingMethod::Masquerading,
            ForwardingMethod::LocalNode => netlink::ForwardingMethod::LocalNode,
            ForwardingMethod::Tunneling(_) => netlink::ForwardingMethod::Tunneling,
            ForwardingMethod::DirectRouting => netlink::ForwardingMethod::DirectRouting,
            ForwardingMethod::Bypass => netlink::ForwardingMethod::Bypass,
            ForwardingMethod::Other(number) => number.into(),
        },
    ));
    attributes.push(DestinationAttribute::Weight(settings.weight));
    attributes.push(DestinationAttribute::UpperThreshold(
        settings.upper_threshold,
    ));
    attributes.push(DestinationAttribute::LowerThreshold(
        settings.lower_threshold,
    ));
    if let ForwardingMethod::Tunneling(tunnel) = settings.forwarding_method {
        let (tunnel_type, port, flags) = tunnel_parts(tunnel);
        attributes.push(DestinationAttribute::TunnelType(tunnel_type));
        attributes.push(DestinationAttribute::TunnelPort(port));
        attributes.push(DestinationAttribute::TunnelFlags(flags));
    }
    attributes
}

/// The attributes that name a daemon in a request to stop it.
pub(crate) fn daemon_role_attributes(role: DaemonRole) -> Vec<DaemonAttribute> {
    vec![DaemonAttribute::State(state(role))]
}

/// The attributes that describe a daemon to start.
pub(crate) fn daemon_attributes(daemon: &SyncDaemon) -> Vec<DaemonAttribute> {
    let mut attributes = vec![
        DaemonAttribute::State(state(daemon.role)),
        DaemonAttribute::MulticastInterface(daemon.interface.clone()),
        DaemonAttribute::SyncId(daemon.sync_id),
    ];
    attributes.extend(daemon.sync_maxlen.map(DaemonAttribute::SyncMaxlen));
    attributes.extend(daemon.group.map(|group| match group {
        IpAddr::V4(group) => DaemonAttribute::MulticastGroup(group),
        IpAddr::V6(group) => DaemonAttribute::MulticastGroup6(group),
    }));
    attributes.extend(daemon.port.map(DaemonAttribute::MulticastPort));
    attributes.extend(daemon.ttl.map(DaemonAttribute::MulticastTtl));
    attributes
}

/// The attributes that set all three timeouts.
pub(crate) fn timeout_attributes(timeouts: &Timeouts) -> Vec<IpvsAttribute> {
    vec![
        IpvsAttribute::TimeoutTcp(timeouts.tcp),
        IpvsAttribute::TimeoutTcpFin(timeouts.tcp_fin),
        IpvsAttribute::TimeoutUdp(timeouts.udp),
    ]
}

/// A service out of the kernel's reply.
pub(crate) fn service(payload: &[u8], counters: Counters) -> Result<Service, DecodeError> {
    let mut family = None;
    let mut protocol = None;
    let mut address = None;
    let mut port = None;
    let mut mark = None;
    let mut scheduler = None;
    let mut flags = None;
    let mut timeout = None;
    let mut netmask = None;
    let mut persistence_engine = None;
    let unread = read_service(payload, |attribute| match attribute {
        ServiceAttribute::AddressFamily(value) => family = Some(value),
        ServiceAttribute::Protocol(value) => protocol = Some(Protocol::from(value)),
        ServiceAttribute::Address(value) => address = Some(value),
        ServiceAttribute::Port(value) => port = Some(value),
        ServiceAttribute::Fwmark(value) => mark = NonZeroU32::new(value),
        ServiceAttribute::SchedulerName(value) => scheduler = Some(value),
        ServiceAttribute::Flags { flags: value, .. } => flags = Some(value),
        ServiceAttribute::Timeout(value) => timeout = Some(value),
        ServiceAttribute::Netmask(value) => netmask = Some(value),
        ServiceAttribute::PersistenceEngineName(value) => {
            persistence_engine = (!value.is_empty()).then_some(value);
        }
        _ => {}
    })?
    .ok_or_else(|| missing("IPVS_CMD_ATTR_SERVICE"))?;

    let family = self::family(family.ok_or_else(|| missing("IPVS_SVC_ATTR_AF"))?)?;
    let flags = flags.ok_or_else(|| missing("IPVS_SVC_ATTR_FLAGS"))?;
    let timeout = timeout.ok_or_else(|| missing("IPVS_SVC_ATTR_TIMEOUT"))?;
    let netmask = netmask.ok_or_else(|| missing("IPVS_SVC_ATTR_NETMASK"))?;
    let id = match mark {
        Some(mark) => ServiceId::Fwmark { mark, family },
        None => ServiceId::Address {
            protocol: protocol.ok_or_else(|| missing("IPVS_SVC_ATTR_PROTOCOL"))?,
            address: self::address(
                family,
                address.ok_or_else(|| missing("IPVS_SVC_ATTR_ADDR"))?,
            ),
            port: port.ok_or_else(|| missing("IPVS_SVC_ATTR_PORT"))?,
        },
    };
    let settings = ServiceSettings {
        scheduler: scheduler.ok_or_else(|| missing("IPVS_SVC_ATTR_SCHED_NAME"))?,
        scheduler_flags: SchedulerFlags {
            flag_1: flags.contains(ServiceFlags::SCHEDULER_1),
            flag_2: flags.contains(ServiceFlags::SCHEDULER_2),
            flag_3: flags.contains(ServiceFlags::SCHEDULER_3),
        },
        one_packet: flags.contains(ServiceFlags::ONE_PACKET),
        persistence: flags
            .contains(ServiceFlags::PERSISTENT)
            .then(|| Persistence {
                timeout,
                netmask: match family {
                    AddressFamily::Ipv4 => Netmask::Ipv4(netmask.into()),
                    AddressFamily::Ipv6 => Netmask::Ipv6(u32::from_ne_bytes(netmask)),
                },
            }),
        persistence_engine,
    };
    let known = ServiceFlags::PERSISTENT
        | ServiceFlags::HASHED
        | ServiceFlags::ONE_PACKET
        | ServiceFlags::SCHEDULER_1
        | ServiceFlags::SCHEDULER_2
        | ServiceFlags::SCHEDULER_3;
    Ok(Service {
        id,
        settings,
        unknown_flags: flags.bits() & !known.bits(),
        stats: stats(&unread, counters, "IPVS_SVC_ATTR_STATS")?,
    })
}

/// A destination out of the kernel's reply about a service of this family.
pub(crate) fn destination(
    payload: &[u8],
    service_family: AddressFamily,
    counters: Counters,
) -> Result<Destination, DecodeError> {
    // The address comes before its family, and before Linux 3.18 there is no
    // family of its own.
    let mut family = None;
    let mut address = None;
    let mut port = None;
    let mut method = None;
    let mut weight = None;
    let mut upper_threshold = 0;
    let mut lower_threshold = 0;
    let mut active_connections = 0;
    let mut inactive_connections = 0;
    let mut persistent_connections = 0;
    let mut tunnel_type = TunnelType::Ipip;
    let mut tunnel_port = 0;
    let mut tunnel_flags = TunnelFlags::empty();
    let unread = read_destination(payload, |attribute| match attribute {
        DestinationAttribute::AddressFamily(value) => family = Some(value),
        DestinationAttribute::Address(value) => address = Some(value),
        DestinationAttribute::Port(value) => port = Some(value),
        DestinationAttribute::ForwardingMethod(value) => method = Some(value),
        DestinationAttribute::Weight(value) => weight = Some(value),
        DestinationAttribute::UpperThreshold(value) => upper_threshold = value,
        DestinationAttribute::LowerThreshold(value) => lower_threshold = value,
        DestinationAttribute::ActiveConnections(value) => active_connections = value,
        DestinationAttribute::InactiveConnections(value) => inactive_connections = value,
        DestinationAttribute::PersistentConnections(value) => persistent_connections = value,
        DestinationAttribute::TunnelType(value) => tunnel_type = value,
        DestinationAttribute::TunnelPort(value) => tunnel_port = value,
        DestinationAttribute::TunnelFlags(value) => tunnel_flags = value,
        _ => {}
    })?
    .ok_or_else(|| missing("IPVS_CMD_ATTR_DEST"))?;

    let family = family.map_or(Ok(service_family), self::family)?;
    let method = method.ok_or_else(|| missing("IPVS_DEST_ATTR_FWD_METHOD"))?;
    Ok(Destination {
        id: DestinationId {
            address: self::address(
                family,
                address.ok_or_else(|| missing("IPVS_DEST_ATTR_ADDR"))?,
            ),
            port: port.ok_or_else(|| missing("IPVS_DEST_ATTR_PORT"))?,
        },
        settings: DestinationSettings {
            forwarding_method: match method.masked() {
                netlink::ForwardingMethod::Masquerading => ForwardingMethod::Masquerading,
                netlink::ForwardingMethod::LocalNode => ForwardingMethod::LocalNode,
                netlink::ForwardingMethod::Tunneling => {
                    ForwardingMethod::Tunneling(tunnel(tunnel_type, tunnel_port, tunnel_flags))
                }
                netlink::ForwardingMethod::DirectRouting => ForwardingMethod::DirectRouting,
                netlink::ForwardingMethod::Bypass => ForwardingMethod::Bypass,
                other => ForwardingMethod::Other(other.into()),
            },
            weight: weight.ok_or_else(|| missing("IPVS_DEST_ATTR_WEIGHT"))?,
            upper_threshold,
            lower_threshold,
        },
        active_connections,
        inactive_connections,
        persistent_connections,
        stats: stats(&unread, counters, "IPVS_DEST_ATTR_STATS")?,
    })
}

/// A running daemon out of the kernel's reply.
pub(crate) fn daemon(attributes: Vec<IpvsAttribute>) -> Result<SyncDaemon, DecodeError> {
    let attributes = attributes
        .into_iter()
        .find_map(|attribute| match attribute {
            IpvsAttribute::Daemon(attributes) => Some(attributes),
            _ => None,
        })
        .ok_or_else(|| missing("IPVS_CMD_ATTR_DAEMON"))?;

    let mut role = None;
    let mut daemon = SyncDaemon {
        role: DaemonRole::Master,
        interface: String::new(),
        sync_id: 0,
        sync_maxlen: None,
        group: None,
        port: None,
        ttl: None,
    };
    for attribute in attributes {
        match attribute {
            DaemonAttribute::State(DaemonState::Master) => role = Some(DaemonRole::Master),
            DaemonAttribute::State(DaemonState::Backup) => role = Some(DaemonRole::Backup),
            DaemonAttribute::MulticastInterface(value) => daemon.interface = value,
            DaemonAttribute::SyncId(value) => daemon.sync_id = value,
            DaemonAttribute::SyncMaxlen(value) => daemon.sync_maxlen = Some(value),
            DaemonAttribute::MulticastGroup(value) => daemon.group = Some(value.into()),
            DaemonAttribute::MulticastGroup6(value) => daemon.group = Some(value.into()),
            DaemonAttribute::MulticastPort(value) => daemon.port = Some(value),
            DaemonAttribute::MulticastTtl(value) => daemon.ttl = Some(value),
            _ => {}
        }
    }
    daemon.role = role.ok_or_else(|| missing("IPVS_DAEMON_ATTR_STATE"))?;
    Ok(daemon)
}

/// The timeouts out of the kernel's reply.
pub(crate) fn timeouts(attributes: Vec<IpvsAttribute>) -> Result<Timeouts, DecodeError> {
    let mut tcp = None;
    let mut tcp_fin = None;
    let mut udp = None;
    for attribute in attributes {
        match attribute {
            IpvsAttribute::TimeoutTcp(value) => tcp = Some(value),
            IpvsAttribute::TimeoutTcpFin(value) => tcp_fin = Some(value),
            IpvsAttribute::TimeoutUdp(value) => udp = Some(value),
            _ => {}
        }
    }
    // A kernel that is built without a protocol leaves its timeouts out.
    Ok(Timeouts {
        tcp: tcp.unwrap_or(0),
        tcp_fin: tcp_fin.unwrap_or(0),
        udp: udp.unwrap_or(0),
    })
}

/// Version and table size out of the kernel's reply.
pub(crate) fn info(attributes: Vec<IpvsAttribute>) -> Result<Info, DecodeError> {
    let mut version = None;
    let mut connection_table_size = None;
    for attribute in attributes {
        match attribute {
            IpvsAttribute::Info(InfoAttribute::Version(value)) => version = Some(Version(value)),
            IpvsAttribute::Info(InfoAttribute::ConnectionTableSize(value)) => {
                connection_table_size = Some(value);
            }
            _ => {}
        }
    }
    Ok(Info {
        version: version.ok_or_else(|| missing("IPVS_INFO_ATTR_VERSION"))?,
        connection_table_size: connection_table_size
            .ok_or_else(|| missing("IPVS_INFO_ATTR_CONN_TAB_SIZE"))?,
    })
}

fn missing(attribute: &str) -> DecodeError {
    DecodeError::from(format!("{attribute} is missing"))
}

fn family_number(family: AddressFamily) -> u16 {
    match family {
        AddressFamily::Ipv4 => AF_INET,
        AddressFamily::Ipv6 => AF_INET6,
    }
}

fn family(number: u16) -> Result<AddressFamily, DecodeError> {
    match number {
        AF_INET => Ok(AddressFamily::Ipv4),
        AF_INET6 => Ok(AddressFamily::Ipv6),
        _ => Err(DecodeError::from(format!(
            "{number} is not an address family that IPVS has"
        ))),
    }
}

fn address_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(address) => address.octets(),
    }
}

fn address(family: AddressFamily, bytes: [u8; 16]) -> IpAddr {
    match family {
        AddressFamily::Ipv4 => {
            let [a, b, c, d, ..] = bytes;
            Ipv4Addr::new(a, b, c, d).into()
        }
        AddressFamily::Ipv6 => Ipv6Addr::from(bytes).into(),
    }
}

fn state(role: DaemonRole) -> DaemonState {
    match role {
        DaemonRole::Master => DaemonState::Master,
        DaemonRole::Backup => DaemonState::Backup,
    }
}

/// Returns the type, port and flags of a tunnel.
fn tunnel_parts(tunnel: Tunnel) -> (TunnelType, u16, TunnelFlags) {
    match tunnel {
        Tunnel::Ipip => (TunnelType::Ipip, 0, TunnelFlags::empty()),
        Tunnel::Gue { port, checksum } => (TunnelType::Gue, port.get(), tunnel_flags(checksum)),
        Tunnel::Gre { checksum } => (TunnelType::Gre, 0, tunnel_flags(checksum)),
        Tunnel::Other { kind, port, flags } => {
            (kind.into(), port, TunnelFlags::from_bits_retain(flags))
        }
    }
}

fn tunnel_flags(checksum: TunnelChecksum) -> TunnelFlags {
    match checksum {
        TunnelChecksum::None => TunnelFlags::empty(),
        TunnelChecksum::Full => TunnelFlags::CHECKSUM,
        TunnelChecksum::Remote => TunnelFlags::REMOTE_CHECKSUM,
    }
}

fn tunnel(tunnel_type: TunnelType, port: u16, flags: TunnelFlags) -> Tunnel {
    let checksum = [
        TunnelChecksum::None,
        TunnelChecksum::Full,
        TunnelChecksum::Remote,
    ]
    .into_iter()
    .find(|checksum| tunnel_flags(*checksum) == flags);
    // The kernel looks at the port of GUE alone, and at no flag of IP in IP. What
    // another program has left there means nothing.
    match (tunnel_type, NonZeroU16::new(port), checksum) {
        (TunnelType::Ipip, ..) => Tunnel::Ipip,
        (TunnelType::Gue, Some(port), Some(checksum)) => Tunnel::Gue { port, checksum },
        (TunnelType::Gre, _, Some(checksum)) => Tunnel::Gre { checksum },
        _ => Tunnel::Other {
            kind: tunnel_type.into(),
            port,
            flags: flags.bits(),
        },
    }
}

/// The counters if they are wanted, in their wider form where there is one.
fn stats(unread: &UnreadStats<'_>, counters: Counters, name: &str) -> Result<Stats, DecodeError> {
    if counters == Counters::Skip {
        return Ok(Stats::default());
    }
    if let Some(attributes) = unread.stats64() {
        return collected(attributes);
    }
    collected(unread.stats().ok_or_else(|| missing(name))?)
}

fn collected<C: Counter + Into<u64>>(
    attributes: impl Iterator<Item = Result<StatsAttribute<C>, DecodeError>>,
) -> Result<Stats, DecodeError> {
    let mut stats = Stats::default();
    for attribute in attributes {
        match attribute? {
            StatsAttribute::Connections(value) => stats.connections = value.into(),
            StatsAttribute::InPackets(value) => stats.in_packets = value.into(),
            StatsAttribute::OutPackets(value) => stats.out_packets = value.into(),
            StatsAttribute::InBytes(value) => stats.in_bytes = value,
            StatsAttribute::OutBytes(value) => stats.out_bytes = value,
            StatsAttribute::ConnectionsPerSecond(value) => {
                stats.connections_per_second = value.into();
            }
            StatsAttribute::InPacketsPerSecond(value) => stats.in_packets_per_second = value.into(),
            StatsAttribute::OutPacketsPerSecond(value) => {
                stats.out_packets_per_second = value.into();
            }
            StatsAttribute::InBytesPerSecond(value) => stats.in_bytes_per_second = value.into(),
            StatsAttribute::OutBytesPerSecond(value) => stats.out_bytes_per_second = value.into(),
            _ => {}
        }
    }
    Ok(stats)
}
