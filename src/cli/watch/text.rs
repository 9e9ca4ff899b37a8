// SPDX-License-Identifier: MIT

//! Watches a listing that is known only as the text that it is written as: connections,
//! and counts of them.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::Write,
    time::SystemTime,
};

use ipvs_client::ServiceId;

use super::{is_absent, listing::Listing, schedule::Schedule, terminal};
use crate::{
    command::{
        TableForm,
        connections::ShownConnections,
        watch::{Watch, WatchConnections},
    },
    json,
    output::{Grid, GridColumn, GridRow, ListingError, Subject},
    time::time_stamp,
};

/// Writes the listing as it is now.
pub(crate) type WriteListing<'a> = dyn FnMut(&mut Vec<u8>) -> Result<(), ListingError> + 'a;

/// A listing that is written anew for each reading.
pub(super) struct TextListing<'a> {
    pub(super) connections: &'a WatchConnections,
    pub(super) write: &'a mut WriteListing<'a>,
    pub(super) schedule: Schedule,
}

/// The text of a listing at one time.
pub(super) struct TextReading {
    /// `None` if the one service that it is about is not there.
    text: Option<String>,
    time: String,
}

impl<'a> TextListing<'a> {
    pub(super) fn new(
        watch: &Watch,
        connections: &'a WatchConnections,
        write: &'a mut WriteListing<'a>,
    ) -> Self {
        Self {
            connections,
            write,
            schedule: Schedule::new(watch),
        }
    }

    fn service(&self) -> Option<&ServiceId> {
        self.connections.list.filter.wanted_service()
    }

    /// Writes a document for each reading, one a line; none while the one service that
    /// it is about is not there.
    pub(super) fn write_json(&mut self, out: &mut impl Write) -> Result<(), ListingError> {
        loop {
            let reading = self.read()?;
            if let Some(text) = &reading.text {
                json::write_timed(&mut *out, text, &reading.time)?;
                out.flush()?;
            }
            if self.schedule.was_last() {
                return Ok(());
            }
            terminal::wait_for_reader(self.schedule.next())?;
        }
    }
}

impl Listing for TextListing<'_> {
    type Reading = TextReading;

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn read(&mut self) -> Result<TextReading, ListingError> {
        let time = time_stamp(SystemTime::now());
        let mut text = Vec::new();
        let text = match (self.write)(&mut text) {
            Ok(()) => Some(String::from_utf8_lossy(&text).into_owned()),
            Err(ListingError::Read(error))
                if is_absent(self.service(), &error) && !self.schedule.is_first() =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        self.schedule.advance();
        Ok(TextReading { text, time })
    }

    fn headline(&self, reading: &TextReading) -> String {
        reading.time.clone()
    }

    fn make_text(&mut self, reading: &TextReading, _colour: bool) -> Result<String, ListingError> {
        Ok(match (&reading.text, self.service()) {
            (Some(text), _) => text.clone(),
            (None, Some(service)) => format!("{service} is not there.\n"),
            (None, None) => String::new(),
        })
    }

    fn make_grid(
        &mut self,
        reading: &TextReading,
        sort: Option<usize>,
    ) -> Result<Grid, ListingError> {
        let text = self.make_text(reading, false)?;
        if reading.text.is_none() {
            return Ok(Grid {
                title: text.lines().map(str::to_owned).collect(),
                ..Grid::default()
            });
        }
        let mut grid = match self.connections.list.shown {
            ShownConnections::Each { .. } => make_connection_grid(&text, self.connections.form),
            ShownConnections::Summary { .. } => make_summary_grid(&text),
        };
        if let Some(column) = sort {
            sort_rows(&mut grid, column);
        }
        Ok(grid)
    }

    fn count_sort_columns(&self, _reading: &TextReading) -> usize {
        match self.connections.list.shown {
            ShownConnections::Each { .. } => CONNECTION_COLUMNS,
            ShownConnections::Summary { .. } => 0,
        }
    }
}

/// The columns that connections are sorted by: those that both forms have.
const CONNECTION_COLUMNS: usize = 6;

