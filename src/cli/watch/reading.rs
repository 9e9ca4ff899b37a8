// SPDX-License-Identifier: MIT

//! Reads the table again and again, and makes lines of it.

use std::{
    borrow::Cow,
    io,
    time::{Duration, Instant, SystemTime},
};

use ipvs_client::{Client, Consistency, Info, Interface, Stats};

use super::{history::History, is_absent, listing::Listing, rates::Past, schedule::Schedule};
use crate::{
    command::{ListTable, TableForm, View, watch::Watch},
    names::Names,
    output::{
        ClassicWriter, Grid, GridColumn, GridRow, Line, ListingError, RecentRates, Subject,
        WideWriter, append_graphs, lines_to_text, make_table_grid, sort_columns, sort_entries,
        write_list,
    },
    table::{Entry, Snapshot, Source, read_plain_entries, read_public_entries},
    time::time_stamp,
};

/// The readings of the table, one for each showing.
pub(super) struct Readings<'a> {
    table: &'a ListTable,
    form: TableForm,
    source: Source,
    client: &'a mut Client,
    names: Names,
    past: Past,
    /// For graphs, where they are wanted.
    history: Option<History>,
    schedule: Schedule,
}

/// The table as it was at one time.
pub(super) struct Reading {
    pub(super) snapshot: Snapshot,
    pub(super) time: String,
    at: Instant,
    /// The time that its rates are computed over; without it they are the kernel's.
    span: Option<Duration>,
}

impl<'a> Readings<'a> {
    pub(super) fn new(
        watch: &Watch,
        table: &'a ListTable,
        form: TableForm,
        source: Source,
        client: &'a mut Client,
    ) -> Self {
        Self {
            table,
            form,
            source,
            client,
            names: Names::new(table.numeric),
            past: Past::default(),
            history: None,
            schedule: Schedule::new(watch),
        }
    }

    /// Keeps from now on what graphs of rates need, where the listing has a place for
    /// them.
    pub(super) fn keep_history(&mut self) {
        if self.form == TableForm::Wide || self.table.view.has_rates() {
            self.history = Some(History::new(self.schedule.interval()));
        }
    }

    /// Reads the table. A service that was there before may be gone: there is nothing in
    /// the table then.
    pub(super) fn read_table(&mut self, consistency: Consistency) -> Result<Reading, ListingError> {
        let at = Instant::now();
        let time = time_stamp(SystemTime::now());
        let mut snapshot = match self.read_snapshot(consistency) {
            Err(error)
                if is_absent(self.table.service.as_ref(), &error) && !self.schedule.is_first() =>
            {
                self.read_nothing()?
            }
            outcome => outcome?,
        };
        let span = match self.table.view.has_rates() {
            true => self.past.replace_rates(&mut snapshot, at),
            false => None,
        };
        if let Some(history) = &mut self.history {
            history.add(&snapshot, at);
        }
        self.schedule.advance();
        Ok(Reading {
            snapshot,
            time,
            at,
            span,
        })
    }

    /// Reads as much as the form shows: the original's columns of the whole table take
    /// the least.
    fn read_snapshot(&mut self, consistency: Consistency) -> ipvs_client::Result<Snapshot> {
        let table = self.table;
        if self.source == Source::Files {
            let (info, entries) =
                read_public_entries(self.client, table.service.as_ref(), table.sorted)?;
            return Ok(Snapshot {
                info,
                interface: Interface::Proc,
                entries,
            });
        }
        if self.form == TableForm::Classic && table.view == View::Plain && table.service.is_none() {
            return Ok(Snapshot {
                info: self.client.info()?,
                interface: self.client.interface(),
                entries: read_plain_entries(self.client, table.sorted)?
                    .collect::<Result<_, _>>()?,
            });
        }
        Snapshot::read(table, consistency, self.client)
    }

    /// Reads what there is beside services.
    fn read_nothing(&mut self) -> ipvs_client::Result<Snapshot> {
        let (info, interface) = match self.source {
            Source::Kernel => (self.client.info()?, self.client.interface()),
            Source::Files => (self.client.table_file()?.info(), Interface::Proc),
        };
        Ok(Snapshot {
            info,
            interface,
            entries: Vec::new(),
        })
    }

    /// Makes the lines of a reading, all of them and nothing cut.
    fn make_lines(&mut self, reading: &Reading) -> Result<Vec<Line>, ListingError> {
        if let Some(text) = self.describe_absence(reading) {
            return Ok(vec![Line::plain(Subject::Heading, text)]);
        }
        let Snapshot {
            info,
            interface,
            entries,
        } = &reading.snapshot;
        Ok(match self.form {
            TableForm::Wide => {
                let writer = WideWriter::new(info, self.table, &mut self.names, *interface);
                write_list(writer, entries)?
            }
            _ => self.make_classic_lines(info, entries)?,
        })
    }

