// SPDX-License-Identifier: MIT

//! Carries a plan out: all of it, or as good as nothing.

use super::{Plan, Step};
use crate::{
    Change, Client, DaemonRole, Destination, Errno, Error, Operation, Result, ServiceId,
    SyncDaemonSettings,
};

/// A plan that has not been carried out.
#[derive(Debug, thiserror::Error)]
#[error("{}", .refused.first().map_or_else(String::new, |(_, error)| error.to_string()))]
#[non_exhaustive]
pub struct NotCarriedOut {
    /// The steps that failed, by their place in the plan, and why; at least one. When
    /// an answer got lost, it is the first of those of which it is not known.
    pub refused: Vec<(usize, Error)>,
    /// The fate of the steps that were done.
    pub undoing: Undoing,
}

/// The fate of the steps that were done before one failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Undoing {
    /// The table has the entries and settings that it had before. The counters of
    /// services and destinations that had been removed begin anew.
    Done,
    /// These could not be undone, and why: read the table to see what stands.
    Failed(Vec<Error>),
}

/// One change, or its opposite, on its way to the kernel.
#[derive(Debug)]
enum Order {
    Change(Change),
    StartDaemon(SyncDaemonSettings),
    StopDaemon(DaemonRole),
}

impl Client {
    /// Carries a plan out. When the kernel refuses a step, those that were done are
    /// undone, the last first.
    ///
    /// An entry that is to be removed and is gone already counts as removed. Others
    /// may change the table meanwhile: to know that it is what it should be, read it
    /// again and plan again.
    ///
    /// # Errors
    /// [`NotCarriedOut`] names the refused steps and says whether the rest was undone.
    pub fn carry_out(&mut self, plan: &Plan) -> Result<(), NotCarriedOut> {
        let mut done: Vec<&Step> = Vec::new();
        let mut start = 0;
        for batch in plan.batches() {
            let mut refused = Vec::new();
            let orders: Vec<Order> = batch.iter().map(Order::of).collect();
            let outcome = self.give(&orders, &mut refused);
            let is_refused = |index: usize| refused.iter().any(|(refused, _)| *refused == index);
            // When the answer got lost, all of them may have been done. What was not
            // is undone in vain.
            let steps = batch.iter().enumerate();
            let steps = steps.filter(|(index, _)| !is_refused(*index));
            done.extend(steps.map(|(_, step)| step));
            refused.retain(|(_, error)| !is_gone(error));
            if let Err(error) = outcome {
                refused.push((0, error));
            }
            if !refused.is_empty() {
                drop_consequences(&mut refused);
                for (index, _) in &mut refused {
                    *index += start;
                }
                let undoing = self.undo(&done);
                return Err(NotCarriedOut { refused, undoing });
            }
            start += batch.len();
        }
        Ok(())
    }

    /// Carries each step of a plan out that the kernel takes, and undoes none: for
    /// whoever wants as much of it as can be had.
    ///
    /// Returns what was refused: the place of each step in the plan, in order, and why.
    ///
    /// # Errors
    /// When it is not known which steps were carried out: the socket failed or an answer
    /// got lost.
    pub fn carry_out_each(&mut self, plan: &Plan) -> Result<Vec<(usize, Error)>> {
        let mut all = Vec::new();
        let mut start = 0;
        for batch in plan.batches() {
            let orders: Vec<Order> = batch.iter().map(Order::of).collect();
            let mut refused = Vec::new();
            self.give(&orders, &mut refused)?;
            refused.retain(|(_, error)| !is_gone(error));
            all.extend(
                refused
                    .into_iter()
                    .map(|(index, error)| (index + start, error)),
            );
            start += batch.len();
        }
        Ok(all)
    }

    /// Undoes steps, the last first.
    fn undo(&mut self, done: &[&Step]) -> Undoing {
        let steps = done.iter().rev();
        let orders: Vec<Order> = steps.flat_map(|step| Order::opposite_of(step)).collect();
        let mut refused = Vec::new();
        let outcome = self.give(&orders, &mut refused);
        let mut errors: Vec<Error> = refused
            .into_iter()
            .map(|(_, error)| error)
            .filter(|error| !is_undone(error))
            .collect();
        errors.extend(outcome.err());
        if errors.is_empty() {
            Undoing::Done
        } else {
            Undoing::Failed(errors)
        }
    }

