// SPDX-License-Identifier: MIT

//! A listing again and again: drawn in place on a terminal, one block after the other
//! elsewhere; or only what has changed.

mod changes;
mod draw;
mod follow;
mod history;
mod keys;
mod rates;
mod reading;
mod screen;
mod state;
mod terminal;

use std::io::{self, IsTerminal as _, Write};

use ipvs_client::{Client, Errno, ServiceId};

use self::reading::Readings;
use crate::{
    command::{
        TableForm,
        watch::{Watch, Watched},
    },
    output::ListingError,
};

/// Shows a listing again and again, until it has been shown as often as was asked
/// for or whoever watches it ends that.
///
/// # Errors
/// When it cannot be read or shown; the terminal is what it was by then.
pub(crate) fn run(
    watch: &Watch,
    client: &mut Client,
    out: &mut impl Write,
) -> Result<(), ListingError> {
    match &watch.watched {
        Watched::Changes(service, form) => {
            changes::follow(watch, service.as_ref(), *form, client, out)
        }
        Watched::Table(table, form) => {
            let mut readings = Readings::new(watch, table, *form, client);
            if *form == TableForm::Json {
                follow::write_json(&mut readings, out)
            } else if can_draw() {
                draw::run(&mut readings, out)
            } else {
                follow::write_blocks(&mut readings, out)
            }
        }
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
