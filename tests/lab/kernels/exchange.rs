// SPDX-License-Identifier: MIT

//! The directory that tells an embedded kernel's first process what to run.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::kernels::task::Task;
use crate::kernels::wire::file;
use crate::programs::build;

/// Makes the directory; the modules of the kernel are still to come into it, as
/// `lib/modules`, which is where modprobe looks. `modprobe` are the words that start
/// it inside, for a shell whose variable `here` names the directory.
pub(crate) fn make(task: &Task, terminal: bool, modprobe: &str) -> Result<TempDir> {
    let directory = tempfile::Builder::new()
        .prefix("ipvs-lab-")
        .tempdir()
        .context("cannot make a temporary directory")?;
    fill(directory.path(), task, terminal, modprobe)
        .with_context(|| format!("cannot write to {}", directory.path().display()))?;
    Ok(directory)
}

fn fill(directory: &Path, task: &Task, terminal: bool, modprobe: &str) -> io::Result<()> {
    let arguments = [&task.program].into_iter().chain(&task.arguments);
    let environment = task.environment.iter().map(|(name, value)| {
        let mut pair = name.clone();
        pair.push("=");
        pair.push(value);
        pair
    });
    fs::write(directory.join(file::ARGUMENTS), list(arguments.cloned()))?;
    fs::write(directory.join(file::ENVIRONMENT), list(environment))?;
    fs::write(
        directory.join(file::DIRECTORY),
        task.directory.as_os_str().as_bytes(),
    )?;
    if terminal {
        File::create(directory.join(file::TERMINAL))?;
    }
    fs::create_dir(directory.join("lib"))?;
    let programs = directory.join(file::PROGRAMS);
    fs::create_dir(&programs)?;
    let wrapper = programs.join("modprobe");
    fs::write(
        &wrapper,
        format!(
            "#!/bin/sh\nhere=${{0%/{}/*}}\nexec {modprobe} -d \"$here\" \"$@\"\n",
            file::PROGRAMS
        ),
    )?;
    fs::set_permissions(wrapper, Permissions::from_mode(0o755))?;
    symlink(build::this_program()?, directory.join(file::INIT))
}

/// Words, each ended by NUL (no word has one inside: it would not be a C string).
fn list(words: impl Iterator<Item = OsString>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in words {
        bytes.extend_from_slice(word.as_bytes());
        bytes.push(0);
    }
    bytes
}