    /// Gives orders to the kernel, as many in one system call as can be; adds the
    /// place of each that is refused, and why.
    fn give(&mut self, orders: &[Order], refused: &mut Vec<(usize, Error)>) -> Result<()> {
        let mut start = 0;
        let are_changes = |order: &Order| matches!(order, Order::Change(_));
        for orders in orders.chunk_by(|a, b| are_changes(a) && are_changes(b)) {
            let changes: Vec<Change> = orders
                .iter()
                .filter_map(|order| match order {
                    Order::Change(change) => Some(change.clone()),
                    _ => None,
                })
                .collect();
            let errors = match orders {
                [Order::StartDaemon(daemon)] => single(self.start_daemon(daemon))?,
                [Order::StopDaemon(role)] => single(self.stop_daemon(*role))?,
                _ => self.apply(&changes)?,
            };
            refused.extend(
                errors
                    .into_iter()
                    .map(|(index, error)| (index + start, error)),
            );
            start += orders.len();
        }
        Ok(())
    }
}

/// Makes the refusal of a single order one of a list.
fn single(outcome: Result<()>) -> Result<Vec<(usize, Error)>> {
    match outcome {
        Ok(()) => Ok(Vec::new()),
        Err(
            error @ (Error::Kernel { .. }
            | Error::ImpossibleName { .. }
            | Error::NeedsNetlink { .. }),
        ) => Ok(vec![(0, error)]),
        Err(error) => Err(error),
    }
}

impl Order {
    fn of(step: &Step) -> Self {
        Self::Change(match step {
            Step::StartDaemon(daemon) => return Self::StartDaemon(daemon.clone()),
            Step::StopDaemon(daemon) => return Self::StopDaemon(daemon.role),
            Step::SetTimeouts { to, .. } => Change::SetTimeouts(*to),
            Step::AddService(id, settings) => Change::AddService(*id, settings.clone()),
            Step::EditService { from, to } => Change::EditService(from.id, to.clone()),
            Step::DeleteService(service, _) => Change::DeleteService(service.id),
            Step::AddDestination(service, id, settings) => {
                Change::AddDestination(*service, *id, *settings)
            }
            Step::EditDestination { service, from, to } => {
                Change::EditDestination(*service, from.id, *to)
            }
            Step::DeleteDestination(service, destination) => {
                Change::DeleteDestination(*service, destination.id)
            }
        })
    }

    /// Returns what undoes a step.
    fn opposite_of(step: &Step) -> Vec<Self> {
        let add = |service, destination: &Destination| {
            Self::Change(Change::AddDestination(
                service,
                destination.id,
                destination.settings,
            ))
        };
        let change = match step {
            Step::StartDaemon(daemon) => return vec![Self::StopDaemon(daemon.role)],
            Step::StopDaemon(daemon) => return vec![Self::StartDaemon(daemon.into())],
            Step::DeleteService(service, destinations) => {
                let settings = service.settings.clone();
                let first = Self::Change(Change::AddService(service.id, settings));
                let destinations = destinations.iter();
                let destinations = destinations.map(|destination| add(service.id, destination));
                return std::iter::once(first).chain(destinations).collect();
            }
            Step::DeleteDestination(service, destination) => {
                return vec![add(*service, destination)];
            }
            Step::SetTimeouts { from, .. } => Change::SetTimeouts(*from),
            Step::AddService(id, _) => Change::DeleteService(*id),
            Step::EditService { from, .. } => Change::EditService(from.id, from.settings.clone()),
            Step::AddDestination(service, id, _) => Change::DeleteDestination(*service, *id),
            Step::EditDestination { service, from, .. } => {
                Change::EditDestination(*service, from.id, from.settings)
            }
        };
        vec![Self::Change(change)]
    }
}

/// Returns whether a step failed because what it removes is gone already.
fn is_gone(error: &Error) -> bool {
    use Operation as O;
    matches!(
        (error.operation(), error.errno()),
        (
            Some(O::DeleteService(_) | O::DeleteDestination(..)),
            Some(Errno::SRCH | Errno::NOENT)
        )
    )
}

/// Returns whether something could not be undone because it had not been done.
fn is_undone(error: &Error) -> bool {
    use Operation as O;
    is_gone(error)
        || matches!(
            (error.operation(), error.errno()),
            (
                Some(O::AddService(_) | O::AddDestination(..) | O::StartDaemon(_)),
                Some(Errno::EXIST)
            ) | (Some(O::StopDaemon(_)), Some(Errno::SRCH))
        )
}

/// Leaves out the refused destinations of services that were refused: there is no
/// other reason for them.
fn drop_consequences(refused: &mut Vec<(usize, Error)>) {
    let services: Vec<ServiceId> = refused
        .iter()
        .filter_map(|(_, error)| match error.operation() {
            Some(Operation::AddService(id)) => Some(id),
            _ => None,
        })
        .collect();
    refused.retain(|(_, error)| match error.operation() {
        Some(Operation::AddDestination(service, _)) => {
            error.errno() != Some(Errno::SRCH) || !services.contains(&service)
        }
        _ => true,
    });
}
