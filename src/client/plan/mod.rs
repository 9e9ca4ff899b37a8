// SPDX-License-Identifier: MIT

//! The changes that make a table what it should be.
//!
//! A [`Plan`] is made of the table as it is ([`Client::read_current`]) and as it
//! should be ([`Wanted`]), without asking the kernel, and is carried out by
//! [`Client::carry_out`].
//!
//! ```
//! use ipvs_client::{
//!     Change, Client, DestinationId, DestinationSettings, ServiceId, ServiceSettings,
//!     plan::{Plan, PlanOptions, Wanted},
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let web = ServiceId::tcp(([192, 0, 2, 1], 80));
//! let [first, second] = [2, 3].map(|host| DestinationId::new([10, 0, 0, host], 80));
//! let settings = DestinationSettings::masquerading();
//!
//! let mut client = Client::open()?;
//! client.add_service(&web, &ServiceSettings::new("wrr"))?;
//! client.add_destination(&web, &first, &settings)?;
//!
//! let mut wanted = Wanted::default();
//! wanted.add(&Change::AddService(web, ServiceSettings::new("wrr")))?;
//! wanted.add(&Change::AddDestination(web, second, settings))?;
//!
//! let current = client.read_current(&wanted, |_| true)?;
//! let plan = Plan::new(&current, &wanted, PlanOptions::default());
//! let operations: Vec<String> = plan.steps().map(|step| step.operation().to_string()).collect();
//! assert_eq!(operations, [
//!     "add 10.0.0.3:80 to TCP 192.0.2.1:80",
//!     "delete 10.0.0.2:80 from TCP 192.0.2.1:80",
//! ]);
//! client.carry_out(&plan)?;
//!
//! // Now it is so, and nothing is left to do.
//! let current = client.read_current(&wanted, |_| true)?;
//! assert!(Plan::new(&current, &wanted, PlanOptions::default()).is_empty());
//! # client.delete_service(&web)?;
//! # Ok(())
//! # }
//! ```
//!
//! # The order
//!
//! 1. Timeouts.
//! 2. New services, each with its destinations in one batch, which is one system call.
//! 3. Services and destinations that are edited, and new destinations of services that
//!    were there. Of one service, destinations get a weight before others lose theirs.
//! 4. Synchronization daemons.
//! 5. Destinations that go.
//! 6. Services that go.
//!
//! So a service that has a destination with a weight before and after has one all the
//! time, and what takes something away comes last, when nothing else was refused. One
//! thing turns 4 and 5 around: the kernel starts no daemon while a destination has
//! another family than its service.
//!
//! Entries that are right already are not touched: their connections and counters stay.

mod carry_out;
mod current;
mod daemon;
mod step;
mod wanted;

use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
};

pub(crate) use self::daemon::is_so;
pub use self::{
    carry_out::{NotCarriedOut, Undoing},
    current::Current,
    step::Step,
    wanted::{Wanted, WantedError},
};
use self::{daemon::plan_daemons, wanted::WantedService};
use crate::{
    AddressFamily, Client, Destination, DestinationId, DestinationSettings, Service, ServiceId,
    Timeouts,
};

/// The differences that a plan leaves as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanOptions {
    /// Destinations that are there keep their weight: health checks and drains have
    /// set it.
    pub keep_weights: bool,
    /// Nothing is removed.
    pub add_only: bool,
}

/// The changes that make a table what it should be, in the order in which they are
/// made; as few as there are differences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    steps: Vec<Step>,
    /// The steps that go to the kernel together.
    batches: Vec<Range<usize>>,
}

impl Plan {
    /// Compares the table as it is with what it should be.
    ///
    /// For a part of the table, both must have been narrowed to that part:
    /// [`Wanted::narrow`], [`Client::read_current`].
    #[must_use]
    pub fn new(current: &Current, wanted: &Wanted, options: PlanOptions) -> Self {
        Planner::new(current, wanted, options).plan()
    }

    /// The changes, in order.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = &Step> {
        self.steps.iter()
    }

    /// The changes that go to the kernel together, in order.
    fn batches(&self) -> impl Iterator<Item = &[Step]> {
        let batches = self.batches.iter().cloned();
        batches.filter_map(|batch| self.steps.get(batch))
    }

    /// The virtual services that it changes, or whose destinations.
    #[must_use]
    pub fn changed_services(&self) -> BTreeSet<ServiceId> {
        self.steps.iter().filter_map(Step::service).collect()
    }

    /// Returns whether the table is what it should be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Adds changes that may not come apart.
    fn push_together(&mut self, steps: impl IntoIterator<Item = Step>) {
        let start = self.steps.len();
        self.steps.extend(steps);
        let end = self.steps.len();
        match self.batches.last_mut() {
            Some(batch) if end - batch.start <= Client::BATCH => batch.end = end,
            _ => self.batches.push(start..end),
        }
    }

    /// Adds a change.
    fn push(&mut self, step: Step) {
        self.push_together([step]);
    }

    /// Adds changes that can each stand alone.
    fn push_all(&mut self, steps: Vec<Step>) {
        for step in steps {
            self.push(step);
        }
    }
}

