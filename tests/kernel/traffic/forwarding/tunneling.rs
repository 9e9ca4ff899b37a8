// SPDX-License-Identifier: MIT

//! Tunneling: the director wraps packets up and sends them to servers anywhere,
//! which unwrap them, have the virtual address and reply by themselves.

use std::net::{IpAddr, SocketAddr};

use ipvs_lab::Namespace;
use ipvs_lab::capture::{Capture, Packet};
use ipvs_lab::network::{CLIENT, DIRECTOR, Network, Place, Server, VIRTUAL};
use ipvs_lab::talk::{Conversation, Protocol, Responder};

use super::{PROTOCOLS, Replies, Service, link};
use crate::traffic::{FAMILIES, Family, PORT, give_virtual_addresses, network, service};

/// The device in which the server finds what it has unwrapped.
const DEVICE: &str = "tunnel";
/// The UDP port of GUE on servers.
const GUE_PORT: u16 = 6080;
/// Protocol numbers of IANA.
const IPV4: u8 = 4;
const UDP: u8 = 17;
const IPV6: u8 = 41;
const GRE: u8 = 47;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checksum {
    None,
    /// One for all that is inside.
    Full,
    /// That, and the inner one is left to the server, which is told its place.
    Remote,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ipip,
    Gre(Checksum),
    Gue(Checksum),
}

/// A way to send packets of one family in packets of another.
#[derive(Debug, Clone, Copy)]
struct Tunnel {
    kind: Kind,
    inner: Family,
    outer: Family,
}

impl Tunnel {
    /// The words of `ipvsadm`.
    fn method(self) -> String {
        let checksum = |checksum| match checksum {
            Checksum::None => "--tun-nocsum",
            Checksum::Full => "--tun-csum",
            Checksum::Remote => "--tun-remcsum",
        };
        match self.kind {
            Kind::Ipip => "-i".to_owned(),
            Kind::Gre(sum) => format!("-i --tun-type gre {}", checksum(sum)),
            Kind::Gue(sum) => format!("-i --tun-type gue --tun-port {GUE_PORT} {}", checksum(sum)),
        }
    }

    /// Lets the server unwrap what comes.
    fn open(self, server: &Server) {
        let own = self.outer.of(server.addresses);
        let kind = match (self.kind, self.inner, self.outer) {
            (Kind::Gre(_), _, Family::V4) => "gre",
            (Kind::Gre(_), _, Family::V6) => "ip6gre",
            (_, Family::V4, Family::V4) => "ipip",
            (_, Family::V6, Family::V4) => "sit",
            (_, Family::V4, Family::V6) => "ip6tnl mode ipip6",
            (_, Family::V6, Family::V6) => "ip6tnl mode ip6ip6",
        };
        // GRE devices take packets only with or only without a checksum.
        let checksum = match self.kind {
            Kind::Gre(Checksum::Full) => "icsum",
            _ => "",
        };
        let mut commands =
            format!("link add {DEVICE} type {kind} local {own} {checksum}\nlink set {DEVICE} up\n");
        if let Kind::Gue(_) = self.kind {
            // Nothing but its name loads it.
            let mut modprobe = server.namespace.command("modprobe");
            assert!(modprobe.arg("fou").status().unwrap().success());
            commands += &format!("fou add port {GUE_PORT} gue {}\n", self.listens());
        }
        server.namespace.ip(&commands).unwrap();
    }

    /// Undoes [`Tunnel::open`].
    fn close(self, server: &Server) {
        let mut commands = format!("link del {DEVICE}\n");
        if let Kind::Gue(_) = self.kind {
            commands += &format!("fou del port {GUE_PORT} {}\n", self.listens());
        }
        server.namespace.ip(&commands).unwrap();
    }

    /// The family that the UDP port is opened for.
    fn listens(self) -> &'static str {
        match self.outer {
            Family::V4 => "",
            Family::V6 => "-6",
        }
    }

    /// Asserts that a packet came from the director this way.
    fn assert_wrapped(self, packet: &Packet) {
        assert_eq!(packet.source, self.outer.of(DIRECTOR), "{self:?}");
        let inner = match self.inner {
            Family::V4 => IPV4,
            Family::V6 => IPV6,
        };
        match self.kind {
            Kind::Ipip => assert_eq!(packet.protocol, inner, "{self:?}"),
            Kind::Gre(sum) => {
                let ether_type = match self.inner {
                    Family::V4 => 0x0800,
                    Family::V6 => 0x86dd,
                };
                let flags = if sum == Checksum::Full { 0x8000 } else { 0 };
                assert_eq!(packet.protocol, GRE, "{self:?}");
                assert_eq!(
                    (word(packet, 0), word(packet, 2)),
                    (flags, ether_type),
                    "{self:?}"
                );
            }
            Kind::Gue(sum) => {
                assert_eq!(packet.protocol, UDP, "{self:?}");
                assert_eq!(word(packet, 2), GUE_PORT, "{self:?}");
                // A UDP checksum of zero is none.
                assert_eq!(word(packet, 6) != 0, sum != Checksum::None, "{self:?}");
                // Behind the UDP header: version, kind and length of the
                // options; what is inside.
                assert_eq!(packet.payload[8] >> 5, 0, "{self:?}");
                assert_eq!(packet.payload[9], inner, "{self:?}");
            }
        }
    }
}

