// SPDX-License-Identifier: MIT

//! The measuring itself, inside a kernel.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tempfile::NamedTempFile;

use super::cases::{Case, Contestant, Figure, LIST, READ_TABLE, Work, matching};
use super::compare::{self, Comparison};
use super::connections;
use super::floor::Floor;
use super::message::Message;
use super::program::{Program, check_peaks};
use super::rest;
use super::rules::Table;
use crate::networks::netns::Namespace;
use crate::output::out;
use crate::packages;
use crate::programs::program;

/// Lines of /proc/net/ip_vs before the first service.
const TABLE_HEADING: usize = 3;
/// Lines of /proc/net/ip_vs_conn before the first connection.
const CONNECTIONS_HEADING: usize = 1;

/// Measures every case that matches and tells about each run.
pub(crate) fn run(pattern: &str, runs: usize) -> Result<()> {
    let bench = Bench {
        original: packages::ORIGINAL
            .find()
            .context("the original is not here")?,
        ours: program::path()?,
        floor: Floor::find()?,
    };
    fact("kernel", &read("/proc/sys/kernel/osrelease")?)?;
    let memory = read("/proc/meminfo")?;
    let memory = memory.lines().next().unwrap_or_default();
    fact("memory", memory.trim_start_matches("MemTotal:").trim())?;
    fact("peaks", &check_peaks()?)?;
    for case in matching(pattern) {
        bench.case(case, runs).with_context(|| case.name)?;
    }
    Ok(())
}

fn read(path: &str) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| path.to_owned())?;
    Ok(text.trim_end().to_owned())
}

fn fact(name: &str, text: &str) -> Result<()> {
    let (name, text) = (name.to_owned(), text.to_owned());
    Ok(out(format_args!("{}", Message::Fact { name, text }))?)
}

struct Bench {
    original: &'static Path,
    ours: PathBuf,
    floor: Floor,
}

impl Bench {
    fn case(&self, case: &'static Case, runs: usize) -> Result<()> {
        match case.work {
            Work::Restore | Work::Add => self.filling(case, runs),
            Work::Print(words) => {
                let director = Namespace::new("director")?;
                let filling = self.floor.filling(case.table);
                director.run(|| filling.send())??;
                check_table(&director, case.table)?;
                self.printing(case, words, &director, runs)?;
                self.clear(director)
            }
            Work::Connections(number, words) => {
                let director = connections::director(number)?;
                let there = lines(&director, "ip_vs_conn")? - CONNECTIONS_HEADING;
                ensure!(there == number as usize, "{there} connections");
                self.printing(case, words, &director, runs)?;
                self.clear(director)
            }
            Work::Check => {
                let rules = NamedTempFile::new()?;
                fs::write(rules.path(), case.table.text())?;
                let check = compare::check(&self.ours, rules.path());
                interleave(case, runs, |_| check.measure(case.figure))
            }
            Work::Compare(compare, file) => {
                let director = Namespace::new("director")?;
                let filling = self.floor.filling(case.table);
                director.run(|| filling.send())??;
                let mut comparison = Comparison::new(&self.ours, case, compare, file)?;
                // Once without the clock, too.
                for contestant in case.contestants() {
                    director.run(|| comparison.measure(*contestant))??;
                }
                interleave(case, runs, |contestant| {
                    rest::wait()?;
                    director.run(|| comparison.measure(contestant))?
                })?;
                check_table(&director, case.table)?;
                self.clear(director)
            }
        }
    }

