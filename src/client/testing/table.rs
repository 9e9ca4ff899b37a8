// SPDX-License-Identifier: MIT

//! The table of the kernel in memory. What it refuses, and why, is what Linux 6.1
//! does, in the order in which Linux looks at it; the tests hold both side by side.

use std::net::IpAddr;

use ipvs_netlink::{
    DaemonAttribute, DestinationAttribute, DestinationRecord, InfoAttribute, IpvsAttribute,
    IpvsCommand, IpvsMessage, ServiceAttribute, ServiceFlags, ServiceRecord, StatsAttribute,
};
use netlink_packet_core::ParseableParametrized;
use rustix::io::Errno;

use super::Reply;
use crate::{
    AddressFamily, Change, Counters, DaemonRole, Destination, DestinationId, ForwardingMethod,
    Info, Netmask, Service, ServiceId, SyncDaemon, SyncDaemonSettings, Timeouts, Tunnel, Version,
    kernel::netlink::convert,
};

/// The schedulers that the kernel has as modules, and none.
const SCHEDULERS: [&str; 15] = [
    "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos",
    "none",
];
const PERSISTENCE_ENGINES: [&str; 1] = ["sip"];
/// 1.2.1
const VERSION: u32 = 0x01_02_01;
const CONNECTION_TABLE_SIZE: u32 = 4096;

/// Services with their destinations, in the order of listings: a new service comes
/// last, a new destination first.
#[derive(Clone, Debug)]
pub(super) struct Table {
    services: Vec<(Service, Vec<Destination>)>,
    timeouts: Timeouts,
    daemons: Vec<SyncDaemon>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            services: Vec::new(),
            timeouts: Timeouts::default().tcp(900).tcp_fin(120).udp(300),
            daemons: Vec::new(),
        }
    }
}

impl Table {
    pub(super) fn destination_mut(
        &mut self,
        service: &ServiceId,
        id: &DestinationId,
    ) -> Option<&mut Destination> {
        let (_, destinations) = self.find(service)?;
        destinations.iter_mut().find(|known| known.id == *id)
    }

    pub(super) fn service_mut(&mut self, id: &ServiceId) -> Option<&mut Service> {
        self.find(id).map(|(service, _)| service)
    }

    pub(super) fn entries(&self) -> &[(Service, Vec<Destination>)] {
        &self.services
    }

