// SPDX-License-Identifier: MIT

//! Tests that need a kernel with IPVS: `cargo lab test` supplies one.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod ansible;
mod apply;
mod chance;
mod client;
mod colour;
mod compat;
mod completions;
mod connections;
mod doctor;
mod dumps;
mod examples;
mod exist;
mod exit_statuses;
mod faults;
mod guides;
mod hints;
mod json;
mod keep;
mod keepalived;
mod ldirectord;
mod long_runs;
mod machine;
mod metrics;
mod namespaces;
mod netns;
mod openmetrics;
mod openrc;
mod pacemaker;
mod package;
mod pipes;
mod privilege;
mod program;
mod public;
mod real_server;
mod refusals;
mod replies;
mod report;
mod rootless;
mod size;
mod table_file;
mod tables;
mod together;
mod traffic;
mod unit;
mod watch;
mod watch_keys;
mod wide;

use ipvs_lab::{Answer, Namespace, cluster::Cluster, http::PORT};

/// A fresh network namespace.
fn namespace(name: &str) -> Namespace {
    ipvs_lab::program::path().unwrap();
    Namespace::new(name).unwrap()
}

/// Adds the interface `sync0` for sync daemons. The master wants an address on it.
fn add_sync_interface(namespace: &Namespace) {
    namespace
        .ip("link add sync0 type dummy\naddr add 10.0.0.1/24 dev sync0\nlink set sync0 up")
        .unwrap();
}

/// Sets a network up, with a virtual service at the director that has one real server,
/// which masquerades.
fn cluster_of_one() -> Cluster {
    ipvs_lab::program::path().unwrap();
    let cluster = Cluster::new(1).unwrap();
    let (service, server) = (cluster.address(), cluster.servers[0].address);
    ipvsadm(&cluster.director, &format!("-A -t {service} -s rr"));
    ipvsadm(
        &cluster.director,
        &format!("-a -t {service} -r {server}:{PORT} -m"),
    );
    cluster
}

/// Runs this tree's program with words separated by spaces; it must succeed
/// without a word on standard error. Returns its standard output.
fn ipvsadm(namespace: &Namespace, arguments: &str) -> String {
    let words = arguments.split_ascii_whitespace();
    let Answer {
        stdout,
        stderr,
        status,
    } = ipvs_lab::ipvsadm(namespace, words).unwrap();
    assert_eq!((stderr.as_str(), status), ("", 0), "ipvsadm {arguments}");
    stdout
}
