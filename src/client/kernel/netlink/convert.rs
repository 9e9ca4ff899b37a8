// SPDX-License-Identifier: MIT

//! The model into attributes, and attributes into the model. Nothing else in
//! this crate knows both.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::{NonZeroU8, NonZeroU16, NonZeroU32},
};

use ipvs_netlink::{
    self as netlink, DaemonAttribute, DaemonState, DestinationRecord, InfoAttribute, IpvsAttribute,
    IpvsCommand, ServiceFlags, ServiceRecord, TunnelFlags, TunnelType, UnreadStats,
};
use netlink_packet_core::{DecodeError, Emitable};

use crate::{
    AddressFamily, Change, Counters, DaemonRole, Destination, DestinationId, DestinationSettings,
    ForwardingMethod, Info, Netmask, Persistence, SchedulerFlags, Service, ServiceId,
    ServiceSettings, Stats, SyncDaemon, SyncDaemonSettings, Timeouts, Tunnel, TunnelChecksum,
    Version,
};

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// The flags of a service that have a place in the model, and the kernel's own.
const KNOWN_FLAGS: ServiceFlags = ServiceFlags::PERSISTENT
    .union(ServiceFlags::HASHED)
    .union(ServiceFlags::ONE_PACKET)
    .union(ServiceFlags::SCHEDULER_1)
    .union(ServiceFlags::SCHEDULER_2)
    .union(ServiceFlags::SCHEDULER_3);

/// Returns the command of the request that makes a change.
pub(crate) fn choose_command(change: &Change) -> IpvsCommand {
    match change {
        Change::AddService(..) => IpvsCommand::NewService,
        Change::EditService(..) => IpvsCommand::SetService,
        Change::DeleteService(_) => IpvsCommand::DelService,
        Change::AddDestination(..) => IpvsCommand::NewDest,
        Change::EditDestination(..) => IpvsCommand::SetDest,
        Change::DeleteDestination(..) => IpvsCommand::DelDest,
        Change::ZeroService(_) | Change::ZeroAll => IpvsCommand::Zero,
        Change::Flush => IpvsCommand::Flush,
        Change::SetTimeouts(_) => IpvsCommand::SetConfig,
    }
}

/// Appends the attributes of the request that makes a change.
pub(crate) fn append_change(buffer: &mut Vec<u8>, change: &Change) {
    match change {
        Change::AddService(id, settings) | Change::EditService(id, settings) => {
            describe_service(id, settings).append_to(buffer);
        }
        Change::DeleteService(id) | Change::ZeroService(id) => name_service(id).append_to(buffer),
        Change::AddDestination(service, id, settings)
        | Change::EditDestination(service, id, settings) => {
            name_service(service).append_to(buffer);
            describe_destination(id, settings).append_to(buffer);
        }
        Change::DeleteDestination(service, id) => {
            name_service(service).append_to(buffer);
            name_destination(id).append_to(buffer);
        }
        Change::ZeroAll | Change::Flush => {}
        Change::SetTimeouts(timeouts) => append_attributes(buffer, &describe_timeouts(timeouts)),
    }
}

/// Makes the record that names a service.
pub(crate) fn name_service(id: &ServiceId) -> ServiceRecord<'static> {
    let mut record = ServiceRecord::default();
    record.address_family = Some(family_number(id.family()));
    match *id {
        ServiceId::Address {
            protocol,
            address,
            port,
        } => {
            record.protocol = Some(protocol.number());
            record.address = Some(address_bytes(address));
            record.port = Some(port);
        }
        ServiceId::Fwmark { mark, .. } => record.fwmark = Some(mark.get()),
    }
    record
}

