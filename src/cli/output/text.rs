// SPDX-License-Identifier: MIT

//! Puts together the pieces of text that several forms of output share.

use std::{
    fmt::{self, Write as _},
    net::IpAddr,
};

use ipvs_client::{AddressFamily, Protocol, ServiceId};
use itoa::{Buffer, Integer};

use crate::names::Names;

/// Returns the protocol by whose names the ports of a service are shown. Firewall
/// marks have none.
pub(super) fn port_protocol(service: &ServiceId) -> Protocol {
    match *service {
        ServiceId::Address { protocol, .. } => protocol,
        ServiceId::Fwmark { .. } => Protocol::Other(0),
    }
}

/// Appends `address:port` or `[ipv6]:port`, each as a name where it has one.
/// Returns whether the address has.
pub(super) fn push_endpoint(
    buffer: &mut String,
    names: &mut Names,
    address: IpAddr,
    port: u16,
    protocol: Protocol,
) -> bool {
    let host = names.host(address).map(Host::Named);
    let named = host.is_some();
    push_host(buffer, address, host.unwrap_or(Host::Numeric));
    buffer.push(':');
    push_service(buffer, names.service(port, protocol), port);
    named
}

/// Appends a virtual service as tables for people name it: `TCP 10.0.0.1:80` or `FWM 1 IPv6`.
pub(super) fn push_service_id(buffer: &mut String, id: &ServiceId, names: &mut Names) {
    match *id {
        ServiceId::Address {
            protocol,
            address,
            port,
        } => {
            match protocol {
                Protocol::Other(number) => push_number(buffer, number),
                protocol => append(buffer, format_args!("{protocol}")),
            }
            buffer.push(' ');
            push_endpoint(buffer, names, address, port, protocol);
        }
        ServiceId::Fwmark { mark, family } => {
            append(buffer, format_args!("FWM {mark}"));
            if family == AddressFamily::Ipv6 {
                buffer.push_str(" IPv6");
            }
        }
    }
}

/// Appends the name of a host, or else its address.
pub(super) fn push_address_or_name(buffer: &mut String, names: &mut Names, address: IpAddr) {
    match names.host(address) {
        Some(name) => buffer.push_str(name),
        None => push_address(buffer, address),
    }
}

/// The form of a host: its name, or its address in numbers.
pub(super) enum Host<'a> {
    Named(&'a str),
    Numeric,
}

/// Appends a host, in brackets if its address is IPv6.
pub(super) fn push_host(buffer: &mut String, address: IpAddr, host: Host<'_>) {
    let brackets = address.is_ipv6();
    if brackets {
        buffer.push('[');
    }
    match host {
        Host::Named(name) => buffer.push_str(name),
        Host::Numeric => push_address(buffer, address),
    }
    if brackets {
        buffer.push(']');
    }
}

/// Appends a port, as a name where it has one.
pub(super) fn push_service(buffer: &mut String, name: Option<&str>, port: u16) {
    match name {
        Some(name) => buffer.push_str(name),
        None => push_number(buffer, port),
    }
}

/// Appends an address as inet_ntop of the C library writes it.
fn push_address(buffer: &mut String, address: IpAddr) {
    match address {
        IpAddr::V4(address) => push_dotted(buffer, &address.octets()),
        IpAddr::V6(address) => match address.segments() {
            [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
                // Rust shows an IPv4-compatible address as any other IPv6
                // address.
                let [[a, b], [c, d]] = [high, low].map(u16::to_be_bytes);
                buffer.push_str("::");
                push_dotted(buffer, &[a, b, c, d]);
            }
            _ => append(buffer, format_args!("{address}")),
        },
    }
}

/// Appends numbers with dots between them.
pub(super) fn push_dotted(buffer: &mut String, numbers: &[u8]) {
    for (place, number) in numbers.iter().enumerate() {
        if place > 0 {
            buffer.push('.');
        }
        push_number(buffer, *number);
    }
}

/// Appends a number in decimal.
pub(super) fn push_number(buffer: &mut String, number: impl Integer) {
    buffer.push_str(Buffer::new().format(number));
}

/// Appends a text and blanks that make it as wide as its column.
pub(super) fn push_left(buffer: &mut String, text: &str, width: usize) {
    buffer.push_str(text);
    buffer.push_str(blanks(count_characters(text), width));
}

/// Appends blanks that make what begins at `start` as wide as its column.
pub(super) fn pad(buffer: &mut String, start: usize, width: usize) {
    let taken = count_characters(buffer.get(start..).unwrap_or_default());
    buffer.push_str(blanks(taken, width));
}

/// Appends blanks that make a text as wide as its column, and the text.
pub(super) fn push_right(buffer: &mut String, text: &str, width: usize) {
    buffer.push_str(blanks(count_characters(text), width));
    buffer.push_str(text);
}

/// Appends blanks that make a number as wide as its column, and the number.
pub(super) fn push_number_right(buffer: &mut String, number: impl Integer, width: usize) {
    let mut digits = Buffer::new();
    let digits = digits.format(number);
    buffer.push_str(blanks(digits.len(), width));
    buffer.push_str(digits);
}

/// Returns the blanks that fill a column of which so many characters are taken.
fn blanks(taken: usize, width: usize) -> &'static str {
    const WIDEST: &str = "                            ";
    let missing = width.saturating_sub(taken);
    WIDEST.get(..missing).unwrap_or(WIDEST)
}

/// Returns the number of characters of a text, which nearly always is ASCII.
pub(super) fn count_characters(text: &str) -> usize {
    match text.is_ascii() {
        true => text.len(),
        false => text.chars().count(),
    }
}

/// Appends formatted text.
pub(super) fn append(buffer: &mut String, text: fmt::Arguments<'_>) {
    // Writing to a String does not fail.
    let _ = buffer.write_fmt(text);
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
            let mut buffer = String::new();
            push_address(&mut buffer, text.parse().unwrap());
            assert_eq!(buffer, text);
        }
    }

    #[test]
    fn columns_are_filled_by_characters_and_grow_with_what_is_too_wide() {
        let mut row = String::new();
        for text in ["", "é", "abc", "abcd"] {
            push_left(&mut row, text, 3);
            row.push('|');
            push_right(&mut row, text, 3);
            row.push('|');
        }
        assert_eq!(row, "   |   |é  |  é|abc|abc|abcd|abcd|");
        for text in ["", "é", "abc", "abcd"] {
            let mut cell = String::from("before|");
            let start = cell.len();
            cell.push_str(text);
            pad(&mut cell, start, 3);
            let mut whole = String::from("before|");
            push_left(&mut whole, text, 3);
            assert_eq!(cell, whole);
        }
    }

    #[test]
    fn ports_are_named_by_the_protocol_and_ipv6_stands_in_brackets() {
        for (address, shown) in [
            ("10.0.0.1", "10.0.0.1:80"),
            ("2001:db8::1", "[2001:db8::1]:80"),
        ] {
            let mut buffer = String::new();
            let named = push_endpoint(
                &mut buffer,
                &mut Names::new(true),
                address.parse().unwrap(),
                80,
                Protocol::Tcp,
            );
            assert_eq!((buffer.as_str(), named), (shown, false));
        }
    }
}
