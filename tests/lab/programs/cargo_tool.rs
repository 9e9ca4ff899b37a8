// SPDX-License-Identifier: MIT

//! Programs that help cargo, such as cargo-deb. They are built beside the lab's own
//! program, in one version for everybody, so that nothing depends on what a developer has
//! installed.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::output::err;
use crate::programs::build;
use crate::progress::Spinner;

/// Returns the path of a program, which has the name of its crate. It is built when it is
/// not there, after saying so on standard error.
///
/// # Errors
/// When it cannot be built; cargo has said why.
pub(crate) fn provide(name: &str, version: &str) -> Result<PathBuf> {
    let root = build::target()?.join(format!("{name}-{version}"));
    let program = root.join("bin").join(name);
    if program.exists() {
        return Ok(program);
    }
    err(format_args!(
        "ipvs-lab: building {name} {version}, once (about a minute)\n"
    ));
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let progress = Spinner::new("building");
    let status = clean(Command::new(cargo))
        .args(["install", "--quiet", "--locked", name])
        .args(["--version", version])
        // What a faster program saves is less than what it takes to build. Of the
        // features that they have by default none is used: the program xz compresses for
        // cargo-deb.
        .args(["--debug", "--no-default-features", "--root"])
        .arg(&root)
        // Otherwise it would build in this workspace's directory.
        .env_remove("CARGO_TARGET_DIR")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .context("cannot run cargo")?;
    drop(progress);
    ensure!(status.success(), "cannot build {name}");
    Ok(program)
}

/// Takes away what cargo says of this crate, which is not meant for the next cargo.
pub(crate) fn clean(mut command: Command) -> Command {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") {
            command.env_remove(name);
        }
    }
    command
}
