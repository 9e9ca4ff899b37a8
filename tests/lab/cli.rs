// SPDX-License-Identifier: MIT

//! The command line of `ipvs-lab`.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand, ValueEnum};

use crate::bench;
use crate::demo;
use crate::kernels::streams::Stream;
use crate::kernels::task::Task;
use crate::kernels::{self, Kernel};
use crate::output::{err, out};
use crate::packages::package::Format;
use crate::packages::{self, debian_13, layer};
use crate::programs::build::{self, Profile};
use crate::soak;
use crate::suite;
use crate::suite::machines::{self, Target};
use crate::suite::runner;

/// A kernel with IPVS, for any command.
///
/// `run` needs nothing but this program. What else there is builds and runs what is in
/// the source tree that it comes from, where `cargo lab` is this program too.
#[derive(Debug, Parser)]
#[command(name = "ipvs-lab")]
struct Line {
    #[command(subcommand)]
    action: Action,
    /// The kernel to use: the host's own (as root, where it has IPVS), the
    /// embedded one (User Mode Linux, of this machine's Debian or Linux 6.12),
    /// or Debian's in an emulated machine, for `bench` and single commands.
    /// Without this: the host's if it can be, else User Mode Linux of this
    /// machine's Debian.
    #[arg(long, global = true, env = kernels::VARIABLE, hide_env = true)]
    kernel: Option<Kernel>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run a command
    ///
    /// It gets this program's standard input and outputs, environment and working
    /// directory, and its exit status is this program's. In an embedded kernel it is
    /// root, and what it writes outside the working directory is lost at the end.
    Run {
        /// The command and its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<OsString>,
    },
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
        /// Instead, replace the table again and again while requests go on, with
        /// this tree's ipvsadm-restore and with the original's
        #[arg(long)]
        reload: bool,
        /// Use the release build of ipvsadm
        #[arg(long)]
        release: bool,
        /// Also put what it writes into this file, as a picture (SVG)
        #[arg(long, value_name = "FILE", conflicts_with = "reload")]
        picture: Option<PathBuf>,
    },
    /// All tests of the workspace, those that need a kernel inside one
    Test {
        /// Only tests with this in their names
        filter: Option<OsString>,
        /// How the program under test is linked
        #[arg(long, value_enum, default_value_t = Linking::Dynamic)]
        program: Linking,
        /// Only those of the libraries that need no kernel, as programs of another
        /// machine
        #[arg(long, value_enum, conflicts_with = "program")]
        target: Option<Target>,
        /// More words for the test programs, such as --nocapture
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Build a package and print the name of its file
    Package {
        /// The kind of package
        #[arg(long, value_enum, default_value_t = Format::Deb)]
        format: Format,
    },
    /// The speed of this tree's ipvsadm, beside the original and the least possible
    ///
    /// In User Mode Linux, if nothing else is asked for; QEMU's system calls
    /// cost what they should beside everything else.
    Bench(bench::Options),
    /// Try for hours what the tests try for minutes
    ///
    /// `fuzz` runs the fuzz targets of tests/fuzz, and what else there is are tests that
    /// try more often. docs/reliability.md says what came of each.
    Soak(soak::Options),
    /// The benchmark, inside a kernel
    #[command(hide = true)]
    Measure(bench::Options),
    /// The demonstration, inside a kernel
    #[command(hide = true)]
    Perform {
        #[arg(long)]
        reload: bool,
    },
    /// One test program, on behalf of cargo
    #[command(hide = true)]
    Runner {
        program: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// How the program under test is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Linking {
    /// With the C library of the machine
    Dynamic,
    /// With musl inside. Tests that preload something into the program fail.
    Static,
}

impl Linking {
    fn name(self) -> &'static str {
        match self {
            Self::Dynamic => "dynamic",
            Self::Static => build::STATIC,
        }
    }

    fn build(self) -> Result<PathBuf> {
        match self {
            Self::Dynamic => build::ipvsadm(Profile::Tested),
            Self::Static => build::static_ipvsadm(Profile::Tested),
        }
    }
}

/// Exit status for troubles of the lab itself, as other programs that run
/// programs have it.
const TROUBLE: u8 = 125;

/// The program.
#[must_use]
pub fn main() -> ExitCode {
    let line = Line::parse();
    match act(line) {
        Ok(status) => status.into(),
        Err(error) => {
            err(format_args!("ipvs-lab: {error:#}\n"));
            TROUBLE.into()
        }
    }
}

