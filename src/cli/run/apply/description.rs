// SPDX-License-Identifier: MIT

//! The table that a file of rules describes, and the places of its entries.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use ipvs_client::{
    Change, DaemonRole, DestinationId, ServiceId,
    plan::{Step, Wanted, WantedError},
};

use crate::{
    command::{Command, place::Place},
    failure::{DescriptionError, RuleAt},
    run::rule_file::{Parsed, Rule},
};

/// A file that says what should be there, and nothing else.
#[derive(Default)]
pub(in crate::run) struct Description {
    pub(in crate::run) wanted: Wanted,
    entries: HashMap<Entry, Place>,
}

/// An entry of a description.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Entry {
    Service(ServiceId),
    Destination(ServiceId, DestinationId),
    Timeouts,
    Daemon(DaemonRole),
}

impl Description {
    /// Takes the rules of a file for a description.
    ///
    /// # Errors
    /// Every mistake of the file, by its place: of its words, and entries that are
    /// there twice, destinations without their service and commands that say
    /// something else.
    pub(super) fn read(file: Option<&Path>, parsed: Parsed) -> Result<Self, Vec<anyhow::Error>> {
        let Parsed { rules, mut errors } = parsed;
        let first_wrong = errors.iter().filter_map(find_line).min();
        let (description, wrong) = Self::take(&rules);
        for (place, error) in wrong {
            // The service may be what a wrong line before it was about.
            if matches!(error, DescriptionError::NoService(..)) && is_after(place, first_wrong) {
                continue;
            }
            errors.push(anyhow::Error::from(error).context(RuleAt {
                file: file.map(PathBuf::from),
                place: Some(place),
                names_line: true,
            }));
        }
        if errors.is_empty() {
            return Ok(description);
        }
        errors.sort_by_key(find_line);
        Err(errors)
    }

    /// Takes the rules that describe a table; returns also what is wrong with the
    /// others.
    pub(in crate::run) fn take(rules: &[Rule]) -> (Self, Vec<(Place, DescriptionError)>) {
        let mut description = Self::default();
        let mut wrong = Vec::new();
        let rules = match rules {
            // The table will have nothing else than what follows.
            [(_, Command::Change(Change::Flush)), rest @ ..] => rest,
            all => all,
        };
        for (place, command) in rules {
            if let Err(error) = description.add(*place, command) {
                wrong.push((*place, error));
            }
        }
        (description, wrong)
    }

    fn add(&mut self, place: Place, command: &Command) -> Result<(), DescriptionError> {
        let (entry, outcome) = match command {
            Command::Change(change) | Command::Ensure(change) => {
                let entry = match change {
                    Change::AddService(id, _) => Entry::Service(*id),
                    Change::AddDestination(service, id, _) => Entry::Destination(*service, *id),
                    Change::SetTimeouts(_) => Entry::Timeouts,
                    _ => return Err(DescriptionError::Operation(change.operation())),
                };
                (entry, self.wanted.add(change))
            }
            Command::StartDaemon(daemon) => (
                Entry::Daemon(daemon.role),
                self.wanted.add_daemon(daemon.clone()),
            ),
            _ => return Err(DescriptionError::Other),
        };
        match outcome {
            Ok(()) => {
                self.entries.insert(entry, place);
                Ok(())
            }
            Err(error) => Err(match (error, entry) {
                (WantedError::NoService(service), Entry::Destination(_, id)) => {
                    DescriptionError::NoService(service, id)
                }
                (error, entry) => DescriptionError::Repeated {
                    error,
                    first: self.entries.get(&entry).copied().unwrap_or(place),
                },
            }),
        }
    }

    /// Returns the place of what a step makes so. What it removes has none.
    pub(in crate::run) fn find_place(&self, step: &Step) -> Option<Place> {
        let entry = match step {
            Step::SetTimeouts { .. } => Entry::Timeouts,
            Step::AddService(id, _) => Entry::Service(*id),
            Step::EditService { from, .. } => Entry::Service(from.id),
            Step::AddDestination(service, id, _) => Entry::Destination(*service, *id),
            Step::EditDestination { service, from, .. } => Entry::Destination(*service, from.id),
            Step::StartDaemon(daemon) => Entry::Daemon(daemon.role),
            Step::StopDaemon(daemon) => Entry::Daemon(daemon.role),
            _ => return None,
        };
        self.entries.get(&entry).copied()
    }
}

fn is_after(place: Place, line: Option<u64>) -> bool {
    matches!((place, line), (Place::Line(number), Some(line)) if line < number)
}

/// Returns the line that an error is about.
fn find_line(error: &anyhow::Error) -> Option<u64> {
    match error.downcast_ref::<RuleAt>()?.place? {
        Place::Line(number) => Some(number),
        Place::Service(_) | Place::Destination(..) => None,
    }
}
