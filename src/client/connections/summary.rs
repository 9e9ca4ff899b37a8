// SPDX-License-Identifier: MIT

//! Connections counted: by virtual service, destination and state, and by client.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use super::{ConnectionOwner, ConnectionServices, services::OwnerKey};
use crate::Connection;

/// Counts connections by virtual service, destination and state, and the connections
/// of every client.
///
/// Memory grows with the number of these groups and of different clients, not with the
/// number of connections.
#[derive(Clone, Debug)]
pub struct ConnectionSummary<'a> {
    services: &'a ConnectionServices,
    groups: HashMap<GroupKey, u64>,
    /// The states that there were, in the order of their coming.
    states: Vec<String>,
    connections: u64,
    templates: u64,
    // Apart from each other, because nearly all clients have IPv4.
    ipv4_clients: HashMap<Ipv4Addr, u32>,
    ipv6_clients: HashMap<Ipv6Addr, u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct GroupKey {
    owner: OwnerKey,
    destination: SocketAddr,
    is_template: bool,
    /// The place in the list of states.
    state: usize,
}

/// The connections that are alike in all this, or persistence templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionGroup<'a> {
    /// The virtual service.
    pub owner: ConnectionOwner<'a>,
    /// The destination, as the table has it: with port 0 if it takes packets for every
    /// port. A template that is for every port has port 0 as well.
    pub destination: SocketAddr,
    /// The state, in the kernel's words.
    pub state: &'a str,
    /// True for templates, which are no connections: they say where new ones go.
    pub is_template: bool,
    /// The number of connections or templates.
    pub count: u64,
}

impl<'a> ConnectionSummary<'a> {
    /// Begins without connections, which the services of this table will have.
    #[must_use]
    pub fn new(services: &'a ConnectionServices) -> Self {
        Self {
            services,
            groups: HashMap::new(),
            states: Vec::new(),
            connections: 0,
            templates: 0,
            ipv4_clients: HashMap::new(),
            ipv6_clients: HashMap::new(),
        }
    }

    /// Counts a connection or template.
    pub fn add(&mut self, connection: &Connection<'_>) {
        let owner = self.services.find_key(connection);
        let is_template = connection.is_template();
        let key = GroupKey {
            owner,
            destination: self.services.find_destination(owner, connection),
            is_template,
            state: self.find_state(connection.state),
        };
        *self.groups.entry(key).or_default() += 1;
        if is_template {
            self.templates += 1;
            return;
        }
        self.connections += 1;
        let client = match connection.client.ip() {
            IpAddr::V4(client) => self.ipv4_clients.entry(client).or_default(),
            IpAddr::V6(client) => self.ipv6_clients.entry(client).or_default(),
        };
        *client = client.saturating_add(1);
    }

    fn find_state(&mut self, state: &str) -> usize {
        let known = self.states.iter().position(|known| known == state);
        known.unwrap_or_else(|| {
            self.states.push(state.to_owned());
            self.states.len() - 1
        })
    }

    /// The number of connections, without templates.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// The number of persistence templates.
    #[must_use]
    pub fn templates(&self) -> u64 {
        self.templates
    }

    /// The number of different clients that have connections.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.ipv4_clients.len() + self.ipv6_clients.len()
    }

    /// The groups: the services in the order of the table, those that are gone last; their
    /// destinations by address; connections before templates, by state.
    #[must_use]
    pub fn groups(&self) -> Vec<ConnectionGroup<'_>> {
        let state = |key: &GroupKey| self.states.get(key.state).map_or("", String::as_str);
        let mut groups: Vec<(&GroupKey, &u64)> = self.groups.iter().collect();
        groups.sort_unstable_by_key(|(key, _)| {
            (key.owner, key.destination, key.is_template, state(key))
        });
        let group = |(key, count): (&GroupKey, &u64)| ConnectionGroup {
            owner: self.services.name(key.owner),
            destination: key.destination,
            state: state(key),
            is_template: key.is_template,
            count: *count,
        };
        groups.into_iter().map(group).collect()
    }

    /// The clients with the most connections, so many of them: the busiest first, and of
    /// those with the same number the lowest address.
    #[must_use]
    pub fn busiest_clients(&self, most: usize) -> Vec<(IpAddr, u32)> {
        let ipv4 = self.ipv4_clients.iter();
        let ipv6 = self.ipv6_clients.iter();
        let all = ipv4
            .map(|(client, count)| (IpAddr::V4(*client), *count))
            .chain(ipv6.map(|(client, count)| (IpAddr::V6(*client), *count)));
        // The least busy of those kept so far is on top.
        let mut kept = BinaryHeap::new();
        for (client, count) in all {
            kept.push((Reverse(count), client));
            if kept.len() > most {
                kept.pop();
            }
        }
        let kept = kept.into_sorted_vec().into_iter();
        kept.map(|(Reverse(count), client)| (client, count))
            .collect()
    }
}
