// SPDX-License-Identifier: MIT

//! Two directors, one of which takes over from the other: the sync daemon lets
//! connections outlive the director that they began with.

mod messages;
mod seen;
mod takeover;

use std::net::SocketAddr;

use ipvs_lab::network::{self, BACKUP, DIRECTOR, Network};
use ipvs_lab::talk::{self, Conversation, Protocol, Responder};
use ipvs_lab::{Namespace, wait};

use super::{FAMILIES, Family, PORT, behind, beside, listing, respond, respond_directly, service};
use crate::{ipvsadm, namespace};

/// The servers that clients talk to, on a network with a second director.
struct Pair {
    network: Network,
    _responders: Vec<Responder>,
}

impl Pair {
    /// Two servers behind both directors, which masquerade to them.
    fn masquerading(service: &str) -> Self {
        Self::new(behind(2), service, "-m")
    }

    /// Two servers beside both directors, which have the virtual address as
    /// well and do not tell anybody.
    fn direct_routing(service: &str) -> Self {
        Self::new(beside(2), service, "-g")
    }

    /// The same virtual services on both directors, of which the first has the
    /// virtual addresses. `service` are the words after the address.
    fn new(mut network: Network, service: &str, method: &str) -> Self {
        network.add_backup().unwrap();
        let mut responders = respond(&network, Protocol::Tcp, PORT);
        if method == "-g" {
            responders.extend(respond_directly(&network, Protocol::Tcp));
        }
        let pair = Self {
            network,
            _responders: responders,
        };
        network::forward(pair.backup()).unwrap();
        for director in [pair.director(), pair.backup()] {
            for family in FAMILIES {
                let address = self::service(family, PORT);
                ipvsadm(director, &format!("-A -t {address} -s rr {service}"));
                for server in &pair.network.servers {
                    let server = SocketAddr::from((family.of(server.addresses), PORT));
                    ipvsadm(director, &format!("-a -t {address} -r {server} {method}"));
                }
            }
        }
        pair
    }

    fn director(&self) -> &Namespace {
        &self.network.director
    }

    fn backup(&self) -> &Namespace {
        self.network.backup.as_ref().unwrap()
    }

    /// Starts the master on the director and the backup on the other one.
    fn start(&self, options: &str) {
        start(self.director(), "master", options);
        start(self.backup(), "backup", options);
    }

    /// Begins a conversation and asks once, which makes it established and
    /// brings it to the third packet: the one that it is told the backup at.
    fn converse(&self, family: Family) -> (Conversation, talk::Reply) {
        let to = service(family, PORT);
        let mut conversation =
            Conversation::begin(&self.network.client, Protocol::Tcp, to).unwrap();
        let reply = conversation.ask().unwrap();
        (conversation, reply)
    }

    /// The destination of a service at this server.
    fn destination(&self, family: Family, server: &str) -> SocketAddr {
        let mut servers = self.network.servers.iter();
        let server = servers.find(|found| found.namespace.name() == server);
        (family.of(server.unwrap().addresses), PORT).into()
    }
}

fn start(director: &Namespace, role: &str, options: &str) {
    let command = format!("--start-daemon {role} --mcast-interface front {options}");
    ipvsadm(director, &command);
}

fn daemons(director: &Namespace) -> String {
    ipvsadm(director, "-L --daemon")
}

/// Waits until a director has these entries and no other.
fn await_entries(director: &Namespace, mut wanted: Vec<String>) {
    wanted.sort();
    for entries in [listing::entries, listing::entries_of_json] {
        let seen = wait::for_value(&wanted, || entries(director));
        assert_eq!(seen, wanted, "{}", director.name());
    }
}

/// The entry of a conversation.
fn established(pair: &Pair, family: Family, reply: &talk::Reply) -> String {
    let (client, service) = (reply.client, service(family, PORT));
    let destination = pair.destination(family, &reply.server);
    format!("TCP ESTABLISHED {client} {service} {destination}")
}

/// Makes connections of both families and awaits them on both directors, with
/// the daemons started with these options; each must say this of itself after
/// its role and before the end of the line.
fn connections_get_across(options: &str, says: &str) {
    let pair = Pair::masquerading("");
    pair.start(options);
    for (director, role) in [(pair.director(), "master"), (pair.backup(), "backup")] {
        let line = format!("{role} sync daemon (mcast=front, {says})\n");
        assert_eq!(daemons(director), line);
        if ipvs_lab::original_available() {
            let answer = ipvs_lab::original(director, ["-L", "--daemon"]).unwrap();
            assert_eq!(answer.stdout, line);
        }
    }
    let mut wanted = Vec::new();
    let mut conversations = Vec::new();
    for family in FAMILIES.into_iter().cycle().take(6) {
        let (conversation, reply) = pair.converse(family);
        wanted.push(established(&pair, family, &reply));
        conversations.push(conversation);
    }
    await_entries(pair.director(), wanted.clone());
    await_entries(pair.backup(), wanted);
}

