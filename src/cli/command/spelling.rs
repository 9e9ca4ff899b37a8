// SPDX-License-Identifier: MIT

//! The words that name virtual services on a command line.

use ipvs_client::{AddressFamily, DestinationId, Protocol, ServiceId};

/// Returns the option that names a virtual service of this protocol, if there is one.
pub(crate) fn protocol_option(protocol: Protocol) -> Option<&'static str> {
    match protocol {
        Protocol::Tcp => Some("-t"),
        Protocol::Udp => Some("-u"),
        Protocol::Sctp => Some("--sctp-service"),
        _ => None,
    }
}

/// Returns the options that name a virtual service on a command line, in numbers;
/// `None` where there are none.
pub(crate) fn name_service(service: &ServiceId) -> Option<String> {
    match *service {
        ServiceId::Address {
            protocol,
            address,
            port,
        } => {
            let endpoint = DestinationId::new(address, port);
            protocol_option(protocol).map(|option| format!("{option} {endpoint}"))
        }
        ServiceId::Fwmark { mark, family } => Some(match family {
            AddressFamily::Ipv4 => format!("-f {mark}"),
            AddressFamily::Ipv6 => format!("-f {mark} -6"),
        }),
    }
}
