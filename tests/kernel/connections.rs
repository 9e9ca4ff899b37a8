// SPDX-License-Identifier: MIT

//! Connections, counters and zeroing, seen through real requests.

use ipvs_lab::cluster::{CLIENT, Cluster, VIRTUAL};
use ipvs_lab::http::PORT;
use ipvs_lab::wait;

use crate::ipvsadm;

fn balanced() -> Cluster {
    ipvs_lab::program::path().unwrap();
    let cluster = Cluster::new(1).unwrap();
    let service = cluster.address();
    let server = cluster.servers.first().unwrap().address;
    ipvsadm(&cluster.director, &format!("-A -t {service} -s rr"));
    ipvsadm(
        &cluster.director,
        &format!("-a -t {service} -r {server}:{PORT} -m"),
    );
    cluster
}

/// The connections that the service has counted.
fn connections_counted(cluster: &Cluster) -> u64 {
    let listing = ipvsadm(&cluster.director, "-L -n --stats --exact");
    let line = listing.lines().find(|line| line.starts_with("TCP"));
    let mut words = line.unwrap().split_ascii_whitespace();
    words.nth(2).unwrap().parse().unwrap()
}

/// Waits until the service has counted so many: the kernel brings what it
/// shows up to date every two seconds.
pub(crate) fn await_connections_counted(cluster: &Cluster, wanted: u64) {
    let counted = wait::for_value(&wanted, || connections_counted(cluster));
    assert_eq!(counted, wanted);
}

#[test]
fn each_connection_is_listed_with_its_three_ends() {
    let cluster = balanced();
    cluster.requests(3, || ()).unwrap();
    let listing = ipvsadm(&cluster.director, "-L -n -c");
    let mut lines = listing.lines();
    assert_eq!(lines.next(), Some("IPVS connection entries"));
    assert_eq!(
        lines.next(),
        Some("pro expire state       source             virtual            destination")
    );
    let lines: Vec<&str> = lines.collect();
    assert_eq!(lines.len(), 3, "{listing}");
    let server = cluster.servers.first().unwrap().address;
    for line in lines {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        assert_eq!(words[0], "TCP");
        assert!(words[3].starts_with(&format!("{CLIENT}:")), "{line}");
        assert_eq!(
            &words[4..],
            [
                format!("{VIRTUAL}:{PORT}").as_str(),
                format!("{server}:{PORT}").as_str()
            ],
            "{line}"
        );
    }
}

#[test]
fn counters_count_requests_until_they_are_set_to_zero() {
    let cluster = balanced();
    let service = cluster.address();
    cluster.requests(7, || ()).unwrap();
    await_connections_counted(&cluster, 7);
    ipvsadm(&cluster.director, &format!("-Z -t {service}"));
    assert_eq!(connections_counted(&cluster), 0);
    cluster.requests(2, || ()).unwrap();
    await_connections_counted(&cluster, 2);
    ipvsadm(&cluster.director, "-Z");
    assert_eq!(connections_counted(&cluster), 0);
}
