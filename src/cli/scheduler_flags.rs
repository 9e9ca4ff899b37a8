// SPDX-License-Identifier: MIT

//! The names of the kernel's schedulers and of their flags: the one list.

use ipvs_client::SchedulerFlags;

/// The name of each scheduler, and the words that explain it.
pub(crate) const SCHEDULERS: [(&str, &str); 14] = [
    ("rr", "Round robin"),
    ("wrr", "Weighted round robin"),
    ("lc", "Least connections"),
    ("wlc", "Weighted least connections"),
    ("lblc", "Locality-based least connections"),
    ("lblcr", "Locality-based least connections with replication"),
    ("dh", "Destination hashing"),
    ("sh", "Source hashing"),
    ("sed", "Shortest expected delay"),
    ("nq", "Never queue"),
    ("fo", "Weighted failover"),
    ("ovf", "Weighted overflow"),
    ("mh", "Maglev hashing"),
    ("twos", "Power of two random choices"),
];

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

/// A word of -b that sets no flag of the scheduler.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FlagError {
    /// No scheduler has a flag of this name.
    #[error("invalid scheduler flag `{0}'")]
    Unknown(String),
    /// Another scheduler has it.
    #[error("incompatible scheduler flag `{0}'")]
    OfOther(String),
}

/// The flags of -b for a scheduler.
pub(crate) fn parse_flags(text: &str, scheduler: &str) -> Result<SchedulerFlags, FlagError> {
    let mut flags = SchedulerFlags::default();
    if text.is_empty() {
        return Ok(flags);
    }
    for word in text.split(',').filter(|word| !word.is_empty()) {
        let known = FLAG_NAMES
            .iter()
            .find(|known| known.name == word)
            .ok_or_else(|| FlagError::Unknown(word.to_owned()))?;
        if known.scheduler.is_some_and(|owner| owner != scheduler) {
            return Err(FlagError::OfOther(word.to_owned()));
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
pub(crate) fn names_of_flags(flags: SchedulerFlags, scheduler: &str) -> Vec<&'static str> {
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
    fn scheduler_flags_belong_to_their_scheduler_or_to_any() {
        let both = SchedulerFlags {
            flag_1: true,
            flag_2: true,
            flag_3: false,
        };
        assert_eq!(parse_flags("sh-port,sh-fallback", "sh"), Ok(both));
        assert_eq!(parse_flags("mh-port,,flag-1,", "mh"), Ok(both));
        assert_eq!(parse_flags("flag-1,flag-2", "rr"), Ok(both));
        assert_eq!(
            parse_flags("sh-port", "mh"),
            Err(FlagError::OfOther("sh-port".to_owned()))
        );
        assert_eq!(
            parse_flags("flag-4", "rr"),
            Err(FlagError::Unknown("flag-4".to_owned()))
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
            names_of_flags(all, "sh"),
            ["sh-fallback", "sh-port", "flag-3"]
        );
        assert_eq!(names_of_flags(all, "rr"), ["flag-1", "flag-2", "flag-3"]);
    }
}
