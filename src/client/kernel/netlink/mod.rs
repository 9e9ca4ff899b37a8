// SPDX-License-Identifier: MIT

//! The interface over a generic netlink socket: requests and answers.

pub(crate) mod convert;
pub(crate) mod exchange;
pub(crate) mod family;
pub(crate) mod socket;

use std::io;

use ipvs_netlink::{DaemonAttribute, IpvsAttribute, IpvsCommand, IpvsMessage};
use netlink_packet_core::{
    DecodeError, NLM_F_ACK, NLM_F_DUMP, NetlinkDeserializable, NetlinkHeader,
};
use netlink_packet_generic::{GenlMessage, constants::GENL_HDRLEN};

use self::{
    exchange::{Answers, Exchange},
    socket::Transport,
};
use super::interface::{KernelInterface, Replaced};
use crate::{
    Change, Consistency, Counters, DaemonRole, Destination, DestinationId, DestinationSettings,
    Error, Info, Interface, Operation, Result, Service, ServiceId, ServiceSettings, SyncDaemon,
    SyncDaemonSettings, Timeouts,
};

/// The IPVS family of generic netlink, over one socket.
pub(crate) struct Netlink {
    exchange: Exchange,
    /// The number that the kernel gave the family.
    family: u16,
}

impl Netlink {
    /// Finds the IPVS family, with the module loaders if needed.
    pub(crate) fn find(
        transport: Box<dyn Transport>,
        loaders: impl IntoIterator<Item = io::Result<String>>,
    ) -> Result<Self> {
        let mut exchange = Exchange::new(transport);
        let family = family::find(&mut exchange, loaders)?;
        Ok(Self { exchange, family })
    }

    /// Puts a request behind those that wait to be sent; `append` adds its
    /// attributes.
    fn queue(&mut self, command: IpvsCommand, flags: u16, append: impl FnOnce(&mut Vec<u8>)) {
        self.exchange
            .queue(self.family, command.header(), flags, append);
    }

    /// Sends the requests that wait, and takes the answer to the last: each message of
    /// it goes to `take`, its netlink header and its payload. Returns whether the
    /// kernel made all of it at one time.
    fn receive(
        &mut self,
        operation: Operation,
        dump: bool,
        take: impl FnMut(&NetlinkHeader, &[u8]) -> Result<(), DecodeError>,
    ) -> Result<bool> {
        self.exchange.send(operation)?;
        self.exchange.receive(operation, self.family, dump, take)
    }

    /// Reads a list, each entry of which `convert` makes of the attributes of a
    /// message.
    fn list<T>(
        &mut self,
        operation: Operation,
        consistency: Consistency,
        command: IpvsCommand,
        append: impl FnOnce(&mut Vec<u8>),
        convert: impl Fn(&[u8]) -> Result<T, DecodeError>,
        take: &mut dyn FnMut(T),
    ) -> Result<bool> {
        if consistency == Consistency::Agreed {
            // Two readings that stopped at the same places could lack the same
            // entries.
            self.exchange.shift_pieces();
        }
        self.queue(command, NLM_F_DUMP, append);
        self.receive(operation, true, |_, payload| {
            take(convert(attributes(payload))?);
            Ok(())
        })
    }

    /// Reads one thing.
    fn read_one<T>(
        &mut self,
        operation: Operation,
        command: IpvsCommand,
        append: impl FnOnce(&mut Vec<u8>),
        convert: impl Fn(&NetlinkHeader, &[u8]) -> Result<T, DecodeError>,
    ) -> Result<T> {
        let mut found = None;
        self.queue(command, NLM_F_ACK, append);
        self.receive(operation, false, |header, payload| {
            found = Some(convert(header, payload)?);
            Ok(())
        })?;
        found.ok_or_else(|| Error::Malformed {
            operation,
            reason: DecodeError::from("it is empty"),
        })
    }

    fn write_daemon(
        &mut self,
        operation: Operation,
        command: IpvsCommand,
        daemon: Vec<DaemonAttribute>,
    ) -> Result<()> {
        self.queue(command, NLM_F_ACK, |request| {
            convert::append_attributes(request, &[IpvsAttribute::Daemon(daemon)]);
        });
        self.receive(operation, false, |_, _| Ok(()))?;
        Ok(())
    }

    /// Sends the reading and the writing that wait; `find` takes the settings out of
    /// the message that is about the entry.
    fn exchange_update<S>(
        &mut self,
        operation: Operation,
        dump: bool,
        mut find: impl FnMut(&[u8]) -> Result<Option<S>, DecodeError>,
    ) -> Result<Replaced<S>> {
        self.exchange.send(operation)?;
        let mut settings = None;
        let Answers { reading, change } =
            self.exchange
                .receive_with_change(operation, self.family, dump, |_, payload| {
                    if let Some(found) = find(attributes(payload))? {
                        settings.get_or_insert(found);
                    }
                    Ok(())
                })?;
        change.map_err(|errno| Error::Kernel { operation, errno })?;
        Ok(Replaced {
            settings,
            // Where the reading was refused the entry has come after it.
            in_one_piece: reading.unwrap_or(true),
        })
    }
}

impl KernelInterface for Netlink {
    fn interface(&self) -> Interface {
        Interface::Netlink
    }

    fn read_info(&mut self) -> Result<Info> {
        self.read_one(
            Operation::ReadInfo,
            IpvsCommand::GetInfo,
            |_| {},
            whole(convert::read_info),
        )
    }

