// SPDX-License-Identifier: MIT

//! Turns a command line into the request that it is. Nothing after this looks at
//! options again.

pub(crate) mod address;
mod check;
pub(crate) mod error;
pub(crate) mod help;
pub(crate) mod name;
pub(crate) mod namespace;
pub(crate) mod netmask;
pub(crate) mod number;
pub(crate) mod options;
mod raw;
pub(crate) mod rules;
pub(crate) mod scan;
pub(crate) mod scripts;
pub(crate) mod spec;
#[cfg(test)]
pub(crate) mod tests;
mod word_list;

use std::net::Ipv6Addr;

use ipvs_client::Interface;

use self::{
    error::UsageError,
    name::{CommandName, Groups},
    raw::{RawOptions, Typed},
    scan::{Scanner, Token},
};
use crate::command::Request;

/// The wording of a change, by which it shows that it does more than its words
/// say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wording {
    /// The options that the command line has.
    pub(crate) given: Groups,
    /// The port of -r, which only masquerading keeps.
    pub(crate) server_port: Option<u16>,
    /// The address and port that the virtual service may be meant for where its
    /// address was read without a port ([`address::split_trailing_port`]).
    ///
    /// [`address::split_trailing_port`]: crate::args::address::split_trailing_port
    pub(crate) service_tail: Option<(Ipv6Addr, u16)>,
    /// The same of the real server.
    pub(crate) server_tail: Option<(Ipv6Addr, u16)>,
}

impl Wording {
    fn new(options: &RawOptions<'_>) -> Self {
        fn tail<T>(typed: &Option<Typed<'_, T>>) -> Option<(Ipv6Addr, u16)> {
            address::split_trailing_port(typed.as_ref()?.text)
        }
        Self {
            given: options.given,
            server_port: options.server.as_ref().and_then(|server| server.value.1),
            service_tail: tail(&options.service),
            server_tail: tail(&options.server),
        }
    }
}

/// Reads the words that follow the program's name. None at all list the table.
///
/// # Errors
/// The first word that is wrong decides, then the rules about which options go
/// together.
pub(crate) fn parse(words: &[&str]) -> Result<Request, UsageError> {
    let mut options = RawOptions::default();
    let command = read_options(words, &mut options)?;
    check::make_request(command, &mut options)
}

/// A command line that a person may have typed.
#[derive(Debug)]
pub(crate) struct TypedRequest {
    pub(crate) request: Request,
    pub(crate) wording: Wording,
    /// The interface of the kernel that is to be used, and no other.
    pub(crate) interface: Option<Interface>,
}

/// Reads the words that a person may have typed, as [`parse`] does.
///
/// # Errors
/// Those of [`parse`].
pub(crate) fn parse_typed(words: &[&str]) -> Result<TypedRequest, UsageError> {
    let mut options = RawOptions::default();
    let command = read_options(words, &mut options)?;
    Ok(TypedRequest {
        wording: Wording::new(&options),
        interface: options.kernel_interface,
        request: check::make_request(command, &mut options)?,
    })
}

/// Reads the words of a rule, as [`parse`] does.
///
/// # Errors
/// Those of [`parse`], and an option that only a command line may have.
pub(crate) fn parse_rule(words: &[&str]) -> Result<Request, UsageError> {
    let mut options = RawOptions::default();
    let command = read_options(words, &mut options)?;
    for group in [name::NETNS, name::INTERFACE] {
        if options.given.contains(group) {
            return Err(UsageError::InRule(group));
        }
    }
    let request = check::make_request(command, &mut options)?;
    if command == CommandName::List {
        rules::check_listing_in_rule(options.given)?;
    }
    Ok(request)
}

/// Reads a line of words that are known to be right.
#[cfg(test)]
pub(crate) fn parse_command(line: &str) -> crate::command::Command {
    match parse(&line.split(' ').collect::<Vec<_>>()) {
        Ok(Request::Run(command)) => command,
        other => panic!("{line}: {other:?}"),
    }
}

/// Reads the words one after the other. Returns the command, and adds the options
/// to those that there are.
fn read_options<'a>(
    words: &'a [&'a str],
    options: &mut RawOptions<'a>,
) -> Result<CommandName, UsageError> {
    if words.is_empty() {
        return Ok(CommandName::List);
    }
    let mut scanner = Scanner::new(words);
    let mut arguments = Vec::new();
    // The first option is the command, but for those that may lead; arguments may
    // come before it.
    let (spec, first_value) = loop {
        match scanner.next() {
            Some(Ok(Token::Argument(word))) => arguments.push(word),
            Some(Ok(Token::Option { spec, value, .. })) if spec.may_lead => {
                spec.apply(options, value)?;
            }
            Some(Ok(Token::Option { spec, value, .. })) => break (spec, value),
            None if options.given != Groups::NONE && arguments.is_empty() => {
                return Ok(CommandName::List);
            }
            Some(Err(_)) | None => return Err(UsageError::NoCommand),
        }
    };
    let command = spec.command().ok_or(UsageError::NoCommand)?;
    options.command = Some(command);
    if let CommandName::Help | CommandName::Version = command {
        // The other words do not matter.
        options.given = Groups::NONE;
        if command == CommandName::Version && words.contains(&"--json") {
            options.given.insert(name::JSON);
        }
        return Ok(command);
    }
    spec.apply(options, first_value)?;
    options.arguments = arguments;
    for token in scanner {
        match token? {
            Token::Argument(word) => options.arguments.push(word),
            Token::Option {
                spec,
                value,
                last_word,
            } => {
                if spec.command().is_some() {
                    return Err(UsageError::SecondCommand(last_word.to_owned()));
                }
                spec.apply(options, value)?;
            }
        }
    }
    Ok(command)
}
