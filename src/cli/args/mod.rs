// SPDX-License-Identifier: MIT

//! A command line into the one thing that it asks for. Nothing after this
//! looks at options again.

pub(crate) mod address;
mod check;
pub(crate) mod error;
pub(crate) mod help;
pub(crate) mod options;
mod raw;
pub(crate) mod rules;
pub(crate) mod scan;
#[cfg(test)]
mod tests;
pub(crate) mod values;

use std::{net::Ipv6Addr, path::PathBuf, time::Duration};

use ipvs_client::{Change, DaemonRole, ServiceId, SyncDaemon};

use self::raw::{Given, role};
use crate::args::{
    error::UsageError,
    options::{CommandName, Name},
    rules::Kinds,
    scan::{Scanner, Token},
};

/// Of a synchronization daemon, without --mcast-interface.
pub(crate) const DEFAULT_INTERFACE: &str = "eth0";

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// A change to virtual services, real servers, counters or timeouts.
    Change(Change),
    Restore(Restore),
    Save {
        numeric: bool,
        format: Format,
    },
    List(List, Format),
    Watch(ListTable, Format, Watch),
    Metrics(Metrics),
    StartDaemon(SyncDaemon),
    StopDaemon(DaemonRole),
    Help,
    Version(Format),
}

/// The options of -R and `ipvsadm-restore`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Restore {
    /// Every line that fails counts, by its number.
    pub(crate) strict: bool,
    /// They are only checked.
    pub(crate) check: bool,
    /// Standard input if not given.
    pub(crate) file: Option<PathBuf>,
}

/// How what is asked for is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The original's columns and lines.
    Classic,
    /// Columns for people, with nothing cut; of the table alone.
    Wide,
    Json,
}

/// A table that is shown again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watch {
    pub(crate) interval: Duration,
    /// How often; without end if not given.
    pub(crate) count: Option<u32>,
}

/// The table as OpenMetrics text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Metrics {
    /// One service, or all.
    pub(crate) service: Option<ServiceId>,
    /// A series for each destination, too.
    pub(crate) destinations: bool,
    /// Instead of standard output.
    pub(crate) file: Option<PathBuf>,
}

/// What to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Table(ListTable),
    Connections { numeric: bool, engine_data: bool },
    Timeouts,
    Daemons,
}

/// How to show virtual services and their destinations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListTable {
    /// One service, or all.
    pub(crate) service: Option<ServiceId>,
    pub(crate) view: View,
    pub(crate) numeric: bool,
    /// All digits of large numbers.
    pub(crate) exact: bool,
    /// By address and port; else in the kernel's order.
    pub(crate) sorted: bool,
}

/// The columns of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Plain,
    Stats,
    Rate,
    Thresholds,
    PersistentConnections,
    TunnelInfo,
}

impl View {
    /// Whether the view shows counters or rates.
    pub(crate) fn has_counters(self) -> bool {
        matches!(self, Self::Stats | Self::Rate)
    }
}

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

impl Command {
    /// Reads the words that follow the program's name. None at all list the
    /// table.
    ///
    /// # Errors
    /// The first word that is wrong decides, then the rules about which
    /// options go together.
    pub(crate) fn parse(words: &[&str]) -> Result<Self, UsageError> {
        given(words)?.finish()
    }

    /// As [`parse`](Self::parse), for a command line that a person may have
    /// typed.
    pub(crate) fn parse_typed(words: &[&str]) -> Result<(Self, Wording), UsageError> {
        let given = given(words)?;
        let wording = given.wording();
        Ok((given.finish()?, wording))
    }
}

/// Takes the words one after the other.
fn given<'a>(words: &'a [&'a str]) -> Result<Given<'a>, UsageError> {
    if words.is_empty() {
        return Ok(Given::new(CommandName::List));
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
    let mut given = Given::new(command);
    match command {
        // Whatever follows.
        CommandName::Help => return Ok(given),
        CommandName::Version => {
            if words.contains(&"--json") {
                given.write_json();
            }
            return Ok(given);
        }
        CommandName::StartDaemon => {
            given.role = role(first_value).ok_or(UsageError::StartRole)?;
        }
        CommandName::StopDaemon => {
            given.role = role(first_value).ok_or(UsageError::StopRole)?;
        }
        _ => {}
    }
    given.arguments = arguments;
    for token in scanner {
        match token? {
            Token::Argument(word) => given.arguments.push(word),
            Token::Option {
                spec,
                value,
                last_word,
            } => match spec.name {
                Name::Command(_) => {
                    return Err(UsageError::SecondCommand(last_word.to_owned()));
                }
                Name::Option(option) => given.take(option, value)?,
            },
        }
    }
    Ok(given)
}
