// SPDX-License-Identifier: MIT

//! Destinations.

use ipvs_netlink::{
    DestinationAttribute, ForwardingMethod, IpvsAttribute, IpvsCommand, TunnelFlags, TunnelType,
};

use crate::{
    AF_INET, AF_INET6, WHOLE_ADDRESS, check_reply, check_request,
    counters::{no_traffic, no_traffic64, traffic, traffic64},
    dns, fwmark, ipv4, ipv6, named_by_ipvsadm, service, web,
};

/// A destination as ipvsadm sends it, the family first.
struct Sent {
    family: u16,
    address: [u8; 16],
    port: u16,
    method: ForwardingMethod,
    weight: u32,
    tunnel: (TunnelType, u16, TunnelFlags),
    thresholds: (u32, u32),
}

impl Sent {
    fn attribute(self) -> IpvsAttribute {
        let (kind, port, flags) = self.tunnel;
        let (upper, lower) = self.thresholds;
        IpvsAttribute::Destination(vec![
            DestinationAttribute::AddressFamily(self.family),
            DestinationAttribute::Address(self.address),
            DestinationAttribute::Port(self.port),
            DestinationAttribute::ForwardingMethod(self.method),
            DestinationAttribute::Weight(self.weight),
            DestinationAttribute::TunnelType(kind),
            DestinationAttribute::TunnelPort(port),
            DestinationAttribute::TunnelFlags(flags),
            DestinationAttribute::UpperThreshold(upper),
            DestinationAttribute::LowerThreshold(lower),
        ])
    }
}

const NO_TUNNEL: (TunnelType, u16, TunnelFlags) = (TunnelType::Ipip, 0, TunnelFlags::empty());

/// A tunnel destination of the service [`dns`], as ipvsadm sends it.
fn sent_tunnel(last: u8, weight: u32, tunnel: (TunnelType, u16, TunnelFlags)) -> IpvsAttribute {
    Sent {
        family: AF_INET,
        address: ipv4([198, 51, 100, last]),
        port: 53,
        method: ForwardingMethod::Tunneling,
        weight,
        tunnel,
        thresholds: (0, 0),
    }
    .attribute()
}

#[test]
fn new_dest_request_for_masquerading_with_thresholds() {
    let destination = Sent {
        family: AF_INET,
        address: ipv4([127, 0, 0, 1]),
        port: 8080,
        method: ForwardingMethod::Masquerading,
        weight: 3,
        tunnel: NO_TUNNEL,
        thresholds: (500, 400),
    };
    check_request(
        include_str!("bytes/new_dest_masquerading_request.hex"),
        IpvsCommand::NewDest,
        vec![
            named_by_ipvsadm(web(), WHOLE_ADDRESS),
            destination.attribute(),
        ],
    );
}

#[test]
fn new_dest_request_for_each_type_of_tunnel() {
    for (capture, destination) in [
        (
            include_str!("bytes/new_dest_gue_request.hex"),
            sent_tunnel(1, 2, (TunnelType::Gue, 6080, TunnelFlags::CHECKSUM)),
        ),
        (
            include_str!("bytes/new_dest_gre_request.hex"),
            sent_tunnel(2, 1, (TunnelType::Gre, 0, TunnelFlags::empty())),
        ),
        (
            include_str!("bytes/new_dest_ipip_request.hex"),
            sent_tunnel(3, 1, (TunnelType::Ipip, 0, TunnelFlags::empty())),
        ),
    ] {
        check_request(
            capture,
            IpvsCommand::NewDest,
            vec![named_by_ipvsadm(dns(), WHOLE_ADDRESS), destination],
        );
    }
}

#[test]
fn new_dest_request_for_ipv6_behind_an_ipv4_service() {
    let destination = Sent {
        family: AF_INET6,
        address: ipv6(0x53),
        port: 53,
        method: ForwardingMethod::Tunneling,
        weight: 0,
        tunnel: NO_TUNNEL,
        thresholds: (0, 0),
    };
    check_request(
        include_str!("bytes/new_dest_mixed_family_request.hex"),
        IpvsCommand::NewDest,
        vec![
            named_by_ipvsadm(dns(), WHOLE_ADDRESS),
            destination.attribute(),
        ],
    );
}

#[test]
fn set_dest_request() {
    let destination = Sent {
        family: AF_INET,
        address: ipv4([198, 51, 100, 4]),
        port: 53,
        method: ForwardingMethod::DirectRouting,
        weight: 5,
        tunnel: NO_TUNNEL,
        thresholds: (100, 80),
    };
    check_request(
        include_str!("bytes/set_dest_request.hex"),
        IpvsCommand::SetDest,
        vec![
            named_by_ipvsadm(dns(), WHOLE_ADDRESS),
            destination.attribute(),
        ],
    );
}