/// Makes the record that describes a service whole.
pub(crate) fn describe_service<'a>(
    id: &ServiceId,
    settings: &'a ServiceSettings,
) -> ServiceRecord<'a> {
    let mut flags = ServiceFlags::empty();
    flags.set(ServiceFlags::PERSISTENT, settings.persistence.is_some());
    flags.set(ServiceFlags::ONE_PACKET, settings.one_packet);
    let scheduler_flags = settings.scheduler_flags & SchedulerFlags::all();
    flags |= ServiceFlags::from_bits_retain(scheduler_flags.bits().into());

    // The kernel wants a timeout and a netmask of every service.
    let persistence = settings.persistence.unwrap_or(Persistence::new(0));
    let netmask = persistence.netmask().unwrap_or(Netmask::host(id.family()));

    let mut record: ServiceRecord<'a> = name_service(id);
    record.scheduler_name = Some(&settings.scheduler);
    record.flags = Some((flags, u32::MAX));
    record.timeout = Some(persistence.timeout);
    record.netmask = Some(match netmask {
        Netmask::Ipv4(mask) => mask.octets(),
        Netmask::Ipv6(length) => length.to_ne_bytes(),
    });
    record.persistence_engine_name = settings.persistence_engine.as_deref();
    record
}

/// Makes the record that describes a service whole, but for the flags that this
/// crate has no name for: those stay as the kernel has them.
pub(crate) fn describe_known_service<'a>(
    id: &ServiceId,
    settings: &'a ServiceSettings,
) -> ServiceRecord<'a> {
    let mut record = describe_service(id, settings);
    record.flags = record.flags.map(|(flags, _)| (flags, KNOWN_FLAGS.bits()));
    record
}

/// Makes the record that names a destination.
pub(crate) fn name_destination(id: &DestinationId) -> DestinationRecord<'static> {
    let mut record = DestinationRecord::default();
    record.address_family = Some(family_number(id.address.into()));
    record.address = Some(address_bytes(id.address));
    record.port = Some(id.port);
    record
}

/// Makes the record that describes a destination whole.
pub(crate) fn describe_destination(
    id: &DestinationId,
    settings: &DestinationSettings,
) -> DestinationRecord<'static> {
    let mut record = name_destination(id);
    record.forwarding_method = Some(match settings.forwarding_method {
        ForwardingMethod::Masquerading => netlink::ForwardingMethod::Masquerading,
        ForwardingMethod::LocalNode => netlink::ForwardingMethod::LocalNode,
        ForwardingMethod::Tunneling(_) => netlink::ForwardingMethod::Tunneling,
        ForwardingMethod::DirectRouting => netlink::ForwardingMethod::DirectRouting,
        ForwardingMethod::Bypass => netlink::ForwardingMethod::Bypass,
        ForwardingMethod::Other(number) => number.into(),
    });
    record.weight = Some(settings.weight);
    record.upper_threshold = Some(settings.upper_threshold);
    record.lower_threshold = Some(settings.lower_threshold);
    if let ForwardingMethod::Tunneling(tunnel) = settings.forwarding_method {
        let (tunnel_type, port, flags) = tunnel_parts(tunnel);
        record.tunnel_type = Some(tunnel_type);
        record.tunnel_port = Some(port);
        record.tunnel_flags = Some(flags);
    }
    record
}

/// Makes the attributes that name a daemon in a request to stop it.
pub(crate) fn name_daemon(role: DaemonRole) -> Vec<DaemonAttribute> {
    vec![DaemonAttribute::State(state(role))]
}

/// Makes the attributes that describe a daemon to start.
pub(crate) fn describe_daemon(daemon: &SyncDaemonSettings) -> Vec<DaemonAttribute> {
    let mut attributes = vec![
        DaemonAttribute::State(state(daemon.role)),
        DaemonAttribute::MulticastInterface(daemon.interface.clone()),
        DaemonAttribute::SyncId(daemon.sync_id.into()),
    ];
    let sync_maxlen = daemon.sync_maxlen.map(NonZeroU16::get);
    attributes.extend(sync_maxlen.map(DaemonAttribute::SyncMaxlen));
    attributes.extend(daemon.group.map(|group| match group {
        IpAddr::V4(group) => DaemonAttribute::MulticastGroup(group),
        IpAddr::V6(group) => DaemonAttribute::MulticastGroup6(group),
    }));
    let port = daemon.port.map(NonZeroU16::get);
    attributes.extend(port.map(DaemonAttribute::MulticastPort));
    let ttl = daemon.ttl.map(NonZeroU8::get);
    attributes.extend(ttl.map(DaemonAttribute::MulticastTtl));
    attributes
}

