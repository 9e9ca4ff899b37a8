// SPDX-License-Identifier: MIT

//! The interface over socket options: what IPVS had before generic netlink. It takes
//! the right to administer the network namespace, not the whole machine.
//!
//! Each call is one step for the kernel, which holds its lock meanwhile: a list is
//! always what there was at one time.

pub(crate) mod convert;
pub(crate) mod socket;
pub(crate) mod structures;

use std::io;

use rustix::io::Errno;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use self::{
    socket::SocketOptions,
    structures::{
        DaemonUser, DestinationUser, GetDestinations, GetInfo, GetServices, ServiceAndDestination,
        ServiceEntry, ServiceName, ServiceUser, TimeoutUser,
    },
};
use super::{
    consistency::MOST_ENTRIES,
    interface::{KernelInterface, Replaced},
    netlink::exchange::MOST_INTERRUPTIONS,
};
use crate::{
    Change, Consistency, Counters, DaemonRole, Destination, DestinationId, DestinationSettings,
    Error, Info, Interface, NetlinkOnly, Operation, Result, Service, ServiceId, ServiceSettings,
    SyncDaemon, SyncDaemonSettings, Timeouts,
};

/// The numbers of the options (`IP_VS_SO_SET_*`, `IP_VS_SO_GET_*`).
pub(crate) mod option {
    const BASE: i32 = 64 + 1024 + 64;
    pub(crate) const SET_ADD: i32 = BASE + 2;
    pub(crate) const SET_EDIT: i32 = BASE + 3;
    pub(crate) const SET_DEL: i32 = BASE + 4;
    pub(crate) const SET_FLUSH: i32 = BASE + 5;
    pub(crate) const SET_ADDDEST: i32 = BASE + 7;
    pub(crate) const SET_DELDEST: i32 = BASE + 8;
    pub(crate) const SET_EDITDEST: i32 = BASE + 9;
    pub(crate) const SET_TIMEOUT: i32 = BASE + 10;
    pub(crate) const SET_STARTDAEMON: i32 = BASE + 11;
    pub(crate) const SET_STOPDAEMON: i32 = BASE + 12;
    pub(crate) const SET_ZERO: i32 = BASE + 15;
    pub(crate) const GET_INFO: i32 = BASE + 1;
    pub(crate) const GET_SERVICES: i32 = BASE + 2;
    pub(crate) const GET_SERVICE: i32 = BASE + 3;
    pub(crate) const GET_DESTS: i32 = BASE + 4;
    pub(crate) const GET_TIMEOUT: i32 = BASE + 6;
    pub(crate) const GET_DAEMON: i32 = BASE + 7;
}

/// The entries that there is room for at first: most services have fewer
/// destinations.
const FIRST_ROOM: u32 = 32;

/// The entries that there is room for at most, about 100 MB.
const LARGEST_ROOM: u32 = MOST_ENTRIES as u32;

/// The socket options of IPVS.
pub(crate) struct SockOpt {
    socket: Box<dyn SocketOptions>,
    /// Room for a list.
    list: Vec<u8>,
}

impl SockOpt {
    pub(crate) fn new(socket: Box<dyn SocketOptions>) -> Self {
        Self {
            socket,
            list: Vec::new(),
        }
    }

    /// Gets an option of a fixed size.
    fn get<T: FromBytes + IntoBytes>(
        &mut self,
        operation: Operation,
        option: i32,
        mut value: T,
    ) -> Result<T> {
        self.get_bytes(operation, option, value.as_mut_bytes())?;
        Ok(value)
    }

    /// Gets an option. A call that is interrupted does no harm when it is made again.
    fn get_bytes(&mut self, operation: Operation, option: i32, value: &mut [u8]) -> Result<()> {
        let mut interruptions = 0;
        loop {
            match self.socket.get(option, value) {
                Err(Errno::INTR) if interruptions < MOST_INTERRUPTIONS => interruptions += 1,
                outcome => return outcome.map_err(|errno| Error::Kernel { operation, errno }),
            }
        }
    }

    fn set<T: IntoBytes + Immutable>(
        &mut self,
        operation: Operation,
        option: i32,
        value: &T,
    ) -> Result<()> {
        match self.socket.set(option, value.as_bytes()) {
            // Linux waits for nothing once it has begun, but does not promise it.
            Err(errno @ Errno::INTR) => Err(Error::Unanswered {
                operation,
                reason: errno.into(),
            }),
            outcome => outcome.map_err(|errno| Error::Kernel { operation, errno }),
        }
    }