#[test]
fn connections_get_across_with_the_defaults() {
    connections_get_across(
        "",
        "syncid=0, maxlen=1472, group=224.0.0.81, port=8848, ttl=1",
    );
}

#[test]
fn connections_get_across_by_another_group_port_and_length() {
    connections_get_across(
        "--syncid 255 --sync-maxlen 1100 --mcast-group 239.1.2.3 --mcast-port 9000 --mcast-ttl 7",
        "syncid=255, maxlen=1100, group=239.1.2.3, port=9000, ttl=7",
    );
}

#[test]
fn connections_get_across_by_an_ipv6_group_of_the_link() {
    connections_get_across(
        "--syncid 1 --mcast-group ff02::81",
        "syncid=1, maxlen=1452, group=ff02::81, port=8848, ttl=1",
    );
}

#[test]
fn connections_get_across_by_an_ipv6_group_of_the_site() {
    connections_get_across(
        "--syncid 2 --sync-maxlen 1200 --mcast-group ff05::1:2 --mcast-port 9001 --mcast-ttl 3",
        "syncid=2, maxlen=1200, group=ff05::1:2, port=9001, ttl=3",
    );
}

#[test]
fn two_directors_are_each_others_backup() {
    let mut network = behind(2);
    network.add_backup().unwrap();
    let _responders = respond(&network, Protocol::Tcp, PORT);
    let [first, second] = [&network.director, network.backup.as_ref().unwrap()];
    network::forward(second).unwrap();
    // Each has a service of its own and a server that replies by way of it.
    let back = "route replace default via 10.0.0.251";
    network.servers[1].namespace.ip(back).unwrap();
    let ends = [DIRECTOR, BACKUP]
        .map(|addresses| SocketAddr::from((addresses.v4, PORT)))
        .into_iter()
        .zip(&network.servers)
        .map(|(to, server)| (to, SocketAddr::from((server.addresses.v4, PORT))));
    let ends: Vec<_> = ends.collect();
    for (director, own, other) in [(first, 1, 2), (second, 2, 1)] {
        for (to, server) in &ends {
            ipvsadm(director, &format!("-A -t {to} -s rr"));
            ipvsadm(director, &format!("-a -t {to} -r {server} -m"));
        }
        start(director, "master", &format!("--syncid {own}"));
        start(director, "backup", &format!("--syncid {other}"));
        let rest = "maxlen=1472, group=224.0.0.81, port=8848, ttl=1";
        let lines = format!(
            "master sync daemon (mcast=front, syncid={own}, {rest})\n\
             backup sync daemon (mcast=front, syncid={other}, {rest})\n"
        );
        assert_eq!(daemons(director), lines);
    }
    let mut wanted = Vec::new();
    let mut conversations = Vec::new();
    for (to, server) in ends {
        let mut conversation = Conversation::begin(&network.client, Protocol::Tcp, to).unwrap();
        let reply = conversation.ask().unwrap();
        conversations.push(conversation);
        wanted.push(format!("TCP ESTABLISHED {} {to} {server}", reply.client));
    }
    for director in [first, second] {
        await_entries(director, wanted.clone());
    }
}

// The kernel loses the answer to some requests of these two.

#[test]
fn daemons_that_one_program_starts_and_stops_at_once_are_stopped() {
    let director = namespace("director");
    crate::add_sync_interface(&director);
    let rounds: String = ["master", "backup"]
        .map(|role| {
            format!("--start-daemon {role} --mcast-interface sync0\n--stop-daemon {role}\n")
        })
        .concat()
        .repeat(25);
    let words = ["-R", "--strict"];
    let answer = ipvs_lab::ipvsadm_reading(&director, words, &rounds).unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    assert_eq!(daemons(&director), "");
}

#[test]
fn daemons_that_are_stopped_as_soon_as_they_are_started_are_stopped() {
    let director = namespace("director");
    crate::add_sync_interface(&director);
    for _ in 0..25 {
        for role in ["master", "backup"] {
            ipvsadm(
                &director,
                &format!("--start-daemon {role} --mcast-interface sync0"),
            );
            ipvsadm(&director, &format!("--stop-daemon {role}"));
        }
        assert_eq!(daemons(&director), "");
    }
}
