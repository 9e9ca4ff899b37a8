// SPDX-License-Identifier: MIT

//! The times at which `--watch` looks, on the dot.

use std::time::{Duration, Instant};

use crate::command::watch::Watch;

/// The times at which something is looked at.
pub(super) struct Schedule {
    interval: Duration,
    count: Option<u32>,
    made: u32,
    /// The time when the next look is due.
    next: Instant,
}

impl Schedule {
    pub(super) fn new(watch: &Watch) -> Self {
        Self {
            interval: watch.interval,
            count: watch.count,
            made: 0,
            next: Instant::now(),
        }
    }

    /// Notes that one look has been made.
    pub(super) fn advance(&mut self) {
        self.made = self.made.saturating_add(1);
        // On the dot, unless it has fallen behind.
        self.next = (self.next + self.interval).max(Instant::now());
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    pub(super) fn is_first(&self) -> bool {
        self.made == 0
    }

    pub(super) fn was_last(&self) -> bool {
        self.count.is_some_and(|count| self.made >= count)
    }
}
