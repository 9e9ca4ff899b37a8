// SPDX-License-Identifier: MIT

//! The part of the table that an interface does not show, from a file that does.

use std::{collections::HashSet, fmt, num::NonZeroU32};

use crate::{
    AddressFamily, Client, Consistency, Counters, Error, Interface, Operation, Result, ServiceId,
    TableEntry, TableServiceName,
};

/// The entries of a table that the interface in use does not show, all of IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hidden {
    /// Virtual services.
    pub services: usize,
    /// Destinations, those of these services and those of others.
    pub destinations: usize,
}

impl Hidden {
    /// Returns whether there is nothing that is not shown.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// `1 virtual service and 2 destinations of IPv6`
impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |number| if number == 1 { "" } else { "s" };
        if self.services > 0 {
            write!(
                f,
                "{} virtual service{}",
                self.services,
                plural(self.services)
            )?;
        }
        if self.services > 0 && self.destinations > 0 {
            f.write_str(" and ")?;
        }
        if self.destinations > 0 {
            write!(
                f,
                "{} destination{}",
                self.destinations,
                plural(self.destinations)
            )?;
        }
        f.write_str(" of IPv6")
    }
}

impl Client {
    /// Counts the entries of the table that the interface in use does not show, from
    /// `/proc/net/ip_vs`: those of the services that are inside a part of the table.
    /// Netlink shows all. The interface in use is certain once the kernel has answered.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read.
    pub fn count_hidden(&mut self, is_inside: impl Fn(&ServiceId) -> bool) -> Result<Hidden> {
        let mut hidden = Hidden::default();
        if self.interface() != Interface::SocketOptions {
            return Ok(hidden);
        }
        let mut marks: HashSet<NonZeroU32> = HashSet::new();
        for (id, ()) in self.map_services(Counters::Skip, Consistency::Once, |_| ())? {
            if let ServiceId::Fwmark { mark, .. } = id {
                marks.insert(mark);
            }
        }
        let mut table = self.whole_table_file()?;
        let mut is_wanted = false;
        let mut service_is_hidden = false;
        while let Some(entry) = table.next_entry()? {
            match entry {
                TableEntry::Service(service) => {
                    // The file has no family. The first of a mark is the one that is
                    // shown, if there is one.
                    let family = match service.name {
                        TableServiceName::Fwmark(mark) if !marks.remove(&mark) => {
                            AddressFamily::Ipv6
                        }
                        _ => AddressFamily::Ipv4,
                    };
                    let id = service.name.in_family(family);
                    is_wanted = is_inside(&id);
                    service_is_hidden = id.family() == AddressFamily::Ipv6;
                    hidden.services += usize::from(is_wanted && service_is_hidden);
                }
                TableEntry::Destination(destination) => {
                    let is_hidden = service_is_hidden || destination.id.address.is_ipv6();
                    hidden.destinations += usize::from(is_wanted && is_hidden);
                }
            }
        }
        Ok(hidden)
    }

    /// Checks, after something has been read, that nothing inside a part of the table is
    /// missing in what the interface in use shows.
    ///
    /// # Errors
    /// [`Error::Hidden`] when something is, and those of
    /// [`count_hidden`](Self::count_hidden).
    pub fn check_all_shown(&mut self, is_inside: impl Fn(&ServiceId) -> bool) -> Result<()> {
        let hidden = self.count_hidden(is_inside)?;
        if hidden.is_empty() {
            return Ok(());
        }
        Err(Error::Hidden {
            operation: Operation::ListServices,
            hidden,
        })
    }
}
