// SPDX-License-Identifier: MIT

//! The director itself as a destination.

use ipvs_lab::network::{CLIENT, DIRECTOR};
use ipvs_lab::talk::Responder;

use super::{PROTOCOLS, Replies, Service};
use crate::traffic::{FAMILIES, PORT, behind, respond, service};

/// The port of the director's own server, where a port can be changed.
const OTHER_PORT: u16 = 9000;

#[test]
fn the_director_serves_by_masquerading_to_an_address_of_its_own() {
    let network = behind(1);
    let director = &network.director;
    let mut responders = Vec::new();
    let mut services = Vec::new();
    for protocol in PROTOCOLS {
        responders.extend(respond(&network, protocol, PORT));
        for family in FAMILIES {
            let own = (family.of(DIRECTOR), OTHER_PORT).into();
            responders.push(Responder::start(director, protocol, own).unwrap());
            let server = &network.servers[0];
            let other = (family.of(server.addresses), PORT).into();
            let destinations = [
                ("director".to_owned(), own),
                (server.namespace.name().to_owned(), other),
            ];
            let address = service(family, PORT);
            let service = Service::add(director, protocol, address, "-m", destinations);
            service.converse(&network, family.of(CLIENT));
            services.push(service);
        }
    }
    for service in services {
        service.assert_counted(director, Replies::ThroughDirector);
    }
}

#[test]
fn the_director_serves_at_the_virtual_address_by_the_other_methods() {
    let network = behind(0);
    let director = &network.director;
    let mut responders = Vec::new();
    let mut services = Vec::new();
    for protocol in PROTOCOLS {
        for family in FAMILIES {
            for (port, method) in [(PORT, "-g"), (PORT + 1, "-i")] {
                let address = service(family, port);
                responders.push(Responder::start(director, protocol, address).unwrap());
                let own = (family.of(DIRECTOR), port).into();
                let destinations = [("director".to_owned(), own)];
                let service = Service::add(director, protocol, address, method, destinations);
                service.converse(&network, family.of(CLIENT));
                services.push(service);
            }
        }
    }
    for service in services {
        // They begin at the director, which notices that.
        service.assert_counted(director, Replies::ThroughDirector);
    }
}
