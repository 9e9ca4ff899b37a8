// SPDX-License-Identifier: MIT

//! Virtual services as JSON, alone or with their destinations.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{
    destination::{DestinationForm, or_default},
    id::{OptionWord, check},
};
use crate::{
    AddressFamily, Destination, Netmask, Persistence, Protocol, SchedulerFlags, Service, ServiceId,
    ServiceSettings, Stats,
};

/// A virtual service with its destinations, as they stand in the list of services:
/// what a program writes that does not keep all of a large table.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    service: &'a Service,
    destinations: &'a [Destination],
    counters: bool,
}

impl<'a> Entry<'a> {
    /// A service and its destinations with everything that was read.
    #[must_use]
    pub const fn new(service: &'a Service, destinations: &'a [Destination]) -> Self {
        Self {
            service,
            destinations,
            counters: true,
        }
    }

    /// Leaves out what only the kernel knows, counters and numbers of connections,
    /// as `ipvsadm -S --json` does.
    #[must_use]
    pub const fn without_counters(mut self) -> Self {
        self.counters = false;
        self
    }
}

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let destinations = Destinations {
            list: self.destinations,
            counters: self.counters,
        };
        ServiceOut::of(self.service, self.counters, Some(destinations)).serialize(serializer)
    }
}

/// Without destinations, which are not part of it.
impl Serialize for Service {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ServiceOut::of(self, true, None).serialize(serializer)
    }
}

/// Without destinations, which are not part of it.
impl<'de> Deserialize<'de> for Service {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = ServiceIn::deserialize(deserializer)?;
        if form.destinations.is_some() {
            return Err(de::Error::custom(
                "a service alone has no destinations: read a Table",
            ));
        }
        form.into_service().map_err(de::Error::custom)
    }
}

/// The form of a service, to be written.
#[derive(Serialize)]
struct ServiceOut<'a> {
    id: OptionWord,
    family: AddressFamily,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<Protocol>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fwmark: Option<NonZeroU32>,
    scheduler: &'a str,
    scheduler_flags: Vec<&'static str>,
    one_packet: bool,
    persistence: Option<PersistenceForm>,
    persistence_engine: Option<&'a str>,
    /// Null where they are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Option<&'a Stats>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destinations: Option<Destinations<'a>>,
}

impl<'a> ServiceOut<'a> {
    fn of(service: &'a Service, counters: bool, destinations: Option<Destinations<'a>>) -> Self {
        let settings = &service.settings;
        let family = service.id.family();
        let (protocol, address, port, fwmark) = match service.id {
            ServiceId::Address {
                protocol,
                address,
                port,
            } => (Some(protocol), Some(address), Some(port), None),
            ServiceId::Fwmark { mark, .. } => (None, None, None, Some(mark)),
        };
        Self {
            id: (&service.id).into(),
            family,
            protocol,
            address,
            port,
            fwmark,
            scheduler: &settings.scheduler,
            scheduler_flags: settings.scheduler_flags.names(&settings.scheduler),
            one_packet: settings.one_packet,
            persistence: settings
                .persistence
                .map(|persistence| PersistenceForm::of(persistence, family)),
            persistence_engine: settings.persistence_engine.as_deref(),
            stats: counters.then_some(service.stats.as_ref()),
            destinations,
        }
    }
}

/// The list of destinations, each made into its form when its turn comes.
struct Destinations<'a> {
    list: &'a [Destination],
    counters: bool,
}

impl Serialize for Destinations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = |destination| DestinationForm::of(destination, self.counters);
        serializer.collect_seq(self.list.iter().map(form))
    }
}

/// The form of a service, as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceIn<'a> {
    #[serde(default)]
    id: Option<OptionWord>,
    #[serde(default)]
    family: Option<AddressFamily>,
    #[serde(default)]
    protocol: Option<Protocol>,
    #[serde(default)]
    address: Option<IpAddr>,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    fwmark: Option<NonZeroU32>,
    scheduler: String,
    #[serde(default, borrow)]
    scheduler_flags: Option<Vec<Cow<'a, str>>>,
    #[serde(default, deserialize_with = "or_default")]
    one_packet: bool,
    #[serde(default)]
    persistence: Option<PersistenceForm>,
    #[serde(default)]
    persistence_engine: Option<Box<str>>,
    #[serde(default)]
    stats: Option<Stats>,
    #[serde(default)]
    destinations: Option<Vec<Destination>>,
}

