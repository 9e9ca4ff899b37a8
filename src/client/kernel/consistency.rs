// SPDX-License-Identifier: MIT

//! Lists that the kernel hands out in pieces while the table may change.
//!
//! Between two pieces the kernel remembers how many entries it has passed: of
//! services those of all network namespaces, of destinations those of their
//! service. If one before that place is added or removed meanwhile, it gives an
//! entry again or skips one, and marks neither.

use std::collections::BTreeSet;

use crate::{Error, Operation, Result};

/// The most readings of a list until two in a row agree.
///
/// While another namespace did nothing but add and remove 400 services, by the
/// hundred, one reading in seven of 600 services lacked some; 500 lists took two
/// or three readings each, one of them twelve. All 24 take as long as listing a
/// few hundred destinations.
pub(crate) const READINGS: usize = 24;

/// The certainty that a list of services or destinations has to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Read it once. No entry comes twice, but one can be missing when the
    /// table changes meanwhile.
    Once,
    /// Read it until two readings in a row name the same entries in the same
    /// order. What the kernel hands out in one piece is read once: nothing can
    /// change within it.
    Agreed,
}

/// Reads a list of entries, as often as it takes; `id` is what names one. `read` puts
/// them into an empty list, and returns whether the kernel had them so at one time.
pub(crate) fn read_list<T, K: Copy + Ord>(
    operation: Operation,
    consistency: Consistency,
    id: impl Fn(&T) -> &K,
    mut read: impl FnMut(&mut Vec<T>) -> Result<bool>,
) -> Result<Vec<T>> {
    let mut before: Option<Vec<K>> = None;
    for _ in 0..READINGS {
        let mut items = Vec::new();
        if read(&mut items)? {
            return Ok(items);
        }
        drop_repeated(&mut items, &id);
        if consistency == Consistency::Once
            || before.is_some_and(|before| items.iter().map(&id).eq(&before))
        {
            return Ok(items);
        }
        before = Some(items.iter().map(|item| *id(item)).collect());
    }
    Err(Error::KeptChanging { operation })
}

/// Drops each entry that is named like one before it.
fn drop_repeated<T, K: Copy + Ord>(entries: &mut Vec<T>, id: impl Fn(&T) -> &K) {
    // Most lists have no repetition and are in order or nearly so.
    let mut ids: Vec<&K> = entries.iter().map(&id).collect();
    ids.sort_unstable();
    if ids.is_sorted_by(|a, b| a < b) {
        return;
    }
    let mut seen = BTreeSet::new();
    entries.retain(|entry| seen.insert(*id(entry)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_entries_with_one_name_the_first_stays_in_its_place() {
        let mut entries = vec![(3, 'a'), (1, 'b'), (3, 'c'), (2, 'd'), (1, 'e'), (3, 'f')];
        drop_repeated(&mut entries, |(id, _)| id);
        assert_eq!(entries, [(3, 'a'), (1, 'b'), (2, 'd')]);
        drop_repeated(&mut entries, |(id, _)| id);
        assert_eq!(entries, [(3, 'a'), (1, 'b'), (2, 'd')]);
    }
}
