// SPDX-License-Identifier: MIT

//! The timeouts of --set: when the director forgets a connection.

use std::net::SocketAddr;

use ipvs_lab::network::Network;
use ipvs_lab::talk::{Conversation, Protocol, Responder};
use ipvs_lab::wait;

use super::listing::connections;
use super::{Family, PORT, balance, beside, kind, respond_directly, service};
use crate::ipvsadm;

/// A server with a service for each of the two protocols.
struct Scene {
    network: Network,
    service: SocketAddr,
    _responders: [Vec<Responder>; 2],
}

impl Scene {
    fn new() -> Self {
        let network = beside(1);
        let protocols = [Protocol::Tcp, Protocol::Udp];
        let responders = protocols.map(|protocol| respond_directly(&network, protocol));
        let service = service(Family::V4, PORT);
        for protocol in protocols {
            let name = format!("{} {service}", protocol.option());
            balance(&network, &name, "", PORT, "-g");
        }
        // Longer than anybody waits here; one of the kernel's own is not.
        ipvsadm(&network.director, "--set 3000 3000 3000");
        Self {
            network,
            service,
            _responders: responders,
        }
    }

    fn begin(&self, protocol: Protocol) -> Conversation {
        Conversation::begin(&self.network.client, protocol, self.service).unwrap()
    }

    /// The entry of a connection from this port of the client's.
    fn entry(&self, state: &str, client: SocketAddr) -> String {
        let protocol = if state == "UDP" { "UDP" } else { "TCP" };
        let server = self.network.servers[0].addresses.v4;
        format!(
            "{protocol} {state} {client} {} {server}:{PORT}",
            self.service
        )
    }
}

/// With this --set, of an established connection, a closed one and one of UDP the
/// one of the given class is forgotten, and the two others are not.
fn only_one_class_expires(timeouts: &str, class: &str) {
    let scene = Scene::new();
    ipvsadm(&scene.network.director, &format!("--set {timeouts}"));
    let mut udp = scene.begin(Protocol::Udp);
    udp.ask().unwrap();
    let open = scene.begin(Protocol::Tcp);
    let closed = scene.begin(Protocol::Tcp);
    let mut left = vec![
        ("ESTABLISHED", open.local().unwrap()),
        ("FIN_WAIT", closed.local().unwrap()),
        ("UDP", udp.local().unwrap()),
    ];
    drop(closed);
    left.retain(|(state, _)| *state != class);
    let mut left: Vec<_> = left
        .into_iter()
        .map(|(state, client)| scene.entry(state, client))
        .collect();
    left.sort();
    let look = || connections(&scene.network.director);
    assert_eq!(wait::for_value(&left, look), left);
}

#[test]
fn the_first_timeout_is_for_open_tcp_connections() {
    only_one_class_expires("1 0 0", "ESTABLISHED");
}

#[test]
fn the_second_timeout_is_for_tcp_connections_that_were_closed() {
    only_one_class_expires("0 1 0", "FIN_WAIT");
}

#[test]
fn the_third_timeout_is_for_udp() {
    only_one_class_expires("0 0 1", "UDP");
}

#[test]
fn an_open_connection_that_was_forgotten_is_reset_when_it_goes_on() {
    let scene = Scene::new();
    ipvsadm(&scene.network.director, "--set 1 0 0");
    let mut open = scene.begin(Protocol::Tcp);
    let none: Vec<String> = Vec::new();
    let look = || connections(&scene.network.director);
    assert_eq!(wait::for_value(&none, look), none);
    let error = open.ask().unwrap_err();
    assert_eq!(
        kind(&error),
        std::io::ErrorKind::ConnectionReset,
        "{error:#}"
    );
}

#[test]
fn a_new_timeout_holds_for_a_connection_from_its_next_packet_on() {
    let scene = Scene::new();
    let mut old = scene.begin(Protocol::Udp);
    old.ask().unwrap();
    ipvsadm(&scene.network.director, "--set 0 0 1");
    let mut new = scene.begin(Protocol::Udp);
    new.ask().unwrap();
    let look = || connections(&scene.network.director);
    let left = vec![scene.entry("UDP", old.local().unwrap())];
    assert_eq!(wait::for_value(&left, look), left);
    old.ask().unwrap();
    assert_eq!(wait::for_value(&Vec::new(), look), [""; 0]);
}

#[test]
fn zero_keeps_a_timeout_and_the_listing_shows_all_three() {
    let director = crate::namespace("director");
    let shown = |set: &str| {
        ipvsadm(&director, &format!("--set {set}"));
        ipvsadm(&director, "-L --timeout")
    };
    for (set, wanted) in [
        ("0 0 0", "900 120 300"),
        ("7200 0 0", "7200 120 300"),
        ("0 60 0", "7200 60 300"),
        ("0 0 30", "7200 60 30"),
        ("1 2 3", "1 2 3"),
    ] {
        assert_eq!(shown(set), format!("Timeout (tcp tcpfin udp): {wanted}\n"));
    }
}
