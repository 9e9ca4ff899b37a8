// SPDX-License-Identifier: MIT

//! The schedulers for transparent caches, which know the address that is asked:
//! dh, lblc and lblcr.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

use ipvs_lab::Answer;
use ipvs_lab::network::{DIRECTOR, Network};
use ipvs_lab::talk::{Protocol, Responder};

use super::{ANY, REFUSED, Service, behind, respond};
use crate::traffic::PORT;

/// The number of sites that a firewall mark has.
const SITES: u8 = 32;

/// A site somewhere in the Internet: this one of those that have this mark.
fn site(mark: u8, number: u8) -> SocketAddr {
    let last = SITES * (mark - 1) + number;
    (Ipv4Addr::new(192, 0, 2, last), PORT).into()
}

/// Servers, and a director that is the client's way to all sites and puts a
/// firewall mark on what comes for them, 1 to 4.
fn caches(servers: usize) -> (Network, Vec<Responder>) {
    let network = behind(servers);
    let director = DIRECTOR.v4;
    let route = format!("route add 192.0.2.0/24 via {director}");
    network.client.ip(&route).unwrap();
    // What is not for the director's own addresses passes it by otherwise.
    let local = "route add local 192.0.2.0/24 dev lo";
    network.director.ip(local).unwrap();
    let mut marks = String::from("qdisc add dev front clsact\n");
    for mark in 1..=4 {
        let first = site(mark, 0).ip();
        marks += &format!(
            "filter add dev front ingress protocol ip \
             flower dst_ip {first}/27 action skbedit mark {mark}\n"
        );
    }
    let mut tc = network.director.command("/sbin/tc");
    tc.args(["-batch", "-"]);
    let answer = Answer::of(tc, &marks).unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    let responders = respond(&network, Protocol::Tcp, PORT);
    (network, responders)
}

impl Service<'_> {
    /// The server of each site of mark 1.
    fn by_site(&mut self) -> Vec<usize> {
        (0..SITES)
            .map(|number| self.hold(ANY, site(1, number)))
            .collect()
    }
}

#[test]
fn destination_hashing_keeps_a_site_with_its_server_whatever_the_load_and_weight() {
    let (network, _responders) = caches(3);
    let mut service = Service::marked(&network, 1, "dh", &["-w 9", "-w 1", "-w 1"]);
    let first = service.by_site();
    let servers: BTreeSet<usize> = first.iter().copied().collect();
    assert_eq!(servers, [1, 2, 3].into());
    assert_eq!(service.by_site(), first);
    let large = first.iter().filter(|server| **server == 1).count();
    assert!((8..=13).contains(&large), "{large} of 32 sites");
    service.edit(1, "-w 0");
    let without = first.iter().map(|server| match server {
        1 => REFUSED,
        other => *other,
    });
    assert_eq!(service.by_site(), without.collect::<Vec<_>>());
}

#[test]
fn source_hashing_does_not_mind_which_site_is_asked() {
    let (network, _responders) = caches(3);
    let mut service = Service::marked(&network, 1, "sh", &["", "", ""]);
    let servers: BTreeSet<usize> = service.by_site().into_iter().collect();
    assert_eq!(servers.len(), 1);
}

/// Both servers have weight 4. One site is asked until its server has more
/// active connections than that, while the other has less than half of it.
#[test]
fn lblc_moves_a_site_from_an_overloaded_server_and_lblcr_adds_a_server_to_it() {
    let (network, _responders) = caches(2);
    for (mark, (scheduler, filling, after)) in (1..).zip([
        // By connections alone.
        ("wlc", [2, 1, 2, 1, 2, 1, 2, 1], [2, 2]),
        // The fifth connection of the site is above the weight: the next moves
        // it. It stays there, although the first server has nothing to do.
        ("lblc", [2, 1, 2, 2, 2, 2, 1, 1], [1, 1]),
        // It has both servers then, and the one with less to do is taken.
        ("lblcr", [2, 1, 2, 2, 2, 2, 1, 1], [2, 1]),
    ]) {
        let [one, other] = [1, 2].map(|number| site(mark, number));
        let mut service = Service::marked(&network, mark, scheduler, &["-w 4", "-w 4"]);
        let sites = [one, other, one, one, one, one, one, one];
        let servers = sites.map(|site| service.hold(ANY, site));
        assert_eq!(servers, filling, "{scheduler}");
        service.release(2);
        let servers = [one, other].map(|site| service.hold(ANY, site));
        assert_eq!(servers, after, "{scheduler}");
    }
}

#[test]
fn a_site_stays_with_an_overloaded_server_while_no_other_is_below_half_its_weight() {
    let (network, _responders) = caches(2);
    for (mark, scheduler) in [(1, "lblc"), (2, "lblcr")] {
        let [one, other] = [1, 2].map(|number| site(mark, number));
        let mut service = Service::marked(&network, mark, scheduler, &["-w 4", "-w 4"]);
        let sites = [one, other, other, one, one, one, one, one, one];
        let servers = sites.map(|site| service.hold(ANY, site));
        assert_eq!(servers, [2, 1, 1, 2, 2, 2, 2, 2, 2], "{scheduler}");
        assert_eq!(service.connections(), [[2, 0], [7, 0]], "{scheduler}");
        // Quiesced, it gives the site away.
        service.edit(2, "-w 0");
        assert_eq!(service.hold(ANY, one), 1, "{scheduler}");
    }
}