/// Returns whether a packet of GUE names the place of a checksum that the server is to
/// fill in: private flags are there, and of these the highest is set.
fn offloads_checksum(packet: &Packet) -> bool {
    word(packet, 10) == 1 && word(packet, 12) == 0x8000
}

/// Two bytes of what follows the IP header.
fn word(packet: &Packet, at: usize) -> u16 {
    u16::from_be_bytes([packet.payload[at], packet.payload[at + 1]])
}

/// A server somewhere, which has the virtual addresses.
fn away() -> Network {
    let network = network([Place::Away]);
    give_virtual_addresses(&network);
    network
}

/// Has the director take its own address as the sender of what it wraps up in
/// IPv6. It would take the youngest.
fn spare_virtual_address(director: &Namespace) {
    let change = format!("addr change {}/128 dev front preferred_lft 0", VIRTUAL.v6);
    director.ip(&change).unwrap();
}

/// A service with the one server as its destination.
fn tunnel_to(
    network: &Network,
    protocol: Protocol,
    address: SocketAddr,
    tunnel: Tunnel,
) -> Service {
    let server = &network.servers[0];
    let destination = (tunnel.outer.of(server.addresses), address.port()).into();
    let destinations = [(server.namespace.name().to_owned(), destination)];
    let method = tunnel.method();
    Service::add(&network.director, protocol, address, &method, destinations)
}

/// Every protocol, over both families in both.
fn check(kinds: &[Kind]) {
    let network = away();
    spare_virtual_address(&network.director);
    let server = &network.servers[0];
    let mut services = Vec::new();
    let mut port = PORT;
    for &kind in kinds {
        for inner in FAMILIES {
            for outer in FAMILIES {
                let tunnel = Tunnel { kind, inner, outer };
                tunnel.open(server);
                for protocol in PROTOCOLS {
                    services.push(travel(&network, tunnel, protocol, service(inner, port)));
                }
                tunnel.close(server);
                // The director remembers where connections to the last one went.
                port += 1;
            }
        }
    }
    for service in services {
        service.assert_counted(&network.director, Replies::PassBy);
    }
}

/// Has conversations through a tunnel, watched by the server.
fn travel(network: &Network, tunnel: Tunnel, protocol: Protocol, address: SocketAddr) -> Service {
    let server = &network.servers[0];
    let service = tunnel_to(network, protocol, address, tunnel);
    let own: IpAddr = tunnel.outer.of(server.addresses);
    let capture = Capture::start(&server.namespace, own).unwrap();
    let before = received(server);
    let responder = Responder::start(&server.namespace, protocol, address).unwrap();
    service.converse(network, tunnel.inner.of(CLIENT));
    drop(responder);
    let what = format!("{tunnel:?} {protocol:?}");
    let unwrapped = received(server) - before;
    let packets = capture.packets().unwrap();
    // IPv6 neighbours ask each other for their addresses.
    let packets: Vec<_> = packets
        .into_iter()
        .filter(|packet| packet.protocol != 58)
        .collect();
    let least = if protocol == Protocol::Udp { 4 } else { 12 };
    assert!(unwrapped >= least, "{what}: {unwrapped} packets");
    assert!(packets.len() >= least, "{what}: {} packets", packets.len());
    for packet in &packets {
        tunnel.assert_wrapped(packet);
    }
    // What comes over a virtual link has no checksum yet.
    let remote = tunnel.kind == Kind::Gue(Checksum::Remote);
    let offloaded = packets.iter().any(offloads_checksum);
    assert_eq!(offloaded, remote, "{what}: {packets:?}");
    service
}

/// Returns the number of packets that the server has unwrapped.
fn received(server: &Server) -> usize {
    let link = link(&server.namespace, DEVICE);
    let packets = link["stats64"]["rx"]["packets"].as_u64().unwrap();
    usize::try_from(packets).unwrap()
}

