// SPDX-License-Identifier: MIT

//! The values of options that are numbers, masks and flags.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
    time::Duration,
};

use ipvs_client::{AddressFamily, Netmask, SchedulerFlags};

use crate::args::{address, error::UsageError};

/// What C's isspace takes for a blank.
pub(crate) const BLANKS: [char; 6] = [' ', '\t', '\n', '\x0b', '\x0c', '\r'];

/// A decimal number in the range, as laxly as C's strtol reads it: blanks and
/// a sign may come first, nothing may come after.
pub(crate) fn number(text: &str, range: RangeInclusive<u32>) -> Option<u32> {
    let digits = text.trim_start_matches(BLANKS);
    let (negative, digits) = match digits.as_bytes().first()? {
        b'-' => (true, digits.get(1..)?),
        b'+' => (false, digits.get(1..)?),
        _ => (false, digits),
    };
    // What parse() takes beyond digits is a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u32 = digits.parse().ok()?;
    (range.contains(&number) && !(negative && number != 0)).then_some(number)
}

/// A decimal number as laxly as C's atoi reads it: what follows the digits is
/// not looked at, and of a large one the low 32 bits count. Without digits it is
/// 0.
fn c_int(text: &str) -> i32 {
    let text = text.trim_start_matches(BLANKS);
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = digits
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(digits.len());
    let (digits, _) = digits.split_at(end);
    let number = digits.bytes().try_fold(0_i64, |number, digit| {
        number.checked_mul(10)?.checked_add(i64::from(digit - b'0'))
    });
    let number = number.unwrap_or(i64::MAX);
    if text.starts_with('-') {
        number.wrapping_neg() as i32
    } else {
        number as i32
    }
}

/// The mask of -M as far as it can be read before it is known whose it is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NetmaskText {
    ipv4: Option<Ipv4Addr>,
    ipv6: Option<u32>,
}

impl NetmaskText {
    /// # Errors
    /// When it can be a mask of neither family, or not of the one given.
    pub(crate) fn parse(text: &str, family: Option<AddressFamily>) -> Result<Self, UsageError> {
        let ipv6 = u32::try_from(c_int(text))
            .ok()
            .filter(|length| (1..=128).contains(length));
        let ipv4 = match family {
            // Saves a host of that name from being looked up.
            Some(AddressFamily::Ipv6) => None,
            _ => match number(text, 0..=32) {
                Some(length) => Some(ipv4_prefix(length)),
                None => address::host_ipv4(text),
            },
        };
        let mask = Self { ipv4, ipv6 };
        match family {
            Some(family) => mask.of(family).map(|_| mask),
            None if ipv4.is_none() && ipv6.is_none() => Err(UsageError::Netmask),
            None => Ok(mask),
        }
    }

    /// The mask that it is for a service of this family.
    pub(crate) fn of(self, family: AddressFamily) -> Result<Netmask, UsageError> {
        match family {
            AddressFamily::Ipv4 => self.ipv4.map(Netmask::Ipv4).ok_or(UsageError::Netmask),
            AddressFamily::Ipv6 => self.ipv6.map(Netmask::Ipv6).ok_or(UsageError::Netmask6),
        }
    }
}

/// A time in seconds, of which there may be a fraction, in the range.
pub(crate) fn interval(text: &str, range: RangeInclusive<f64>) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    range
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}

/// The mask of a prefix of 0 to 32 bits.
pub(crate) fn ipv4_prefix(length: u32) -> Ipv4Addr {
    let host_bits = 32u32.saturating_sub(length);
    u32::MAX.checked_shl(host_bits).unwrap_or(0).into()
}

/// A multicast group.
pub(crate) fn multicast_group(text: &str) -> Result<std::net::IpAddr, UsageError> {
    if text.contains(':') {
        match text.parse::<Ipv6Addr>() {
            Ok(group) if group.is_multicast() => Ok(group.into()),
            _ => Err(UsageError::McastGroup6(text.to_owned())),
        }
    } else {
        match text.parse::<Ipv4Addr>() {
            Ok(group) if group.is_multicast() => Ok(group.into()),
            _ => Err(UsageError::McastGroup4(text.to_owned())),
        }
    }
}

/// A scheduler flag's name, the scheduler that alone has it, and what it sets.
struct FlagName {
    name: &'static str,
    scheduler: Option<&'static str>,
    flag: SchedulerFlags,
}

const FLAG_1: SchedulerFlags = SchedulerFlags {
    flag_1: true,
    flag_2: false,
    flag_3: false,
};
const FLAG_2: SchedulerFlags = SchedulerFlags {
    flag_1: false,
    flag_2: true,
    flag_3: false,
};
const FLAG_3: SchedulerFlags = SchedulerFlags {
    flag_1: false,
    flag_2: false,
    flag_3: true,
};

