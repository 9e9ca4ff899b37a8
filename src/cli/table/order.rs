// SPDX-License-Identifier: MIT

//! The order of services and destinations in listings.

use std::{cmp::Ordering, net::IpAddr};

use ipvs_client::{DestinationId, ServiceId};

/// Compares services in the order of a listing: addresses before firewall marks, then by mark,
/// family, protocol, address and port.
pub(crate) fn compare_services(a: &ServiceId, b: &ServiceId) -> Ordering {
    let key = |id: &ServiceId| match *id {
        ServiceId::Address {
            protocol,
            address,
            port,
        } => (
            0,
            id.family(),
            protocol.number(),
            address_key(address),
            port,
        ),
        ServiceId::Fwmark { mark, family } => (mark.get(), family, 0, [0; 16], 0),
    };
    key(a).cmp(&key(b))
}

/// Compares destinations by address, then port. An IPv4 address stands among IPv6 addresses as if
/// zeros followed it.
pub(crate) fn compare_destinations(a: &DestinationId, b: &DestinationId) -> Ordering {
    let key = |id: &DestinationId| (address_key(id.address), id.port);
    key(a).cmp(&key(b))
}

fn address_key(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(address) => address.octets(),
    }
}

#[cfg(test)]
mod tests {
    use ipvs_client::{AddressFamily, Protocol};

    use super::*;

    fn tcp(address: &str, port: u16) -> ServiceId {
        ServiceId::Address {
            protocol: Protocol::Tcp,
            address: address.parse().unwrap(),
            port,
        }
    }

    fn fwmark(mark: u32, family: AddressFamily) -> ServiceId {
        ServiceId::Fwmark {
            mark: mark.try_into().unwrap(),
            family,
        }
    }

    #[test]
    fn services_are_listed_by_family_protocol_address_and_port_and_marks_come_last() {
        let sorted = [
            tcp("9.0.0.1", 80),
            tcp("9.0.0.1", 65535),
            tcp("10.0.0.1", 80),
            tcp("127.0.0.1", 80),
            tcp("128.0.0.1", 80),
            tcp("200.0.0.1", 80),
            ServiceId::Address {
                protocol: Protocol::Udp,
                address: [1, 1, 1, 1].into(),
                port: 5,
            },
            ServiceId::Address {
                protocol: Protocol::Sctp,
                address: [1, 1, 1, 1].into(),
                port: 5,
            },
            tcp("::1", 5),
            tcp("fe80::1", 5),
            fwmark(3, AddressFamily::Ipv6),
            fwmark(4, AddressFamily::Ipv4),
            fwmark(4, AddressFamily::Ipv6),
            fwmark(3_000_000_000, AddressFamily::Ipv4),
        ];
        let mut shuffled = sorted;
        shuffled.reverse();
        shuffled.swap(2, 9);
        shuffled.sort_by(compare_services);
        assert_eq!(shuffled, sorted);
    }

    #[test]
    fn destinations_are_listed_by_address_without_regard_to_sign_then_by_port() {
        let sorted = [
            ("10.0.0.8", 9),
            ("10.0.0.8", 10),
            ("2001:db8::5", 80),
            ("127.0.0.1", 80),
            ("128.0.0.1", 80),
        ]
        .map(|(address, port)| DestinationId {
            address: address.parse().unwrap(),
            port,
        });
        let mut shuffled = sorted;
        shuffled.reverse();
        shuffled.sort_by(compare_destinations);
        assert_eq!(shuffled, sorted);
    }
}
