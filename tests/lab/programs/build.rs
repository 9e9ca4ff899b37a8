// SPDX-License-Identifier: MIT

//! Building this tree's program, and where it is.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::output::err;
use crate::packages::unpacking::output;
use crate::programs::cargo_tool;
use crate::progress::Spinner;

/// Names the file of this tree's `ipvsadm` to what the lab runs.
pub(crate) const IPVSADM: &str = "IPVS_LAB_IPVSADM";

/// Says how that program is linked to what the lab runs.
pub(crate) const LINKING: &str = "IPVS_LAB_LINKING";

/// The program has a C library inside.
pub(crate) const STATIC: &str = "static";

/// Names the library that rewrites the kernel's replies to what the lab runs.
pub(crate) const REPLIES: &str = "IPVS_LAB_REPLIES_LIBRARY";

/// Names the library that lets the original read any words to what the lab runs.
pub(crate) const POPT: &str = "IPVS_LAB_POPT_LIBRARY";

/// A profile of this workspace's `Cargo.toml`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Profile {
    /// Built fastest.
    Debug,
    /// Started fastest, with the checks of a debug build.
    Tested,
    /// As users install it.
    Release,
}

impl Profile {
    /// The name that `cargo build --profile` takes.
    fn name(self) -> &'static str {
        match self {
            Self::Debug => "dev",
            Self::Tested => "tested",
            Self::Release => "release",
        }
    }
}

/// Builds this tree's `ipvsadm` and returns the path of the program.
///
/// # Errors
/// When the build fails; cargo has said why.
pub(crate) fn ipvsadm(profile: Profile) -> Result<PathBuf> {
    build("ipvsadm", profile, None, |message| {
        message.get("executable")
    })
}

/// Builds this tree's `ipvsadm` with a C library inside, so that it needs no file of
/// the system that it runs on, and returns the path of the program.
///
/// # Errors
/// When the build fails, or the standard library for it cannot be had.
pub(crate) fn static_ipvsadm(profile: Profile) -> Result<PathBuf> {
    let target = static_target();
    supply(&target)?;
    build("ipvsadm", profile, Some(&target), |message| {
        message.get("executable")
    })
}

/// The target of the static program.
pub(crate) fn static_target() -> String {
    format!("{}-unknown-linux-musl", env::consts::ARCH)
}

/// Sees to it that there is a standard library for this target. If it is not there,
/// rustup is asked for it.
///
/// # Errors
/// When rustup is not here or does not have it.
pub(crate) fn supply(target: &str) -> Result<()> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut print = Command::new(rustc);
    print.args(["--print", "target-libdir", "--target", target]);
    let directory = output(&mut print)?;
    if Path::new(directory.trim_end()).exists() {
        return Ok(());
    }
    err(format_args!(
        "ipvs-lab: asking rustup for Rust's standard library for {target}, once\n"
    ));
    output(Command::new("rustup").args(["target", "add", target]))
        .with_context(|| format!("rustup could not supply {target}"))?;
    Ok(())
}

/// Builds the library that rewrites the kernel's replies, and returns its path.
///
/// # Errors
/// When the build fails; cargo has said why.
pub(crate) fn replies() -> Result<PathBuf> {
    library("ipvs-lab-replies")
}

/// Builds the library that lets the original read any words, and returns its path.
///
/// # Errors
/// When the build fails; cargo has said why.
pub(crate) fn popt() -> Result<PathBuf> {
    library("ipvs-lab-popt")
}

/// Builds a library that is preloaded into a program.
fn library(package: &str) -> Result<PathBuf> {
    build(package, Profile::Debug, None, |message| {
        message.get("filenames")?.get(0)
    })
}

/// Builds a package of this workspace. `file` finds it in what cargo says of one
/// thing that it has built.
fn build(
    package: &str,
    profile: Profile,
    target: Option<&str>,
    file: impl Fn(&Value) -> Option<&Value>,
) -> Result<PathBuf> {
    // Libraries that it needs are told of too.
    let own = |message: &&Value| {
        let name = message.pointer("/target/name").and_then(Value::as_str);
        name.is_some_and(|name| name.replace('_', "-") == package)
    };
    run(package, profile, target)?
        .iter()
        .filter(own)
        .find_map(|message| Some(PathBuf::from(file(message)?.as_str()?)))
        .with_context(|| format!("cargo built no {package}"))
}

/// Builds a package of this workspace and returns what cargo says of each thing that it
/// has built, or had built before.
///
/// # Errors
/// When the build fails; cargo has said why.
pub(crate) fn run(package: &str, profile: Profile, target: Option<&str>) -> Result<Vec<Value>> {
    let mut command = cargo("build")?;
    command
        .args(["--quiet", "--package", package])
        .args(["--profile", profile.name()]);
    if let Some(target) = target {
        command.args(["--target", target]);
    }
    let progress = Spinner::new("building");
    let built = command
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    drop(progress);
    if !built.status.success() {
        bail!("cannot build {package}");
    }
    let messages = String::from_utf8_lossy(&built.stdout);
    let messages = messages.lines();
    Ok(messages
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}

/// `cargo ACTION` for this workspace, by the cargo that runs the lab. The current
/// directory stays, because a CARGO_TARGET_DIR may be relative to it.
///
/// # Errors
/// When the workspace is not where it was when this program was built.
pub(crate) fn cargo(action: &str) -> Result<Command> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    ensure!(
        manifest.exists(),
        "the source tree of ipvs-lab is not there: {}",
        manifest.display()
    );
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args([action, "--manifest-path"]).arg(manifest);
    Ok(cargo_tool::clean(command))
}

/// What cargo says of each crate of the workspace and of those that it depends on; `more`
/// are more words for `cargo metadata`.
///
/// # Errors
/// When cargo cannot read the workspace.
pub(crate) fn read_crates(more: &[&str]) -> Result<Vec<Value>> {
    let output = cargo("metadata")?
        .args(["--format-version", "1"])
        .args(more)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(output.status.success(), "cargo cannot read the workspace");
    let mut workspace: Value = serde_json::from_slice(&output.stdout)?;
    match workspace.get_mut("packages").map(Value::take) {
        Some(Value::Array(crates)) => Ok(crates),
        _ => bail!("cargo names no crates"),
    }
}

/// The file of this program.
///
/// # Errors
/// When the kernel does not tell.
pub(crate) fn this_program() -> io::Result<PathBuf> {
    let path = env::current_exe()?;
    // Another cargo has put an equal program in its place meanwhile.
    let replaced = path.as_os_str().as_bytes().strip_suffix(b" (deleted)");
    Ok(replaced.map_or_else(|| path.clone(), |path| OsStr::from_bytes(path).into()))
}

/// The directory where cargo puts what it builds: the lab's own program is in `debug` there.
///
/// # Errors
/// When the kernel does not tell where this program is.
pub(crate) fn target() -> Result<PathBuf> {
    let program = this_program()?;
    let target = program.ancestors().nth(2);
    Ok(target.context("this program is nowhere")?.to_owned())
}
