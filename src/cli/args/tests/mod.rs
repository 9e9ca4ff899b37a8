// SPDX-License-Identifier: MIT

//! Command lines through the whole of the parser.

pub(crate) mod any;
mod change;
mod commands;
mod connections;
mod doctor;
mod drain;
mod mistakes;
pub(crate) mod plan;
mod update;
mod watch;

use super::error::UsageError;
use crate::{
    args,
    command::{Command, Request},
};

fn request(line: &str) -> Result<Request, UsageError> {
    args::parse(&line.split_whitespace().collect::<Vec<_>>())
}

fn parse(line: &str) -> Result<Command, UsageError> {
    match request(line)? {
        Request::Run(command) => Ok(command),
        other => panic!("{other:?}"),
    }
}

/// Returns the words of the mistake in a line, and the exit status.
fn wrong(line: &str) -> (String, u8) {
    let error = parse(line).expect_err(line);
    (error.to_string(), error.status())
}
