// SPDX-License-Identifier: MIT

//! The program's readers of facts about the machine, held against what `ip -j` and `ss`
//! say in the same network namespace.
//!
//! They are a part of the program and of no library. So their source is a module here, and
//! their unit tests run here too.

#[allow(dead_code, reason = "the program uses what the tests do not")]
#[path = "../../src/cli/system/mod.rs"]
mod system;

use std::net::IpAddr;

use ipvs_lab::network::{Network, Place};
use ipvs_lab::{Namespace, wait};
use serde_json::Value;

use self::system::{
    addresses::{self, Scope},
    interfaces::{self, InterfaceKind},
    route_netlink::RouteSocket,
    routes::{self, Route, RouteQuery},
    settings::Settings,
};
use crate::{ipvsadm, namespace};

/// Returns what a command of `ip -j` says.
fn ask_ip(place: &Namespace, arguments: &str) -> Vec<Value> {
    let mut command = std::process::Command::new("ip");
    command.arg("-j").args(arguments.split(' '));
    let answer = place.answer(command, "").unwrap();
    assert_eq!(answer.stderr, "", "ip -j {arguments}");
    serde_json::from_str(&answer.stdout).unwrap()
}

/// A director with devices of many kinds, in a network without a default route.
fn network() -> Network {
    let network = Network::new([Place::Behind]).unwrap();
    network
        .director
        .ip("route del default\n\
             route del ::/0\n\
             link add ipip1 type ipip local 198.51.100.1\n\
             link add gre1 type gre local 198.51.100.1 remote 203.0.113.11 icsum\n\
             link add ip6tnl1 type ip6tnl mode ip6ip6 local 2001:db8:1::1\n\
             link add ip6tnl2 type ip6tnl mode ipip6 local 2001:db8:1::1 remote 2001:db8:1::8\n\
             link add ip6tnl3 type ip6tnl mode any local 2001:db8:1::1 remote 2001:db8:1::9\n\
             link add sit1 type sit local 198.51.100.1\n\
             link add ip6gre1 type ip6gre local 2001:db8:1::1\n\
             link add dummy1 mtu 9000 type dummy\n\
             link add br0 type bridge\n\
             link set dummy1 master br0\n\
             link set ipip1 up\n\
             addr add 198.51.100.100/32 dev ipip1\n\
             addr add 2001:db8:1::100/128 dev front nodad preferred_lft 0\n\
             addr add 10.9.0.1 peer 10.9.0.2/32 dev gre1\n\
             addr add 169.254.0.1/16 dev front scope link\n\
             route add 203.0.113.0/24 via 198.51.100.254\n\
             route add 192.0.2.0/24 dev front table 100\n\
             rule add fwmark 7 table 100\n\
             route add unreachable 192.0.3.0/24\n\
             route add blackhole 192.0.4.0/24\n\
             route add prohibit 192.0.5.0/24")
        .unwrap();
    network
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn interfaces_are_those_of_ip() {
    let network = network();
    let director = &network.director;
    let read = || {
        let found = director.run(|| interfaces::read(&mut RouteSocket::open()?));
        found.unwrap().unwrap()
    };
    // An interface is connected a moment after it was put up: between the two readings.
    wait::for_value(&true, || {
        let ours: Vec<bool> = read().iter().map(|one| one.running).collect();
        let theirs = ask_ip(director, "-d link");
        let theirs = theirs.iter().map(|one| one["flags"].to_string());
        theirs.map(|flags| flags.contains("LOWER_UP")).eq(ours)
    });
    let found = read();
    let expected = ask_ip(director, "-d link");
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        let flag = |name: &str| {
            let flags = expected["flags"].as_array().unwrap();
            flags.iter().any(|flag| flag == name)
        };
        let name = found.name.as_str();
        assert_eq!(name, text(&expected["ifname"]));
        assert_eq!(u64::from(found.index), expected["ifindex"], "{name}");
        assert_eq!(u64::from(found.mtu), expected["mtu"], "{name}");
        assert_eq!(found.up, flag("UP"), "{name}");
        assert_eq!(found.running, flag("LOWER_UP"), "{name}");
        assert_eq!(found.arp, !flag("NOARP"), "{name}");
        let kind = text(&expected["linkinfo"]["info_kind"]);
        let data = &expected["linkinfo"]["info_data"];
        match &found.kind {
            InterfaceKind::Loopback => assert!(flag("LOOPBACK"), "{name}"),
            InterfaceKind::Dummy => assert_eq!(kind, "dummy"),
            InterfaceKind::Device => assert_eq!(kind, "", "{name}"),
            InterfaceKind::Other(other) => assert_eq!(kind, other),
            InterfaceKind::Tunnel(tunnel) => {
                let protocol = format!("{:?}", tunnel.protocol).to_lowercase();
                assert_eq!(kind, protocol, "{name}");
                let address = |name: &str| text(&data[name]).parse::<IpAddr>().ok();
                assert_eq!(tunnel.local, address("local"), "{name}");
                assert_eq!(tunnel.remote, address("remote"), "{name}");
                assert_eq!(tunnel.checksum, data["icsum"] == true, "{name}");
                let inside = match (kind, text(&data["proto"])) {
                    ("ipip", "any" | "ipip") | ("ip6tnl", "ipip6") => (true, false),
                    ("sit", "any" | "ip6ip") | ("ip6tnl", "ip6ip6") => (false, true),
                    _ => (true, true),
                };
                assert_eq!((tunnel.ipv4, tunnel.ipv6), inside, "{name}");
            }
        }
        let master = found.master.map(|index| {
            let master = ask_ip(director, "link");
            let master = master.iter().find(|link| link["ifindex"] == index);
            text(&master.unwrap()["ifname"]).to_owned()
        });
        assert_eq!(
            master.unwrap_or_default(),
            text(&expected["master"]),
            "{name}"
        );
    }
    // What is expected of `ip` is there to be compared at all.
    for name in ["lo", "front", "ipip1", "gre1", "ip6tnl1", "sit1", "ip6gre1"] {
        assert!(found.iter().any(|found| found.name == name), "{name}");
    }
}

