// SPDX-License-Identifier: MIT

//! Hands the entries of the table to a form of output, one after the other.

use std::io;

use ipvs_client::{Destination, Service};

use crate::table::Entry;

/// A form that the table is written in, entry by entry. Making a value of it
/// writes the beginning, such as headings.
///
/// OpenMetrics is no such form: it needs the whole table once for each metric.
pub(crate) trait EntryWriter {
    /// The outcome of writing entries, apart from the text itself.
    type Outcome;

    /// Writes a virtual service and its destinations.
    fn write_entry(&mut self, service: &Service, destinations: &[Destination]) -> io::Result<()>;

    /// Writes the end, if the form has one.
    fn end(self) -> io::Result<Self::Outcome>;
}

/// The failure of a listing: of its reading or of its writing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListingError {
    /// The kernel's table cannot be read.
    #[error(transparent)]
    Read(#[from] ipvs_client::Error),
    /// The output cannot be written.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Writes each entry when it has been read, then the end.
pub(crate) fn write_entries<W: EntryWriter>(
    mut writer: W,
    entries: impl IntoIterator<Item = ipvs_client::Result<Entry>>,
) -> Result<W::Outcome, ListingError> {
    for entry in entries {
        let (service, destinations) = entry?;
        writer.write_entry(&service, &destinations)?;
    }
    Ok(writer.end()?)
}

/// Writes entries that have been read already, then the end.
pub(crate) fn write_list<W: EntryWriter>(
    mut writer: W,
    entries: &[Entry],
) -> io::Result<W::Outcome> {
    for (service, destinations) in entries {
        writer.write_entry(service, destinations)?;
    }
    writer.end()
}
