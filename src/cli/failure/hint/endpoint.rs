// SPDX-License-Identifier: MIT

//! Hints about addresses and ports that make no sense.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4};

use crate::args::address::{self, EndpointError, EndpointFault};

pub(super) fn find_hint(error: &EndpointError) -> Option<String> {
    let text = &*error.text;
    if let Some((_, rest)) = text.split_once("://") {
        let rest = rest.trim_end_matches('/');
        return Some(format!(
            "an address and port have nothing before or after them: {rest}"
        ));
    }
    if let Some(meant) = replace_commas(text) {
        return Some(format!("there is a comma in it: did you mean {meant}?"));
    }
    if let Some((address, port)) = add_brackets(text) {
        return Some(format!(
            "with a port, an IPv6 address stands in brackets: [{address}]:{port}"
        ));
    }
    if text.contains('/') {
        return Some("it takes a single address, without a prefix length".to_owned());
    }
    if text.contains('%') {
        return Some("IPVS knows no zones: leave out % and the interface".to_owned());
    }
    match &error.fault {
        EndpointFault::Form if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(format!("an address comes before the port: ADDRESS:{text}"))
        }
        EndpointFault::Form => None,
        EndpointFault::Host(host) => Some(explain_host(host)),
        EndpointFault::Port(port) => Some(explain_port(port)),
    }
}

fn explain_host(host: &str) -> String {
    if host.is_empty() {
        return "an address comes before the colon".to_owned();
    }
    if host.parse::<SocketAddrV4>().is_ok() {
        return "an address has one port".to_owned();
    }
    if host
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return format!(
            "{host} is no IPv4 address, which is four numbers from 0 to 255 with dots between"
        );
    }
    if host.matches(':').count() > 1 {
        return format!("{host} is no IPv6 address");
    }
    format!(
        "no host {host} with an IPv4 address was found: check the name, or give the address \
         itself"
    )
}

fn explain_port(port: &str) -> String {
    if port.is_empty() {
        return "a port comes after the colon".to_owned();
    }
    let digits = port.strip_prefix('-').unwrap_or(port);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!("a port is a number from 0 to 65535, not {port}");
    }
    format!(
        "{port} is neither a number nor a port of this protocol that /etc/services has: give \
         its number"
    )
}

/// The address and port that are there once each comma is what it stands for.
fn replace_commas(text: &str) -> Option<String> {
    if !text.contains(',') {
        return None;
    }
    // Between the numbers of the address, before the port, or both.
    let dots = text.replace(',', ".");
    let colon = |text: &str| {
        let (address, port) = text.rsplit_once(['.', ','])?;
        Some(format!("{address}:{port}"))
    };
    [
        Some(text.replace(',', ":")),
        Some(dots.clone()),
        colon(&dots),
    ]
    .into_iter()
    .flatten()
    .find(|meant| meant.parse::<SocketAddrV4>().is_ok() || meant.parse::<Ipv4Addr>().is_ok())
}

/// An IPv6 address and a port with no brackets, or one of them, or no colon
/// behind them.
fn add_brackets(text: &str) -> Option<(Ipv6Addr, u16)> {
    if let Some((address, port)) = text.rsplit_once(']') {
        let address = address.strip_prefix('[').unwrap_or(address);
        let port = port.strip_prefix(':').unwrap_or(port);
        if text.starts_with('[') && text.contains("]:") {
            return None;
        }
        return Some((address.parse().ok()?, port.parse().ok()?));
    }
    address::split_trailing_port(text.strip_prefix('[').unwrap_or(text))
}

/// For an address that was read without a port: what it is with that port.
pub(super) fn explain_trailing_port((address, port): (Ipv6Addr, u16)) -> String {
    format!("if {port} is the port, the address stands in brackets: [{address}]:{port}")
}