#[test]
fn addresses_are_those_of_ip() {
    let network = network();
    let director = &network.director;
    let read = director.run(|| addresses::read(&mut RouteSocket::open()?));
    let mut found: Vec<_> = read
        .unwrap()
        .unwrap()
        .into_iter()
        .map(|found| {
            let scope = match found.scope {
                Scope::Global => "global",
                Scope::Link => "link",
                Scope::Host => "host",
                Scope::Other(_) => "other",
            };
            (
                found.interface.into(),
                found.address,
                found.prefix_length.into(),
                scope.to_owned(),
                found.deprecated,
            )
        })
        .collect();
    let mut expected = Vec::new();
    for link in ask_ip(director, "addr") {
        for address in link["addr_info"].as_array().unwrap() {
            expected.push((
                link["ifindex"].as_u64().unwrap(),
                text(&address["local"]).parse::<IpAddr>().unwrap(),
                address["prefixlen"].as_u64().unwrap(),
                text(&address["scope"]).to_owned(),
                address["deprecated"] == true,
            ));
        }
    }
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert!(found.iter().any(|(.., deprecated)| *deprecated));
}

#[test]
fn routes_are_those_of_ip() {
    let network = network();
    let director = &network.director;
    for (destination, source, mark) in [
        ("203.0.113.11", None, None),
        ("10.0.0.2", None, None),
        ("198.51.100.2", Some("198.51.100.100"), None),
        ("198.51.100.100", None, None),
        ("192.0.2.9", None, Some(7)),
        ("127.0.0.1", None, None),
        ("2001:db8:1::2", None, None),
        ("2001:db8:1::100", None, None),
        ("fd00::2", Some("2001:db8:1::1"), None),
    ] {
        let query = RouteQuery {
            destination: destination.parse().unwrap(),
            source: source.map(|source| source.parse().unwrap()),
            mark,
        };
        let found = find(director, query).unwrap();
        let mut words = format!("route get {destination}");
        if let Some(source) = source {
            words += &format!(" from {source}");
        }
        if let Some(mark) = mark {
            words += &format!(" mark {mark}");
        }
        let expected = &ask_ip(director, &words)[0];
        let links = ask_ip(director, "link");
        let link = links.iter().find(|link| link["ifname"] == expected["dev"]);
        assert_eq!(
            found.interface.map(u64::from),
            link.unwrap()["ifindex"].as_u64(),
            "{words}"
        );
        let address = |name: &str| text(&expected[name]).parse::<IpAddr>().ok();
        assert_eq!(found.gateway, address("gateway"), "{words}");
        if source.is_none() {
            assert_eq!(found.source, address("prefsrc"), "{words}");
        }
        assert_eq!(found.local, expected["type"] == "local", "{words}");
    }
}

