// SPDX-License-Identifier: MIT

//! The two programs under test, run inside a namespace: this tree's `ipvsadm`
//! and the original.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::networks::netns::Namespace;
use crate::packages;
use crate::packages::layer;
use crate::programs::answer::Answer;
use crate::programs::build;

/// The file of this tree's `ipvsadm`, as `cargo lab` tells it to what it runs.
///
/// # Errors
/// When this process was not started by `cargo lab`.
pub fn path() -> Result<PathBuf> {
    env::var_os(build::IPVSADM)
        .map(PathBuf::from)
        .context("this needs a kernel with IPVS: `cargo lab test` supplies one")
}

/// Returns whether that program has a C library inside: `cargo lab test --program static`.
#[must_use]
pub fn is_static() -> bool {
    env::var_os(build::LINKING).is_some_and(|linking| linking == build::STATIC)
}

/// The environment variable with the rules of [`replies`], one a line.
pub const REPLIES: &str = "IPVS_LAB_REPLIES";

/// The environment variable with the number of datagrams after which a program is
/// killed that [`replies`] is preloaded into.
pub const KILL_AFTER: &str = "IPVS_LAB_KILL_AFTER";

/// The environment variable with the number of datagrams after which no answer reaches a
/// program any more that [`replies`] is preloaded into.
pub const SILENCE_AFTER: &str = "IPVS_LAB_SILENCE_AFTER";

/// The environment variable with the seconds by which the time of day jumps for a program
/// that [`replies`] is preloaded into.
pub const CLOCK_JUMP: &str = "IPVS_LAB_CLOCK_JUMP";

/// The file of the library (`tests/replies`) that rewrites the kernel's replies
/// in a program that it is preloaded into, as `cargo lab` tells it to what it
/// runs.
///
/// # Errors
/// When this process was not started by `cargo lab test`.
pub fn replies() -> Result<PathBuf> {
    env::var_os(build::REPLIES)
        .map(PathBuf::from)
        .context("this needs the library of tests/replies: `cargo lab test` supplies it")
}

/// The file of the library (`tests/popt`) that lets the original read any words, as
/// `cargo lab` tells it to what it runs.
///
/// # Errors
/// When this process was not started by `cargo lab test`.
pub fn popt() -> Result<PathBuf> {
    env::var_os(build::POPT)
        .map(PathBuf::from)
        .context("this needs the library of tests/popt: `cargo lab test` supplies it")
}

/// Runs this tree's `ipvsadm` inside `namespace`, with nothing on its standard
/// input.
///
/// # Errors
/// When it cannot be started; an exit status that is not 0 is an [`Answer`].
pub fn ipvsadm(
    namespace: &Namespace,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<Answer> {
    ipvsadm_reading(namespace, arguments, "")
}

/// Runs this tree's `ipvsadm` inside `namespace` with `input` on its standard
/// input, as `-R` wants it.
///
/// # Errors
/// As [`ipvsadm`].
pub fn ipvsadm_reading(
    namespace: &Namespace,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    input: &str,
) -> Result<Answer> {
    let mut command = Command::new(path()?);
    command.args(arguments);
    namespace.answer(command, input)
}

/// Runs this tree's program as `ipvsadm-restore` inside `namespace`.
///
/// # Errors
/// As [`ipvsadm`].
pub fn restore(namespace: &Namespace, rules: &str) -> Result<Answer> {
    let mut command = Command::new(path()?);
    // Installed, it is a link to the program of this name.
    command.arg0("ipvsadm-restore");
    namespace.answer(command, rules)
}

/// The original (Debian's package `ipvsadm`).
#[derive(Debug, Clone)]
pub struct Original {
    /// The program.
    pub program: PathBuf,
    /// Where those of its libraries are that this machine lacks, if they are unpacked for
    /// the lab.
    pub libraries: Option<PathBuf>,
}

/// Finds the original: installed, or else unpacked by `cargo lab test`.
#[must_use]
pub fn find_original() -> Option<Original> {
    if let Some(program) = packages::ORIGINAL.find() {
        return Some(Original {
            program: program.to_owned(),
            libraries: None,
        });
    }
    let usr = layer::ORIGINAL.directory().ok()?.join(layer::USR);
    let program = usr.join("sbin/ipvsadm");
    let libraries = usr.join(format!("lib/{}-linux-gnu", env::consts::ARCH));
    program.exists().then(|| Original {
        program,
        // Other packages of the machine can have brought all of them.
        libraries: libraries.exists().then_some(libraries),
    })
}

/// Returns whether the original can be run here.
#[must_use]
pub fn original_available() -> bool {
    find_original().is_some()
}

/// Runs the original inside `namespace`, with nothing on its standard input.
///
/// # Errors
/// When it is not installed or cannot be started.
pub fn original(
    namespace: &Namespace,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<Answer> {
    original_reading(namespace, arguments, "")
}

/// Runs the original inside `namespace` with `input` on its standard input.
///
/// # Errors
/// As [`original`].
pub fn original_reading(
    namespace: &Namespace,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    input: &str,
) -> Result<Answer> {
    let original = find_original().context(NO_ORIGINAL)?;
    let mut command = Command::new(&original.program);
    command.args(arguments);
    original.answer(command, namespace, input)
}

/// Runs the script `ipvsadm-restore` that comes with the original inside
/// `namespace`.
///
/// # Errors
/// As [`original`].
pub fn original_restore(namespace: &Namespace, rules: &str) -> Result<Answer> {
    let original = find_original().context(NO_ORIGINAL)?;
    let directory = original.program.parent().context("no directory")?;
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", directory.display());
    let mut command = Command::new("/bin/bash");
    command.args(["-c", &original.script("ipvsadm-restore", &path)?]);
    original.answer(command, namespace, rules)
}

const NO_ORIGINAL: &str = "the original is not here: install the package ipvsadm";

impl Original {
    /// Returns the text of a script beside the program that looks for programs in
    /// the directories of `path`: the script sets this variable itself.
    ///
    /// # Errors
    /// When there is no such script, or it sets no path.
    pub fn script(&self, name: &str, path: &str) -> Result<String> {
        let file = self.program.with_file_name(name);
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let path = format!("PATH={path}");
        let lines = text.lines().map(|line| match line.starts_with("PATH=") {
            true => &path,
            false => line,
        });
        let lines: Vec<&str> = lines.collect();
        ensure!(
            lines.contains(&path.as_str()),
            "{} sets no PATH",
            file.display()
        );
        Ok(lines.join("\n") + "\n")
    }

    /// Lets a command find the program's libraries.
    pub fn add_libraries(&self, command: &mut Command) {
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
    }

    /// Lets a command find the program's libraries, and runs it.
    fn answer(&self, mut command: Command, namespace: &Namespace, input: &str) -> Result<Answer> {
        self.add_libraries(&mut command);
        namespace.answer(command, input)
    }
}
