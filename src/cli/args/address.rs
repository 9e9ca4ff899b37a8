// SPDX-License-Identifier: MIT

//! Reads addresses and ports as people write them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipvs_client::Protocol;

use crate::{
    args::number::{BLANKS, parse_number},
    names,
};

/// A text that is no address with or without a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndpointError {
    pub(crate) text: String,
    pub(crate) fault: EndpointFault,
}

/// The first part of a text that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EndpointFault {
    /// The brackets, or it is a bare number.
    Form,
    /// Neither an address nor a host that has an IPv4 address.
    Host(String),
    /// Neither a number of 16 bits nor the name of a service of the protocol.
    Port(String),
}

/// Reads `host`, `host:port`, `ipv6`, `[ipv6]` or `[ipv6]:port`; the port is a
/// number or the name of a service of the protocol.
pub(crate) fn parse_endpoint(
    text: &str,
    protocol: Protocol,
) -> Result<(IpAddr, Option<u16>), EndpointError> {
    if let Some((address, port)) = parse_plain_ipv4(text.as_bytes()) {
        return Ok((address.into(), port));
    }
    if let Ok(address) = strip_brackets(text).parse::<Ipv6Addr>() {
        return Ok((address.into(), None));
    }
    let wrong = |fault| EndpointError {
        text: text.to_owned(),
        fault,
    };
    let find_host =
        |host: &str| find_ipv4(host).ok_or_else(|| wrong(EndpointFault::Host(host.to_owned())));
    let (address, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest
                .split_once("]:")
                .ok_or_else(|| wrong(EndpointFault::Form))?;
            match host.parse::<Ipv6Addr>() {
                Ok(address) => (address.into(), Some(port)),
                // What follows has always been taken and left alone.
                Err(_) => (find_host(host)?.into(), None),
            }
        }
        None => {
            let (host, port) = match text.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                // It would be a port without a host.
                None if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                    return Err(wrong(EndpointFault::Form));
                }
                None => (text, None),
            };
            (find_host(host)?.into(), port)
        }
    };
    let port = match port {
        Some(port) => Some(
            parse_port(port, protocol)
                .ok_or_else(|| wrong(EndpointFault::Port(port.to_owned())))?,
        ),
        None => None,
    };
    Ok((address, port))
}

/// Returns the text between brackets, if nothing stands before or after them; else
/// the text as it is.
fn strip_brackets(text: &str) -> &str {
    text.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text)
}

/// Splits an IPv6 address without brackets before its last group, which may be
/// meant for a port. `None` if the rest is no address or the group is no decimal
/// number.
pub(crate) fn split_trailing_port(text: &str) -> Option<(Ipv6Addr, u16)> {
    let (address, port) = text.rsplit_once(':')?;
    let mut digits = port.as_bytes();
    let port = take_plain_number(&mut digits).filter(|_| digits.is_empty())?;
    Some((address.parse().ok()?, port))
}

/// Reads four decimal numbers without leading zeros, and a decimal port or none,
/// as nearly all addresses of a rule file are. `None` if it takes another reader.
fn parse_plain_ipv4(text: &[u8]) -> Option<(Ipv4Addr, Option<u16>)> {
    let mut rest = text;
    let mut octets = [0; 4];
    for (index, octet) in octets.iter_mut().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix(b".")?;
        }
        *octet = u8::try_from(take_plain_number(&mut rest)?).ok()?;
    }
    let port = match rest.split_first() {
        None => None,
        Some((b':', digits)) => {
            rest = digits;
            Some(take_plain_number(&mut rest)?)
        }
        Some(_) => return None,
    };
    rest.is_empty().then(|| (octets.into(), port))
}

/// Takes a decimal number without leading zeros off the front.
fn take_plain_number(rest: &mut &[u8]) -> Option<u16> {
    let mut number = 0_u16;
    let mut taken = 0;
    for &byte in *rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        if taken > 0 && number == 0 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u16::from(digit))?;
        taken += 1;
    }
    *rest = rest.get(taken..)?;
    (taken > 0).then_some(number)
}

