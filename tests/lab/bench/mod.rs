// SPDX-License-Identifier: MIT

//! `cargo lab bench`: how long this tree's program takes and how much memory it
//! needs, beside the original and beside the least that a program can do.
//!
//! Everything is measured inside one kernel, by this program ([`mod@measure`]); the
//! outside starts it, and makes a table of what it says.

mod cases;
mod compare;
pub(crate) mod connections;
mod floor;
mod growth;
mod instructions;
mod measure;
mod message;
mod program;
mod report;
mod rest;
pub(crate) mod rules;
mod sample;
mod section;

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use self::cases::Case;
use self::growth::Growth;
use self::message::Message;
use self::report::Report;
use crate::kernels::Kernel;
use crate::kernels::streams::Stream;
use crate::kernels::task::Task;
use crate::output::out;
use crate::packages;
use crate::programs::build::{self, Profile};
use crate::progress;

/// The cases to measure, and the place of the figures.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Number of runs of each contestant in each case
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Only cases with this in their names, such as restore or 5000x2
    #[arg(long, value_name = "PATTERN", default_value = "")]
    cases: String,
    /// Count instructions of the processor instead of time: how many there are
    /// for a row of -L -n and of -L -n --stats and for a rule of -R, with 60
    /// services of 200 destinations each. They do not depend on how busy the
    /// machine is
    ///
    /// Valgrind's callgrind counts all instructions of the program and its
    /// libraries, not those of the kernel, once with the table and once without
    /// a rule. The difference is divided by the 12,060 rows.
    #[arg(long, conflicts_with_all = ["runs", "cases"])]
    instructions: bool,
    /// Also put the table into this Markdown file, in the place of the one that
    /// an earlier run with the same kernel has put there
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Draw how the costs grow with the table into this SVG file; for `--cases growth-`
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

/// Measures and prints the table.
pub(crate) fn run(kernel: Kernel, options: &Options) -> Result<u8> {
    if options.instructions {
        let table = instructions::table(kernel)?;
        out(format_args!("{table}"))?;
        if let Some(path) = &options.write {
            write(path, "instructions", &table)?;
        }
        return Ok(0);
    }
    let cases = || cases::matching(&options.cases);
    ensure!(
        cases().count() > 0,
        "no case has {} in its name",
        options.cases
    );
    packages::install(&[packages::ORIGINAL, packages::TIME])?;
    let runs = usize::from(options.runs);
    let task = Task::new(build::this_program()?)?
        .args(["measure", "--runs", &runs.to_string()])
        .args(["--cases", &options.cases])
        .env(build::IPVSADM, build::ipvsadm(Profile::Release)?);
    let mut report = Report {
        kernel,
        rows: Vec::new(),
        facts: vec![made_by(kernel, options), contestants()?],
    };
    let total = cases().map(|case| case.contestants().len() * case.runs(runs));
    let total = total.sum();
    let mut bar = None;
    let mut unread = Vec::new();
    let status = kernel.capture(&task, &mut |stream, data| {
        if stream == Stream::Stderr {
            return io::stderr().lock().write_all(data);
        }
        let bar = bar.get_or_insert_with(|| progress::bar(total, "runs"));
        unread.extend_from_slice(data);
        while let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = unread.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            match line.parse().map_err(io::Error::other)? {
                Message::Fact { name, text } => report.facts.push(fact(&name, &text)),
                Message::Run {
                    case,
                    contestant,
                    figure,
                } => {
                    report.add(case, contestant, figure);
                    bar.inc(1);
                }
            }
        }
        Ok(())
    })?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    ensure!(status == 0, "the measuring ended with status {status}");
    if options.cases.starts_with(growth::PREFIX) {
        let growth = Growth::new(&report.rows);
        let text = format!("{}\n{}", report.markdown(), growth.markdown());
        out(format_args!("{text}"))?;
        if let Some(path) = &options.write {
            write(path, &format!("{}, growth", kernel.name()), &text)?;
        }
        if let Some(path) = &options.picture {
            growth.draw(path)?;
        }
        return Ok(0);
    }
    let names = [
        kernel.name().to_owned(),
        format!("{}, files", kernel.name()),
    ];
    let reports = report.split(Case::is_about_files).into_iter().zip(names);
    for (report, name) in reports.filter(|(report, _)| !report.rows.is_empty()) {
        out(format_args!("{}\n", report.table()))?;
        if let Some(path) = &options.write {
            write(path, &name, &report.markdown())?;
        }
    }
    Ok(0)
}

/// Measures, inside a kernel.
pub(crate) fn measure(options: &Options) -> Result<u8> {
    if options.instructions {
        instructions::count()?;
    } else {
        measure::run(&options.cases, usize::from(options.runs))?;
    }
    Ok(0)
}

fn write(path: &Path, name: &str, text: &str) -> Result<()> {
    let document = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        read => read,
    };
    let document = document.with_context(|| format!("cannot read {}", path.display()))?;
    let document = section::put(&document, name, text);
    fs::write(path, document).with_context(|| format!("cannot write {}", path.display()))
}

fn made_by(kernel: Kernel, options: &Options) -> String {
    let Options { runs, cases, .. } = options;
    let only = match cases.as_str() {
        "" => String::new(),
        pattern => format!(" --cases {pattern}"),
    };
    let processors = thread::available_parallelism().map_or(1, usize::from);
    format!(
        "Made by `cargo lab bench --kernel {} --runs {runs}{only}` on a machine with \
         {processors} processors. A figure is the median of the runs, with the least and \
         the most; a ratio is the median of what each round gives.",
        kernel.name()
    )
}

fn contestants() -> Result<String> {
    let output = Command::new("dpkg-query")
        .args([
            "--show",
            "--showformat",
            "${Version}",
            packages::ORIGINAL.package,
        ])
        .stdin(Stdio::null())
        .output()
        .context("cannot run dpkg-query")?;
    Ok(format!(
        "The original is Debian's ipvsadm {}, ours is this tree's release build.",
        String::from_utf8_lossy(&output.stdout).trim()
    ))
}

fn fact(name: &str, text: &str) -> String {
    match name {
        "kernel" => format!("Kernel: Linux {text}, one processor."),
        "memory" => format!("Its memory: {text}."),
        "peaks" => format!("What `time` says of programs whose memory is known: {text}."),
        other => format!("{other}: {text}"),
    }
}
