// SPDX-License-Identifier: MIT

//! The answers of this tree's program that are others without root, or with a static
//! program, kept in files: every exception is named there, with every byte of its answer.
//!
//! `recorded/rootless/NAME.txt` and `recorded/static/NAME.txt` have those of a file of
//! cases. Under the title of a case there is a line `$ NUMBER` for each command whose
//! answer differs (the first command of a case has the number 1), and after it the
//! answer. With `IPVS_LAB_RECORD=1` in the environment the files are written anew, those
//! of the static program when that is tested, and only those.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{fs, io};

use anyhow::{Context as _, Result, bail, ensure};

use super::notation::Answer;
use super::recorded::{HOW_TO_RENEW, is_recording, is_recording_static};

/// A reason for which answers may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Without root, the kernel does less.
    Rootless,
    /// Names are looked up by musl (docs/package.md).
    Static,
}

impl Kind {
    fn folder(self) -> &'static str {
        match self {
            Self::Rootless => "rootless",
            Self::Static => "static",
        }
    }

    fn first_line(self) -> &'static str {
        match self {
            Self::Rootless => {
                "# Answers of this tree's program without root that root does not get"
            }
            Self::Static => "# Answers of this tree's static program, because musl looks names up",
        }
    }

    fn is_renewed(self) -> bool {
        match self {
            Self::Rootless => is_recording(),
            Self::Static => is_recording_static(),
        }
    }

    fn how_to_renew(self) -> &'static str {
        match self {
            Self::Rootless => HOW_TO_RENEW,
            Self::Static => {
                "renew the records with IPVS_LAB_RECORD=1 cargo lab test compat:: --program static \
                 -- --skip=compat::replies_"
            }
        }
    }
}

/// The answers of a case that differ, by the numbers of their commands.
pub(super) type Differing = BTreeMap<usize, Answer>;

/// The exceptions of one file of cases.
#[derive(Debug)]
pub(super) struct Exceptions {
    kind: Kind,
    name: String,
    /// True if they are written anew.
    renewing: bool,
    entries: BTreeMap<String, Differing>,
}

impl Exceptions {
    /// # Errors
    /// When the file is not in order. A file of cases without exceptions has none.
    pub(super) fn open(kind: Kind, name: &str) -> Result<Self> {
        let renewing = kind.is_renewed();
        let path = path(kind, name);
        let entries = match fs::read_to_string(&path) {
            Ok(text) if !renewing => {
                parse(kind, &text).with_context(|| path.display().to_string())?
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| path.display().to_string());
            }
            _ => BTreeMap::new(),
        };
        Ok(Self {
            kind,
            name: name.to_owned(),
            renewing,
            entries,
        })
    }

    /// Puts the answers that are named for a case in the places of the usual ones.
    pub(super) fn replace(&self, title: &str, answers: &mut [Answer]) {
        for (number, answer) in self.entries.get(title).into_iter().flatten() {
            if let Some(usual) = answers.get_mut(number - 1) {
                usual.clone_from(answer);
            }
        }
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
        let how_to_renew = self.kind.how_to_renew();
        let named = self.entries.get(title);
        ensure!(
            named.is_some() || differing.is_empty(),
            "no exception is named, but other answers than usual are\n{}{how_to_renew}",
            text(&differing)
        );
        let Some(named) = named else {
            return Ok(());
        };
        ensure!(
            !differing.is_empty(),
            "an exception is named, but the answers are the usual ones; {how_to_renew}"
        );
        ensure!(
            *named == differing,
            "other answers than usual are\n{}and those of the exception are\n{}{how_to_renew}",
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
        let how_to_renew = self.kind.how_to_renew();
        let named = self.entries.into_keys();
        Ok(named
            .filter(|title| !titles.contains(title.as_str()))
            .map(|title| format!("«{title}» is an exception, but no case: {how_to_renew}\n"))
            .collect())
    }

    fn write(&self) -> Result<()> {
        let path = path(self.kind, &self.name);
        let outcome = match self.entries.is_empty() {
            true => match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                outcome => outcome,
            },
            false => fs::write(&path, whole_text(self.kind, &self.entries)),
        };
        outcome.with_context(|| format!("cannot write {}", path.display()))
    }
}

/// The names of the files of cases that have exceptions.
pub(super) fn names(kind: Kind) -> Result<BTreeSet<String>> {
    let directory = directory(kind);
    let entries = fs::read_dir(&directory).with_context(|| directory.display().to_string())?;
    entries
        .map(|entry| {
            let name = entry?.file_name().into_string();
            let name = name.ok().context("a name that is no text")?;
            Ok(name.trim_end_matches(".txt").to_owned())
        })
        .collect()
}

fn directory(kind: Kind) -> PathBuf {
    const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/kernel/compat/recorded");
    PathBuf::from(RECORDED).join(kind.folder())
}

fn path(kind: Kind, name: &str) -> PathBuf {
    directory(kind).join(format!("{name}.txt"))
}

fn parse(kind: Kind, text: &str) -> Result<BTreeMap<String, Differing>> {
    let mut lines = text.lines();
    ensure!(
        lines.next() == Some(kind.first_line()),
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

fn whole_text(kind: Kind, entries: &BTreeMap<String, Differing>) -> String {
    let mut all = format!("{}\n", kind.first_line());
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
    for kind in [Kind::Rootless, Kind::Static] {
        let text = whole_text(kind, &entries);
        assert_eq!(parse(kind, &text).unwrap(), entries);
        let first_line = kind.first_line();
        for wrong in ["", "== one\n$ x\n", "== one\n| no command\n", "$ 1\n"] {
            assert!(parse(kind, &format!("{first_line}\n{wrong}nonsense\n")).is_err());
        }
        let twice = format!("{first_line}\n== one\n$ 1\n$ 1\n");
        assert!(parse(kind, &twice).is_err());
    }
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
        kind: Kind::Static,
        name: String::new(),
        renewing: false,
        entries: BTreeMap::from([("one".to_owned(), differing(2))]),
    };
    let mut wrong = |title, differing| exceptions.check(title, differing).is_err();
    assert!(!wrong("one", differing(2)) && !wrong("two", Differing::new()));
    assert!(wrong("one", differing(3)) && wrong("one", Differing::new()));
    assert!(wrong("two", differing(2)));
    let mut answers = [Answer::default()];
    exceptions.replace("two", &mut answers);
    assert_eq!(answers[0].status, 0);
    exceptions.replace("one", &mut answers);
    assert_eq!(answers[0].status, 2);
    let wrong = exceptions.close(["two"].into_iter()).unwrap();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
}
