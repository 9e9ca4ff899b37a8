// SPDX-License-Identifier: MIT

//! Counts of connections: a line each, for programs that read words, or as a table for
//! people.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use ipvs_client::{
    AddressFamily, ConnectionGroup, ConnectionOwner, ConnectionSummary, Protocol, ServiceId,
};

use super::{connections::push_owner, text};
use crate::{command::choice::CONNECTION_STATES, names::Names};

/// Blanks between two columns.
const GAP: u16 = 2;

/// Writes a line for each service, server and state, and one for each of the clients.
pub(crate) fn write_summary(
    mut out: impl Write,
    summary: &ConnectionSummary<'_>,
    clients: usize,
    mut names: Names,
) -> io::Result<()> {
    writeln!(
        out,
        "IPVS connection summary (connections={} templates={} clients={})\n\
         pro  state       virtual            destination             conns templates",
        summary.connections(),
        summary.templates(),
        summary.clients()
    )?;
    for group in summary.groups() {
        let (protocol, service) = name_owner(&group.owner, &mut names);
        let server = name_server(&group, &mut names);
        let (connections, templates) = match group.is_template {
            false => (group.count, 0),
            true => (0, group.count),
        };
        writeln!(
            out,
            "{protocol:<4} {:<11} {service:<18} {server:<18} {connections:>10} {templates:>9}",
            group.state
        )?;
    }
    let busiest = summary.busiest_clients(clients);
    if !busiest.is_empty() {
        writeln!(out, "\nclient                  conns")?;
    }
    for (client, count) in busiest {
        let mut name = String::new();
        text::push_address_or_name(&mut name, &mut names, client);
        writeln!(out, "{name:<18} {count:>10}")?;
    }
    Ok(())
}

/// Returns the protocol and the address of a service, each a word.
fn name_owner(owner: &ConnectionOwner<'_>, names: &mut Names) -> (String, String) {
    match owner {
        ConnectionOwner::Service(ServiceId::Address {
            protocol,
            address,
            port,
        }) => {
            let mut end = String::new();
            text::push_endpoint(&mut end, names, *address, *port, *protocol);
            let protocol = match protocol {
                Protocol::Other(number) => number.to_string(),
                protocol => protocol.to_string(),
            };
            (protocol, end)
        }
        ConnectionOwner::Service(mark) => name_marks(std::slice::from_ref(mark)),
        ConnectionOwner::OneOf(marks) => name_marks(marks),
        ConnectionOwner::Gone => ("-".to_owned(), "-".to_owned()),
    }
}

/// Returns a word for the family and the marks with commas between them.
fn name_marks(marks: &[ServiceId]) -> (String, String) {
    let family = match marks.first().map(ServiceId::family) {
        Some(AddressFamily::Ipv6) => "FWM6",
        _ => "FWM",
    };
    let numbers = marks.iter().filter_map(|mark| match mark {
        ServiceId::Fwmark { mark, .. } => Some(mark.to_string()),
        ServiceId::Address { .. } => None,
    });
    (family.to_owned(), numbers.collect::<Vec<_>>().join(","))
}

fn name_server(group: &ConnectionGroup<'_>, names: &mut Names) -> String {
    let protocol = match &group.owner {
        ConnectionOwner::Service(id) => text::port_protocol(id),
        ConnectionOwner::OneOf(_) | ConnectionOwner::Gone => Protocol::Other(0),
    };
    let end = group.destination;
    let mut name = String::new();
    text::push_endpoint(&mut name, names, end.ip(), end.port(), protocol);
    name
}

/// The counts of a row.
#[derive(Clone, Debug, Default)]
struct Counts {
    connections: u64,
    templates: u64,
    /// In the order of the columns.
    states: Vec<u64>,
}

impl Counts {
    fn add(&mut self, group: &ConnectionGroup<'_>, states: &[&str]) {
        if group.is_template {
            self.templates += group.count;
            return;
        }
        self.connections += group.count;
        self.states.resize(states.len(), 0);
        let counts = self.states.iter_mut().zip(states);
        for (count, _) in counts.filter(|(_, state)| **state == group.state) {
            *count += group.count;
        }
    }

    fn cells(&self, name: String, of: u64, states: &[&str]) -> Vec<String> {
        let mut cells = vec![
            name,
            self.connections.to_string(),
            share(self.connections, of),
            blank_zero(self.templates),
        ];
        let state = |place| self.states.get(place).copied().unwrap_or_default();
        cells.extend((0..states.len()).map(|place| blank_zero(state(place))));
        cells
    }
}

