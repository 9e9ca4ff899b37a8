// SPDX-License-Identifier: MIT

//! The whole table as one document.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::service::{Entry, ServiceIn};
use crate::{Change, Destination, Info, Interface, Service};

/// The version of the form. It changes when a reader of the old form would misread
/// the new one; new fields do not change it.
pub const SCHEMA_VERSION: u32 = 1;

/// All virtual services with their destinations: the document that
/// `ipvsadm -L --json` and `ipvsadm -S --json` write.
///
/// To write one, begin with the default:
///
/// ```
/// use ipvs_client::{Client, json::Table};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut client = Client::open()?;
/// let mut table = Table::default();
/// table.info = Some(client.info()?);
/// table.interface = client.interface();
/// for service in client.services()? {
///     let destinations = client.destinations(&service.id)?;
///     table.services.push((service, destinations));
/// }
/// println!("{}", serde_json::to_string(&table)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Table {
    /// The kernel's IPVS, where it was read.
    pub info: Option<Info>,
    /// The interface over which it was read. Not all of them show all of it.
    pub interface: Interface,
    /// Each service, and its destinations.
    pub services: Vec<(Service, Vec<Destination>)>,
}

impl Table {
    /// The changes that add all of it to an empty table, in order.
    pub fn changes(&self) -> impl Iterator<Item = Change> {
        self.services.iter().flat_map(|(service, destinations)| {
            let add = Change::AddService(service.id, service.settings.clone());
            let add_destinations = destinations.iter().map(|destination| {
                Change::AddDestination(service.id, destination.id, destination.settings)
            });
            std::iter::once(add).chain(add_destinations)
        })
    }
}

fn is_netlink(interface: &Interface) -> bool {
    *interface == Interface::Netlink
}

#[derive(Serialize)]
struct TableOut<'a> {
    schema_version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipvs: Option<&'a Info>,
    #[serde(skip_serializing_if = "is_netlink")]
    interface: Interface,
    services: Vec<Entry<'a>>,
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let services = self.services.iter();
        let form = TableOut {
            schema_version: SCHEMA_VERSION,
            ipvs: self.info.as_ref(),
            interface: self.interface,
            services: services
                .map(|(service, destinations)| Entry::new(service, destinations))
                .collect(),
        };
        form.serialize(serializer)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableIn<'a> {
    schema_version: u32,
    #[serde(default)]
    ipvs: Option<Info>,
    #[serde(default)]
    interface: Interface,
    /// Of the reading, where it was made again and again.
    #[serde(default)]
    #[expect(dead_code, reason = "it may be there and says nothing about the table")]
    time: de::IgnoredAny,
    #[serde(borrow)]
    services: Vec<ServiceIn<'a>>,
}

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = TableIn::deserialize(deserializer)?;
        if form.schema_version != SCHEMA_VERSION {
            return Err(de::Error::custom(format_args!(
                "the document has schema version {}, not {SCHEMA_VERSION}",
                form.schema_version
            )));
        }
        let mut services = Vec::with_capacity(form.services.len());
        for mut service in form.services {
            let destinations = service.take_destinations();
            let service = service.into_service().map_err(de::Error::custom)?;
            services.push((service, destinations));
        }
        Ok(Self {
            info: form.ipvs,
            interface: form.interface,
            services,
        })
    }
}
