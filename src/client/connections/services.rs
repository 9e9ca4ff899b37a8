// SPDX-License-Identifier: MIT

//! The virtual service that a connection belongs to, which the kernel's list of
//! connections does not say.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, SocketAddr},
};

use crate::{
    AddressFamily, Connection, ConnectionService, DestinationId, Protocol, Service, ServiceId,
};

/// The port of FTP's control connections (`FTPPORT` of the kernel).
const FTP: u16 = 21;
/// The port of FTP's data connections that the server opens (`FTPDATA`).
const FTP_DATA: u16 = 20;
/// Ports from here on may be those of other data connections of FTP, unless
/// `net.ipv4.ip_unprivileged_port_start` was changed.
const FIRST_UNPRIVILEGED: u16 = 1024;

/// The virtual services of a table, for finding the one of a connection.
///
/// The kernel's list has the address and port that a client has asked. From these the
/// virtual service is found as the kernel finds it when a connection begins
/// (`ip_vs_service_find`): the one of this address and port, or else for TCP the FTP
/// service of the address, if the port can be one of its data connections, or else the
/// service of port 0 of the address.
///
/// Firewall marks come before all of these in the kernel, but the list does not have the
/// marks of connections. Only templates of persistent marks say theirs. Another
/// connection is taken for one of a mark if the mark has its destination, and the
/// service of its address does not or is not there. If several marks have the
/// destination, it cannot be told which one it was.
///
/// ```
/// use ipvs_client::{Client, ConnectionOwner, ConnectionServices};
///
/// # fn main() -> ipvs_client::Result<()> {
/// let mut client = Client::open()?;
/// let mut table = Vec::new();
/// for service in client.services()? {
///     let destinations = client.destinations(&service.id)?;
///     let ids: Vec<_> = destinations.iter().map(|destination| destination.id).collect();
///     table.push((service, ids));
/// }
/// let services = ConnectionServices::new(table);
/// let mut connections = client.connections()?;
/// while let Some(connection) = connections.next_connection()? {
///     if let ConnectionOwner::Service(service) = services.find(&connection) {
///         println!("{} uses {service}", connection.client);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct ConnectionServices {
    services: Vec<ServiceId>,
    places: HashMap<ServiceId, Place>,
    /// The destinations of each service.
    destinations: HashSet<(Place, SocketAddr)>,
    /// The addresses of the destinations of each service.
    addresses: HashSet<(Place, IpAddr)>,
    /// The marks that may have made a connection.
    marks: HashMap<MarkTrace, OwnerKey>,
    /// Sets of marks that cannot be told apart.
    sets: Vec<Vec<ServiceId>>,
    /// The first port for which no right is needed, where it was said.
    first_unprivileged: Option<u16>,
}

/// A place in the list of services, or of sets.
type Place = usize;

/// The trace that a service of a mark leaves in its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct MarkTrace {
    family: AddressFamily,
    destination: SocketAddr,
    /// The port is the one that the client has asked.
    keeps_port: bool,
}

/// The virtual service of a connection, as far as the table tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionOwner<'a> {
    /// The connection belongs to this service.
    Service(ServiceId),
    /// The connection belongs to one of these firewall marks; it cannot be told which.
    OneOf(&'a [ServiceId]),
    /// The table has no service for it any more.
    Gone,
}

impl ConnectionOwner<'_> {
    /// Returns whether the connection belongs to the service, or may do so.
    #[must_use]
    pub fn may_be(&self, service: &ServiceId) -> bool {
        match self {
            Self::Service(id) => id == service,
            Self::OneOf(marks) => marks.contains(service),
            Self::Gone => false,
        }
    }
}

/// The owner of a connection by its place, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum OwnerKey {
    Service(Place),
    Set(Place),
    Gone,
}

impl ConnectionServices {
    /// Takes the services of a table, each with its destinations.
    pub fn new(table: impl IntoIterator<Item = (Service, Vec<DestinationId>)>) -> Self {
        let mut all = Self::default();
        let mut traces: HashMap<MarkTrace, Vec<Place>> = HashMap::new();
        for (service, destinations) in table {
            let place = all.services.len();
            all.services.push(service.id);
            all.places.insert(service.id, place);
            for DestinationId { address, port } in destinations {
                all.destinations.insert((place, (address, port).into()));
                all.addresses.insert((place, address));
                if let ServiceId::Fwmark { family, .. } = service.id {
                    // The kernel leaves the port of packets as it is where the
                    // destination has none, and where the mark is persistent.
                    let keeps_port = port == 0 || service.settings.persistence.is_some();
                    let port = if keeps_port { 0 } else { port };
                    let trace = MarkTrace {
                        family,
                        destination: (address, port).into(),
                        keeps_port: true,
                    };
                    traces.entry(trace).or_default().push(place);
                    if !keeps_port {
                        let trace = MarkTrace {
                            keeps_port: false,
                            ..trace
                        };
                        traces.entry(trace).or_default().push(place);
                    }
                }
            }
        }
        for (trace, marks) in &traces {
            let any_port = traces
                .get(&trace.of_any_port())
                .filter(|_| trace.keeps_port);
            let both = marks.iter().chain(any_port.into_iter().flatten());
            let mut both: Vec<Place> = both.copied().collect();
            both.sort_unstable();
            both.dedup();
            let owner = match both.as_slice() {
                [one] => OwnerKey::Service(*one),
                several => all.find_set(several),
            };
            all.marks.insert(*trace, owner);
        }
        all
    }