#[rustfmt::skip]
const FLAG_NAMES: &[FlagName] = &[
    FlagName { name: "sh-fallback", scheduler: Some("sh"), flag: FLAG_1 },
    FlagName { name: "sh-port", scheduler: Some("sh"), flag: FLAG_2 },
    FlagName { name: "mh-fallback", scheduler: Some("mh"), flag: FLAG_1 },
    FlagName { name: "mh-port", scheduler: Some("mh"), flag: FLAG_2 },
    FlagName { name: "flag-1", scheduler: None, flag: FLAG_1 },
    FlagName { name: "flag-2", scheduler: None, flag: FLAG_2 },
    FlagName { name: "flag-3", scheduler: None, flag: FLAG_3 },
];

/// Every name of a flag, of whichever scheduler.
pub(crate) fn all_scheduler_flags() -> Vec<&'static str> {
    FLAG_NAMES.iter().map(|known| known.name).collect()
}

/// The flags of -b for a scheduler.
pub(crate) fn scheduler_flags(text: &str, scheduler: &str) -> Result<SchedulerFlags, UsageError> {
    let mut flags = SchedulerFlags::default();
    if text.is_empty() {
        return Ok(flags);
    }
    for word in text.split(',').filter(|word| !word.is_empty()) {
        let known = FLAG_NAMES
            .iter()
            .find(|known| known.name == word)
            .ok_or_else(|| UsageError::SchedulerFlag(word.to_owned()))?;
        if known.scheduler.is_some_and(|owner| owner != scheduler) {
            return Err(UsageError::SchedulerFlagOfOther(word.to_owned()));
        }
        flags = flags.union(known.flag);
    }
    Ok(flags)
}

/// The names of all flags.
pub(crate) fn flag_names() -> Vec<&'static str> {
    FLAG_NAMES.iter().map(|known| known.name).collect()
}

/// The scheduler that alone has a flag of this name.
pub(crate) fn scheduler_of_flag(name: &str) -> Option<&'static str> {
    FLAG_NAMES
        .iter()
        .find(|known| known.name == name)?
        .scheduler
}

/// The names of the flags that are set for a scheduler, as -b takes them: the
/// scheduler's own names where it has them.
pub(crate) fn scheduler_flag_names(flags: SchedulerFlags, scheduler: &str) -> Vec<&'static str> {
    let name_of = |flag: SchedulerFlags| {
        [Some(scheduler), None]
            .into_iter()
            .find_map(|owner| {
                FLAG_NAMES
                    .iter()
                    .find(|known| known.scheduler == owner && known.flag == flag)
            })
            .map(|known| known.name)
    };
    [
        (flags.flag_1, FLAG_1),
        (flags.flag_2, FLAG_2),
        (flags.flag_3, FLAG_3),
    ]
    .into_iter()
    .filter(|(set, _)| *set)
    .filter_map(|(_, flag)| name_of(flag))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_strtol_reads_them() {
        let read = |text| number(text, 0..=i32::MAX as u32);
        for (text, value) in [
            ("5", 5),
            (" 5", 5),
            ("\t6", 6),
            ("+5", 5),
            ("-0", 0),
            ("00005", 5),
            ("2147483647", 2_147_483_647),
        ] {
            assert_eq!(read(text), Some(value), "{text:?}");
        }
        for text in [
            "",
            " ",
            "+",
            "-",
            "5 ",
            "6\n",
            "-1",
            "0x5",
            "+-5",
            "2147483648",
            "99999999999999999999",
            "５",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

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
                parsed.of(AddressFamily::Ipv4),
                Ok(Netmask::Ipv4(mask.into())),
                "{text}"
            );
        }
        assert_eq!(
            NetmaskText::parse("64", None)
                .unwrap()
                .of(AddressFamily::Ipv6),
            Ok(Netmask::Ipv6(64))
        );
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
            assert_eq!(mask.of(AddressFamily::Ipv6), wanted, "{text:?}");
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

    #[test]
    fn scheduler_flags_belong_to_their_scheduler_or_to_any() {
        let both = SchedulerFlags {
            flag_1: true,
            flag_2: true,
            flag_3: false,
        };
        assert_eq!(scheduler_flags("sh-port,sh-fallback", "sh"), Ok(both));
        assert_eq!(scheduler_flags("mh-port,,flag-1,", "mh"), Ok(both));
        assert_eq!(scheduler_flags("flag-1,flag-2", "rr"), Ok(both));
        assert_eq!(
            scheduler_flags("sh-port", "mh"),
            Err(UsageError::SchedulerFlagOfOther("sh-port".to_owned()))
        );
        assert_eq!(
            scheduler_flags("flag-4", "rr"),
            Err(UsageError::SchedulerFlag("flag-4".to_owned()))
        );
    }

    #[test]
    fn flags_are_named_by_their_scheduler_where_it_has_a_name() {
        let all = SchedulerFlags {
            flag_1: true,
            flag_2: true,
            flag_3: true,
        };
        assert_eq!(
            scheduler_flag_names(all, "sh"),
            ["sh-fallback", "sh-port", "flag-3"]
        );
        assert_eq!(
            scheduler_flag_names(all, "rr"),
            ["flag-1", "flag-2", "flag-3"]
        );
    }
}
