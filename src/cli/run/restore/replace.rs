// SPDX-License-Identifier: MIT

//! `ipvsadm-restore`: puts rules in the place of the table.

use std::io::{Read, Write};

use ipvs_client::{
    Change,
    plan::{Plan, PlanOptions, Step},
};

use super::{check_only, report_all, runner::Runner};
use crate::{
    command::{Command, Restore, place::Place},
    failure::{self, FailedCommand, Messages, RuleAt},
    run::{
        self,
        apply::description::Description,
        rule_file::{Mistakes, Parsed, Rule, parse_all},
        session::Session,
    },
};

/// The options of `ipvsadm-restore`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::run) struct Replace {
    /// Those that -R has too.
    pub(in crate::run) restore: Restore,
    /// Real servers that are there keep their weight.
    pub(in crate::run) keep_weights: bool,
}

/// Puts the rules in the place of the table, or only checks them. Returns the exit
/// status, as [`run_rules`](super::run_rules) does.
///
/// All of it is read and checked before the table is touched, as far as that
/// takes no kernel: it would be lost, and the rules may be what `ipvsadm-save`
/// is still reading from it.
///
/// # Errors
/// Where the rules cannot be read, or IPVS is not there.
pub(in crate::run) fn replace_table(
    replace: &Replace,
    rules: impl Read,
    session: &mut Session,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    let options = &replace.restore;
    if options.check {
        return check_only(options, rules, messages);
    }
    messages.expect_many();
    let file = options.file.as_deref();
    let mistakes = match options.strict {
        true => Mistakes::Every,
        false => Mistakes::First,
    };
    let Parsed { rules, errors } = parse_all(file, rules, mistakes)?;
    if let Some(error) = errors.first() {
        let status = report_all(&errors, messages);
        messages.note(&match error.downcast_ref::<RuleAt>() {
            Some(&RuleAt {
                place: Some(place),
                names_line: false,
                ..
            }) => format!("{place} is wrong: the table is as it was"),
            _ => "the table is as it was".to_owned(),
        });
        return Ok(status);
    }
    // What is wrong with the way to the table, clearing it tells.
    if session.stay_locked().is_ok()
        && let Some((description, plan)) = plan(replace, &rules, session)
    {
        return change_table(options, &rules, &description, &plan, session, messages);
    }
    if replace.keep_weights {
        messages.note("these rules do more than describe a table, or none: weights are not kept");
    }
    match run::execute(&Command::Change(Change::Flush), session, out) {
        Ok(()) if rules.is_empty() => {
            messages.note_to_terminal("no rules on standard input: the table has been cleared");
        }
        Ok(()) => {}
        // The original tries its luck with the rules all the same.
        Err(error) => messages.report(&error),
    }
    session.check()?;
    Runner::new(session, options, out, messages).run(rules)
}

/// Compares the table with rules that describe one, and at least one virtual service.
/// When that is not so, or the table cannot be read, clearing it is the way.
fn plan(replace: &Replace, rules: &[Rule], session: &mut Session) -> Option<(Description, Plan)> {
    let (description, wrong) = Description::take(rules);
    if !wrong.is_empty() || description.wanted.is_empty() {
        return None;
    }
    let client = session.client().ok()?;
    let current = client.read_current(&description.wanted, |_| true).ok()?;
    let mut options = PlanOptions::default();
    options.keep_weights = replace.keep_weights;
    let plan = Plan::new(&current, &description.wanted, options);
    Some((description, plan))
}

/// Finds the rule at a place, of rules in the order of the file: thousands may be refused.
fn find_rule(rules: &[Rule], place: Place) -> Option<&Rule> {
    let index = rules.binary_search_by_key(&place.order(), |(known, _)| known.order());
    rules.get(index.ok()?)
}

/// Makes the changes that the kernel takes; reports the others as the rules that ask
/// for them. Returns the exit status.
fn change_table(
    options: &Restore,
    rules: &[Rule],
    description: &Description,
    plan: &Plan,
    session: &mut Session,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    let refused = session.client()?.carry_out_each(plan)?;
    let steps: Vec<&Step> = plan.steps().collect();
    let mut failures: Vec<_> = refused
        .into_iter()
        .map(|(index, error)| {
            let step = steps.get(index);
            (step.and_then(|step| description.find_place(step)), error)
        })
        .collect();
    // What has no place is removed last.
    failures.sort_by_key(|(place, _)| (place.is_none(), place.map(|place| place.order())));
    let last = rules.last().map(|(place, _)| *place);
    let mut status = 0;
    for (place, error) in failures {
        let mut error = anyhow::Error::from(error);
        if let Some((_, command)) = place.and_then(|place| find_rule(rules, place)) {
            error = error.context(FailedCommand(command.clone()));
        }
        let error = error.context(RuleAt {
            file: options.file.clone(),
            place,
            names_line: options.strict || options.file.is_some(),
        });
        messages.report(&error);
        // As when each rule is carried out in turn: the first that failed decides, or
        // else the last rule.
        if status == 0 && (options.strict || place == last || place.is_none()) {
            status = failure::exit_status(&error);
        }
    }
    Ok(status)
}