/// Makes a row for each connection. A connection is known by its protocol and its ends.
fn make_connection_grid(text: &str, form: TableForm) -> Grid {
    let split = |line: &str| -> Vec<String> {
        let cells: Vec<&str> = match form {
            TableForm::Wide => line.split("  ").collect(),
            _ => line.split(' ').collect(),
        };
        let cells = cells.iter().map(|cell| cell.trim());
        cells
            .filter(|cell| !cell.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let mut lines = text.lines();
    let mut title = Vec::new();
    let headings = match form {
        TableForm::Wide => lines.next(),
        _ => {
            title.extend(lines.next().map(str::to_owned));
            lines.next()
        }
    };
    // One column has a name of two words.
    let headings = split(&headings.unwrap_or_default().replace("pe name", "pe_name"));
    let is_expiry = |heading: &str| heading.to_ascii_lowercase().starts_with("expire");
    let columns: Vec<GridColumn> = headings
        .into_iter()
        .enumerate()
        .map(|(index, heading)| GridColumn {
            is_essential: index < CONNECTION_COLUMNS,
            // The three ends.
            can_shrink: (3..CONNECTION_COLUMNS).contains(&index),
            is_restless: is_expiry(&heading),
            heading,
            ..GridColumn::default()
        })
        .collect();
    let rows = lines.map(|line| {
        let mut cells = split(line);
        let mut name = DefaultHasher::new();
        let ends = cells.iter().skip(3).take(3);
        cells
            .first()
            .into_iter()
            .chain(ends)
            .for_each(|cell| cell.hash(&mut name));
        cells.resize(columns.len().max(cells.len()), String::new());
        GridRow {
            subject: Subject::Named(name.finish()),
            cells,
            tone: None,
        }
    });
    Grid {
        rows: rows.collect(),
        title,
        columns,
        sorted_by: None,
    }
}

/// Makes a row of each line. It is known by its words that are no numbers.
fn make_summary_grid(text: &str) -> Grid {
    let rows = text.lines().map(|line| {
        let words = line.split_ascii_whitespace();
        let mut name = DefaultHasher::new();
        words
            .filter(|word| word.parse::<f64>().is_err() && !word.contains('='))
            .for_each(|word| word.hash(&mut name));
        GridRow {
            subject: Subject::Named(name.finish()),
            cells: vec![line.to_owned()],
            tone: None,
        }
    });
    Grid {
        columns: vec![GridColumn {
            is_essential: true,
            ..GridColumn::default()
        }],
        rows: rows.collect(),
        ..Grid::default()
    }
}

/// Sorts rows by the text of a column, times with the shortest first.
fn sort_rows(grid: &mut Grid, column: usize) {
    let Some(sorted) = grid.columns.get_mut(column) else {
        return;
    };
    sorted.is_sorted = true;
    grid.sorted_by = Some(sorted.heading.clone());
    let is_time = sorted.is_restless;
    grid.rows.sort_by_cached_key(|row| {
        let cell = row.cells.get(column).cloned().unwrap_or_default();
        (if is_time { cell.len() } else { 0 }, cell)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the form of ipvsadm 1.31.
    const CLASSIC: &str = "\
IPVS connection entries
pro expire state       source             virtual            destination
TCP 14:58  ESTABLISHED 10.0.0.1:40000     192.0.2.1:80       10.0.0.3:80
TCP 179:56 NONE        10.0.0.1:0         192.0.2.1:80       10.0.0.2:80
UDP 01:02  UDP         10.0.0.9:53        192.0.2.1:53       10.0.0.2:53
";

    fn column(grid: &Grid, index: usize) -> Vec<&str> {
        grid.rows
            .iter()
            .map(|row| row.cells[index].as_str())
            .collect()
    }

    #[test]
    fn connections_are_cells_and_known_by_their_ends() {
        let grid = make_connection_grid(CLASSIC, TableForm::Classic);
        assert_eq!(grid.title, ["IPVS connection entries"]);
        let headings: Vec<&str> = grid
            .columns
            .iter()
            .map(|one| one.heading.as_str())
            .collect();
        assert_eq!(
            headings,
            ["pro", "expire", "state", "source", "virtual", "destination"]
        );
        assert_eq!(column(&grid, 2), ["ESTABLISHED", "NONE", "UDP"]);
        let later = CLASSIC.replace("14:58  ESTABLISHED", "01:58  FIN_WAIT   ");
        let later = make_connection_grid(&later, TableForm::Classic);
        assert_eq!(grid.rows[0].subject, later.rows[0].subject);
        assert_ne!(grid.rows[0].subject, grid.rows[1].subject);
    }

    #[test]
    fn connections_are_sorted_by_the_text_of_a_column_and_times_by_their_length() {
        let mut grid = make_connection_grid(CLASSIC, TableForm::Classic);
        sort_rows(&mut grid, 1);
        assert_eq!(column(&grid, 1), ["01:02", "14:58", "179:56"]);
        assert_eq!(grid.sorted_by.as_deref(), Some("expire"));
        sort_rows(&mut grid, 5);
        assert_eq!(
            column(&grid, 5),
            ["10.0.0.2:53", "10.0.0.2:80", "10.0.0.3:80"]
        );
    }

    #[test]
    fn counts_are_known_by_what_they_count() {
        let before = make_summary_grid("x (connections=1)\nTCP NONE 10.0.0.1:80  5\n");
        let after = make_summary_grid("x (connections=2)\nTCP NONE 10.0.0.1:80  17\n");
        let subjects =
            |grid: &Grid| -> Vec<Subject> { grid.rows.iter().map(|row| row.subject).collect() };
        assert_eq!(subjects(&before), subjects(&after));
    }
}
