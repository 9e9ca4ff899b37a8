// SPDX-License-Identifier: MIT

//! The interfaces of the network namespace.

use std::{io, net::IpAddr};

use netlink_packet_route::{
    IpProtocol, RouteNetlinkMessage,
    link::{
        GreIOFlags, InfoData, InfoGre, InfoGre6, InfoIpTunnel, InfoKind, LinkAttribute,
        LinkExtentMask, LinkFlags, LinkInfo, LinkMessage,
    },
};

use super::route_netlink::RouteSocket;

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    /// Its number, from 1 on, by which addresses and routes name it.
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) kind: InterfaceKind,
    /// It was set up (`ip link set NAME up`).
    pub(crate) up: bool,
    /// It can carry packets: it is up, and so is what is below it, such as the cable.
    pub(crate) running: bool,
    /// Neighbours are asked for their hardware addresses (ARP), and answered.
    pub(crate) arp: bool,
    /// The most bytes of a packet.
    pub(crate) mtu: u32,
    /// The number of the bridge, bond or VRF that it is a part of.
    pub(crate) master: Option<u32>,
}

/// The kinds of interfaces that matter to IPVS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InterfaceKind {
    /// `lo`.
    Loopback,
    /// Packets sent there are dropped; it only has addresses.
    Dummy,
    /// Takes packets out of packets that arrive.
    Tunnel(TunnelDevice),
    /// A device of hardware, or of a kind without a name.
    Device,
    /// Another kind, by the kernel's name: `veth`, `bridge`, `bond`, `vlan`, ...
    Other(String),
}

/// A device at an end of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TunnelDevice {
    pub(crate) protocol: TunnelProtocol,
    /// IPv4 packets can come out of it.
    pub(crate) ipv4: bool,
    /// IPv6 packets can come out of it.
    pub(crate) ipv6: bool,
    /// The address that packets must be sent to; none takes those for any address of the
    /// machine.
    pub(crate) local: Option<IpAddr>,
    /// The address that packets must come from; none takes those of anyone.
    pub(crate) remote: Option<IpAddr>,
    /// GRE packets must have a checksum (`icsum`); without it they must have none.
    pub(crate) checksum: bool,
}

/// The encapsulation that a tunnel device takes packets out of; the names are those of `ip link`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TunnelProtocol {
    /// IPv4 in IPv4.
    Ipip,
    /// IPv6 in IPv4.
    Sit,
    /// IPv4 or IPv6 in IPv6.
    Ip6tnl,
    /// GRE over IPv4.
    Gre,
    /// GRE over IPv6.
    Ip6gre,
}

/// Reads all interfaces, in the kernel's order.
pub(crate) fn read(socket: &mut RouteSocket) -> io::Result<Vec<Interface>> {
    let mut request = LinkMessage::default();
    // The counters are not wanted.
    let mask = LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]);
    request.attributes.push(mask);
    let answer = socket.list(&RouteNetlinkMessage::GetLink(request))?;
    Ok(answer.into_iter().filter_map(Interface::decode).collect())
}

impl Interface {
    /// Reads one message of a list; none where it is about something else.
    fn decode(message: RouteNetlinkMessage) -> Option<Self> {
        let RouteNetlinkMessage::NewLink(LinkMessage {
            header, attributes, ..
        }) = message
        else {
            return None;
        };
        let flags = header.flags;
        let mut interface = Self {
            index: header.index,
            name: String::new(),
            kind: InterfaceKind::Device,
            up: flags.contains(LinkFlags::Up),
            running: flags.contains(LinkFlags::Up | LinkFlags::Running),
            arp: !flags.contains(LinkFlags::Noarp),
            mtu: 0,
            master: None,
        };
        for attribute in attributes {
            match attribute {
                LinkAttribute::IfName(name) => interface.name = name,
                LinkAttribute::Mtu(mtu) => interface.mtu = mtu,
                LinkAttribute::Controller(master) => interface.master = Some(master),
                LinkAttribute::LinkInfo(infos) => interface.kind = InterfaceKind::decode(infos),
                _ => {}
            }
        }
        if flags.contains(LinkFlags::Loopback) {
            interface.kind = InterfaceKind::Loopback;
        }
        Some(interface)
    }
}

impl InterfaceKind {
    fn decode(infos: Vec<LinkInfo>) -> Self {
        let mut kind = None;
        let mut data = None;
        for info in infos {
            match info {
                LinkInfo::Kind(found) => kind = Some(found),
                LinkInfo::Data(found) => data = Some(found),
                _ => {}
            }
        }
        let protocol = match kind {
            Some(InfoKind::IpIp) => TunnelProtocol::Ipip,
            Some(InfoKind::SitTun) => TunnelProtocol::Sit,
            Some(InfoKind::Ip6Tnl) => TunnelProtocol::Ip6tnl,
            Some(InfoKind::GreTun) => TunnelProtocol::Gre,
            Some(InfoKind::GreTun6) => TunnelProtocol::Ip6gre,
            Some(InfoKind::Dummy) => return Self::Dummy,
            Some(other) => return Self::Other(other.to_string()),
            None => return Self::Device,
        };
        Self::Tunnel(TunnelDevice::decode(protocol, data))
    }
}

