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
        CommandLine, FailedCommand, Incomplete, InputError, OutputFileError, RuleAt, StdoutError,
        changes, flush, is_closed_pipe, is_unavailable, status,
    },
    messages::Messages,
};
