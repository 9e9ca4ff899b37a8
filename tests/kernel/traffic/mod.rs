// SPDX-License-Identifier: MIT

//! What the traffic does under the rules: real TCP, UDP and SCTP between network
//! namespaces, through virtual services that this tree's program has set up.

mod forwarding;
mod web;

use std::net::{IpAddr, SocketAddr};

use ipvs_lab::network::{self, Network, Place, VIRTUAL};
use ipvs_lab::program;
use ipvs_lab::talk::{Protocol, Responder};

/// The port of virtual services and servers, where nothing is said of it.
const PORT: u16 = 8000;

/// A network with real servers in these places. The director has the virtual
/// addresses and passes packets on; there is no virtual service yet.
fn network(places: impl IntoIterator<Item = Place>) -> Network {
    program::path().unwrap();
    let network = Network::new(places).unwrap();
    network
        .director
        .ip(&format!(
            "addr add {}/32 dev front\naddr add {}/128 dev front nodad",
            VIRTUAL.v4, VIRTUAL.v6
        ))
        .unwrap();
    network::forward(&network.director).unwrap();
    network
}

/// As [`network`], with this many servers behind the director.
fn behind(servers: usize) -> Network {
    network((0..servers).map(|_| Place::Behind))
}

/// Starts a responder on each server, at its own addresses.
fn respond(network: &Network, protocol: Protocol, port: u16) -> Vec<Responder> {
    let servers = network.servers.iter();
    let addresses = servers.flat_map(|server| {
        let both = server.addresses.both();
        both.map(|address| (&server.namespace, address))
    });
    addresses
        .map(|(namespace, address)| {
            Responder::start(namespace, protocol, (address, port).into()).unwrap()
        })
        .collect()
}

/// The virtual service at the virtual address of this family.
fn service(family: Family, port: u16) -> SocketAddr {
    (family.of(VIRTUAL), port).into()
}

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

impl Family {
    fn of(self, addresses: network::Addresses) -> IpAddr {
        match self {
            Self::V4 => addresses.v4.into(),
            Self::V6 => addresses.v6.into(),
        }
    }
}
