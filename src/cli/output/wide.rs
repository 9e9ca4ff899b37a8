// SPDX-License-Identifier: MIT

//! The table for people: nothing is cut, every line is a line, and shares are
//! computed.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use ipvs_client::{AddressFamily, Destination, Info, Protocol, Service, ServiceId, Stats};

use super::{
    line::{Line, Subject, Tone},
    number::{Human, rates, totals},
    text,
    words::{method_name, service_details, tunnel_text},
};
use crate::{command::View, names::Names, table::Entry};

/// For what a line has no value.
const NONE: &str = "-";

/// The lines of the table.
pub(crate) fn wide_lines(
    info: &Info,
    entries: &[Entry],
    view: View,
    exact: bool,
    names: &mut Names,
) -> Vec<Line> {
    let mut lines = vec![
        Line::plain(
            Subject::Heading,
            format!(
                "IP Virtual Server {}, connection table of {} buckets",
                info.version, info.connection_table_size
            ),
        ),
        Line::plain(Subject::Heading, ""),
    ];
    if entries.is_empty() {
        lines.push(Line::plain(
            Subject::Heading,
            "There are no virtual services.",
        ));
        return lines;
    }
    let writer = Writer { view, exact };
    let mut table = writer.table();
    // What each row is about, and what it wants attention for.
    let mut rows = Vec::new();
    for (service, destinations) in entries {
        let sums = Sums::of(view, destinations);
        let name = service_name(&service.id, names);
        table.add_row(writer.service(name, service, destinations, &sums));
        rows.push((Subject::Service(service.id), None));
        for destination in destinations {
            let name = destination_name(&service.id, destination, names);
            let notice = Notice::of(destination);
            table.add_row(writer.destination(name, destination, &sums, notice.as_ref()));
            rows.push((Subject::Destination(service.id, destination.id), notice));
        }
    }
    let texts: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    let headings = texts.len().saturating_sub(rows.len());
    let subjects = std::iter::repeat_n((Subject::Heading, None), headings).chain(rows);
    for (text, (subject, notice)) in texts.into_iter().zip(subjects) {
        // It is the end of the last column.
        let notice = notice.and_then(|notice: Notice| {
            let start = text.strip_suffix(notice.words.as_str())?.len();
            Some((start..text.len(), notice.tone))
        });
        lines.push(Line {
            subject,
            text,
            notice,
        });
    }
    lines
}

struct Writer {
    view: View,
    exact: bool,
}

impl Writer {
    /// A table with headings. What names things stands left, numbers right.
    fn table(&self) -> Table {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        let first = match self.view {
            View::Plain | View::TunnelInfo => {
                vec!["Service\n  Server", "Scheduler\nForwarding"]
            }
            _ => vec!["Service\n  Server"],
        };
        let left = first.len() + usize::from(self.view == View::TunnelInfo);
        let numbers: &[&str] = match self.view {
            View::Plain => &["\nWeight", "\n%", "\nActive", "\nInactive", "\n%"],
            View::Stats => &[
                "\nConns",
                "\n%",
                "In\npackets",
                "Out\npackets",
                "In\nbytes",
                "Out\nbytes",
            ],
            View::Rate => &[
                "\nConns/s",
                "\n%",
                "In\npackets/s",
                "Out\npackets/s",
                "In\nbytes/s",
                "Out\nbytes/s",
            ],
            View::Thresholds => &[
                "Upper\nlimit",
                "Lower\nlimit",
                "\nActive",
                "\nInactive",
                "\n%",
            ],
            View::PersistentConnections => &[
                "\nWeight",
                "\n%",
                "\nPersistent",
                "\nActive",
                "\nInactive",
                "\n%",
            ],
            View::TunnelInfo => &[
                "\nTunnel",
                "\nWeight",
                "\n%",
                "\nActive",
                "\nInactive",
                "\n%",
            ],
        };
        let headings: Vec<&str> = first
            .iter()
            .chain(numbers)
            .chain(["\nDetails"].iter())
            .copied()
            .collect();
        let last = headings.len().saturating_sub(1);
        table.set_header(headings);
        for (number, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if number == last { 0 } else { 2 }));
            if number >= left && number != last {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }

