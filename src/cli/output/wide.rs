// SPDX-License-Identifier: MIT

//! The table for people: nothing is cut, every service and destination is one
//! line, and shares are computed.

use std::io;

use comfy_table::{ContentArrangement, Table, presets};
use ipvs_client::{Destination, Info, Interface, Service, ServiceId};

use super::{
    columns::{WideColumn, columns_of},
    entries::EntryWriter,
    line::{Line, Subject},
    notice::Notice,
    text,
};
use crate::{command::ListTable, names::Names};

/// Blanks between two columns.
const GAP: u16 = 2;

/// Makes the lines of the table. Columns are as wide as their widest cell, so that
/// no line is there before the last entry.
pub(crate) struct WideWriter<'n> {
    names: &'n mut Names,
    columns: &'static [WideColumn],
    /// All digits of large counters are written.
    exact: bool,
    /// The line above the table.
    title: String,
    table: Table,
    /// The subject of each row, and the words that want attention.
    rows: Vec<(Subject, Option<Notice>)>,
}

impl<'n> WideWriter<'n> {
    pub(crate) fn new(
        info: &Info,
        listing: &ListTable,
        names: &'n mut Names,
        interface: Interface,
    ) -> Self {
        let columns = columns_of(listing.view, interface);
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        let headings = columns.iter().map(|column| column.heading);
        table.set_header(std::iter::once("Service\n  Server").chain(headings));
        for (number, cells) in table.column_iter_mut().enumerate() {
            let last = number == columns.len();
            cells.set_padding((0, if last { 0 } else { GAP }));
            // The first column has the names.
            if let Some(column) = number.checked_sub(1).and_then(|index| columns.get(index)) {
                cells.set_cell_alignment(column.alignment);
            }
        }
        Self {
            names,
            columns,
            exact: listing.exact,
            title: format!(
                "IP Virtual Server {}, connection table of {} buckets",
                info.version, info.connection_table_size
            ),
            table,
            rows: Vec::new(),
        }
    }
}

/// A service or destination in the columns of a view.
pub(super) struct WideRow {
    pub(super) subject: Subject,
    /// The name, then one cell for each column.
    pub(super) cells: Vec<String>,
    pub(super) notice: Option<Notice>,
}

/// Makes the rows of a service and its destinations.
pub(super) fn make_rows(
    columns: &[&WideColumn],
    exact: bool,
    names: &mut Names,
    service: &Service,
    destinations: &[Destination],
) -> Vec<WideRow> {
    let columns: Vec<(&WideColumn, Option<u64>)> = columns
        .iter()
        .map(|column| (*column, column.sum(destinations)))
        .collect();
    let mut cells = vec![service_name(&service.id, names)];
    cells.extend(
        columns
            .iter()
            .map(|(column, sum)| column.service_text(service, destinations, *sum, exact)),
    );
    let mut rows = vec![WideRow {
        subject: Subject::Service(service.id),
        cells,
        notice: None,
    }];
    rows.extend(destinations.iter().map(|destination| {
        let mut cells = vec![destination_name(&service.id, destination, names)];
        cells.extend(
            columns
                .iter()
                .map(|(column, sum)| column.destination_text(destination, *sum, exact)),
        );
        WideRow {
            subject: Subject::Destination(service.id, destination.id),
            cells,
            notice: Notice::of(destination),
        }
    }));
    rows
}

