// SPDX-License-Identifier: MIT

//! Waiting until the kernel has nothing left to do.
//!
//! It clears a network namespace away some time after its last user is gone,
//! with all the rules inside. Nothing tells when that is over, and what is
//! measured meanwhile is measured wrong.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// The time in which nothing may have happened.
const QUIET: Duration = Duration::from_millis(100);
/// A machine with other users may never be quiet.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until the processors have been idle for a while.
pub(crate) fn wait() -> Result<()> {
    let begin = Instant::now();
    let mut before = busy()?;
    while begin.elapsed() < PATIENCE {
        thread::sleep(QUIET);
        let now = busy()?;
        if now - before <= 1 {
            break;
        }
        before = now;
    }
    Ok(())
}

/// For how many ticks the processors have worked since the kernel started.
fn busy() -> Result<u64> {
    let text = fs::read_to_string("/proc/stat").context("/proc/stat")?;
    parse(&text).context("/proc/stat has an unknown form")
}

/// «cpu  user nice system idle iowait irq softirq ...»
fn parse(text: &str) -> Option<u64> {
    let numbers = text.lines().next()?.strip_prefix("cpu ")?;
    let numbers: Vec<u64> = numbers
        .split_whitespace()
        .map_while(|number| number.parse().ok())
        .collect();
    let idle = numbers.get(3)? + numbers.get(4)?;
    Some(numbers.iter().take(7).sum::<u64>() - idle)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn idle_time_does_not_count_as_work() {
        let text = "cpu  137 1 16 5000 300 2 4 0 9 9\ncpu0 1 2\n";
        assert_eq!(parse(text), Some(137 + 1 + 16 + 2 + 4));
        assert_eq!(parse("intr 1"), None);
    }
}
