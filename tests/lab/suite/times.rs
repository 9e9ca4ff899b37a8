// SPDX-License-Identifier: MIT

//! Where the time of the kernel tests went, for whoever wants to make them
//! faster.

use std::collections::BTreeMap;
use std::time::Duration;

/// The number of slowest tests that are named.
const SLOWEST: usize = 10;

/// The durations of tests that ran one after the other in each kernel.
#[derive(Debug, Default)]
pub(crate) struct Times(Vec<(String, Duration)>);

impl Times {
    pub(crate) fn add(&mut self, test: &str, duration: Duration) {
        self.0.push((test.to_owned(), duration));
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Two lines: the seconds of each module, and those of the slowest tests.
    pub(crate) fn summary(&self) -> String {
        let mut modules: BTreeMap<&str, Duration> = BTreeMap::new();
        for (test, duration) in &self.0 {
            let module = test.split("::").next().unwrap_or(test);
            *modules.entry(module).or_default() += *duration;
        }
        let tests = self.0.iter().map(|(test, time)| (test.as_str(), *time));
        format!(
            "seconds of modules: {}\nseconds of the slowest tests: {}\n",
            list(modules, usize::MAX),
            list(tests, SLOWEST)
        )
    }
}

/// The longest first, as `compat 310, traffic 42`.
fn list<'a>(times: impl IntoIterator<Item = (&'a str, Duration)>, most: usize) -> String {
    let mut times: Vec<_> = times.into_iter().collect();
    times.sort_by_key(|&(name, time)| (std::cmp::Reverse(time), name));
    let words = times
        .iter()
        .take(most)
        .map(|(name, time)| format!("{name} {:.0}", time.as_secs_f64()));
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_and_tests_are_listed_from_the_slowest_on() {
        let mut times = Times::default();
        for (test, seconds) in [("a::one", 2), ("b::one", 30), ("a::two", 40)] {
            times.add(test, Duration::from_secs(seconds));
        }
        let mut other = Times::default();
        other.add("c", Duration::from_secs(5));
        times.append(other);
        assert_eq!(
            times.summary(),
            "seconds of modules: a 42, b 30, c 5\n\
             seconds of the slowest tests: a::two 40, b::one 30, c 5, a::one 2\n"
        );
    }
}
