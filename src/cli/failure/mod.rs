// SPDX-License-Identifier: MIT

//! Failures: their types and exit statuses, their words, and the hints about
//! them.

mod error;
mod facts;
pub(crate) mod hint;
mod messages;
mod object;
mod words;

pub(crate) use self::{
    error::{
        ChangedMeanwhile, CommandLine, DescriptionError, FailedCommand, HiddenUnknown, Incomplete,
        InputError, LockError, NoOldWeight, NotLoaded, NotShown, NothingDescribed, NothingToDrain,
        OutputFileError, RuleAt, SetIdError, StandingChanges, StateError, StdoutError, StepFailed,
        after_changes, exit_status, flush, is_change, is_unavailable,
    },
    facts::may_administer,
    messages::Messages,
};
