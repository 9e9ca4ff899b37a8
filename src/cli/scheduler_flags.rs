// SPDX-License-Identifier: MIT

//! The names of the kernel's schedulers, and the words of -b for their flags.

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
        let known = SchedulerFlags::NAMES
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
            parse_flags("flag-4", "rr"),
            Err(FlagError::Unknown("flag-4".to_owned()))
        );
    }
}
