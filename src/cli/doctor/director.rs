// SPDX-License-Identifier: MIT

//! The facts about a director, and the checks that are made of it.

use ipvs_client::ServiceId;

use super::{
    check::{Check, Unknown},
    services,
};
use crate::table::Entry;

/// The facts about a director.
pub(crate) struct Director {
    /// The virtual service that was asked about; all if none was.
    pub(crate) asked: Option<ServiceId>,
    /// The virtual services that are looked at, in the order of a listing.
    pub(crate) table: Result<Vec<Entry>, Unknown>,
}

impl Director {
    pub(super) fn table(&self) -> Result<&[Entry], Unknown> {
        self.table.as_deref().map_err(Clone::clone)
    }
}

/// The checks of a director, in the order in which they are made.
pub(crate) static DIRECTOR_CHECKS: &[Check<Director>] = &[
    Check {
        name: "service",
        find: services::find_missing_service,
    },
    Check {
        name: "usable-server",
        find: services::find_unusable_servers,
    },
    Check {
        name: "scheduler",
        find: services::find_unfit_schedulers,
    },
];

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn the_manual_page_lists_every_check_in_its_order() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/ipvsadm.8");
        let page = fs::read_to_string(page).unwrap();
        let (_, section) = page.split_once("\n.Ss Looking for faults\n").unwrap();
        let (section, _) = section.split_once("\n.Ss ").unwrap();
        let listed: Vec<&str> = section
            .lines()
            .filter_map(|line| line.strip_prefix(".It Cm "))
            .collect();
        let checks: Vec<&str> = DIRECTOR_CHECKS.iter().map(|check| check.name).collect();
        assert_eq!(listed, checks);
    }
}
