// SPDX-License-Identifier: MIT

//! The command line of `cargo lab`.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use crate::build;
use crate::demo;
use crate::init;
use crate::kernel::{self, Kernel};
use crate::output::err;
use crate::runner;
use crate::suite;
use crate::task::Task;

/// A kernel with IPVS: for a shell, a demonstration and the tests.
#[derive(Debug, Parser)]
#[command(name = "cargo lab", bin_name = "cargo lab")]
struct Line {
    #[command(subcommand)]
    action: Action,
    /// The kernel to use: the host's own (as root, where it has IPVS) or the
    /// embedded one (User Mode Linux). Without this: the host's if it can be.
    #[arg(long, global = true, env = kernel::VARIABLE, hide_env = true)]
    kernel: Option<Kernel>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// A shell, or one command, with this tree's ipvsadm first in PATH
    Shell {
        /// Use the release build of ipvsadm
        #[arg(long)]
        release: bool,
        /// The command and its arguments; without one, a shell
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// A cluster on virtual links that balances real requests, step by step
    Demo {
        /// Use the release build of ipvsadm
        #[arg(long)]
        release: bool,
    },
    /// All tests of the workspace, those that need a kernel inside one
    Test {
        /// Only tests with this in their names
        filter: Option<OsString>,
        /// More words for the test programs, such as --nocapture
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// The demonstration, inside a kernel
    #[command(hide = true)]
    Perform,
    /// One test program, on behalf of cargo
    #[command(hide = true)]
    Runner {
        program: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// Exit status for troubles of the lab itself, as other programs that run
/// programs have it.
const TROUBLE: u8 = 125;

/// The program.
#[must_use]
pub fn main() -> ExitCode {
    if init::is_first_process() {
        init::run();
    }
    let line = Line::parse();
    match act(line) {
        Ok(status) => status.into(),
        Err(error) => {
            err(format_args!("lab: {error:#}\n"));
            TROUBLE.into()
        }
    }
}

fn act(line: Line) -> Result<u8> {
    match line.action {
        Action::Shell { release, command } => shell(line.kernel, release, command),
        Action::Demo { release } => demo(line.kernel, release),
        Action::Test { filter, arguments } => {
            let kernel = Kernel::choose(line.kernel)?;
            let environment = [
                (kernel::VARIABLE, kernel.name().into()),
                (build::IPVSADM, build::ipvsadm(false)?.into()),
            ];
            suite::run(filter.as_ref(), &arguments, &environment)
        }
        Action::Runner { program, arguments } => {
            runner::run(Kernel::choose(line.kernel)?, &program, &arguments)
        }
        Action::Perform => Ok(perform()),
    }
}

fn shell(kernel: Option<Kernel>, release: bool, command: Vec<OsString>) -> Result<u8> {
    let kernel = Kernel::choose(kernel)?;
    let mut words = command.into_iter();
    let program = words
        .next()
        .or_else(|| env::var_os("SHELL"))
        .unwrap_or_else(|| "/bin/sh".into());
    let task = Task::new(program)?.args(words);
    kernel.attach(&with_ipvsadm(task, kernel, release)?)
}

fn demo(kernel: Option<Kernel>, release: bool) -> Result<u8> {
    let kernel = Kernel::choose(kernel)?;
    let task = Task::new(build::this_program()?)?.args(["perform"]);
    kernel.attach(&with_ipvsadm(task, kernel, release)?)
}

fn perform() -> u8 {
    match demo::run() {
        Ok(()) => 0,
        Err(error) => {
            err(format_args!("\nlab demo: {error:#}\n"));
            1
        }
    }
}

/// Builds this tree's ipvsadm and puts it first in the task's PATH.
fn with_ipvsadm(task: Task, kernel: Kernel, release: bool) -> Result<Task> {
    let ipvsadm = build::ipvsadm(release)?;
    let directory = ipvsadm.parent().context("ipvsadm is nowhere")?;
    Ok(task
        .env(build::IPVSADM, &ipvsadm)
        .env(kernel::VARIABLE, kernel.name())
        .path(&[directory]))
}