    /// Every run fills an empty table in a namespace of its own: the kernel
    /// searches what was deleted from a table for minutes.
    fn filling(&self, case: &'static Case, runs: usize) -> Result<()> {
        let rules = NamedTempFile::new()?;
        let text = case.table.text();
        fs::write(rules.path(), &text)?;
        let program = |file| match case.work {
            Work::Add => Program::new(file, text.split_whitespace()),
            _ => Program::new(file, ["-R"]).reading(rules.path()),
        };
        let filling = self.floor.filling(case.table);
        let measure = |contestant: Contestant| {
            let director = Namespace::new("director")?;
            let figure = director.run(|| match contestant {
                Contestant::Original => program(self.original).measure(case.figure),
                Contestant::Ours => program(&self.ours).measure(case.figure),
                Contestant::Floor => Ok(u64::try_from(filling.send()?.took.as_micros())?),
            })??;
            check_table(&director, case.table)
                .with_context(|| format!("after {}", contestant.name()))?;
            self.clear(director)?;
            Ok(figure)
        };
        if case.figure == Figure::Time {
            // Once without the clock: the kernel gets its memory, and the
            // files of the programs are read.
            for contestant in case.contestants() {
                measure(*contestant)?;
            }
        }
        interleave(case, runs, measure)
    }

    /// Every run prints the same table.
    fn printing(
        &self,
        case: &'static Case,
        words: &[&'static str],
        director: &Namespace,
        runs: usize,
    ) -> Result<()> {
        let original = Program::new(self.original, words.iter().copied());
        let ours = Program::new(&self.ours, words.iter().copied());
        let cat = Program::new(Path::new("/bin/cat"), ["/proc/net/ip_vs_conn"]);
        let [dd, words_of_dd @ ..] = READ_TABLE;
        let dd = Program::new(Path::new(dd), words_of_dd);
        let listing = self.floor.listing(case.table);
        let empty = Namespace::new("empty")?;
        // Once without the clock, too.
        let second = count(&director.run(|| ours.output())??);
        if case.contestants().contains(&Contestant::Original) {
            let first = count(&director.run(|| original.output())??);
            ensure!(
                first == second,
                "the original prints {first} lines and ours {second}: they do not do the same work"
            );
        }
        interleave(case, runs, |contestant| {
            // The one before has left its memory for the kernel to clear away,
            // which takes longer than the shortest of these cases.
            rest::wait()?;
            let of_program = |program: &Program<'_>| {
                let figure = director.run(|| program.measure(case.figure))??;
                if case.figure != Figure::BeyondStart {
                    return Ok(figure);
                }
                let start = empty.run(|| program.measure(Figure::Time))??;
                Ok(figure.saturating_sub(start))
            };
            match (contestant, case.work) {
                (Contestant::Original, _) => of_program(&original),
                (Contestant::Ours, _) => of_program(&ours),
                (Contestant::Floor, Work::Connections(..)) => of_program(&cat),
                (Contestant::Floor, Work::Print(LIST)) => of_program(&dd),
                (Contestant::Floor, _) => director.run(|| {
                    let done = listing.send()?;
                    let there = case.table.rules();
                    ensure!(done.objects == there, "the floor saw {}", done.objects);
                    Ok(u64::try_from(done.took.as_micros())?)
                })?,
            }
        })
    }

    /// Takes a namespace away and waits until the kernel has done so.
    fn clear(&self, director: Namespace) -> Result<()> {
        director.run(|| self.floor.emptying().send())??;
        drop(director);
        rest::wait()
    }
}

/// Measures the contestants in turn, each round beginning with another one, so
/// that what changes meanwhile meets them all.
fn interleave(
    case: &'static Case,
    runs: usize,
    mut measure: impl FnMut(Contestant) -> Result<u64>,
) -> Result<()> {
    let contestants = case.contestants();
    for round in 0..case.runs(runs) {
        let turn = contestants.iter().cycle().skip(round);
        for &contestant in turn.take(contestants.len()) {
            let run = Message::Run {
                case,
                contestant,
                figure: measure(contestant)?,
            };
            out(format_args!("{run}"))?;
        }
    }
    Ok(())
}

/// Checks that everything is there that a contestant or the lab put into a table.
pub(crate) fn check_table(director: &Namespace, table: Table) -> Result<()> {
    let there = lines(director, "ip_vs")? - TABLE_HEADING;
    let wanted = table.rules();
    ensure!(
        there == wanted,
        "{there} services and destinations, not {wanted}"
    );
    Ok(())
}

fn lines(director: &Namespace, file: &str) -> Result<usize> {
    let path = format!("/proc/thread-self/net/{file}");
    Ok(count(&director.run(|| fs::read(path))??))
}

fn count(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}
