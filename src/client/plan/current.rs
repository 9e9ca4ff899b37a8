// SPDX-License-Identifier: MIT

//! The table as it is, as far as a plan needs it.

use super::{Plan, Wanted};
use crate::{
    Client, Consistency, Counters, Destination, Errno, Result, Service, ServiceId, SyncDaemon,
    Timeouts,
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
    /// stands still; [`Error::Hidden`](crate::Error::Hidden) when the interface in use
    /// does not show all of that part.
    pub fn read_current(
        &mut self,
        wanted: &Wanted,
        is_inside: impl Fn(&ServiceId) -> bool,
    ) -> Result<Current> {
        let mut current = self.read_whole_table_settings(wanted)?;
        let services = self.map_services(Counters::Skip, Consistency::Agreed, |service| service)?;
        for (id, service) in services {
            if is_inside(&id) {
                current.services.push(self.add_destinations(service)?);
            }
        }
        self.check_all_shown(is_inside)?;
        Ok(current)
    }

    /// Reads the services that a plan was about once more, with their destinations, and
    /// timeouts and daemons if they are wanted: to see whether what was wanted is there
    /// now. The rest of a large table is left unread.
    ///
    /// # Errors
    /// Those of [`read_current`](Self::read_current).
    pub fn read_changed(&mut self, plan: &Plan, wanted: &Wanted) -> Result<Current> {
        let mut current = self.read_whole_table_settings(wanted)?;
        for id in plan.changed_services() {
            match self.service(&id) {
                Ok(service) => current.services.push(self.add_destinations(service)?),
                Err(error) if error.errno() == Some(Errno::SRCH) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(current)
    }

    fn add_destinations(&mut self, service: Service) -> Result<(Service, Vec<Destination>)> {
        let destinations =
            self.destinations_with(&service.id, Counters::Skip, Consistency::Agreed)?;
        Ok((service, destinations))
    }

    fn read_whole_table_settings(&mut self, wanted: &Wanted) -> Result<Current> {
        let mut current = Current::default();
        if wanted.timeouts != Timeouts::default() {
            current.timeouts = self.timeouts()?;
        }
        if !wanted.daemons.is_empty() {
            current.daemons = self.daemons()?;
        }
        Ok(current)
    }
}
