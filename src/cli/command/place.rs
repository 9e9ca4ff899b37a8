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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_comes_before_its_destinations_and_they_before_the_next() {
        let document = [
            Place::Service(0),
            Place::Destination(0, 0),
            Place::Destination(0, 1),
            Place::Service(1),
            Place::Destination(1, 0),
        ];
        let lines = [Place::Line(1), Place::Line(2)];
        assert!(document.is_sorted_by(|a, b| a.order() < b.order()));
        assert!(lines.is_sorted_by(|a, b| a.order() < b.order()));
    }
}
