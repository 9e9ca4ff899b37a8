// SPDX-License-Identifier: MIT

//! The table again and again in one place of a terminal.

use std::io::Write;

use ipvs_client::Consistency;

use super::{
    reading::{MakeLines, Readings},
    screen,
    terminal::{Event, Terminal},
};
use crate::output::{Line, ListingError, colour_on_terminal, lines_to_text};

/// Draws each reading in the place of the one before, with the changes marked.
pub(super) fn run(
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
        if readings.schedule.was_last() {
            // What was wanted so often is to be seen when it is done.
            drop(terminal);
            write!(out, "{headline}\n{}", lines_to_text(&lines, colour))?;
            return Ok(());
        }
        let rows = screen::compare(before.as_deref(), &lines);
        before = Some(lines);
        let interval = readings.schedule.interval().as_secs_f64();
        let status = format!("{headline}  every {interval} s, q quits");
        // Not before there is something to show.
        let terminal = match &mut terminal {
            Some(terminal) => terminal,
            none => none.insert(Terminal::enter()?),
        };
        loop {
            let screen = screen::cut(&status, &rows, terminal.size(), colour);
            terminal.draw(&screen)?;
            match terminal.wait(readings.schedule.next())? {
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
