// SPDX-License-Identifier: MIT

//! A command line into the one thing that it asks for. Nothing after this
//! looks at options again.

pub(crate) mod address;
mod check;
pub(crate) mod error;
pub(crate) mod help;
pub(crate) mod netmask;
pub(crate) mod number;
pub(crate) mod options;
mod raw;
pub(crate) mod rules;
pub(crate) mod scan;
#[cfg(test)]
mod tests;

use std::net::Ipv6Addr;

use self::raw::{RawOptions, role};
use crate::{
    args::{
        error::UsageError,
        options::{CommandName, Name},
        rules::Kinds,
        scan::{Scanner, Token},
    },
    command::Request,
};

/// The wording of a change, by which it shows that it does more than its words
/// say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wording {
    /// The kinds of setting that the command line names.
    pub(crate) named: Kinds,
    /// The port of -r, which only masquerading keeps.
    pub(crate) server_port: Option<u16>,
    /// The address and port that the virtual service may be meant for where its
    /// address was read without a port ([`address::trailing_port`]).
    ///
    /// [`address::trailing_port`]: crate::args::address::trailing_port
    pub(crate) service_tail: Option<(Ipv6Addr, u16)>,
    /// The same of the real server.
    pub(crate) server_tail: Option<(Ipv6Addr, u16)>,
}

/// Reads the words that follow the program's name. None at all list the table.
///
/// # Errors
/// The first word that is wrong decides, then the rules about which options go
/// together.
pub(crate) fn parse(words: &[&str]) -> Result<Request, UsageError> {
    take(words)?.check()
}

/// Reads the words that a person may have typed, as [`parse`] does.
///
/// # Errors
/// Those of [`parse`].
pub(crate) fn parse_typed(words: &[&str]) -> Result<(Request, Wording), UsageError> {
    let options = take(words)?;
    let wording = options.wording();
    Ok((options.check()?, wording))
}

/// Reads a line of words that are known to be right.
#[cfg(test)]
pub(crate) fn parse_command(line: &str) -> crate::command::Command {
    match parse(&line.split(' ').collect::<Vec<_>>()) {
        Ok(Request::Run(command)) => command,
        other => panic!("{line}: {other:?}"),
    }
}

/// Takes the words one after the other.
fn take<'a>(words: &'a [&'a str]) -> Result<RawOptions<'a>, UsageError> {
    if words.is_empty() {
        return Ok(RawOptions::new(CommandName::List));
    }
    let mut scanner = Scanner::new(words);
    let mut arguments = Vec::new();
    // The first option is the command; arguments may come before it.
    let (spec, first_value) = loop {
        match scanner.next() {
            Some(Ok(Token::Argument(word))) => arguments.push(word),
            Some(Ok(Token::Option { spec, value, .. })) => break (spec, value),
            Some(Err(_)) | None => return Err(UsageError::NoCommand),
        }
    };
    let Name::Command(command) = spec.name else {
        return Err(UsageError::NoCommand);
    };
    let mut options = RawOptions::new(command);
    match command {
        // Whatever follows.
        CommandName::Help => return Ok(options),
        CommandName::Version => {
            if words.contains(&"--json") {
                options.write_json();
            }
            return Ok(options);
        }
        CommandName::StartDaemon => {
            options.role = role(first_value).ok_or(UsageError::StartRole)?;
        }
        CommandName::StopDaemon => {
            options.role = role(first_value).ok_or(UsageError::StopRole)?;
        }
        _ => {}
    }
    options.arguments = arguments;
    for token in scanner {
        match token? {
            Token::Argument(word) => options.arguments.push(word),
            Token::Option {
                spec,
                value,
                last_word,
            } => match spec.name {
                Name::Command(_) => {
                    return Err(UsageError::SecondCommand(last_word.to_owned()));
                }
                Name::Option(option) => options.take(option, value)?,
            },
        }
    }
    Ok(options)
}