#[test]
fn del_dest_request() {
    let destination = Sent {
        family: AF_INET,
        address: ipv4([127, 0, 0, 1]),
        port: 8080,
        method: ForwardingMethod::DirectRouting,
        weight: 1,
        tunnel: NO_TUNNEL,
        thresholds: (0, 0),
    };
    check_request(
        include_str!("bytes/del_dest_request.hex"),
        IpvsCommand::DelDest,
        vec![
            named_by_ipvsadm(web(), WHOLE_ADDRESS),
            destination.attribute(),
        ],
    );
}

#[test]
fn get_dest_request_for_a_service_and_for_a_firewall_mark() {
    check_request(
        include_str!("bytes/get_dest_request.hex"),
        IpvsCommand::GetDest,
        vec![service([web()])],
    );
    check_request(
        include_str!("bytes/get_dest_fwmark_ipv6_request.hex"),
        IpvsCommand::GetDest,
        vec![service([fwmark(AF_INET6, 7)])],
    );
}

#[test]
fn destination_reply_with_connections_and_both_forms_of_counters() {
    check_reply(
        include_str!("bytes/new_dest_counted_reply.hex"),
        IpvsCommand::NewDest,
        vec![IpvsAttribute::Destination(vec![
            DestinationAttribute::Address(ipv4([127, 0, 0, 1])),
            DestinationAttribute::Port(8080),
            DestinationAttribute::ForwardingMethod(ForwardingMethod::Masquerading),
            DestinationAttribute::Weight(3),
            DestinationAttribute::TunnelType(TunnelType::Ipip),
            DestinationAttribute::TunnelPort(0),
            DestinationAttribute::TunnelFlags(TunnelFlags::empty()),
            DestinationAttribute::UpperThreshold(500),
            DestinationAttribute::LowerThreshold(400),
            DestinationAttribute::ActiveConnections(1),
            DestinationAttribute::InactiveConnections(6),
            DestinationAttribute::PersistentConnections(0),
            DestinationAttribute::AddressFamily(AF_INET),
            DestinationAttribute::Stats(traffic(true)),
            DestinationAttribute::Stats64(traffic64()),
        ])],
    );
}

/// A destination of the service [`dns`] without traffic, as the kernel sends it.
fn idle_destination(
    address: [u8; 16],
    family: u16,
    method: ForwardingMethod,
    weight: u32,
    tunnel: (TunnelType, u16, TunnelFlags),
    thresholds: (u32, u32),
) -> Vec<IpvsAttribute> {
    vec![IpvsAttribute::Destination(vec![
        DestinationAttribute::Address(address),
        DestinationAttribute::Port(53),
        DestinationAttribute::ForwardingMethod(method),
        DestinationAttribute::Weight(weight),
        DestinationAttribute::TunnelType(tunnel.0),
        DestinationAttribute::TunnelPort(tunnel.1),
        DestinationAttribute::TunnelFlags(tunnel.2),
        DestinationAttribute::UpperThreshold(thresholds.0),
        DestinationAttribute::LowerThreshold(thresholds.1),
        DestinationAttribute::ActiveConnections(0),
        DestinationAttribute::InactiveConnections(0),
        DestinationAttribute::PersistentConnections(0),
        DestinationAttribute::AddressFamily(family),
        DestinationAttribute::Stats(no_traffic(true)),
        DestinationAttribute::Stats64(no_traffic64()),
    ])]
}

#[test]
fn destination_reply_for_each_type_of_tunnel() {
    for (capture, last, tunnel) in [
        (
            include_str!("bytes/new_dest_gue_reply.hex"),
            5,
            (TunnelType::Gue, 6081, TunnelFlags::REMOTE_CHECKSUM),
        ),
        (
            include_str!("bytes/new_dest_gre_reply.hex"),
            2,
            (TunnelType::Gre, 0, TunnelFlags::empty()),
        ),
        (
            include_str!("bytes/new_dest_ipip_reply.hex"),
            3,
            (TunnelType::Ipip, 0, TunnelFlags::empty()),
        ),
    ] {
        check_reply(
            capture,
            IpvsCommand::NewDest,
            idle_destination(
                ipv4([198, 51, 100, last]),
                AF_INET,
                ForwardingMethod::Tunneling,
                1,
                tunnel,
                (0, 0),
            ),
        );
    }
}

#[test]
fn destination_reply_for_ipv6_behind_an_ipv4_service() {
    check_reply(
        include_str!("bytes/new_dest_mixed_family_reply.hex"),
        IpvsCommand::NewDest,
        idle_destination(
            ipv6(0x53),
            AF_INET6,
            ForwardingMethod::Tunneling,
            0,
            NO_TUNNEL,
            (0, 0),
        ),
    );
}

#[test]
fn destination_reply_for_direct_routing_with_thresholds() {
    check_reply(
        include_str!("bytes/new_dest_direct_routing_reply.hex"),
        IpvsCommand::NewDest,
        idle_destination(
            ipv4([198, 51, 100, 4]),
            AF_INET,
            ForwardingMethod::DirectRouting,
            5,
            NO_TUNNEL,
            (100, 80),
        ),
    );
}
