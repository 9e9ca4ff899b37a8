// SPDX-License-Identifier: MIT

//! One method per operation of the kernel, over one socket.

use std::{
    fmt,
    io::{self, BufReader},
    os::fd::AsFd,
};

use ipvs_netlink::{DaemonAttribute, IpvsAttribute, IpvsCommand, IpvsMessage};
use netlink_packet_core::{
    DecodeError, NLM_F_ACK, NLM_F_DUMP, NetlinkDeserializable, NetlinkHeader,
};
use netlink_packet_generic::{GenlMessage, constants::GENL_HDRLEN};

use crate::{
    AddressFamily, Change, Counters, DaemonRole, Destination, DestinationId, DestinationSettings,
    Error, Info, NameKind, Operation, Result, Service, ServiceId, ServiceSettings, Stats,
    SyncDaemon, SyncDaemonSettings, Timeouts,
    change::check_name,
    kernel::{
        consistency::{Consistency, Dump, READINGS, drop_repeated},
        namespace::NetworkNamespace,
        netlink::{
            convert,
            exchange::Exchange,
            family,
            socket::{NetlinkSocket, Transport},
        },
    },
    proc::{
        connections::{self, Connections},
        totals,
    },
};

/// The times that a reading request is sent while its answer gets lost.
const READ_ATTEMPTS: usize = 3;

/// A way to the IPVS table of the network namespace that opened it.
///
/// One method per kernel operation; each sends its request over the one socket
/// and waits for the answer, which the kernel has ready when it has taken the
/// request. The table can change between two calls: several programs may hold it
/// at once.
pub struct Client {
    pub(crate) exchange: Exchange,
    /// The number that the kernel gave the IPVS family.
    pub(crate) family: u16,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("family", &self.family)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// The number of changes that [`apply`](Self::apply) sends in one system
    /// call: each may be refused, and that many answers fit a receive buffer of
    /// the default size. Whoever makes changes while they are read from a file
    /// needs to collect no more before each call.
    pub const BATCH: usize = 128;

    /// Opens a socket and finds IPVS, which makes the kernel load its module
    /// if it can. If it cannot, the program named in
    /// `/proc/sys/kernel/modprobe` is asked to, and then `/sbin/modprobe`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the kernel has no IPVS after all that.
    pub fn open() -> Result<Self> {
        let socket = NetlinkSocket::open().map_err(|reason| Error::Io {
            operation: Operation::Open,
            reason,
        })?;
        Self::over(Box::new(socket), family::load_module())
    }

    /// Opens a client of another network namespace: one of those in `/run/netns`,
    /// which `ip netns` makes, or that of a process, `/proc/PID/ns/net`. The calling
    /// thread stays where it is. Otherwise as [`open`](Self::open).
    ///
    /// ```
    /// use std::fs::File;
    ///
    /// use ipvs_client::{Client, NetworkNamespace};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let namespace = File::open("/proc/self/ns/net")?;
    /// let client = Client::open_in(&namespace)?;
    /// assert_eq!(client.namespace()?, NetworkNamespace::of(&namespace)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`] when the namespace cannot be entered, which takes
    /// `CAP_SYS_ADMIN`, or the file is none; those of [`open`](Self::open).
    pub fn open_in(namespace: impl AsFd) -> Result<Self> {
        let namespace = namespace.as_fd().try_clone_to_owned();
        let socket = namespace
            .and_then(|namespace| NetlinkSocket::open_in(namespace.into()))
            .map_err(|reason| Error::Io {
                operation: Operation::Open,
                reason,
            })?;
        Self::over(Box::new(socket), family::load_module())
    }

    /// Opens a client over another way to the kernel than a netlink socket, or to
    /// another kernel: [`testing::FakeKernel`](crate::testing::FakeKernel) is one.
    ///
    /// # Errors
    /// Those of [`open`](Self::open); no module is loaded.
    #[cfg(any(test, feature = "test-util"))]
    pub fn with_transport(transport: impl Transport + 'static) -> Result<Self> {
        Self::over(Box::new(transport), [])
    }

    /// The network namespace whose table this is.
    ///
    /// # Errors
    /// [`Error::Io`] when `/proc` was not there as the client was opened, or the
    /// kernel was built without network namespaces.
    pub fn namespace(&self) -> Result<NetworkNamespace> {
        let namespace = self.exchange.transport().namespace();
        namespace.map_err(|reason| Error::Io {
            operation: Operation::ReadNamespace,
            reason,
        })
    }

