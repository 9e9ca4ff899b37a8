// SPDX-License-Identifier: MIT

//! Real requests through a virtual service.

use ipvs_lab::cluster::{Cluster, expected};
use ipvs_lab::http::PORT;
use ipvs_lab::load::Load;
use ipvs_lab::program;

use crate::ipvsadm;

/// A cluster whose director masquerades to servers of these weights.
fn masquerading(scheduler: &str, weights: &[usize]) -> Cluster {
    program::path().unwrap();
    let cluster = Cluster::new(u8::try_from(weights.len()).unwrap()).unwrap();
    let service = cluster.address();
    ipvsadm(
        &cluster.director,
        &format!("-A -t {service} -s {scheduler}"),
    );
    for (server, weight) in cluster.servers.iter().zip(weights) {
        let address = server.address;
        ipvsadm(
            &cluster.director,
            &format!("-a -t {service} -r {address}:{PORT} -m -w {weight}"),
        );
    }
    cluster
}

#[test]
fn weighted_round_robin_shares_requests_by_weight() {
    let cluster = masquerading("wrr", &[4, 1]);
    let shares = cluster.requests(50, || ()).unwrap();
    assert_eq!(
        shares,
        expected([("server1", 4), ("server2", 1)], 50).unwrap()
    );
}

#[test]
fn round_robin_ignores_weights() {
    let cluster = masquerading("rr", &[5, 1]);
    let shares = cluster.requests(20, || ()).unwrap();
    assert_eq!(
        shares,
        expected([("server1", 1), ("server2", 1)], 20).unwrap()
    );
}

#[test]
fn a_quiesced_destination_gets_no_new_connection_and_none_fails() {
    let cluster = masquerading("rr", &[1, 1]);
    let (service, server) = (cluster.address(), cluster.servers[0].address);
    let mut load = Load::start(&cluster.client, service).unwrap();
    assert!(load.answers(10).unwrap().contains_key("server1"));
    ipvsadm(
        &cluster.director,
        &format!("-e -t {service} -r {server}:{PORT} -m -w 0"),
    );
    load.settle().unwrap();
    assert_eq!(
        load.answers(20).unwrap(),
        [("server2".to_owned(), 20)].into()
    );
    load.finish().unwrap();
}

#[test]
fn without_a_virtual_service_requests_fail() {
    let cluster = masquerading("rr", &[1]);
    assert_eq!(cluster.requests(1, || ()).unwrap()["server1"], 1);
    ipvsadm(&cluster.director, "-C");
    let error = cluster.requests(1, || ()).unwrap_err();
    assert_eq!(error.to_string(), "request 1 of 1 failed");
}