impl ServiceIn<'_> {
    pub(super) fn take_destinations(&mut self) -> Vec<Destination> {
        self.destinations.take().unwrap_or_default()
    }

    pub(super) fn into_service(self) -> Result<Service, String> {
        let family = match (self.family, self.address.map(AddressFamily::from)) {
            (Some(given), Some(real)) if given != real => {
                return Err("the address is not of that family".to_owned());
            }
            (_, Some(family)) | (Some(family), None) => family,
            (None, None) => AddressFamily::Ipv4,
        };
        let id = match (self.protocol, self.address, self.port, self.fwmark) {
            (Some(protocol), Some(address), Some(port), None) => ServiceId::Address {
                protocol,
                address,
                port,
            },
            (None, None, None, Some(mark)) => ServiceId::Fwmark { mark, family },
            _ => {
                return Err(
                    "either protocol, address and port or fwmark must be there, and not both"
                        .to_owned(),
                );
            }
        };
        check(self.id, (&id).into())?;
        let mut scheduler_flags = SchedulerFlags::empty();
        for name in self.scheduler_flags.unwrap_or_default() {
            scheduler_flags |= SchedulerFlags::by_name(&name, &self.scheduler)
                .ok_or_else(|| format!("{} has no flag {name:?}", self.scheduler))?;
        }
        let persistence = self
            .persistence
            .map(|form| form.into_persistence(family))
            .transpose()?;
        let settings = ServiceSettings {
            scheduler: self.scheduler,
            scheduler_flags,
            one_packet: self.one_packet,
            persistence,
            persistence_engine: self.persistence_engine,
        };
        Ok(Service {
            stats: self.stats,
            ..Service::new(id, settings)
        })
    }
}

/// The form of persistence.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersistenceForm {
    /// Seconds.
    timeout: u32,
    /// IPv4 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    netmask: Option<Ipv4Addr>,
    /// `null` for an IPv4 mask that is no prefix.
    #[serde(default)]
    prefix_length: Option<u32>,
}

impl PersistenceForm {
    fn of(persistence: Persistence, family: AddressFamily) -> Self {
        let netmask = persistence.netmask().unwrap_or(Netmask::host(family));
        let (netmask, prefix_length) = match netmask {
            Netmask::Ipv4(mask) => {
                let ones = mask.to_bits().leading_ones();
                (Some(mask), (mask == ipv4_prefix(ones)).then_some(ones))
            }
            Netmask::Ipv6(length) => (None, Some(length)),
        };
        Self {
            timeout: persistence.timeout,
            netmask,
            prefix_length,
        }
    }

    fn into_persistence(self, family: AddressFamily) -> Result<Persistence, &'static str> {
        let netmask = match (family, self.netmask, self.prefix_length) {
            (_, None, None) => Netmask::host(family),
            (AddressFamily::Ipv4, Some(mask), None) => Netmask::Ipv4(mask),
            (AddressFamily::Ipv4, Some(mask), Some(length)) if mask == ipv4_prefix(length) => {
                Netmask::Ipv4(mask)
            }
            (AddressFamily::Ipv4, Some(_), Some(_)) => {
                return Err("netmask and prefix_length say different things");
            }
            (AddressFamily::Ipv4, None, Some(length @ 0..=32)) => {
                Netmask::Ipv4(ipv4_prefix(length))
            }
            (AddressFamily::Ipv4, None, Some(_)) => {
                return Err("a prefix of IPv4 has 0 to 32 bits");
            }
            (AddressFamily::Ipv6, None, Some(length)) => Netmask::Ipv6(length),
            (AddressFamily::Ipv6, Some(_), _) => {
                return Err("only IPv4 has a netmask; IPv6 has a prefix length");
            }
        };
        Ok(Persistence::new(self.timeout).with_netmask(netmask))
    }
}

/// The mask of a prefix of so many bits.
fn ipv4_prefix(length: u32) -> Ipv4Addr {
    let host_bits = 32_u32.saturating_sub(length);
    u32::MAX.checked_shl(host_bits).unwrap_or(0).into()
}
