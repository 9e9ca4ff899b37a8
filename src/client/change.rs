// SPDX-License-Identifier: MIT

//! One change to the table, as a value.

use crate::{
    DestinationId, DestinationSettings, Error, NameKind, Operation, Result, ServiceId,
    ServiceSettings, Timeouts,
};

/// The longest names, in bytes without the NUL at their end. The kernel counts
/// that NUL in `IP_VS_SCHEDNAME_MAXLEN` and `IP_VS_IFNAME_MAXLEN`, but not in
/// `IP_VS_PENAME_MAXLEN`; all are 16.
const SCHEDULER_MAX: usize = 15;
const PERSISTENCE_ENGINE_MAX: usize = 16;
const INTERFACE_MAX: usize = 15;

/// One change to the table, for [`Client::apply`](crate::Client::apply).
///
/// Each has a method of the same name on [`Client`](crate::Client), which says
/// what can go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Add a virtual service.
    AddService(ServiceId, ServiceSettings),
    /// Replace all settings of a virtual service.
    EditService(ServiceId, ServiceSettings),
    /// Remove a virtual service and its destinations.
    DeleteService(ServiceId),
    /// Add a destination to a virtual service.
    AddDestination(ServiceId, DestinationId, DestinationSettings),
    /// Replace all settings of a destination.
    EditDestination(ServiceId, DestinationId, DestinationSettings),
    /// Remove a destination from a virtual service.
    DeleteDestination(ServiceId, DestinationId),
    /// Set the counters of a virtual service and its destinations to zero.
    ZeroService(ServiceId),
    /// Set all counters to zero.
    ZeroAll,
    /// Remove all virtual services.
    Flush,
    /// Set how long connections live without traffic.
    SetTimeouts(Timeouts),
}

impl Change {
    /// The operation that an error about this change names.
    #[must_use]
    pub fn operation(&self) -> Operation {
        match *self {
            Self::AddService(id, _) => Operation::AddService(id),
            Self::EditService(id, _) => Operation::EditService(id),
            Self::DeleteService(id) => Operation::DeleteService(id),
            Self::AddDestination(service, id, _) => Operation::AddDestination(service, id),
            Self::EditDestination(service, id, _) => Operation::EditDestination(service, id),
            Self::DeleteDestination(service, id) => Operation::DeleteDestination(service, id),
            Self::ZeroService(id) => Operation::ZeroService(id),
            Self::ZeroAll => Operation::ZeroAll,
            Self::Flush => Operation::Flush,
            Self::SetTimeouts(_) => Operation::SetTimeouts,
        }
    }

    /// Checks that the kernel can understand what is meant.
    pub(crate) fn check(&self) -> Result<()> {
        let (Self::AddService(id, settings) | Self::EditService(id, settings)) = self else {
            return Ok(());
        };
        let netmask = settings.persistence.and_then(|kept| kept.netmask());
        if let Some(netmask) = netmask
            && netmask.family() != id.family()
        {
            return Err(Error::NetmaskFamily {
                operation: self.operation(),
                family: id.family(),
            });
        }
        check_name(NameKind::Scheduler, &settings.scheduler, self.operation())?;
        let engine = settings.persistence_engine.as_deref().unwrap_or_default();
        check_name(NameKind::PersistenceEngine, engine, self.operation())
    }
}

/// Checks that something in the kernel can have this name. One that nothing can
/// have must not be sent: the kernel reads up to the first NUL, and would take
/// the name for another.
pub(crate) fn check_name(kind: NameKind, name: &str, operation: Operation) -> Result<()> {
    let max = match kind {
        NameKind::Scheduler => SCHEDULER_MAX,
        NameKind::PersistenceEngine => PERSISTENCE_ENGINE_MAX,
        NameKind::Interface => INTERFACE_MAX,
    };
    if name.len() <= max && !name.contains('\0') {
        Ok(())
    } else {
        Err(Error::ImpossibleName { operation, kind })
    }
}
