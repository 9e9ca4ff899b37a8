// SPDX-License-Identifier: MIT

//! Writes the table as rules that -R reads.

mod rule;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use ipvs_client::{Destination, Service, ServiceId};

pub(crate) use self::rule::RuleWriter;
use super::unsayable::{ObjectId, Unsaved, UnsavedReason, destination_words, service_words};
use crate::{names::Names, output::entries::EntryWriter};

/// Writes the table as rules that -R reads. A service or destination that no rule
/// makes becomes a comment.
pub(crate) struct SaveWriter<W> {
    out: W,
    rules: RuleWriter,
    /// The service that was written last has become a comment.
    service_unsaved: bool,
    unsaved: Vec<Unsaved>,
}

impl<W: Write> SaveWriter<W> {
    pub(crate) fn new(out: W, names: Names) -> Self {
        Self {
            out,
            rules: RuleWriter::new(names),
            service_unsaved: false,
            unsaved: Vec::new(),
        }
    }

    fn write_service(&mut self, service: &Service) -> io::Result<()> {
        let reason = UnsavedReason::of_service(service);
        self.service_unsaved = reason.is_some();
        if let Some(reason) = reason {
            let object = ObjectId::Service(service.id);
            return self.write_comment(object, &service_words(service), reason);
        }
        self.rules.set_service(&service.id);
        self.rules.write_service(&mut self.out, 'A')?;
        self.rules
            .write_service_settings(&mut self.out, &service.settings)?;
        writeln!(self.out)
    }

    /// Writes a destination of the service that was written last.
    fn write_destination(
        &mut self,
        service: &ServiceId,
        destination: &Destination,
    ) -> io::Result<()> {
        let settings = &destination.settings;
        let reason = if self.service_unsaved {
            Some(UnsavedReason::Service)
        } else {
            UnsavedReason::of_destination(service, destination)
        };
        if let Some(reason) = reason {
            let object = ObjectId::Server(*service, destination.id);
            return self.write_comment(object, &destination_words(settings), reason);
        }
        self.rules
            .write_server(&mut self.out, 'a', service, &destination.id)?;
        self.rules.write_server_settings(&mut self.out, settings)?;
        writeln!(self.out)
    }

    fn write_comment(
        &mut self,
        object: ObjectId,
        words: &str,
        reason: UnsavedReason,
    ) -> io::Result<()> {
        writeln!(self.out, "# cannot be restored: {object}{words} ({reason})")?;
        self.unsaved.push(Unsaved { object, reason });
        Ok(())
    }
}

impl<W: Write> EntryWriter for SaveWriter<W> {
    /// The services and destinations that have become comments.
    type Outcome = Vec<Unsaved>;

    fn write_entry(&mut self, service: &Service, destinations: &[Destination]) -> io::Result<()> {
        self.write_service(service)?;
        for destination in destinations {
            self.write_destination(&service.id, destination)?;
        }
        Ok(())
    }

    fn end(self) -> io::Result<Vec<Unsaved>> {
        Ok(self.unsaved)
    }
}