/// Reads an IPv4 address, or looks up a host that has one.
pub(crate) fn find_ipv4(text: &str) -> Option<Ipv4Addr> {
    if text.is_empty() {
        return None;
    }
    text.parse()
        .ok()
        .or_else(|| parse_lax_ipv4(text))
        .or_else(|| names::look_up_host(text))
}

fn parse_port(text: &str, protocol: Protocol) -> Option<u16> {
    match parse_number(text, 0..=u16::MAX.into()) {
        Some(port) => u16::try_from(port).ok(),
        None => names::look_up_service(text, protocol),
    }
}

/// Reads an IPv4 address as laxly as C's inet_aton does: one to four numbers,
/// decimal, octal (0...) or hexadecimal (0x...), of which the last fills the
/// bytes that are left. What follows a blank is not looked at.
fn parse_lax_ipv4(text: &str) -> Option<Ipv4Addr> {
    let end = text.find(BLANKS).unwrap_or(text.len());
    let parts: Vec<u32> = text
        .get(..end)?
        .split('.')
        .map(parse_c_number)
        .collect::<Option<_>>()?;
    let (&last, bytes) = parts.split_last()?;
    if bytes.len() > 3 {
        return None;
    }
    let mut address = 0;
    let mut bits_left = 32;
    for &byte in bytes {
        bits_left -= 8;
        address |= u32::from(u8::try_from(byte).ok()?) << bits_left;
    }
    (u64::from(last) >> bits_left == 0).then(|| (address | last).into())
}