    pub(super) fn daemons(&self) -> &[SyncDaemon] {
        &self.daemons
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    pub(super) fn info(&self) -> Info {
        Info::new(Version(VERSION), CONNECTION_TABLE_SIZE)
    }

    /// Makes a change as if netlink had asked for it.
    pub(super) fn change(&mut self, change: &Change) -> Result<(), Errno> {
        let command = convert::choose_command(change);
        let mut bytes = Vec::new();
        convert::append_change(&mut bytes, change);
        self.handle(command, attributes(command, &bytes), false)
            .map(drop)
    }

    fn find(&mut self, id: &ServiceId) -> Option<&mut (Service, Vec<Destination>)> {
        self.services.iter_mut().find(|(known, _)| known.id == *id)
    }

    /// Does what a request asks.
    pub(super) fn handle(
        &mut self,
        command: IpvsCommand,
        attributes: Vec<IpvsAttribute>,
        dump: bool,
    ) -> Result<Vec<Reply>, Errno> {
        use IpvsCommand as C;
        let mut payload = Vec::new();
        convert::append_attributes(&mut payload, &attributes);
        match command {
            C::GetService if dump => return Ok(self.services.iter().map(service_reply).collect()),
            C::GetDest if dump => return Ok(self.destinations(&payload)),
            C::GetDaemon if dump => return Ok(self.daemons.iter().map(daemon_reply).collect()),
            _ if dump => return Err(Errno::OPNOTSUPP),
            C::GetConfig => {
                let timeouts = convert::describe_timeouts(&self.timeouts);
                return Ok(vec![(C::SetConfig, timeouts)]);
            }
            C::GetInfo => return Ok(vec![info_reply()]),
            C::GetService => {
                let id = service_id(&payload)?;
                let entry = self.find(&id).ok_or(Errno::SRCH)?;
                return Ok(vec![service_reply(entry)]);
            }
            C::Flush => self.services.clear(),
            C::Zero if attributes.is_empty() => self.services.iter_mut().for_each(zero),
            C::Zero => {
                let id = service_id(&payload)?;
                zero(self.find(&id).ok_or(Errno::SRCH)?);
            }
            C::SetConfig => self.set_timeouts(attributes)?,
            C::NewDaemon => self.start_daemon(attributes)?,
            C::DelDaemon => self.stop_daemon(attributes)?,
            C::NewService | C::SetService | C::DelService => {
                self.change_service(command, &payload)?;
            }
            C::NewDest | C::SetDest | C::DelDest => self.change_destination(command, &payload)?,
            _ => return Err(Errno::OPNOTSUPP),
        }
        Ok(Vec::new())
    }

    fn destinations(&mut self, payload: &[u8]) -> Vec<Reply> {
        // Of a service that is not there, Linux makes an empty list.
        let entry = service_id(payload).ok().and_then(|id| self.find(&id));
        match entry {
            Some((_, destinations)) => destinations.iter().map(destination_reply).collect(),
            None => Vec::new(),
        }
    }

    fn change_service(&mut self, command: IpvsCommand, payload: &[u8]) -> Result<(), Errno> {
        let id = service_id(payload)?;
        let there = self.find(&id).is_some();
        match command {
            IpvsCommand::NewService if there => return Err(Errno::EXIST),
            IpvsCommand::NewService => {}
            _ if !there => return Err(Errno::SRCH),
            IpvsCommand::DelService => {
                self.services.retain(|(known, _)| known.id != id);
                return Ok(());
            }
            _ => {}
        }
        let service = convert::read_service(payload, Counters::Skip).map_err(|_| Errno::INVAL)?;
        let settings = &service.settings;
        let engine = settings.persistence_engine.as_deref();
        if !SCHEDULERS.contains(&settings.scheduler.as_str())
            || engine.is_some_and(|engine| !PERSISTENCE_ENGINES.contains(&engine))
        {
            return Err(Errno::NOENT);
        }
        if let Some(Netmask::Ipv6(length)) = settings.persistence.and_then(|kept| kept.netmask())
            && !(1..=128).contains(&length)
        {
            return Err(Errno::INVAL);
        }
        match self.find(&id) {
            Some((known, _)) => {
                // An edit changes the flags that it names.
                let record = ServiceRecord::read(payload).ok().flatten();
                let named = record.and_then(|record| record.flags);
                known.unknown_flags &= !named.map_or(0, |(_, named)| named);
                known.settings = service.settings;
            }
            None => {
                let mut service = service;
                service.stats = Some(crate::Stats::default());
                self.services.push((service, Vec::new()));
            }
        }
        Ok(())
    }

    fn change_destination(&mut self, command: IpvsCommand, payload: &[u8]) -> Result<(), Errno> {
        let service = service_id(payload)?;
        let synchronized = !self.daemons.is_empty();
        let (_, destinations) = self.find(&service).ok_or(Errno::SRCH)?;
        let family = service.family();
        let record = DestinationRecord::read(payload).ok().flatten();
        let record = record.ok_or(Errno::INVAL)?;
        let id = convert::read_destination_id(&record, family).map_err(|_| Errno::INVAL)?;
        let place = destinations.iter().position(|known| known.id == id);
        if command == IpvsCommand::DelDest {
            destinations.remove(place.ok_or(Errno::NOENT)?);
            return Ok(());
        }
        let destination =
            convert::read_destination(payload, family, Counters::Skip).map_err(|_| Errno::INVAL)?;
        let settings = &destination.settings;
        let tunneling = matches!(settings.forwarding_method, ForwardingMethod::Tunneling(_));
        if AddressFamily::from(id.address) != family && (synchronized || !tunneling) {
            return Err(Errno::INVAL);
        }
        if settings.weight > i32::MAX as u32 || settings.lower_threshold > settings.upper_threshold
        {
            return Err(Errno::RANGE);
        }
        if let ForwardingMethod::Tunneling(Tunnel::Other {
            kind: 1, port: 0, ..
        }) = settings.forwarding_method
        {
            return Err(Errno::INVAL);
        }
        match (command, place.and_then(|place| destinations.get_mut(place))) {
            (IpvsCommand::NewDest, Some(_)) => Err(Errno::EXIST),
            (IpvsCommand::NewDest, None) if !is_reachable(id.address) => Err(Errno::INVAL),
            (IpvsCommand::NewDest, None) => {
                let mut destination = destination;
                destination.stats = Some(crate::Stats::default());
                destinations.insert(0, destination);
                Ok(())
            }
            (_, Some(known)) => {
                known.settings = destination.settings;
                Ok(())
            }
            (_, None) => Err(Errno::NOENT),
        }
    }

    fn set_timeouts(&mut self, attributes: Vec<IpvsAttribute>) -> Result<(), Errno> {
        let wanted = convert::read_timeouts(attributes).map_err(|_| Errno::INVAL)?;
        let given = [wanted.tcp, wanted.tcp_fin, wanted.udp];
        // The kernel counts in ticks, of which there are a hundred to a thousand a
        // second: this is the smallest limit.
        if given
            .iter()
            .flatten()
            .any(|timeout| timeout.get() > i32::MAX as u32 / 1000)
        {
            return Err(Errno::INVAL);
        }
        let timeouts = &mut self.timeouts;
        timeouts.tcp = wanted.tcp.or(timeouts.tcp);
        timeouts.tcp_fin = wanted.tcp_fin.or(timeouts.tcp_fin);
        timeouts.udp = wanted.udp.or(timeouts.udp);
        Ok(())
    }

    pub(super) fn start_daemon_of(&mut self, daemon: &SyncDaemonSettings) -> Result<(), Errno> {
        let attributes = convert::describe_daemon(daemon);
        self.start_daemon(vec![IpvsAttribute::Daemon(attributes)])
    }

    pub(super) fn stop_daemon_of(&mut self, role: DaemonRole) -> Result<(), Errno> {
        let attributes = convert::name_daemon(role);
        self.stop_daemon(vec![IpvsAttribute::Daemon(attributes)])
    }

    fn start_daemon(&mut self, attributes: Vec<IpvsAttribute>) -> Result<(), Errno> {
        let mut daemon = convert::read_daemon(attributes).map_err(|_| Errno::INVAL)?;
        if self.daemons.iter().any(|known| known.role == daemon.role) {
            return Err(Errno::EXIST);
        }
        if daemon.group.is_some_and(|group| !group.is_multicast()) {
            return Err(Errno::INVAL);
        }
        // The defaults of Linux, on an Ethernet.
        let group = *daemon.group.get_or_insert([224, 0, 0, 81].into());
        let headers = if group.is_ipv6() { 48 } else { 28 };
        let least = match daemon.role {
            DaemonRole::Master => 1,
            DaemonRole::Backup => 1024,
        };
        let maxlen = daemon.sync_maxlen.get_or_insert(1500 - headers);
        *maxlen = (*maxlen).clamp(least, u16::MAX - headers);
        daemon.port.get_or_insert(8848);
        daemon.ttl.get_or_insert(1);
        self.daemons.push(daemon);
        self.daemons.sort_by_key(|daemon| daemon.role);
        Ok(())
    }

    fn stop_daemon(&mut self, attributes: Vec<IpvsAttribute>) -> Result<(), Errno> {
        let daemon = convert::read_daemon(attributes).map_err(|_| Errno::INVAL)?;
        let place = self
            .daemons
            .iter()
            .position(|known| known.role == daemon.role);
        self.daemons.remove(place.ok_or(Errno::SRCH)?);
        Ok(())
    }
}

fn service_id(payload: &[u8]) -> Result<ServiceId, Errno> {
    let record = ServiceRecord::read(payload).ok().flatten();
    let record = record.ok_or(Errno::INVAL)?;
    convert::read_service_id(&record).map_err(|_| Errno::INVAL)
}

/// Returns whether the kernel may send packets there: to an address that is unicast,
/// and of IPv6 not only on one link.
fn is_reachable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !address.is_unspecified() && !address.is_multicast() && !address.is_broadcast()
        }
        IpAddr::V6(address) => {
            !address.is_unspecified() && !address.is_multicast() && !address.is_unicast_link_local()
        }
    }
}

