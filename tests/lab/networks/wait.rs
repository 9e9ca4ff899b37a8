// SPDX-License-Identifier: MIT

//! Waiting for what a daemon does in its own time.

use std::thread;
use std::time::{Duration, Instant};

/// After this nothing is expected any more. It is far above what anything
/// takes, because a loaded machine can be slow.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(300);

/// Looks until there is what is `wanted`, or patience ends; returns what it saw
/// last, for the caller to compare.
pub fn for_value<T: PartialEq>(wanted: &T, mut look: impl FnMut() -> T) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = look();
        if seen == *wanted || Instant::now() > deadline {
            return seen;
        }
        thread::sleep(PAUSE);
    }
}
