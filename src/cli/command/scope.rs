// SPDX-License-Identifier: MIT

//! The part of a table that a command is about.

use std::net::IpAddr;

use ipnet::IpNet;
use ipvs_client::ServiceId;

/// A part of the table: one service, those of some prefixes of addresses, or both.
/// Without any it is the whole table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) service: Option<ServiceId>,
    pub(crate) prefixes: Vec<IpNet>,
}

impl Scope {
    pub(crate) fn is_whole(&self) -> bool {
        self.service.is_none() && self.prefixes.is_empty()
    }

    /// Returns whether the service is in the part. A firewall mark has no address.
    pub(crate) fn contains(&self, id: &ServiceId) -> bool {
        if self.is_whole() || self.service.as_ref() == Some(id) {
            return true;
        }
        match id {
            ServiceId::Address { address, .. } => {
                self.prefixes.iter().any(|prefix| prefix.contains(address))
            }
            ServiceId::Fwmark { .. } => false,
        }
    }
}

/// Reads an address with the length of a prefix, or without, which stands for
/// itself alone.
pub(crate) fn parse_prefix(text: &str) -> Option<IpNet> {
    match text.parse::<IpAddr>() {
        Ok(address) => Some(address.into()),
        Err(_) => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(service: Option<&str>, prefixes: &[&str]) -> Scope {
        Scope {
            service: service.map(|service| service.parse().unwrap()),
            prefixes: prefixes
                .iter()
                .map(|prefix| parse_prefix(prefix).unwrap())
                .collect(),
        }
    }

    #[test]
    fn a_service_is_inside_by_its_address_or_as_the_one_that_is_named() {
        let contains = |scope: &Scope, id: &str| scope.contains(&id.parse().unwrap());
        let networks = scope(None, &["192.0.2.0/25", "2001:db8::/32", "203.0.113.9"]);
        for (id, is_inside) in [
            ("TCP 192.0.2.1:80", true),
            ("UDP 192.0.2.127:53", true),
            ("TCP 192.0.2.128:80", false),
            ("TCP [2001:db8:ffff::1]:80", true),
            ("TCP [2001:db9::1]:80", false),
            ("TCP 203.0.113.9:0", true),
            ("TCP 203.0.113.8:0", false),
            ("fwmark 1", false),
        ] {
            assert_eq!(contains(&networks, id), is_inside, "{id}");
            assert!(contains(&Scope::default(), id), "{id}");
        }
        let both = scope(Some("fwmark 1"), &["192.0.2.0/24"]);
        assert!(contains(&both, "fwmark 1") && contains(&both, "TCP 192.0.2.1:80"));
        assert!(!contains(&both, "fwmark 1 IPv6") && !contains(&both, "fwmark 2"));
    }

    #[test]
    fn what_is_no_prefix_is_not_read() {
        for text in [
            "",
            "192.0.2.0/33",
            "192.0.2/24",
            "::/129",
            "web",
            "192.0.2.1:80",
            "/8",
        ] {
            assert_eq!(parse_prefix(text), None, "{text}");
        }
    }
}
