// SPDX-License-Identifier: MIT

//! `cargo lab soak`: what `cargo lab test` tries a few times, for hours.
//!
//! A soak is a test that tries more when it is told to, or the fuzz targets.
//! `docs/reliability.md` has what came of them.

mod fuzz;

use std::env;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;

use crate::output::{err, out};

/// Tells the tests to try as often as a soak does.
pub(crate) const VARIABLE: &str = "IPVS_LAB_SOAK";

/// The soaks to run, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The soak; all of them without this
    name: Option<String>,
    /// Of the fuzz targets, only this one
    #[arg(long)]
    target: Option<String>,
    /// Minutes that each fuzz target runs; with 0, each seed is tried once
    #[arg(long, default_value_t = 20)]
    minutes: u64,
}

/// A soak.
struct Soak {
    name: &'static str,
    work: Work,
}

enum Work {
    FuzzTargets,
    /// The tests with this in their names.
    Tests(&'static str),
}

const SOAKS: [Soak; 8] = [
    Soak {
        name: "dumps",
        work: Work::Tests("dumps::"),
    },
    Soak {
        name: "fuzz",
        work: Work::FuzzTargets,
    },
    Soak {
        name: "ends",
        work: Work::Tests("faults::kills::"),
    },
    Soak {
        name: "long",
        work: Work::Tests("long_runs::"),
    },
    Soak {
        name: "popt",
        work: Work::Tests("popt_"),
    },
    Soak {
        name: "size",
        work: Work::Tests("size::"),
    },
    Soak {
        name: "tables",
        work: Work::Tests("tables::"),
    },
    Soak {
        name: "together",
        work: Work::Tests("together::"),
    },
];

/// Runs the soaks; `test` runs the tests with something in their names.
///
/// # Errors
/// When none has that name, or something that they need cannot be had.
pub(crate) fn run(options: &Options, mut test: impl FnMut(&str) -> Result<u8>) -> Result<u8> {
    let wanted = |soak: &&Soak| options.name.as_deref().is_none_or(|name| name == soak.name);
    let names = SOAKS.map(|soak| soak.name).join(", ");
    ensure!(
        SOAKS.iter().any(|soak| wanted(&soak)),
        "the soaks are: {names}"
    );
    let mut failed = 0;
    for soak in SOAKS.iter().filter(wanted) {
        out(format_args!("\n== {}\n", soak.name))?;
        let status = match soak.work {
            Work::FuzzTargets => fuzz::run(options.target.as_deref(), options.minutes)?,
            Work::Tests(filter) => test(filter)?,
        };
        failed = failed.max(status);
    }
    Ok(failed)
}

/// Returns whether a soak is what runs.
pub(crate) fn is_running() -> bool {
    env::var_os(VARIABLE).is_some_and(|value| !value.is_empty())
}

/// Returns how often a test is to try: `quick` times in `cargo lab test`, `long` times in
/// its soak.
#[must_use]
pub fn trials(quick: usize, long: usize) -> usize {
    if is_running() { long } else { quick }
}

/// The length of a test: so many rounds in `cargo lab test`, so much time in its soak.
#[derive(Debug)]
pub struct Span {
    rounds: usize,
    length: Length,
}

#[derive(Debug)]
enum Length {
    Rounds(usize),
    Time(Instant, Duration),
}

impl Span {
    /// Begins one.
    #[must_use]
    pub fn new(quick: usize, long: Duration) -> Self {
        let length = match is_running() {
            true => Length::Time(Instant::now(), long),
            false => Length::Rounds(quick),
        };
        Self { rounds: 0, length }
    }

    /// Begins the next round and returns its number, from 1 on; `None` at the end.
    pub fn next_round(&mut self) -> Option<usize> {
        let is_over = match self.length {
            Length::Rounds(number) => self.rounds >= number,
            Length::Time(begin, long) => begin.elapsed() >= long,
        };
        self.rounds += 1;
        (!is_over).then_some(self.rounds)
    }

    /// Returns whether half of it is over.
    #[must_use]
    pub fn is_second_half(&self) -> bool {
        match self.length {
            Length::Rounds(number) => self.rounds > number / 2,
            Length::Time(begin, long) => begin.elapsed() > long / 2,
        }
    }
}

/// Tells how far a soak is. It goes to standard error, past libtest, which hides what a
/// test prints, and shows that the test has not come to a halt.
pub fn tell(words: &str) {
    if is_running() {
        err(format_args!("{words}\n"));
    }
}
