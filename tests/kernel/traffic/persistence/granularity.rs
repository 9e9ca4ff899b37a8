// SPDX-License-Identifier: MIT

//! The clients that persistence takes for one, and the services.

use ipvs_lab::Answer;
use ipvs_lab::machine::Machine;
use ipvs_lab::network::VIRTUAL;

use super::*;
use crate::ipvsadm;
use crate::traffic::address_of;
use crate::traffic::listing::{destinations, template_services_of_json, templates};

#[test]
fn a_client_stays_with_its_server_and_another_has_another() {
    let network = behind(SERVERS);
    let _responders = respond(&network, Protocol::Tcp, PORT);
    let clients = addresses(&["192.0.2.5", "192.0.2.6"]);
    add_clients(&network, &clients);
    let service = service(Family::V4, PORT);
    balance(&network, &format!("-t {service}"), LONG, PORT, "-m");
    let servers = servers_of(&network, &clients, service);
    assert_ne!(servers[0], servers[1]);
    let wanted: Vec<_> = clients
        .iter()
        .zip(&servers)
        .map(|(client, server)| {
            let server = address_of(&network, server, Family::V4);
            format!("TCP ASSURED {client}:0 {service} {server}:{PORT}")
        })
        .collect();
    assert_eq!(templates(&network.director), wanted);
    let persistent = destinations(
        &network.director,
        &format!("-t {service}"),
        "persistent_connections",
    );
    assert_eq!(persistent, [1, 1]);
    let listing = ipvsadm(&network.director, "-L -n --persistent-conn");
    let columns: Vec<Vec<_>> = listing
        .lines()
        .filter(|line| line.starts_with("  -> 10"))
        .map(|line| line.split_ascii_whitespace().collect())
        .collect();
    // Weight, persistent connections.
    assert!(
        columns.iter().all(|words| words[2..4] == ["1", "1"]),
        "{listing}"
    );
}

#[test]
fn each_port_chooses_for_itself() {
    let network = behind(SERVERS);
    let clients = addresses(&["192.0.2.5", "192.0.2.6"]);
    add_clients(&network, &clients);
    let ports = [PORT, PORT + 1];
    let _responders = ports.map(|port| respond(&network, Protocol::Tcp, port));
    let services = ports.map(|port| service(Family::V4, port));
    for (service, port) in services.iter().zip(ports) {
        balance(&network, &format!("-t {service}"), LONG, port, "-m");
    }
    // Both begin with the same server, but not for the same client.
    let [first, second] = [clients[0], clients[1]];
    let one = servers_of(&network, &[first, second], services[0]);
    let other = servers_of(&network, &[second, first], services[1]);
    assert_eq!(one, other);
    assert_ne!(one[0], one[1]);
}

#[test]
fn port_zero_keeps_a_client_at_one_server_for_all_ports_of_the_protocol() {
    let network = behind(SERVERS);
    let clients = addresses(&["192.0.2.5", "192.0.2.6"]);
    add_clients(&network, &clients);
    let ports = [PORT, PORT + 1];
    let _tcp = ports.map(|port| respond(&network, Protocol::Tcp, port));
    let all = service(Family::V4, 0);
    balance(&network, &format!("-t {all}"), LONG, 0, "-m");
    let [one, other] = ports.map(|port| servers_of(&network, &clients, service(Family::V4, port)));
    assert_eq!(one, other);
    assert_ne!(one[0], one[1]);
    let wanted: Vec<_> = clients
        .iter()
        .zip(&one)
        .map(|(client, server)| {
            let server = address_of(&network, server, Family::V4);
            format!("TCP ASSURED {client}:0 {all} {server}:0")
        })
        .collect();
    assert_eq!(templates(&network.director), wanted);
}

