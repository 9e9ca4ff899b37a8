// SPDX-License-Identifier: MIT

//! Masquerading: the director rewrites addresses and ports, both ways.

use ipvs_lab::network::{Addresses, CLIENT, Network, forward};
use ipvs_lab::talk::{Conversation, Protocol};

use super::{PROTOCOLS, Replies, Service};
use crate::traffic::{FAMILIES, Family, PORT, behind, respond, service};

/// The port of the servers, if it is not that of the service.
const OTHER_PORT: u16 = 9000;

/// Converses in every protocol and family, with servers on this port, which must
/// have `seen` the client under this address.
pub(super) fn assert_masquerades(network: &Network, port: u16, seen: Addresses) {
    let mut services = Vec::new();
    let mut responders = Vec::new();
    for protocol in PROTOCOLS {
        responders.extend(respond(network, protocol, port));
        for family in FAMILIES {
            let service = Service::all(network, protocol, service(family, PORT), "-m", port);
            service.converse(network, family.of(seen));
            services.push(service);
        }
    }
    for service in services {
        service.assert_counted(&network.director, Replies::ThroughDirector);
    }
}

#[test]
fn masquerading_reaches_servers_in_another_network_and_replies_pass_the_director() {
    assert_masquerades(&behind(2), PORT, CLIENT);
}

#[test]
fn masquerading_can_change_the_port() {
    assert_masquerades(&behind(2), OTHER_PORT, CLIENT);
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
