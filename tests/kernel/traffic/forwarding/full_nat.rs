// SPDX-License-Identifier: MIT

//! Full NAT: masquerading, and netfilter puts the director's own address in the
//! place of the client's. So the servers need not have the director as their
//! way out.

use ipvs_lab::machine::Machine;
use ipvs_lab::network::{CLIENT, DIRECTOR, Network, Place, VIRTUAL};
use ipvs_lab::talk::{Conversation, Protocol};
use ipvs_lab::{Answer, Namespace};

use super::Service;
use super::masquerading::assert_masquerades;
use crate::ipvsadm;
use crate::traffic::{FAMILIES, Family, PORT, network, respond, service};

/// Lets netfilter see what IPVS forwards.
fn track(director: &Namespace, on: bool) {
    // The setting comes with IPVS.
    ipvsadm(director, "-L");
    let value = if on { "1" } else { "0" };
    director.sysctl("ipv4/vs/conntrack", value).unwrap();
}

/// Has what is sent to the servers come from the director.
fn hide_clients(network: &Network) {
    let machine = Machine::new().unwrap();
    for family in FAMILIES {
        let program = match family {
            Family::V4 => "iptables-legacy",
            Family::V6 => "ip6tables-legacy",
        };
        let mut command = machine.command(&network.director, program);
        command.args(["-t", "nat", "-A", "POSTROUTING", "-m", "ipvs", "--vaddr"]);
        command.arg(family.of(VIRTUAL).to_string());
        command.args(["-j", "SNAT", "--to-source"]);
        command.arg(family.of(DIRECTOR).to_string());
        let Answer { stderr, status, .. } = Answer::of(command, "").unwrap();
        assert_eq!((stderr.as_str(), status), ("", 0), "{program}");
    }
}

#[test]
fn full_nat_reaches_servers_that_have_another_way_out() {
    let network = network([Place::Beside, Place::Away]);
    track(&network.director, true);
    hide_clients(&network);
    assert_masquerades(&network, PORT, DIRECTOR);
}

#[test]
fn full_nat_needs_connection_tracking_and_source_translation() {
    let network = network([Place::Away]);
    let _responders = respond(&network, Protocol::Udp, PORT);
    let addresses = FAMILIES.map(|family| service(family, PORT));
    for address in addresses {
        Service::all(&network, Protocol::Udp, address, "-m", PORT);
    }
    let fails = |what: &str| {
        for address in addresses {
            let mut talk = Conversation::begin(&network.client, Protocol::Udp, address).unwrap();
            let reply = talk.doubt();
            assert!(reply.is_err(), "{address} {what}: {reply:?}");
        }
    };
    track(&network.director, true);
    fails("without source translation");
    hide_clients(&network);
    track(&network.director, false);
    fails("without connection tracking");
    track(&network.director, true);
    for (address, family) in addresses.into_iter().zip(FAMILIES) {
        let mut talk = Conversation::begin(&network.client, Protocol::Udp, address).unwrap();
        let reply = talk.ask().unwrap();
        assert_eq!(reply.client.ip(), family.of(DIRECTOR));
        assert_ne!(reply.client.ip(), family.of(CLIENT));
    }
}