/// Makes the attributes that set all three timeouts; 0 leaves one as it is.
pub(crate) fn describe_timeouts(timeouts: &Timeouts) -> Vec<IpvsAttribute> {
    let seconds = |timeout: Option<NonZeroU32>| timeout.map_or(0, NonZeroU32::get);
    vec![
        IpvsAttribute::TimeoutTcp(seconds(timeouts.tcp)),
        IpvsAttribute::TimeoutTcpFin(seconds(timeouts.tcp_fin)),
        IpvsAttribute::TimeoutUdp(seconds(timeouts.udp)),
    ]
}

/// Appends attributes that no record has.
pub(crate) fn append_attributes(buffer: &mut Vec<u8>, attributes: &[IpvsAttribute]) {
    let start = buffer.len();
    buffer.resize(start + attributes.buffer_len(), 0);
    attributes.emit(buffer.get_mut(start..).unwrap_or_default());
}

/// Makes a service of the kernel's reply.
pub(crate) fn read_service(payload: &[u8], counters: Counters) -> Result<Service, DecodeError> {
    let record = required(ServiceRecord::read(payload)?, "IPVS_CMD_ATTR_SERVICE")?;
    let id = read_service_id(&record)?;
    let (flags, _) = required(record.flags, "IPVS_SVC_ATTR_FLAGS")?;
    let timeout = required(record.timeout, "IPVS_SVC_ATTR_TIMEOUT")?;
    let netmask = required(record.netmask, "IPVS_SVC_ATTR_NETMASK")?;
    let settings = ServiceSettings {
        scheduler: required(record.scheduler_name, "IPVS_SVC_ATTR_SCHED_NAME")?.to_owned(),
        scheduler_flags: SchedulerFlags::from_bits_truncate(flags.bits() as u8),
        one_packet: flags.contains(ServiceFlags::ONE_PACKET),
        persistence: flags.contains(ServiceFlags::PERSISTENT).then(|| {
            Persistence::new(timeout).with_netmask(match id.family() {
                AddressFamily::Ipv4 => Netmask::Ipv4(netmask.into()),
                AddressFamily::Ipv6 => Netmask::Ipv6(u32::from_ne_bytes(netmask)),
            })
        }),
        persistence_engine: record
            .persistence_engine_name
            .filter(|name| !name.is_empty())
            .map(Into::into),
    };
    Ok(Service {
        id,
        settings,
        unknown_flags: flags.bits() & !KNOWN_FLAGS.bits(),
        stats: stats(record.stats, counters, "IPVS_SVC_ATTR_STATS")?,
    })
}

/// Finds out what names the service of a record.
pub(crate) fn read_service_id(record: &ServiceRecord<'_>) -> Result<ServiceId, DecodeError> {
    let family = required(record.address_family, "IPVS_SVC_ATTR_AF")?;
    let family = self::family(family)?;
    Ok(match record.fwmark.and_then(NonZeroU32::new) {
        Some(mark) => ServiceId::Fwmark { mark, family },
        None => ServiceId::Address {
            protocol: required(record.protocol, "IPVS_SVC_ATTR_PROTOCOL")?.into(),
            address: self::address(family, required(record.address, "IPVS_SVC_ATTR_ADDR")?),
            port: required(record.port, "IPVS_SVC_ATTR_PORT")?,
        },
    })
}

/// Makes a destination of the kernel's reply about a service of this family.
pub(crate) fn read_destination(
    payload: &[u8],
    service_family: AddressFamily,
    counters: Counters,
) -> Result<Destination, DecodeError> {
    let record = required(DestinationRecord::read(payload)?, "IPVS_CMD_ATTR_DEST")?;
    let method = required(record.forwarding_method, "IPVS_DEST_ATTR_FWD_METHOD")?;
    Ok(Destination {
        id: read_destination_id(&record, service_family)?,
        settings: DestinationSettings {
            forwarding_method: match method.masked() {
                netlink::ForwardingMethod::Masquerading => ForwardingMethod::Masquerading,
                netlink::ForwardingMethod::LocalNode => ForwardingMethod::LocalNode,
                netlink::ForwardingMethod::Tunneling => ForwardingMethod::Tunneling(tunnel(
                    record.tunnel_type.unwrap_or(TunnelType::Ipip),
                    record.tunnel_port.unwrap_or(0),
                    record.tunnel_flags.unwrap_or(TunnelFlags::empty()),
                )),
                netlink::ForwardingMethod::DirectRouting => ForwardingMethod::DirectRouting,
                netlink::ForwardingMethod::Bypass => ForwardingMethod::Bypass,
                other => ForwardingMethod::Other(other.into()),
            },
            weight: required(record.weight, "IPVS_DEST_ATTR_WEIGHT")?,
            upper_threshold: record.upper_threshold.unwrap_or(0),
            lower_threshold: record.lower_threshold.unwrap_or(0),
        },
        active_connections: record.active_connections.unwrap_or(0),
        inactive_connections: record.inactive_connections.unwrap_or(0),
        persistent_connections: record.persistent_connections.unwrap_or(0),
        stats: stats(record.stats, counters, "IPVS_DEST_ATTR_STATS")?,
    })
}

