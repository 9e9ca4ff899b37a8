// SPDX-License-Identifier: MIT

//! Answers of the original, kept in files so that this program can be compared
//! with it without starting the original each time, and where it is not installed.
//!
//! With `IPVS_LAB_ASK=1` in the environment the original is asked all the
//! same, and has to answer as it is on record; with `IPVS_LAB_RECORD=1` its
//! answers are written down anew.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use ipvs_lab::program;

use super::notation::Answer;
use super::stage::{Program, Stage};

const ASK: &str = "IPVS_LAB_ASK";
const RECORD: &str = "IPVS_LAB_RECORD";
pub(super) const HOW_TO_RENEW: &str =
    "renew the records with IPVS_LAB_RECORD=1 cargo lab test compat";
const FIRST_LINE: &str = "# Answers of Debian's ipvsadm 1.31 on Linux ";

/// The original's answers in one test: looked up, or asked for and compared with
/// those on record.
#[derive(Debug)]
pub(super) struct Book {
    name: String,
    /// Where it is asked, if it is.
    original: Option<Stage>,
    /// True if the records are written anew.
    renewing: bool,
    records: Records,
}

impl Book {
    /// # Errors
    /// When there are no records and they are not to be written, or they are
    /// not in order.
    pub(super) fn open(name: &str) -> Result<Self> {
        Self::open_for(name, is_asking(), is_recording())
    }

    /// For another run of cases that have a test which asks: only on another kernel
    /// than that of the records is the original asked here too.
    ///
    /// # Errors
    /// When there are no records or they are not in order.
    pub(super) fn open_records(name: &str) -> Result<Self> {
        Self::open_for(name, false, false)
    }

    fn open_for(name: &str, asking: bool, renewing: bool) -> Result<Self> {
        let records = if renewing {
            Records::new(this_kernel()?)
        } else {
            let path = path(name);
            let text = fs::read_to_string(&path)
                .with_context(|| format!("{}: {HOW_TO_RENEW}", path.display()))?;
            Records::parse(&text).with_context(|| path.display().to_string())?
        };
        // Other kernels refuse other things in other ways.
        let is_foreign = records.kernel != this_kernel()? && program::original_available();
        let original = match renewing || asking || is_foreign {
            true => Some(Stage::new(Program::Original)?),
            false => None,
        };
        Ok(Self {
            name: name.to_owned(),
            original,
            renewing,
            records,
        })
    }

    /// For what is different each time: the original has to be there.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn without_records(name: &str) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            original: Some(Stage::new(Program::Original)?),
            renewing: false,
            records: Records::new(String::new()),
        })
    }

    /// The name of a comparison with these answers.
    pub(super) fn comparison(&self, name: &str) -> String {
        match self.original {
            Some(_) => name.to_owned(),
            None => format!("{name}, on record"),
        }
    }

    /// The original's answers under a title.
    ///
    /// Where it is asked, it answers by `ask`, and has to answer as it is on
    /// record, if the record is from this kernel.
    ///
    /// # Errors
    /// That of `ask`; when the original answers differently than recorded;
    /// when it is not asked and there is no record.
    pub(super) fn answers(
        &mut self,
        title: &str,
        ask: impl FnOnce(&Stage) -> Result<Vec<Answer>>,
    ) -> Result<Vec<Answer>> {
        let recorded = self.records.entries.get(title);
        let Some(original) = &self.original else {
            let kernel = &self.records.kernel;
            return recorded
                .cloned()
                .with_context(|| format!("not on record (from Linux {kernel}): {HOW_TO_RENEW}"));
        };
        let answers = ask(original).context("the original")?;
        if self.renewing {
            self.records
                .entries
                .insert(title.to_owned(), answers.clone());
        } else if self.records.kernel == this_kernel()? {
            ensure!(
                recorded == Some(&answers),
                "the original answers\n{}and on record is\n{}{HOW_TO_RENEW}",
                text(&answers),
                recorded.map(|answers| text(answers)).unwrap_or_default()
            );
        }
        Ok(answers)
    }

    /// Writes the records if they are to be written; returns what is wrong with
    /// them, given the titles that there are.
    pub(super) fn close<'a>(self, titles: impl Iterator<Item = &'a str>) -> Result<Vec<String>> {
        let titles: Vec<&str> = titles.collect();
        let set: BTreeSet<&str> = titles.iter().copied().collect();
        let mut wrong = Vec::new();
        if set.len() < titles.len() {
            let mut sorted = titles.clone();
            sorted.sort_unstable();
            for pair in sorted.windows(2).filter(|pair| pair[0] == pair[1]) {
                wrong.push(format!("two have the title «{}»\n", pair[0]));
            }
        }
        if self.renewing {
            let path = path(&self.name);
            fs::write(&path, self.records.text())
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        for title in self.records.entries.keys() {
            if !set.contains(title.as_str()) {
                wrong.push(format!("«{title}» is only on record: {HOW_TO_RENEW}\n"));
            }
        }
        Ok(wrong)
    }
}

