// SPDX-License-Identifier: MIT

//! The table as it is, as far as a plan needs it.

use super::Wanted;
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
                let destinations =
                    self.destinations_with(&id, Counters::Skip, Consistency::Agreed)?;
                current.services.push((service, destinations));
            }
        }
        Ok(current)
    }
}
