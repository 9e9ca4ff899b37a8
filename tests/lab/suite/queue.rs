// SPDX-License-Identifier: MIT

//! The tests that wait for a kernel, and how many of them one start of a kernel
//! takes: many at first, few in the end, so that no kernel works on when the
//! others have nothing left.

use std::collections::VecDeque;

/// The parts that are made of what would be each kernel's share of the tests that
/// are left. With fewer, some kernels have nothing to do in the end; with more, more
/// kernels are started, each of which takes a second or two.
const SHARES: usize = 2;

/// Where a kernel takes its tests. The names that come last are those of traffic:
/// they wait for timeouts, and the others can use the processor meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Front,
    Back,
}

/// The names of the tests, in their order.
#[derive(Debug)]
pub(crate) struct Queue {
    names: VecDeque<String>,
    /// The number of takers.
    kernels: usize,
}

impl Queue {
    pub(crate) fn new(names: impl IntoIterator<Item = String>, kernels: usize) -> Self {
        Self {
            names: names.into_iter().collect(),
            kernels,
        }
    }

    /// Takes the tests of one start; none are left when it returns none.
    pub(crate) fn take(&mut self, end: End) -> Vec<String> {
        let count = match self.kernels {
            1 => self.names.len(),
            kernels => self.names.len().div_ceil(kernels * SHARES),
        };
        let taken = match end {
            End::Front => self.names.drain(..count),
            End::Back => self.names.drain(self.names.len() - count..),
        };
        taken.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("{number:03}")).collect()
    }

    #[test]
    fn every_test_is_taken_once_however_many_there_are() {
        for kernels in 1..6 {
            for count in [0, 1, 2, 7, 270] {
                let mut queue = Queue::new(names(count), kernels);
                let mut taken = Vec::new();
                for end in [End::Front, End::Back].into_iter().cycle() {
                    match queue.take(end) {
                        own if own.is_empty() => break,
                        own => taken.extend(own),
                    }
                }
                taken.sort_unstable();
                assert_eq!(taken, names(count), "{kernels} kernels");
            }
        }
    }

    #[test]
    fn shares_are_taken_from_both_ends_and_become_smaller() {
        let mut queue = Queue::new(names(16), 4);
        assert_eq!(queue.take(End::Front), ["000", "001"]);
        assert_eq!(queue.take(End::Back), ["014", "015"]);
        assert_eq!(queue.take(End::Front), ["002", "003"]);
        let rest: Vec<usize> = (0..11).map(|_| queue.take(End::Front).len()).collect();
        assert_eq!(rest, [2, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
    }

    #[test]
    fn one_kernel_takes_everything() {
        assert_eq!(Queue::new(names(9), 1).take(End::Front).len(), 9);
    }
}