impl TunnelDevice {
    fn decode(protocol: TunnelProtocol, data: Option<InfoData>) -> Self {
        let mut device = Self {
            protocol,
            ipv4: protocol != TunnelProtocol::Sit,
            ipv6: protocol != TunnelProtocol::Ipip,
            local: None,
            remote: None,
            checksum: false,
        };
        // The kernel says 0.0.0.0 or :: for «any», or leaves the attribute out.
        let given = |address: IpAddr| (!address.is_unspecified()).then_some(address);
        let checks = |flags: GreIOFlags| flags.contains(GreIOFlags::Checksum);
        match data {
            Some(InfoData::IpTunnel(attributes)) => {
                for attribute in attributes {
                    match attribute {
                        InfoIpTunnel::Local(address) => device.local = given(address),
                        InfoIpTunnel::Remote(address) => device.remote = given(address),
                        // The modes ipip and ipip6, and ip6ip and ip6ip6.
                        InfoIpTunnel::Protocol(IpProtocol::Ipip) => {
                            (device.ipv4, device.ipv6) = (true, false);
                        }
                        InfoIpTunnel::Protocol(IpProtocol::Ipv6) => {
                            (device.ipv4, device.ipv6) = (false, true);
                        }
                        _ => {}
                    }
                }
            }
            Some(InfoData::GreTun(attributes)) => {
                for attribute in attributes {
                    match attribute {
                        InfoGre::Local(address) => device.local = given(address.into()),
                        InfoGre::Remote(address) => device.remote = given(address.into()),
                        InfoGre::IFlags(flags) => device.checksum = checks(flags),
                        _ => {}
                    }
                }
            }
            Some(InfoData::GreTun6(attributes)) => {
                for attribute in attributes {
                    match attribute {
                        InfoGre6::Local(address) => device.local = given(address.into()),
                        InfoGre6::Remote(address) => device.remote = given(address.into()),
                        InfoGre6::IFlags(flags) => device.checksum = checks(flags),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        device
    }
}

#[cfg(test)]
mod tests {
    use super::{super::route_netlink::Answer, *};

    #[test]
    fn interfaces_are_those_that_the_kernel_names() {
        // Linux 6.1.176 answered this to RTM_GETLINK, and `ip -d link` said what is
        // expected; the interfaces that the modules for tunnels bring were cut out.
        let mut answer = Answer::default();
        let list = include_bytes!("captures/links");
        assert!(answer.read(list, 1).unwrap());
        let interfaces: Vec<_> = answer
            .messages
            .into_iter()
            .filter_map(Interface::decode)
            .collect();
        let other = |kind: &str| InterfaceKind::Other(kind.to_owned());
        let tunnel = |protocol, local: &str, remote: Option<&str>, checksum| {
            InterfaceKind::Tunnel(TunnelDevice {
                protocol,
                ipv4: protocol != TunnelProtocol::Ip6tnl,
                ipv6: protocol != TunnelProtocol::Ipip,
                local: Some(local.parse().unwrap()),
                remote: remote.map(|remote| remote.parse().unwrap()),
                checksum,
            })
        };
        let ipip = tunnel(TunnelProtocol::Ipip, "203.0.113.11", None, false);
        let gre = tunnel(
            TunnelProtocol::Gre,
            "203.0.113.12",
            Some("198.51.100.1"),
            true,
        );
        let ip6tnl = tunnel(TunnelProtocol::Ip6tnl, "2001:db8:3::11", None, false);
        let expected = [
            // Index, name, kind, up, ARP, MTU, master.
            (1, "lo", InterfaceKind::Loopback, true, true, 65536, None),
            (2, "peer", other("veth"), true, true, 1500, None),
            (3, "front", other("veth"), true, true, 1500, None),
            (4, "front.5", other("vlan"), true, true, 1500, None),
            (
                5,
                "dummy1",
                InterfaceKind::Dummy,
                false,
                false,
                1500,
                Some(14),
            ),
            (7, "ipip1", ipip, true, false, 1480, None),
            (11, "gre1", gre, false, false, 1476, None),
            (13, "ip6tnl1", ip6tnl, false, false, 1452, None),
            (14, "br0", other("bridge"), false, true, 1500, None),
        ];
        let expected = expected.map(|(index, name, kind, up, arp, mtu, master)| Interface {
            index,
            name: name.to_owned(),
            kind,
            up,
            running: up,
            arp,
            mtu,
            master,
        });
        assert_eq!(interfaces, expected);
    }
}
