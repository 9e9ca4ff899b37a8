// SPDX-License-Identifier: MIT

//! `cargo lab bench --instructions`: how many instructions of the processor
//! this tree's program takes for a row.
//!
//! Valgrind's callgrind counts them. A count does not depend on what else the
//! machine does, so that a difference of one in a hundred can be seen.

use std::fmt;
use std::fs;
use std::str::FromStr;

use anyhow::{Context as _, Error, Result, bail, ensure};
use tempfile::NamedTempFile;

use super::cases::{LIST, STATS, thousands};
use super::floor::Floor;
use super::measure::check_table;
use super::program::Program;
use super::report::aligned;
use super::rules::Table;
use crate::kernels::Kernel;
use crate::kernels::streams::Stream;
use crate::kernels::task::Task;
use crate::networks::netns::Namespace;
use crate::output::out;
use crate::packages;
use crate::programs::build::{self, Profile};
use crate::programs::program;
use crate::progress::Spinner;

/// The table whose rows are counted.
const TABLE: Table = Table {
    services: 60,
    destinations: 200,
};

/// Work that is done once for every service and every destination.
#[derive(Debug, PartialEq, Eq)]
struct Work {
    /// The words after `ipvsadm`. With `-R` it reads the rules of the table.
    words: &'static [&'static str],
    /// At most so many instructions are wanted for each.
    wanted: u64,
}

const WORK: [Work; 3] = [
    Work {
        words: LIST,
        wanted: 1_500,
    },
    Work {
        words: STATS,
        wanted: 2_500,
    },
    Work {
        words: RESTORE,
        wanted: 2_500,
    },
];

const RESTORE: &[&str] = &["-R"];

/// The words of the inside of a kernel to the outside about one piece of work.
#[derive(Debug, PartialEq, Eq)]
struct Count {
    work: &'static Work,
    /// All instructions from the program's start to its end, with the table.
    full: u64,
    /// The same with no rule at all.
    empty: u64,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.work.words.join(" ");
        writeln!(f, "{words}\t{}\t{}", self.full, self.empty)
    }
}

impl FromStr for Count {
    type Err = Error;

    fn from_str(line: &str) -> Result<Self> {
        let [words, full, empty] = *line.split('\t').collect::<Vec<_>>() else {
            bail!("what is «{line}»?");
        };
        let work = WORK.iter().find(|work| work.words.join(" ") == words);
        Ok(Self {
            work: work.with_context(|| format!("nothing is counted of {words}"))?,
            full: full.parse()?,
            empty: empty.parse()?,
        })
    }
}

impl Count {
    /// Instructions for each service and each destination, rounded.
    fn per_row(&self) -> u64 {
        let rows = TABLE.rules() as u64;
        (self.full.saturating_sub(self.empty) + rows / 2) / rows
    }
}

/// Counts inside a kernel and returns the figures as a table.
pub(super) fn table(kernel: Kernel) -> Result<String> {
    packages::install(&[packages::VALGRIND])?;
    let task = Task::new(build::this_program()?)?
        .args(["measure", "--instructions"])
        .env(build::IPVSADM, build::ipvsadm(Profile::Release)?);
    let progress = Spinner::new("counting instructions");
    let mut said = Vec::new();
    let status = kernel.capture(&task, &mut |stream, data| {
        match stream {
            Stream::Stdout => said.extend_from_slice(data),
            Stream::Stderr => std::io::Write::write_all(&mut std::io::stderr(), data)?,
        }
        Ok(())
    })?;
    drop(progress);
    ensure!(status == 0, "the counting ended with status {status}");
    let counts: Vec<Count> = String::from_utf8(said)?
        .lines()
        .map(str::parse)
        .collect::<Result<_>>()?;
    Ok(written(&counts))
}

fn written(counts: &[Count]) -> String {
    let heading = [
        "command",
        "a row",
        "wanted",
        "reached",
        "whole table",
        "no rule",
    ];
    let mut rows = vec![heading.map(str::to_owned)];
    for count in counts {
        let Count { work, full, empty } = count;
        let reached = match count.per_row() <= work.wanted {
            true => "yes",
            false => "no",
        };
        rows.push([
            format!("ipvsadm {}", work.words.join(" ")),
            thousands(count.per_row()),
            format!("at most {}", thousands(work.wanted)),
            reached.to_owned(),
            thousands(*full),
            thousands(*empty),
        ]);
    }
    aligned(&rows)
}

/// Counts, inside a kernel, and tells each count.
pub(super) fn count() -> Result<()> {
    let ours = program::path()?;
    let floor = Floor::find()?;
    let rules = NamedTempFile::new()?;
    let no_rules = NamedTempFile::new()?;
    fs::write(rules.path(), TABLE.text())?;
    let empty = Namespace::new("empty")?;
    let full = Namespace::new("full")?;
    full.run(|| floor.filling(TABLE).send())??;
    check_table(&full, TABLE)?;
    for work in &WORK {
        let program = Program::new(&ours, work.words.iter().copied());
        let count = if work.words == RESTORE {
            let director = Namespace::new("director")?;
            let (rules, no_rules) = (rules.path(), no_rules.path());
            let restore = |file| director.run(|| program.clone().reading(file).instructions())?;
            let empty = restore(no_rules)?;
            let full = restore(rules)?;
            check_table(&director, TABLE)?;
            Count { work, full, empty }
        } else {
            Count {
                work,
                full: full.run(|| program.instructions())??,
                empty: empty.run(|| program.instructions())??,
            }
        };
        out(format_args!("{count}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_they_were_told() {
        let [work, ..] = &WORK;
        let count = Count {
            work,
            full: 12_060 * 1_500 + 77,
            empty: 77,
        };
        assert_eq!(count.to_string().trim().parse::<Count>().unwrap(), count);
        assert!("-Q\t1\t2".parse::<Count>().is_err());
    }

    #[test]
    fn rows_are_what_the_table_takes_more_than_none() {
        let [list, .., restore] = &WORK;
        let count = |work, row: u64| Count {
            work,
            full: 12_060 * row + 270_245,
            empty: 270_245,
        };
        assert_eq!(
            written(&[count(list, 1_501), count(restore, 2_500)]),
            "| command       | a row |        wanted | reached | whole table | no rule |\n\
             |---------------|------:|--------------:|--------:|------------:|--------:|\n\
             | ipvsadm -L -n | 1,501 | at most 1,500 |      no |  18,372,305 | 270,245 |\n\
             | ipvsadm -R    | 2,500 | at most 2,500 |     yes |  30,420,245 | 270,245 |\n"
        );
    }
}