/// The two tables that are compared, and what goes into each part of the plan.
struct Planner<'a> {
    current: &'a Current,
    wanted: &'a Wanted,
    options: PlanOptions,
    plan: Plan,
    edits: Vec<Step>,
    removed_destinations: Vec<Step>,
    removed_services: Vec<Step>,
}

impl<'a> Planner<'a> {
    fn new(current: &'a Current, wanted: &'a Wanted, options: PlanOptions) -> Self {
        Self {
            current,
            wanted,
            options,
            plan: Plan::default(),
            edits: Vec::new(),
            removed_destinations: Vec::new(),
            removed_services: Vec::new(),
        }
    }

    fn plan(mut self) -> Plan {
        self.plan_timeouts();
        let entries = self.current.services.iter();
        let known: HashMap<&ServiceId, &(Service, Vec<Destination>)> =
            entries.map(|entry| (&entry.0.id, entry)).collect();
        for service in &self.wanted.services {
            match known.get(&service.id) {
                Some((current, destinations)) => self.compare(current, destinations, service),
                None => self.plan.push_together(add_service(service)),
            }
        }
        if !self.options.add_only {
            self.plan_removals();
        }
        self.plan.push_all(self.edits);
        let daemons = plan_daemons(&self.current.daemons, &self.wanted.daemons);
        // The kernel refuses to start a daemon while there is such a destination.
        if self.current.services.iter().any(has_mixed_families) {
            self.plan.push_all(self.removed_destinations);
            self.plan.push_all(self.removed_services);
            self.plan.push_all(daemons);
        } else {
            self.plan.push_all(daemons);
            self.plan.push_all(self.removed_destinations);
            self.plan.push_all(self.removed_services);
        }
        self.plan
    }

    fn plan_timeouts(&mut self) {
        let (from, wanted) = (self.current.timeouts, self.wanted.timeouts);
        // A kernel that was built without a protocol has no timeout for it.
        let chosen = |from: Option<_>, wanted: Option<_>| from.and(wanted).or(from);
        let to = Timeouts {
            tcp: chosen(from.tcp, wanted.tcp),
            tcp_fin: chosen(from.tcp_fin, wanted.tcp_fin),
            udp: chosen(from.udp, wanted.udp),
        };
        if to != from {
            self.plan.push(Step::SetTimeouts { from, to });
        }
    }

    /// Compares a service that is there with what it should be.
    fn compare(&mut self, service: &Service, destinations: &[Destination], wanted: &WantedService) {
        // What flags that this crate has no name for should be, nobody can say.
        if service.settings != wanted.settings || service.unknown_flags != 0 {
            self.edits.push(Step::EditService {
                from: service.clone(),
                to: wanted.settings.clone(),
            });
        }
        if is_same(destinations, &wanted.destinations) {
            return;
        }
        let known: HashMap<&DestinationId, &Destination> = destinations
            .iter()
            .map(|destination| (&destination.id, destination))
            .collect();
        // Those that give the service a destination with a weight come before those
        // that take one away.
        let mut losing_weight = Vec::new();
        for &(id, settings) in &wanted.destinations {
            let Some(&current) = known.get(&id) else {
                let add = Step::AddDestination(service.id, id, settings);
                self.edits.push(add);
                continue;
            };
            let mut settings = settings;
            if self.options.keep_weights {
                settings.weight = current.settings.weight;
            }
            if current.settings == settings {
                continue;
            }
            let edit = Step::EditDestination {
                service: service.id,
                from: current.clone(),
                to: settings,
            };
            if settings.weight == 0 {
                losing_weight.push(edit);
            } else {
                self.edits.push(edit);
            }
        }
        self.edits.append(&mut losing_weight);
    }

    fn plan_removals(&mut self) {
        for (service, destinations) in &self.current.services {
            if !self.wanted.has_service(&service.id) {
                let delete = Step::DeleteService(service.clone(), destinations.clone());
                self.removed_services.push(delete);
                continue;
            }
            for destination in destinations {
                if !self.wanted.has_destination(&service.id, &destination.id) {
                    let delete = Step::DeleteDestination(service.id, destination.clone());
                    self.removed_destinations.push(delete);
                }
            }
        }
    }
}

fn add_service(service: &WantedService) -> impl Iterator<Item = Step> {
    let add = Step::AddService(service.id, service.settings.clone());
    let destinations = service.destinations.iter();
    let destinations =
        destinations.map(|&(id, settings)| Step::AddDestination(service.id, id, settings));
    std::iter::once(add).chain(destinations)
}

/// Returns whether destinations are what they should be, in the same order or the
/// other way round, as the kernel has those of a table that was saved and restored.
/// This is how nearly all services of a large table are.
fn is_same(current: &[Destination], wanted: &[(DestinationId, DestinationSettings)]) -> bool {
    let is_same = |(current, wanted): (&Destination, &(DestinationId, DestinationSettings))| {
        current.id == wanted.0 && current.settings == wanted.1
    };
    current.len() == wanted.len()
        && (current.iter().zip(wanted).all(is_same)
            || current.iter().rev().zip(wanted).all(is_same))
}

fn has_mixed_families((service, destinations): &(Service, Vec<Destination>)) -> bool {
    let family = service.id.family();
    let differs = |destination: &Destination| AddressFamily::from(destination.id.address) != family;
    destinations.iter().any(differs)
}
