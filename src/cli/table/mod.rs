// SPDX-License-Identifier: MIT

//! Reads the kernel's table, service by service or whole, in the order of a
//! listing.

mod changes;
mod file;
mod order;
mod public;

use std::{collections::HashSet, rc::Rc};

use ipvs_client::{
    Client, Consistency, Counters, Destination, Error, Info, Interface, Service, ServiceId,
    ServiceSettings, Stats,
};

use self::file::{DestinationLists, Outcome, is_worth_reading};
pub(crate) use self::{
    changes::{Look, TableChange, find_changes},
    order::{compare_destinations, compare_services},
    public::{is_tunneling, read_public_entries},
};
use crate::command::ListTable;

/// A virtual service with its destinations.
pub(crate) type Entry = (Service, Vec<Destination>);

/// The way to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// An interface of the kernel.
    Kernel,
    /// The files that everybody may read.
    Files,
}

/// The parts of the table that are read, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadOptions {
    pub(crate) counters: Counters,
    pub(crate) consistency: Consistency,
    /// By address and port; else in the kernel's order.
    pub(crate) sorted: bool,
}

/// The whole of what a listing shows, as it was at one time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) info: Info,
    /// The interface over which it was read.
    pub(crate) interface: Interface,
    pub(crate) entries: Vec<Entry>,
}

impl Snapshot {
    /// Reads it, with counters.
    pub(crate) fn read(
        table: &ListTable,
        consistency: Consistency,
        client: &mut Client,
    ) -> ipvs_client::Result<Self> {
        let info = client.info()?;
        let interface = client.interface();
        let options = ReadOptions {
            counters: Counters::Read,
            consistency,
            sorted: table.sorted,
        };
        let entries = read_entries(client, table.service.as_ref(), options)?;
        Ok(Self {
            info,
            interface,
            entries: entries.collect::<Result<_, _>>()?,
        })
    }
}

/// A virtual service of a listing while others are read: of a large table, no
/// more than its order and its row need.
type ListedService = (ServiceId, Content);

/// A service apart from its identity.
#[derive(Debug)]
struct Content {
    /// Shared by the services that have the same.
    settings: Rc<SharedSettings>,
    /// Counters, if they were read.
    stats: Option<Box<Stats>>,
}

impl Content {
    fn to_service(&self, id: ServiceId) -> Service {
        let mut service = Service::new(id, self.settings.settings.clone());
        service.unknown_flags = self.settings.unknown_flags;
        service.stats = self.stats.as_deref().copied();
        service
    }
}

/// The settings of a service, and the flags that have no name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct SharedSettings {
    settings: ServiceSettings,
    unknown_flags: u32,
}

/// The settings of services, each kept once.
#[derive(Default)]
struct KnownSettings {
    /// Most tables have the same many times in a row.
    last: Option<Rc<SharedSettings>>,
    /// Those that came before, if there were others: it takes a system call to
    /// seed the hashes.
    earlier: Option<HashSet<Rc<SharedSettings>>>,
}

impl KnownSettings {
    fn share(&mut self, settings: SharedSettings) -> Rc<SharedSettings> {
        let Some(last) = &self.last else {
            return Rc::clone(self.last.insert(Rc::new(settings)));
        };
        if **last == settings {
            return Rc::clone(last);
        }
        let earlier = self.earlier.get_or_insert_default();
        earlier.insert(Rc::clone(last));
        let known = earlier.get(&settings).cloned();
        Rc::clone(self.last.insert(known.unwrap_or_else(|| Rc::new(settings))))
    }
}

/// Reads one service or all, and then the destinations of each when its turn
/// comes.
pub(crate) fn read_entries(
    client: &mut Client,
    service: Option<&ServiceId>,
    options: ReadOptions,
) -> ipvs_client::Result<impl Iterator<Item = ipvs_client::Result<Entry>>> {
    let services = read_services(client, service, options)?;
    Ok(services.into_iter().map(move |(id, content)| {
        let destinations = read_destinations(client, &id, options)?;
        Ok((content.to_service(id), destinations))
    }))
}

