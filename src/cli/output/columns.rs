// SPDX-License-Identifier: MIT

//! Lists the columns of the wide table: of each its heading and how it reads its
//! value, and for each view its columns.

use std::cmp::Reverse;

use comfy_table::CellAlignment;
use ipvs_client::{Destination, Interface, Service, Stats};

use super::{
    number::Human,
    words::{method_name, service_details, tunnel_text},
};
use crate::command::View;

/// The text where a service or destination has no value.
const NONE: &str = "-";

/// A column of the wide table.
pub(crate) struct WideColumn {
    /// The two lines of the heading.
    pub(super) heading: &'static str,
    /// Numbers stand right, all else stands left.
    pub(super) alignment: CellAlignment,
    /// It has to be seen in a small window too.
    pub(super) is_essential: bool,
    value: WideValue,
}

/// The value that a service and each of its destinations have in a column.
enum WideValue {
    /// Texts that have nothing to do with one another.
    Text {
        of_service: fn(&Service, &[Destination]) -> String,
        of_destination: fn(&Destination) -> String,
    },
    /// A counter.
    Counter(fn(&Stats) -> u64),
    /// A rate, of which there can be a graph.
    Rate(fn(&Stats) -> u64),
    /// A number of each destination; a service has their sum.
    Sum(fn(&Destination) -> u32),
    /// The share of a destination in the sum of its service, in per cent.
    Share(fn(&Destination) -> Option<u64>),
    /// A number of each destination at which something happens; 0 is none.
    Limit(fn(&Destination) -> u32),
}

/// Returns the columns of a view over an interface, which stand behind the names.
pub(crate) fn columns_of(view: View, interface: Interface) -> &'static [WideColumn] {
    match view {
        // Of tunnels the files do not tell the kind.
        View::Plain if interface == Interface::Proc => &[
            SCHEDULER,
            WEIGHT,
            WEIGHT_SHARE,
            ACTIVE,
            INACTIVE,
            CONNECTION_SHARE,
            DETAILS,
        ],
        View::Plain => &[
            SCHEDULER,
            WEIGHT,
            WEIGHT_SHARE,
            ACTIVE,
            INACTIVE,
            CONNECTION_SHARE,
            DETAILS_WITH_TUNNEL,
        ],
        View::Stats => &[
            CONNECTIONS,
            COUNTED_SHARE,
            IN_PACKETS,
            OUT_PACKETS,
            IN_BYTES,
            OUT_BYTES,
            DETAILS_WITH_SCHEDULER,
        ],
        View::Rate => &[
            CONNECTION_RATE,
            CONNECTION_RATE_SHARE,
            IN_PACKET_RATE,
            OUT_PACKET_RATE,
            IN_BYTE_RATE,
            OUT_BYTE_RATE,
            DETAILS_WITH_SCHEDULER,
        ],
        View::StatsAndRate => &[
            CONNECTIONS,
            COUNTED_SHARE,
            IN_PACKETS,
            OUT_PACKETS,
            IN_BYTES,
            OUT_BYTES,
            CONNECTION_RATE,
            CONNECTION_RATE_SHARE,
            IN_PACKET_RATE,
            OUT_PACKET_RATE,
            IN_BYTE_RATE,
            OUT_BYTE_RATE,
            DETAILS_WITH_SCHEDULER,
        ],
        View::Thresholds => &[
            UPPER_THRESHOLD,
            LOWER_THRESHOLD,
            ACTIVE,
            INACTIVE,
            CONNECTION_SHARE,
            DETAILS_WITH_SCHEDULER,
        ],
        View::PersistentConnections => &[
            WEIGHT,
            WEIGHT_SHARE,
            PERSISTENT,
            ACTIVE,
            INACTIVE,
            CONNECTION_SHARE,
            DETAILS_WITH_SCHEDULER,
        ],
        View::TunnelInfo => &[
            SCHEDULER,
            TUNNEL,
            WEIGHT,
            WEIGHT_SHARE,
            ACTIVE,
            INACTIVE,
            CONNECTION_SHARE,
            DETAILS,
        ],
    }
}

const SCHEDULER: WideColumn = text(
    "Scheduler\nForwarding",
    |service, _| service.settings.scheduler.clone(),
    |one| method_name(one.settings.forwarding_method),
);
const TUNNEL: WideColumn = text(
    "\nTunnel",
    |_, _| NONE.to_owned(),
    |one| tunnel_text(one.settings.forwarding_method).unwrap_or_else(|| NONE.to_owned()),
);
const WEIGHT: WideColumn = number("\nWeight", WideValue::Sum(|one| one.settings.weight));
const WEIGHT_SHARE: WideColumn = number(
    "\n%",
    WideValue::Share(|one| Some(one.settings.weight.into())),
);
const ACTIVE: WideColumn =
    number("\nActive", WideValue::Sum(|one| one.active_connections)).essential();
