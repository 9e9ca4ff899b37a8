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

#[cfg(test)]
mod tests {
    use ipvs_client::{Info, Interface, ServiceSettings, Version};
    use serde_json::Value;

    use super::*;

    fn write(counters: Counters) -> (Value, Vec<Unsaved>) {
        let settings = ServiceSettings::new("rr");
        let mut service = Service::new("TCP 10.0.0.1:80".parse().unwrap(), settings);
        service.stats = Some(ipvs_client::Stats::default());
        service.unknown_flags = 0x100;
        let info = Info::new(Version(0x0001_0201), 4096);
        let origin = Origin {
            ipvs: &info,
            interface: Interface::Netlink,
        };
        let mut text = Vec::new();
        let mut writer = JsonWriter::begin(&mut text, origin, counters).unwrap();
        writer.write_entry(&service, &[]).unwrap();
        let unsaved = writer.end().unwrap();
        (serde_json::from_slice(&text).unwrap(), unsaved)
    }

    #[test]
    fn what_is_to_be_restored_has_no_counters_and_names_what_it_loses() {
        let (document, unsaved) = write(Counters::Skip);
        assert_eq!(document.pointer("/services/0/stats"), None);
        let words: Vec<String> = unsaved.iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            ["cannot save virtual service TCP 10.0.0.1:80: \
             the document has no field for its flags"]
        );
    }

    #[test]
    fn what_is_to_be_seen_has_counters_and_loses_nothing() {
        let (document, unsaved) = write(Counters::Read);
        assert!(document.pointer("/services/0/stats").is_some());
        assert_eq!(unsaved, []);
    }
}
