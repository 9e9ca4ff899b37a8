// SPDX-License-Identifier: MIT

//! One change of a plan, with what was before it.

use crate::{
    Destination, DestinationId, DestinationSettings, Operation, Service, ServiceId,
    ServiceSettings, SyncDaemon, SyncDaemonSettings, Timeouts,
};

/// One change of a plan, with what it takes the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Set the timeouts.
    SetTimeouts {
        /// All timeouts as they are.
        from: Timeouts,
        /// All timeouts as they should be.
        to: Timeouts,
    },
    /// Add a virtual service.
    AddService(ServiceId, ServiceSettings),
    /// Replace the settings of a virtual service.
    EditService {
        /// The service as it is.
        from: Service,
        /// The settings that it should have.
        to: ServiceSettings,
    },
    /// Remove a virtual service and its destinations, which are these.
    DeleteService(Service, Vec<Destination>),
    /// Add a destination to a virtual service.
    AddDestination(ServiceId, DestinationId, DestinationSettings),
    /// Replace the settings of a destination.
    EditDestination {
        /// Its service.
        service: ServiceId,
        /// The destination as it is.
        from: Destination,
        /// The settings that it should have.
        to: DestinationSettings,
    },
    /// Remove a destination from a virtual service.
    DeleteDestination(ServiceId, Destination),
    /// Start a synchronization daemon.
    StartDaemon(SyncDaemonSettings),
    /// Stop a synchronization daemon.
    StopDaemon(SyncDaemon),
}

impl Step {
    /// The operation that an error about this change names.
    #[must_use]
    pub fn operation(&self) -> Operation {
        match self {
            Self::SetTimeouts { .. } => Operation::SetTimeouts,
            Self::AddService(id, _) => Operation::AddService(*id),
            Self::EditService { from, .. } => Operation::EditService(from.id),
            Self::DeleteService(service, _) => Operation::DeleteService(service.id),
            Self::AddDestination(service, id, _) => Operation::AddDestination(*service, *id),
            Self::EditDestination { service, from, .. } => {
                Operation::EditDestination(*service, from.id)
            }
            Self::DeleteDestination(service, destination) => {
                Operation::DeleteDestination(*service, destination.id)
            }
            Self::StartDaemon(daemon) => Operation::StartDaemon(daemon.role),
            Self::StopDaemon(daemon) => Operation::StopDaemon(daemon.role),
        }
    }

    /// The virtual service that it changes, or whose destination.
    #[must_use]
    pub fn service(&self) -> Option<ServiceId> {
        match self {
            Self::AddService(id, _) => Some(*id),
            Self::EditService { from, .. } => Some(from.id),
            Self::DeleteService(service, _) => Some(service.id),
            Self::AddDestination(service, ..)
            | Self::EditDestination { service, .. }
            | Self::DeleteDestination(service, _) => Some(*service),
            Self::SetTimeouts { .. } | Self::StartDaemon(_) | Self::StopDaemon(_) => None,
        }
    }
}
