// SPDX-License-Identifier: MIT

//! The schedulers that know a client by its address: sh and mh.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipvs_lab::network::Network;
use ipvs_lab::talk::{Protocol, Responder};

use super::{REFUSED, Service, behind, respond};
use crate::traffic::PORT;

/// The number of addresses that the client has for these tests.
const CLIENTS: u8 = 32;
/// A port of the client's that nothing else uses.
const FROM: u16 = 20_000;

/// The client's address of this number.
fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 18, 0, number)
}

/// Servers, and a client with many addresses.
fn crowd(servers: usize) -> (Network, Vec<Responder>) {
    let network = behind(servers);
    let add = |number| format!("addr add {}/32 dev eth0\n", address(number));
    let addresses: String = (1..=CLIENTS).map(add).collect();
    network.client.ip(&addresses).unwrap();
    network
        .director
        .ip("route add 198.18.0.0/24 dev front")
        .unwrap();
    let responders = respond(&network, Protocol::Tcp, PORT);
    (network, responders)
}

impl Service<'_> {
    /// The server of each of the client's addresses, when it asks from this
    /// port. No port may be asked from twice: the director may still know the
    /// connection.
    fn by_address(&mut self, port: u16) -> Vec<usize> {
        self.visit((1..=CLIENTS).map(|number| (address(number), port)))
    }

    /// The server of each of 64 ports of one of the client's addresses.
    fn by_port(&mut self) -> Vec<usize> {
        self.visit((FROM..FROM + 64).map(|port| (address(1), port)))
    }

    fn visit(&mut self, clients: impl Iterator<Item = (Ipv4Addr, u16)>) -> Vec<usize> {
        let to = self.address;
        let servers = clients.map(|client| self.hold(client, to)).collect();
        self.held.clear();
        servers
    }
}

/// Which servers there are.
fn distinct(servers: &[usize]) -> BTreeSet<usize> {
    servers.iter().copied().collect()
}

/// Counts those of a server.
fn count(servers: &[usize], server: usize) -> usize {
    servers.iter().filter(|one| **one == server).count()
}

#[test]
fn an_address_stays_with_its_server_and_many_addresses_spread() {
    let (network, _responders) = crowd(3);
    for (port, scheduler) in [(9000, "sh"), (9001, "mh")] {
        let mut service = Service::tcp(&network, port, scheduler, &["", "", ""]);
        let first = service.by_address(FROM);
        assert_eq!(distinct(&first), [1, 2, 3].into(), "{scheduler}");
        assert_eq!(service.by_address(FROM + 1), first, "{scheduler}");
    }
}

#[test]
fn a_greater_weight_gets_more_addresses() {
    let (network, _responders) = crowd(2);
    for (port, scheduler) in [(9000, "sh"), (9001, "mh")] {
        let mut service = Service::tcp(&network, port, scheduler, &["-w 3", "-w 1"]);
        let servers = service.by_address(FROM);
        let large = count(&servers, 1);
        assert!(large > 2 * (32 - large), "{scheduler}: {large} of 32");
    }
}

#[test]
fn with_the_port_flag_one_address_is_spread_by_its_ports() {
    let (network, _responders) = crowd(3);
    for (port, scheduler) in [(9000, "sh"), (9010, "mh")] {
        let flag = format!("{scheduler} -b {scheduler}-port");
        let mut plain = Service::tcp(&network, port, scheduler, &["", "", ""]);
        assert_eq!(distinct(&plain.by_port()).len(), 1, "{scheduler}");
        let mut by_port = Service::tcp(&network, port + 1, &flag, &["", "", ""]);
        let servers = by_port.by_port();
        assert_eq!(distinct(&servers), [1, 2, 3].into(), "{flag}");
        // The port of the service does not matter.
        let mut again = Service::tcp(&network, port + 2, &flag, &["", "", ""]);
        assert_eq!(again.by_port(), servers, "{flag}");
    }
}

#[test]
fn clients_of_a_quiesced_server_are_refused_unless_there_is_a_fallback() {
    let (network, _responders) = crowd(3);
    for (port, scheduler, fallback) in [
        (9000, "sh", false),
        (9001, "sh -b sh-fallback", true),
        (9002, "mh", false),
        (9003, "mh -b mh-fallback", true),
    ] {
        let mut service = Service::tcp(&network, port, scheduler, &["", "", ""]);
        let before = service.by_address(FROM);
        service.edit(1, "-w 0");
        let after = service.by_address(FROM + 1);
        let mut others = BTreeSet::new();
        for (before, after) in before.iter().zip(after) {
            match before {
                1 => drop(others.insert(after)),
                _ => assert_eq!(*before, after, "{scheduler}"),
            }
        }
        let wanted = match fallback {
            true => [2, 3].into(),
            false => [REFUSED].into(),
        };
        assert_eq!(others, wanted, "{scheduler}");
        service.edit(1, "-w 1");
        assert_eq!(service.by_address(FROM + 2), before, "{scheduler}");
    }
}

/// Counts the addresses that had another server than this one, and changed it.
fn moved(before: &[usize], after: &[usize], server: usize) -> usize {
    let pairs = before.iter().zip(after);
    pairs
        .filter(|(before, after)| **before != server && before != after)
        .count()
}

/// This is what mh is for.
#[test]
fn when_a_server_is_removed_mh_moves_its_clients_and_sh_those_of_others_too() {
    let (network, _responders) = crowd(4);
    let [sh, mh] = [(9000, "sh"), (9001, "mh")].map(|(port, scheduler)| {
        let mut service = Service::tcp(&network, port, scheduler, &["", "", "", ""]);
        let before = service.by_address(FROM);
        service.remove(2);
        let after = service.by_address(FROM + 1);
        assert_eq!(distinct(&after), [1, 3, 4].into(), "{scheduler}");
        moved(&before, &after, 2)
    });
    assert!(sh >= 8, "sh moved {sh} of the other servers' clients");
    assert!(mh <= 2, "mh moved {mh} of the other servers' clients");
}

/// sh fills its table again, in which a server has as many places in a row as
/// its weight, but one at least.
#[test]
fn to_quiesce_a_server_of_greater_weight_moves_clients_of_others_with_sh_not_with_mh() {
    let (network, _responders) = crowd(3);
    let schedulers = [(9000, "sh -b sh-fallback"), (9001, "mh -b mh-fallback")];
    let [sh, mh] = schedulers.map(|(port, scheduler)| {
        let mut service = Service::tcp(&network, port, scheduler, &["-w 10"; 3]);
        let before = service.by_address(FROM);
        service.edit(1, "-w 0");
        let after = service.by_address(FROM + 1);
        assert_eq!(distinct(&after), [2, 3].into(), "{scheduler}");
        moved(&before, &after, 1)
    });
    assert!(sh >= 5, "sh moved {sh} of the other servers' clients");
    assert_eq!(mh, 0, "mh moved clients of other servers");
}
