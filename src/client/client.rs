// SPDX-License-Identifier: MIT

//! One method per operation of the kernel, over one socket.

use std::{
    fmt,
    fs::File,
    io::{self, BufReader, Cursor, Read},
};

use crate::{
    Change, Counters, DaemonRole, Destination, DestinationId, DestinationSettings, Errno, Error,
    Info, Interface, NameKind, Operation, Result, Service, ServiceId, ServiceSettings, Stats,
    SyncDaemon, SyncDaemonSettings, Timeouts,
    change::check_name,
    kernel::{
        access::{Kernel, ProcFile},
        consistency::{Consistency, READ_ATTEMPTS, READINGS, read_list},
        interface::KernelInterface,
        namespace::NetworkNamespace,
        netlink::Netlink,
        sockopt::SockOpt,
    },
    plan::is_so,
    proc::{
        self,
        connections::{self, Connections},
        origins,
        table::{self, TableFile},
        totals, whole,
    },
};

/// A way to the IPVS table of the network namespace that opened it.
///
/// One method per kernel operation; each sends its request over the one socket
/// and waits for the answer, which the kernel has ready when it has taken the
/// request. The table can change between two calls: several programs may hold it
/// at once.
pub struct Client {
    kernel: Box<dyn Kernel>,
    interface: Box<dyn KernelInterface>,
    /// Another interface has not been tried yet and may be.
    may_change_over: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("interface", &self.interface())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// The number of changes that [`apply`](Self::apply) sends in one system
    /// call: each may be refused, and that many answers fit a receive buffer of
    /// the default size. Whoever makes changes while they are read from a file
    /// needs to collect no more before each call.
    pub const BATCH: usize = 128;

    /// Opens a client of another kernel than the running one:
    /// [`testing::FakeKernel`](crate::testing::FakeKernel) is one.
    ///
    /// # Errors
    /// Those of [`open`](Self::open); no module is loaded.
    #[cfg(any(test, feature = "test-util"))]
    pub fn with_kernel(kernel: impl Kernel + 'static) -> Result<Self> {
        Self::over(Box::new(kernel), None, [])
    }

    /// Finds IPVS in the kernel, with the module loaders if needed. Only without an
    /// interface of the caller's choice another may be tried.
    pub(crate) fn over(
        kernel: Box<dyn Kernel>,
        chosen: Option<Interface>,
        loaders: impl IntoIterator<Item = io::Result<String>>,
    ) -> Result<Self> {
        let find_netlink = |loaders| {
            let socket = kernel.open_netlink().map_err(not_open)?;
            Netlink::find(socket, loaders)
        };
        let interface: Box<dyn KernelInterface> = match chosen {
            None | Some(Interface::Netlink) => Box::new(find_netlink(loaders)?),
            Some(Interface::SocketOptions) => {
                let mut interface = open_sockopt(&*kernel)?;
                // The kernel loads its module for netlink only.
                if has_no_ipvs(&interface.read_info()) {
                    find_netlink(loaders)?;
                }
                Box::new(interface)
            }
            Some(Interface::Proc) => return Err(not_open(io::ErrorKind::Unsupported.into())),
        };
        Ok(Self {
            kernel,
            interface,
            may_change_over: chosen.is_none(),
        })
    }

    /// The interface of the kernel that the client uses.
    #[must_use]
    pub fn interface(&self) -> Interface {
        self.interface.interface()
    }

    /// The network namespace whose table this is.
    ///
    /// # Errors
    /// [`Error::Io`] when `/proc` was not there as the client was opened, or the
    /// kernel was built without network namespaces.
    pub fn namespace(&self) -> Result<NetworkNamespace> {
        let namespace = self.kernel.namespace();
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
        let file = self.open_file(connections::FILE);
        let file: Box<dyn Read + Send> = file.map_err(connections::failed)?;
        Connections::new(BufReader::new(file))
    }

    /// Counts the connections that a master has told of, persistence templates among them,
    /// in `/proc/net/ip_vs_conn_sync`. The kernel tells no origin over another interface.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be opened, as for
    /// [`connections`](Self::connections), or has another form.
    pub fn received_connections(&self) -> Result<u64> {
        let file = self.open_file(origins::FILE);
        origins::count_received(BufReader::new(file.map_err(connections::failed)?))
    }

