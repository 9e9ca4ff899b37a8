// SPDX-License-Identifier: MIT

//! One director dies and the other one goes on.

use std::net::SocketAddr;

use ipvs_lab::network::{CLIENT, GATEWAY};
use ipvs_lab::talk::{Conversation, Protocol};

use super::{Pair, await_entries, established};
use crate::ipvsadm;
use crate::traffic::{FAMILIES, Family, PORT, service, virtual_addresses};

/// The director dies and the other one takes its place.
fn take_over(pair: &Pair) {
    let director = pair.director();
    director
        .ip("link set front down\nlink set back down")
        .unwrap();
    let gateway = format!(
        "addr add {}/24 dev back\naddr add {}/64 dev back nodad",
        GATEWAY.v4, GATEWAY.v6
    );
    let addresses = virtual_addresses("front") + &gateway;
    pair.backup().ip(&addresses).unwrap();
    // What a new owner of the addresses tells by gratuitous ARP.
    let servers = pair.network.servers.iter();
    let servers = servers.map(|server| &server.namespace);
    for neighbour in servers.chain([&pair.network.client]) {
        neighbour.ip("neigh flush dev eth0").unwrap();
    }
}

/// A conversation of each family begins with the director, is known to the
/// backup, and goes on with it.
fn conversations_outlive_the_director(pair: &Pair) {
    pair.start("--syncid 9");
    let mut begun: Vec<_> = FAMILIES
        .into_iter()
        .map(|family| (family, pair.converse(family)))
        .collect();
    let wanted: Vec<_> = begun
        .iter()
        .map(|(family, (_, reply))| established(pair, *family, reply))
        .collect();
    await_entries(pair.backup(), wanted.clone());
    take_over(pair);
    for (family, (conversation, before)) in &mut begun {
        for _ in 0..5 {
            assert_eq!(conversation.ask().unwrap(), *before, "{family:?}");
        }
    }
    await_entries(pair.backup(), wanted);
}

#[test]
fn masqueraded_conversations_go_on_through_the_backup() {
    conversations_outlive_the_director(&Pair::masquerading(""));
}

#[test]
fn directly_routed_conversations_go_on_through_the_backup() {
    conversations_outlive_the_director(&Pair::direct_routing(""));
}

/// The backup does not know the conversation, and so its own TCP answers.
fn conversations_end_with_the_director(pair: &Pair) {
    let begun = FAMILIES.map(|family| (family, pair.converse(family).0));
    take_over(pair);
    for (family, mut conversation) in begun {
        let error = conversation.doubt().unwrap_err();
        let cause = error.root_cause().to_string();
        assert_eq!(cause, "Connection reset by peer (os error 104)");
        // It is only the old ones that cannot go on.
        pair.converse(family);
    }
}

#[test]
fn without_the_daemon_masqueraded_conversations_end_with_the_director() {
    conversations_end_with_the_director(&Pair::masquerading(""));
}

#[test]
fn without_the_daemon_directly_routed_conversations_end_with_the_director() {
    conversations_end_with_the_director(&Pair::direct_routing(""));
}

#[test]
fn a_client_stays_with_its_persistent_server_after_the_director() {
    let pair = Pair::masquerading("-p 300");
    pair.start("");
    let (family, to) = (Family::V4, service(Family::V4, PORT));
    let (_conversation, reply) = pair.converse(family);
    let server = pair.destination(family, &reply.server);
    let connection = established(&pair, family, &reply);
    let template = format!("TCP ASSURED {}:0 {to} {server}", CLIENT.v4);
    await_entries(pair.backup(), vec![connection, template]);
    // Whoever is not known gets the other server.
    let quiesce = format!("-e -t {to} -r {server} -m -w 0");
    ipvsadm(pair.backup(), &quiesce);
    take_over(&pair);
    for _ in 0..3 {
        assert_eq!(pair.converse(family).1.server, reply.server);
    }
    let another = "addr add 198.51.100.9/24 dev eth0";
    pair.network.client.ip(another).unwrap();
    let from = SocketAddr::from(([198, 51, 100, 9], 0));
    let other = Conversation::begin_from(&pair.network.client, from, Protocol::Tcp, to);
    assert_ne!(other.unwrap().ask().unwrap().server, reply.server);
}
