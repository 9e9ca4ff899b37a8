// SPDX-License-Identifier: MIT

//! A listing again and again in one place of a terminal.

use std::io::Write;

use super::{
    listing::Listing,
    screen,
    state::{Reaction, State},
    terminal::{Event, Terminal},
};
use crate::output::{Grid, ListingError};

/// Draws each reading in the place of the one before, with the changes marked, and does
/// what keys ask for.
pub(super) fn run(
    listing: &mut impl Listing,
    colour: bool,
    out: &mut impl Write,
) -> Result<(), ListingError> {
    let mut terminal = None;
    let mut before: Option<Grid> = None;
    let mut state = State::default();
    loop {
        let reading = listing.read()?;
        let headline = listing.headline(&reading);
        if listing.schedule().was_last() {
            // What was wanted so often is to be seen when it is done.
            drop(terminal);
            let text = listing.make_text(&reading, colour)?;
            write!(out, "{headline}\n{text}")?;
            return Ok(());
        }
        let interval = listing.schedule().interval().as_secs_f64();
        let status = format!("{headline}  every {interval} s, q quits, ? keys");
        // Not before there is something to show.
        let terminal = match &mut terminal {
            Some(terminal) => terminal,
            none => none.insert(Terminal::enter()?),
        };
        let mut grid = listing.make_grid(&reading, state.sort)?;
        loop {
            let rows = screen::compare(before.as_ref(), &grid);
            let size = terminal.size();
            let screen = screen::compose(&grid, &rows, &state, &status, size, colour);
            state.keep_within(&screen.extent);
            terminal.draw(&screen.lines)?;
            let until = (!state.is_paused).then(|| listing.schedule().next());
            match terminal.wait(until)? {
                Event::Time => break,
                Event::Redraw => {}
                Event::Key(key) => {
                    let sortable = listing.count_sort_columns(&reading);
                    match state.press(key, &screen.extent, sortable) {
                        Reaction::Draw => {}
                        Reaction::Sort => grid = listing.make_grid(&reading, state.sort)?,
                        Reaction::Read => break,
                        Reaction::Quit => return Ok(()),
                    }
                }
                Event::Quit => return Ok(()),
                Event::Signal(signal) => {
                    terminal.leave()?;
                    // Ends the program, for whoever sent it to see.
                    signal_hook::low_level::emulate_default_handler(signal)?;
                    return Ok(());
                }
            }
        }
        before = Some(grid);
    }
}