    /// Sets the first port of those for which no right is needed, which may be ports of FTP's
    /// data connections. The kernel has it in `net.ipv4.ip_unprivileged_port_start`, and 1024
    /// is taken where it is not said.
    #[must_use]
    pub fn first_unprivileged_port(mut self, port: u16) -> Self {
        self.first_unprivileged = Some(port);
        self
    }

    fn find_set(&mut self, places: &[Place]) -> OwnerKey {
        let marks = places.iter().filter_map(|place| self.services.get(*place));
        let marks: Vec<ServiceId> = marks.copied().collect();
        let known = self.sets.iter().position(|set| *set == marks);
        OwnerKey::Set(known.unwrap_or_else(|| {
            self.sets.push(marks);
            self.sets.len() - 1
        }))
    }

    /// Finds the virtual service that a connection belongs to.
    #[must_use]
    pub fn find(&self, connection: &Connection<'_>) -> ConnectionOwner<'_> {
        self.name(self.find_key(connection))
    }

    pub(super) fn name(&self, key: OwnerKey) -> ConnectionOwner<'_> {
        let owner = match key {
            OwnerKey::Service(place) => {
                let service = self.services.get(place);
                service.map(|service| ConnectionOwner::Service(*service))
            }
            OwnerKey::Set(place) => {
                let set = self.sets.get(place);
                set.map(|set| ConnectionOwner::OneOf(set))
            }
            OwnerKey::Gone => None,
        };
        owner.unwrap_or(ConnectionOwner::Gone)
    }

    pub(super) fn find_key(&self, connection: &Connection<'_>) -> OwnerKey {
        let virtual_end = match connection.service {
            ConnectionService::Fwmark(mark) => {
                let family = connection.client.ip().into();
                let place = self.places.get(&ServiceId::Fwmark { mark, family });
                return place.map_or(OwnerKey::Gone, |place| OwnerKey::Service(*place));
            }
            ConnectionService::Address(end) => end,
        };
        let by_address = match connection.protocol {
            "TCP" => self.find_by_address(Protocol::Tcp, virtual_end, connection),
            "UDP" => self.find_by_address(Protocol::Udp, virtual_end, connection),
            "SCTP" => self.find_by_address(Protocol::Sctp, virtual_end, connection),
            _ => None,
        };
        let has_it = |place| self.has_address(place, connection);
        if let Some(place) = by_address
            && (self.marks.is_empty() || has_it(place))
        {
            return OwnerKey::Service(place);
        }
        let mark = (!connection.is_template()).then(|| self.find_mark(virtual_end, connection));
        match (mark.flatten(), by_address) {
            (Some(owner), _) => owner,
            (None, Some(place)) => OwnerKey::Service(place),
            (None, None) => OwnerKey::Gone,
        }
    }

    fn find_by_address(
        &self,
        protocol: Protocol,
        end: SocketAddr,
        connection: &Connection<'_>,
    ) -> Option<Place> {
        let of_port = |port| {
            let id = ServiceId::address(protocol, (end.ip(), port));
            self.places.get(&id).copied()
        };
        let ftp = || of_port(FTP).filter(|_| protocol == Protocol::Tcp);
        let own = of_port(end.port());
        if connection.is_template() {
            // The template of an FTP service is for every port, as that of port 0.
            let ftp = ftp().filter(|_| end.port() == 0);
            let has_it = |place: &Place| self.has_address(*place, connection);
            return own.filter(has_it).or(ftp.filter(has_it)).or(own).or(ftp);
        }
        let first_unprivileged = self.first_unprivileged.unwrap_or(FIRST_UNPRIVILEGED);
        let may_be_data = end.port() == FTP_DATA || end.port() >= first_unprivileged;
        own.or_else(|| ftp().filter(|_| may_be_data))
            .or_else(|| of_port(0))
    }

    fn has_address(&self, place: Place, connection: &Connection<'_>) -> bool {
        let address = connection.destination.ip();
        self.addresses.contains(&(place, address))
    }

    fn find_mark(&self, end: SocketAddr, connection: &Connection<'_>) -> Option<OwnerKey> {
        let trace = MarkTrace {
            family: end.ip().into(),
            destination: connection.destination,
            keeps_port: end.port() == connection.destination.port(),
        };
        let any_port = || {
            let trace = trace.of_any_port();
            self.marks.get(&trace).filter(|_| trace.keeps_port)
        };
        self.marks.get(&trace).or_else(any_port).copied()
    }

    /// Returns the destination of a connection as the table has it: with port 0 where
    /// it has none of its own, so that there are no more of them than in the table.
    pub(super) fn find_destination(
        &self,
        owner: OwnerKey,
        connection: &Connection<'_>,
    ) -> SocketAddr {
        let end = connection.destination;
        let has = |place: Place| self.destinations.contains(&(place, end));
        let is_known = match owner {
            OwnerKey::Service(place) => has(place) || self.has_port_of(place, connection),
            OwnerKey::Set(place) => {
                let marks = self.sets.get(place).into_iter().flatten();
                marks
                    .filter_map(|mark| self.places.get(mark))
                    .any(|place| has(*place))
            }
            OwnerKey::Gone => false,
        };
        let port = if is_known { end.port() } else { 0 };
        SocketAddr::new(end.ip(), port)
    }

    /// Returns whether the service is of the very port that the client has asked.
    fn has_port_of(&self, place: Place, connection: &Connection<'_>) -> bool {
        match (self.services.get(place), connection.service) {
            (Some(ServiceId::Address { port, .. }), ConnectionService::Address(end)) => {
                *port == end.port() && *port != 0
            }
            _ => false,
        }
    }
}

impl MarkTrace {
    fn of_any_port(self) -> Self {
        Self {
            destination: SocketAddr::new(self.destination.ip(), 0),
            ..self
        }
    }
}
