// SPDX-License-Identifier: MIT

//! The table again and again where nothing can be drawn in place: as blocks of lines,
//! and as JSON.

use std::io::Write;

use ipvs_client::Consistency;

use super::{
    listing::Listing,
    reading::{Reading, Readings},
    terminal,
};
use crate::{
    json::Origin,
    output::{JsonWriter, ListingError, write_entries},
};

/// Writes a document for each reading, one a line.
pub(super) fn write_json(
    readings: &mut Readings<'_>,
    out: &mut impl Write,
) -> Result<(), ListingError> {
    loop {
        let Reading { snapshot, time, .. } = readings.read_table(Consistency::Agreed)?;
        let origin = Origin {
            ipvs: &snapshot.info,
            interface: snapshot.interface,
        };
        let writer = JsonWriter::begin_timed(&mut *out, origin, &time)?;
        write_entries(writer, snapshot.entries.into_iter().map(Ok))?;
        out.flush()?;
        if readings.schedule().was_last() {
            return Ok(());
        }
        terminal::wait_for_reader(readings.schedule().next())?;
    }
}

/// Writes the lines of each reading below its time, with an empty line between two.
pub(super) fn write_blocks(
    listing: &mut impl Listing,
    colour: bool,
    out: &mut impl Write,
) -> Result<(), ListingError> {
    loop {
        let is_first = listing.schedule().is_first();
        let reading = listing.read()?;
        if !is_first {
            writeln!(out)?;
        }
        let headline = listing.headline(&reading);
        let text = listing.make_text(&reading, colour)?;
        write!(out, "{headline}\n{text}")?;
        out.flush()?;
        if listing.schedule().was_last() {
            return Ok(());
        }
        terminal::wait_for_reader(listing.schedule().next())?;
    }
}
