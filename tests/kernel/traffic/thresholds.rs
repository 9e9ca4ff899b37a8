// SPDX-License-Identifier: MIT

//! Thresholds: how many connections a server gets, and when it gets more again.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use ipvs_lab::network::{CLIENT, Network, VIRTUAL};
use ipvs_lab::talk::{Conversation, Protocol, Responder};
use ipvs_lab::wait;

use super::listing::destinations;
use super::{Family, PORT, ask_from, balance, beside, kind, respond_directly, service};
use crate::ipvsadm;

/// Two servers, the first of which has thresholds, and connections to it.
struct Scene {
    network: Network,
    service: SocketAddr,
    held: Vec<Conversation>,
    _responders: Vec<Responder>,
}

impl Scene {
    fn new(thresholds: &str) -> Self {
        let network = beside(2);
        let responders = respond_directly(&network, Protocol::Tcp);
        let service = service(Family::V4, PORT);
        balance(&network, &format!("-t {service}"), "", PORT, "-g");
        let server = network.servers[0].addresses.v4;
        ipvsadm(
            &network.director,
            &format!("-e -t {service} -r {server}:{PORT} -g {thresholds}"),
        );
        // A connection counts until its entry goes, not until it is closed.
        ipvsadm(&network.director, "--set 0 1 0");
        Self {
            network,
            service,
            held: Vec::new(),
            _responders: responders,
        }
    }

    fn ask(&self) -> String {
        ask_from(&self.network, CLIENT.v4.into(), Protocol::Tcp, self.service)
    }

    /// Opens connections until so many to the first server are held.
    fn hold(&mut self, number: usize) {
        while self.held.len() < number {
            let mut conversation =
                Conversation::begin(&self.network.client, Protocol::Tcp, self.service).unwrap();
            if conversation.ask().unwrap().server == "server1" {
                self.held.push(conversation);
            }
        }
        assert_eq!(self.counted(0), number as u64);
    }

    /// Closes all but so many, and waits for the director to forget the others.
    fn keep(&mut self, number: usize) {
        self.held.truncate(number);
        let number = number as u64;
        assert_eq!(wait::for_value(&number, || self.counted(0)), number);
    }

    /// The connections that the director counts for a server.
    fn counted(&self, server: usize) -> u64 {
        let service = format!("-t {}", self.service);
        ["active_connections", "inactive_connections"]
            .map(|field| destinations(&self.network.director, &service, field)[server])
            .iter()
            .sum()
    }

    /// Returns the servers that answer four connections, sorted.
    fn four(&self) -> [String; 4] {
        let mut servers = [(); 4].map(|()| self.ask());
        servers.sort();
        servers
    }
}

const OUT: [&str; 4] = ["server2"; 4];
const IN: [&str; 4] = ["server1", "server1", "server2", "server2"];

#[test]
fn a_server_at_its_upper_threshold_is_out_until_it_is_below_the_lower_one() {
    let mut scene = Scene::new("-x 4 -y 2");
    scene.hold(4);
    assert_eq!(scene.four(), OUT);
    scene.keep(2);
    assert_eq!(scene.four(), OUT);
    scene.keep(1);
    assert_eq!(scene.four(), IN);
    assert_eq!(scene.held[0].ask().unwrap().server, "server1");
}

#[test]
fn without_a_lower_threshold_it_is_back_below_three_quarters_of_the_upper_one() {
    let mut scene = Scene::new("-x 8");
    scene.hold(8);
    assert_eq!(scene.four(), OUT);
    scene.keep(6);
    assert_eq!(scene.four(), OUT);
    scene.keep(5);
    // Two of the four: it has seven then.
    assert_eq!(scene.four(), IN);
}

#[test]
fn when_every_server_is_full_connections_are_refused() {
    let mut scene = Scene::new("-x 1");
    scene.hold(1);
    let service = scene.service;
    // Linux 6.1 looks at a new threshold when there is a new connection, 6.12 at
    // once. So there must be none yet.
    assert_eq!(wait::for_value(&0, || scene.counted(1)), 0);
    let server = scene.network.servers[1].addresses.v4;
    let edit = format!("-e -t {service} -r {server}:{PORT} -g -x 1");
    ipvsadm(&scene.network.director, &edit);
    let mut last = Conversation::begin(&scene.network.client, Protocol::Tcp, service).unwrap();
    assert_eq!(last.ask().unwrap().server, "server2");
    let error = Conversation::begin(&scene.network.client, Protocol::Tcp, service).unwrap_err();
    assert_eq!(kind(&error), io::ErrorKind::ConnectionRefused, "{error:#}");
    scene.keep(0);
    assert_eq!(scene.ask(), "server1");
}

#[test]
fn a_full_server_still_gets_the_clients_that_persistence_keeps_there() {
    let mut scene = Scene::new("-x 2");
    let service = scene.service;
    let edit = format!("-E -t {service} -s rr -p 3000");
    ipvsadm(&scene.network.director, &edit);
    let mut servers = vec![scene.ask()];
    // Another address in the same network.
    let other = Ipv4Addr::from_bits(VIRTUAL.v4.to_bits() + 1);
    scene
        .network
        .client
        .ip(&format!("addr add {other}/32 dev eth0"))
        .unwrap();
    let other = other.into();
    servers.push(ask_from(&scene.network, other, Protocol::Tcp, service));
    servers.sort();
    assert_eq!(servers, ["server1", "server2"]);
    let of_first = match ask_from(&scene.network, other, Protocol::Tcp, service).as_str() {
        "server1" => other,
        _ => CLIENT.v4.into(),
    };
    for _ in 0..3 {
        let from = (of_first, 0).into();
        let begun = Conversation::begin_from(&scene.network.client, from, Protocol::Tcp, service);
        let mut conversation = begun.unwrap();
        assert_eq!(conversation.ask().unwrap().server, "server1");
        scene.held.push(conversation);
    }
    assert!(scene.counted(0) >= 3);
}
