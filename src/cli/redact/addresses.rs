// SPDX-License-Identifier: MIT

//! Addresses in the place of others: networks stay networks, and kinds stay kinds.
//!
//! A bit of an address is turned or not, depending on a secret and on the bits before it.
//! So two addresses that have their first bits in common, as those of a network have, have
//! as many in common afterwards, and no two become one. Such a mapping is known as
//! prefix-preserving (Xu, Fan, Ammar and Moon 2002, "Crypto-PAn").

use std::{
    hash::{BuildHasher as _, RandomState},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Replaces addresses, always the same by the same, by a secret of its own.
#[derive(Debug, Default)]
pub(super) struct AddressMap(RandomState);

/// An address or the beginning of one, from the highest bit on, and the number of bits.
type Prefix = (u128, u32);

/// Ranges of IPv4 that keep their addresses to themselves: what is in one stays in it
/// (RFC 6890, RFC 5771).
const IPV4_KINDS: [Prefix; 11] = [
    v4([0, 0, 0, 0], 8),
    v4([0, 0, 0, 0], 32),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 168, 0, 0], 16),
    v4([224, 0, 0, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([255, 255, 255, 255], 32),
];
/// Ranges whose addresses are the same everywhere and tell nothing.
const IPV4_KEPT: [Prefix; 4] = [
    v4([0, 0, 0, 0], 32),
    v4([127, 0, 0, 0], 8),
    v4([224, 0, 0, 0], 24),
    v4([255, 255, 255, 255], 32),
];

/// The same of IPv6 (RFC 6890, RFC 4193, RFC 4291 and its scopes of multicast).
const IPV6_KINDS: [Prefix; 11] = [
    v6([0; 8], 128),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128),
    v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 64),
    v6([0xff01, 0, 0, 0, 0, 0, 0, 0], 16),
    v6([0xff02, 0, 0, 0, 0, 0, 0, 0], 16),
    v6([0xff02, 0, 0, 0, 0, 0, 0, 0], 112),
    v6([0xff05, 0, 0, 0, 0, 0, 0, 0], 16),
    v6([0xff08, 0, 0, 0, 0, 0, 0, 0], 16),
    v6([0xff0e, 0, 0, 0, 0, 0, 0, 0], 16),
];
const IPV6_KEPT: [Prefix; 3] = [
    v6([0; 8], 128),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128),
    v6([0xff02, 0, 0, 0, 0, 0, 0, 0], 112),
];

const fn v4(octets: [u8; 4], length: u32) -> Prefix {
    ((u32::from_be_bytes(octets) as u128) << 96, length)
}

const fn v6(segments: [u16; 8], length: u32) -> Prefix {
    let [a, b, c, d, e, f, g, h] = segments;
    (Ipv6Addr::new(a, b, c, d, e, f, g, h).to_bits(), length)
}

impl AddressMap {
    /// Returns the address in the place of this one.
    pub(super) fn replace(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(address) => self.replace_v4(address).into(),
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                // The same machine, by another notation.
                Some(address) => self.replace_v4(address).to_ipv6_mapped().into(),
                None => {
                    let bits = self.turn(address.to_bits(), 128, &IPV6_KINDS, &IPV6_KEPT);
                    Ipv6Addr::from_bits(bits).into()
                }
            },
        }
    }

    fn replace_v4(&self, address: Ipv4Addr) -> Ipv4Addr {
        let bits = u128::from(address.to_bits()) << 96;
        let bits = self.turn(bits, 32, &IPV4_KINDS, &IPV4_KEPT) >> 96;
        Ipv4Addr::from_bits(u32::try_from(bits).unwrap_or_default())
    }

    fn turn(&self, bits: u128, length: u32, kinds: &[Prefix], kept: &[Prefix]) -> u128 {
        if kept
            .iter()
            .any(|&(kept, length)| first(bits, length) == kept)
        {
            return bits;
        }
        (0..length).fold(bits, |turned, place| {
            let before = first(bits, place);
            // To turn this bit would lead into a kind, or out of it.
            let is_deciding = kinds
                .iter()
                .any(|&(kind, length)| place < length && first(kind, place) == before);
            let is_turned = self.0.hash_one((length, place, before)) & 1 == 1;
            if is_turned && !is_deciding {
                turned ^ (1 << (127 - place))
            } else {
                turned
            }
        })
    }
}