/// Writes a table of services and servers with their states, and one of clients.
pub(crate) fn write_wide_summary(
    mut out: impl Write,
    summary: &ConnectionSummary<'_>,
    clients: usize,
    mut names: Names,
) -> io::Result<()> {
    let all = summary.connections();
    writeln!(
        out,
        "{} of {}, {}",
        count(all, "connection"),
        count(summary.clients() as u64, "client"),
        count(summary.templates(), "persistence template")
    )?;
    let groups = summary.groups();
    if groups.is_empty() {
        return Ok(());
    }
    let states = find_states(&groups);
    let headings = ["Service\n  Server", "Connections", "%", "Templates"];
    let mut table = new_table(headings.iter().chain(&states));
    for service in groups.chunk_by(|a, b| a.owner == b.owner) {
        let mut sum = Counts::default();
        service.iter().for_each(|group| sum.add(group, &states));
        let mut name = String::new();
        match service.first().map(|group| group.owner) {
            Some(ConnectionOwner::Gone) | None => name.push_str("(no virtual service)"),
            Some(owner) => push_owner(&mut name, &owner, &mut names),
        }
        table.add_row(sum.cells(name, all, &states));
        for server in service.chunk_by(|a, b| a.destination == b.destination) {
            let mut counts = Counts::default();
            server.iter().for_each(|group| counts.add(group, &states));
            let name = server.first().map(|group| name_server(group, &mut names));
            let name = format!("  {}", name.unwrap_or_default());
            table.add_row(counts.cells(name, sum.connections, &states));
        }
    }
    write_table(&mut out, &table)?;
    let busiest = summary.busiest_clients(clients);
    if busiest.is_empty() {
        return Ok(());
    }
    let mut table = new_table(["Client", "Connections", "%"].iter());
    for (client, count) in busiest {
        let mut name = String::new();
        text::push_address_or_name(&mut name, &mut names, client);
        table.add_row([name, count.to_string(), share(count.into(), all)]);
    }
    write_table(&mut out, &table)
}

/// Returns the states that connections have, in the order in which they come; last those
/// that this program does not know.
fn find_states<'a>(groups: &[ConnectionGroup<'a>]) -> Vec<&'a str> {
    let connections = groups.iter().filter(|group| !group.is_template);
    let mut states: Vec<&str> = connections.map(|group| group.state).collect();
    let place = |state: &&str| {
        let known = CONNECTION_STATES
            .iter()
            .position(|known| known.name == *state);
        (
            known.unwrap_or(CONNECTION_STATES.len()),
            (*state).to_owned(),
        )
    };
    states.sort_by_cached_key(place);
    states.dedup();
    states
}

