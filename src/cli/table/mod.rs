// SPDX-License-Identifier: MIT

//! The table: read from the kernel and handed to an output, service by service
//! or whole.

mod order;

use std::{collections::HashSet, io::Write, rc::Rc};

use ipvs_client::{
    Client, Consistency, Counters, Destination, Info, Service, ServiceId, ServiceSettings, Stats,
};

use crate::{
    command::ListTable,
    failure::StdoutError,
    json,
    table::order::{compare_destinations, compare_services},
};

/// A virtual service with its destinations.
pub(crate) type Entry = (Service, Vec<Destination>);

/// All of what a listing shows, as it was at one time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) info: Info,
    pub(crate) entries: Vec<Entry>,
}

impl Snapshot {
    pub(crate) fn read(
        table: &ListTable,
        consistency: Consistency,
        client: &mut Client,
    ) -> ipvs_client::Result<Self> {
        let info = client.info()?;
        let (counters, sorted) = (Counters::Read, table.sorted);
        let service = table.service.as_ref();
        let services = services(client, service, counters, consistency, sorted)?;
        let entries = entries(client, services, counters, consistency, sorted);
        Ok(Self {
            info,
            entries: entries.collect::<Result<_, _>>()?,
        })
    }
}

/// A virtual service of a listing while others are read: of a large table, no
/// more than its order and its row need.
pub(crate) type Listed = (ServiceId, Content);

/// What its row needs beside what names it.
#[derive(Debug)]
pub(crate) struct Content {
    /// Shared by the services that have the same.
    kept: Rc<Kept>,
    /// If they were read.
    stats: Option<Box<Stats>>,
}

impl Content {
    fn service(self, id: ServiceId) -> Service {
        let Kept {
            settings,
            unknown_flags,
        } = Rc::unwrap_or_clone(self.kept);
        let mut service = Service::new(id, settings);
        service.unknown_flags = unknown_flags;
        service.stats = self.stats.map(|stats| *stats);
        service
    }
}

/// How a service is, apart from its identity and counters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kept {
    settings: ServiceSettings,
    unknown_flags: u32,
}

/// The settings of services, each kept once.
#[derive(Default)]
struct KnownSettings {
    /// Most tables have the same many times in a row.
    last: Option<Rc<Kept>>,
    /// Those that came before, if there were others: it takes a system call to
    /// seed the hashes.
    earlier: Option<HashSet<Rc<Kept>>>,
}

impl KnownSettings {
    fn share(&mut self, settings: Kept) -> Rc<Kept> {
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

/// One service, or all.
pub(crate) fn services(
    client: &mut Client,
    service: Option<&ServiceId>,
    counters: Counters,
    consistency: Consistency,
    sorted: bool,
) -> ipvs_client::Result<Vec<Listed>> {
    let mut known = KnownSettings::default();
    let mut content = |service: Service| Content {
        kept: known.share(Kept {
            settings: service.settings,
            unknown_flags: service.unknown_flags,
        }),
        stats: service
            .stats
            .filter(|_| counters == Counters::Read)
            .map(Box::new),
    };
    let mut services = match service {
        Some(id) => vec![(*id, content(client.service(id)?))],
        None => client.map_services(counters, consistency, content)?,
    };
    if sorted {
        services.sort_unstable_by(|(a, _), (b, _)| compare_services(a, b));
    }
    Ok(services)
}

fn destinations(
    client: &mut Client,
    service: &ServiceId,
    counters: Counters,
    consistency: Consistency,
    sorted: bool,
) -> ipvs_client::Result<Vec<Destination>> {
    let mut destinations = client.destinations_with(service, counters, consistency)?;
    if sorted {
        destinations.sort_unstable_by(|a, b| compare_destinations(&a.id, &b.id));
    }
    Ok(destinations)
}

/// The services with their destinations, each read when its turn comes.
pub(crate) fn entries(
    client: &mut Client,
    services: Vec<Listed>,
    counters: Counters,
    consistency: Consistency,
    sorted: bool,
) -> impl Iterator<Item = ipvs_client::Result<Entry>> {
    services.into_iter().map(move |(id, content)| {
        let destinations = destinations(client, &id, counters, consistency, sorted)?;
        Ok((content.service(id), destinations))
    })
}

pub(crate) fn write_json(
    mut document: json::TableDocument<impl Write>,
    entries: impl IntoIterator<Item = ipvs_client::Result<Entry>>,
) -> anyhow::Result<()> {
    for entry in entries {
        let (service, destinations) = entry?;
        document
            .service(&service, &destinations)
            .map_err(StdoutError)?;
    }
    Ok(document.end().map_err(StdoutError)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_settings_are_kept_once_whatever_comes_between() {
        let settings = |scheduler: &str| Kept {
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
        assert!(size_of::<Listed>() <= 40, "{}", size_of::<Listed>());
    }
}