/// Reads the whole table as far as the plain listing shows it: the scheduler and flags
/// of services, and of destinations the forwarding method, the weight and the
/// connections. Nothing else of a destination is to be looked at.
///
/// One dump and one file tell that of all services, where each would take a dump of
/// its own otherwise.
pub(crate) fn read_plain_entries(
    client: &mut Client,
    sorted: bool,
) -> ipvs_client::Result<impl Iterator<Item = ipvs_client::Result<Entry>>> {
    let mut options = ReadOptions {
        counters: Counters::Skip,
        consistency: Consistency::Once,
        sorted: false,
    };
    let mut services = read_services(client, None, options)?;
    let mut lists = None;
    // Other interfaces do not show all that the file has.
    if is_worth_reading(services.len()) && client.interface() == Interface::Netlink {
        match DestinationLists::read(client, services.iter().map(|(id, _)| id)) {
            Outcome::Same(same) => lists = Some(same),
            Outcome::Different => {
                // Some may be missing from the dump.
                options.consistency = Consistency::Agreed;
                services = match read_services(client, None, options) {
                    Err(Error::KeptChanging { .. }) => services,
                    read => read?,
                };
            }
            Outcome::Unreadable => {}
        }
    }
    let mut places: Vec<usize> = (0..services.len()).collect();
    if sorted {
        places.sort_unstable_by(|a, b| match (services.get(*a), services.get(*b)) {
            (Some((a, _)), Some((b, _))) => compare_services(a, b),
            _ => a.cmp(b),
        });
    }
    options.consistency = Consistency::Once;
    options.sorted = sorted;
    Ok(places.into_iter().filter_map(move |place| {
        let (id, content) = services.get(place)?;
        let destinations = match &lists {
            Some(lists) => Ok(sort_destinations(lists.of(place).collect(), sorted)),
            None => read_destinations(client, id, options),
        };
        Some(destinations.map(|destinations| (content.to_service(*id), destinations)))
    }))
}

fn read_services(
    client: &mut Client,
    service: Option<&ServiceId>,
    options: ReadOptions,
) -> ipvs_client::Result<Vec<ListedService>> {
    let mut known = KnownSettings::default();
    let mut content = |service: Service| Content {
        settings: known.share(SharedSettings {
            settings: service.settings,
            unknown_flags: service.unknown_flags,
        }),
        stats: service
            .stats
            .filter(|_| options.counters == Counters::Read)
            .map(Box::new),
    };
    let mut services = match service {
        Some(id) => vec![(*id, content(client.service(id)?))],
        None => client.map_services(options.counters, options.consistency, content)?,
    };
    if options.sorted {
        services.sort_unstable_by(|(a, _), (b, _)| compare_services(a, b));
    }
    Ok(services)
}

fn read_destinations(
    client: &mut Client,
    service: &ServiceId,
    options: ReadOptions,
) -> ipvs_client::Result<Vec<Destination>> {
    let destinations = client.destinations_with(service, options.counters, options.consistency)?;
    Ok(sort_destinations(destinations, options.sorted))
}

fn sort_destinations(mut destinations: Vec<Destination>, sorted: bool) -> Vec<Destination> {
    if sorted {
        destinations.sort_unstable_by(|a, b| compare_destinations(&a.id, &b.id));
    }
    destinations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_settings_are_kept_once_whatever_comes_between() {
        let settings = |scheduler: &str| SharedSettings {
            settings: ServiceSettings::new(scheduler),
            unknown_flags: 0,
        };
        let mut known = KnownSettings::default();
        let [first, second, third, fourth] =
            ["rr", "rr", "wrr", "rr"].map(|name| known.share(settings(name)));
        assert!(Rc::ptr_eq(&first, &second) && Rc::ptr_eq(&first, &fourth));
        assert_eq!((&*first, &*third), (&settings("rr"), &settings("wrr")));
    }

    #[test]
    fn what_is_kept_of_a_service_of_a_large_table_is_small() {
        assert!(
            size_of::<ListedService>() <= 40,
            "{}",
            size_of::<ListedService>()
        );
    }
}
