// SPDX-License-Identifier: MIT

//! The mask of -M, which is for one family or the other.

use std::net::Ipv4Addr;

use ipvs_client::{AddressFamily, Netmask};

use crate::args::{
    address,
    error::UsageError,
    number::{parse_c_int, parse_number},
};

/// The mask of -M, read for both families as long as that of the service is
/// unknown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NetmaskText {
    ipv4: Option<Ipv4Addr>,
    ipv6: Option<u32>,
}

impl NetmaskText {
    /// # Errors
    /// When it can be a mask of neither family, or not of the one given.
    pub(crate) fn parse(text: &str, family: Option<AddressFamily>) -> Result<Self, UsageError> {
        let ipv6 = u32::try_from(parse_c_int(text))
            .ok()
            .filter(|length| (1..=128).contains(length));
        let ipv4 = match family {
            // Saves a host of that name from being looked up.
            Some(AddressFamily::Ipv6) => None,
            _ => match parse_number(text, 0..=32) {
                Some(length) => Some(ipv4_prefix(length)),
                None => address::find_ipv4(text),
            },
        };
        let mask = Self { ipv4, ipv6 };
        match family {
            Some(family) => mask.for_family(family).map(|_| mask),
            None if ipv4.is_none() && ipv6.is_none() => Err(UsageError::Netmask),
            None => Ok(mask),
        }
    }

    /// Returns the mask that it is for a service of this family.
    pub(crate) fn for_family(self, family: AddressFamily) -> Result<Netmask, UsageError> {
        match family {
            AddressFamily::Ipv4 => self.ipv4.map(Netmask::Ipv4).ok_or(UsageError::Netmask),
            AddressFamily::Ipv6 => self.ipv6.map(Netmask::Ipv6).ok_or(UsageError::Netmask6),
        }
    }
}

/// Returns the mask of a prefix of 0 to 32 bits.
pub(crate) fn ipv4_prefix(length: u32) -> Ipv4Addr {
    let host_bits = 32u32.saturating_sub(length);
    u32::MAX.checked_shl(host_bits).unwrap_or(0).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_netmask_is_a_mask_or_a_prefix_length_for_ipv4() {
        for (text, mask) in [
            ("255.255.255.0", [255, 255, 255, 0]),
            ("255.0.255.0", [255, 0, 255, 0]),
            ("24", [255, 255, 255, 0]),
            ("0", [0, 0, 0, 0]),
            ("32", [255, 255, 255, 255]),
        ] {
            let parsed = NetmaskText::parse(text, None).unwrap();
            assert_eq!(
                parsed.for_family(AddressFamily::Ipv4),
                Ok(Netmask::Ipv4(mask.into())),
                "{text}"
            );
        }
        assert_eq!(
            NetmaskText::parse("64", None)
                .unwrap()
                .for_family(AddressFamily::Ipv6),
            Ok(Netmask::Ipv6(64))
        );
    }

    #[test]
    fn what_can_be_a_mask_of_neither_family_is_a_mistake_by_itself() {
        let parsed = NetmaskText::parse("-1", None).map(|_| ());
        assert_eq!(parsed, Err(UsageError::Netmask));
    }

    #[test]
    fn an_ipv6_netmask_is_read_as_atoi_reads_it() {
        for (text, length) in [
            ("64", 64),
            (" 64", 64),
            ("64 x", 64),
            ("6.4", 6),
            ("+064", 64),
            ("4294967360", 64),
            ("-4294967232", 64),
        ] {
            let mask = NetmaskText::parse(text, Some(AddressFamily::Ipv6)).unwrap();
            let wanted = Ok(Netmask::Ipv6(length));
            assert_eq!(mask.for_family(AddressFamily::Ipv6), wanted, "{text:?}");
        }
        for text in ["+-64", "x64", "0x40", "99999999999999999999"] {
            assert!(NetmaskText::parse(text, Some(AddressFamily::Ipv6)).is_err());
        }
    }

    #[test]
    fn a_netmask_of_the_wrong_family_is_an_error_of_that_family() {
        for text in ["0", "129", "255.0.0.0", "abc", "", "-1"] {
            assert_eq!(
                NetmaskText::parse(text, Some(AddressFamily::Ipv6)).unwrap_err(),
                UsageError::Netmask6,
                "{text:?}"
            );
        }
        assert_eq!(
            NetmaskText::parse("", Some(AddressFamily::Ipv4)).unwrap_err(),
            UsageError::Netmask
        );
    }
}
