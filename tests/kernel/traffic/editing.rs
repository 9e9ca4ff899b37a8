// SPDX-License-Identifier: MIT

//! Edits while there are connections: they go on, and the counters count on.

use ipvs_lab::talk::{Conversation, Protocol};
use ipvs_lab::wait;
use serde_json::Value;

use super::listing::{connections, service as listed};
use super::{FAMILIES, PORT, balance, behind, respond, service};
use crate::ipvsadm;

/// The connections that the service and each of its servers have counted, and those
/// that each server has open.
fn counted(listed: &Value) -> Vec<u64> {
    let destinations = listed["destinations"].as_array().unwrap();
    let count = |item: &Value| item["stats"]["connections"].as_u64().unwrap();
    let open = |item: &Value| item["active_connections"].as_u64().unwrap();
    [count(listed)]
        .into_iter()
        .chain(destinations.iter().map(count))
        .chain(destinations.iter().map(open))
        .collect()
}

#[test]
fn connections_and_counters_of_what_is_edited_stay() {
    let network = behind(2);
    let director = &network.director;
    let _responders = respond(&network, Protocol::Tcp, PORT);
    for family in FAMILIES {
        let service = service(family, PORT);
        let name = format!("-t {service}");
        balance(&network, &name, "", PORT, "-m");
        let mut held: Vec<_> = (0..4)
            .map(|_| Conversation::begin(&network.client, Protocol::Tcp, service).unwrap())
            .collect();
        let mut ask = || -> Vec<String> {
            held.iter_mut()
                .map(|held| held.ask().unwrap().server)
                .collect()
        };
        let servers = ask();
        let read = || counted(&listed(director, &name));
        // The kernel brings counters up to date every two seconds.
        let wanted = vec![4, 2, 2, 2, 2];
        assert_eq!(wait::for_value(&wanted, read), wanted);
        let entries = connections(director);

        let server = network.servers.first().unwrap();
        let server = family.of(server.addresses);
        for edit in [
            format!("-e {name} -r {server} --keep -w 0"),
            format!("-E {name} --keep -s wrr"),
            format!("-A {name} -s wlc --exist"),
            format!("-a {name} -r {server} -m -w 5 --exist"),
        ] {
            ipvsadm(director, &edit);
            assert_eq!(read(), wanted, "{edit}");
            assert_eq!(connections(director), entries, "{edit}");
            assert_eq!(ask(), servers, "{edit}");
        }
        drop(held);
        ipvsadm(director, "-C");
    }
}