    /// Says that the one service that is watched is not there, if so.
    fn describe_absence(&self, reading: &Reading) -> Option<String> {
        let is_empty = reading.snapshot.entries.is_empty();
        let service = self.table.service.filter(|_| is_empty)?;
        Some(format!("{service} is not there."))
    }

    /// Makes the original's lines.
    fn make_classic_lines(&mut self, info: &Info, entries: &[Entry]) -> io::Result<Vec<Line>> {
        let table = self.table;
        let info = table.service.is_none().then_some(info);
        let mut text = Vec::new();
        let writer = ClassicWriter::begin(&mut text, &mut self.names, info, table)?;
        write_list(writer, entries)?;
        let text = String::from_utf8_lossy(&text);
        let texts: Vec<&str> = text.lines().collect();
        let subjects = subjects(entries);
        // The headings come before all of them.
        let headings = texts.len().saturating_sub(subjects.len());
        let subjects = std::iter::repeat_n(Subject::Heading, headings).chain(subjects);
        Ok(subjects
            .zip(texts)
            .map(|(subject, text)| Line::plain(subject, text))
            .collect())
    }
}

impl Listing for Readings<'_> {
    type Reading = Reading;

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn read(&mut self) -> Result<Reading, ListingError> {
        self.read_table(Consistency::Once)
    }

    fn headline(&self, reading: &Reading) -> String {
        let time = &reading.time;
        if !self.table.view.has_rates() {
            return time.clone();
        }
        match reading.span {
            _ if counters_stand_still() => {
                format!("{time}  counters stand still: net.ipv4.vs.run_estimation is 0")
            }
            Some(span) => format!("{time}  rates of {:.1} s", span.as_secs_f64()),
            None => format!("{time}  rates of the kernel's estimator"),
        }
    }

    fn make_text(&mut self, reading: &Reading, colour: bool) -> Result<String, ListingError> {
        Ok(lines_to_text(&self.make_lines(reading)?, colour))
    }

    fn make_grid(&mut self, reading: &Reading, sort: Option<usize>) -> Result<Grid, ListingError> {
        if let Some(text) = self.describe_absence(reading) {
            return Ok(Grid {
                title: vec![text],
                ..Grid::default()
            });
        }
        let Snapshot {
            info,
            interface,
            entries,
        } = &reading.snapshot;
        let columns = sort_columns(self.table.view, *interface);
        let mut entries = Cow::Borrowed(entries);
        let sorted_by = sort.and_then(|sort| columns.get(sort));
        if let Some(column) = sorted_by {
            sort_entries(entries.to_mut(), column);
        }
        let lines = match self.form {
            TableForm::Classic => Some(self.make_classic_lines(info, &entries)?),
            _ => None,
        };
        let history = self.history.as_ref();
        let recent = history.map(|history| {
            |subject: &Subject, stats: &Stats| history.rates(subject, stats, reading.at)
        });
        let recent = recent.as_ref().map(|recent| recent as &RecentRates<'_>);
        let Some(lines) = lines else {
            return Ok(make_table_grid(
                &entries,
                self.table,
                *interface,
                &mut self.names,
                sort,
                recent,
            ));
        };
        let mut grid = make_plain_grid(lines);
        grid.sorted_by = sorted_by.map(|column| column.name());
        if let Some(recent) = recent {
            append_graphs(&mut grid, &entries, recent);
        }
        Ok(grid)
    }

    fn count_sort_columns(&self, reading: &Reading) -> usize {
        sort_columns(self.table.view, reading.snapshot.interface).len()
    }
}

/// Makes a grid of lines as they are: one column, whose headings are the two lines above
/// the rows.
fn make_plain_grid(lines: Vec<Line>) -> Grid {
    let (headings, rows): (Vec<Line>, Vec<Line>) = lines
        .into_iter()
        .partition(|line| line.subject == Subject::Heading);
    let mut title: Vec<String> = headings.into_iter().map(|line| line.text).collect();
    let heading = title.split_off(title.len().saturating_sub(2));
    Grid {
        title,
        columns: vec![GridColumn {
            heading: heading.join("\n"),
            is_essential: true,
            ..GridColumn::default()
        }],
        rows: rows
            .into_iter()
            .map(|line| GridRow {
                subject: line.subject,
                cells: vec![line.text],
                tone: None,
            })
            .collect(),
        sorted_by: None,
    }
}

/// Returns the subjects of the lines of a table, in their order.
fn subjects(entries: &[Entry]) -> Vec<Subject> {
    let mut subjects = Vec::new();
    for (service, destinations) in entries {
        subjects.push(Subject::Service(service.id));
        subjects.extend(
            destinations
                .iter()
                .map(|destination| Subject::Destination(service.id, destination.id)),
        );
    }
    subjects
}

/// Tells whether the kernel does not bring counters up to date, so that there are
/// no rates. Before Linux 5.16 it always does.
fn counters_stand_still() -> bool {
    std::fs::read_to_string("/proc/sys/net/ipv4/vs/run_estimation")
        .is_ok_and(|value| value.trim() == "0")
}
