// SPDX-License-Identifier: MIT

//! Which real server gets a connection: every scheduler of the kernel, by the
//! choices that tell it from its neighbours.
//!
//! Connections stay open where a scheduler counts them, so that each choice is
//! the one that its formula gives. Real servers are numbered from 1. The kernel
//! puts a new one at the beginning of its list, and where several are equally
//! good most schedulers take the first: the one that was added last.

mod hashing;
mod limits;
mod load;
mod locality;
mod priority;
mod turns;
mod twos;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use ipvs_lab::network::Network;
use ipvs_lab::talk::{Conversation, Protocol};
use ipvs_lab::wait;
use serde_json::Value;

use super::{Family, PORT, behind, kind, respond, service};
use crate::ipvsadm;

/// In the place of a server's number: nobody, the director refused the client.
const REFUSED: usize = 0;
/// Any address and port of the client's.
const ANY: (Ipv4Addr, u16) = (Ipv4Addr::UNSPECIFIED, 0);

/// A virtual service, and the conversations through it that are still open.
struct Service<'a> {
    network: &'a Network,
    protocol: Protocol,
    /// The words that name it on a command line.
    name: String,
    /// Where clients ask, if they are not told another address.
    address: SocketAddr,
    held: Vec<Held>,
}

struct Held {
    server: usize,
    conversation: Conversation,
}

impl<'a> Service<'a> {
    /// Adds a virtual service over TCP, at this port of the virtual address,
    /// with the first servers of the network, each with the settings given for
    /// it (`-w 3`). They are added in their order.
    fn tcp(network: &'a Network, port: u16, scheduler: &str, servers: &[&str]) -> Self {
        Self::at(network, Protocol::Tcp, port, scheduler, servers)
    }

    /// As [`Service::tcp`], over UDP.
    fn udp(network: &'a Network, port: u16, scheduler: &str, servers: &[&str]) -> Self {
        Self::at(network, Protocol::Udp, port, scheduler, servers)
    }

    fn at(
        network: &'a Network,
        protocol: Protocol,
        port: u16,
        scheduler: &str,
        servers: &[&str],
    ) -> Self {
        let address = service(Family::V4, port);
        let name = format!("{} {address}", protocol.option());
        Self {
            network,
            protocol,
            name,
            address,
            held: Vec::new(),
        }
        .add(scheduler, servers)
    }

    /// As [`Service::tcp`], for what has this firewall mark.
    fn marked(network: &'a Network, mark: u8, scheduler: &str, servers: &[&str]) -> Self {
        Self {
            network,
            protocol: Protocol::Tcp,
            name: format!("-f {mark}"),
            address: service(Family::V4, PORT),
            held: Vec::new(),
        }
        .add(scheduler, servers)
    }

    fn add(self, scheduler: &str, servers: &[&str]) -> Self {
        let Self { name, network, .. } = &self;
        // Every refusal is to be told at once, not one a second.
        network.director.sysctl("ipv4/icmp_ratelimit", "0").unwrap();
        ipvsadm(&network.director, &format!("-A {name} -s {scheduler}"));
        for (number, settings) in (1..).zip(servers) {
            self.change("-a", number, &format!("-m {settings}"));
        }
        self
    }

    /// Gives a server these settings in the place of all that it had.
    fn edit(&self, server: usize, settings: &str) {
        self.change("-e", server, &format!("-m {settings}"));
    }

    fn remove(&self, server: usize) {
        self.change("-d", server, "");
    }

    fn change(&self, command: &str, server: usize, settings: &str) {
        let Self { name, network, .. } = self;
        let real = network.servers[server - 1].addresses.v4;
        ipvsadm(
            &network.director,
            &format!("{command} {name} -r {real}:{PORT} {settings}"),
        );
    }

    /// The active and inactive connections of each server, in their order.
    fn connections(&self) -> Vec<[u64; 2]> {
        let Self { name, network, .. } = self;
        let listing = ipvsadm(&network.director, &format!("-L --json {name}"));
        let table: Value = serde_json::from_str(&listing).unwrap();
        let servers = table["services"][0]["destinations"].as_array().unwrap();
        let counts = ["active_connections", "inactive_connections"];
        servers
            .iter()
            .map(|server| counts.map(|count| server[count].as_u64().unwrap()))
            .collect()
    }

    /// Opens a connection from an address of the client's to this one and keeps
    /// it; returns the server's number. It has answered, so that the director
    /// has seen the end of the handshake: the connection is active.
    fn hold(&mut self, from: impl Into<SocketAddr>, to: SocketAddr) -> usize {
        let client = &self.network.client;
        let conversation = Conversation::begin_from(client, from.into(), self.protocol, to);
        let answer = conversation.and_then(|mut conversation| {
            let reply = conversation.ask()?;
            Ok((reply, conversation))
        });
        match answer {
            Ok((reply, conversation)) => {
                let server = reply.server.strip_prefix("server").unwrap();
                let server = server.parse().unwrap();
                self.held.push(Held {
                    server,
                    conversation,
                });
                server
            }
            Err(error) => {
                assert_eq!(kind(&error), io::ErrorKind::ConnectionRefused, "{error:#}");
                REFUSED
            }
        }
    }

    /// Opens this many connections, one after the other, and keeps them.
    fn hold_some(&mut self, number: usize) -> Vec<usize> {
        let address = self.address;
        (0..number).map(|_| self.hold(ANY, address)).collect()
    }

    /// Closes all connections with a server and waits until they are inactive.
    fn release(&mut self, server: usize) {
        let mut wanted = self.connections();
        let before = self.held.len();
        self.held.retain(|held| held.server != server);
        let closed = u64::try_from(before - self.held.len()).unwrap();
        let [active, inactive] = &mut wanted[server - 1];
        *active -= closed;
        *inactive += closed;
        let seen = wait::for_value(&wanted, || self.connections());
        assert_eq!(seen, wanted, "active and inactive connections");
    }
}