    fn list_services(
        &mut self,
        counters: Counters,
        consistency: Consistency,
        take: &mut dyn FnMut(Service),
    ) -> Result<bool> {
        self.list(
            Operation::ListServices,
            consistency,
            IpvsCommand::GetService,
            |_| {},
            |payload| convert::read_service(payload, counters),
            take,
        )
    }

    fn read_service(
        &mut self,
        id: &ServiceId,
        counters: Counters,
        operation: Operation,
    ) -> Result<Service> {
        self.read_one(
            operation,
            IpvsCommand::GetService,
            |request| convert::name_service(id).append_to(request),
            |_, payload| convert::read_service(attributes(payload), counters),
        )
    }

    fn list_destinations(
        &mut self,
        service: &ServiceId,
        counters: Counters,
        consistency: Consistency,
        operation: Operation,
        take: &mut dyn FnMut(Destination),
    ) -> Result<bool> {
        let family = service.family();
        self.list(
            operation,
            consistency,
            IpvsCommand::GetDest,
            |request| convert::name_service(service).append_to(request),
            |payload| convert::read_destination(payload, family, counters),
            take,
        )
    }

    fn apply(
        &mut self,
        changes: &[(usize, &Change)],
        refused: &mut Vec<(usize, Error)>,
    ) -> Result<()> {
        let operation = match changes {
            [] => return Ok(()),
            [(_, change)] => change.operation(),
            _ => Operation::ApplyChanges,
        };
        for (position, (_, change)) in changes.iter().enumerate() {
            // What is not refused needs no answer; the last one's says that the
            // others are done.
            let flags = if position + 1 == changes.len() {
                NLM_F_ACK
            } else {
                0
            };
            self.queue(convert::choose_command(change), flags, |request| {
                convert::append_change(request, change);
            });
        }
        self.exchange.send(operation)?;
        for (position, errno) in self.exchange.receive_refusals(operation, changes.len())? {
            if let Some((number, change)) = changes.get(position) {
                let operation = change.operation();
                refused.push((*number, Error::Kernel { operation, errno }));
            }
        }
        Ok(())
    }

    fn replace_service(
        &mut self,
        id: &ServiceId,
        settings: &ServiceSettings,
    ) -> Result<Replaced<ServiceSettings>> {
        self.queue(IpvsCommand::GetService, NLM_F_ACK, |request| {
            convert::name_service(id).append_to(request);
        });
        self.queue(IpvsCommand::SetService, NLM_F_ACK, |request| {
            convert::describe_known_service(id, settings).append_to(request);
        });
        self.exchange_update(Operation::EditService(*id), false, |payload| {
            let read = convert::read_service(payload, Counters::Skip)?;
            Ok(Some(read.settings))
        })
    }

    fn replace_destination(
        &mut self,
        service: &ServiceId,
        id: &DestinationId,
        settings: &DestinationSettings,
    ) -> Result<Replaced<DestinationSettings>> {
        let family = service.family();
        self.queue(IpvsCommand::GetDest, NLM_F_DUMP, |request| {
            convert::name_service(service).append_to(request);
        });
        self.queue(IpvsCommand::SetDest, NLM_F_ACK, |request| {
            convert::name_service(service).append_to(request);
            convert::describe_destination(id, settings).append_to(request);
        });
        let operation = Operation::EditDestination(*service, *id);
        self.exchange_update(operation, true, |payload| {
            let read = convert::read_destination(payload, family, Counters::Skip)?;
            Ok((read.id == *id).then_some(read.settings))
        })
    }

    fn read_timeouts(&mut self) -> Result<Timeouts> {
        self.read_one(
            Operation::ReadTimeouts,
            IpvsCommand::GetConfig,
            |_| {},
            whole(convert::read_timeouts),
        )
    }

    fn list_daemons(&mut self) -> Result<Vec<SyncDaemon>> {
        let mut daemons: Vec<SyncDaemon> = Vec::new();
        let convert = whole(convert::read_daemon);
        self.queue(IpvsCommand::GetDaemon, NLM_F_DUMP, |_| {});
        self.receive(Operation::ListDaemons, true, |header, payload| {
            let daemon = convert(header, payload)?;
            // There is one of each role at most.
            if daemons.iter().all(|known| known.role != daemon.role) {
                daemons.push(daemon);
            }
            Ok(())
        })?;
        Ok(daemons)
    }

    fn start_daemon(&mut self, daemon: &SyncDaemonSettings) -> Result<()> {
        let operation = Operation::StartDaemon(daemon.role);
        let attributes = convert::describe_daemon(daemon);
        self.write_daemon(operation, IpvsCommand::NewDaemon, attributes)
    }

    fn stop_daemon(&mut self, role: DaemonRole) -> Result<()> {
        let attributes = convert::name_daemon(role);
        self.write_daemon(
            Operation::StopDaemon(role),
            IpvsCommand::DelDaemon,
            attributes,
        )
    }
}

/// Decodes a message whole, for what reads all of it.
fn whole<T>(
    convert: impl Fn(Vec<IpvsAttribute>) -> Result<T, DecodeError>,
) -> impl Fn(&NetlinkHeader, &[u8]) -> Result<T, DecodeError> {
    move |header, payload| {
        let message = GenlMessage::<IpvsMessage>::deserialize(header, payload)?;
        convert(message.payload.attributes)
    }
}

/// Returns the part after the generic netlink header.
fn attributes(payload: &[u8]) -> &[u8] {
    payload.get(GENL_HDRLEN..).unwrap_or_default()
}
