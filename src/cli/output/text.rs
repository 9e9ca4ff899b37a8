// SPDX-License-Identifier: MIT

//! Pieces that several outputs share.

use std::net::{IpAddr, Ipv4Addr};

use ipvs_client::{Protocol, ServiceId};

use crate::names::Names;

/// The protocol whose names the ports of a service have. Firewall marks have
/// none.
pub(super) fn port_protocol(service: &ServiceId) -> Protocol {
    match *service {
        ServiceId::Address { protocol, .. } => protocol,
        ServiceId::Fwmark { .. } => Protocol::Other(0),
    }
}

/// `address:port` or `[ipv6]:port`, each as a name where it has one.
pub(super) fn endpoint(
    names: &mut Names,
    address: IpAddr,
    port: u16,
    protocol: Protocol,
) -> String {
    let host = match names.host(address) {
        Some(name) => name.to_owned(),
        None => self::address(address),
    };
    join(address, &host, &service(names, port, protocol))
}

/// A port as a name where it has one.
pub(super) fn service(names: &mut Names, port: u16, protocol: Protocol) -> String {
    match names.service(port, protocol) {
        Some(name) => name.to_owned(),
        None => port.to_string(),
    }
}

/// An address as inet_ntop of the C library writes it.
pub(super) fn address(address: IpAddr) -> String {
    if let IpAddr::V6(ipv6) = address
        && let [0, 0, 0, 0, 0, 0, high, low] = ipv6.segments()
        && high != 0
    {
        // Rust shows an IPv4-compatible address as any other IPv6 address.
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        return format!("::{}", Ipv4Addr::new(a, b, c, d));
    }
    address.to_string()
}

/// Puts what stands for an address and what stands for a port together.
pub(super) fn join(address: IpAddr, host: &str, port: &str) -> String {
    match address {
        IpAddr::V4(_) => format!("{host}:{port}"),
        IpAddr::V6(_) => format!("[{host}]:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_the_c_library_writes_them() {
        for text in [
            "10.0.0.1",
            "::",
            "::1",
            "::0.1.0.128",
            "::1.2.3.4",
            "::ffff:1.2.3.4",
            "2001:db8::1",
            "1:0:0:2::3",
            "fe80::1:2",
        ] {
            let parsed: IpAddr = text.parse().unwrap();
            assert_eq!(address(parsed), text);
        }
    }

    #[test]
    fn ports_are_named_by_the_protocol_and_ipv6_stands_in_brackets() {
        let mut names = Names::new(true);
        let mut shown =
            |address: &str| endpoint(&mut names, address.parse().unwrap(), 80, Protocol::Tcp);
        assert_eq!(shown("10.0.0.1"), "10.0.0.1:80");
        assert_eq!(shown("2001:db8::1"), "[2001:db8::1]:80");
    }
}