fn new_table<'a>(headings: impl Iterator<Item = &'a &'a str>) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(headings.copied());
    for (number, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, GAP));
        if number > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn write_table(out: &mut impl Write, table: &Table) -> io::Result<()> {
    writeln!(out)?;
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn count(number: u64, word: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {word}{plural}")
}

fn share(part: u64, of: u64) -> String {
    match of {
        0 => "-".to_owned(),
        of => format!("{:.1}", part as f64 * 100.0 / of as f64),
    }
}

/// A table is easier to read without zeros.
fn blank_zero(number: u64) -> String {
    match number {
        0 => String::new(),
        number => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use ipvs_client::{ConnectionServices, Connections, Service, ServiceSettings};

    use super::*;

    const LINES: &str = "headings\n\
        TCP 0A000009 0001 0A000001 0050 0A000102 0050 ESTABLISHED 1\n\
        TCP 0A000009 0002 0A000001 0050 0A000102 0050 ESTABLISHED 1\n\
        TCP 0A000008 0002 0A000001 0050 0A000103 0050 TIME_WAIT 1\n\
        TCP 0A000009 0000 0A000001 0050 0A000102 0050 ASSURED 1\n\
        UDP 0A000007 0002 0A000005 0035 0A000202 0035 UDP 1\n\
        TCP 0A000006 0002 0A000006 0035 0A000302 0035 FIN_WAIT 1\n\
        TCP 2001:0db8:0000:0000:0000:0000:0000:0009 0002 2001:0db8:0000:0000:0000:0000:0000:0001 \
        0050 2001:0db8:0000:0000:0000:0000:0000:0002 0050 NEW_STATE 1\n\
        IP  0A000009 0000 00000002 0000 0A000202 0000 NONE 1\n";

    const TABLE: &[(&str, &[&str])] = &[
        ("TCP 10.0.0.1:80", &["10.0.1.2:80", "10.0.1.3:80"]),
        ("TCP [2001:db8::1]:80", &["[2001:db8::2]:80"]),
        ("fwmark 1", &["10.0.2.2:0"]),
        ("fwmark 2", &["10.0.2.2:0"]),
    ];

    fn with_summary(lines: &str, act: impl FnOnce(&mut Vec<u8>, &ConnectionSummary<'_>)) -> String {
        let services = ConnectionServices::new(TABLE.iter().map(|(name, destinations)| {
            let service = Service::new(name.parse().unwrap(), ServiceSettings::new("rr"));
            let destinations = destinations.iter().map(|one| one.parse().unwrap());
            (service, destinations.collect())
        }));
        let mut summary = ConnectionSummary::new(&services);
        let mut connections = Connections::new(lines.as_bytes()).unwrap();
        while let Some(connection) = connections.next_connection().unwrap() {
            summary.add(&connection);
        }
        let mut out = Vec::new();
        act(&mut out, &summary);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_have_a_word_in_every_column() {
        let lines = with_summary(LINES, |out, summary| {
            write_summary(out, summary, 2, Names::new(true)).unwrap();
        });
        let wanted = "\
IPVS connection summary (connections=6 templates=2 clients=5)
pro  state       virtual            destination             conns templates
TCP  ESTABLISHED 10.0.0.1:80        10.0.1.2:80                 2         0
TCP  ASSURED     10.0.0.1:80        10.0.1.2:80                 0         1
TCP  TIME_WAIT   10.0.0.1:80        10.0.1.3:80                 1         0
TCP  NEW_STATE   [2001:db8::1]:80   [2001:db8::2]:80            1         0
FWM  NONE        2                  10.0.2.2:0                  0         1
FWM  UDP         1,2                10.0.2.2:0                  1         0
-    FIN_WAIT    -                  10.0.3.2:0                  1         0

client                  conns
10.0.0.9                    2
10.0.0.6                    1
";
        assert_eq!(lines, wanted);
        let words = lines.lines().skip(1).take(8);
        assert!(
            words
                .map(|line| line.split_whitespace().count())
                .all(|count| count == 6)
        );
    }

    #[test]
    fn people_see_a_column_for_each_state_and_shares() {
        let table = with_summary(LINES, |out, summary| {
            write_wide_summary(out, summary, 10, Names::new(true)).unwrap();
        });
        let wanted = "\
6 connections of 5 clients, 2 persistence templates

Service               Connections      %  Templates  ESTABLISHED  FIN_WAIT  TIME_WAIT  UDP  NEW_STATE
  Server
TCP 10.0.0.1:80                 3   50.0          1            2                    1
  10.0.1.2:80                   2   66.7          1            2
  10.0.1.3:80                   1   33.3                                            1
TCP [2001:db8::1]:80            1   16.7                                                            1
  [2001:db8::2]:80              1  100.0                                                            1
FWM 2                           0    0.0          1
  10.0.2.2:0                    0      -          1
FWM 1 or FWM 2                  1   16.7                                                 1
  10.0.2.2:0                    1  100.0                                                 1
(no virtual service)            1   16.7                                 1
  10.0.3.2:0                    1  100.0                                 1

Client       Connections     %
10.0.0.9               2  33.3
10.0.0.6               1  16.7
10.0.0.7               1  16.7
10.0.0.8               1  16.7
2001:db8::9            1  16.7
";
        assert_eq!(table, wanted);
    }

    #[test]
    fn without_connections_there_are_only_zeros() {
        let lines = with_summary("headings\n", |out, summary| {
            write_summary(out, summary, 10, Names::new(true)).unwrap();
        });
        assert_eq!(
            lines,
            "IPVS connection summary (connections=0 templates=0 clients=0)\n\
             pro  state       virtual            destination             conns templates\n"
        );
        let table = with_summary("headings\n", |out, summary| {
            write_wide_summary(out, summary, 10, Names::new(true)).unwrap();
        });
        assert_eq!(
            table,
            "0 connections of 0 clients, 0 persistence templates\n"
        );
    }

    /// As ipvsadm(8) has it under `--summary`.
    #[test]
    fn marks_are_one_word_and_those_of_ipv6_have_another() {
        let name = |marks: &[&str]| {
            let marks: Vec<ServiceId> = marks.iter().map(|mark| mark.parse().unwrap()).collect();
            let (family, numbers) = name_marks(&marks);
            format!("{family} {numbers}")
        };
        assert_eq!(name(&["fwmark 1", "fwmark 2"]), "FWM 1,2");
        assert_eq!(name(&["fwmark 3 IPv6"]), "FWM6 3");
    }
}
