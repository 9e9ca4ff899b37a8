// SPDX-License-Identifier: MIT

//! Masquerading: the director rewrites addresses and ports, both ways.

use ipvs_lab::network::{CLIENT, forward};
use ipvs_lab::talk::{Conversation, Protocol};

use super::{PROTOCOLS, Replies, Service};
use crate::traffic::{FAMILIES, Family, PORT, behind, respond, service};

/// The port of the servers, if it is not that of the service.
const OTHER_PORT: u16 = 9000;

/// Every protocol and family, to servers on this port.
fn check(port: u16) {
    let network = behind(2);
    let mut services = Vec::new();
    let mut responders = Vec::new();
    for protocol in PROTOCOLS {
        responders.extend(respond(&network, protocol, port));
        for family in FAMILIES {
            let service = Service::all(&network, protocol, service(family, PORT), "-m", port);
            service.converse(&network, family.of(CLIENT));
            services.push(service);
        }
    }
    for service in services {
        service.assert_counted(&network.director, Replies::ThroughDirector);
    }
}

#[test]
fn masquerading_reaches_servers_in_another_network_and_replies_pass_the_director() {
    check(PORT);
}

#[test]
fn masquerading_can_change_the_port() {
    check(OTHER_PORT);
}

#[test]
fn masquerading_needs_a_director_that_passes_replies_on() {
    let network = behind(1);
    let _responders = respond(&network, Protocol::Udp, PORT);
    for family in FAMILIES {
        let address = service(family, PORT);
        Service::all(&network, Protocol::Udp, address, "-m", PORT);
        let passes_on = match family {
            Family::V4 => "ipv4/ip_forward",
            Family::V6 => "ipv6/conf/all/forwarding",
        };
        network.director.sysctl(passes_on, "0").unwrap();
        let mut talk = Conversation::begin(&network.client, Protocol::Udp, address).unwrap();
        let reply = talk.doubt();
        assert!(reply.is_err(), "{family:?}: {reply:?}");
        forward(&network.director).unwrap();
        let reply = talk.ask().unwrap();
        assert_eq!(reply.client.ip(), family.of(CLIENT));
    }
}
