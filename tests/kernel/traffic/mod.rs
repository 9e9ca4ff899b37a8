// SPDX-License-Identifier: MIT

//! Traffic under the rules: real TCP, UDP and SCTP between network
//! namespaces, through virtual services that this tree's program has set up.

mod applying;
mod drain;
mod editing;
mod forwarding;
mod listing;
mod of_one;
mod one_packet;
mod owners;
mod persistence;
mod reload;
mod schedulers;
mod sync;
mod thresholds;
mod timeouts;
mod web;
mod zero;

use std::io;
use std::net::{IpAddr, SocketAddr};

use ipvs_lab::network::{self, Network, Place, VIRTUAL};
use ipvs_lab::program;
use ipvs_lab::talk::{Conversation, Protocol, Responder};

use crate::ipvsadm;

/// The port of virtual services and servers, where nothing is said of it.
const PORT: u16 = 8000;

/// A network with real servers in these places. The director has the virtual
/// addresses and passes packets on; there is no virtual service yet.
fn network(places: impl IntoIterator<Item = Place>) -> Network {
    program::path().unwrap();
    let network = Network::new(places).unwrap();
    let addresses = virtual_addresses("front");
    network.director.ip(&addresses).unwrap();
    network::forward(&network.director).unwrap();
    network
}

/// As [`network`], with this many servers behind the director.
fn behind(servers: usize) -> Network {
    network((0..servers).map(|_| Place::Behind))
}

/// As [`network`], with this many servers beside the director. They have the
/// virtual addresses too, and leave it to the director to say so: ready for
/// direct routing.
fn beside(servers: usize) -> Network {
    let network = network((0..servers).map(|_| Place::Beside));
    for server in &network.servers {
        let server = &server.namespace;
        server.sysctl("ipv4/conf/all/arp_ignore", "1").unwrap();
        server.sysctl("ipv4/conf/all/arp_announce", "2").unwrap();
    }
    give_virtual_addresses(&network);
    network
}

/// Gives every server the virtual addresses, where nobody asks for them.
fn give_virtual_addresses(network: &Network) {
    for server in &network.servers {
        server.namespace.ip(&virtual_addresses("lo")).unwrap();
    }
}

/// The words that put the virtual addresses on an interface.
fn virtual_addresses(interface: &str) -> String {
    let network::Addresses { v4, v6 } = VIRTUAL;
    format!("addr add {v4}/32 dev {interface}\naddr add {v6}/128 dev {interface} nodad\n")
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

/// Starts a responder on each server, at the virtual addresses.
fn respond_directly(network: &Network, protocol: Protocol) -> Vec<Responder> {
    let servers = network.servers.iter();
    let addresses = servers
        .flat_map(|server| FAMILIES.map(|family| (&server.namespace, service(family, PORT))));
    addresses
        .map(|(namespace, address)| Responder::start(namespace, protocol, address).unwrap())
        .collect()
}

/// Adds a virtual service, named as `-t ADDRESS` or `-f MARK`, under round robin
/// with more options, and all servers with this port and forwarding method.
fn balance(network: &Network, service: &str, options: &str, port: u16, method: &str) {
    let family = match service.contains('[') || service.ends_with("-6") {
        true => Family::V6,
        false => Family::V4,
    };
    let director = &network.director;
    ipvsadm(director, &format!("-A {service} -s rr {options}"));
    for server in &network.servers {
        let server = SocketAddr::from((family.of(server.addresses), port));
        ipvsadm(director, &format!("-a {service} -r {server} {method}"));
    }
}

/// Asks once from this address of the client's and returns who answers.
fn ask_from(network: &Network, from: IpAddr, protocol: Protocol, to: SocketAddr) -> String {
    let from = (from, 0).into();
    let mut conversation = Conversation::begin_from(&network.client, from, protocol, to).unwrap();
    conversation.ask().unwrap().server
}

/// Returns the kind of a failure of the network.
fn kind(error: &anyhow::Error) -> io::ErrorKind {
    let cause = error.chain().find_map(|cause| cause.downcast_ref());
    cause.map(io::Error::kind).unwrap()
}

/// The address of the server with this name.
fn address_of(network: &Network, name: &str, family: Family) -> IpAddr {
    let mut servers = network.servers.iter();
    let server = servers.find(|server| server.namespace.name() == name);
    family.of(server.unwrap().addresses)
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

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

impl Family {
    fn of(self, addresses: network::Addresses) -> IpAddr {
        match self {
            Self::V4 => addresses.v4.into(),
            Self::V6 => addresses.v6.into(),
        }
    }
}
