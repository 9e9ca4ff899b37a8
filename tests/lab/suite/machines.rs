// SPDX-License-Identifier: MIT

//! `cargo lab test --target`: the tests of the libraries that need no kernel, compiled
//! for another machine.
//!
//! What a processor of 32 bits runs, one of 64 bits runs too. For others, Debian's
//! compiler links the tests and QEMU runs them, one process each on this kernel; both are
//! unpacked, not installed.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::packages::layer;
use crate::programs::build;

/// A machine that tests are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// 32 bits, of which numbers of 64 are aligned to 32; run by this processor
    #[value(name = "i686-unknown-linux-musl")]
    I686,
    /// The other byte order; run by QEMU, and only those of ipvs-netlink
    #[value(name = "s390x-unknown-linux-gnu")]
    S390x,
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::I686 => "i686-unknown-linux-musl",
            Self::S390x => "s390x-unknown-linux-gnu",
        }
    }

    /// The packages whose tests are run. Those of ipvs-client take two minutes in QEMU,
    /// and what depends on the byte order is nearly all in ipvs-netlink.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::I686 => &["ipvs-netlink", "ipvs-client"],
            Self::S390x => &["ipvs-netlink"],
        }
    }
}

/// Runs the tests whose names contain `filter`; `arguments` are more words for the test
/// programs. Returns cargo's exit status.
///
/// # Errors
/// When the standard library, the linker or QEMU cannot be had, or cargo not be run.
pub(crate) fn run(target: Target, filter: Option<&OsString>, arguments: &[OsString]) -> Result<u8> {
    build::supply(target.name())?;
    let mut command = build::cargo("test")?;
    command
        // Not the examples in the documentation: those of the client need a kernel.
        .args(["--all-features", "--all-targets", "--no-fail-fast"])
        .args(["--target", target.name()]);
    for package in target.packages() {
        command.args(["--package", package]);
    }
    if target == Target::S390x {
        emulate(&mut command)?;
    }
    let status = command
        .arg("--")
        .args(filter)
        .args(arguments)
        .stdin(Stdio::null())
        .status()
        .context("cannot run cargo")?;
    Ok(crate::exit_status(status))
}

/// Has cargo link with Debian's compiler for s390x and run with QEMU.
fn emulate(command: &mut Command) -> Result<()> {
    let (_, directory) = layer::S390X.prepare()?;
    let usr = Path::new(&directory).join(layer::USR);
    let variable = |name| format!("CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_{name}");
    let program = |name: &str| {
        let unpacked = usr.join("bin").join(name);
        match unpacked.exists() {
            true => unpacked.into_os_string(),
            false => OsStr::new(name).to_owned(),
        }
    };
    let libraries = usr.join(format!("lib/{}-linux-gnu", env::consts::ARCH));
    command
        .env(variable("LINKER"), program("s390x-linux-gnu-gcc"))
        .env(variable("RUNNER"), program("qemu-s390x-static"))
        // The C library of that machine is not where a program would look for it.
        .env(variable("RUSTFLAGS"), "-Ctarget-feature=+crt-static")
        // Those of the linker.
        .env("LD_LIBRARY_PATH", libraries);
    Ok(())
}
