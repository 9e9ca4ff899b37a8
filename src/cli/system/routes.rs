// SPDX-License-Identifier: MIT

//! The way that the kernel would send a packet.

use std::{io, net::IpAddr};

use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    route::{RouteAddress, RouteAttribute, RouteMessage, RouteType, RouteVia},
};

use super::route_netlink::RouteSocket;

/// A packet whose way is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RouteQuery {
    pub(crate) destination: IpAddr,
    /// The sender, for rules that look at it; of the same family.
    pub(crate) source: Option<IpAddr>,
    /// The firewall mark.
    pub(crate) mark: Option<u32>,
}

/// The way to a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// The destination is an address of this machine.
    pub(crate) local: bool,
    /// The number of the interface that packets leave by.
    pub(crate) interface: Option<u32>,
    /// The router that they are handed to; none for a destination on the link.
    pub(crate) gateway: Option<IpAddr>,
    /// The sender that the kernel would choose.
    pub(crate) source: Option<IpAddr>,
}

/// Asks for the way to a destination; none where there is no route, or one that refuses
/// or drops its packets.
pub(crate) fn find(socket: &mut RouteSocket, query: RouteQuery) -> io::Result<Option<Route>> {
    match socket.ask(RouteNetlinkMessage::GetRoute(query.encode())) {
        Ok(answer) => Ok(answer.and_then(Route::decode)),
        Err(error) if query.means_no_route(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

impl RouteQuery {
    /// Returns true for the errors that the kernel has in place of a route: there is none,
    /// or one of the types unreachable, prohibit and blackhole (`fib_props` in
    /// `net/ipv4/fib_semantics.c`). The last of these is also the answer to a sender that
    /// is no address of the machine.
    fn means_no_route(self, error: &io::Error) -> bool {
        match error.raw_os_error() {
            Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EACCES) => true,
            Some(libc::EINVAL) => self.source.is_none(),
            _ => false,
        }
    }

    fn encode(self) -> RouteMessage {
        let mut message = RouteMessage::default();
        let (family, bits) = match self.destination {
            IpAddr::V4(_) => (AddressFamily::Inet, 32),
            IpAddr::V6(_) => (AddressFamily::Inet6, 128),
        };
        message.header.address_family = family;
        message.header.destination_prefix_length = bits;
        let to_address = |address| match address {
            IpAddr::V4(address) => RouteAddress::Inet(address),
            IpAddr::V6(address) => RouteAddress::Inet6(address),
        };
        let destination = RouteAttribute::Destination(to_address(self.destination));
        message.attributes.push(destination);
        if let Some(source) = self.source {
            message.header.source_prefix_length = bits;
            let source = RouteAttribute::Source(to_address(source));
            message.attributes.push(source);
        }
        message
            .attributes
            .extend(self.mark.map(RouteAttribute::Mark));
        message
    }
}

impl Route {
    /// Reads the answer; none where it says that there is no way.
    fn decode(message: RouteNetlinkMessage) -> Option<Self> {
        let RouteNetlinkMessage::NewRoute(message) = message else {
            return None;
        };
        let local = match message.header.kind {
            RouteType::Local | RouteType::Anycast => true,
            RouteType::Unicast | RouteType::Broadcast | RouteType::Multicast => false,
            // IPv6 has routes that say so, where IPv4 has errors.
            _ => return None,
        };
        let mut route = Self {
            local,
            interface: None,
            gateway: None,
            source: None,
        };
        let to_address = |address| match address {
            RouteAddress::Inet(address) => Some(IpAddr::V4(address)),
            RouteAddress::Inet6(address) => Some(IpAddr::V6(address)),
            _ => None,
        };
        for attribute in message.attributes {
            match attribute {
                RouteAttribute::Oif(index) => route.interface = Some(index),
                RouteAttribute::Gateway(address) => route.gateway = to_address(address),
                // A router of the other family.
                RouteAttribute::Via(RouteVia::Inet(address)) => {
                    route.gateway = Some(address.into())
                }
                RouteAttribute::Via(RouteVia::Inet6(address)) => {
                    route.gateway = Some(address.into());
                }
                RouteAttribute::PrefSource(address) => route.source = to_address(address),
                _ => {}
            }
        }
        Some(route)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::route_netlink::Answer, *};

    /// Reads a captured answer. The kernel (6.1.176) gave it in a network namespace with
    /// these commands:
    ///
    /// ```text
    /// ip address add 198.51.100.1/24 dev front
    /// ip address add 2001:db8:1::1/64 dev front nodad
    /// ip address add 198.51.100.100/32 dev ipip1
    /// ip route add 203.0.113.0/24 via 198.51.100.254
    /// ip route add 192.0.2.0/24 dev front table 100
    /// ip rule add fwmark 7 table 100
    /// ```
    fn read(capture: &[u8]) -> Option<Route> {
        let mut answer = Answer::default();
        assert!(answer.read(capture, 1).unwrap());
        assert_eq!(answer.messages.len(), 1);
        answer.messages.pop().and_then(Route::decode)
    }

    #[test]
    fn a_route_names_interface_router_and_sender() {
        // ip route get 203.0.113.9
        assert_eq!(
            read(include_bytes!("captures/route_gateway")),
            Some(Route {
                local: false,
                interface: Some(3),
                gateway: Some("198.51.100.254".parse().unwrap()),
                source: Some("198.51.100.1".parse().unwrap()),
            })
        );
        // ip route get 192.0.2.1 mark 7
        assert_eq!(
            read(include_bytes!("captures/route_mark")),
            Some(Route {
                local: false,
                interface: Some(3),
                gateway: None,
                source: Some("198.51.100.1".parse().unwrap()),
            })
        );
        // ip route get 2001:db8:1::2
        assert_eq!(
            read(include_bytes!("captures/route_link6")),
            Some(Route {
                local: false,
                interface: Some(3),
                gateway: None,
                source: Some("2001:db8:1::1".parse().unwrap()),
            })
        );
    }

    #[test]
    fn an_address_of_the_machine_is_local() {
        // ip route get 198.51.100.100
        assert_eq!(
            read(include_bytes!("captures/route_local")),
            Some(Route {
                local: true,
                interface: Some(1),
                gateway: None,
                source: Some("198.51.100.100".parse().unwrap()),
            })
        );
    }

    #[test]
    fn errors_that_stand_for_a_route_are_no_route() {
        let query = |source: Option<&str>| RouteQuery {
            destination: "192.0.3.1".parse().unwrap(),
            source: source.map(|source| source.parse().unwrap()),
            mark: None,
        };
        let none = |source, errno| {
            let error = io::Error::from_raw_os_error(errno);
            query(source).means_no_route(&error)
        };
        // ip route get, without a route and with one of each type.
        assert!(none(None, libc::ENETUNREACH));
        assert!(none(None, libc::EHOSTUNREACH));
        assert!(none(None, libc::EACCES));
        assert!(none(None, libc::EINVAL));
        assert!(!none(Some("9.9.9.9"), libc::EINVAL));
        assert!(!none(None, libc::EPERM));
    }
}