#[test]
fn a_firewall_mark_joins_ports_and_leaves_others_out() {
    let network = behind(SERVERS);
    let _responders = [80, 443, 81].map(|port| respond(&network, Protocol::Tcp, port));
    let machine = Machine::new().unwrap();
    for (family, command, clients, words) in [
        (Family::V4, "iptables", ["192.0.2.5", "192.0.2.6"], "-f 7"),
        (
            Family::V6,
            "ip6tables",
            ["2001:db8:a::5", "2001:db8:a::6"],
            "-f 7 -6",
        ),
    ] {
        let clients = addresses(&clients);
        add_clients(&network, &clients);
        let mut mark = machine.command(&network.director, format!("/usr/sbin/{command}"));
        mark.args("-t mangle -A PREROUTING -p tcp -m multiport --dports 80,443".split(' '));
        mark.args(["-d", &family.of(VIRTUAL).to_string()]);
        mark.args("-j MARK --set-mark 7".split(' '));
        let answer = Answer::of(mark, "").unwrap();
        assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
        balance(&network, words, LONG, 0, "-m");
        let web = servers_of(&network, &clients, service(family, 80));
        let secure = servers_of(&network, &clients, service(family, 443));
        assert_eq!(web, secure, "{family:?}");
        assert_ne!(web[0], web[1], "{family:?}");
        let other = ipvs_lab::talk::ask(&network.client, Protocol::Tcp, service(family, 81));
        assert!(other.is_err(), "{family:?}: {other:?}");
        let director = &network.director;
        assert_eq!(
            destinations(director, words, "persistent_connections"),
            [1, 1]
        );
        // Neither a protocol nor a port: where the service would be stands the mark.
        let (mark, any) = match family {
            Family::V4 => ("0.0.0.7:0", ":0"),
            // The kernel has the mark in the first four bytes.
            Family::V6 => ("[0:7::]:0", "]:0"),
        };
        let mut templates = templates(director);
        templates.retain(|template| template.contains(&clients[0].to_string()));
        assert_eq!(templates.len(), 1, "{templates:?}");
        let template: Vec<_> = templates[0].split(' ').collect();
        assert_eq!((template[0], template[3]), ("IP", mark), "{templates:?}");
        assert!(template[4].ends_with(any), "{templates:?}");
        let json = template_services_of_json(director, &clients[0].to_string());
        assert_eq!(json, [serde_json::json!({"fwmark": 7})], "{family:?}");
    }
}

#[test]
fn without_persistence_a_client_goes_to_one_after_the_other() {
    let network = behind(SERVERS);
    let _responders = respond(&network, Protocol::Tcp, PORT);
    let service = service(Family::V4, PORT);
    balance(&network, &format!("-t {service}"), "", PORT, "-m");
    let from = CLIENT.v4.into();
    let servers = [(); 2].map(|()| ask_from(&network, from, Protocol::Tcp, service));
    assert_ne!(servers[0], servers[1]);
    assert_eq!(templates(&network.director), [""; 0]);
}

/// With `granularity` the first two clients share a server, and the third has
/// another; without it, the first two do not.
fn clients_of_one_network_share_a_server(family: Family, clients: &[&str; 3], granularity: &str) {
    let network = behind(SERVERS);
    let clients = addresses(clients);
    add_clients(&network, &clients);
    let ports = [PORT, PORT + 1];
    let _responders = ports.map(|port| respond(&network, Protocol::Tcp, port));
    let [wide, narrow] = ports.map(|port| service(family, port));
    let options = format!("{LONG} {granularity}");
    balance(&network, &format!("-t {wide}"), &options, PORT, "-m");
    balance(&network, &format!("-t {narrow}"), LONG, PORT + 1, "-m");
    let servers = servers_of(&network, &clients, wide);
    assert_eq!(servers[0], servers[1]);
    assert_ne!(servers[0], servers[2]);
    assert_eq!(templates(&network.director).len(), 2);
    let servers = servers_of(&network, &clients, narrow);
    assert_ne!(servers[0], servers[1]);
    assert_eq!(templates(&network.director).len(), 5);
}

#[test]
fn a_netmask_makes_the_clients_of_a_network_one() {
    let clients = ["192.0.2.5", "192.0.2.250", "192.0.3.5"];
    clients_of_one_network_share_a_server(Family::V4, &clients, "-M 255.255.255.0");
}

#[test]
fn a_prefix_length_makes_the_clients_of_an_ipv6_network_one() {
    let clients = ["2001:db8:a::5", "2001:db8:a:0:ff::5", "2001:db8:a:1::5"];
    clients_of_one_network_share_a_server(Family::V6, &clients, "-M 64");
}

#[test]
fn a_prefix_length_need_not_end_between_digits() {
    // 3 and 6 are 0011 and 0110, 9 is 1001: without the last three bits one, one
    // and another.
    let clients = ["2001:db8:a::3", "2001:db8:a::6", "2001:db8:a::9"];
    clients_of_one_network_share_a_server(Family::V6, &clients, "-M 125");
}