const INACTIVE: WideColumn =
    number("\nInactive", WideValue::Sum(|one| one.inactive_connections)).essential();
const PERSISTENT: WideColumn = number(
    "\nPersistent",
    WideValue::Sum(|one| one.persistent_connections),
)
.essential();
const CONNECTION_SHARE: WideColumn = number(
    "\n%",
    WideValue::Share(|one| Some(one.present_connections())),
)
.essential();
const UPPER_THRESHOLD: WideColumn = number(
    "Upper\nlimit",
    WideValue::Limit(|one| one.settings.upper_threshold),
)
.essential();
const LOWER_THRESHOLD: WideColumn = number(
    "Lower\nlimit",
    WideValue::Limit(|one| one.settings.lower_threshold),
);

const CONNECTIONS: WideColumn =
    number("\nConns", WideValue::Counter(|stats| stats.connections)).essential();
const COUNTED_SHARE: WideColumn = number(
    "\n%",
    WideValue::Share(|one| one.stats.map(|stats| stats.connections)),
)
.essential();
const IN_PACKETS: WideColumn = number("In\npackets", WideValue::Counter(|stats| stats.in_packets));
const OUT_PACKETS: WideColumn = number(
    "Out\npackets",
    WideValue::Counter(|stats| stats.out_packets),
);
const IN_BYTES: WideColumn = number("In\nbytes", WideValue::Counter(|stats| stats.in_bytes));
const OUT_BYTES: WideColumn = number("Out\nbytes", WideValue::Counter(|stats| stats.out_bytes));

pub(super) const CONNECTION_RATE: WideColumn = number(
    "\nConns/s",
    WideValue::Rate(|stats| stats.connections_per_second),
)
.essential();
const CONNECTION_RATE_SHARE: WideColumn = number(
    "\n%",
    WideValue::Share(|one| one.stats.map(|stats| stats.connections_per_second)),
)
.essential();
const IN_PACKET_RATE: WideColumn = number(
    "In\npackets/s",
    WideValue::Rate(|stats| stats.in_packets_per_second),
);
const OUT_PACKET_RATE: WideColumn = number(
    "Out\npackets/s",
    WideValue::Rate(|stats| stats.out_packets_per_second),
);
const IN_BYTE_RATE: WideColumn = number(
    "In\nbytes/s",
    WideValue::Rate(|stats| stats.in_bytes_per_second),
);
const OUT_BYTE_RATE: WideColumn = number(
    "Out\nbytes/s",
    WideValue::Rate(|stats| stats.out_bytes_per_second),
);

/// Settings of a service that differ from the usual ones. The notice of a destination
/// comes behind it, at the end of the line.
const DETAILS: WideColumn = text("\nDetails", describe_service, |_| String::new());
/// The same, for views that have no column of tunnels.
const DETAILS_WITH_TUNNEL: WideColumn = text("\nDetails", describe_service, |one| {
    tunnel_text(one.settings.forwarding_method).unwrap_or_default()
});
/// The same, for views that have no column of schedulers.
const DETAILS_WITH_SCHEDULER: WideColumn = text(
    "\nDetails",
    |service, destinations| {
        let details = describe_service(service, destinations);
        let scheduler = service.settings.scheduler.as_str();
        let comma = if details.is_empty() { "" } else { ", " };
        format!("{scheduler}{comma}{details}")
    },
    |_| String::new(),
);

fn describe_service(service: &Service, destinations: &[Destination]) -> String {
    let mut details = service_details(&service.settings);
    if destinations.is_empty() {
        details.push("no servers".to_owned());
    }
    details.join(", ")
}

const fn text(
    heading: &'static str,
    of_service: fn(&Service, &[Destination]) -> String,
    of_destination: fn(&Destination) -> String,
) -> WideColumn {
    WideColumn {
        heading,
        alignment: CellAlignment::Left,
        is_essential: false,
        value: WideValue::Text {
            of_service,
            of_destination,
        },
    }
}

const fn number(heading: &'static str, value: WideValue) -> WideColumn {
    WideColumn {
        heading,
        alignment: CellAlignment::Right,
        is_essential: false,
        value,
    }
}

impl WideColumn {
    const fn essential(mut self) -> Self {
        self.is_essential = true;
        self
    }

    /// Returns the heading in one line.
    pub(crate) fn name(&self) -> String {
        self.heading.trim_start().replace('\n', " ")
    }

