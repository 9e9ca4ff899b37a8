// SPDX-License-Identifier: MIT

//! The table as one JSON document.

use std::io::{self, Write};

use ipvs_client::{Counters, Destination, Service, json::Entry};

use super::{classic::Unsaved, entries::EntryWriter};
use crate::json::{Origin, TableDocument};

/// Writes the table as a JSON document: with its counters, or only what -R
/// reads, which is what -S saves.
pub(crate) struct JsonWriter<W> {
    document: TableDocument<W>,
    counters: Counters,
    unsaved: Vec<Unsaved>,
}

impl<W: Write> JsonWriter<W> {
    /// Writes what stands before the services.
    pub(crate) fn begin(out: W, origin: Origin<'_>, counters: Counters) -> io::Result<Self> {
        Ok(Self {
            document: TableDocument::begin(out, origin, None)?,
            counters,
            unsaved: Vec::new(),
        })
    }

    /// Writes what stands before the services, with a time stamp, for a document
    /// with counters.
    pub(crate) fn begin_timed(out: W, origin: Origin<'_>, time: &str) -> io::Result<Self> {
        Ok(Self {
            document: TableDocument::begin(out, origin, Some(time))?,
            counters: Counters::Read,
            unsaved: Vec::new(),
        })
    }
}

impl<W: Write> EntryWriter for JsonWriter<W> {
    /// The entries of which -S could not save all.
    type Outcome = Vec<Unsaved>;

    fn write_entry(&mut self, service: &Service, destinations: &[Destination]) -> io::Result<()> {
        let mut entry = Entry::new(service, destinations);
        if self.counters == Counters::Skip {
            self.unsaved.extend(Unsaved::in_json(service));
            entry = entry.without_counters();
        }
        self.document.entry(&entry)
    }

    fn end(self) -> io::Result<Vec<Unsaved>> {
        self.document.end()?;
        Ok(self.unsaved)
    }
}