fn zero((service, destinations): &mut (Service, Vec<Destination>)) {
    service.stats = Some(crate::Stats::default());
    for destination in destinations {
        destination.stats = Some(crate::Stats::default());
    }
}

/// The attributes of a message whose records have been written.
fn attributes(command: IpvsCommand, bytes: &[u8]) -> Vec<IpvsAttribute> {
    IpvsMessage::parse_with_param(bytes, command.header())
        .map(|message| message.attributes)
        .unwrap_or_default()
}

fn service_reply((service, _): &(Service, Vec<Destination>)) -> Reply {
    let mut bytes = Vec::new();
    convert::describe_service(&service.id, &service.settings).append_to(&mut bytes);
    let mut reply = attributes(IpvsCommand::NewService, &bytes);
    for attribute in &mut reply {
        if let IpvsAttribute::Service(service_attributes) = attribute {
            for attribute in service_attributes.iter_mut() {
                if let ServiceAttribute::Flags { flags, .. } = attribute {
                    flags.insert(ServiceFlags::HASHED);
                    flags.insert(ServiceFlags::from_bits_retain(service.unknown_flags));
                }
            }
            let stats = service.stats.unwrap_or_default();
            service_attributes.push(ServiceAttribute::Stats64(stats_attributes(&stats)));
        }
    }
    (IpvsCommand::NewService, reply)
}