    /// The connections that the network namespace of the client has, one after the
    /// other, from `/proc/net/ip_vs_conn`.
    ///
    /// ```
    /// # fn main() -> ipvs_client::Result<()> {
    /// let client = ipvs_client::Client::open()?;
    /// let mut connections = client.connections()?;
    /// while let Some(connection) = connections.next_connection()? {
    ///     println!("{} goes to {}", connection.client, connection.destination);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be opened. From a thread that is in
    /// another network namespace it takes `CAP_SYS_ADMIN`.
    pub fn connections(&self) -> Result<Connections> {
        let file = self.exchange.transport().open_file(connections::FILE);
        Connections::new(BufReader::new(file.map_err(connections::failed)?))
    }

    /// The counters of the whole table, from `/proc/net/ip_vs_stats`; those of
    /// virtual services that are gone are in them.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be opened, as for
    /// [`connections`](Self::connections), or has another form.
    pub fn total_stats(&self) -> Result<Stats> {
        let file = self.exchange.transport().open_file(totals::FILE);
        totals::read(file.map_err(totals::failed)?)
    }

    /// Finds the IPVS family over the transport, with the module loaders if
    /// needed.
    pub(crate) fn over(
        transport: Box<dyn Transport>,
        loaders: impl IntoIterator<Item = io::Result<String>>,
    ) -> Result<Self> {
        let mut exchange = Exchange::new(transport);
        let family = family::find(&mut exchange, loaders)?;
        Ok(Self { exchange, family })
    }

    /// The version of IPVS and the size of its connection table.
    pub fn info(&mut self) -> Result<Info> {
        self.read_one(
            Operation::ReadInfo,
            IpvsCommand::GetInfo,
            |_| {},
            whole(convert::read_info),
        )
    }

    /// All virtual services, each once, in the kernel's order.
    ///
    /// The kernel hands a large table out in pieces: when a service is added or
    /// removed meanwhile, be it in another network namespace, others can be
    /// missing. Use [`agreed_services`](Self::agreed_services) where that would
    /// do harm.
    pub fn services(&mut self) -> Result<Vec<Service>> {
        self.read_services(Consistency::Once)
    }

    /// All virtual services, each once, in the kernel's order, and none missing
    /// because another was added or removed meanwhile: they are read until two
    /// readings in a row name the same.
    ///
    /// # Errors
    /// [`Error::KeptChanging`] when they never do.
    pub fn agreed_services(&mut self) -> Result<Vec<Service>> {
        self.read_services(Consistency::Agreed)
    }

    fn read_services(&mut self, consistency: Consistency) -> Result<Vec<Service>> {
        let services = self.map_services(Counters::Read, consistency, |service| service)?;
        Ok(services.into_iter().map(|(_, service)| service).collect())
    }

    /// All virtual services, each once, in the kernel's order: what names each,
    /// and what `map` makes out of it. What is not needed of a large table need
    /// not be kept, and counters, which are most of it, not be read.
    ///
    /// `map` sees services again that it has seen before when the kernel repeats
    /// one, and when everything is read again.
    ///
    /// ```
    /// use ipvs_client::{Client, Consistency, Counters};
    ///
    /// # fn main() -> ipvs_client::Result<()> {
    /// let mut client = Client::open()?;
    /// let persistent = client.map_services(Counters::Skip, Consistency::Agreed, |service| {
    ///     service.settings.persistence.is_some()
    /// })?;
    /// for (id, _) in persistent.iter().filter(|(_, persistent)| *persistent) {
    ///     println!("{id}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`services`](Self::services) or
    /// [`agreed_services`](Self::agreed_services).
    pub fn map_services<T>(
        &mut self,
        counters: Counters,
        consistency: Consistency,
        mut map: impl FnMut(Service) -> T,
    ) -> Result<Vec<(ServiceId, T)>> {
        let operation = Operation::ListServices;
        self.list(
            operation,
            consistency,
            |(id, _)| id,
            |client| {
                client.read(
                    operation,
                    IpvsCommand::GetService,
                    |_| {},
                    NLM_F_DUMP,
                    |_, payload| {
                        let service = convert::read_service(attributes(payload), counters)?;
                        Ok((service.id, map(service)))
                    },
                )
            },
        )
    }

    /// One virtual service.
    ///
    /// # Errors
    /// `ESRCH` when there is no such service.
    pub fn service(&mut self, id: &ServiceId) -> Result<Service> {
        self.read_one(
            Operation::ReadService(*id),
            IpvsCommand::GetService,
            |request| convert::name_service(id).append_to(request),
            |_, payload| convert::read_service(attributes(payload), Counters::Read),
        )
    }

