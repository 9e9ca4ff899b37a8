// SPDX-License-Identifier: MIT

//! The kernel in memory behind its socket options. What they refuse before they look
//! at the table is what Linux 6.1 refuses.

use std::net::IpAddr;

use rustix::io::Errno;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{FakeKernel, Fate, table::Table};
use crate::{
    AddressFamily, Change, Counters, Destination, ForwardingMethod, Interface, Service, Stats,
    SyncDaemonSettings, Tunnel,
    kernel::sockopt::{
        convert, option,
        socket::SocketOptions,
        structures::{
            DaemonUser, DestinationEntry, DestinationUser, GetDestinations, GetInfo, GetServices,
            ServiceAndDestination, ServiceEntry, ServiceName, ServiceUser, StatsUser, TimeoutUser,
        },
    },
};

/// A socket that has the options.
#[derive(Debug)]
pub(super) struct OptionSocket(pub(super) FakeKernel);

impl SocketOptions for OptionSocket {
    fn get(&mut self, option: i32, value: &mut [u8]) -> Result<(), Errno> {
        let mut state = self.0.state();
        match state.next_fate(Interface::SocketOptions) {
            Fate::Refused(errno) => Err(errno),
            Fate::Unanswered => Err(Errno::INTR),
            Fate::LeftToTable => get(&mut state.table, option, value),
        }
    }

    fn set(&mut self, option: i32, value: &[u8]) -> Result<(), Errno> {
        let mut state = self.0.state();
        match state.next_fate(Interface::SocketOptions) {
            Fate::Refused(errno) => Err(errno),
            Fate::Unanswered => {
                set(&mut state.table, option, value)?;
                Err(Errno::INTR)
            }
            Fate::LeftToTable => set(&mut state.table, option, value),
        }
    }
}

fn get(table: &mut Table, option: i32, value: &mut [u8]) -> Result<(), Errno> {
    match option {
        option::GET_INFO => {
            let info = table.info();
            let is_ipv4 = |(service, _): &&Entry| service.id.family() == AddressFamily::Ipv4;
            write(
                value,
                &GetInfo {
                    version: info.version.0,
                    size: info.connection_table_size,
                    services: table.entries().iter().filter(is_ipv4).count() as u32,
                },
            )
        }
        option::GET_SERVICES => {
            let entries = table.entries().iter().filter_map(service_entry);
            fill(value, |head: &GetServices| head.services, entries)
        }
        option::GET_SERVICE => {
            let wanted: ServiceEntry = read(value)?;
            let found = find(table, &wanted.name).and_then(service_entry);
            write(value, &found.ok_or(Errno::SRCH)?)
        }
        option::GET_DESTS => {
            let head = GetDestinations::read_from_prefix(value).map_err(|_| Errno::INVAL)?;
            let (_, destinations) = find(table, &head.0.service).ok_or(Errno::SRCH)?;
            let entries = destinations.iter().filter_map(destination_entry);
            fill(value, |head: &GetDestinations| head.destinations, entries)
        }
        option::GET_TIMEOUT => write(value, &convert::describe_timeouts(&table.timeouts())),
        option::GET_DAEMON => {
            let mut daemons = [DaemonUser::default(); 2];
            for (to, daemon) in daemons.iter_mut().zip(table.daemons()) {
                let sync_id = u8::try_from(daemon.sync_id).map_err(|_| Errno::RANGE)?;
                let settings = SyncDaemonSettings::new(daemon.role, daemon.interface.as_str());
                let settings = settings.sync_id(sync_id);
                *to = convert::describe_daemon(&settings).map_err(|_| Errno::INVAL)?;
            }
            write(value, &daemons)
        }
        _ => Err(Errno::INVAL),
    }
}

fn set(table: &mut Table, option: i32, value: &[u8]) -> Result<(), Errno> {
    match option {
        option::SET_FLUSH if value.is_empty() => return table.change(&Change::Flush),
        option::SET_TIMEOUT => {
            let timeouts = convert::read_timeouts(&read::<TimeoutUser>(value)?);
            return table.change(&Change::SetTimeouts(timeouts));
        }
        option::SET_STARTDAEMON => {
            let daemon = convert::read_daemon(&read(value)?).ok_or(Errno::INVAL)?;
            let settings = SyncDaemonSettings::new(daemon.role, daemon.interface);
            return table.start_daemon_of(&settings.sync_id(daemon.sync_id as u8));
        }
        option::SET_STOPDAEMON => {
            let daemon = convert::read_daemon(&read(value)?).ok_or(Errno::INVAL)?;
            return table.stop_daemon_of(daemon.role);
        }
        _ => {}
    }
    let (user, destination) = match option {
        option::SET_ADDDEST | option::SET_DELDEST | option::SET_EDITDEST => {
            let both: ServiceAndDestination = read(value)?;
            (both.service, both.destination)
        }
        _ => (read::<ServiceUser>(value)?, DestinationUser::default()),
    };
    let name = &user.name;
    let is_all = name.fwmark == 0 && name.address == [0; 4] && name.port.get() == 0;
    if option == option::SET_ZERO && is_all {
        return table.change(&Change::ZeroAll);
    }
    if ![6, 17, 132].contains(&name.protocol) {
        return Err(Errno::FAULT);
    }
    let service = convert::read_service(&entry_of_user(&user), Counters::Skip);
    let destination = convert::read_destination(
        &DestinationEntry {
            address: destination.address,
            port: destination.port,
            connection_flags: destination.connection_flags,
            weight: destination.weight,
            upper_threshold: destination.upper_threshold,
            lower_threshold: destination.lower_threshold,
            ..DestinationEntry::default()
        },
        Counters::Skip,
    );
    let (id, settings) = (service.id, service.settings);
    table.change(&match option {
        option::SET_ADD => Change::AddService(id, settings),
        option::SET_EDIT => {
            table.change(&Change::EditService(id, settings))?;
            // Flags are replaced as a whole.
            if let Some(known) = table.service_mut(&id) {
                known.unknown_flags = service.unknown_flags;
            }
            return Ok(());
        }
        option::SET_DEL => Change::DeleteService(id),
        option::SET_ZERO => Change::ZeroService(id),
        option::SET_ADDDEST => Change::AddDestination(id, destination.id, destination.settings),
        option::SET_EDITDEST => Change::EditDestination(id, destination.id, destination.settings),
        option::SET_DELDEST => Change::DeleteDestination(id, destination.id),
        _ => return Err(Errno::INVAL),
    })
}

