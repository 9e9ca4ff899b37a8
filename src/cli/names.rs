// SPDX-License-Identifier: MIT

//! Names of hosts and services: from the C library, so that every source that
//! the system is set up for counts.

use std::{
    collections::HashMap,
    ffi::{CStr, CString},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use dns_lookup::{AddrInfoHints, getaddrinfo, getnameinfo};
use ipvs_client::Protocol;

/// The IPv4 address of a host.
pub(crate) fn look_up_host(name: &str) -> Option<Ipv4Addr> {
    let hints = AddrInfoHints {
        address: libc::AF_INET,
        socktype: libc::SOCK_STREAM,
        ..AddrInfoHints::default()
    };
    getaddrinfo(Some(name), None, Some(hints))
        .ok()?
        .find_map(|found| match found.ok()?.sockaddr {
            SocketAddr::V4(address) => Some(*address.ip()),
            SocketAddr::V6(_) => None,
        })
}

/// The port of a service.
pub(crate) fn look_up_service(name: &str, protocol: Protocol) -> Option<u16> {
    let name = CString::new(name).ok()?;
    let protocol = protocol_name(protocol)?;
    // SAFETY: both strings end in NUL and live through the call. The answer
    // is null or points to a record that stays until the next such call; the
    // program has one thread.
    let port = unsafe { libc::getservbyname(name.as_ptr(), protocol.as_ptr()).as_ref() }?.s_port;
    // The port is in network order in the low half of an int.
    Some(u16::from_be(port as u16))
}

fn service_name(port: u16, protocol: Protocol) -> Option<String> {
    let protocol = protocol_name(protocol)?;
    // SAFETY: as above; the name is a C string in the same record.
    unsafe {
        let record =
            libc::getservbyport(libc::c_int::from(port.to_be()), protocol.as_ptr()).as_ref()?;
        Some(CStr::from_ptr(record.s_name).to_string_lossy().into_owned())
    }
}

fn protocol_name(protocol: Protocol) -> Option<&'static CStr> {
    match protocol {
        Protocol::Tcp => Some(c"tcp"),
        Protocol::Udp => Some(c"udp"),
        Protocol::Sctp => Some(c"sctp"),
        Protocol::Other(_) => None,
    }
}

/// How addresses and ports are shown: as numbers, or by the names that they
/// have. Each is looked up once.
#[derive(Debug)]
pub(crate) enum Names {
    Numeric,
    Named {
        hosts: HashMap<IpAddr, Option<String>>,
        services: HashMap<(u16, Protocol), Option<String>>,
    },
}

impl Names {
    pub(crate) fn new(numeric: bool) -> Self {
        if numeric {
            Self::Numeric
        } else {
            Self::Named {
                hosts: HashMap::new(),
                services: HashMap::new(),
            }
        }
    }

    /// The name of the host, if it has one and names are shown.
    pub(crate) fn host(&mut self, address: IpAddr) -> Option<&str> {
        match self {
            Self::Numeric => None,
            Self::Named { hosts, .. } => hosts
                .entry(address)
                .or_insert_with(|| {
                    getnameinfo(&SocketAddr::new(address, 0), libc::NI_NAMEREQD)
                        .ok()
                        .map(|(host, _)| host)
                })
                .as_deref(),
        }
    }

    /// The name of the service, if it has one and names are shown.
    pub(crate) fn service(&mut self, port: u16, protocol: Protocol) -> Option<&str> {
        match self {
            Self::Numeric => None,
            Self::Named { services, .. } => services
                .entry((port, protocol))
                .or_insert_with(|| service_name(port, protocol))
                .as_deref(),
        }
    }
}