    /// Returns how the rate is read, if it is one.
    pub(super) fn rate(&self) -> Option<fn(&Stats) -> u64> {
        match self.value {
            WideValue::Rate(count) => Some(count),
            _ => None,
        }
    }

    /// Returns the key that services are sorted by: large numbers come first.
    pub(super) fn service_key(
        &self,
        service: &Service,
        destinations: &[Destination],
    ) -> (Reverse<u64>, String) {
        let number = match self.value {
            WideValue::Text { of_service, .. } => {
                return (Reverse(0), of_service(service, destinations));
            }
            WideValue::Counter(count) | WideValue::Rate(count) => service.stats.as_ref().map(count),
            WideValue::Sum(_) | WideValue::Share(_) => self.sum(destinations),
            WideValue::Limit(_) => None,
        };
        (Reverse(number.unwrap_or(0)), String::new())
    }

    /// Returns the key that the destinations of a service are sorted by.
    pub(super) fn destination_key(&self, destination: &Destination) -> (Reverse<u64>, String) {
        let number = match self.value {
            WideValue::Text { of_destination, .. } => {
                return (Reverse(0), of_destination(destination));
            }
            WideValue::Counter(count) | WideValue::Rate(count) => {
                destination.stats.as_ref().map(count)
            }
            WideValue::Sum(number) | WideValue::Limit(number) => Some(number(destination).into()),
            WideValue::Share(number) => number(destination),
        };
        (Reverse(number.unwrap_or(0)), String::new())
    }

    /// Adds up the numbers of which a service has the sum, or a destination its
    /// share; `None` if one of them is not known, and in other columns.
    pub(super) fn sum(&self, destinations: &[Destination]) -> Option<u64> {
        let numbers = destinations.iter();
        match self.value {
            WideValue::Sum(number) => Some(numbers.map(|one| u64::from(number(one))).sum()),
            WideValue::Share(number) => numbers
                .map(number)
                .try_fold(0_u64, |sum, number| Some(sum.saturating_add(number?))),
            WideValue::Text { .. }
            | WideValue::Counter(_)
            | WideValue::Rate(_)
            | WideValue::Limit(_) => None,
        }
    }

    /// Writes the value of a service with these destinations and their sum.
    pub(super) fn service_text(
        &self,
        service: &Service,
        destinations: &[Destination],
        sum: Option<u64>,
        exact: bool,
    ) -> String {
        match self.value {
            WideValue::Text { of_service, .. } => of_service(service, destinations),
            WideValue::Counter(count) | WideValue::Rate(count) => {
                count_text(count, service.stats, exact)
            }
            WideValue::Sum(_) => sum.map_or_else(|| NONE.to_owned(), |sum| sum.to_string()),
            WideValue::Share(_) | WideValue::Limit(_) => NONE.to_owned(),
        }
    }

    /// Writes the value of a destination, with the sum of its service.
    pub(super) fn destination_text(
        &self,
        destination: &Destination,
        sum: Option<u64>,
        exact: bool,
    ) -> String {
        match self.value {
            WideValue::Text { of_destination, .. } => of_destination(destination),
            WideValue::Counter(count) | WideValue::Rate(count) => {
                count_text(count, destination.stats, exact)
            }
            WideValue::Sum(number) => number(destination).to_string(),
            WideValue::Share(number) => match (number(destination), sum) {
                (Some(part), Some(sum)) => share_text(part, sum),
                _ => NONE.to_owned(),
            },
            WideValue::Limit(number) => match number(destination) {
                0 => "none".to_owned(),
                limit => limit.to_string(),
            },
        }
    }
}

/// Writes a counter or rate, if it is known.
fn count_text(count: fn(&Stats) -> u64, stats: Option<Stats>, exact: bool) -> String {
    stats.map_or_else(
        || NONE.to_owned(),
        |stats| Human::new(count(&stats), exact).to_string(),
    )
}

/// Writes a share in per cent; nothing has no shares.
fn share_text(part: u64, whole: u64) -> String {
    if whole == 0 {
        return NONE.to_owned();
    }
    // Tenths of a per cent, rounded to the nearest.
    let tenths = (u128::from(part) * 2000 + u128::from(whole)) / (u128::from(whole) * 2);
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::share_text;

    #[test]
    fn shares_are_tenths_of_a_per_cent_and_nothing_has_none() {
        for (part, whole, text) in [
            (0, 0, "-"),
            (0, 3, "0.0"),
            (1, 3, "33.3"),
            (2, 3, "66.7"),
            (1, 2000, "0.1"),
            (1, 2001, "0.0"),
            (3, 3, "100.0"),
            (u64::MAX, u64::MAX, "100.0"),
        ] {
            assert_eq!(share_text(part, whole), text, "{part} of {whole}");
        }
    }
}
