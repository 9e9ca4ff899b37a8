// SPDX-License-Identifier: MIT

//! The table again and again where nothing can be drawn in place: as blocks of lines,
//! and as JSON.

use std::io::Write;

use ipvs_client::Consistency;

use super::{
    reading::{Reading, Readings},
    terminal,
};
use crate::{
    json::Origin,
    output::{JsonWriter, ListingError, colour_on_terminal, lines_to_text, write_entries},
};

/// Writes a document for each reading, one a line.
pub(super) fn write_json(
    readings: &mut Readings<'_>,
    out: &mut impl Write,
) -> Result<(), ListingError> {
    loop {
        let Reading { snapshot, time, .. } = readings.read(Consistency::Agreed)?;
        let origin = Origin {
            ipvs: &snapshot.info,
            interface: snapshot.interface,
        };
        let writer = JsonWriter::begin_timed(&mut *out, origin, &time)?;
        write_entries(writer, snapshot.entries.into_iter().map(Ok))?;
        out.flush()?;
        if readings.schedule.was_last() {
            return Ok(());
        }
        terminal::wait_for_reader(readings.schedule.next())?;
    }
}

/// Writes the lines of each reading below its time, with an empty line between two.
pub(super) fn write_blocks(
    readings: &mut Readings<'_>,
    out: &mut impl Write,
) -> Result<(), ListingError> {
    // It may be a terminal that can only print.
    let colour = colour_on_terminal();
    loop {
        let is_first = readings.schedule.is_first();
        let reading = readings.read(Consistency::Once)?;
        if !is_first {
            writeln!(out)?;
        }
        let headline = readings.headline(&reading);
        let lines = readings.make_lines(&reading)?;
        write!(out, "{headline}\n{}", lines_to_text(&lines, colour))?;
        out.flush()?;
        if readings.schedule.was_last() {
            return Ok(());
        }
        terminal::wait_for_reader(readings.schedule.next())?;
    }
}
