// SPDX-License-Identifier: MIT

//! Random command lines, in sequences that act on one table per program.
//!
//! The sequences follow from a seed; `IPVS_LAB_SEED` chooses another than the
//! usual one. What the original answers to those of the usual seed is on record
//! like the rest. A difference is printed with the seed and the shortest
//! sequence that was found to show it. Differences that are meant to be are
//! recognized by [`rules`], each at the commands that it is about and nowhere
//! else, and counted.

mod lines;
mod rules;

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail, ensure};
use ipvs_lab::{comparison::Comparison, program};

use self::rules::Rule;
use super::case::{Case, Run, Step};
use super::notation::{Answer, escape, line};
use super::recorded::Book;
use super::stage::{Program, Stage};
use crate::chance::Chance;

const SUITE: &str = "random command lines";
const VARIABLE: &str = "IPVS_LAB_SEED";
const USUAL_SEED: u64 = 1;
/// Sequences in each test, and commands in each sequence: together more than
/// 3,000 command lines, with those that -R reads.
const SEQUENCES: usize = 20;
const LENGTH: usize = 14;

/// One command line of a sequence.
#[derive(Debug, Clone)]
struct Item {
    run: Run,
    /// The deliberate differences that there may be.
    rules: BTreeSet<Rule>,
    /// Not random, but there to see what the ones before have done.
    is_check: bool,
}

impl Item {
    /// The number of command lines: one, or as many as -R reads.
    fn lines(&self) -> usize {
        let input = String::from_utf8_lossy(&self.run.input);
        input
            .lines()
            .filter(|line| !line.trim().is_empty())
            .count()
            .max(1)
    }
}

macro_rules! parts {
    ($($name:ident $number:literal)*) => {
        $(#[test] fn $name() { part($number).unwrap(); })*
    };
}

// Several tests, so that several kernels can share them.
parts! {
    part_1 1
    part_2 2
    part_3 3
    part_4 4
    part_5 5
    part_6 6
    part_7 7
    part_8 8
}

fn part(number: u64) -> Result<()> {
    let seed = match env::var(VARIABLE) {
        Ok(seed) => seed.parse().context(VARIABLE)?,
        Err(_) => USUAL_SEED,
    };
    let name = format!("random_{number}");
    let mut book = if seed == USUAL_SEED {
        Book::open(&name)?
    } else {
        Book::without_records(&name)?
    };
    let ours = Stage::new(Program::Ours)?;
    let mut count = Comparison::default();
    let mut failures = Vec::new();
    let titles: Vec<String> = (1..=SEQUENCES).map(|it| format!("sequence {it}")).collect();
    let mut chance = Chance::new(seed, number);
    for title in &titles {
        let items = lines::sequence(&mut chance, LENGTH);
        match compare(&items, title, &ours, &mut book) {
            Ok(counted) => count += counted,
            Err(error) => {
                count.different += 1;
                failures.push(format!(
                    "== {title} of {name}, {VARIABLE}={seed}\n{error:#}\n"
                ));
            }
        }
    }
    count.report(&book.comparison(SUITE))?;
    failures.extend(book.close(titles.iter().map(String::as_str))?);
    ensure!(failures.is_empty(), "\n{}", failures.join("\n"));
    Ok(())
}

fn compare(items: &[Item], title: &str, ours: &Stage, book: &mut Book) -> Result<Comparison> {
    let wanted = book.answers(title, |original| play(original, items))?;
    let answers = play(ours, items)?;
    let index = match count(items, &wanted, &answers) {
        Ok(count) => return Ok(count),
        Err(index) => index,
    };
    if program::original_available() {
        bail!(shrink(items, &Stage::new(Program::Original)?, ours)?);
    }
    bail!(tell(
        items.get(..=index).unwrap_or(items),
        &wanted,
        &answers
    ));
}

fn play(stage: &Stage, items: &[Item]) -> Result<Vec<Answer>> {
    let steps = items.iter().map(|item| Step::Run(item.run.clone()));
    let case = Case {
        hosts: lines::HOSTS.to_owned(),
        steps: steps.collect(),
        ..Case::default()
    };
    let mut answers = stage.play(&case)?;
    if stage.program() == Program::Original {
        for answer in &mut answers {
            rules::leave_out_help(answer);
        }
    }
    Ok(answers)
}

/// Counts, or returns the index of the first difference that no rule allows.
fn count(items: &[Item], original: &[Answer], ours: &[Answer]) -> Result<Comparison, usize> {
    let mut count = Comparison::default();
    for (index, item) in items.iter().enumerate() {
        let (Some(original), Some(ours)) = (original.get(index), ours.get(index)) else {
            return Err(index);
        };
        let same = original == ours;
        if !same && !rules::allow(&item.rules, original, ours) {
            return Err(index);
        }
        if !item.is_check {
            let lines = match original.status {
                // It may not have come to the last line.
                1 | 2 => 1,
                _ => item.lines(),
            };
            if same {
                count.same += lines;
            } else {
                count.deliberate += 1;
                count.same += lines - 1;
            }
        }
    }
    Ok(count)
}

/// The words about a sequence that is as short as leaving out single commands
/// makes it.
fn shrink(items: &[Item], original: &Stage, ours: &Stage) -> Result<String> {
    let mut items = items.to_vec();
    let mut shown =
        differ(&items, original, ours)?.context("the difference does not show again")?;
    let mut index = items.len();
    while index > 0 {
        index -= 1;
        let mut fewer = items.clone();
        if index >= fewer.len() {
            continue;
        }
        fewer.remove(index);
        if let Some(still) = differ(&fewer, original, ours)? {
            items = fewer;
            shown = still;
        }
    }
    Ok(shown)
}

/// Plays the sequence up to the first difference, and tells it.
fn differ(items: &[Item], original: &Stage, ours: &Stage) -> Result<Option<String>> {
    let original = play(original, items)?;
    let ours = play(ours, items)?;
    Ok(count(items, &original, &ours)
        .err()
        .map(|index| tell(items.get(..=index).unwrap_or(items), &original, &ours)))
}

/// The commands, and the last one's answers.
fn tell(items: &[Item], original: &[Answer], ours: &[Answer]) -> String {
    let mut text = String::new();
    for item in items {
        let _ = writeln!(text, "$ {}", line(&item.run.words));
        for input in item.run.input.split_inclusive(|byte| *byte == b'\n') {
            let _ = writeln!(text, "< {}", escape(input).trim_end_matches("\\n"));
        }
    }
    let last = items.len().saturating_sub(1);
    for (who, answers) in [("original", original), ("ours", ours)] {
        let _ = writeln!(text, "{who}");
        if let Some(answer) = answers.get(last) {
            answer.write(&mut text);
        }
    }
    text
}

#[test]
fn the_same_seed_makes_the_same_lines_and_another_makes_others() {
    let lines = |seed| {
        let mut chance = Chance::new(seed, 1);
        let items = lines::sequence(&mut chance, 50);
        let lines = items.iter().map(|item| line(&item.run.words));
        lines.collect::<Vec<_>>()
    };
    assert_eq!(lines(1), lines(1));
    assert_ne!(lines(1), lines(2));
}
