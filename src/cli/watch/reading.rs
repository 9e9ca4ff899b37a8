// SPDX-License-Identifier: MIT

//! Reads the table again and again, on the dot, and makes lines of it.

use std::time::{Duration, Instant, SystemTime};

use ipvs_client::{Client, Consistency};

use super::{is_absent, rates::Past};
use crate::{
    command::{ListTable, View, watch::Watch},
    names::Names,
    output::{ClassicWriter, Line, ListingError, Subject, WideWriter, write_entries},
    table::{Entry, Snapshot},
    time::time_stamp,
};

/// The times at which something is looked at.
pub(super) struct Schedule {
    interval: Duration,
    count: Option<u32>,
    made: u32,
    /// The time when the next look is due.
    next: Instant,
}

impl Schedule {
    pub(super) fn new(watch: &Watch) -> Self {
        Self {
            interval: watch.interval,
            count: watch.count,
            made: 0,
            next: Instant::now(),
        }
    }

    /// Notes that one look has been made.
    pub(super) fn advance(&mut self) {
        self.made = self.made.saturating_add(1);
        // On the dot, unless it has fallen behind.
        self.next = (self.next + self.interval).max(Instant::now());
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    pub(super) fn is_first(&self) -> bool {
        self.made == 0
    }

    pub(super) fn was_last(&self) -> bool {
        self.count.is_some_and(|count| self.made >= count)
    }
}

/// The readings of the table, one for each showing.
pub(super) struct Readings<'a> {
    table: &'a ListTable,
    client: &'a mut Client,
    names: Names,
    past: Past,
    pub(super) schedule: Schedule,
}

/// Makes the lines that a reading is shown as.
pub(super) type MakeLines = fn(&mut Readings<'_>, Snapshot) -> Result<Vec<Line>, ListingError>;

/// The table as it was at one time.
pub(super) struct Reading {
    pub(super) snapshot: Snapshot,
    pub(super) time: String,
    /// The time that its rates are computed over; without it they are the kernel's.
    span: Option<Duration>,
}

impl<'a> Readings<'a> {
    pub(super) fn new(watch: &Watch, table: &'a ListTable, client: &'a mut Client) -> Self {
        Self {
            table,
            client,
            names: Names::new(table.numeric),
            past: Past::default(),
            schedule: Schedule::new(watch),
        }
    }

    /// Reads the table. A service that was there before may be gone: there is nothing in
    /// the table then.
    pub(super) fn read(&mut self, consistency: Consistency) -> Result<Reading, ListingError> {
        let now = Instant::now();
        let time = time_stamp(SystemTime::now());
        let mut snapshot = match Snapshot::read(self.table, consistency, self.client) {
            Err(error)
                if is_absent(self.table.service.as_ref(), &error) && !self.schedule.is_first() =>
            {
                Snapshot {
                    info: self.client.info()?,
                    interface: self.client.interface(),
                    entries: Vec::new(),
                }
            }
            outcome => outcome?,
        };
        let span = match self.table.view {
            View::Rate => self.past.replace_rates(&mut snapshot, now),
            _ => None,
        };
        self.schedule.advance();
        Ok(Reading {
            snapshot,
            time,
            span,
        })
    }

    /// Returns the line above a table.
    pub(super) fn headline(&self, reading: &Reading) -> String {
        let time = &reading.time;
        match (self.table.view, reading.span) {
            (View::Rate, _) if counters_stand_still() => {
                format!("{time}  counters stand still: net.ipv4.vs.run_estimation is 0")
            }
            (View::Rate, Some(span)) => format!("{time}  rates of {:.1} s", span.as_secs_f64()),
            (View::Rate, None) => format!("{time}  rates of the kernel's estimator"),
            _ => time.clone(),
        }
    }

    /// Makes the line for the one service that is watched when it is not there.
    fn describe_absence(&self, snapshot: &Snapshot) -> Option<Vec<Line>> {
        let service = self.table.service.filter(|_| snapshot.entries.is_empty())?;
        let text = format!("{service} is not there.");
        Some(vec![Line::plain(Subject::Heading, text)])
    }
}

/// Makes the lines of --output wide.
pub(super) fn make_wide_lines(
    readings: &mut Readings<'_>,
    snapshot: Snapshot,
) -> Result<Vec<Line>, ListingError> {
    if let Some(lines) = readings.describe_absence(&snapshot) {
        return Ok(lines);
    }
    let Snapshot {
        info,
        interface,
        entries,
    } = snapshot;
    let writer = WideWriter::new(&info, readings.table, &mut readings.names, interface);
    write_entries(writer, entries.into_iter().map(Ok))
}

/// Makes the original's lines.
pub(super) fn make_classic_lines(
    readings: &mut Readings<'_>,
    snapshot: Snapshot,
) -> Result<Vec<Line>, ListingError> {
    if let Some(lines) = readings.describe_absence(&snapshot) {
        return Ok(lines);
    }
    let Snapshot { info, entries, .. } = snapshot;
    let subjects = subjects(&entries);
    let table = readings.table;
    let info = table.service.is_none().then_some(&info);
    let mut text = Vec::new();
    let writer = ClassicWriter::begin(&mut text, &mut readings.names, info, table)?;
    write_entries(writer, entries.into_iter().map(Ok))?;
    let text = String::from_utf8_lossy(&text);
    let texts: Vec<&str> = text.lines().collect();
    // The headings come before all of them.
    let headings = texts.len().saturating_sub(subjects.len());
    let subjects = std::iter::repeat_n(Subject::Heading, headings).chain(subjects);
    Ok(subjects
        .zip(texts)
        .map(|(subject, text)| Line::plain(subject, text))
        .collect())
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
