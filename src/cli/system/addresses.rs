// SPDX-License-Identifier: MIT

//! The addresses on the interfaces of the network namespace.

use std::{io, net::IpAddr};

use netlink_packet_route::{
    RouteNetlinkMessage,
    address::{AddressAttribute, AddressFlags, AddressMessage, AddressScope},
};

use super::route_netlink::RouteSocket;

/// An address on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InterfaceAddress {
    pub(crate) address: IpAddr,
    /// Bits of the network that the machine takes to be on this interface; 32 or 128 is
    /// the address alone.
    pub(crate) prefix_length: u8,
    /// The number of the interface.
    pub(crate) interface: u32,
    pub(crate) scope: Scope,
    /// The machine does not choose it as a sender (`preferred_lft 0`).
    pub(crate) deprecated: bool,
    /// It is not in use: the machine has not yet found out that nobody else has it, or
    /// has found that somebody does (IPv6).
    pub(crate) unusable: bool,
}

/// Where an address is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everywhere.
    Global,
    /// On the link of its interface.
    Link,
    /// In this machine.
    Host,
    /// Another, by its number (`/etc/iproute2/rt_scopes`).
    Other(u8),
}

impl InterfaceAddress {
    /// Returns true if the prefix has no other address in it.
    pub(crate) fn is_host(&self) -> bool {
        self.prefix_length == if self.address.is_ipv4() { 32 } else { 128 }
    }
}

/// Reads the addresses of all interfaces, IPv4 first.
pub(crate) fn read(socket: &mut RouteSocket) -> io::Result<Vec<InterfaceAddress>> {
    let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
    let answer = socket.list(&request)?;
    let mut addresses: Vec<_> = answer
        .into_iter()
        .filter_map(InterfaceAddress::decode)
        .collect();
    addresses.sort_by_key(|address| address.address.is_ipv6());
    Ok(addresses)
}

impl InterfaceAddress {
    /// Reads one message of a list; none where it is about something else.
    fn decode(message: RouteNetlinkMessage) -> Option<Self> {
        let RouteNetlinkMessage::NewAddress(AddressMessage {
            header, attributes, ..
        }) = message
        else {
            return None;
        };
        let mut local = None;
        let mut address = None;
        let mut flags = AddressFlags::from_bits_retain(header.flags.bits().into());
        for attribute in attributes {
            match attribute {
                // At the end of a tunnel, `Address` is that of the other end.
                AddressAttribute::Local(found) => local = Some(found),
                AddressAttribute::Address(found) => address = Some(found),
                // All flags; the header has room for eight.
                AddressAttribute::Flags(found) => flags = found,
                _ => {}
            }
        }
        Some(Self {
            address: local.or(address)?,
            prefix_length: header.prefix_len,
            interface: header.index,
            scope: match header.scope {
                AddressScope::Universe => Scope::Global,
                AddressScope::Link => Scope::Link,
                AddressScope::Host => Scope::Host,
                other => Scope::Other(other.into()),
            },
            deprecated: flags.contains(AddressFlags::Deprecated),
            unusable: flags.intersects(AddressFlags::Tentative | AddressFlags::Dadfailed)
                && !flags.contains(AddressFlags::Optimistic),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::route_netlink::Answer, *};

    #[test]
    fn addresses_are_those_that_the_kernel_names() {
        // Linux 6.1.176 answered this to RTM_GETADDR, and `ip address` said what is
        // expected.
        let mut answer = Answer::default();
        assert!(
            answer
                .read(include_bytes!("captures/addresses"), 1)
                .unwrap()
        );
        let addresses: Vec<_> = answer
            .messages
            .into_iter()
            .filter_map(InterfaceAddress::decode)
            .collect();
        let expected = [
            // Address, prefix length, interface, scope, deprecated, unusable.
            ("127.0.0.1", 8, 1, Scope::Host, false, false),
            ("198.51.100.1", 24, 3, Scope::Global, false, false),
            ("198.51.100.100", 32, 7, Scope::Global, false, false),
            // Its peer is 10.9.0.2.
            ("10.9.0.1", 32, 11, Scope::Global, false, false),
            ("::1", 128, 1, Scope::Host, false, false),
            ("fe80::70ef:e9ff:fecb:3fc0", 64, 2, Scope::Link, false, true),
            ("2001:db8:1::100", 128, 3, Scope::Global, true, false),
            ("2001:db8:1::1", 64, 3, Scope::Global, false, false),
            (
                "fe80::7c4f:49ff:fea5:fcfe",
                64,
                3,
                Scope::Link,
                false,
                false,
            ),
            ("fe80::7c4f:49ff:fea5:fcfe", 64, 4, Scope::Link, false, true),
            ("fe80::200:5efe:cb00:710b", 64, 7, Scope::Link, false, false),
        ];
        let expected = expected.map(
            |(address, prefix_length, interface, scope, deprecated, unusable)| InterfaceAddress {
                address: address.parse().unwrap(),
                prefix_length,
                interface,
                scope,
                deprecated,
                unusable,
            },
        );
        assert_eq!(addresses, expected);
        let host = |index: usize| addresses.get(index).map(InterfaceAddress::is_host);
        assert_eq!(host(1), Some(false));
        assert_eq!(host(2), Some(true));
        assert_eq!(host(6), Some(true));
        assert_eq!(host(7), Some(false));
    }
}
