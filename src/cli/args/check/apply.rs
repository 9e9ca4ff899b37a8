// SPDX-License-Identifier: MIT

//! The table that --apply and --diff are to compare with a file, and how.

use std::{path::PathBuf, time::Duration};

use crate::{
    args::{
        error::UsageError,
        name::{self, CommandName, Group},
        raw::RawOptions,
        rules,
    },
    command::{Apply, ApplyEffect, Wait, scope::Scope},
};

/// Options of --apply that change nothing, and what cannot stand beside them.
const CONFLICTS: [(Group, Group); 3] = [
    (name::CHECK, name::DRY_RUN),
    (name::CHECK, name::WAIT),
    (name::DRY_RUN, name::WAIT),
];

impl RawOptions<'_> {
    pub(super) fn make_apply(&self, file: Option<PathBuf>) -> Result<Apply, UsageError> {
        for (other, group) in CONFLICTS {
            if self.has(other) && self.has(group) {
                return Err(UsageError::Conflict {
                    owner: rules::name_owner(CommandName::Apply),
                    group,
                    other,
                });
            }
        }
        let effect = if self.has(name::CHECK) {
            ApplyEffect::Check
        } else if self.has(name::DRY_RUN) {
            ApplyEffect::DryRun
        } else {
            ApplyEffect::Change(self.wait.unwrap_or(Wait::AtMost(Duration::ZERO)))
        };
        Ok(self.make_comparison(file, effect))
    }

    pub(super) fn make_diff(&self, file: Option<PathBuf>) -> Apply {
        self.make_comparison(file, ApplyEffect::Diff)
    }

    fn make_comparison(&self, file: Option<PathBuf>, effect: ApplyEffect) -> Apply {
        Apply {
            file,
            effect,
            scope: Scope {
                service: self.service.as_ref().map(|service| service.value),
                prefixes: self.prefixes.clone(),
            },
            keep_weights: self.has(name::KEEP_WEIGHTS),
            add_only: self.has(name::ADD_ONLY),
            form: self.choose_form(),
            colour: self.colour,
        }
    }
}
