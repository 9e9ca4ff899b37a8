// SPDX-License-Identifier: MIT

//! A listing again and again: drawn in place on a terminal, one block after the other
//! elsewhere; or only what has changed.

mod changes;
mod draw;
mod follow;
mod history;
mod keys;
mod listing;
mod rates;
mod reading;
mod schedule;
mod screen;
mod state;
mod terminal;
mod text;

use std::io::{self, IsTerminal as _, Write};

use ipvs_client::{Client, Errno, ServiceId};

pub(crate) use self::text::WriteListing;
use self::{listing::Listing, reading::Readings, text::TextListing};
use crate::{
    command::{
        TableForm,
        watch::{Watch, WatchConnections, Watched},
    },
    output::{ListingError, has_colour},
    table::Source,
};

/// Shows a listing again and again, until it has been shown as often as was asked
/// for or whoever watches it ends that.
///
/// # Errors
/// When it cannot be read or shown; the terminal is what it was by then.
pub(crate) fn run(
    watch: &Watch,
    source: Source,
    client: &mut Client,
    out: &mut impl Write,
) -> Result<(), ListingError> {
    match &watch.watched {
        Watched::Changes(service, form) => {
            changes::follow(watch, service.as_ref(), *form, client, out)
        }
        Watched::Table(table, form) => {
            let mut readings = Readings::new(watch, table, *form, source, client);
            match form {
                TableForm::Json => follow::write_json(&mut readings, out),
                _ => {
                    if can_draw() && terminal::has_block_characters() {
                        readings.keep_history();
                    }
                    show(&mut readings, has_colour(table.colour), out)
                }
            }
        }
        // Whoever can write them calls `run_connections`.
        Watched::Connections(_) => Ok(()),
    }
}

/// Shows connections, or counts of them, again and again, as they are written.
///
/// # Errors
/// Those of [`run`].
pub(crate) fn run_connections(
    watch: &Watch,
    connections: &WatchConnections,
    write: &mut WriteListing<'_>,
    out: &mut impl Write,
) -> Result<(), ListingError> {
    let mut listing = TextListing::new(watch, connections, write);
    match connections.form {
        TableForm::Json => listing.write_json(out),
        // No words among connections want attention.
        _ => show(&mut listing, false, out),
    }
}

fn show(
    listing: &mut impl Listing,
    colour: bool,
    out: &mut impl Write,
) -> Result<(), ListingError> {
    if can_draw() {
        draw::run(listing, colour, out)
    } else {
        follow::write_blocks(listing, colour, out)
    }
}

/// Tells whether standard output is a terminal that can do more than print.
fn can_draw() -> bool {
    let term = std::env::var_os("TERM").unwrap_or_default();
    io::stdout().is_terminal() && !term.is_empty() && term != "dumb"
}

/// Tells whether reading one service failed because it is not there.
fn is_absent(service: Option<&ServiceId>, error: &ipvs_client::Error) -> bool {
    service.is_some() && error.errno() == Some(Errno::SRCH)
}