#[test]
fn ipip_carries_either_family_in_either() {
    check(&[Kind::Ipip]);
}

#[test]
fn gre_carries_either_family_in_either_with_and_without_checksums() {
    check(&[Checksum::None, Checksum::Full].map(Kind::Gre));
}

#[test]
fn gue_carries_either_family_in_either_without_checksums() {
    check(&[Kind::Gue(Checksum::None)]);
}

#[test]
fn gue_carries_either_family_in_either_with_checksums() {
    check(&[Kind::Gue(Checksum::Full)]);
}

#[test]
fn gue_carries_either_family_in_either_with_checksums_left_to_the_server() {
    check(&[Kind::Gue(Checksum::Remote)]);
}

#[test]
fn a_reverse_path_filter_must_be_loose_and_the_tunnel_have_an_address() {
    let network = away();
    let server = &network.servers[0];
    let tunnel = Tunnel {
        kind: Kind::Ipip,
        inner: Family::V4,
        outer: Family::V4,
    };
    tunnel.open(server);
    let address = service(Family::V4, PORT);
    tunnel_to(&network, Protocol::Udp, address, tunnel);
    let _responder = Responder::start(&server.namespace, Protocol::Udp, address).unwrap();
    let filter = format!("ipv4/conf/{DEVICE}/rp_filter");
    let mut talk = Conversation::begin(&network.client, Protocol::Udp, address).unwrap();
    let mut expect = |value: &str, answered: bool| {
        server.namespace.sysctl(&filter, value).unwrap();
        let before = received(server);
        let reply = match answered {
            true => talk.ask(),
            false => talk.doubt(),
        };
        assert_eq!(reply.is_ok(), answered, "rp_filter={value}: {reply:?}");
        // It came and was unwrapped in any case.
        assert_eq!(received(server) - before, 1, "rp_filter={value}");
    };
    expect("0", true);
    expect("1", false);
    expect("2", false);
    let add = format!("addr add {}/32 dev {DEVICE}", VIRTUAL.v4);
    server.namespace.ip(&add).unwrap();
    expect("1", false);
    expect("2", true);
}

#[test]
fn an_ipv6_tunnel_takes_nothing_from_the_servers_own_virtual_address() {
    let network = away();
    let server = &network.servers[0];
    let fails_at = service(Family::V4, PORT);
    let works_at = service(Family::V4, PORT + 1);
    let tunnel = Tunnel {
        kind: Kind::Ipip,
        inner: Family::V4,
        outer: Family::V6,
    };
    tunnel.open(server);
    for address in [fails_at, works_at] {
        if address == works_at {
            spare_virtual_address(&network.director);
        }
        tunnel_to(&network, Protocol::Udp, address, tunnel);
        let _responder = Responder::start(&server.namespace, Protocol::Udp, address).unwrap();
        let own = tunnel.outer.of(server.addresses);
        let capture = Capture::start(&server.namespace, own).unwrap();
        let mut talk = Conversation::begin(&network.client, Protocol::Udp, address).unwrap();
        let (reply, sender) = match address == works_at {
            true => (talk.ask(), DIRECTOR),
            false => (talk.doubt(), VIRTUAL),
        };
        assert_eq!(reply.is_ok(), address == works_at, "{reply:?}");
        let mut packets = capture.packets().unwrap();
        packets.retain(|packet| packet.protocol == IPV4);
        assert_eq!(packets.len(), 1);
        assert_eq!(packets[0].source, tunnel.outer.of(sender));
    }
}

#[test]
fn a_gre_device_drops_packets_whose_checksums_are_not_as_it_expects() {
    let network = away();
    let server = &network.servers[0];
    spare_virtual_address(&network.director);
    for (number, outer) in (0..).zip(FAMILIES) {
        let tunnel = |sum| Tunnel {
            kind: Kind::Gre(sum),
            inner: Family::V4,
            outer,
        };
        let address = service(Family::V4, PORT + number);
        tunnel_to(&network, Protocol::Udp, address, tunnel(Checksum::Full));
        let _responder = Responder::start(&server.namespace, Protocol::Udp, address).unwrap();
        let mut talk = Conversation::begin(&network.client, Protocol::Udp, address).unwrap();
        for (sum, answered) in [(Checksum::None, false), (Checksum::Full, true)] {
            tunnel(sum).open(server);
            let reply = match answered {
                true => talk.ask(),
                false => talk.doubt(),
            };
            assert_eq!(reply.is_ok(), answered, "{outer:?} {sum:?}: {reply:?}");
            tunnel(sum).close(server);
        }
    }
}
