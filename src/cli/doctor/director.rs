// SPDX-License-Identifier: MIT

//! The facts about a director that its checks are made of.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipvs_client::{
    DaemonRole, Destination, DestinationId, ForwardingMethod, Service, ServiceId, SyncDaemon,
};

use super::{check::Unknown, machine::Machine};
use crate::{
    system::{
        firewall::Firewall, interfaces::Interface, multicast::MulticastGroup, routes::Route,
        sockets::ListeningSocket, sync_messages::Heard,
    },
    table::Entry,
};

/// The facts about a director.
#[derive(Clone, Debug)]
pub(crate) struct Director {
    pub(crate) machine: Machine,
    /// The virtual service that was asked about; all if none was.
    pub(crate) asked: Option<ServiceId>,
    pub(crate) table: Result<Table, Unknown>,
    /// The ways to the virtual addresses and to the real servers; `None` where there is
    /// no way.
    pub(crate) routes: Result<BTreeMap<IpAddr, Option<Route>>, Unknown>,
    /// The rules of the firewall, where the table makes them matter.
    pub(crate) firewall: Result<Firewall, Unknown>,
    /// The sockets that wait for clients.
    pub(crate) sockets: Result<Vec<ListeningSocket>, Unknown>,
    /// The interfaces that put packets together when they arrive (large receive offload).
    pub(crate) large_receive: Result<BTreeSet<String>, Unknown>,
    /// The number of packets that a reverse path filter has dropped.
    pub(crate) path_drops: Option<u64>,
    /// The sync daemons that run.
    pub(crate) daemons: Result<Vec<SyncDaemon>, Unknown>,
    /// The multicast groups that interfaces have joined.
    pub(crate) groups: Result<Vec<MulticastGroup>, Unknown>,
    /// The messages of other sync daemons that came while this program listened. It only
    /// does where a backup takes those with one syncid.
    pub(crate) heard: Result<BTreeSet<Heard>, Unknown>,
    /// The number of messages that the daemon of a backup has lost.
    pub(crate) lost_messages: Result<u64, Unknown>,
    /// The connections that are open. They are only read while the kernel drops packets of
    /// those whose server is gone.
    pub(crate) open_connections: Result<OpenConnections, Unknown>,
    /// The number of buckets of the connection table.
    pub(crate) buckets: Result<u32, Unknown>,
    /// It may be another director that has the virtual addresses now, for this reason.
    pub(crate) standby: Option<String>,
}

/// The number of open connections of TCP and SCTP, by the virtual address and port that the
/// clients asked and by real server. Of UDP nobody knows which are still in use.
pub(crate) type OpenConnections = BTreeMap<(ServiceId, DestinationId), u64>;

/// The virtual services that are looked at.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// In the order of a listing.
    pub(crate) entries: Vec<Entry>,
    /// Only the parts are known that everybody may read: no thresholds.
    pub(crate) is_partial: bool,
}

/// A real server of a virtual service.
#[derive(Clone, Copy)]
pub(super) struct Server<'a> {
    pub(super) service: &'a Service,
    pub(super) server: &'a Destination,
}

impl Server<'_> {
    pub(super) fn id(&self) -> &DestinationId {
        &self.server.id
    }

    pub(super) fn method(&self) -> ForwardingMethod {
        self.server.settings.forwarding_method
    }

    /// Returns the name that findings have for it.
    pub(super) fn name(&self) -> String {
        format!("server {} of {}", self.server.id, self.service.id)
    }
}

/// The way to a real server.
pub(super) enum Way<'a> {
    /// The server is the director itself.
    Local,
    /// By this interface, if it can be told, and handed to a router or to the server.
    By {
        interface: Option<&'a Interface>,
        route: &'a Route,
    },
    None,
}

impl Director {
    pub(super) fn table(&self) -> Result<&[Entry], Unknown> {
        let table = self.table.as_ref().map_err(Clone::clone)?;
        Ok(&table.entries)
    }

    pub(super) fn daemons(&self) -> Result<&[SyncDaemon], Unknown> {
        self.daemons.as_deref().map_err(Clone::clone)
    }

