// SPDX-License-Identifier: MIT

//! Counting comparisons with the original. Tests that run in several kernels
//! count a part each; `cargo lab test` adds the parts up.

use std::io::{self, Write as _};
use std::ops::AddAssign;

/// The numbers of cases by how they came out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The two programs did the same.
    pub same: usize,
    /// They differ as they are meant to.
    pub deliberate: usize,
    /// They differ otherwise.
    pub different: usize,
}

impl AddAssign for Comparison {
    fn add_assign(&mut self, other: Self) {
        self.same += other.same;
        self.deliberate += other.deliberate;
        self.different += other.different;
    }
}

impl Comparison {
    /// Tells what a test has counted. It goes to standard error, past libtest,
    /// which hides what a test prints: `cargo lab test` takes it from there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn report(self, name: &str) -> io::Result<()> {
        // One write, so that another thread's words stay apart.
        let line = format!("{}\n", self.line(name));
        io::stderr().lock().write_all(line.as_bytes())
    }

    /// `NAME: 5 cases, 3 same, 1 deliberate, 1 different`; the last part only
    /// where it has to be said.
    pub(crate) fn line(self, name: &str) -> String {
        let Self {
            same,
            deliberate,
            different,
        } = self;
        let all = same + deliberate + different;
        let mut line = format!("{name}: {all} cases, {same} same, {deliberate} deliberate");
        if different > 0 {
            line.push_str(&format!(", {different} different"));
        }
        line
    }

    /// The name and the counts of such a line.
    pub(crate) fn parse(line: &str) -> Option<(&str, Self)> {
        let (name, counts) = line.trim_end().split_once(": ")?;
        let count = |what: &str| {
            counts
                .split(", ")
                .find_map(|part| part.strip_suffix(what)?.strip_suffix(' ')?.parse().ok())
        };
        let all: usize = count("cases")?;
        let counted = Self {
            same: count("same")?,
            deliberate: count("deliberate")?,
            different: count("different").unwrap_or_default(),
        };
        (counted.line(name) == line.trim_end() && all > 0).then_some((name, counted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_as_it_was_written() {
        for (same, deliberate, different) in [(3, 1, 1), (1, 0, 0), (0, 0, 7)] {
            let count = Comparison {
                same,
                deliberate,
                different,
            };
            let line = count.line("the name");
            assert_eq!(
                Comparison::parse(&line),
                Some(("the name", count)),
                "{line}"
            );
        }
        assert_eq!(
            Comparison::default().line("x"),
            "x: 0 cases, 0 same, 0 deliberate"
        );
    }

    #[test]
    fn other_lines_are_not_taken_for_one() {
        for line in ["", "x: 5 cases", "x: 9 cases, 3 same, 1 deliberate", "x: y"] {
            assert_eq!(Comparison::parse(line), None, "{line}");
        }
    }
}
