// SPDX-License-Identifier: MIT

//! Persistence: what keeps a client at its server, and for how long.

mod granularity;
mod lifetime;
mod servers;
mod sip;

use std::net::IpAddr;

use ipvs_lab::network::{CLIENT, Network};
use ipvs_lab::talk::Protocol;

use super::{Family, PORT, ask_from, balance, behind, respond, service};

/// Two servers behind the director.
const SERVERS: usize = 2;
/// Long enough for a template to stay as long as a test.
const LONG: &str = "-p 3000";

/// Gives the client these addresses too, and the director the way to them.
fn add_clients(network: &Network, clients: &[IpAddr]) {
    for client in clients {
        let (addresses, routes) = match client {
            IpAddr::V4(_) => (
                format!("addr add {client}/32 dev eth0"),
                format!("route add {client}/32 via {}", CLIENT.v4),
            ),
            IpAddr::V6(_) => (
                format!("addr add {client}/128 dev eth0 nodad"),
                format!("route add {client}/128 via {}", CLIENT.v6),
            ),
        };
        network.client.ip(&addresses).unwrap();
        network.director.ip(&routes).unwrap();
    }
}

/// The server of each client, each of which asks the service three times over TCP
/// and must get the same one every time.
fn servers_of(network: &Network, clients: &[IpAddr], to: std::net::SocketAddr) -> Vec<String> {
    let servers = clients.iter().map(|client| {
        let server = ask_from(network, *client, Protocol::Tcp, to);
        for _ in 0..2 {
            assert_eq!(ask_from(network, *client, Protocol::Tcp, to), server);
        }
        server
    });
    servers.collect()
}

fn addresses(addresses: &[&str]) -> Vec<IpAddr> {
    let addresses = addresses.iter();
    addresses.map(|address| address.parse().unwrap()).collect()
}