    /// The virtual services and destinations that the network namespace of the client
    /// has, line by line, from `/proc/net/ip_vs`: less of each than
    /// [`services`](Self::services) and [`destinations`](Self::destinations) tell, but
    /// for all at once, and for everyone.
    ///
    /// ```
    /// use ipvs_client::{Client, TableEntry};
    ///
    /// # fn main() -> ipvs_client::Result<()> {
    /// let mut table = Client::open()?.table_file()?;
    /// let mut quiesced = 0;
    /// while let Some(entry) = table.next_entry()? {
    ///     if let TableEntry::Destination(destination) = entry
    ///         && destination.weight == 0
    ///     {
    ///         quiesced += 1;
    ///     }
    /// }
    /// println!("{quiesced} destinations take no new connections");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be opened, as for
    /// [`connections`](Self::connections), or begins with another line.
    pub fn table_file(&self) -> Result<TableFile> {
        let file = self.open_file(table::FILE);
        let file: Box<dyn Read + Send> = file.map_err(table::failed)?;
        TableFile::new(BufReader::with_capacity(table::BUFFER, file))
    }

    /// The table as [`table_file`](Self::table_file) has it, and none missing because
    /// other network namespaces have virtual services too: the file is read at once,
    /// and where the kernel has left something out, each service by itself. That takes
    /// a time that grows with the square of their number.
    ///
    /// # Errors
    /// Those of [`table_file`](Self::table_file).
    pub fn whole_table_file(&self) -> Result<TableFile<Cursor<Vec<u8>>>> {
        let file = self.open_file(table::FILE);
        let text = file.and_then(whole::read_whole).map_err(table::failed)?;
        TableFile::new(Cursor::new(text))
    }

    /// The counters of the whole table, from `/proc/net/ip_vs_stats`; those of
    /// virtual services that are gone are in them.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be opened, as for
    /// [`connections`](Self::connections), or has another form.
    pub fn total_stats(&self) -> Result<Stats> {
        let file = self.open_file(totals::FILE);
        totals::read(file.map_err(totals::failed)?)
    }

    fn open_file(&self, name: &str) -> io::Result<Box<dyn ProcFile>> {
        let file = self.kernel.open_file(name);
        file.map_err(|error| proc::not_opened(name, &error))
    }

    /// The version of IPVS and the size of its connection table.
    pub fn info(&mut self) -> Result<Info> {
        self.read(|kernel| kernel.read_info())
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
        self.list(
            Operation::ListServices,
            consistency,
            |(id, _)| id,
            |kernel, take| {
                kernel.list_services(counters, consistency, &mut |service| {
                    take((service.id, map(service)));
                })
            },
        )
    }

