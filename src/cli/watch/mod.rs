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
    command::{TableForm, View, Watch},
    json::Origin,
    names::Names,
    output::{
        ClassicWriter, JsonWriter, Line, ListingError, Subject, WideWriter, colour_on_terminal,
        lines_to_text, write_entries,
    },
    table::{Entry, Snapshot},
    time::time_stamp,
};

/// Shows the table again and again, until it has been shown as often as was asked
/// for or whoever watches it ends that.
///
/// # Errors
/// When the table cannot be read or shown; the terminal is what it was by then.
pub(crate) fn run(
    watch: &Watch,
    client: &mut Client,
    out: &mut impl Write,
) -> Result<(), ListingError> {
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
        TableForm::Classic => make_classic_lines,
        TableForm::Wide => make_wide_lines,
    };
    if can_draw() {
        draw(&mut readings, make_lines, out)
    } else {
        follow(&mut readings, make_lines, out)
    }
}

/// Tells whether standard output is a terminal that can do more than print.
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
type MakeLines = fn(&mut Readings<'_>, Snapshot) -> Result<Vec<Line>, ListingError>;

/// The table as it was at one time.
struct Reading {
    snapshot: Snapshot,
    time: String,
    /// The time that its rates are computed over; without it they are the kernel's.
    span: Option<Duration>,
}

impl Readings<'_> {
    fn read(&mut self, consistency: Consistency) -> Result<Reading, ListingError> {
        let now = Instant::now();
        let time = time_stamp(SystemTime::now());
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

/// Makes the lines of --output wide.
fn make_wide_lines(
    readings: &mut Readings<'_>,
    snapshot: Snapshot,
) -> Result<Vec<Line>, ListingError> {
    let Snapshot {
        info,
        interface,
        entries,
    } = snapshot;
    let writer = WideWriter::new(&info, &readings.watch.table, &mut readings.names, interface);
    write_entries(writer, entries.into_iter().map(Ok))
}

/// Makes the original's lines.
fn make_classic_lines(
    readings: &mut Readings<'_>,
    snapshot: Snapshot,
) -> Result<Vec<Line>, ListingError> {
    let Snapshot { info, entries, .. } = snapshot;
    let subjects = subjects(&entries);
    let table = &readings.watch.table;
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

fn follow_json(readings: &mut Readings<'_>, out: &mut impl Write) -> Result<(), ListingError> {
    loop {
        let Reading { snapshot, time, .. } = readings.read(Consistency::Agreed)?;
        let origin = Origin {
            ipvs: &snapshot.info,
            interface: snapshot.interface,
        };
        let writer = JsonWriter::begin_timed(&mut *out, origin, &time)?;
        write_entries(writer, snapshot.entries.into_iter().map(Ok))?;
        out.flush()?;
        if readings.was_last() {
            return Ok(());
        }
        terminal::wait_for_reader(readings.next)?;
    }
}

fn follow(
    readings: &mut Readings<'_>,
    make_lines: MakeLines,
    out: &mut impl Write,
) -> Result<(), ListingError> {
    // It may be a terminal that can only print.
    let colour = colour_on_terminal();
    loop {
        let reading = readings.read(Consistency::Once)?;
        if readings.made > 1 {
            writeln!(out)?;
        }
        let headline = readings.headline(&reading);
        let lines = make_lines(readings, reading.snapshot)?;
        write!(out, "{headline}\n{}", lines_to_text(&lines, colour))?;
        out.flush()?;
        if readings.was_last() {
            return Ok(());
        }
        terminal::wait_for_reader(readings.next)?;
    }
}

fn draw(
    readings: &mut Readings<'_>,
    make_lines: MakeLines,
    out: &mut impl Write,
) -> Result<(), ListingError> {
    let colour = colour_on_terminal();
    let mut terminal = None;
    let mut before: Option<Vec<Line>> = None;
    loop {
        let reading = readings.read(Consistency::Once)?;
        let headline = readings.headline(&reading);
        let lines = make_lines(readings, reading.snapshot)?;
        if readings.was_last() {
            // What was wanted so often is to be seen when it is done.
            drop(terminal);
            write!(out, "{headline}\n{}", lines_to_text(&lines, colour))?;
            return Ok(());
        }
        let rows = screen::compare(before.as_deref(), &lines);
        before = Some(lines);
        let interval = readings.watch.interval.as_secs_f64();
        let status = format!("{headline}  every {interval} s, q quits");
        // Not before there is something to show.
        let terminal = match &mut terminal {
            Some(terminal) => terminal,
            none => none.insert(Terminal::enter()?),
        };
        loop {
            let screen = screen::cut(&status, &rows, terminal.size(), colour);
            terminal.draw(&screen)?;
            match terminal.wait(readings.next)? {
                Event::Time => break,
                Event::Redraw => {}
                Event::Quit => return Ok(()),
                Event::Signal(signal) => {
                    terminal.leave()?;
                    // Ends the program, for whoever sent it to see.
                    signal_hook::low_level::emulate_default_handler(signal)?;
                    return Ok(());
                }
            }
        }
    }
}
