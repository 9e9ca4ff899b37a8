// SPDX-License-Identifier: MIT

//! The table of cases: each file of `cases/` is one test, so that several
//! kernels can share them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use ipvs_lab::comparison::Comparison;
use ipvs_lab::program;

use super::case::{self, Case};
use super::exceptions::{Differing, Exceptions, Kind};
use super::notation::{Answer, line};
use super::recorded::Book;
use super::stage::{Program, Stage};

const SUITE: &str = "suite against the original";
/// The files that are counted apart: those with states that no traffic makes.
const REPLIES: &str = "rewritten replies";
pub(super) const REPLIES_FILES: &str = "replies_";

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/kernel/compat/cases");

/// Reads the cases of a file.
pub(super) fn cases(name: &str) -> Result<Vec<Case>> {
    let path = Path::new(CASES).join(format!("{name}.txt"));
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    case::parse(&text).with_context(|| path.display().to_string())
}

/// The names of all files of cases.
pub(super) fn names() -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(CASES).context(CASES)?;
    entries
        .map(|entry| {
            let name = entry?.file_name().into_string();
            let name = name.ok().context("a name that is no text")?;
            Ok(name.trim_end_matches(".txt").to_owned())
        })
        .collect()
}

/// Compares the programs in every case of the file.
pub(super) fn compare(name: &str) {
    let failures = try_compare(name).unwrap();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// Reports the counts; returns what is wrong.
fn try_compare(name: &str) -> Result<Vec<String>> {
    let cases = cases(name)?;
    let mut book = Book::open(name)?;
    let mut exceptions = static_exceptions(name)?;
    let ours = Stage::new(Program::Ours)?;
    let mut count = Comparison::default();
    let mut failures = Vec::new();
    for case in &cases {
        match one(case, &ours, &mut book, exceptions.as_mut()) {
            Ok(Verdict::Same) => count.same += 1,
            Ok(Verdict::Deliberate) => count.deliberate += 1,
            Err(error) => {
                count.different += 1;
                failures.push(format!("== {}\n{error:#}\n", case.title));
            }
        }
    }
    let suite = match name.starts_with(REPLIES_FILES) {
        true => REPLIES,
        false => SUITE,
    };
    count.report(&book.comparison(suite))?;
    let titles = || cases.iter().map(|case| case.title.as_str());
    failures.extend(book.close(titles())?);
    if let Some(exceptions) = exceptions {
        failures.extend(exceptions.close(titles())?);
    }
    Ok(failures)
}

/// The answers to a file of cases that a static program gives otherwise, if it is one
/// that is tested.
pub(super) fn static_exceptions(name: &str) -> Result<Option<Exceptions>> {
    program::is_static()
        .then(|| Exceptions::open(Kind::Static, name))
        .transpose()
}

enum Verdict {
    Same,
    Deliberate,
}

/// # Errors
/// When ours is not what it has to be.
fn one(
    case: &Case,
    ours: &Stage,
    book: &mut Book,
    exceptions: Option<&mut Exceptions>,
) -> Result<Verdict> {
    let original = book.answers(&case.title, |original| original.play(case))?;
    let ours = ours.play(case)?;
    if case.deliberate.is_none() {
        if ours == original && exceptions.is_none() {
            return Ok(Verdict::Same);
        }
        let told = || differences(case, &original, &ours);
        let exceptions = exceptions.with_context(told)?;
        let differing = differing(&original, &ours);
        let verdict = match differing.is_empty() {
            true => Verdict::Same,
            false => Verdict::Deliberate,
        };
        exceptions
            .check(&case.title, differing)
            .with_context(told)?;
        return Ok(verdict);
    }
    ensure!(
        ours != original,
        "the difference is said to be deliberate, but there is none"
    );
    let wanted: Vec<Answer> = case.runs().map(|run| run.ours.clone()).collect();
    let admitted = wanted
        .iter()
        .zip(&ours)
        .all(|(wanted, ours)| wanted.admits(ours));
    ensure!(
        admitted,
        "not as the case has it:\n{}",
        differences(case, &wanted, &ours)
    );
    Ok(Verdict::Deliberate)
}

/// The answers of ours that differ, by the numbers of their commands.
fn differing(original: &[Answer], ours: &[Answer]) -> Differing {
    let pairs = original.iter().zip(ours).enumerate();
    pairs
        .filter(|(_, (original, ours))| original != ours)
        .map(|(place, (_, ours))| (place + 1, ours.clone()))
        .collect()
}

/// The answers that differ, with their commands.
pub(super) fn differences(case: &Case, wanted: &[Answer], ours: &[Answer]) -> String {
    let mut text = String::new();
    for (run, (wanted, ours)) in case.runs().zip(wanted.iter().zip(ours)) {
        let _ = writeln!(text, "$ {}", line(&run.words));
        if !wanted.admits(ours) {
            text.push_str("wanted\n");
            wanted.write(&mut text);
            text.push_str("ours\n");
            ours.write(&mut text);
        }
    }
    text
}