type Entry = (Service, Vec<Destination>);

fn find<'a>(table: &'a Table, name: &ServiceName) -> Option<&'a Entry> {
    let user = ServiceUser {
        name: *name,
        ..ServiceUser::default()
    };
    let id = convert::read_service(&entry_of_user(&user), Counters::Skip).id;
    let mut entries = table.entries().iter();
    entries.find(|(service, _)| service.id == id)
}

fn entry_of_user(user: &ServiceUser) -> ServiceEntry {
    ServiceEntry {
        name: user.name,
        scheduler_name: user.scheduler_name,
        flags: user.flags,
        timeout: user.timeout,
        netmask: user.netmask,
        ..ServiceEntry::default()
    }
}

/// Makes the entry of a service, if it is one of IPv4; its engine is not in it.
fn service_entry((service, destinations): &Entry) -> Option<ServiceEntry> {
    let mut settings = service.settings.clone();
    settings.persistence_engine = None;
    let user = convert::describe_service(&service.id, &settings).ok()?;
    /// `IP_VS_SVC_F_HASHED`
    const HASHED: u32 = 0x2;
    Some(ServiceEntry {
        flags: user.flags | service.unknown_flags | HASHED,
        destinations: destinations.len() as u32,
        stats: stats(service.stats),
        ..entry_of_user(&user)
    })
}

/// Makes the entry of a destination, if it is one of IPv4; the type of its tunnel is
/// not in it.
fn destination_entry(destination: &Destination) -> Option<DestinationEntry> {
    let mut settings = destination.settings;
    if let (IpAddr::V4(_), ForwardingMethod::Tunneling(_)) =
        (destination.id.address, settings.forwarding_method)
    {
        settings.forwarding_method = ForwardingMethod::Tunneling(Tunnel::Ipip);
    }
    let user = convert::describe_destination(&destination.id, &settings).ok()?;
    Some(DestinationEntry {
        address: user.address,
        port: user.port,
        connection_flags: user.connection_flags,
        weight: user.weight,
        upper_threshold: user.upper_threshold,
        lower_threshold: user.lower_threshold,
        active_connections: destination.active_connections,
        inactive_connections: destination.inactive_connections,
        persistent_connections: destination.persistent_connections,
        stats: stats(destination.stats),
        ..DestinationEntry::default()
    })
}

/// Cuts counters to the bits that there are.
fn stats(stats: Option<Stats>) -> StatsUser {
    let stats = stats.unwrap_or_default();
    StatsUser {
        connections: stats.connections as u32,
        in_packets: stats.in_packets as u32,
        out_packets: stats.out_packets as u32,
        in_bytes: stats.in_bytes.into(),
        out_bytes: stats.out_bytes.into(),
        connections_per_second: stats.connections_per_second as u32,
        in_packets_per_second: stats.in_packets_per_second as u32,
        out_packets_per_second: stats.out_packets_per_second as u32,
        in_bytes_per_second: stats.in_bytes_per_second as u32,
        out_bytes_per_second: stats.out_bytes_per_second as u32,
        ..StatsUser::default()
    }
}

fn read<T: FromBytes>(value: &[u8]) -> Result<T, Errno> {
    T::read_from_bytes(value).map_err(|_| Errno::INVAL)
}

fn write<T: IntoBytes + Immutable>(value: &mut [u8], answer: &T) -> Result<(), Errno> {
    answer.write_to(value).map_err(|_| Errno::INVAL)
}

/// Fills a list with as many entries as it has room for.
fn fill<H: FromBytes + KnownLayout + Immutable, E: IntoBytes + Immutable>(
    value: &mut [u8],
    room: impl Fn(&H) -> u32,
    entries: impl Iterator<Item = E>,
) -> Result<(), Errno> {
    let (head, list) = value
        .split_at_mut_checked(size_of::<H>())
        .ok_or(Errno::INVAL)?;
    let room = room(&read::<H>(head)?) as usize;
    if list.len() != room * size_of::<E>() {
        return Err(Errno::INVAL);
    }
    for (to, entry) in list.chunks_exact_mut(size_of::<E>()).zip(entries) {
        write(to, &entry)?;
    }
    Ok(())
}
