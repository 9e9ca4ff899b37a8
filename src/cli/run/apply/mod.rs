// SPDX-License-Identifier: MIT

//! `--apply`: makes the table what a file says. `--diff`: shows what that would
//! change.

pub(super) mod description;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    io::{ErrorKind, Write},
};

use ipvs_client::{
    Client, ServiceId,
    plan::{Current, NotCarriedOut, Plan, PlanOptions, Step, Undoing, Wanted},
};

use self::description::Description;
use super::{
    rule_file::{self, Mistakes, parse_all},
    session::Session,
};
use crate::{
    args::error::STATUS_USAGE,
    command::{Apply, ApplyEffect, Form},
    failure::{
        self, ChangedMeanwhile, Messages, NothingDescribed, RuleAt, StandingChanges, StdoutError,
        StepFailed,
    },
    json,
    output::{has_colour, write_commands, write_differences},
};

/// The exit statuses of --diff when there is a difference, and when it cannot be told
/// whether there is one: whoever asks may be a script.
const STATUS_DIFFERENT: u8 = 1;
const STATUS_TROUBLE: u8 = 2;

/// Does what the options ask for; returns the exit status.
///
/// # Errors
/// When the file or the table cannot be read, or the lock cannot be taken; nothing has
/// been changed then.
pub(super) fn run(
    apply: &Apply,
    session: &mut Session,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    let file = apply.file.as_deref();
    let parsed = parse_all(file, rule_file::open(file)?, Mistakes::EveryAndNul)?;
    let mut description = match Description::read(file, parsed) {
        Ok(description) => description,
        Err(errors) => {
            for error in &errors {
                messages.report(error);
            }
            return Ok(STATUS_USAGE);
        }
    };
    narrow(&mut description.wanted, apply, messages)?;
    match apply.effect {
        ApplyEffect::Check => {
            messages.note_to_terminal("nothing wrong");
            return Ok(0);
        }
        ApplyEffect::Change(wait) => session.lock(wait, messages)?,
        ApplyEffect::Diff | ApplyEffect::DryRun => {}
    }
    compare(apply, description, session, out, messages)
}

/// Compares the table with a description; returns the exit status.
fn compare(
    apply: &Apply,
    description: Description,
    session: &mut Session,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    let outcome = match session.client() {
        Ok(client) => compare_and_change(apply, description, client, out, messages),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Err(error) if apply.effect == ApplyEffect::Diff => Ok(report_trouble(&error, messages)),
        outcome => outcome,
    }
}

/// Reports why --diff cannot tell of the differences; returns the exit status.
fn report_trouble(error: &anyhow::Error, messages: &mut Messages<'_>) -> u8 {
    messages.report(error);
    match failure::exit_status(error) {
        STATUS_DIFFERENT => STATUS_TROUBLE,
        status => status,
    }
}

/// Compares the table with a description, and does about it what the options ask for;
/// returns the exit status.
fn compare_and_change(
    apply: &Apply,
    description: Description,
    client: &mut Client,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    let wanted = &description.wanted;
    let current = client.read_current(wanted, |id| apply.scope.contains(id))?;
    let plan = &Plan::new(&current, wanted, plan_options(apply));
    warn_of_woken(plan, messages);
    let status = match apply.effect {
        ApplyEffect::Change(_) => match client.carry_out(plan) {
            Ok(()) => {
                drop(current);
                check_outcome(apply, description.wanted, plan, client, messages)
            }
            Err(failed) => {
                return report_failure(
                    apply,
                    &description,
                    plan,
                    current,
                    failed,
                    client,
                    messages,
                );
            }
        },
        ApplyEffect::Diff if !plan.is_empty() => STATUS_DIFFERENT,
        _ => 0,
    };
    let written = match (apply.effect, apply.form) {
        (_, Form::Json) => json::write_plan(&mut *out, plan),
        (ApplyEffect::Diff, Form::Classic) => {
            write_differences(&mut *out, plan, has_colour(apply.colour))
        }
        (ApplyEffect::DryRun, Form::Classic) => write_commands(&mut *out, plan),
        _ => Ok(()),
    };
    match written.and_then(|()| out.flush()) {
        // Whoever closed the pipe has seen enough; the status tells the same.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let error = StdoutError(error);
            Err(match apply.effect {
                ApplyEffect::Change(_) if !plan.is_empty() => failure::after_changes(error),
                _ => error.into(),
            })
        }
        _ => Ok(status),
    }
}

fn plan_options(apply: &Apply) -> PlanOptions {
    let mut options = PlanOptions::default();
    options.keep_weights = apply.keep_weights;
    options.add_only = apply.add_only;
    options
}