fn destination_reply(destination: &Destination) -> Reply {
    let mut bytes = Vec::new();
    convert::describe_destination(&destination.id, &destination.settings).append_to(&mut bytes);
    let mut reply = attributes(IpvsCommand::NewDest, &bytes);
    for attribute in &mut reply {
        if let IpvsAttribute::Destination(attributes) = attribute {
            let stats = destination.stats.unwrap_or_default();
            attributes.extend([
                DestinationAttribute::ActiveConnections(destination.active_connections),
                DestinationAttribute::InactiveConnections(destination.inactive_connections),
                DestinationAttribute::PersistentConnections(destination.persistent_connections),
                DestinationAttribute::Stats64(stats_attributes(&stats)),
            ]);
        }
    }
    (IpvsCommand::NewDest, reply)
}

fn stats_attributes(stats: &crate::Stats) -> Vec<StatsAttribute<u64>> {
    vec![
        StatsAttribute::Connections(stats.connections),
        StatsAttribute::InPackets(stats.in_packets),
        StatsAttribute::OutPackets(stats.out_packets),
        StatsAttribute::InBytes(stats.in_bytes),
        StatsAttribute::OutBytes(stats.out_bytes),
        StatsAttribute::ConnectionsPerSecond(stats.connections_per_second),
        StatsAttribute::InPacketsPerSecond(stats.in_packets_per_second),
        StatsAttribute::OutPacketsPerSecond(stats.out_packets_per_second),
        StatsAttribute::InBytesPerSecond(stats.in_bytes_per_second),
        StatsAttribute::OutBytesPerSecond(stats.out_bytes_per_second),
    ]
}

fn daemon_reply(daemon: &SyncDaemon) -> Reply {
    let state = match daemon.role {
        DaemonRole::Master => ipvs_netlink::DaemonState::Master,
        DaemonRole::Backup => ipvs_netlink::DaemonState::Backup,
    };
    let mut attributes = vec![
        DaemonAttribute::State(state),
        DaemonAttribute::MulticastInterface(daemon.interface.clone()),
        DaemonAttribute::SyncId(daemon.sync_id),
    ];
    attributes.extend(daemon.sync_maxlen.map(DaemonAttribute::SyncMaxlen));
    attributes.extend(daemon.port.map(DaemonAttribute::MulticastPort));
    attributes.extend(daemon.ttl.map(DaemonAttribute::MulticastTtl));
    attributes.extend(daemon.group.map(|group| match group {
        IpAddr::V4(group) => DaemonAttribute::MulticastGroup(group),
        IpAddr::V6(group) => DaemonAttribute::MulticastGroup6(group),
    }));
    (
        IpvsCommand::NewDaemon,
        vec![IpvsAttribute::Daemon(attributes)],
    )
}

fn info_reply() -> Reply {
    let attributes = vec![
        IpvsAttribute::Info(InfoAttribute::Version(VERSION)),
        IpvsAttribute::Info(InfoAttribute::ConnectionTableSize(CONNECTION_TABLE_SIZE)),
    ];
    (IpvsCommand::SetInfo, attributes)
}
