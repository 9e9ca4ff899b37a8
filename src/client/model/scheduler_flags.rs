// SPDX-License-Identifier: MIT

//! The flags of schedulers, and the names that they go by.

use bitflags::bitflags;

bitflags! {
    /// The three flags that a scheduler may read; what they mean is the
    /// scheduler's business. The bits are those of the kernel.
    ///
    /// ```
    /// use ipvs_client::SchedulerFlags;
    ///
    /// let flags = SchedulerFlags::by_name("mh-port", "mh").unwrap_or_default();
    /// assert_eq!(flags, SchedulerFlags::FLAG_2);
    /// assert_eq!(flags.names("mh"), ["mh-port"]);
    /// assert_eq!(flags.names("rr"), ["flag-2"]);
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct SchedulerFlags: u8 {
        /// `IP_VS_SVC_F_SCHED1`; fallback, for `sh` and `mh`.
        const FLAG_1 = 0x08;
        /// `IP_VS_SVC_F_SCHED2`; the source port counts, for `sh` and `mh`.
        const FLAG_2 = 0x10;
        /// `IP_VS_SVC_F_SCHED3`
        const FLAG_3 = 0x20;
    }
}

/// A name of a scheduler flag, as `-b` of ipvsadm takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchedulerFlagName {
    /// The name.
    pub name: &'static str,
    /// The scheduler that alone has it; `None` if every scheduler has.
    pub scheduler: Option<&'static str>,
    /// The flag that it stands for.
    pub flag: SchedulerFlags,
}

impl SchedulerFlags {
    /// Every name that a flag goes by, those of single schedulers first.
    pub const NAMES: &'static [SchedulerFlagName] = &[
        named("sh-fallback", Some("sh"), Self::FLAG_1),
        named("sh-port", Some("sh"), Self::FLAG_2),
        named("mh-fallback", Some("mh"), Self::FLAG_1),
        named("mh-port", Some("mh"), Self::FLAG_2),
        named("flag-1", None, Self::FLAG_1),
        named("flag-2", None, Self::FLAG_2),
        named("flag-3", None, Self::FLAG_3),
    ];

    /// The flag of this name, if the scheduler has it.
    #[must_use]
    pub fn by_name(name: &str, scheduler: &str) -> Option<Self> {
        let known = Self::NAMES.iter().find(|known| known.name == name)?;
        let has_it = known.scheduler.is_none_or(|owner| owner == scheduler);
        has_it.then_some(known.flag)
    }

    /// The names of the flags that are set: the scheduler's own where it has
    /// them.
    #[must_use]
    pub fn names(self, scheduler: &str) -> Vec<&'static str> {
        self.iter()
            .filter_map(|flag| {
                // The scheduler's own come first.
                Self::NAMES.iter().find(|known| {
                    known.flag == flag && known.scheduler.is_none_or(|owner| owner == scheduler)
                })
            })
            .map(|known| known.name)
            .collect()
    }
}

const fn named(
    name: &'static str,
    scheduler: Option<&'static str>,
    flag: SchedulerFlags,
) -> SchedulerFlagName {
    SchedulerFlagName {
        name,
        scheduler,
        flag,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_named_by_their_scheduler_where_it_has_a_name() {
        let all = SchedulerFlags::all();
        assert_eq!(all.names("sh"), ["sh-fallback", "sh-port", "flag-3"]);
        assert_eq!(all.names("rr"), ["flag-1", "flag-2", "flag-3"]);
        assert_eq!(SchedulerFlags::empty().names("sh"), [""; 0]);
    }

    #[test]
    fn a_name_is_a_flag_of_its_scheduler_alone() {
        for known in SchedulerFlags::NAMES {
            for scheduler in ["sh", "mh", "rr"] {
                let is_its = known.scheduler.is_none_or(|owner| owner == scheduler);
                assert_eq!(
                    SchedulerFlags::by_name(known.name, scheduler),
                    is_its.then_some(known.flag)
                );
            }
        }
        assert_eq!(SchedulerFlags::by_name("flag-4", "sh"), None);
    }
}