/// The contents of a file.
#[derive(Debug)]
struct Records {
    /// The kernel that they come from, as `6.1`.
    kernel: String,
    entries: BTreeMap<String, Vec<Answer>>,
}

fn path(name: &str) -> PathBuf {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/kernel/compat/recorded");
    PathBuf::from(directory).join(format!("{name}.txt"))
}

impl Records {
    fn new(kernel: String) -> Self {
        Self {
            kernel,
            entries: BTreeMap::new(),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        let kernel = lines
            .next()
            .and_then(|line| line.strip_prefix(FIRST_LINE))
            .context("the first line does not tell the kernel")?;
        let mut entries: BTreeMap<String, Vec<Answer>> = BTreeMap::new();
        let mut current: Option<&mut Vec<Answer>> = None;
        for line in lines {
            if let Some(title) = line.strip_prefix("== ") {
                let entry = entries.entry(title.to_owned()).or_default();
                ensure!(entry.is_empty(), "«{title}» stands twice");
                current = Some(entry);
                continue;
            }
            let answers = current.as_mut().context("an answer without a title")?;
            if line == "$" {
                answers.push(Answer::default());
            } else if !answers.last_mut().context("no $ above")?.take(line)? {
                bail!("what is «{line}»?");
            }
        }
        Ok(Self {
            kernel: kernel.to_owned(),
            entries,
        })
    }

    fn text(&self) -> String {
        let mut all = format!("{FIRST_LINE}{}\n", self.kernel);
        for (title, answers) in &self.entries {
            let _ = writeln!(all, "== {title}");
            all.push_str(&text(answers));
        }
        all
    }
}

fn text(answers: &[Answer]) -> String {
    let mut text = String::new();
    for answer in answers {
        text.push_str("$\n");
        answer.write(&mut text);
    }
    text
}

/// Returns whether the original is asked although its answers are on record.
pub(super) fn is_asking() -> bool {
    is_set(ASK)
}

/// Returns whether records are written anew. What a static program answers is not for
/// those of others.
pub(super) fn is_recording() -> bool {
    is_set(RECORD) && !program::is_static()
}

/// Returns whether the exceptions of the static program are written anew.
pub(super) fn is_recording_static() -> bool {
    is_set(RECORD) && program::is_static()
}

fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// `6.1` of 6.1.176.
fn this_kernel() -> Result<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let numbers: Vec<&str> = release.split(['.', '-']).take(2).collect();
    Ok(numbers.join("."))
}

#[test]
fn records_are_read_back_as_they_were_written() {
    let mut records = Records::new("6.1".to_owned());
    let answer = |stdout: &[u8], status| Answer {
        stdout: stdout.to_vec(),
        stderr: b"wrong\n".to_vec(),
        status,
    };
    let answers = vec![answer(b"out\n", 2), Answer::default(), answer(b"== x\n", 0)];
    records.entries.insert("one".to_owned(), answers);
    records
        .entries
        .insert("two".to_owned(), vec![Answer::default()]);
    let read = Records::parse(&records.text()).unwrap();
    assert_eq!(
        (read.kernel, read.entries),
        (records.kernel, records.entries)
    );
    assert!(Records::parse("nothing\n").is_err());
}
