// SPDX-License-Identifier: MIT

//! The connections that are wanted of all.

use std::net::IpAddr;

use ipnet::IpNet;

use super::ConnectionServices;
use crate::{Connection, ServiceId};

/// The connections that somebody wants to see. A new one wants all; each method leaves
/// fewer, and of several states or protocols a connection has one.
///
/// ```
/// use ipvs_client::{Client, ConnectionFilter, ConnectionServices};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let filter = ConnectionFilter::new()
///     .client("192.0.2.0/24".parse()?)
///     .state("ESTABLISHED");
/// // Only a filter with a service looks at this.
/// let services = ConnectionServices::default();
/// let mut connections = Client::open()?.connections()?;
/// while let Some(connection) = connections.next_connection()? {
///     if filter.wants(&connection, &services) {
///         println!("{}", connection.client);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionFilter {
    service: Option<ServiceId>,
    destination: Option<(IpAddr, Option<u16>)>,
    client: Option<IpNet>,
    states: Vec<String>,
    protocols: Vec<String>,
}

impl ConnectionFilter {
    /// Every connection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Those that belong to this virtual service, or may do so
    /// ([`ConnectionServices`]).
    #[must_use]
    pub fn service(mut self, service: ServiceId) -> Self {
        self.service = Some(service);
        self
    }

    /// The virtual service whose connections are wanted, if it is one.
    #[must_use]
    pub fn wanted_service(&self) -> Option<&ServiceId> {
        self.service.as_ref()
    }

    /// Those that went to this destination; without a port, to any of its ports.
    #[must_use]
    pub fn destination(mut self, address: IpAddr, port: Option<u16>) -> Self {
        self.destination = Some((address, port));
        self
    }

    /// Those of the clients in this network. A template stands for the network that the
    /// mask of its service makes of the client.
    #[must_use]
    pub fn client(mut self, network: IpNet) -> Self {
        self.client = Some(network);
        self
    }

    /// Those in this state, in the kernel's words, and in others that are given.
    #[must_use]
    pub fn state(mut self, state: impl Into<String>) -> Self {
        self.states.push(state.into());
        self
    }

    /// Those of this protocol, in the kernel's words, and of others that are given.
    #[must_use]
    pub fn protocol(mut self, protocol: impl Into<String>) -> Self {
        self.protocols.push(protocol.into());
        self
    }

    /// Returns whether the connection is one of those wanted. The services of the table
    /// are looked at only if those of one service are.
    #[must_use]
    pub fn wants(&self, connection: &Connection<'_>, services: &ConnectionServices) -> bool {
        let is_one_of =
            |words: &[String], word| words.is_empty() || words.iter().any(|one| one == word);
        is_one_of(&self.protocols, connection.protocol)
            && is_one_of(&self.states, connection.state)
            && self.destination.is_none_or(|(address, port)| {
                connection.destination.ip() == address
                    && port.is_none_or(|port| connection.destination.port() == port)
            })
            && self
                .client
                .is_none_or(|network| network.contains(&connection.client.ip()))
            && self
                .service
                .is_none_or(|service| services.find(connection).may_be(&service))
    }
}