fn find(place: &Namespace, query: RouteQuery) -> Option<Route> {
    let found = place.run(|| routes::find(&mut RouteSocket::open()?, query));
    found.unwrap().unwrap()
}

#[test]
fn a_destination_that_is_unreachable_or_dropped_has_no_route() {
    let network = network();
    for destination in [
        // There is no default route, in either family.
        "192.0.6.1",
        "2001:db8:9::1",
        // Without its mark.
        "192.0.2.9",
        // Routes of the types unreachable, blackhole and prohibit.
        "192.0.3.1",
        "192.0.4.1",
        "192.0.5.1",
    ] {
        let query = RouteQuery {
            destination: destination.parse().unwrap(),
            source: None,
            mark: None,
        };
        assert_eq!(find(&network.director, query), None, "{destination}");
    }
}

#[test]
fn settings_are_those_of_the_namespace() {
    let network = network();
    let director = &network.director;
    director.sysctl("ipv4/ip_forward", "1").unwrap();
    director.sysctl("ipv4/conf/front/rp_filter", "2").unwrap();
    // The settings of IPVS come with its module.
    ipvsadm(director, "-L");
    director.sysctl("ipv4/vs/expire_nodest_conn", "1").unwrap();
    let read = |place: &Namespace| place.run(Settings::read).unwrap();
    let found = read(director);
    assert_eq!(found.number("ipv4/ip_forward"), Some(1));
    assert_eq!(found.number("ipv4/conf/front/rp_filter"), Some(2));
    assert_eq!(found.number("ipv4/vs/expire_nodest_conn"), Some(1));
    assert_eq!(found.text("ipv4/vs/sync_threshold"), Some("3\t50"));
    let elsewhere = read(&network.client);
    assert_eq!(elsewhere.number("ipv4/ip_forward"), Some(0));
    assert_eq!(elsewhere.number("ipv4/conf/front/rp_filter"), None);
}

#[test]
fn sockets_that_wait_are_those_of_the_namespace() {
    use std::net::{TcpListener, TcpStream, UdpSocket};
    let place = namespace("server");
    let other = namespace("other");
    let found = place.run(|| {
        let tcp = TcpListener::bind("127.0.0.1:80").unwrap();
        let _tcp6 = TcpListener::bind("[::]:443").unwrap();
        let _udp6 = UdpSocket::bind("[::1]:53").unwrap();
        let _connected = TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
        let sockets = system::sockets::read().unwrap();
        let name = |socket: &system::sockets::ListeningSocket| {
            format!("{} {} {}", socket.protocol, socket.address, socket.port)
        };
        sockets.iter().map(name).collect::<Vec<_>>()
    });
    assert_eq!(
        found.unwrap(),
        ["TCP 127.0.0.1 80", "TCP :: 443", "UDP ::1 53"]
    );
    assert_eq!(other.run(system::sockets::read).unwrap().unwrap(), []);
}

#[test]
fn a_bond_puts_packets_together_until_forwarding_is_switched_on() {
    let director = namespace("director");
    director
        .ip("link add bond0 type bond\n\
             link add veth0 type veth peer name veth1\n\
             link set bond0 up")
        .unwrap();
    let names = ["bond0", "veth0", "veth1", "lo"];
    let read = || system::offloads::find_large_receive(names);
    let read = || director.run(read).unwrap().unwrap();
    // The driver offers it (`bond_main.c`), and forwarding switches it off (`devinet.c`).
    assert_eq!(read(), ["bond0".to_owned()].into());
    director.sysctl("ipv4/ip_forward", "1").unwrap();
    assert_eq!(read(), [].into());
}

#[test]
fn a_backup_daemon_joins_its_multicast_group() {
    let director = namespace("director");
    crate::add_sync_interface(&director);
    ipvsadm(&director, "--start-daemon backup --mcast-interface sync0");
    let groups = director.run(system::multicast::read).unwrap().unwrap();
    let links = ask_ip(&director, "link show dev sync0");
    let group = "224.0.0.81".parse::<IpAddr>().unwrap();
    let found = groups.iter().find(|found| found.group == group).unwrap();
    assert_eq!(u64::from(found.interface), links[0]["ifindex"]);
}
