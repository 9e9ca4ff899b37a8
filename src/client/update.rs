// SPDX-License-Identifier: MIT

//! Edits that begin with what an entry has: it is read, changed and written as one
//! step.
//!
//! The kernel can replace the settings of an entry, but not under the condition
//! that they are still the ones that were read. Those who update take turns, by a
//! lock. Against all others each writing goes out behind another reading, in one
//! datagram, which the kernel works through in a row: its answer tells what the
//! writing has replaced. If someone else had changed it by then, their change is put
//! into what was read first, and the whole is written again.

use crate::{
    Change, Client, Consistency, Counters, DestinationId, DestinationSettings, Errno, Error,
    Operation, Result, ServiceId, ServiceSettings, kernel::interface::Replaced,
};

/// The most writings of an update until one has replaced what it was made from.
const WRITINGS: usize = 16;

impl Client {
    /// Changes some settings of a destination and keeps the others: `change` makes
    /// the new settings of those that it has. If nothing differs, nothing is
    /// written. Returns the settings before.
    ///
    /// A change that someone else makes at the same time is not lost. Updates of one
    /// network namespace wait for each other, two seconds at most. When another
    /// program edits the destination between the reading and the writing, `change`
    /// gets the settings once more, with that edit in them, and they are written
    /// again. So it must have no effect but its result, and may not update anything
    /// itself. Only an edit that comes into the microseconds between the two requests
    /// of the last datagram is not seen: the kernel has no way to rule that out.
    ///
    /// ```
    /// use ipvs_client::{Client, DestinationId, Result, ServiceId};
    ///
    /// /// Gives a destination no new connections; returns the weight that it had.
    /// fn quiesce(client: &mut Client, service: &ServiceId, id: &DestinationId) -> Result<u32> {
    ///     let before = client.update_destination(service, id, |settings| settings.weight(0))?;
    ///     Ok(before.weight)
    /// }
    /// ```
    ///
    /// # Errors
    /// Those of [`edit_destination`](Self::edit_destination);
    /// [`Error::Contended`] when others keep changing it.
    pub fn update_destination(
        &mut self,
        service: &ServiceId,
        id: &DestinationId,
        change: impl FnMut(&DestinationSettings) -> DestinationSettings,
    ) -> Result<DestinationSettings> {
        let operation = Operation::EditDestination(*service, *id);
        let _lock = self.lock();
        let found = self.find_destination(service, id, operation)?;
        let write = |client: &mut Self, settings: &DestinationSettings| {
            client.write(|kernel| kernel.replace_destination(service, id, settings))
        };
        self.update(operation, found, change, merge_destination, write)
    }

    /// Changes some settings of a virtual service and keeps the others, as
    /// [`update_destination`](Self::update_destination) does for a destination.
    /// Flags that this crate has no name for
    /// ([`Service::unknown_flags`](crate::Service::unknown_flags)) stay too, which
    /// an edit would clear.
    ///
    /// ```
    /// use ipvs_client::{Client, Result, ServiceId};
    ///
    /// /// Schedules by weight from now on, with the persistence that there is.
    /// fn weigh(client: &mut Client, service: &ServiceId) -> Result<()> {
    ///     client.update_service(service, |settings| {
    ///         let mut settings = settings.clone();
    ///         settings.scheduler = "wrr".to_owned();
    ///         settings
    ///     })?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// Those of [`edit_service`](Self::edit_service); [`Error::Contended`] when
    /// others keep changing it.
    pub fn update_service(
        &mut self,
        id: &ServiceId,
        change: impl FnMut(&ServiceSettings) -> ServiceSettings,
    ) -> Result<ServiceSettings> {
        let operation = Operation::EditService(*id);
        let _lock = self.lock();
        let found = self.read(|kernel| kernel.read_service(id, Counters::Skip, operation))?;
        let write = |client: &mut Self, settings: &ServiceSettings| {
            Change::EditService(*id, settings.clone()).check()?;
            client.write(|kernel| kernel.replace_service(id, settings))
        };
        self.update(operation, found.settings, change, merge_service, write)
    }

