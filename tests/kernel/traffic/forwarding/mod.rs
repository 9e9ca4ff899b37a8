// SPDX-License-Identifier: MIT

//! The ways to forward: where packets and replies go.
//!
//! Where a packet went the server tells, which also says whom it saw, and the
//! director's list of connections. Whether the reply went through the director
//! its counters tell: those of outgoing packets stay at zero if not.

mod direct_routing;
mod full_nat;
mod local;
mod masquerading;
mod tunneling;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ipvs_lab::network::{CLIENT, Network};
use ipvs_lab::talk::{Conversation, Protocol};
use ipvs_lab::{Answer, Namespace, packages, wait};
use serde_json::Value;

use super::Family;
use crate::ipvsadm;

const PROTOCOLS: [Protocol; 3] = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];
/// The number of conversations that a client has with each virtual service.
const CONVERSATIONS: usize = 4;

/// A virtual service with its destinations.
struct Service {
    protocol: Protocol,
    address: SocketAddr,
    /// By the name of the server that is there.
    destinations: BTreeMap<String, SocketAddr>,
    /// The words of `ipvsadm` for the method.
    method: String,
}

impl Service {
    /// Sets a service up that takes its destinations in turn.
    fn add(
        director: &Namespace,
        protocol: Protocol,
        address: SocketAddr,
        method: &str,
        destinations: impl IntoIterator<Item = (String, SocketAddr)>,
    ) -> Self {
        let service = Self {
            protocol,
            address,
            destinations: destinations.into_iter().collect(),
            method: method.to_owned(),
        };
        let name = service.name();
        ipvsadm(director, &format!("-A {name} -s rr"));
        for destination in service.destinations.values() {
            ipvsadm(director, &format!("-a {name} -r {destination} {method}"));
        }
        service
    }

    /// Sets a service up at this address whose destinations are all servers, on
    /// the given port and in the family of the address.
    fn all(
        network: &Network,
        protocol: Protocol,
        address: SocketAddr,
        method: &str,
        port: u16,
    ) -> Self {
        let destinations = network.servers.iter().map(|server| {
            let own = match address {
                SocketAddr::V4(_) => Family::V4.of(server.addresses),
                SocketAddr::V6(_) => Family::V6.of(server.addresses),
            };
            (server.namespace.name().to_owned(), (own, port).into())
        });
        Self::add(&network.director, protocol, address, method, destinations)
    }

    /// The words of `ipvsadm` for it.
    fn name(&self) -> String {
        format!("{} {}", self.protocol.option(), self.address)
    }

    /// Has conversations with it, all open at the same time. Each must be
    /// answered by the server that the director's table says is its
    /// destination, all servers equally often, and the servers must have `seen`
    /// the client under this address.
    fn converse(&self, network: &Network, seen: IpAddr) {
        let mut conversations = Vec::new();
        let mut shares = BTreeMap::<String, usize>::new();
        for _ in 0..CONVERSATIONS {
            let talk = Conversation::begin(&network.client, self.protocol, self.address);
            let mut talk = talk.unwrap_or_else(|error| panic!("{self}: {error:#}"));
            let reply = talk.ask();
            let reply = reply.unwrap_or_else(|error| panic!("{self}: {error:#}"));
            assert_eq!(reply.client.ip(), seen, "{self}");
            *shares.entry(reply.server.clone()).or_default() += 1;
            conversations.push((talk, reply.server));
        }
        let each = CONVERSATIONS / self.destinations.len();
        let wanted = self.destinations.keys().map(|name| (name.clone(), each));
        assert_eq!(shares, wanted.collect(), "{self}");

        let listing = ipvsadm(&network.director, "-L -n -c");
        let client = match self.address {
            SocketAddr::V4(_) => Family::V4.of(CLIENT),
            SocketAddr::V6(_) => Family::V6.of(CLIENT),
        };
        for (talk, server) in conversations {
            let port = talk.local().unwrap().port();
            let ends = [
                format!("{:?}", self.protocol).to_uppercase(),
                SocketAddr::from((client, port)).to_string(),
                self.address.to_string(),
                self.destinations[&server].to_string(),
            ];
            let found = listing.lines().filter(|line| {
                let words: Vec<_> = line.split_ascii_whitespace().collect();
                words.len() > 5 && [words[0], words[3], words[4], words[5]] == ends
            });
            assert_eq!(found.count(), 1, "{self}: {ends:?} in\n{listing}");
        }
    }

    /// Waits until the kernel shows what [`Service::converse`] has made it
    /// count, of the service and of the destinations, and asserts whether the
    /// replies went through the director.
    fn assert_counted(&self, director: &Namespace, replies: Replies) {
        let mut table = Value::Null;
        let counted = wait::for_value(&true, || {
            let text = ipvsadm(director, &format!("-L --json {}", self.name()));
            table = serde_json::from_str(&text).unwrap();
            self.counters(&table)
                .iter()
                .all(|(stats, conversations)| self.is_counted(stats, *conversations, replies))
        });
        assert!(counted, "{self}: {table:#}");
        for (stats, _) in self.counters(&table) {
            let outgoing = stats["out_packets"].as_u64().unwrap();
            let through = replies == Replies::ThroughDirector;
            assert_eq!(outgoing > 0, through, "{self}: {table:#}");
        }
    }

    /// The counters of the service and of each destination, with the number of
    /// conversations that each has had.
    fn counters<'a>(&self, table: &'a Value) -> Vec<(&'a Value, usize)> {
        let service = &table["services"][0];
        let destinations = service["destinations"].as_array().unwrap();
        assert_eq!(destinations.len(), self.destinations.len(), "{self}");
        let each = CONVERSATIONS / destinations.len();
        let destinations = destinations.iter().map(|one| (&one["stats"], each));
        [(&service["stats"], CONVERSATIONS)]
            .into_iter()
            .chain(destinations)
            .collect()
    }

    /// Returns whether all of so many conversations is counted. The kernel shows each
    /// set of counters as it was at one time.
    fn is_counted(&self, stats: &Value, conversations: usize, replies: Replies) -> bool {
        // A connection and a line over it take three packets each way at least.
        let least = match self.protocol {
            Protocol::Udp => conversations,
            Protocol::Tcp | Protocol::Sctp => 3 * conversations,
        };
        let number = |name: &str| usize::try_from(stats[name].as_u64().unwrap()).unwrap();
        number("connections") == conversations
            && number("in_packets") >= least
            && (replies == Replies::PassBy || number("out_packets") >= least)
    }
}

/// For messages.
impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} to", self.name(), self.method)?;
        self.destinations
            .values()
            .try_for_each(|destination| write!(f, " {destination}"))
    }
}

/// The way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Replies {
    ThroughDirector,
    PassBy,
}

/// Returns what `ip -s -j link` says of an interface.
fn link(namespace: &Namespace, interface: &str) -> Value {
    let mut ip = namespace.command(packages::IP.find().unwrap());
    ip.args(["-s", "-j", "link", "show", "dev", interface]);
    let Answer { stdout, status, .. } = Answer::of(ip, "").unwrap();
    assert_eq!(status, 0, "{interface}");
    let links: Value = serde_json::from_str(&stdout).unwrap();
    links[0].clone()
}
