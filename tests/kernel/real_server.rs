// SPDX-License-Identifier: MIT

//! `lvs-realserver@.service`: what it runs makes a machine a real server of a virtual
//! address, and undoes that.

use std::fs;
use std::path::{Path, PathBuf};

use crate::guides::Scene;
use crate::unit;

/// The network of docs/guides/direct-routing.md.
const NETWORK: &str = "<!-- network: beside beside -->";
const DIRECTOR: &str = "\
    ip address add 198.51.100.100/32 dev front
    ip address add 2001:db8:1::100/128 dev front nodad preferred_lft 0
    ipvsadm -A -t 198.51.100.100:80 -s rr
    ipvsadm -a -t 198.51.100.100:80 -r 198.51.100.11 -g
    ipvsadm -a -t 198.51.100.100:80 -r 198.51.100.12 -g
    ipvsadm -A -t [2001:db8:1::100]:80 -s rr
    ipvsadm -a -t [2001:db8:1::100]:80 -r 2001:db8:1::11 -g
    ipvsadm -a -t [2001:db8:1::100]:80 -r 2001:db8:1::12 -g";
const PARAMETERS: &str = "sysctl -n net.ipv4.conf.all.arp_ignore net.ipv4.conf.all.arp_announce";
const ADDRESSES: &str = "ip -o address show dev lo | awk '{ print $4 }'";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/cli/service")
}

/// Returns the command of the unit for an instance, with the program of this tree.
fn command(key: &str, instance: &str) -> String {
    let unit = fs::read_to_string(folder().join("lvs-realserver@.service")).unwrap();
    let command = unit::setting(&unit, key).replace("%i", instance);
    let program = command.strip_prefix("/usr/libexec/ipvsadm").unwrap();
    format!("{}{program}", folder().display())
}

fn assert_run(scene: &mut Scene, place: &str, command: &str, wanted: &str) {
    let answer = scene.run(place, command, "");
    assert_eq!(
        (answer.stdout.as_str(), answer.status),
        (wanted, 0),
        "{place}# {command}"
    );
}

#[test]
fn started_addresses_are_answered_for_by_the_director_alone() {
    let mut scene = Scene::new(NETWORK);
    assert_run(&mut scene, "director", DIRECTOR, "");
    for server in ["server1", "server2"] {
        for address in ["198.51.100.100", "2001:db8:1::100"] {
            assert_run(&mut scene, server, &command("ExecStart", address), "");
        }
        let look = "ipvsadm --doctor --real-server 198.51.100.100:80,[2001:db8:1::100]:80";
        assert_run(&mut scene, server, look, "");
    }
    for host in ["198.51.100.100", "[2001:db8:1::100]"] {
        let ask = format!(
            "ip neigh flush dev eth0; for i in 1 2 3 4; do curl -s 'http://{host}/'; done | sort"
        );
        let wanted = "server1\nserver1\nserver2\nserver2\n";
        assert_run(&mut scene, "client", &ask, wanted);
    }
}

#[test]
fn the_last_stop_gives_back_what_was_before() {
    let mut scene = Scene::new(NETWORK);
    let server = "server1";
    let before = "sysctl -qw net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.all.arp_announce=1";
    assert_run(&mut scene, server, before, "");
    let [start, stop] = ["ExecStart", "ExecStop"];
    let [first, second, third] = ["198.51.100.100", "198.51.100.101", "2001:db8:1::100"];
    // IPv6 needs no settings.
    assert_run(&mut scene, server, &command(start, third), "");
    assert_run(&mut scene, server, PARAMETERS, "0\n1\n");
    assert_run(&mut scene, server, &command(start, first), "");
    assert_run(&mut scene, server, &command(start, second), "");
    assert_run(&mut scene, server, PARAMETERS, "1\n2\n");
    let all = "127.0.0.1/8\n198.51.100.100/32\n198.51.100.101/32\n2001:db8:1::100/128\n::1/128\n";
    assert_run(&mut scene, server, ADDRESSES, all);
    // A second start changes nothing.
    assert_run(&mut scene, server, &command(start, first), "");
    assert_run(&mut scene, server, &command(stop, first), "");
    assert_run(&mut scene, server, PARAMETERS, "1\n2\n");
    assert_run(&mut scene, server, &command(stop, third), "");
    assert_run(&mut scene, server, &command(stop, second), "");
    assert_run(&mut scene, server, PARAMETERS, "0\n1\n");
    assert_run(&mut scene, server, ADDRESSES, "127.0.0.1/8\n::1/128\n");
    // So does a second stop.
    assert_run(&mut scene, server, &command(stop, second), "");
}

#[test]
fn what_somebody_else_has_set_since_stays() {
    let mut scene = Scene::new(NETWORK);
    let server = "server1";
    let address = "198.51.100.100";
    assert_run(&mut scene, server, &command("ExecStart", address), "");
    let change = "sysctl -qw net.ipv4.conf.all.arp_ignore=2
                  ip address del 198.51.100.100/32 dev lo";
    assert_run(&mut scene, server, change, "");
    assert_run(&mut scene, server, &command("ExecStop", address), "");
    assert_run(&mut scene, server, PARAMETERS, "2\n0\n");
}

#[test]
fn an_address_that_is_none_is_refused_and_leaves_nothing() {
    let mut scene = Scene::new(NETWORK);
    for address in ["198.51.100.300", "eth0", "10.0.0.1/24", "''"] {
        let answer = scene.run("server1", &command("ExecStart", address), "");
        assert_ne!(answer.status, 0, "{address}");
        assert_ne!(answer.stdout, "", "{address}");
    }
    assert_run(&mut scene, "server1", PARAMETERS, "0\n0\n");
    assert_run(&mut scene, "server1", ADDRESSES, "127.0.0.1/8\n::1/128\n");
}

/// The example for those who set the addresses up themselves.
#[test]
fn the_example_for_sysctl_sets_what_the_unit_sets() {
    let mut scene = Scene::new(NETWORK);
    let example = "../docs/examples/real-server/90-realserver.conf";
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join(example);
    let load = format!("sysctl -q -p {}", example.display());
    assert_run(&mut scene, "server1", &load, "");
    assert_run(&mut scene, "server1", PARAMETERS, "1\n2\n");
}