    /// Writes what `change` makes of the settings, until a writing has replaced
    /// what it was made from. `merge` puts the difference between two settings into
    /// others; `write` writes them and tells what it has replaced.
    fn update<S: Clone + PartialEq>(
        &mut self,
        operation: Operation,
        found: S,
        mut change: impl FnMut(&S) -> S,
        merge: impl Fn(S, &S, S) -> S,
        mut write: impl FnMut(&mut Self, &S) -> Result<Replaced<S>>,
    ) -> Result<S> {
        // The settings as others have made them, and as they stand.
        let mut others = found.clone();
        let mut stands = found;
        let mut is_certain = true;
        for _ in 0..WRITINGS {
            let new = change(&others);
            if new == stands && is_certain {
                return Ok(others);
            }
            let Replaced {
                settings,
                in_one_piece,
            } = write(self, &new)?;
            is_certain = settings.is_some();
            if let Some(replaced) = settings {
                // The later pieces of a list can show the writing itself.
                if replaced == stands || !in_one_piece && replaced == new {
                    return Ok(others);
                }
                others = merge(others, &stands, replaced);
            }
            stands = new;
        }
        Err(Error::Contended { operation })
    }

    /// Reads the settings of a destination.
    fn find_destination(
        &mut self,
        service: &ServiceId,
        id: &DestinationId,
        operation: Operation,
    ) -> Result<DestinationSettings> {
        // It is written only after another reading, so that this one needs to be
        // certain only where it does not have the destination.
        for consistency in [Consistency::Once, Consistency::Agreed] {
            let destinations = self.list(
                operation,
                consistency,
                |(id, _)| id,
                |kernel, take| {
                    kernel.list_destinations(
                        service,
                        Counters::Skip,
                        consistency,
                        operation,
                        &mut |read| take((read.id, read.settings)),
                    )
                },
            )?;
            let found = destinations.iter().find(|(known, _)| known == id);
            if let Some((_, settings)) = found {
                return Ok(*settings);
            }
        }
        // The kernel lists nothing of a service that is not there, either.
        self.read(|kernel| kernel.read_service(service, Counters::Skip, operation))?;
        Err(Error::Kernel {
            operation,
            errno: Errno::NOENT,
        })
    }
}

/// Returns the part of `new` if it is another than that of `old`, else that of
/// `others`.
fn merge<T: PartialEq>(others: T, old: &T, new: T) -> T {
    if new == *old { others } else { new }
}

/// Puts what differs between the old and the new settings into the others.
fn merge_destination(
    others: DestinationSettings,
    old: &DestinationSettings,
    new: DestinationSettings,
) -> DestinationSettings {
    DestinationSettings {
        forwarding_method: merge(
            others.forwarding_method,
            &old.forwarding_method,
            new.forwarding_method,
        ),
        weight: merge(others.weight, &old.weight, new.weight),
        upper_threshold: merge(
            others.upper_threshold,
            &old.upper_threshold,
            new.upper_threshold,
        ),
        lower_threshold: merge(
            others.lower_threshold,
            &old.lower_threshold,
            new.lower_threshold,
        ),
    }
}

/// Puts what differs between the old and the new settings into the others.
fn merge_service(
    others: ServiceSettings,
    old: &ServiceSettings,
    new: ServiceSettings,
) -> ServiceSettings {
    ServiceSettings {
        scheduler: merge(others.scheduler, &old.scheduler, new.scheduler),
        scheduler_flags: merge(
            others.scheduler_flags,
            &old.scheduler_flags,
            new.scheduler_flags,
        ),
        one_packet: merge(others.one_packet, &old.one_packet, new.one_packet),
        persistence: merge(others.persistence, &old.persistence, new.persistence),
        persistence_engine: merge(
            others.persistence_engine,
            &old.persistence_engine,
            new.persistence_engine,
        ),
    }
}
