// SPDX-License-Identifier: MIT

//! Clients whose server is quiesced or removed.

use std::io;
use std::net::SocketAddr;

use ipvs_lab::network::CLIENT;
use ipvs_lab::talk::Conversation;
use ipvs_lab::wait;

use super::*;
use crate::ipvsadm;
use crate::traffic::listing::{connections, entries, templates};
use crate::traffic::{address_of, kind};

/// A network with a persistent service, and a client that has a connection.
struct Scene {
    network: Network,
    service: SocketAddr,
    held: Conversation,
    /// The name of the server that has the connection.
    server: String,
    /// The same as `-r` has it.
    destination: SocketAddr,
    _responders: Vec<ipvs_lab::talk::Responder>,
}

impl Scene {
    fn new(parameter: &str, value: &str) -> Self {
        let network = behind(SERVERS);
        let responders = respond(&network, Protocol::Tcp, PORT);
        let service = service(Family::V4, PORT);
        balance(&network, &format!("-t {service}"), LONG, PORT, "-m");
        let parameter = format!("ipv4/vs/{parameter}");
        network.director.sysctl(&parameter, value).unwrap();
        let mut held = Conversation::begin(&network.client, Protocol::Tcp, service).unwrap();
        let server = held.ask().unwrap().server;
        Self {
            destination: (address_of(&network, &server, Family::V4), PORT).into(),
            network,
            service,
            held,
            server,
            _responders: responders,
        }
    }

    /// Runs a command with the connection's server as its destination.
    fn change(&self, command: &str, options: &str) {
        let Self {
            service,
            destination,
            ..
        } = self;
        let arguments = format!("{command} -t {service} -r {destination} {options}");
        ipvsadm(&self.network.director, &arguments);
    }

    /// Returns the server that answers a new connection of the same client.
    fn ask(&self) -> String {
        ask_from(&self.network, CLIENT.v4.into(), Protocol::Tcp, self.service)
    }
}

#[test]
fn a_quiesced_server_still_gets_new_connections_of_its_clients() {
    let mut scene = Scene::new("expire_quiescent_template", "0");
    scene.change("-e", "-m -w 0");
    for _ in 0..3 {
        assert_eq!(scene.ask(), scene.server);
    }
    assert_eq!(scene.held.ask().unwrap().server, scene.server);
    let other = addresses(&["192.0.2.5", "192.0.2.6"]);
    add_clients(&scene.network, &other);
    for server in servers_of(&scene.network, &other, scene.service) {
        assert_ne!(server, scene.server);
    }
}

#[test]
fn with_expire_quiescent_template_they_go_elsewhere_and_stay_there() {
    let mut scene = Scene::new("expire_quiescent_template", "1");
    assert_eq!(scene.ask(), scene.server);
    scene.change("-e", "-m -w 0");
    let other = scene.ask();
    assert_ne!(other, scene.server);
    // What is open stays open.
    assert_eq!(scene.held.ask().unwrap().server, scene.server);
    scene.change("-e", "-m -w 1");
    for _ in 0..3 {
        assert_eq!(scene.ask(), other);
    }
}

#[test]
fn connections_to_a_removed_server_wait_and_go_on_when_it_is_back() {
    let mut scene = Scene::new("expire_nodest_conn", "0");
    let before = connections(&scene.network.director);
    assert_eq!(before.len(), 1);
    scene.change("-d", "");
    let error = scene.held.doubt().unwrap_err();
    assert_eq!(kind(&error), io::ErrorKind::WouldBlock, "{error:#}");
    assert_eq!(connections(&scene.network.director), before);
    // The template holds for an available server only.
    assert_ne!(scene.ask(), scene.server);
    scene.change("-a", "-m");
    assert_eq!(scene.held.ask().unwrap().server, scene.server);
}

#[test]
fn with_expire_nodest_conn_they_are_forgotten_and_reset() {
    let mut scene = Scene::new("expire_nodest_conn", "1");
    assert_eq!(entries(&scene.network.director).len(), 2);
    scene.change("-d", "");
    let none: Vec<String> = Vec::new();
    let left = || entries(&scene.network.director);
    assert_eq!(wait::for_value(&none, left), none);
    let error = scene.held.ask().unwrap_err();
    assert_eq!(kind(&error), io::ErrorKind::ConnectionReset, "{error:#}");
    assert_ne!(scene.ask(), scene.server);
    scene.change("-a", "-m");
    assert_ne!(scene.ask(), scene.server);
    assert_eq!(templates(&scene.network.director).len(), 1);
}

#[test]
fn with_expire_nodest_conn_the_next_datagram_goes_elsewhere() {
    let network = behind(SERVERS);
    let _responders = respond(&network, Protocol::Udp, PORT);
    let service = service(Family::V4, PORT);
    balance(&network, &format!("-u {service}"), LONG, PORT, "-m");
    network
        .director
        .sysctl("ipv4/vs/expire_nodest_conn", "1")
        .unwrap();
    let mut held = Conversation::begin(&network.client, Protocol::Udp, service).unwrap();
    let first = held.ask().unwrap().server;
    assert_eq!(held.ask().unwrap().server, first);
    let destination = address_of(&network, &first, Family::V4);
    ipvsadm(
        &network.director,
        &format!("-d -u {service} -r {destination}:{PORT}"),
    );
    assert_ne!(held.ask().unwrap().server, first);
}
