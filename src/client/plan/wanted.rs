// SPDX-License-Identifier: MIT

//! The table as it should be.

use std::collections::{HashMap, HashSet};

use super::Current;
use crate::{
    Change, DaemonRole, DestinationId, DestinationSettings, ServiceId, ServiceSettings,
    SyncDaemonSettings, Timeouts,
};

/// The table as it should be: each virtual service and each of its destinations
/// once. Timeouts and daemons that it does not name are left as they are.
///
/// ```
/// use ipvs_client::{
///     Change, DestinationId, DestinationSettings, ServiceId, ServiceSettings,
///     plan::{Wanted, WantedError},
/// };
///
/// let web = ServiceId::tcp(([192, 0, 2, 1], 80));
/// let server = DestinationId::new([10, 0, 0, 2], 80);
/// let add = Change::AddDestination(web, server, DestinationSettings::masquerading());
///
/// let mut wanted = Wanted::default();
/// assert_eq!(wanted.add(&add), Err(WantedError::NoService(web)));
/// wanted.add(&Change::AddService(web, ServiceSettings::new("wrr")))?;
/// wanted.add(&add)?;
/// assert_eq!(wanted.add(&add), Err(WantedError::RepeatedDestination(web, server)));
/// # Ok::<(), WantedError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub(super) services: Vec<WantedService>,
    /// The place of each service in the list.
    places: HashMap<ServiceId, usize>,
    /// The destinations of each service, by its place.
    destinations: HashSet<(usize, DestinationId)>,
    pub(super) timeouts: Timeouts,
    pub(super) daemons: Vec<SyncDaemonSettings>,
}

/// A virtual service as it should be.
#[derive(Clone, Debug)]
pub(super) struct WantedService {
    pub(super) id: ServiceId,
    pub(super) settings: ServiceSettings,
    pub(super) destinations: Vec<(DestinationId, DestinationSettings)>,
}

/// A change that does not describe a table, beside those that came before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WantedError {
    /// The service is there already.
    #[error("{0} is there twice")]
    RepeatedService(ServiceId),
    /// The service has the destination already.
    #[error("{1} is there twice in {0}")]
    RepeatedDestination(ServiceId, DestinationId),
    /// The service of a destination has not come before it.
    #[error("{0} is not described before its destinations")]
    NoService(ServiceId),
    /// The timeouts are there already.
    #[error("the timeouts are there twice")]
    RepeatedTimeouts,
    /// The daemon of this role is there already.
    #[error("the {0} daemon is there twice")]
    RepeatedDaemon(DaemonRole),
    /// The change does something else than to add.
    #[error("this does not say what should be there")]
    NoDescription,
}

impl Wanted {
    /// Adds what a change would add to an empty table: a service, a destination
    /// or timeouts. [`json::Table::changes`](crate::json::Table::changes) makes such
    /// changes of a document.
    ///
    /// # Errors
    /// When it is there already, its service is not, or the change is of another
    /// kind. Nothing is added then.
    pub fn add(&mut self, change: &Change) -> Result<(), WantedError> {
        match change {
            Change::AddService(id, settings) => self.add_service(*id, settings.clone()),
            Change::AddDestination(service, id, settings) => {
                self.add_destination(*service, *id, *settings)
            }
            Change::SetTimeouts(_) if self.timeouts != Timeouts::default() => {
                Err(WantedError::RepeatedTimeouts)
            }
            Change::SetTimeouts(timeouts) => {
                self.timeouts = *timeouts;
                Ok(())
            }
            _ => Err(WantedError::NoDescription),
        }
    }

    fn add_service(&mut self, id: ServiceId, settings: ServiceSettings) -> Result<(), WantedError> {
        if self.places.contains_key(&id) {
            return Err(WantedError::RepeatedService(id));
        }
        self.places.insert(id, self.services.len());
        self.services.push(WantedService {
            id,
            settings,
            destinations: Vec::new(),
        });
        Ok(())
    }

    fn add_destination(
        &mut self,
        service: ServiceId,
        id: DestinationId,
        settings: DestinationSettings,
    ) -> Result<(), WantedError> {
        let place = self.places.get(&service).copied();
        let found = place.and_then(|place| Some((place, self.services.get_mut(place)?)));
        let Some((place, wanted)) = found else {
            return Err(WantedError::NoService(service));
        };
        if !self.destinations.insert((place, id)) {
            return Err(WantedError::RepeatedDestination(service, id));
        }
        wanted.destinations.push((id, settings));
        Ok(())
    }

    /// Adds a synchronization daemon that should run. What it leaves to the kernel
    /// is the kernel's default, but for the largest message: any is right then.
    ///
    /// # Errors
    /// When a daemon of the role is there already.
    pub fn add_daemon(&mut self, daemon: SyncDaemonSettings) -> Result<(), WantedError> {
        if self.daemons.iter().any(|known| known.role == daemon.role) {
            return Err(WantedError::RepeatedDaemon(daemon.role));
        }
        self.daemons.push(daemon);
        Ok(())
    }

    /// Returns whether it has no service.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// Leaves only the services of a part of the table, without timeouts and daemons,
    /// which are the whole table's. Returns the number of services that have been
    /// left out.
    pub fn narrow(&mut self, is_inside: impl Fn(&ServiceId) -> bool) -> usize {
        self.timeouts = Timeouts::default();
        self.daemons.clear();
        self.retain(is_inside)
    }

    /// Leaves only some services. Returns the number of those that have been left out.
    pub fn retain(&mut self, is_kept: impl Fn(&ServiceId) -> bool) -> usize {
        let before = self.services.len();
        self.services.retain(|service| is_kept(&service.id));
        self.places.clear();
        self.destinations.clear();
        for (service, place) in self.services.iter().zip(0..) {
            self.places.insert(service.id, place);
            let destinations = service.destinations.iter();
            self.destinations
                .extend(destinations.map(|(id, _)| (place, *id)));
        }
        before - self.services.len()
    }

    pub(super) fn has_service(&self, id: &ServiceId) -> bool {
        self.places.contains_key(id)
    }

    pub(super) fn has_destination(&self, service: &ServiceId, id: &DestinationId) -> bool {
        let place = self.places.get(service);
        place.is_some_and(|&place| self.destinations.contains(&(place, *id)))
    }
}

/// The table stays what it is.
impl From<&Current> for Wanted {
    fn from(current: &Current) -> Self {
        let mut wanted = Self::default();
        for (service, destinations) in &current.services {
            let destinations = destinations.iter();
            let destinations = destinations.map(|destination| {
                Change::AddDestination(service.id, destination.id, destination.settings)
            });
            let add = Change::AddService(service.id, service.settings.clone());
            for change in std::iter::once(add).chain(destinations) {
                // The kernel has nothing twice, and no destination without a service.
                let _ = wanted.add(&change);
            }
        }
        wanted.timeouts = current.timeouts;
        wanted.daemons = current.daemons.iter().map(Into::into).collect();
        wanted
    }
}