    /// One virtual service.
    ///
    /// # Errors
    /// `ESRCH` when there is no such service.
    pub fn service(&mut self, id: &ServiceId) -> Result<Service> {
        self.read(|kernel| kernel.read_service(id, Counters::Read, Operation::ReadService(*id)))
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
        let operation = Operation::ListDestinations(*service);
        self.list(
            operation,
            consistency,
            |destination: &Destination| &destination.id,
            |kernel, take| {
                kernel.list_destinations(service, counters, consistency, operation, take)
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
        self.read(|kernel| kernel.read_timeouts())
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
        self.read(|kernel| kernel.list_daemons())
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
        let outcome = self.write(|kernel| kernel.start_daemon(daemon));
        self.settle_daemon(outcome, |running| {
            let mut running = running.iter();
            running.any(|running| running.role == daemon.role && is_so(running, daemon))
        })
    }

    /// Stops a synchronization daemon.
    ///
    /// # Errors
    /// `ESRCH` when that role does not run.
    pub fn stop_daemon(&mut self, role: DaemonRole) -> Result<()> {
        let outcome = self.write(|kernel| kernel.stop_daemon(role));
        self.settle_daemon(outcome, |running| {
            running.iter().all(|running| running.role != role)
        })
    }

    /// The kernel can swallow the answer about a daemon that is stopped before
    /// its thread has run. Whether it is so now then decides.
    fn settle_daemon(
        &mut self,
        outcome: Result<()>,
        is_done: impl Fn(&[SyncDaemon]) -> bool,
    ) -> Result<()> {
        match outcome {
            Err(error) if error.may_have_been_done() => match self.daemons() {
                Ok(running) if is_done(&running) => Ok(()),
                _ => Err(error),
            },
            outcome => outcome,
        }
    }

    /// Applies changes one after the other, many in one system call. A change
    /// that is refused does not stop those after it.
    ///
    /// Returns what was refused: the index of each, in order, and why.
    ///
    /// # Errors
    /// When it is not known which changes were applied: the socket failed, or
    /// an answer got lost ([`Error::may_have_been_done`]). No change behind the
    /// [`BATCH`](Self::BATCH) that was sent then has been made.
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
        let checked = refused.len();
        self.interface.apply(&sent, refused)?;
        let are_denied = |refused: &[(usize, Error)]| {
            let refused = refused.get(checked..).unwrap_or_default();
            !sent.is_empty()
                && refused.len() == sent.len()
                && refused.iter().all(|(_, error)| is_denied(error))
        };
        // It is the caller who is refused, and so all of them are.
        if are_denied(refused) && self.change_over() {
            refused.truncate(checked);
            self.interface.apply(&sent, refused)?;
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

    /// Waits for others who update entries of this table, some seconds at most, and
    /// lets them wait until what is returned is dropped.
    pub(crate) fn lock(&self) -> Option<File> {
        self.kernel.lock()
    }

    /// Asks the kernel something that does no harm when it is asked again: that is
    /// done when an answer gets lost.
    pub(crate) fn read<T>(
        &mut self,
        mut ask: impl FnMut(&mut dyn KernelInterface) -> Result<T>,
    ) -> Result<T> {
        let mut attempt = 1;
        loop {
            match self.write(&mut ask) {
                Err(Error::AnswerLost { .. }) if attempt < READ_ATTEMPTS => attempt += 1,
                // The kernel has said so itself.
                Err(Error::KeptChanging { .. }) if attempt < READINGS => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    /// Asks the kernel for something that changes it. When an interface refuses the
    /// caller, it has done nothing, so that another can be asked.
    pub(crate) fn write<T>(
        &mut self,
        mut ask: impl FnMut(&mut dyn KernelInterface) -> Result<T>,
    ) -> Result<T> {
        match ask(&mut *self.interface) {
            Err(error) if is_denied(&error) && self.change_over() => ask(&mut *self.interface),
            outcome => outcome,
        }
    }

    /// Goes over to the socket options if those let the caller in, for good; that is
    /// tried once. Returns whether it has.
    fn change_over(&mut self) -> bool {
        if !std::mem::take(&mut self.may_change_over) {
            return false;
        }
        let Ok(mut interface) = open_sockopt(&*self.kernel) else {
            return false;
        };
        let is_let_in = interface.read_info().is_ok();
        if is_let_in {
            self.interface = Box::new(interface);
        }
        is_let_in
    }

    /// Reads a list of entries, with `ask` and as often as it takes; `id` is what
    /// names one.
    pub(crate) fn list<T, K: Copy + Ord>(
        &mut self,
        operation: Operation,
        consistency: Consistency,
        id: impl Fn(&T) -> &K,
        mut ask: impl FnMut(&mut dyn KernelInterface, &mut dyn FnMut(T)) -> Result<bool>,
    ) -> Result<Vec<T>> {
        read_list(operation, consistency, &id, |entries| {
            self.read(|kernel| {
                entries.clear();
                ask(kernel, &mut |entry| entries.push(entry))
            })
        })
    }
}

fn open_sockopt(kernel: &dyn Kernel) -> Result<SockOpt> {
    Ok(SockOpt::new(
        kernel.open_socket_options().map_err(not_open)?,
    ))
}

/// Returns whether nobody has answered to the options: IPVS is not loaded.
fn has_no_ipvs(outcome: &Result<Info>) -> bool {
    let error = outcome.as_ref().err();
    error.and_then(Error::errno) == Some(Errno::NOPROTOOPT)
}

/// Returns whether it is the caller whom the kernel has refused.
fn is_denied(error: &Error) -> bool {
    error.errno() == Some(Errno::PERM)
}

/// Makes an error of a kernel that cannot be reached.
pub(crate) fn not_open(reason: io::Error) -> Error {
    Error::Io {
        operation: Operation::Open,
        reason,
    }
}