    /// Adds a virtual service.
    ///
    /// # Errors
    /// `EEXIST` when it exists; `ENOENT` when the scheduler or the persistence
    /// engine does not. [`Error::ImpossibleName`] when nothing can have the name
    /// of either; [`Error::NetmaskFamily`] when the netmask has the other family.
    pub fn add_service(&mut self, id: &ServiceId, settings: &ServiceSettings) -> Result<()> {
        self.change(&Change::AddService(*id, settings.clone()))
    }

    /// Replaces all settings of a virtual service.
    ///
    /// # Errors
    /// `ESRCH` when there is no such service; `ENOENT` when the scheduler or
    /// the persistence engine does not exist, as for
    /// [`add_service`](Self::add_service).
    pub fn edit_service(&mut self, id: &ServiceId, settings: &ServiceSettings) -> Result<()> {
        self.change(&Change::EditService(*id, settings.clone()))
    }

    /// Removes a virtual service and its destinations.
    ///
    /// # Errors
    /// `ESRCH` when there is no such service.
    pub fn delete_service(&mut self, id: &ServiceId) -> Result<()> {
        self.change(&Change::DeleteService(*id))
    }

    /// The destinations of a virtual service, each once, in the kernel's order.
    /// None when there is no such service: the kernel makes no difference.
    ///
    /// The kernel hands out more than some dozens in pieces: when one is added
    /// or removed meanwhile, others can be missing. Use
    /// [`agreed_destinations`](Self::agreed_destinations) where that would do
    /// harm.
    pub fn destinations(&mut self, service: &ServiceId) -> Result<Vec<Destination>> {
        self.destinations_with(service, Counters::Read, Consistency::Once)
    }

    /// The destinations of a virtual service as
    /// [`destinations`](Self::destinations) reads them, and none missing because
    /// another was added or removed meanwhile: those that come in pieces are
    /// read until two readings in a row name the same.
    ///
    /// # Errors
    /// [`Error::KeptChanging`] when they never do.
    pub fn agreed_destinations(&mut self, service: &ServiceId) -> Result<Vec<Destination>> {
        self.destinations_with(service, Counters::Read, Consistency::Agreed)
    }

    /// The destinations of a virtual service, with or without their counters, which
    /// are most of what the kernel says of one, and as certain as they have to be.
    ///
    /// # Errors
    /// Those of [`destinations`](Self::destinations) or
    /// [`agreed_destinations`](Self::agreed_destinations).
    pub fn destinations_with(
        &mut self,
        service: &ServiceId,
        counters: Counters,
        consistency: Consistency,
    ) -> Result<Vec<Destination>> {
        let family: AddressFamily = service.family();
        let operation = Operation::ListDestinations(*service);
        self.list(
            operation,
            consistency,
            |destination: &Destination| &destination.id,
            |client| {
                client.read(
                    operation,
                    IpvsCommand::GetDest,
                    |request| convert::name_service(service).append_to(request),
                    NLM_F_DUMP,
                    |_, payload| convert::read_destination(attributes(payload), family, counters),
                )
            },
        )
    }

    /// Adds a destination to a virtual service.
    ///
    /// # Errors
    /// `ESRCH` when there is no such service; `EEXIST` when the destination
    /// exists; `ERANGE` when the lower threshold is above the upper or the
    /// weight above `i32::MAX`; `EINVAL` when the address is not unicast, or
    /// is of the other family than the service and the method not tunneling.
    pub fn add_destination(
        &mut self,
        service: &ServiceId,
        id: &DestinationId,
        settings: &DestinationSettings,
    ) -> Result<()> {
        self.change(&Change::AddDestination(*service, *id, *settings))
    }

    /// Replaces all settings of a destination.
    ///
    /// # Errors
    /// `ESRCH` when there is no such service, `ENOENT` when it has no such
    /// destination, and those of [`add_destination`](Self::add_destination).
    pub fn edit_destination(
        &mut self,
        service: &ServiceId,
        id: &DestinationId,
        settings: &DestinationSettings,
    ) -> Result<()> {
        self.change(&Change::EditDestination(*service, *id, *settings))
    }

    /// Removes a destination from a virtual service.
    ///
    /// # Errors
    /// `ESRCH` when there is no such service, `ENOENT` when it has no such
    /// destination.
    pub fn delete_destination(&mut self, service: &ServiceId, id: &DestinationId) -> Result<()> {
        self.change(&Change::DeleteDestination(*service, *id))
    }