fn act(line: Line) -> Result<u8> {
    if let Action::Run { command } = line.action {
        return run(line.kernel, command);
    }
    if let Action::Test {
        filter,
        target: Some(target),
        arguments,
        ..
    } = &line.action
    {
        return machines::run(*target, filter.as_ref(), arguments);
    }
    packages::install(&[packages::IP, packages::MODPROBE])?;
    match line.action {
        Action::Run { command } => run(line.kernel, command),
        Action::Shell { release, command } => shell(line.kernel, release, command),
        Action::Demo {
            reload,
            release,
            picture,
        } => demo(line.kernel, reload, release, picture.as_deref()),
        Action::Test {
            filter,
            program,
            arguments,
            target: _,
        } => test(line.kernel, program, filter.as_ref(), &arguments, false),
        Action::Runner { program, arguments } => {
            runner::run(Kernel::choose(line.kernel)?, &program, &arguments)
        }
        Action::Package { format } => {
            let package = format.build(Profile::Release)?;
            out(format_args!("{}\n", package.display()))?;
            Ok(0)
        }
        Action::Bench(options) => {
            let kernel = line.kernel.unwrap_or(Kernel::Uml);
            bench::run(Kernel::choose(Some(kernel))?, &options)
        }
        Action::Soak(options) => soak::run(&options, |filter| {
            let filter = OsString::from(filter);
            test(line.kernel, Linking::Dynamic, Some(&filter), &[], true)
        }),
        Action::Measure(options) => bench::measure(&options),
        Action::Perform { reload } => Ok(perform(reload)),
    }
}

/// Runs tests; each tries as often as a soak does, or as the suite.
fn test(
    kernel: Option<Kernel>,
    program: Linking,
    filter: Option<&OsString>,
    arguments: &[OsString],
    is_soak: bool,
) -> Result<u8> {
    let kernel = Kernel::choose(kernel)?;
    let mut environment = vec![
        (kernels::VARIABLE, kernel.name().into()),
        (build::IPVSADM, program.build()?.into()),
        (build::LINKING, program.name().into()),
        (build::REPLIES, build::replies()?.into()),
        (build::POPT, build::popt()?.into()),
    ];
    if is_soak {
        environment.push((soak::VARIABLE, "1".into()));
    }
    for prepared in [
        layer::CLIENTS.prepare(),
        layer::ORIGINAL.prepare(),
        debian_13::prepare(),
    ] {
        match prepared {
            Ok(variable) => environment.push(variable),
            Err(error) => err(format_args!(
                "ipvs-lab: the tests with other packages will fail: {error:#}\n"
            )),
        }
    }
    suite::run(filter, arguments, &environment)
}

fn run(kernel: Option<Kernel>, command: Vec<OsString>) -> Result<u8> {
    let mut words = command.into_iter();
    let program = words.next().context("no command")?;
    Kernel::choose(kernel)?.attach(&Task::new(program)?.args(words))
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

fn demo(kernel: Option<Kernel>, reload: bool, release: bool, picture: Option<&Path>) -> Result<u8> {
    let kernel = Kernel::choose(kernel)?;
    let mut task = Task::new(build::this_program()?)?.args(["perform"]);
    if reload {
        let (variable, directory) = layer::ORIGINAL.prepare()?;
        task = task.args(["--reload"]).env(variable, directory);
    }
    let task = with_ipvsadm(task, kernel, release)?;
    let Some(picture) = picture else {
        return kernel.attach(&task);
    };
    let mut words = Vec::new();
    let status = kernel.capture(&task, &mut |stream, data| {
        if let Stream::Stdout = stream {
            words.extend_from_slice(data);
        }
        err(format_args!("{}", String::from_utf8_lossy(data)));
        Ok(())
    })?;
    if status == 0 {
        let drawn = demo::picture::draw(&String::from_utf8_lossy(&words));
        fs::write(picture, drawn).with_context(|| picture.display().to_string())?;
    }
    Ok(status)
}

fn perform(reload: bool) -> u8 {
    let performed = match reload {
        true => demo::reload::run(),
        false => demo::run(),
    };
    match performed {
        Ok(()) => 0,
        Err(error) => {
            err(format_args!("\nipvs-lab demo: {error:#}\n"));
            1
        }
    }
}

/// Builds this tree's ipvsadm and puts it first in the task's PATH.
fn with_ipvsadm(task: Task, kernel: Kernel, release: bool) -> Result<Task> {
    let profile = match release {
        true => Profile::Release,
        false => Profile::Debug,
    };
    let ipvsadm = build::ipvsadm(profile)?;
    let directory = ipvsadm.parent().context("ipvsadm is nowhere")?;
    Ok(task
        .env(build::IPVSADM, &ipvsadm)
        .env(kernels::VARIABLE, kernel.name())
        .path(&[directory]))
}
