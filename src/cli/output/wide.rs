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