/// Leaves only what is in the scope, which must be something: a file that has been
/// emptied by mistake is not to empty the table.
fn narrow(
    wanted: &mut Wanted,
    apply: &Apply,
    messages: &mut Messages<'_>,
) -> Result<(), NothingDescribed> {
    let file = apply.file.clone();
    if wanted.is_empty() {
        return Err(NothingDescribed::InFile(file));
    }
    if !apply.scope.is_whole() {
        let left_out = wanted.narrow(|id| apply.scope.contains(id));
        if wanted.is_empty() {
            return Err(NothingDescribed::InScope(file));
        }
        if left_out > 0 {
            let plural = if left_out == 1 { "" } else { "s" };
            messages.note_to_terminal(&format!(
                "{left_out} service{plural} of the file outside of the scope"
            ));
        }
    }
    Ok(())
}

/// Warns of servers that get a weight again: somebody, or a health check, had set 0.
fn warn_of_woken(plan: &Plan, messages: &mut Messages<'_>) {
    for step in plan.steps() {
        if let Step::EditDestination { service, from, to } = step
            && from.settings.weight == 0
            && to.weight > 0
        {
            let (id, weight) = (from.id, to.weight);
            messages.warn(&format!(
                "{id} of {service} has weight 0 and gets {weight}; --keep-weights leaves it"
            ));
        }
    }
}

/// Reads once more what was changed, and tells what others have changed in it
/// meanwhile. Returns the exit status.
fn check_outcome(
    apply: &Apply,
    mut wanted: Wanted,
    plan: &Plan,
    client: &mut Client,
    messages: &mut Messages<'_>,
) -> u8 {
    if plan.is_empty() {
        return 0;
    }
    let changed = plan.changed_services();
    wanted.retain(|id| changed.contains(id));
    let after = match client.read_changed(plan, &wanted) {
        Ok(after) => after,
        Err(error) => {
            let error = error.into();
            messages.report(&error);
            messages.note("the changes have been made, but could not be looked at again");
            return failure::exit_status(&error);
        }
    };
    let rest = Plan::new(&after, &wanted, plan_options(apply));
    if rest.is_empty() {
        return 0;
    }
    let error = ChangedMeanwhile(list_differences(&rest)).into();
    messages.report(&error);
    failure::exit_status(&error)
}

/// Tells which changes were refused, and what became of the others. Returns the exit
/// status.
fn report_failure(
    apply: &Apply,
    description: &Description,
    plan: &Plan,
    before: Current,
    failed: NotCarriedOut,
    client: &mut Client,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    let mut status = 0;
    for (index, error) in failed.refused {
        let place = plan
            .steps()
            .nth(index)
            .map(|step| description.find_place(step));
        let error = anyhow::Error::from(error)
            .context(StepFailed)
            .context(RuleAt {
                file: apply.file.clone(),
                place: place.flatten(),
                names_line: true,
            });
        messages.report(&error);
        if status == 0 {
            status = failure::exit_status(&error);
        }
    }
    if let Undoing::Failed(errors) = failed.undoing {
        for error in errors {
            messages.report(&anyhow::Error::from(error).context(StepFailed));
        }
    }
    let now = client.read_current(&description.wanted, |id| apply.scope.contains(id))?;
    let standing = compare_with_before(before, now);
    if standing.is_empty() {
        messages.note("the table is as it was");
    } else {
        messages.report(&StandingChanges(list_differences(&standing)).into());
    }
    Ok(status)
}

/// Returns the changes that the table has now and had not before.
fn compare_with_before(mut before: Current, mut now: Current) -> Plan {
    // A plan takes flags without a name for a difference, but not all have gone.
    let read_flags = |current: &Current| -> HashMap<ServiceId, u32> {
        let services = current.services.iter();
        services
            .map(|(service, _)| (service.id, service.unknown_flags))
            .collect()
    };
    let (old, new) = (read_flags(&before), read_flags(&now));
    for (service, _) in before.services.iter_mut().chain(&mut now.services) {
        if old.get(&service.id) == new.get(&service.id) {
            service.unknown_flags = 0;
        }
    }
    Plan::new(&before, &Wanted::from(&now), PlanOptions::default())
}

/// Returns a line for each difference, after a line end.
fn list_differences(plan: &Plan) -> String {
    let mut text = b"\n".to_vec();
    // Memory takes everything.
    let _ = write_differences(&mut text, plan, false);
    String::from_utf8_lossy(text.trim_ascii_end()).into_owned()
}