    /// Returns true if it learns of the connections of another director.
    pub(super) fn has_backup_daemon(&self) -> Result<bool, Unknown> {
        let mut daemons = self.daemons()?.iter();
        Ok(daemons.any(|daemon| daemon.role == DaemonRole::Backup))
    }

    /// Returns the real servers of all virtual services, one after the other.
    pub(super) fn servers(&self) -> Result<impl Iterator<Item = Server<'_>>, Unknown> {
        Ok(self.table()?.iter().flat_map(|(service, servers)| {
            servers.iter().map(move |server| Server { service, server })
        }))
    }

    /// Returns the way to a virtual address or a real server.
    pub(super) fn way_to(&self, address: IpAddr) -> Result<Way<'_>, Unknown> {
        let routes = self.routes.as_ref().map_err(Clone::clone)?;
        Ok(match routes.get(&address) {
            Some(Some(route)) if route.local => Way::Local,
            Some(Some(route)) => Way::By {
                interface: match route.interface {
                    Some(index) => self.machine.interface(index)?,
                    None => None,
                },
                route,
            },
            Some(None) | None => Way::None,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use ipvs_client::{DestinationSettings, ServiceSettings};

    use super::*;
    use crate::doctor::check::Finding;

    /// A director with this table. Its ways are those to the networks of its interfaces,
    /// and by way of the first address of the first network to all else.
    pub(in crate::doctor) fn director(machine: Machine, table: Vec<Entry>) -> Director {
        let wanted = table.iter().flat_map(|(service, servers)| {
            let address = match service.id {
                ServiceId::Address { address, .. } => Some(address),
                ServiceId::Fwmark { .. } => None,
            };
            let servers = servers.iter().map(|server| server.id.address);
            address.into_iter().chain(servers)
        });
        let routes = wanted.map(|address| {
            let own = machine.addresses().unwrap();
            let is_up = |index| machine.interface(index).unwrap().unwrap().up;
            let own = own.iter().filter(|own| is_up(own.interface));
            let near = own
                .clone()
                .find(|own| own.is_in_network_of(address))
                .or_else(|| {
                    own.clone()
                        .find(|own| !own.is_host() && own.address.is_ipv4() == address.is_ipv4())
                });
            let is_local = own.clone().any(|own| own.address == address);
            let route = near.map(|near| Route {
                local: is_local,
                interface: Some(near.interface),
                gateway: (!near.is_in_network_of(address)).then_some(near.address),
                source: Some(near.address),
            });
            (address, route)
        });
        Director {
            routes: Ok(routes.collect()),
            asked: None,
            table: Ok(Table {
                entries: table,
                is_partial: false,
            }),
            firewall: Ok(Firewall::default()),
            sockets: Ok(Vec::new()),
            large_receive: Ok(BTreeSet::new()),
            path_drops: Some(0),
            daemons: Ok(Vec::new()),
            groups: Ok(Vec::new()),
            heard: Ok(BTreeSet::new()),
            lost_messages: Ok(0),
            open_connections: Ok(BTreeMap::new()),
            buckets: Ok(4096),
            standby: None,
            machine,
        }
    }

    /// A virtual service with its real servers, as an address and port each.
    pub(in crate::doctor) fn entry(
        id: &str,
        settings: DestinationSettings,
        servers: &[&str],
    ) -> Entry {
        let service = Service::new(id.parse().unwrap(), ServiceSettings::new("rr"));
        let servers = servers.iter();
        let servers = servers.map(|server| Destination::new(server.parse().unwrap(), settings));
        (service, servers.collect())
    }

    /// The sentences of findings, each with its commands.
    pub(in crate::doctor) fn told(
        findings: Result<Vec<Finding>, Unknown>,
    ) -> Vec<(String, Vec<String>)> {
        let findings = findings.unwrap().into_iter();
        findings
            .map(|finding| {
                let Finding {
                    object,
                    message,
                    commands,
                    ..
                } = finding;
                (format!("{object} {message}"), commands)
            })
            .collect()
    }
}