    /// Sets the counters of a virtual service and its destinations to zero.
    ///
    /// # Errors
    /// `ESRCH` when there is no such service.
    pub fn zero_service(&mut self, id: &ServiceId) -> Result<()> {
        self.change(&Change::ZeroService(*id))
    }

    /// Sets all counters to zero.
    pub fn zero_all(&mut self) -> Result<()> {
        self.change(&Change::ZeroAll)
    }

    /// Removes all virtual services.
    pub fn flush(&mut self) -> Result<()> {
        self.change(&Change::Flush)
    }

    /// The seconds for which connections live without traffic.
    pub fn timeouts(&mut self) -> Result<Timeouts> {
        self.read_one(
            Operation::ReadTimeouts,
            IpvsCommand::GetConfig,
            |_| {},
            whole(convert::read_timeouts),
        )
    }

    /// Sets how long connections live without traffic; 0 leaves a timeout as
    /// it is.
    ///
    /// # Errors
    /// `EINVAL` when a timeout is above what the kernel's clock can count.
    pub fn set_timeouts(&mut self, timeouts: &Timeouts) -> Result<()> {
        self.change(&Change::SetTimeouts(*timeouts))
    }

    /// The synchronization daemons that run, master first.
    pub fn daemons(&mut self) -> Result<Vec<SyncDaemon>> {
        let daemons = self.read(
            Operation::ListDaemons,
            IpvsCommand::GetDaemon,
            |_| {},
            NLM_F_DUMP,
            whole(convert::read_daemon),
        )?;
        Ok(daemons.items)
    }

    /// Starts a synchronization daemon.
    ///
    /// # Errors
    /// `EEXIST` when that role runs; `ENODEV` when there is no such interface;
    /// `EINVAL` when the group is not multicast, or a destination's family
    /// differs from its service's. [`Error::ImpossibleName`] when no interface
    /// can have the name.
    pub fn start_daemon(&mut self, daemon: &SyncDaemonSettings) -> Result<()> {
        let operation = Operation::StartDaemon(daemon.role);
        check_name(NameKind::Interface, &daemon.interface, operation)?;
        let attributes = convert::describe_daemon(daemon);
        let outcome = self.write_daemon(operation, IpvsCommand::NewDaemon, attributes);
        self.settle_daemon(outcome, daemon.role, true)
    }

    /// Stops a synchronization daemon.
    ///
    /// # Errors
    /// `ESRCH` when that role does not run.
    pub fn stop_daemon(&mut self, role: DaemonRole) -> Result<()> {
        let operation = Operation::StopDaemon(role);
        let attributes = convert::name_daemon(role);
        let outcome = self.write_daemon(operation, IpvsCommand::DelDaemon, attributes);
        self.settle_daemon(outcome, role, false)
    }

    /// The kernel can swallow the answer about a daemon that is stopped before
    /// its thread has run. What holds then decides.
    fn settle_daemon(&mut self, outcome: Result<()>, role: DaemonRole, wanted: bool) -> Result<()> {
        match outcome {
            Err(Error::Timeout { .. }) => {
                let runs = self.daemons()?.iter().any(|daemon| daemon.role == role);
                if runs == wanted { Ok(()) } else { outcome }
            }
            outcome => outcome,
        }
    }

    /// Applies changes one after the other, many in one system call. A change
    /// that is refused does not stop those after it.
    ///
    /// Returns what was refused: the index of each, in order, and why.
    ///
    /// # Errors
    /// When it is not known which changes were applied: the socket failed or
    /// an answer got lost.
    pub fn apply(&mut self, changes: &[Change]) -> Result<Vec<(usize, Error)>> {
        let mut refused = Vec::new();
        let mut start = 0;
        for batch in changes.chunks(Self::BATCH) {
            self.apply_batch(batch, start, &mut refused)?;
            start += batch.len();
        }
        Ok(refused)
    }

