// SPDX-License-Identifier: MIT

//! The mistakes that a JSON document of rules can have, and their words.

use std::{fmt, io};

use ipvs_client::json::SCHEMA_VERSION;

use crate::{args::error::UsageError, scheduler_flags::FlagError};

/// Rules in JSON that cannot be read. Nothing of them has been applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JsonError {
    #[error("{0}")]
    Unreadable(io::Error),
    #[error("line {line}, column {column}: {reason}")]
    Syntax {
        /// The first is 1, as is the first column.
        line: usize,
        column: usize,
        reason: String,
    },
    #[error("{}{fault}", prefix(place))]
    Wrong {
        /// As `services[0].persistence.timeout`; empty for the document itself.
        place: String,
        fault: Fault,
    },
}

impl JsonError {
    /// Says what is wrong, without the place.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Unreadable(reason) => reason.to_string(),
            Self::Syntax { reason, .. } => reason.clone(),
            Self::Wrong { fault, .. } => fault.to_string(),
        }
    }

    /// The line of text that is not JSON, or the place of what is wrong; neither
    /// for the document as a whole.
    pub(crate) fn line_or_place(&self) -> (Option<u64>, Option<String>) {
        match self {
            Self::Unreadable(_) => (None, None),
            Self::Syntax { line, .. } => (u64::try_from(*line).ok(), None),
            Self::Wrong { place, .. } if place.is_empty() => (None, None),
            Self::Wrong { place, .. } => (None, Some(place.clone())),
        }
    }
}

fn prefix(place: &str) -> String {
    match place {
        "" => String::new(),
        place => format!("{place}: "),
    }
}

/// The mistakes that a part of the document can have.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(
        "the rules are JSON of the wrong form: the object that -S --json writes is wanted, not {0}"
    )]
    Form(String),
    #[error("the rules have schema version {0}; this program reads version {SCHEMA_VERSION}")]
    SchemaVersion(u64),
    #[error(
        "the document is from the files that everybody may read (its interface is proc), which \
         do not have all that restores a table"
    )]
    Partial,
    #[error("unknown field {name}{}", meant(*nearest))]
    UnknownField {
        name: String,
        nearest: Option<&'static str>,
    },
    #[error("the field {0} is missing")]
    Missing(&'static str),
    #[error("{wanted} is wanted, not {found}")]
    Wanted { wanted: String, found: String },
    #[error("either protocol, address and port or fwmark must be there, and not both")]
    Identity,
    #[error("the address is not of that family")]
    AddressFamily,
    #[error("only IPv4 has a netmask; IPv6 has a prefix length")]
    NetmaskFamily,
    #[error("netmask and prefix_length say different things")]
    NetmaskAndPrefix,
    #[error("tunneling, and nothing else, has a tunnel")]
    Tunnel,
    #[error("ipip has neither port nor checksum, gue has both, gre has a checksum")]
    TunnelOptions,
    #[error("{0}")]
    Value(#[from] UsageError),
    #[error("{0}")]
    SchedulerFlag(#[from] FlagError),
}

fn meant(nearest: Option<&str>) -> String {
    match nearest {
        Some(name) => format!("; did you mean {name}?"),
        None => String::new(),
    }
}

impl Fault {
    pub(super) fn wanted(wanted: &str, found: &impl fmt::Display) -> Self {
        Self::Wanted {
            wanted: wanted.to_owned(),
            found: found.to_string(),
        }
    }
}
