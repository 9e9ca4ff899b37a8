// SPDX-License-Identifier: MIT

//! One-packet scheduling: each datagram for itself.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use ipvs_lab::network::CLIENT;
use ipvs_lab::talk::{Conversation, Protocol};
use ipvs_lab::wait;

use super::listing::{entries, service as listed};
use super::{Family, PORT, balance, behind, beside, respond, respond_directly, service};

/// Returns the servers that answer four datagrams of one port, and what is counted.
fn four(options: &str) -> ([String; 4], usize, u64) {
    let network = beside(2);
    let _responders = respond_directly(&network, Protocol::Udp);
    let service = service(Family::V4, PORT);
    let name = format!("-u {service}");
    balance(&network, &name, options, PORT, "-g");
    let mut port = Conversation::begin(&network.client, Protocol::Udp, service).unwrap();
    let servers = [(); 4].map(|()| port.ask().unwrap().server);
    let packets = || listed(&network.director, &name)["stats"]["in_packets"].as_u64();
    assert_eq!(wait::for_value(&Some(4), packets), Some(4));
    let connections = &listed(&network.director, &name)["stats"]["connections"];
    let connections = connections.as_u64().unwrap();
    (servers, entries(&network.director).len(), connections)
}

#[test]
fn each_datagram_of_one_port_is_scheduled_by_itself_and_leaves_no_entry() {
    let (servers, entries, connections) = four("-o");
    assert_eq!((&servers[0], &servers[1]), (&servers[2], &servers[3]));
    assert_ne!(servers[0], servers[1]);
    assert_eq!((entries, connections), (0, 4));
}

#[test]
fn without_it_the_datagrams_of_a_port_are_one_connection() {
    let (servers, entries, connections) = four("");
    assert!(servers.iter().all(|server| *server == servers[0]));
    assert_eq!((entries, connections), (1, 1));
}

#[test]
fn with_masquerading_the_answers_come_from_the_servers_own_addresses() {
    let network = behind(2);
    let _responders = respond(&network, Protocol::Udp, PORT);
    let service = service(Family::V4, PORT);
    balance(&network, &format!("-u {service}"), "-o", PORT, "-m");
    let from = SocketAddr::from((CLIENT.v4, 0));
    let port = network
        .client
        .run(|| UdpSocket::bind(from))
        .unwrap()
        .unwrap();
    port.set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut answering = [(); 2].map(|()| {
        port.send_to(b"who?\n", service).unwrap();
        port.recv_from(&mut [0; 256]).unwrap().1
    });
    answering.sort();
    let servers = [0, 1].map(|index| (network.servers[index].addresses.v4, PORT).into());
    assert_eq!(answering, servers);
}