/// Finds out what names the destination of a record, of a service of this family.
pub(crate) fn read_destination_id(
    record: &DestinationRecord<'_>,
    service_family: AddressFamily,
) -> Result<DestinationId, DecodeError> {
    // Before Linux 3.18 a destination has no family of its own.
    let family = record
        .address_family
        .map_or(Ok(service_family), self::family)?;
    Ok(DestinationId {
        address: self::address(family, required(record.address, "IPVS_DEST_ATTR_ADDR")?),
        port: required(record.port, "IPVS_DEST_ATTR_PORT")?,
    })
}

/// Makes a running daemon of the kernel's reply.
pub(crate) fn read_daemon(attributes: Vec<IpvsAttribute>) -> Result<SyncDaemon, DecodeError> {
    let daemon = attributes
        .into_iter()
        .find_map(|attribute| match attribute {
            IpvsAttribute::Daemon(attributes) => Some(attributes),
            _ => None,
        });
    let attributes = required(daemon, "IPVS_CMD_ATTR_DAEMON")?;

    let mut role = None;
    let mut daemon = SyncDaemon::new(DaemonRole::Master, "", 0);
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
    daemon.role = required(role, "IPVS_DAEMON_ATTR_STATE")?;
    Ok(daemon)
}

/// Makes the timeouts of the kernel's reply.
pub(crate) fn read_timeouts(attributes: Vec<IpvsAttribute>) -> Result<Timeouts, DecodeError> {
    // A kernel that is built without a protocol leaves its timeouts out.
    let mut timeouts = Timeouts::default();
    for attribute in attributes {
        timeouts = match attribute {
            IpvsAttribute::TimeoutTcp(value) => timeouts.tcp(value),
            IpvsAttribute::TimeoutTcpFin(value) => timeouts.tcp_fin(value),
            IpvsAttribute::TimeoutUdp(value) => timeouts.udp(value),
            _ => timeouts,
        }
    }
    Ok(timeouts)
}

/// Makes version and table size of the kernel's reply.
pub(crate) fn read_info(attributes: Vec<IpvsAttribute>) -> Result<Info, DecodeError> {
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
        version: required(version, "IPVS_INFO_ATTR_VERSION")?,
        connection_table_size: required(connection_table_size, "IPVS_INFO_ATTR_CONN_TAB_SIZE")?,
    })
}

/// Returns the value of an attribute that must be there.
fn required<T>(value: Option<T>, attribute: &str) -> Result<T, DecodeError> {
    value.ok_or_else(|| DecodeError::from(format!("{attribute} is missing")))
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

/// Reads the counters if they are wanted.
fn stats(
    unread: Option<UnreadStats<'_>>,
    counters: Counters,
    attribute: &str,
) -> Result<Option<Stats>, DecodeError> {
    if counters == Counters::Skip {
        return Ok(None);
    }
    let record = required(unread, attribute)?.read()?;
    Ok(Some(Stats {
        connections: record.connections,
        in_packets: record.in_packets,
        out_packets: record.out_packets,
        in_bytes: record.in_bytes,
        out_bytes: record.out_bytes,
        connections_per_second: record.connections_per_second,
        in_packets_per_second: record.in_packets_per_second,
        out_packets_per_second: record.out_packets_per_second,
        in_bytes_per_second: record.in_bytes_per_second,
        out_bytes_per_second: record.out_bytes_per_second,
    }))
}