    fn service(
        &self,
        name: String,
        service: &Service,
        destinations: &[Destination],
        sums: &Sums,
    ) -> Vec<Cell> {
        let settings = &service.settings;
        let none = || NONE.to_owned();
        let sum = |value: fn(&Destination) -> u32| {
            destinations
                .iter()
                .map(|destination| u64::from(value(destination)))
                .sum::<u64>()
                .to_string()
        };
        let active = || sum(|destination| destination.active_connections);
        let inactive = || sum(|destination| destination.inactive_connections);
        let mut details = service_details(settings);
        let mut cells = vec![name];
        match self.view {
            View::Plain => cells.extend([
                settings.scheduler.clone(),
                sums.weight.to_string(),
                none(),
                active(),
                inactive(),
                none(),
            ]),
            View::Stats => cells.extend(self.counters(totals(service.stats.as_ref()), none())),
            View::Rate => cells.extend(self.counters(rates(service.stats.as_ref()), none())),
            View::Thresholds => cells.extend([none(), none(), active(), inactive(), none()]),
            View::PersistentConnections => cells.extend([
                sums.weight.to_string(),
                none(),
                sum(|destination| destination.persistent_connections),
                active(),
                inactive(),
                none(),
            ]),
            View::TunnelInfo => cells.extend([
                settings.scheduler.clone(),
                none(),
                sums.weight.to_string(),
                none(),
                active(),
                inactive(),
                none(),
            ]),
        }
        if !matches!(self.view, View::Plain | View::TunnelInfo) {
            details.insert(0, settings.scheduler.clone());
        }
        if destinations.is_empty() {
            details.push("no servers".to_owned());
        }
        cells.push(details.join(", "));
        cells.into_iter().map(Cell::new).collect()
    }

    fn destination(
        &self,
        name: String,
        destination: &Destination,
        sums: &Sums,
        notice: Option<&Notice>,
    ) -> Vec<Cell> {
        let settings = &destination.settings;
        let forwarding = method_name(settings.forwarding_method);
        let tunnel = tunnel_text(settings.forwarding_method);
        let weight = settings.weight.to_string();
        let weight_share = share(settings.weight.into(), sums.weight);
        let active = destination.active_connections.to_string();
        let inactive = destination.inactive_connections.to_string();
        let connection_share = share(connections(self.view, destination), sums.connections);
        let limit = |threshold: u32| match threshold {
            0 => "none".to_owned(),
            threshold => threshold.to_string(),
        };
        let mut details = Vec::new();
        let mut cells = vec![name];
        match self.view {
            View::Plain => {
                details.extend(tunnel);
                cells.extend([
                    forwarding,
                    weight,
                    weight_share,
                    active,
                    inactive,
                    connection_share,
                ]);
            }
            View::Stats => {
                cells.extend(self.counters(totals(destination.stats.as_ref()), connection_share));
            }
            View::Rate => {
                cells.extend(self.counters(rates(destination.stats.as_ref()), connection_share));
            }
            View::Thresholds => cells.extend([
                limit(settings.upper_threshold),
                limit(settings.lower_threshold),
                active,
                inactive,
                connection_share,
            ]),
            View::PersistentConnections => cells.extend([
                weight,
                weight_share,
                destination.persistent_connections.to_string(),
                active,
                inactive,
                connection_share,
            ]),
            View::TunnelInfo => cells.extend([
                forwarding,
                tunnel.unwrap_or_else(|| NONE.to_owned()),
                weight,
                weight_share,
                active,
                inactive,
                connection_share,
            ]),
        }
        details.extend(notice.map(|notice| notice.words.clone()));
        cells.push(details.join(", "));
        cells.into_iter().map(Cell::new).collect()
    }

    /// Connections, their share, packets and bytes.
    fn counters(&self, values: [u64; 5], share: String) -> Vec<String> {
        let mut cells: Vec<String> = values
            .map(|value| Human::new(value, self.exact).to_string())
            .to_vec();
        cells.insert(1, share);
        cells
    }
}

/// What shares are shares of, within a service.
struct Sums {
    weight: u64,
    connections: u64,
}

