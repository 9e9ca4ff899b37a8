// SPDX-License-Identifier: MIT

//! The operations that an interface of the kernel has for the IPVS table.

use crate::{
    Change, Consistency, Counters, DaemonRole, Destination, DestinationId, DestinationSettings,
    Error, Info, Interface, Operation, Result, Service, ServiceId, ServiceSettings, SyncDaemon,
    SyncDaemonSettings, Timeouts,
};

/// The settings that a writing has replaced, as the reading before it tells.
pub(crate) struct Replaced<S> {
    /// `None` if the reading does not have the entry, though there was one to write.
    pub(crate) settings: Option<S>,
    pub(crate) in_one_piece: bool,
}

/// An interface of the kernel. Every method asks the kernel once and waits for the
/// answer. An error names the operation, which is that of the method unless it is
/// given.
pub(crate) trait KernelInterface: Send + Sync {
    /// Returns which interface it is.
    fn interface(&self) -> Interface;

    /// Reads the version of IPVS and the size of its connection table.
    fn read_info(&mut self) -> Result<Info>;

    /// Hands all virtual services over, in the kernel's order; returns whether the
    /// kernel had them so at one time. Otherwise one may come twice or be missing.
    ///
    /// For agreement, each of several calls in a row is made so that it would miss
    /// others than the one before.
    fn list_services(
        &mut self,
        counters: Counters,
        consistency: Consistency,
        take: &mut dyn FnMut(Service),
    ) -> Result<bool>;

    /// Reads one virtual service.
    fn read_service(
        &mut self,
        id: &ServiceId,
        counters: Counters,
        operation: Operation,
    ) -> Result<Service>;

    /// Hands the destinations of a virtual service over, as
    /// [`list_services`](Self::list_services) does; none if there is no such service.
    fn list_destinations(
        &mut self,
        service: &ServiceId,
        counters: Counters,
        consistency: Consistency,
        operation: Operation,
        take: &mut dyn FnMut(Destination),
    ) -> Result<bool>;

    /// Makes changes one after the other, each of which has a number. Adds the numbers
    /// of those that are refused, in any order, and why.
    ///
    /// # Errors
    /// When it is not known which changes were made.
    fn apply(
        &mut self,
        changes: &[(usize, &Change)],
        refused: &mut Vec<(usize, Error)>,
    ) -> Result<()>;

    /// Reads the settings of a virtual service and replaces them, with nothing but
    /// other processors between; flags that have no name stay.
    fn replace_service(
        &mut self,
        id: &ServiceId,
        settings: &ServiceSettings,
    ) -> Result<Replaced<ServiceSettings>>;

    /// Reads the settings of a destination and replaces them, as
    /// [`replace_service`](Self::replace_service) does.
    fn replace_destination(
        &mut self,
        service: &ServiceId,
        id: &DestinationId,
        settings: &DestinationSettings,
    ) -> Result<Replaced<DestinationSettings>>;

    /// Reads the seconds for which connections live without traffic.
    fn read_timeouts(&mut self) -> Result<Timeouts>;

    /// Reads which synchronization daemons run, master first.
    fn list_daemons(&mut self) -> Result<Vec<SyncDaemon>>;

    /// Starts a synchronization daemon.
    fn start_daemon(&mut self, daemon: &SyncDaemonSettings) -> Result<()>;

    /// Stops a synchronization daemon.
    fn stop_daemon(&mut self, role: DaemonRole) -> Result<()>;
}