/// Reads a number as C has it in source code.
fn parse_c_number(text: &str) -> Option<u32> {
    let (digits, radix) =
        if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            (digits, 16)
        } else if text.len() > 1 && text.starts_with('0') {
            (text.get(1..)?, 8)
        } else {
            (text, 10)
        };
    // What from_str_radix() takes beyond digits is a sign.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, Option<u16>)> {
        let (address, port) = parse_endpoint(text, Protocol::Tcp).ok()?;
        Some((address.to_string(), port))
    }

    #[test]
    fn addresses_have_a_port_behind_the_last_colon() {
        for (text, address, port) in [
            ("10.0.0.1:80", "10.0.0.1", Some(80)),
            ("10.0.0.1", "10.0.0.1", None),
            ("10.0.0.1 x", "10.0.0.1", None),
            ("1234:80", "0.0.4.210", Some(80)),
            ("0x64", "0.0.0.100", None),
            ("10.0.0.1 :80", "10.0.0.1", Some(80)),
            ("10.0.0.1: 80", "10.0.0.1", Some(80)),
            ("10.0.0.1:+80", "10.0.0.1", Some(80)),
            ("10.0.0.1:080", "10.0.0.1", Some(80)),
            ("10.0.0.1:0", "10.0.0.1", Some(0)),
            ("[10.0.0.9]:80", "10.0.0.9", None),
            ("[10.0.0.9]:x", "10.0.0.9", None),
            ("[2001:db8::1]:80", "2001:db8::1", Some(80)),
            ("[2001:db8::1]", "2001:db8::1", None),
            ("[::ffff:1.2.3.4]", "::ffff:1.2.3.4", None),
            ("2001:DB8::1", "2001:db8::1", None),
            ("::1:80", "::1:80", None),
            ("[::ffff:1.2.3.4]:80", "::ffff:1.2.3.4", Some(80)),
        ] {
            assert_eq!(read(text), Some((address.to_owned(), port)), "{text}");
        }
    }

    #[test]
    fn the_last_group_of_an_ipv6_address_may_be_meant_for_a_port() {
        for (text, meant) in [
            ("2001:db8::1:80", Some(("2001:db8::1", 80))),
            ("2001:db8::1:65535", Some(("2001:db8::1", 65535))),
            ("1:2:3:4:5:6:7:8:80", Some(("1:2:3:4:5:6:7:8", 80))),
            ("2001:db8::1", None),
            ("2001:db8::80", None),
            ("1:2:3:4:5:6:7:80", None),
            ("2001:db8::1:8f", None),
            ("2001:db8::1:080", None),
            ("[2001:db8::1]:80", None),
            ("[2001:db8::1:80]", None),
            ("10.0.0.1:80", None),
            ("", None),
        ] {
            let meant = meant.map(|(address, port)| (address.parse().unwrap(), port));
            assert_eq!(split_trailing_port(text), meant, "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_is_its_form_its_host_or_its_port() {
        let fault = |text| parse_endpoint(text, Protocol::Tcp).unwrap_err().fault;
        let host = |name: &str| EndpointFault::Host(name.to_owned());
        let port = |name: &str| EndpointFault::Port(name.to_owned());
        for (text, expected) in [
            ("[::1]80", EndpointFault::Form),
            ("80", EndpointFault::Form),
            ("300.0.0.1:80", host("300.0.0.1")),
            ("2001:db8::1:65536", host("2001:db8::1")),
            (":80", host("")),
            ("10.0.0.1:65536", port("65536")),
            ("10.0.0.1:", port("")),
            ("[::1]:", port("")),
        ] {
            assert_eq!(fault(text), expected, "{text}");
        }
    }

    #[test]
    fn the_short_way_reads_what_the_long_one_would() {
        for (text, found) in [
            ("10.0.0.1", Some(([10, 0, 0, 1], None))),
            ("0.0.0.0:0", Some(([0, 0, 0, 0], Some(0)))),
            ("255.255.255.255:65535", Some(([255; 4], Some(65535)))),
            ("256.0.0.1:80", None),
            ("10.0.0.01:80", None),
            ("00.0.0.1", None),
            ("10.0.0.1:080", None),
            ("10.0.0.1:65536", None),
            ("10.0.0.1:", None),
            ("10.0.0.1:+80", None),
            ("10.0.0.1.", None),
            ("10.0.0:80", None),
            ("10..0.1", None),
            (" 10.0.0.1", None),
            ("10.0.0.1:80 ", None),
            ("", None),
        ] {
            let found = found.map(|(octets, port)| (Ipv4Addr::from(octets), port));
            assert_eq!(parse_plain_ipv4(text.as_bytes()), found, "{text:?}");
        }
    }

    #[test]
    fn what_is_neither_address_nor_port_is_refused() {
        for text in [
            "",
            ":80",
            "10.0.0.1:",
            "10.0.0.1:65536",
            "10.0.0.1:-1",
            "10.0.0.1:80 ",
            "[::1]:",
            "[::1]80",
            "[::1",
            "::1]",
            "[[::1]]",
            "[::1 ]",
            "[fe80::1%lo]",
            "[]",
            "80",
            "167772161",
            "[10.0.0.9]",
            "[10.0.0.9]80",
            "[10.0.0.9]]:80",
            "[::1:80",
            "[::1 ]:80",
            "[]:80",
            "[fe80::1%lo]:80",
            ":::80",
            "1::2::3",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn ipv4_addresses_are_read_as_inet_aton_reads_them() {
        for (text, address) in [
            ("10.1", [10, 0, 0, 1]),
            ("10.0.1", [10, 0, 0, 1]),
            ("1.2.3", [1, 2, 0, 3]),
            ("1.2.65535", [1, 2, 255, 255]),
            ("010.0.0.1", [8, 0, 0, 1]),
            ("0x0a.0.0.2", [10, 0, 0, 2]),
            ("167772169", [10, 0, 0, 9]),
            ("4294967295", [255, 255, 255, 255]),
            ("0", [0, 0, 0, 0]),
            ("10.0.0.9 x", [10, 0, 0, 9]),
        ] {
            assert_eq!(parse_lax_ipv4(text), Some(address.into()), "{text}");
        }
        for text in [
            "",
            ".",
            "1.",
            ".1",
            "1..2",
            "256.1.1.1",
            "1.2.3.256",
            "1.2.65536",
            "1.2.3.4.5",
            "1.2.3.-4",
            "+1.2.3.4",
            "08",
            "0x",
            "4294967296",
            " 1.2.3.4",
            "a",
        ] {
            assert_eq!(parse_lax_ipv4(text), None, "{text:?}");
        }
    }
}
