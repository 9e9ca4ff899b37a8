// SPDX-License-Identifier: MIT

//! The names of the kernel's schedulers, and the words of -b for their flags.

use ipvs_client::{SchedulerFlagName, SchedulerFlags};

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

/// The flags of -b for a scheduler. The first word that is wrong decides the error.
pub(crate) fn parse_flags(text: &str, scheduler: &str) -> Result<SchedulerFlags, FlagError> {
    let mut flags = SchedulerFlags::default();
    if text.is_empty() {
        return Ok(flags);
    }
    for word in split_words(text) {
        flags |= combine_flags(&[find_flag(word)?], scheduler)?;
    }
    Ok(flags)
}

/// The flags of -b while the scheduler is not known.
pub(crate) fn find_flags(text: &str) -> Result<Vec<SchedulerFlagName>, FlagError> {
    split_words(text).map(find_flag).collect()
}

/// Puts the flags together, each of which must be one of the scheduler's.
pub(crate) fn combine_flags(
    flags: &[SchedulerFlagName],
    scheduler: &str,
) -> Result<SchedulerFlags, FlagError> {
    let mut all = SchedulerFlags::default();
    for known in flags {
        if known.scheduler.is_some_and(|owner| owner != scheduler) {
            return Err(FlagError::OfOther(known.name.to_owned()));
        }
        all |= known.flag;
    }
    Ok(all)
}

/// Returns those of one scheduler's flags that another has under the same name but
/// for its own in front: `sh-port` and `mh-port`.
pub(crate) fn carry_flags(flags: SchedulerFlags, from: &str, to: &str) -> SchedulerFlags {
    if from == to {
        return flags;
    }
    let own = |scheduler: &str| {
        SchedulerFlags::NAMES
            .iter()
            .filter(|known| known.scheduler == Some(scheduler))
            .fold(SchedulerFlags::empty(), |all, known| all | known.flag)
    };
    flags & own(from) & own(to)
}

fn split_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|word| !word.is_empty())
}

fn find_flag(word: &str) -> Result<SchedulerFlagName, FlagError> {
    SchedulerFlags::NAMES
        .iter()
        .find(|known| known.name == word)
        .copied()
        .ok_or_else(|| FlagError::Unknown(word.to_owned()))
}

/// The names of all flags.
pub(crate) fn flag_names() -> Vec<&'static str> {
    SchedulerFlags::NAMES
        .iter()
        .map(|known| known.name)
        .collect()
}

/// The scheduler that alone has a flag of this name.
pub(crate) fn scheduler_of_flag(name: &str) -> Option<&'static str> {
    SchedulerFlags::NAMES
        .iter()
        .find(|known| known.name == name)?
        .scheduler
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheduler_flags_belong_to_their_scheduler_or_to_any() {
        let both = SchedulerFlags::FLAG_1 | SchedulerFlags::FLAG_2;
        assert_eq!(parse_flags("sh-port,sh-fallback", "sh"), Ok(both));
        assert_eq!(parse_flags("mh-port,,flag-1,", "mh"), Ok(both));
        assert_eq!(parse_flags("flag-1,flag-2", "rr"), Ok(both));
        assert_eq!(
            parse_flags("sh-port", "mh"),
            Err(FlagError::OfOther("sh-port".to_owned()))
        );
        assert_eq!(
            parse_flags("sh-port,flag-4", "mh"),
            Err(FlagError::OfOther("sh-port".to_owned()))
        );
        assert_eq!(
            parse_flags("flag-4", "rr"),
            Err(FlagError::Unknown("flag-4".to_owned()))
        );
    }

    #[test]
    fn only_flags_that_the_next_scheduler_has_too_go_over_to_it() {
        let all = SchedulerFlags::all();
        let both = SchedulerFlags::FLAG_1 | SchedulerFlags::FLAG_2;
        assert_eq!(carry_flags(all, "sh", "mh"), both);
        assert_eq!(
            carry_flags(SchedulerFlags::FLAG_2, "mh", "sh"),
            SchedulerFlags::FLAG_2
        );
        assert_eq!(carry_flags(all, "sh", "wrr"), SchedulerFlags::empty());
        assert_eq!(carry_flags(all, "wrr", "sh"), SchedulerFlags::empty());
        assert_eq!(carry_flags(all, "wrr", "wrr"), all);
    }

    /// As ipvsadm(8) lists the flags of `--sched-flags`.
    #[test]
    fn a_flag_with_the_name_of_a_scheduler_is_of_that_alone() {
        for (name, scheduler) in [
            ("sh-port", Some("sh")),
            ("sh-fallback", Some("sh")),
            ("mh-port", Some("mh")),
            ("mh-fallback", Some("mh")),
            ("flag-1", None),
            ("unknown", None),
        ] {
            assert_eq!(scheduler_of_flag(name), scheduler, "{name}");
        }
    }
}