impl Sums {
    fn of(view: View, destinations: &[Destination]) -> Self {
        let weights = destinations
            .iter()
            .map(|destination| u64::from(destination.settings.weight));
        Self {
            weight: weights.sum(),
            connections: destinations
                .iter()
                .map(|destination| connections(view, destination))
                .fold(0, u64::saturating_add),
        }
    }
}

/// The connections that the view is about: those that there are, those that
/// have been counted, or those of a second.
fn connections(view: View, destination: &Destination) -> u64 {
    let counted = |count: fn(&Stats) -> u64| destination.stats.as_ref().map_or(0, count);
    match view {
        View::Stats => counted(|stats| stats.connections),
        View::Rate => counted(|stats| stats.connections_per_second),
        _ => present_connections(destination),
    }
}

fn present_connections(destination: &Destination) -> u64 {
    u64::from(destination.active_connections) + u64::from(destination.inactive_connections)
}

/// In per cent; none of nothing.
fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return NONE.to_owned();
    }
    // Tenths of a per cent, rounded to the nearest.
    let tenths = (u128::from(part) * 2000 + u128::from(whole)) / (u128::from(whole) * 2);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Why a destination gets no new connections.
#[derive(Clone)]
struct Notice {
    words: String,
    tone: Tone,
}

impl Notice {
    fn of(destination: &Destination) -> Option<Self> {
        let settings = &destination.settings;
        let quiesced = settings.weight == 0;
        let limit = settings.upper_threshold;
        let full = limit > 0 && present_connections(destination) >= limit.into();
        let mut words = Vec::new();
        if quiesced {
            words.push("quiesced".to_owned());
        }
        if full {
            words.push(format!("upper threshold {limit} reached"));
        }
        let tone = if full { Tone::Full } else { Tone::Quiesced };
        (!words.is_empty()).then(|| Self {
            words: words.join(", "),
            tone,
        })
    }
}

fn service_name(id: &ServiceId, names: &mut Names) -> String {
    match *id {
        ServiceId::Address {
            protocol,
            address,
            port,
        } => {
            let mut endpoint = String::new();
            text::push_endpoint(&mut endpoint, names, address, port, protocol);
            match protocol {
                Protocol::Other(number) => format!("{number} {endpoint}"),
                protocol => format!("{protocol} {endpoint}"),
            }
        }
        ServiceId::Fwmark { mark, family } => match family {
            AddressFamily::Ipv4 => format!("FWM {mark}"),
            AddressFamily::Ipv6 => format!("FWM {mark} IPv6"),
        },
    }
}

fn destination_name(service: &ServiceId, destination: &Destination, names: &mut Names) -> String {
    let mut name = "  ".to_owned();
    text::push_endpoint(
        &mut name,
        names,
        destination.id.address,
        destination.id.port,
        text::port_protocol(service),
    );
    name
}

#[cfg(test)]
mod tests {
    use ipvs_client::{DestinationId, DestinationSettings};

    use super::*;

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
            assert_eq!(share(part, whole), text, "{part} of {whole}");
        }
    }

    #[test]
    fn all_that_keeps_new_connections_away_is_said() {
        for (weight, limit, active, inactive, words) in [
            (1, 0, 1000, 1000, None),
            (0, 0, 0, 0, Some("quiesced")),
            (1, 10, 4, 5, None),
            (1, 10, 5, 5, Some("upper threshold 10 reached")),
            (
                1,
                u32::MAX,
                u32::MAX,
                1,
                Some("upper threshold 4294967295 reached"),
            ),
            (0, 10, 11, 0, Some("quiesced, upper threshold 10 reached")),
        ] {
            let mut destination = Destination::new(
                DestinationId::new([10, 0, 0, 1], 80),
                DestinationSettings::masquerading()
                    .weight(weight)
                    .upper_threshold(limit),
            );
            destination.active_connections = active;
            destination.inactive_connections = inactive;
            let notice = Notice::of(&destination);
            assert_eq!(notice.as_ref().map(|notice| notice.words.as_str()), words);
            if let Some(notice) = notice {
                assert_eq!(notice.tone == Tone::Full, limit > 0);
            }
        }
    }
}
