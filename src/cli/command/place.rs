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
