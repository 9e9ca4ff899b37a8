// SPDX-License-Identifier: MIT

//! The checks of a real server. The networks are those of the guides about direct routing
//! and tunneling; `server1` is looked at.

use ipvs_lab::http::Server;

use super::Patient;
use crate::guides::Scene;

/// As in docs/guides/direct-routing.md. The director answers ARP a little later than
/// everybody else, so that a server that answers too is the first, whose answer counts.
const DIRECT_ROUTING: &str = "\
    server1# sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
    server2# sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
    server1# ip address add 198.51.100.100/32 dev lo
    server2# ip address add 198.51.100.100/32 dev lo
    server1# ip address add 2001:db8:1::100/128 dev lo nodad
    server2# ip address add 2001:db8:1::100/128 dev lo nodad
    director# ip address add 198.51.100.100/32 dev front
    director# ip address add 2001:db8:1::100/128 dev front nodad preferred_lft 0
    director# tc qdisc add dev front root netem delay 20ms
    director# ipvsadm -A -t 198.51.100.100:80 -s rr
    director# ipvsadm -a -t 198.51.100.100:80 -r 198.51.100.11 -g
    director# ipvsadm -a -t 198.51.100.100:80 -r 198.51.100.12 -g
    director# ipvsadm -A -t [2001:db8:1::100]:80 -s rr
    director# ipvsadm -a -t [2001:db8:1::100]:80 -r 2001:db8:1::11 -g
    director# ipvsadm -a -t [2001:db8:1::100]:80 -r 2001:db8:1::12 -g";

/// As in docs/guides/tunneling.md.
const TUNNELING: &str = "\
    server1# ip link add ipip1 type ipip local 203.0.113.11
    server1# ip address add 198.51.100.100/32 dev ipip1
    server1# ip link set ipip1 up
    server1# ip link add sit1 type sit local 203.0.113.11
    server1# ip address add 2001:db8:1::100/128 dev sit1 nodad
    server1# ip link set sit1 up
    server1# sysctl -w net.ipv4.conf.all.rp_filter=2
    director# ip address add 198.51.100.100/32 dev front
    director# ip address add 2001:db8:1::100/128 dev front nodad preferred_lft 0
    director# ipvsadm -A -t 198.51.100.100:80 -s rr
    director# ipvsadm -a -t 198.51.100.100:80 -r 203.0.113.11 -i
    director# ipvsadm -A -t [2001:db8:1::100]:80 -s rr
    director# ipvsadm -a -t [2001:db8:1::100]:80 -r 203.0.113.11 -i";

/// Each of two servers answers half of the requests of a client that has to ask who has
/// the address.
const HALF_EACH: &str = "ip neigh flush dev eth0; for i in 1 2 3 4 5 6; do \
    curl -s --max-time 2 http://198.51.100.100/ || exit 1; done \
    | sort | uniq -c | grep -c ' 3 ' | grep -qx 2";
const HALF_EACH_V6: &str = "ip neigh flush dev eth0; for i in 1 2 3 4 5 6; do \
    curl -s --max-time 2 'http://[2001:db8:1::100]/' || exit 1; done \
    | sort | uniq -c | grep -c ' 3 ' | grep -qx 2";

/// The only server answers.
const ANSWER: &str = "curl -s --max-time 2 http://198.51.100.100/ | grep -q server1";
const ANSWER_V6: &str = "curl -s --max-time 2 'http://[2001:db8:1::100]/' | grep -q server1";

/// The words that ask about the virtual addresses, and the port of the web servers.
const WORDS: &str = "--real-server 198.51.100.100:80,[2001:db8:1::100]:80";

fn direct_routing(works: &'static str) -> Patient {
    Patient::at("server1", WORDS, "beside beside", DIRECT_ROUTING, works)
}

fn tunneling(works: &'static str) -> Patient {
    Patient::at("server1", WORDS, "away", TUNNELING, works)
}

#[test]
fn a_server_that_answers_arp_for_the_virtual_address() {
    let mut patient = direct_routing(HALF_EACH);
    patient.break_and_mend(
        "server1# sysctl -w net.ipv4.conf.all.arp_ignore=0",
        "arp-ignore",
        "eth0 answers ARP for 198.51.100.100: arp_ignore is 0",
    );
    patient.break_and_mend(
        "server1# sysctl -w net.ipv4.conf.eth0.arp_ignore=3",
        "arp-ignore",
        "eth0 answers ARP for 198.51.100.100: arp_ignore is 3",
    );
}

#[test]
fn a_server_that_asks_in_the_name_of_the_virtual_address() {
    let mut patient = direct_routing(HALF_EACH);
    patient.break_and_mend(
        "server1# sysctl -w net.ipv4.conf.all.arp_announce=0
         server1# ip neigh flush dev eth0",
        "arp-announce",
        "eth0 asks (ARP) in the name of 198.51.100.100: arp_announce is 0",
    );
    // It has to ask again, and not only to remember.
    patient.run("server1# ip neigh flush dev eth0");
    patient.expect_health();
}

#[test]
fn a_server_without_the_virtual_address() {
    let mut v4 = direct_routing(HALF_EACH);
    v4.break_and_mend(
        "server1# ip address del 198.51.100.100/32 dev lo",
        "server-address",
        "virtual address 198.51.100.100 is not on this server",
    );
    let mut v6 = direct_routing(HALF_EACH_V6);
    v6.break_and_mend(
        "server1# ip address del 2001:db8:1::100/128 dev lo",
        "server-address",
        "virtual address 2001:db8:1::100 is not on this server",
    );
}

