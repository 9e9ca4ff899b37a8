// SPDX-License-Identifier: MIT

//! The table again and again: drawn in place on a terminal, one block after
//! the other elsewhere.

mod rates;
mod screen;
mod terminal;

use std::{
    io::{self, IsTerminal as _, Write},
    time::{Duration, Instant, SystemTime},
};

use ipvs_client::{Client, Consistency};

use self::{
    rates::Past,
    terminal::{Event, Terminal},
};
use crate::{
    command::{ListTable, TableForm, View, Watch},
    failure::StdoutError,
    json,
    names::Names,
    output::{
        ClassicWriter, Line, Subject, colour_on_terminal, lines_to_text, wide_lines, write_entries,
    },
    table::{self, Snapshot},
};

/// Shows the table until somebody has seen enough.
///
/// # Errors
/// When the table cannot be read or shown; the terminal is what it was by then.
pub(crate) fn run(watch: &Watch, client: &mut Client, out: &mut impl Write) -> anyhow::Result<()> {
    let mut readings = Readings {
        watch,
        client,
        names: Names::new(watch.table.numeric),
        past: Past::default(),
        made: 0,
        next: Instant::now(),
    };
    let make_lines: MakeLines = match watch.form {
        TableForm::Json => return follow_json(&mut readings, out),
        TableForm::Classic => classic,
        TableForm::Wide => wide,
    };
    if can_draw() {
        draw(&mut readings, make_lines, out)
    } else {
        follow(&mut readings, make_lines, out)
    }
}

/// Whether standard output is a terminal that can do more than print.
fn can_draw() -> bool {
    let term = std::env::var_os("TERM").unwrap_or_default();
    io::stdout().is_terminal() && !term.is_empty() && term != "dumb"
}

/// The readings of the table, one for each showing.
struct Readings<'a> {
    watch: &'a Watch,
    client: &'a mut Client,
    names: Names,
    past: Past,
    made: u32,
    /// When the next one is due.
    next: Instant,
}

/// Makes the lines that a reading is shown as.
type MakeLines = fn(&mut Readings<'_>, &Snapshot) -> anyhow::Result<Vec<Line>>;

/// One of them.
struct Reading {
    snapshot: Snapshot,
    time: String,
    /// What its rates are: those of so long, or the kernel's.
    span: Option<Duration>,
}

impl Readings<'_> {
    fn read(&mut self, consistency: Consistency) -> anyhow::Result<Reading> {
        let now = Instant::now();
        let time = time_stamp(SystemTime::now())?;
        let mut snapshot = Snapshot::read(&self.watch.table, consistency, self.client)?;
        let span = match self.watch.table.view {
            View::Rate => self.past.replace_rates(&mut snapshot, now),
            _ => None,
        };
        self.made = self.made.saturating_add(1);
        // On the dot, unless it has fallen behind.
        self.next = (self.next + self.watch.interval).max(Instant::now());
        Ok(Reading {
            snapshot,
            time,
            span,
        })
    }

    fn was_last(&self) -> bool {
        self.watch.count.is_some_and(|count| self.made >= count)
    }

    /// The line above a table.
    fn headline(&self, reading: &Reading) -> String {
        let time = &reading.time;
        match (self.watch.table.view, reading.span) {
            (View::Rate, _) if counters_stand_still() => {
                format!("{time}  counters stand still: net.ipv4.vs.run_estimation is 0")
            }
            (View::Rate, Some(span)) => format!("{time}  rates of {:.1} s", span.as_secs_f64()),
            (View::Rate, None) => format!("{time}  rates of the kernel's estimator"),
            _ => time.clone(),
        }
    }
}

/// The lines of --output wide.
fn wide(readings: &mut Readings<'_>, snapshot: &Snapshot) -> anyhow::Result<Vec<Line>> {
    let ListTable { view, exact, .. } = readings.watch.table;
    let Snapshot { info, entries } = snapshot;
    Ok(wide_lines(info, entries, view, exact, &mut readings.names))
}