impl EntryWriter for WideWriter<'_> {
    type Outcome = Vec<Line>;

    fn write_entry(&mut self, service: &Service, destinations: &[Destination]) -> io::Result<()> {
        let columns: Vec<&WideColumn> = self.columns.iter().collect();
        for row in make_rows(&columns, self.exact, self.names, service, destinations) {
            let WideRow {
                subject,
                mut cells,
                notice,
            } = row;
            // The words of a notice end the line.
            if let (Some(last), Some(notice)) = (cells.last_mut(), &notice) {
                if !last.is_empty() {
                    last.push_str(", ");
                }
                last.push_str(&notice.words);
            }
            self.table.add_row(cells);
            self.rows.push((subject, notice));
        }
        Ok(())
    }

    fn end(self) -> io::Result<Vec<Line>> {
        let heading = |text: &str| Line::plain(Subject::Heading, text);
        let mut lines = vec![heading(&self.title), heading("")];
        if self.rows.is_empty() {
            lines.push(heading("There are no virtual services."));
            return Ok(lines);
        }
        let texts: Vec<String> = self
            .table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        let headings = texts.len().saturating_sub(self.rows.len());
        let subjects = std::iter::repeat_n((Subject::Heading, None), headings).chain(self.rows);
        for (text, (subject, notice)) in texts.into_iter().zip(subjects) {
            // The notice is the end of the last column.
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
        Ok(lines)
    }
}

