// SPDX-License-Identifier: MIT

//! `-R`: commands from a file, one a line, or the JSON that `-S --json` writes.

pub(super) mod replace;
mod runner;
#[cfg(test)]
mod tests;

use std::io::{Read, Write};

use self::runner::Runner;
use crate::{
    args::error::STATUS_USAGE,
    command::Restore,
    failure::{self, Messages},
    run::{
        rule_file::{self, Mistakes, Parsed, parse_all},
        session::Session,
    },
};

/// The exit status of --check where there is nothing to carry out.
const STATUS_NO_RULES: u8 = 1;

/// `-R`: carries out each line when it has been read, or only checks all of
/// them. Returns the exit status.
///
/// A refusal of the kernel is reported and the next line is tried. The status
/// is that of the last line; if strict, of the first that failed.
///
/// # Errors
/// A kernel without IPVS or permission ends it, and, unless strict, a line that
/// is wrong in itself. A JSON document that is wrong anywhere is not applied at
/// all.
pub(crate) fn run_rules(
    options: &Restore,
    session: &mut Session,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    let rules = rule_file::open(options.file.as_deref())?;
    if options.check {
        return check_only(options, rules, messages);
    }
    // Also for a file without a single rule.
    session.check()?;
    messages.expect_many();
    Runner::new(session, options, out, messages).read_and_run(rules)
}

/// --check: reports everything that is wrong.
fn check_only(
    options: &Restore,
    rules: impl Read,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    let file = options.file.as_deref();
    let Parsed { rules, errors } = parse_all(file, rules, Mistakes::Every)?;
    if !errors.is_empty() {
        report_all(&errors, messages);
        return Ok(STATUS_USAGE);
    }
    if rules.is_empty() {
        let name = file.map_or("standard input".into(), |file| file.display().to_string());
        messages.report(&NoRules(name).into());
        return Ok(STATUS_NO_RULES);
    }
    let prefix = file.map_or(String::new(), |file| format!("{}: ", file.display()));
    let plural = if rules.len() == 1 { "" } else { "s" };
    let count = rules.len();
    messages.note_to_terminal(&format!("{prefix}{count} rule{plural}, nothing wrong"));
    Ok(0)
}

/// The rules are empty, which is hardly what was meant.
#[derive(Debug, thiserror::Error)]
#[error("no rules in {0}; to clear the table say ipvsadm -C")]
struct NoRules(String);

/// Reports each error; returns the exit status of the first.
fn report_all(errors: &[anyhow::Error], messages: &mut Messages<'_>) -> u8 {
    for error in errors {
        messages.report(error);
    }
    errors.first().map_or(0, failure::exit_status)
}
