// SPDX-License-Identifier: MIT

//! Direct routing: the director only changes the address of the frame, and the
//! server has the virtual address, quietly.

use ipvs_lab::network::{CLIENT, Network, VIRTUAL};

use super::{PROTOCOLS, Replies, Service, link};
use crate::traffic::{FAMILIES, Family, PORT, beside, respond_directly, service};

/// Returns what the client takes for the virtual address's place in its network.
fn neighbour(network: &Network, family: Family) -> String {
    let address = family.of(VIRTUAL);
    let line = network.client.ip(&format!("neigh show to {address}"));
    let line = line.unwrap();
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == "lladdr");
    words.next().unwrap_or_default().to_owned()
}

#[test]
fn direct_routing_leaves_packets_as_they_are_and_replies_pass_the_director_by() {
    let network = beside(2);
    let director = link(&network.director, "front");
    let mut responders = Vec::new();
    let mut services = Vec::new();
    for protocol in PROTOCOLS {
        responders.push(respond_directly(&network, protocol));
        for family in FAMILIES {
            let address = service(family, PORT);
            let service = Service::all(&network, protocol, address, "-g", PORT);
            service.converse(&network, family.of(CLIENT));
            services.push(service);
            let place = neighbour(&network, family);
            assert_eq!(director["address"], place, "{protocol:?} {family:?}");
        }
    }
    for service in services {
        service.assert_counted(&network.director, Replies::PassBy);
    }
}
