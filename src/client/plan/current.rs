// SPDX-License-Identifier: MIT

//! The table as it is, as far as a plan needs it.

use std::collections::{HashMap, HashSet};

use super::{Plan, Step, Wanted};
use crate::{
    Client, Consistency, Counters, Destination, Result, Service, ServiceId, SyncDaemon, Timeouts,
};

/// The table as it is, without counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Current {
    /// Each virtual service, and its destinations.
    pub services: Vec<(Service, Vec<Destination>)>,
    /// The timeouts, if any is wanted.
    pub timeouts: Timeouts,
    /// The daemons that run, if any is wanted.
    pub daemons: Vec<SyncDaemon>,
}

impl Client {
    /// Reads what a plan needs to know of the table: the services that are inside a
    /// part of it, with their destinations, and timeouts and daemons if they are
    /// wanted. No entry is missing because others were added or removed meanwhile.
    ///
    /// # Errors
    /// [`Error::KeptChanging`](crate::Error::KeptChanging) when the table never
    /// stands still.
    pub fn read_current(
        &mut self,
        wanted: &Wanted,
        is_inside: impl Fn(&ServiceId) -> bool,
    ) -> Result<Current> {
        self.read_parts(wanted, is_inside, |client, id| {
            client.destinations_with(id, Counters::Skip, Consistency::Agreed)
        })
    }

    /// Reads the table again after a plan has been carried out: the services, and the
    /// destinations of those that the plan was about or that were not there before.
    /// The destinations of the others are taken to be what they were.
    ///
    /// # Errors
    /// Those of [`read_current`](Self::read_current).
    pub fn reread_current(
        &mut self,
        before: Current,
        plan: &Plan,
        wanted: &Wanted,
        is_inside: impl Fn(&ServiceId) -> bool,
    ) -> Result<Current> {
        let changed: HashSet<ServiceId> = plan.steps().filter_map(Step::service).collect();
        let mut known: HashMap<ServiceId, Vec<Destination>> = before
            .services
            .into_iter()
            .map(|(service, destinations)| (service.id, destinations))
            .filter(|(id, _)| !changed.contains(id))
            .collect();
        self.read_parts(wanted, is_inside, |client, id| match known.remove(id) {
            Some(destinations) => Ok(destinations),
            None => client.destinations_with(id, Counters::Skip, Consistency::Agreed),
        })
    }

    fn read_parts(
        &mut self,
        wanted: &Wanted,
        is_inside: impl Fn(&ServiceId) -> bool,
        mut read_destinations: impl FnMut(&mut Self, &ServiceId) -> Result<Vec<Destination>>,
    ) -> Result<Current> {
        let mut current = Current::default();
        if wanted.timeouts != Timeouts::default() {
            current.timeouts = self.timeouts()?;
        }
        if !wanted.daemons.is_empty() {
            current.daemons = self.daemons()?;
        }
        let services = self.map_services(Counters::Skip, Consistency::Agreed, |service| service)?;
        for (id, service) in services {
            if is_inside(&id) {
                let destinations = read_destinations(self, &id)?;
                current.services.push((service, destinations));
            }
        }
        Ok(current)
    }
}
