// SPDX-License-Identifier: MIT

//! Names of hosts and services: from the C library, so that every source that
//! the system is set up for counts.

#![expect(
    unsafe_code,
    reason = "getservbyname and getservbyport have no safe binding that knows SCTP"
)]

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
    let protocol = name_protocol(protocol)?;
    // SAFETY: both strings end in NUL and live through the call. The answer
    // is null or points to a record that stays until the next such call; the
    // program has one thread.
    let port = unsafe { libc::getservbyname(name.as_ptr(), protocol.as_ptr()).as_ref() }?.s_port;
    // The port is in network order in the low half of an int.
    Some(u16::from_be(port as u16))
}

fn look_up_service_name(port: u16, protocol: Protocol) -> Option<String> {
    let protocol = name_protocol(protocol)?;
    // SAFETY: as above; the name is a C string in the same record.
    unsafe {
        let record =
            libc::getservbyport(libc::c_int::from(port.to_be()), protocol.as_ptr()).as_ref()?;
        Some(CStr::from_ptr(record.s_name).to_string_lossy().into_owned())
    }
}

fn name_protocol(protocol: Protocol) -> Option<&'static CStr> {
    match protocol {
        Protocol::Tcp => Some(c"tcp"),
        Protocol::Udp => Some(c"udp"),
        Protocol::Sctp => Some(c"sctp"),
        _ => None,
    }
}

/// The names that addresses and ports are shown by, if not as numbers. Each is looked up once.
#[derive(Debug)]
pub(crate) enum Names {
    Numeric,
    Named {
        hosts: HashMap<IpAddr, LookedUp>,
        services: HashMap<(u16, Protocol), LookedUp>,
    },
}

/// The outcome of looking a number up.
#[derive(Debug)]
pub(crate) struct LookedUp {
    name: Option<String>,
    /// True if the name stands for that number; not looked up before it is needed.
    leads_back: Option<bool>,
}

impl LookedUp {
    fn new(name: Option<String>) -> Self {
        Self {
            name,
            leads_back: None,
        }
    }

    /// The name, if it leads back to the number.
    fn restorable(&mut self, leads_back: impl FnOnce(&str) -> bool) -> Option<&str> {
        let name = self.name.as_deref()?;
        let leads_back = *self.leads_back.get_or_insert_with(|| leads_back(name));
        leads_back.then_some(name)
    }
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
        self.looked_up_host(address)?.name.as_deref()
    }

    /// The name of the service, if it has one and names are shown.
    pub(crate) fn service(&mut self, port: u16, protocol: Protocol) -> Option<&str> {
        self.looked_up_service(port, protocol)?.name.as_deref()
    }

    /// The name of the host, if names are shown and it has one by which -R finds
    /// the same address.
    pub(crate) fn restorable_host(&mut self, address: IpAddr) -> Option<&str> {
        self.looked_up_host(address)?
            .restorable(|name| look_up_host(name).map(IpAddr::V4) == Some(address))
    }

    /// The name of the service, if names are shown and it has one by which -R
    /// finds the same port.
    pub(crate) fn restorable_service(&mut self, port: u16, protocol: Protocol) -> Option<&str> {
        self.looked_up_service(port, protocol)?
            .restorable(|name| look_up_service(name, protocol) == Some(port))
    }

    fn looked_up_host(&mut self, address: IpAddr) -> Option<&mut LookedUp> {
        match self {
            Self::Numeric => None,
            Self::Named { hosts, .. } => Some(hosts.entry(address).or_insert_with(|| {
                let found = getnameinfo(&SocketAddr::new(address, 0), libc::NI_NAMEREQD);
                LookedUp::new(found.ok().map(|(host, _)| host))
            })),
        }
    }

    fn looked_up_service(&mut self, port: u16, protocol: Protocol) -> Option<&mut LookedUp> {
        match self {
            Self::Numeric => None,
            Self::Named { services, .. } => Some(
                services
                    .entry((port, protocol))
                    .or_insert_with(|| LookedUp::new(look_up_service_name(port, protocol))),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whether_a_name_leads_back_is_asked_once() {
        for answer in [true, false] {
            let mut looked_up = LookedUp::new(Some("web".to_owned()));
            let mut asked = Vec::new();
            for _ in 0..2 {
                let name = looked_up.restorable(|name| {
                    asked.push(name.to_owned());
                    answer
                });
                assert_eq!(name, answer.then_some("web"));
            }
            assert_eq!(asked, ["web"]);
        }
    }

    #[test]
    fn what_has_no_name_is_not_looked_up_by_it() {
        let mut looked_up = LookedUp::new(None);
        assert_eq!(looked_up.restorable(|_| unreachable!()), None);
    }
}
