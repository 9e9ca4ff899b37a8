// SPDX-License-Identifier: MIT

//! The answers of this tree's program without root that are not those that root gets,
//! kept in files: every exception is named there, with every byte of its answer.
//!
//! `recorded/rootless/NAME.txt` has those of a file of cases. Under the title of a case
//! there is a line `$ NUMBER` for each command whose answer differs (the first command
//! of a case has the number 1), and after it the answer. With `IPVS_LAB_RECORD=1` in the
//! environment the files are written anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{fs, io};

use anyhow::{Context as _, Result, bail, ensure};

use super::notation::Answer;
use super::recorded::{HOW_TO_RENEW, is_recording};

const FIRST_LINE: &str = "# Answers of this tree's program without root that root does not get";

/// The answers of a case that differ, by the numbers of their commands.
pub(super) type Differing = BTreeMap<usize, Answer>;

/// The exceptions of one file of cases.
#[derive(Debug)]
pub(super) struct Exceptions {
    name: String,
    /// True if they are written anew.
    renewing: bool,
    entries: BTreeMap<String, Differing>,
}

impl Exceptions {
    /// # Errors
    /// When the file is not in order. A file of cases without exceptions has none.
    pub(super) fn open(name: &str) -> Result<Self> {
        let renewing = is_recording();
        let path = path(name);
        let entries = match fs::read_to_string(&path) {
            Ok(text) if !renewing => parse(&text).with_context(|| path.display().to_string())?,
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| path.display().to_string());
            }
            _ => BTreeMap::new(),
        };
        Ok(Self {
            name: name.to_owned(),
            renewing,
            entries,
        })
    }

    /// Compares the answers of a case that differ with those that are named here.
    ///
    /// # Errors
    /// When they are not the same, also when nothing differs any more.
    pub(super) fn check(&mut self, title: &str, differing: Differing) -> Result<()> {
        if self.renewing {
            if !differing.is_empty() {
                self.entries.insert(title.to_owned(), differing);
            }
            return Ok(());
        }
        let named = self.entries.get(title);
        ensure!(
            named.is_some() || differing.is_empty(),
            "no exception is named, but other answers than root gets are\n{}{HOW_TO_RENEW}",
            text(&differing)
        );
        let Some(named) = named else {
            return Ok(());
        };
        ensure!(
            !differing.is_empty(),
            "an exception is named, but the answers are those that root gets; {HOW_TO_RENEW}"
        );
        ensure!(
            *named == differing,
            "other answers than root gets are\n{}and those of the exception are\n{}{HOW_TO_RENEW}",
            text(&differing),
            text(named)
        );
        Ok(())
    }

    /// Writes the exceptions if they are to be written; returns what is wrong with them,
    /// given the titles that there are.
    pub(super) fn close<'a>(self, titles: impl Iterator<Item = &'a str>) -> Result<Vec<String>> {
        if self.renewing {
            self.write()?;
        }
        let titles: BTreeSet<&str> = titles.collect();
        let named = self.entries.into_keys();
        Ok(named
            .filter(|title| !titles.contains(title.as_str()))
            .map(|title| format!("«{title}» is an exception, but no case: {HOW_TO_RENEW}\n"))
            .collect())
    }

    fn write(&self) -> Result<()> {
        let path = path(&self.name);
        let outcome = match self.entries.is_empty() {
            true => match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                outcome => outcome,
            },
            false => fs::write(&path, whole_text(&self.entries)),
        };
        outcome.with_context(|| format!("cannot write {}", path.display()))
    }
}

/// The names of the files of cases that have exceptions.
pub(super) fn names() -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(DIRECTORY).context(DIRECTORY)?;
    entries
        .map(|entry| {
            let name = entry?.file_name().into_string();
            let name = name.ok().context("a name that is no text")?;
            Ok(name.trim_end_matches(".txt").to_owned())
        })
        .collect()
}

const DIRECTORY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/kernel/compat/recorded/rootless"
);

fn path(name: &str) -> PathBuf {
    PathBuf::from(DIRECTORY).join(format!("{name}.txt"))
}

fn parse(text: &str) -> Result<BTreeMap<String, Differing>> {
    let mut lines = text.lines();
    ensure!(
        lines.next() == Some(FIRST_LINE),
        "the first line is another"
    );
    let mut entries: BTreeMap<String, Differing> = BTreeMap::new();
    let mut differing: Option<&mut Differing> = None;
    let mut number = 0;
    for line in lines {
        if let Some(title) = line.strip_prefix("== ") {
            let entry = entries.entry(title.to_owned()).or_default();
            ensure!(entry.is_empty(), "«{title}» stands twice");
            differing = Some(entry);
            continue;
        }
        let differing = differing.as_mut().context("an answer without a title")?;
        if let Some(next) = line.strip_prefix("$ ") {
            number = next.parse().context("no number of a command")?;
            ensure!(
                differing.insert(number, Answer::default()).is_none(),
                "«{line}» stands twice"
            );
        } else if !differing
            .get_mut(&number)
            .context("no $ above")?
            .take(line)?
        {
            bail!("what is «{line}»?");
        }
    }
    Ok(entries)
}

fn whole_text(entries: &BTreeMap<String, Differing>) -> String {
    let mut all = format!("{FIRST_LINE}\n");
    for (title, differing) in entries {
        let _ = writeln!(all, "== {title}");
        all.push_str(&text(differing));
    }
    all
}

fn text(differing: &Differing) -> String {
    let mut text = String::new();
    for (number, answer) in differing {
        let _ = writeln!(text, "$ {number}");
        answer.write(&mut text);
    }
    text
}

#[test]
fn exceptions_are_read_back_as_they_were_written() {
    let refused = Answer {
        stdout: b"some\n".to_vec(),
        stderr: b"refused\n".to_vec(),
        status: 2,
    };
    let entries = BTreeMap::from([
        (
            "one".to_owned(),
            Differing::from([(2, refused), (3, Answer::default())]),
        ),
        ("two".to_owned(), Differing::from([(1, Answer::default())])),
    ]);
    assert_eq!(parse(&whole_text(&entries)).unwrap(), entries);
    for wrong in ["", "== one\n$ x\n", "== one\n| no command\n", "$ 1\n"] {
        assert!(parse(&format!("{FIRST_LINE}\n{wrong}nonsense\n")).is_err());
    }
    let twice = format!("{FIRST_LINE}\n== one\n$ 1\n$ 1\n");
    assert!(parse(&twice).is_err());
}

#[test]
fn an_exception_has_to_differ_as_it_is_named() {
    let differing = |status| {
        let answer = Answer {
            status,
            ..Answer::default()
        };
        Differing::from([(1, answer)])
    };
    let mut exceptions = Exceptions {
        name: String::new(),
        renewing: false,
        entries: BTreeMap::from([("one".to_owned(), differing(2))]),
    };
    let mut wrong = |title, differing| exceptions.check(title, differing).is_err();
    assert!(!wrong("one", differing(2)) && !wrong("two", Differing::new()));
    assert!(wrong("one", differing(3)) && wrong("one", Differing::new()));
    assert!(wrong("two", differing(2)));
    let wrong = exceptions.close(["two"].into_iter()).unwrap();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
}