    /// Gets a list: `head` makes its beginning, with the number of entries that there
    /// is room for, and `take` gets those that are filled.
    ///
    /// The kernel fills as many as it has or there is room for, and does not say which
    /// was the end. So there has to be room for one more than it fills.
    fn get_list<H: IntoBytes + Immutable, E: FromBytes>(
        &mut self,
        operation: Operation,
        option: i32,
        first_room: u32,
        head: impl Fn(u32) -> H,
        is_filled: impl Fn(&E) -> bool,
        mut take: impl FnMut(E),
    ) -> Result<()> {
        let mut room = first_room.clamp(1, LARGEST_ROOM);
        loop {
            self.list.clear();
            self.list.extend_from_slice(head(room).as_bytes());
            let start = self.list.len();
            self.list.resize(start + room as usize * size_of::<E>(), 0);
            let mut list = std::mem::take(&mut self.list);
            let outcome = self.get_bytes(operation, option, &mut list);
            self.list = list;
            outcome?;
            let bytes = self.list.get(start..).unwrap_or_default();
            let entries = bytes
                .chunks_exact(size_of::<E>())
                .filter_map(|entry| E::read_from_bytes(entry).ok());
            // All or none: they are counted before any is handed out.
            if entries.clone().all(|entry| is_filled(&entry)) {
                if room == LARGEST_ROOM {
                    let reason = io::Error::other("the kernel's list does not end");
                    return Err(Error::Io { operation, reason });
                }
                room = room.saturating_mul(2).min(LARGEST_ROOM);
                continue;
            }
            entries.take_while(is_filled).for_each(&mut take);
            return Ok(());
        }
    }

    fn get_service(&mut self, id: &ServiceId, operation: Operation) -> Result<ServiceEntry> {
        let wanted = ServiceEntry {
            name: name_service(id, operation)?,
            ..ServiceEntry::default()
        };
        self.get(operation, option::GET_SERVICE, wanted)
    }

    /// Makes one change.
    fn change(&mut self, change: &Change) -> Result<()> {
        let operation = change.operation();
        let needs_netlink = |what| Error::NeedsNetlink { operation, what };
        let name_only = |id: &ServiceId| -> Result<ServiceUser> {
            Ok(ServiceUser {
                name: name_service(id, operation)?,
                ..ServiceUser::default()
            })
        };
        let (option, service, destination) = match change {
            Change::AddService(id, settings) | Change::EditService(id, settings) => {
                let service = convert::describe_service(id, settings).map_err(needs_netlink)?;
                let option = match change {
                    Change::AddService(..) => option::SET_ADD,
                    _ => option::SET_EDIT,
                };
                (option, service, None)
            }
            Change::DeleteService(id) => (option::SET_DEL, name_only(id)?, None),
            Change::ZeroService(id) => {
                let service = name_only(id)?;
                if let ServiceId::Address {
                    address, port: 0, ..
                } = id
                    && address.is_unspecified()
                {
                    // It would be taken for all of them.
                    return Err(needs_netlink(NetlinkOnly::ZeroUnspecified));
                }
                (option::SET_ZERO, service, None)
            }
            Change::ZeroAll => (option::SET_ZERO, ServiceUser::default(), None),
            Change::Flush => (option::SET_FLUSH, ServiceUser::default(), None),
            Change::AddDestination(service, id, settings)
            | Change::EditDestination(service, id, settings) => {
                let service = name_only(service)?;
                let destination =
                    convert::describe_destination(id, settings).map_err(needs_netlink)?;
                let option = match change {
                    Change::AddDestination(..) => option::SET_ADDDEST,
                    _ => option::SET_EDITDEST,
                };
                (option, service, Some(destination))
            }
            Change::DeleteDestination(service, id) => {
                let service = name_only(service)?;
                let destination = convert::name_destination(id).map_err(needs_netlink)?;
                (option::SET_DELDEST, service, Some(destination))
            }
            Change::SetTimeouts(timeouts) => {
                let timeouts = convert::describe_timeouts(timeouts);
                return self.set(operation, option::SET_TIMEOUT, &timeouts);
            }
        };
        let outcome = self.set_entry(operation, option, service, destination);
        match outcome {
            Err(error) if error.errno() == Some(Errno::SRCH) && service.name.fwmark != 0 => {
                // Netlink gives every mark the protocol TCP, but another program may have
                // added this one with another, and the kernel wants that.
                let entry = ServiceEntry {
                    name: service.name,
                    ..ServiceEntry::default()
                };
                let Ok(entry) = self.get(operation, option::GET_SERVICE, entry) else {
                    return Err(error);
                };
                if entry.name.protocol == service.name.protocol {
                    return Err(error);
                }
                let service = ServiceUser {
                    name: entry.name,
                    ..service
                };
                self.set_entry(operation, option, service, destination)
            }
            outcome => outcome,
        }
    }

    fn set_entry(
        &mut self,
        operation: Operation,
        option: i32,
        service: ServiceUser,
        destination: Option<DestinationUser>,
    ) -> Result<()> {
        match destination {
            Some(destination) => self.set(
                operation,
                option,
                &ServiceAndDestination {
                    service,
                    destination,
                },
            ),
            // FLUSH takes a length of 0, and nothing else.
            None if option == option::SET_FLUSH => self.set(operation, option, &()),
            None => self.set(operation, option, &service),
        }
    }
}

