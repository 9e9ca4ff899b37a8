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

/// The times that a reading request is sent while its answer gets lost.
pub(crate) const READ_ATTEMPTS: usize = 3;

/// The most entries of a list: a million, and some. The kernel looks at all servers of a
/// service to add one, and at a 256th of all services to add another, so that no table
/// comes near. A list that goes on does not end. In the tests of this crate it is less, to
/// save them the time.
pub(crate) const MOST_ENTRIES: usize = if cfg!(test) { 1 << 13 } else { 1 << 20 };

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

/// The number of entries at which those that repeat are dropped for the first time, so
/// that a list that gives the same ones again and again takes no more memory.
const FIRST_CHECK: usize = 1 << 16;

/// The entries of a list while it is read.
pub(crate) struct Entries<'a, T, K> {
    id: &'a dyn Fn(&T) -> &K,
    items: Vec<T>,
    /// The number of entries at which those that repeat are dropped.
    next_check: usize,
}

impl<'a, T, K: Copy + Ord> Entries<'a, T, K> {
    fn new(id: &'a dyn Fn(&T) -> &K) -> Self {
        Self {
            id,
            items: Vec::new(),
            next_check: FIRST_CHECK,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.next_check = FIRST_CHECK;
    }

    pub(crate) fn push(&mut self, item: T) {
        if self.items.len() == self.next_check {
            drop_repeated(&mut self.items, self.id);
            if self.items.len() > self.next_check / 2 {
                self.next_check *= 2;
            }
        }
        self.items.push(item);
    }
}

/// Reads a list of entries, as often as it takes; `id` is what names one. `read` puts
/// them into an empty list, and returns whether the kernel had them so at one time.
pub(crate) fn read_list<T, K: Copy + Ord>(
    operation: Operation,
    consistency: Consistency,
    id: &dyn Fn(&T) -> &K,
    mut read: impl FnMut(&mut Entries<'_, T, K>) -> Result<bool>,
) -> Result<Vec<T>> {
    let mut before: Option<Vec<K>> = None;
    for _ in 0..READINGS {
        let mut entries = Entries::new(id);
        let in_one_piece = read(&mut entries)?;
        let mut items = entries.items;
        if in_one_piece {
            return Ok(items);
        }
        drop_repeated(&mut items, id);
        if consistency == Consistency::Once
            || before.is_some_and(|before| items.iter().map(id).eq(&before))
        {
            return Ok(items);
        }
        before = Some(items.iter().map(|item| *id(item)).collect());
    }
    Err(Error::KeptChanging { operation })
}

/// Drops each entry that is named like one before it.
fn drop_repeated<T, K: Copy + Ord>(entries: &mut Vec<T>, id: &dyn Fn(&T) -> &K) {
    // Most lists have no repetition and are in order or nearly so.
    let mut ids: Vec<&K> = entries.iter().map(id).collect();
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
        drop_repeated(&mut entries, &|(id, _)| id);
        assert_eq!(entries, [(3, 'a'), (1, 'b'), (2, 'd')]);
        drop_repeated(&mut entries, &|(id, _)| id);
        assert_eq!(entries, [(3, 'a'), (1, 'b'), (2, 'd')]);
    }

    /// Reads this many entries, whose names begin again after `different`.
    fn read(count: usize, different: usize) -> Entries<'static, usize, usize> {
        let mut entries = Entries::new(&|id| id);
        for number in 0..count {
            entries.push(number % different);
            assert!(entries.items.capacity() <= 2 * entries.next_check);
        }
        entries
    }

    #[test]
    fn a_list_that_repeats_itself_takes_no_more_memory() {
        for different in [1, 5, FIRST_CHECK / 2] {
            assert_eq!(read(10 * FIRST_CHECK, different).next_check, 65_536);
        }
    }

    #[test]
    fn of_different_entries_none_is_dropped_and_twice_as_many_are_read_before_another_look() {
        let count = 3 * FIRST_CHECK;
        let mut entries = read(count, count);
        assert!(entries.items.iter().copied().eq(0..count));
        assert_eq!(entries.next_check, 4 * FIRST_CHECK);
        entries.clear();
        assert_eq!((entries.items.len(), entries.next_check), (0, FIRST_CHECK));
        // A few more than half of them are enough.
        assert_eq!(read(count, FIRST_CHECK / 2 + 1).next_check, 2 * FIRST_CHECK);
    }
}
