// SPDX-License-Identifier: MIT

//! Zeroing: counters begin again, connections go on.

use ipvs_lab::network::Network;
use ipvs_lab::talk::{Conversation, Protocol};
use ipvs_lab::wait;
use serde_json::Value;

use super::listing::{connections, destinations, service as listed};
use super::{Family, PORT, balance, behind, respond, service};
use crate::ipvsadm;

/// Connections, packets in and out of the service and of its destinations.
fn counters(network: &Network, name: &str) -> Vec<[u64; 3]> {
    let service = listed(&network.director, name);
    let destinations = service["destinations"].as_array().unwrap();
    let counters = |item: &Value| {
        let stats = &item["stats"];
        ["connections", "in_packets", "out_packets"].map(|name| stats[name].as_u64().unwrap())
    };
    [&service]
        .into_iter()
        .chain(destinations)
        .map(counters)
        .collect()
}

#[test]
fn one_service_or_all_count_from_zero_while_their_connections_stay() {
    let network = behind(2);
    let director = &network.director;
    let ports = [PORT, PORT + 1];
    let _responders = ports.map(|port| respond(&network, Protocol::Udp, port));
    let services = ports.map(|port| service(Family::V4, port));
    let names = services.map(|service| format!("-u {service}"));
    for (name, port) in names.iter().zip(ports) {
        balance(&network, name, "", port, "-m");
    }
    let mut held: Vec<_> = [services[0], services[0], services[1], services[1]]
        .map(|service| Conversation::begin(&network.client, Protocol::Udp, service).unwrap())
        .into();
    let mut ask = || held.iter_mut().for_each(|held| drop(held.ask().unwrap()));
    let both = || names.clone().map(|name| counters(&network, &name));
    let zero = vec![[0, 0, 0]; 3];
    ask();
    // The kernel brings what it shows up to date every two seconds.
    let full = vec![[2, 2, 2], [1, 1, 1], [1, 1, 1]];
    let wanted = [full.clone(), full.clone()];
    assert_eq!(wait::for_value(&wanted, both), wanted);
    let entries = connections(director);
    assert_eq!(entries.len(), 4);

    ipvsadm(director, &format!("-Z {}", names[0]));
    assert_eq!(both(), [zero.clone(), full]);
    ask();
    // Nobody is new; the packets are.
    let wanted = [
        vec![[0, 2, 2], [0, 1, 1], [0, 1, 1]],
        vec![[2, 4, 4], [1, 2, 2], [1, 2, 2]],
    ];
    assert_eq!(wait::for_value(&wanted, both), wanted);

    ipvsadm(director, "-Z");
    assert_eq!(both(), [zero.clone(), zero]);
    assert_eq!(connections(director), entries);
}

#[test]
fn open_connections_are_counted_as_before() {
    let network = behind(2);
    let _responders = respond(&network, Protocol::Tcp, PORT);
    let service = service(Family::V4, PORT);
    let name = format!("-t {service}");
    balance(&network, &name, "", PORT, "-m");
    let mut held =
        [(); 3].map(|()| Conversation::begin(&network.client, Protocol::Tcp, service).unwrap());
    let servers = held.each_mut().map(|held| held.ask().unwrap().server);
    let active = || {
        let mut active = destinations(&network.director, &name, "active_connections");
        active.sort();
        active
    };
    assert_eq!(active(), [1, 2]);
    ipvsadm(&network.director, "-Z");
    assert_eq!(active(), [1, 2]);
    assert_eq!(held.map(|mut held| held.ask().unwrap().server), servers);
}