#[test]
fn a_virtual_address_on_the_link_to_the_clients() {
    let mut v4 = direct_routing(HALF_EACH);
    v4.break_and_mend(
        "server1# ip address del 198.51.100.100/32 dev lo
         server1# ip address add 198.51.100.100/32 dev eth0",
        "server-address",
        "virtual address 198.51.100.100 is on eth0, where neighbours ask for it",
    );
    let mut v6 = direct_routing(HALF_EACH_V6);
    // The last advertisement wins in IPv6.
    v6.run("server1# tc qdisc add dev eth0 root netem delay 60ms");
    v6.break_and_mend(
        "server1# ip address del 2001:db8:1::100/128 dev lo
         server1# ip address add 2001:db8:1::100/128 dev eth0 nodad",
        "server-address",
        "virtual address 2001:db8:1::100 is on eth0, where neighbours ask for it",
    );
}

#[test]
fn a_virtual_address_with_a_whole_network() {
    let mut patient = direct_routing(HALF_EACH);
    patient.break_and_mend(
        "server1# ip address del 198.51.100.100/32 dev lo
         server1# ip address add 198.51.100.100/24 dev lo",
        "address-prefix",
        "virtual address 198.51.100.100 is on lo with a whole network: its prefix is /24",
    );
}

#[test]
fn a_tunnel_device_that_unwraps_nothing() {
    let mut v4 = tunneling(ANSWER);
    v4.break_and_mend(
        "server1# ip link set ipip1 down",
        "tunnel-device",
        "ipip1 is down",
    );
    v4.break_and_mend(
        "server1# ip link set ipip1 type ipip local 203.0.113.99",
        "tunnel-device",
        "ipip1 unwraps packets to 203.0.113.99, which is no address of this server",
    );
    let mut v6 = tunneling(ANSWER_V6);
    v6.break_and_mend(
        "server1# ip link set sit1 type sit local 203.0.113.99",
        "tunnel-device",
        "sit1 unwraps packets to 203.0.113.99, which is no address of this server",
    );
}

#[test]
fn a_tunnel_whose_packets_the_reverse_path_filter_drops() {
    let mut patient = tunneling(ANSWER);
    patient.break_and_mend(
        "server1# ip address del 198.51.100.100/32 dev ipip1
         server1# ip address add 198.51.100.100/32 dev lo",
        "tunnel-rp-filter",
        "ipip1 drops what it unwraps: rp_filter is 2, and it has no IPv4 address",
    );
    patient.break_and_mend(
        "server1# sysctl -w net.ipv4.conf.all.rp_filter=1",
        "tunnel-rp-filter",
        "ipip1 drops what it unwraps: rp_filter is 1 (strict)",
    );
}

#[test]
fn a_virtual_address_that_is_missing_behind_a_tunnel() {
    let mut patient = tunneling(ANSWER);
    // The filter would drop everything on a device without an address, and be found too.
    patient.run("server1# sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.ipip1.rp_filter=0");
    patient.break_and_mend(
        "server1# ip address del 198.51.100.100/32 dev ipip1",
        "server-address",
        "virtual address 198.51.100.100 is not on this server",
    );
}

#[test]
fn a_program_that_does_not_listen_at_the_virtual_address() {
    const SET_UP: &str = "\
        server1# sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
        server1# ip address add 198.51.100.100/32 dev lo
        director# ip address add 198.51.100.100/32 dev front
        director# ipvsadm -A -t 198.51.100.100:8080 -s rr
        director# ipvsadm -a -t 198.51.100.100:8080 -r 198.51.100.11 -g";
    const WORKS: &str = "curl -s --max-time 2 http://198.51.100.100:8080/ | grep -q server1";
    let mut patient = Patient {
        scene: Scene::new("<!-- network: beside -->"),
        place: "server1",
        words: "--real-server 198.51.100.100:8080",
        works: WORKS,
    };
    patient.run(SET_UP);
    // No command mends these.
    for (listens, sentence) in [
        (
            None,
            "198.51.100.100:8080 is an address at which nothing listens on this port",
        ),
        (
            Some("198.51.100.11:8080"),
            "198.51.100.100:8080 is not where the program of this port listens: TCP 198.51.100.11",
        ),
    ] {
        let namespace = patient.scene.find("server1");
        let _server =
            listens.map(|address| Server::start(namespace, address.parse().unwrap()).unwrap());
        assert!(!patient.is_working(), "{sentence}");
        let finding = patient.find("listener", sentence);
        assert_eq!(finding["commands"], serde_json::json!([]));
    }
    for listens in ["198.51.100.100:8080", "0.0.0.0:8080", "[::]:8080"] {
        let namespace = patient.scene.find("server1");
        let _server = Server::start(namespace, listens.parse().unwrap()).unwrap();
        patient.expect_health();
    }
}

#[test]
fn anybody_may_look_at_a_real_server() {
    let mut patient = direct_routing(HALF_EACH);
    patient.run(
        "server1# sysctl -w net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.all.arp_announce=0
         server1# ip address del 2001:db8:1::100/128 dev lo",
    );
    let command = format!("ipvsadm --doctor {WORDS},198.51.100.100:81 --json");
    let root = patient.scene.run("server1", &command, "");
    for check in ["arp-ignore", "arp-announce", "server-address", "listener"] {
        assert!(root.stdout.contains(&format!("{check:?}")), "{root:?}");
    }
    let nobody = format!("setpriv --reuid=65534 --regid=65534 --clear-groups {command}");
    let nobody = patient.scene.run("server1", &nobody, "");
    assert_eq!((nobody.stdout, nobody.status), (root.stdout, root.status));
}
