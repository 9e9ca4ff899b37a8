// SPDX-License-Identifier: MIT

//! Stands in for the program's names of hosts and services: no name server is to be
//! asked for what the fuzzer makes up. Addresses are read by the C library as ever.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use dns_lookup::{AddrInfoHints, getaddrinfo};
use ipvs_client::Protocol;

pub(crate) fn look_up_host(name: &str) -> Option<Ipv4Addr> {
    if name == "localhost" {
        return Some(Ipv4Addr::LOCALHOST);
    }
    let hints = AddrInfoHints {
        address: libc::AF_INET,
        socktype: libc::SOCK_STREAM,
        flags: libc::AI_NUMERICHOST,
        ..AddrInfoHints::default()
    };
    getaddrinfo(Some(name), None, Some(hints))
        .ok()?
        .find_map(|found| match found.ok()?.sockaddr {
            SocketAddr::V4(address) => Some(*address.ip()),
            SocketAddr::V6(_) => None,
        })
}

pub(crate) fn look_up_service(name: &str, _: Protocol) -> Option<u16> {
    (name == "http").then_some(80)
}

#[derive(Debug)]
pub(crate) struct Names;

impl Names {
    pub(crate) fn new(_: bool) -> Self {
        Self
    }

    pub(crate) fn host(&mut self, _: IpAddr) -> Option<&str> {
        None
    }

    pub(crate) fn service(&mut self, _: u16, _: Protocol) -> Option<&str> {
        None
    }

    pub(crate) fn restorable_host(&mut self, _: IpAddr) -> Option<&str> {
        None
    }

    pub(crate) fn restorable_service(&mut self, _: u16, _: Protocol) -> Option<&str> {
        None
    }
}
