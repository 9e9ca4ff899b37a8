// SPDX-License-Identifier: MIT

//! The lab's own namespaces: separate from each other, and with IPVS.

use std::fs;

use crate::{ipvsadm, namespace};

#[test]
fn a_fresh_namespace_has_ipvs_and_an_empty_table() {
    let fresh = namespace("fresh");
    let table = fresh.run(|| fs::read_to_string("/proc/thread-self/net/ip_vs"));
    let table = table.unwrap().unwrap();
    let lines: Vec<_> = table.lines().collect();
    assert!(
        lines[0].starts_with("IP Virtual Server version "),
        "{table}"
    );
    assert_eq!(lines.len(), 3, "{table}");
}

#[test]
fn virtual_services_of_one_namespace_are_not_in_another() {
    let (first, second) = (namespace("first"), namespace("second"));
    ipvsadm(&first, "-A -t 192.0.2.1:80 -s rr");
    assert_eq!(ipvsadm(&first, "-S -n"), "-A -t 192.0.2.1:80 -s rr\n");
    assert_eq!(ipvsadm(&second, "-S -n"), "");
}

#[test]
fn schedulers_are_loaded_when_they_are_asked_for() {
    let director = namespace("director");
    let schedulers = [
        "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq",
    ];
    for (number, scheduler) in schedulers.iter().enumerate() {
        let service = format!("192.0.2.{}:80", number + 1);
        ipvsadm(&director, &format!("-A -t {service} -s {scheduler}"));
        assert!(
            ipvsadm(&director, "-S -n").contains(&format!("-A -t {service} -s {scheduler}\n")),
            "{scheduler}"
        );
    }
}

#[test]
fn a_link_joins_two_namespaces_and_no_third() {
    let (left, right, other) = (namespace("left"), namespace("right"), namespace("other"));
    left.link("eth0", &right, "eth1").unwrap();
    assert!(left.ip("link show dev eth0").is_ok());
    assert!(right.ip("link show dev eth1").is_ok());
    for (namespace, link) in [(&left, "eth1"), (&right, "eth0"), (&other, "eth0")] {
        let error = namespace.ip(&format!("link show dev {link}")).unwrap_err();
        assert!(error.to_string().contains("does not exist"), "{error}");
    }
}

#[test]
fn a_parameter_set_in_one_namespace_leaves_the_other_alone() {
    let (first, second) = (namespace("first"), namespace("second"));
    first.sysctl("ipv4/vs/expire_nodest_conn", "1").unwrap();
    for (namespace, wanted) in [(&first, "1\n"), (&second, "0\n")] {
        let read = || fs::read_to_string("/proc/sys/net/ipv4/vs/expire_nodest_conn");
        assert_eq!(namespace.run(read).unwrap().unwrap(), wanted);
    }
}