/// Returns so many bits from the highest on, and zeros.
fn first(bits: u128, number: u32) -> u128 {
    let rest = u128::MAX.checked_shr(number).unwrap_or(0);
    bits & !rest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ipnet::IpNet;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// The number of bits that two addresses of one family have in common.
    fn common(a: IpAddr, b: IpAddr) -> u32 {
        match (a, b) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            _ => panic!("{a} and {b}"),
        }
    }

    #[test]
    fn addresses_have_as_many_bits_in_common_as_before() {
        let map = AddressMap::default();
        for family in [
            &[
                "198.51.100.1",
                "198.51.100.2",
                "198.51.101.1",
                "10.0.0.1",
                "10.0.0.2",
                "10.0.128.1",
                "172.16.9.9",
                "172.31.0.1",
                "192.168.0.1",
                "192.169.0.1",
                "127.0.0.1",
                "224.0.0.81",
                "239.1.2.3",
                "0.0.0.0",
                "0.1.2.3",
                "255.255.255.255",
                "8.8.8.8",
                "9.9.9.9",
            ][..],
            &[
                "2001:db8::1",
                "2001:db8::2",
                "2001:db8:1::1",
                "fd00::1",
                "fd00::2",
                "fe80::1",
                "fe80::2",
                "::1",
                "::",
                "ff02::1",
                "ff02::1:ff00:1",
                "ff05::1:2",
                "64:ff9b::1",
            ],
        ] {
            let pairs: Vec<_> = family
                .iter()
                .map(|text| (ip(text), map.replace(ip(text))))
                .collect();
            for (a, replaced_a) in &pairs {
                for (b, replaced_b) in &pairs {
                    assert_eq!(common(*a, *b), common(*replaced_a, *replaced_b), "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn the_kind_of_an_address_stays() {
        let kinds = [
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "224.0.0.0/24",
            "224.0.0.0/4",
            "2000::/3",
            "fc00::/7",
            "fe80::/64",
            "ff02::/16",
            "ff05::/16",
            "::ffff:0:0/96",
        ];
        let kinds = kinds.map(|text| text.parse::<IpNet>().unwrap());
        for address in [
            "10.1.2.3",
            "100.64.1.2",
            "127.0.0.2",
            "169.254.1.1",
            "172.20.1.1",
            "192.168.7.7",
            "224.0.0.18",
            "239.255.0.1",
            "203.0.113.7",
            "1.1.1.1",
            "2001:db8::5",
            "fd12::1",
            "fe80::1234",
            "ff02::12",
            "ff05::5",
            "::ffff:10.0.0.1",
        ] {
            let replaced = AddressMap::default().replace(ip(address));
            for kind in kinds {
                assert_eq!(
                    kind.contains(&ip(address)),
                    kind.contains(&replaced),
                    "{address} {replaced}"
                );
            }
        }
    }

    #[test]
    fn addresses_that_tell_nothing_stay() {
        let map = AddressMap::default();
        for address in [
            "0.0.0.0",
            "127.0.0.1",
            "224.0.0.81",
            "224.0.0.18",
            "255.255.255.255",
            "::",
            "::1",
            "ff02::1",
            "ff02::12",
            "::ffff:127.0.0.1",
        ] {
            assert_eq!(map.replace(ip(address)), ip(address));
        }
    }

    #[test]
    fn others_become_others_by_a_secret_that_is_new_each_time() {
        for address in [
            "198.51.100.1",
            "10.0.0.1",
            "2001:db8::1",
            "fe80::1",
            "239.1.2.3",
        ] {
            let replaced: BTreeSet<IpAddr> = (0..64)
                .map(|_| AddressMap::default().replace(ip(address)))
                .collect();
            // Each is one of 65,536 or more: a secret that did nothing would give one.
            assert!(replaced.len() > 8, "{address}: {replaced:?}");
            let map = AddressMap::default();
            assert_eq!(map.replace(ip(address)), map.replace(ip(address)));
        }
        let map = AddressMap::default();
        let inner: Ipv4Addr = "198.51.100.1".parse().unwrap();
        assert_eq!(
            map.replace(inner.to_ipv6_mapped().into()).to_canonical(),
            map.replace(inner.into())
        );
    }
}
