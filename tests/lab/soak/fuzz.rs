// SPDX-License-Identifier: MIT

//! The fuzz targets of `tests/fuzz`, run by cargo-fuzz.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, ensure};

use crate::output::out;
use crate::packages::{self, Tool};
use crate::programs::{build, cargo_tool};

const CARGO_FUZZ: &str = "0.13.2";
/// Compiles libFuzzer.
const COMPILER: Tool = Tool {
    package: "g++",
    places: &["/usr/bin/g++"],
};
const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz");
/// Seconds that one input may take. The slowest are tables with thousands of entries.
const LONGEST_INPUT: &str = "-timeout=60";

/// Runs each target, or the one of this name, as many at a time as there are processors.
pub(super) fn run(only: Option<&str>, minutes: u64) -> Result<u8> {
    packages::install(&[COMPILER])?;
    let fuzzer = Fuzzer {
        program: cargo_tool::provide("cargo-fuzz", CARGO_FUZZ)?,
        place: build::target()?.join("fuzz"),
        minutes,
    };
    let targets = targets()?;
    let targets: Vec<&str> = targets
        .iter()
        .map(String::as_str)
        .filter(|target| only.is_none_or(|only| only == *target))
        .collect();
    ensure!(!targets.is_empty(), "no fuzz target has that name");
    let status = fuzzer.command("build").status()?;
    ensure!(status.success(), "cannot build the fuzz targets");
    let mut outcomes = Vec::new();
    let processors = thread::available_parallelism()?.get();
    for group in targets.chunks(processors) {
        thread::scope(|scope| {
            let running: Vec<_> = group
                .iter()
                .map(|target| scope.spawn(|| fuzzer.run(target)))
                .collect();
            outcomes.extend(running.into_iter().map(|run| run.join()));
        });
    }
    let mut failed = 0;
    for (target, outcome) in targets.iter().zip(outcomes) {
        let outcome = outcome.ok().context("a thread of the lab died")?;
        let words = match &outcome {
            Ok(runs) => format!("{runs} inputs, nothing found"),
            Err(error) => format!("{error:#}"),
        };
        failed += usize::from(outcome.is_err());
        out(format_args!("fuzz {target}: {words}\n"))?;
    }
    out(format_args!(
        "\n{} passed, {failed} failed\n",
        targets.len() - failed
    ))?;
    Ok(u8::from(failed > 0))
}

struct Fuzzer {
    program: PathBuf,
    /// The targets' own directory for what is built and found.
    place: PathBuf,
    minutes: u64,
}

impl Fuzzer {
    /// Returns a command of cargo-fuzz. The compiler is the one that everything else is
    /// built with: what the sanitizers need is in it, but not offered by a stable release.
    fn command(&self, action: &str) -> Command {
        let mut command = cargo_tool::clean(Command::new(&self.program));
        command
            .args([action, "--fuzz-dir", DIRECTORY])
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_DIR", &self.place)
            .stdin(Stdio::null());
        command
    }

    /// Runs a target; returns how many inputs it has had.
    fn run(&self, target: &str) -> Result<u64> {
        let corpus = self.place.join("corpus").join(target);
        let found = self.place.join("found").join(target);
        for directory in [&corpus, &found] {
            fs::create_dir_all(directory)?;
        }
        let seeds = Path::new(DIRECTORY).join("seeds").join(target);
        let mut command = self.command("run");
        // What is new goes into the first.
        command.arg(target).args([&corpus, &seeds]).arg("--");
        match self.minutes {
            0 => command.arg("-runs=0"),
            minutes => command.arg(format!("-max_total_time={}", minutes * 60)),
        };
        command
            .args([LONGEST_INPUT, "-print_final_stats=1"])
            .arg(format!("-artifact_prefix={}/", found.display()));
        let output = command.output().context("cannot run cargo-fuzz")?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "something was found, in {}:\n{words}",
            found.display()
        );
        words
            .lines()
            .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
            .and_then(|number| number.trim().parse().ok())
            .context("libFuzzer has not said how many inputs there were")
    }
}

/// The targets, by the names of their files.
fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for file in fs::read_dir(Path::new(DIRECTORY).join("targets"))? {
        let path = file?.path();
        names.extend(
            path.file_stem()
                .and_then(|name| name.to_str())
                .map(str::to_owned),
        );
    }
    names.sort();
    Ok(names)
}