/// The original's lines.
fn classic(readings: &mut Readings<'_>, snapshot: &Snapshot) -> anyhow::Result<Vec<Line>> {
    let mut text = Vec::new();
    let table = &readings.watch.table;
    let info = table.service.is_none().then_some(&snapshot.info);
    let entries = snapshot.entries.iter().cloned().map(Ok);
    let writer = ClassicWriter::begin(&mut text, &mut readings.names, info, table)?;
    write_entries(writer, entries)?;
    let text = String::from_utf8_lossy(&text);
    let texts: Vec<&str> = text.lines().collect();
    let subjects: Vec<Subject> = subjects(snapshot).collect();
    // The headings come before all of them.
    let headings = texts.len().saturating_sub(subjects.len());
    let subjects = std::iter::repeat_n(Subject::Heading, headings).chain(subjects);
    Ok(subjects
        .zip(texts)
        .map(|(subject, text)| Line::plain(subject, text))
        .collect())
}

fn subjects(snapshot: &Snapshot) -> impl Iterator<Item = Subject> {
    snapshot.entries.iter().flat_map(|(service, destinations)| {
        let destinations = destinations
            .iter()
            .map(|destination| Subject::Destination(service.id, destination.id));
        std::iter::once(Subject::Service(service.id)).chain(destinations)
    })
}

/// Whether the kernel does not bring counters up to date, so that no rate can
/// be had. It does where it cannot be told not to (before Linux 5.16).
fn counters_stand_still() -> bool {
    std::fs::read_to_string("/proc/sys/net/ipv4/vs/run_estimation")
        .is_ok_and(|value| value.trim() == "0")
}

/// ISO 8601, in UTC: it means the same wherever it is read.
fn time_stamp(time: SystemTime) -> anyhow::Result<String> {
    let time = jiff::Timestamp::try_from(time)?;
    Ok(time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

fn follow_json(readings: &mut Readings<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    loop {
        let Reading { snapshot, time, .. } = readings.read(Consistency::Agreed)?;
        let document = json::TableDocument::begin_timed(&mut *out, &snapshot.info, &time);
        let entries = snapshot.entries.into_iter().map(Ok);
        table::write_json(document.map_err(StdoutError)?, entries)?;
        out.flush().map_err(StdoutError)?;
        if readings.was_last() {
            return Ok(());
        }
        terminal::wait_for_reader(readings.next).map_err(StdoutError)?;
    }
}

fn follow(
    readings: &mut Readings<'_>,
    make_lines: MakeLines,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    // It may be a terminal that can only print.
    let colour = colour_on_terminal();
    loop {
        let reading = readings.read(Consistency::Once)?;
        if readings.made > 1 {
            writeln!(out).map_err(StdoutError)?;
        }
        let lines = make_lines(readings, &reading.snapshot)?;
        let headline = readings.headline(&reading);
        write!(out, "{headline}\n{}", lines_to_text(&lines, colour)).map_err(StdoutError)?;
        out.flush().map_err(StdoutError)?;
        if readings.was_last() {
            return Ok(());
        }
        terminal::wait_for_reader(readings.next).map_err(StdoutError)?;
    }
}

fn draw(
    readings: &mut Readings<'_>,
    make_lines: MakeLines,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let colour = colour_on_terminal();
    let mut terminal = None;
    let mut before: Option<Vec<Line>> = None;
    loop {
        let reading = readings.read(Consistency::Once)?;
        let lines = make_lines(readings, &reading.snapshot)?;
        let headline = readings.headline(&reading);
        if readings.was_last() {
            // What was wanted so often is to be seen when it is done.
            drop(terminal);
            return Ok(write!(out, "{headline}\n{}", lines_to_text(&lines, colour))
                .map_err(StdoutError)?);
        }
        let rows = screen::compare(before.as_deref(), &lines);
        before = Some(lines);
        let interval = readings.watch.interval.as_secs_f64();
        let status = format!("{headline}  every {interval} s, q quits");
        // Not before there is something to show.
        let terminal = match &mut terminal {
            Some(terminal) => terminal,
            none => none.insert(Terminal::enter().map_err(StdoutError)?),
        };
        loop {
            let screen = screen::cut(&status, &rows, terminal.size(), colour);
            terminal.draw(&screen).map_err(StdoutError)?;
            match terminal.wait(readings.next).map_err(StdoutError)? {
                Event::Time => break,
                Event::Redraw => {}
                Event::Quit => return Ok(()),
                Event::Signal(signal) => {
                    terminal.leave().map_err(StdoutError)?;
                    // Ends the program, for whoever sent it to see.
                    signal_hook::low_level::emulate_default_handler(signal).map_err(StdoutError)?;
                    return Ok(());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stamps_are_iso_8601_in_utc() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(951_782_400_250);
        assert_eq!(time_stamp(time).unwrap(), "2000-02-29T00:00:00.250Z");
    }
}