    fn apply_batch(
        &mut self,
        batch: &[Change],
        start: usize,
        refused: &mut Vec<(usize, Error)>,
    ) -> Result<()> {
        let first_refused = refused.len();
        let mut sent = Vec::with_capacity(batch.len());
        for (change, index) in batch.iter().zip(start..) {
            match change.check() {
                Ok(()) => sent.push((index, change)),
                Err(error) => refused.push((index, error)),
            }
        }
        let Some((_, last)) = sent.last() else {
            return Ok(());
        };
        let operation = match sent.as_slice() {
            [_] => last.operation(),
            _ => Operation::ApplyChanges,
        };
        for (position, (_, change)) in sent.iter().enumerate() {
            // What is not refused needs no answer; the last one's says that the
            // others are done.
            let flags = if position + 1 == sent.len() {
                NLM_F_ACK
            } else {
                0
            };
            self.queue(change.command(), flags, |request| change.append_to(request));
        }
        self.exchange.send(operation)?;
        for (position, errno) in self.exchange.receive_refusals(operation, sent.len())? {
            if let Some((index, change)) = sent.get(position) {
                let operation = change.operation();
                refused.push((*index, Error::Kernel { operation, errno }));
            }
        }
        if let Some(refused) = refused.get_mut(first_refused..) {
            refused.sort_by_key(|(index, _)| *index);
        }
        Ok(())
    }

    /// Applies one change.
    ///
    /// # Errors
    /// Those of the method of the change's name.
    pub fn change(&mut self, change: &Change) -> Result<()> {
        match self.apply(std::slice::from_ref(change))?.pop() {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    /// Puts a request behind those that wait to be sent; `append` adds its
    /// attributes.
    pub(crate) fn queue(
        &mut self,
        command: IpvsCommand,
        flags: u16,
        append: impl FnOnce(&mut Vec<u8>),
    ) {
        self.exchange
            .queue(self.family, command.header(), flags, append);
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
        self.exchange.send(operation)?;
        self.exchange
            .receive(operation, self.family, false, |_, _| Ok(()))?;
        Ok(())
    }

    pub(crate) fn read_one<T>(
        &mut self,
        operation: Operation,
        command: IpvsCommand,
        append: impl Fn(&mut Vec<u8>),
        convert: impl FnMut(&NetlinkHeader, &[u8]) -> Result<T, DecodeError>,
    ) -> Result<T> {
        self.read(operation, command, append, NLM_F_ACK, convert)?
            .items
            .pop()
            .ok_or_else(|| Error::Malformed {
                operation,
                reason: DecodeError::from("it is empty"),
            })
    }

    /// Reads a list of entries, with `read` and as often as it takes; `id` is
    /// what names one.
    pub(crate) fn list<T, K: Copy + Ord>(
        &mut self,
        operation: Operation,
        consistency: Consistency,
        id: impl Fn(&T) -> &K,
        mut read: impl FnMut(&mut Self) -> Result<Dump<T>>,
    ) -> Result<Vec<T>> {
        let mut before: Option<Vec<K>> = None;
        for _ in 0..READINGS {
            if consistency == Consistency::Agreed {
                // Two readings that stopped at the same places could lack the
                // same entries.
                self.exchange.shift_pieces();
            }
            let Dump {
                mut items,
                in_one_piece,
            } = read(self)?;
            if in_one_piece {
                return Ok(items);
            }
            drop_repeated(&mut items, &id);
            if consistency == Consistency::Once
                || before.is_some_and(|before| items.iter().map(&id).eq(&before))
            {
                return Ok(items);
            }
            before = Some(items.iter().map(|item| *id(item)).collect());
        }
        Err(Error::KeptChanging { operation })
    }

    /// Sends a request and makes an item of each message of the answer, whose
    /// netlink header and payload `convert` gets.
    pub(crate) fn read<T>(
        &mut self,
        operation: Operation,
        command: IpvsCommand,
        append: impl Fn(&mut Vec<u8>),
        flags: u16,
        mut convert: impl FnMut(&NetlinkHeader, &[u8]) -> Result<T, DecodeError>,
    ) -> Result<Dump<T>> {
        let dump = flags & NLM_F_DUMP != 0;
        let mut attempt = 1;
        loop {
            let mut items = Vec::new();
            self.queue(command, flags, &append);
            self.exchange.send(operation)?;
            let outcome = self
                .exchange
                .receive(operation, self.family, dump, |header, payload| {
                    items.push(convert(header, payload)?);
                    Ok(())
                });
            match outcome {
                Ok(in_one_piece) => {
                    return Ok(Dump {
                        items,
                        in_one_piece,
                    });
                }
                // Reading again does no harm.
                Err(Error::AnswerLost { .. }) if attempt < READ_ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
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
pub(crate) fn attributes(payload: &[u8]) -> &[u8] {
    payload.get(GENL_HDRLEN..).unwrap_or_default()
}