fn service_name(id: &ServiceId, names: &mut Names) -> String {
    let mut name = String::new();
    text::push_service_id(&mut name, id, names);
    name
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
    use ipvs_client::Version;

    use super::*;
    use crate::{
        output::{Tone, sample, write_entries},
        table::Entry,
    };

    fn list(entries: Vec<Entry>, line: &str, interface: Interface) -> Vec<Line> {
        let listing = sample::listing(line);
        let info = Info::new(Version(0x0001_0201), 4096);
        let mut names = Names::new(true);
        let writer = WideWriter::new(&info, &listing, &mut names, interface);
        write_entries(writer, entries.into_iter().map(Ok)).unwrap()
    }

    fn texts(line: &str, interface: Interface) -> Vec<String> {
        let lines = list(sample::entries(), line, interface);
        lines.into_iter().map(|line| line.text).collect()
    }

    const FIRST: [&str; 2] = [
        "IP Virtual Server 1.2.1, connection table of 4096 buckets",
        "",
    ];

    /// A service has the sum of its real servers, and each of them its share in it.
    #[test]
    fn each_view_has_its_columns_with_sums_and_shares() {
        for (line, expected) in [
            (
                "-L",
                [
                    "Service          Scheduler",
                    "  Server         Forwarding      Weight     %  Active  Inactive     %  Details",
                    "TCP 10.0.0.1:80  wrr                  4     -       8        16     -  persistent 60 s",
                    "  10.0.0.2:8080  masquerading         3  75.0       6        10  66.7",
                    "  10.0.0.3:80    direct routing       1  25.0       2         6  33.3  upper threshold 8 reached",
                    "  10.0.0.4:80    tunneling            0   0.0       0         0   0.0  gue port 6080, no checksum, quiesced",
                    "FWM 5            rr                   0     -       0         0     -  no servers",
                ],
            ),
            (
                "-L --tun-info",
                [
                    "Service          Scheduler",
                    "  Server         Forwarding      Tunnel                      Weight     %  Active  Inactive     %  Details",
                    "TCP 10.0.0.1:80  wrr             -                                4     -       8        16     -  persistent 60 s",
                    "  10.0.0.2:8080  masquerading    -                                3  75.0       6        10  66.7",
                    "  10.0.0.3:80    direct routing  -                                1  25.0       2         6  33.3  upper threshold 8 reached",
                    "  10.0.0.4:80    tunneling       gue port 6080, no checksum       0   0.0       0         0   0.0  quiesced",
                    "FWM 5            rr              -                                0     -       0         0     -  no servers",
                ],
            ),
            (
                "-L --stats --exact",
                [
                    "Service                              In      Out         In         Out",
                    "  Server           Conns     %  packets  packets      bytes       bytes  Details",
                    "TCP 10.0.0.1:80     1000     -     2000     3000     100000     1000000  wrr, persistent 60 s",
                    "  10.0.0.2:8080      750  75.0     1500     2250      75000      750000",
                    "  10.0.0.3:80        250  25.0      500      750      25000      250000  upper threshold 8 reached",
                    "  10.0.0.4:80          0   0.0        0        0          0           0  quiesced",
                    "FWM 5            2500000     -  5000000  7500000  250000000  2500000000  rr, no servers",
                ],
            ),
            (
                "-L --rate",
                [
                    "Service                                In        Out       In      Out",
                    "  Server         Conns/s     %  packets/s  packets/s  bytes/s  bytes/s  Details",
                    "TCP 10.0.0.1:80       40     -         80        120     4.0k    40.0k  wrr, persistent 60 s",
                    "  10.0.0.2:8080       30  75.0         60         90     3.0k    30.0k",
                    "  10.0.0.3:80         10  25.0         20         30     1.0k    10.0k  upper threshold 8 reached",
                    "  10.0.0.4:80          0   0.0          0          0        0        0  quiesced",
                    "FWM 5                 20     -         40         60     2.0k    20.0k  rr, no servers",
                ],
            ),
            (
                "-L --thresholds",
                [
                    "Service          Upper  Lower",
                    "  Server         limit  limit  Active  Inactive     %  Details",
                    "TCP 10.0.0.1:80      -      -       8        16     -  wrr, persistent 60 s",
                    "  10.0.0.2:8080   none   none       6        10  66.7",
                    "  10.0.0.3:80        8      4       2         6  33.3  upper threshold 8 reached",
                    "  10.0.0.4:80     none   none       0         0   0.0  quiesced",
                    "FWM 5                -      -       0         0     -  rr, no servers",
                ],
            ),
            (
                "-L --persistent-conn",
                [
                    "Service",
                    "  Server         Weight     %  Persistent  Active  Inactive     %  Details",
                    "TCP 10.0.0.1:80       4     -           1       8        16     -  wrr, persistent 60 s",
                    "  10.0.0.2:8080       3  75.0           1       6        10  66.7",
                    "  10.0.0.3:80         1  25.0           0       2         6  33.3  upper threshold 8 reached",
                    "  10.0.0.4:80         0   0.0           0       0         0   0.0  quiesced",
                    "FWM 5                 0     -           0       0         0     -  rr, no servers",
                ],
            ),
        ] {
            let texts = texts(line, Interface::Netlink);
            assert_eq!(texts, [&FIRST[..], &expected].concat(), "{line}");
        }
    }

    /// /proc/net/ip_vs does not tell them.
    #[test]
    fn what_everybody_may_read_has_no_kinds_of_tunnels() {
        let lines = texts("-L", Interface::Proc);
        let gue = "  10.0.0.4:80    tunneling            0   0.0       0         0   0.0  quiesced";
        assert_eq!(lines[7], gue);
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        let mut entries = sample::entries();
        entries[0].0.stats = None;
        entries[0].1[0].stats = None;
        let lines = list(entries, "-L --rate", Interface::Netlink);
        let texts: Vec<&str> = lines[4..7].iter().map(|line| line.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "TCP 10.0.0.1:80        -  -          -          -        -        -  wrr, persistent 60 s",
                "  10.0.0.2:8080        -  -          -          -        -        -",
                "  10.0.0.3:80         10  -         20         30     1.0k    10.0k  upper threshold 8 reached",
            ]
        );
    }

    #[test]
    fn the_words_of_a_notice_are_marked_and_no_others() {
        let lines = list(sample::entries(), "-L", Interface::Netlink);
        let marked: Vec<_> = lines
            .iter()
            .filter_map(|line| {
                let (words, tone) = line.notice.clone()?;
                Some((&line.text[words], tone))
            })
            .collect();
        assert_eq!(
            marked,
            [
                ("upper threshold 8 reached", Tone::Full),
                ("quiesced", Tone::Quiesced)
            ]
        );
    }

    #[test]
    fn an_empty_table_says_so() {
        let lines = list(Vec::new(), "-L", Interface::Netlink);
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, [FIRST[0], "", "There are no virtual services."]);
    }
}
