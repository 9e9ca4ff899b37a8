// SPDX-License-Identifier: MIT

//! Hints about failures: one line that says what a person may do. It depends on
//! what was asked, on the kernel's reason, and on facts about the system, is given
//! where its condition is certain, and says what the error does not.

mod effect;
mod endpoint;
mod namespace;
mod nearby;
mod nearly;
mod refusal;
#[cfg(test)]
mod tests;
mod usage;
mod view;

use ipvs_client::{Error, NamespaceError};

use self::nearby::Nearby;
pub(crate) use self::{effect::Before, view::explain_missing_columns};
use super::facts::Facts;
use crate::{args::error::UsageError, command::Command};

/// Returns the hint for a command line that asks for nothing that can be done.
pub(crate) fn explain_usage(error: &UsageError, words: &[String]) -> Option<String> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    usage::find_hint(error, &words)
}

/// Returns the hint for a network namespace that was not entered.
pub(crate) fn explain_namespace(error: &NamespaceError, facts: &Facts) -> Option<String> {
    namespace::find_hint(error, facts)
}

/// Returns the hint for a command that failed. Where something was not found, the
/// table says what may have been meant, if it may be read.
pub(crate) fn explain_failure(
    error: &Error,
    command: Option<&Command>,
    facts: &Facts,
    may_read_table: bool,
) -> Option<String> {
    let nearby = || match may_read_table {
        true => Nearby::read(error),
        false => Nearby::default(),
    };
    refusal::find_hint(error, command, facts, nearby)
}