fn name_service(id: &ServiceId, operation: Operation) -> Result<ServiceName> {
    convert::name_service(id).map_err(|what| Error::NeedsNetlink { operation, what })
}

impl KernelInterface for SockOpt {
    fn interface(&self) -> Interface {
        Interface::SocketOptions
    }

    fn read_info(&mut self) -> Result<Info> {
        let info = self.get(Operation::ReadInfo, option::GET_INFO, GetInfo::default())?;
        Ok(convert::read_info(&info))
    }

    fn list_services(
        &mut self,
        counters: Counters,
        _: Consistency,
        take: &mut dyn FnMut(Service),
    ) -> Result<bool> {
        let operation = Operation::ListServices;
        let info = self.get(operation, option::GET_INFO, GetInfo::default())?;
        self.get_list(
            operation,
            option::GET_SERVICES,
            info.services.saturating_add(FIRST_ROOM),
            |services| GetServices {
                services,
                ..GetServices::default()
            },
            convert::is_service,
            |entry| take(convert::read_service(&entry, counters)),
        )?;
        Ok(true)
    }

    fn read_service(
        &mut self,
        id: &ServiceId,
        counters: Counters,
        operation: Operation,
    ) -> Result<Service> {
        let entry = self.get_service(id, operation)?;
        Ok(convert::read_service(&entry, counters))
    }

    fn list_destinations(
        &mut self,
        service: &ServiceId,
        counters: Counters,
        _: Consistency,
        operation: Operation,
        take: &mut dyn FnMut(Destination),
    ) -> Result<bool> {
        let service = name_service(service, operation)?;
        let outcome = self.get_list(
            operation,
            option::GET_DESTS,
            FIRST_ROOM,
            |destinations| GetDestinations {
                service,
                destinations,
                ..GetDestinations::default()
            },
            convert::is_destination,
            |entry| take(convert::read_destination(&entry, counters)),
        );
        match outcome {
            Err(error) if error.errno() == Some(Errno::SRCH) => Ok(true),
            outcome => outcome.map(|()| true),
        }
    }

    fn apply(
        &mut self,
        changes: &[(usize, &Change)],
        refused: &mut Vec<(usize, Error)>,
    ) -> Result<()> {
        for (number, change) in changes {
            match self.change(change) {
                Ok(()) => {}
                Err(error) if error.may_have_been_done() => return Err(error),
                Err(error) => refused.push((*number, error)),
            }
        }
        Ok(())
    }

    fn replace_service(
        &mut self,
        id: &ServiceId,
        settings: &ServiceSettings,
    ) -> Result<Replaced<ServiceSettings>> {
        let operation = Operation::EditService(*id);
        let entry = self.get_service(id, operation)?;
        let service = convert::describe_known_service(id, settings, &entry)
            .map_err(|what| Error::NeedsNetlink { operation, what })?;
        self.set(operation, option::SET_EDIT, &service)?;
        Ok(Replaced {
            settings: Some(convert::read_service(&entry, Counters::Skip).settings),
            in_one_piece: true,
        })
    }

    fn replace_destination(
        &mut self,
        service: &ServiceId,
        id: &DestinationId,
        settings: &DestinationSettings,
    ) -> Result<Replaced<DestinationSettings>> {
        let operation = Operation::EditDestination(*service, *id);
        let mut found = None;
        self.list_destinations(
            service,
            Counters::Skip,
            Consistency::Once,
            operation,
            &mut |read| {
                if read.id == *id {
                    found = Some(read.settings);
                }
            },
        )?;
        self.change(&Change::EditDestination(*service, *id, *settings))?;
        Ok(Replaced {
            settings: found,
            in_one_piece: true,
        })
    }

    fn read_timeouts(&mut self) -> Result<Timeouts> {
        let timeouts = self.get(
            Operation::ReadTimeouts,
            option::GET_TIMEOUT,
            TimeoutUser::default(),
        )?;
        Ok(convert::read_timeouts(&timeouts))
    }

    fn list_daemons(&mut self) -> Result<Vec<SyncDaemon>> {
        let daemons = self.get(
            Operation::ListDaemons,
            option::GET_DAEMON,
            [DaemonUser::default(); 2],
        )?;
        Ok(daemons.iter().filter_map(convert::read_daemon).collect())
    }

    fn start_daemon(&mut self, daemon: &SyncDaemonSettings) -> Result<()> {
        let operation = Operation::StartDaemon(daemon.role);
        let daemon = convert::describe_daemon(daemon)
            .map_err(|what| Error::NeedsNetlink { operation, what })?;
        self.set(operation, option::SET_STARTDAEMON, &daemon)
    }

    fn stop_daemon(&mut self, role: DaemonRole) -> Result<()> {
        let daemon = convert::name_daemon(role);
        self.set(Operation::StopDaemon(role), option::SET_STOPDAEMON, &daemon)
    }
}
