// SPDX-License-Identifier: MIT

//! Names the place of a rule in a file of rules.

use std::fmt;

/// The place of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A line; the first is 1.
    Line(u64),
    /// A service of a JSON document; the first is 0.
    Service(usize),
    /// A service of a JSON document, and one of its destinations.
    Destination(usize, usize),
}

impl Place {
    /// Returns what orders the places of a file.
    pub(crate) fn order(self) -> (u64, usize) {
        match self {
            Self::Line(number) => (number, 0),
            Self::Service(service) => (service as u64, 0),
            Self::Destination(service, destination) => (service as u64, destination + 1),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Service(service) => write!(f, "services[{service}]"),
            Self::Destination(service, destination) => {
                write!(f, "services[{service}].destinations[{destination}]")
            }
        }
    }
}
