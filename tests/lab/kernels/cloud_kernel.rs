// SPDX-License-Identifier: MIT

//! Debian's kernel for virtual machines, unpacked below the target directory.
//!
//! It is not installed: its package would write to /boot and change the boot
//! loader of the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::slice;

use anyhow::{Context as _, Result};

use crate::output::err;
use crate::packages::MODPROBE;
use crate::packages::unpacking::{self, Apt, output};

/// The package that depends on the one with the newest kernel.
const PACKAGE: &str = "linux-image-cloud-amd64";

/// An unpacked kernel.
pub(crate) struct CloudKernel {
    /// The kernel itself.
    pub(crate) program: PathBuf,
    /// Where `lib/modules` is.
    root: PathBuf,
    /// The name of its directory there.
    release: String,
}

/// Finds the kernel that was unpacked earlier, or downloads one after saying so
/// on standard error.
///
/// # Errors
/// When it cannot be downloaded or unpacked.
pub(crate) fn prepare() -> Result<CloudKernel> {
    let place = unpacking::place("ipvs-lab-cloud-kernel")?;
    if !place.exists() {
        let package = unpacking::with_lists(newest)?;
        err(format_args!(
            "ipvs-lab: unpacking the Debian package {package} (installing nothing)\n"
        ));
        unpacking::with_lists(|| {
            unpacking::make(&place, |staging| {
                Apt::Machine.unpack(slice::from_ref(&package), staging)?;
                index(staging, package.trim_start_matches("linux-image-"))
            })
        })?;
    }
    find(place).context("no kernel in its package")
}

fn find(root: PathBuf) -> Option<CloudKernel> {
    let mut releases = fs::read_dir(root.join("lib/modules")).ok()?.flatten();
    let release = releases.next()?.file_name().into_string().ok()?;
    let program = root.join("boot").join(format!("vmlinuz-{release}"));
    program.exists().then_some(CloudKernel {
        program,
        root,
        release,
    })
}

fn newest() -> Result<String> {
    let text = output(Command::new("apt-cache").args(["depends", PACKAGE]))?;
    let mut depends = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "));
    let package = depends.find(|name| name.starts_with("linux-image-"));
    Ok(package
        .with_context(|| format!("no package {PACKAGE} here"))?
        .to_owned())
}

/// Makes the index of the modules.
fn index(place: &Path, release: &str) -> Result<()> {
    let depmod = MODPROBE
        .find()
        .context("no modprobe here")?
        .with_file_name("depmod");
    output(Command::new(depmod).arg("-b").arg(place).arg(release))?;
    Ok(())
}

impl CloudKernel {
    /// The files of these modules and of those that they stand on, and the
    /// index of them all: where each is and where it belongs, below a directory.
    pub(crate) fn modules(&self, names: &[&str]) -> Result<Vec<(PathBuf, PathBuf)>> {
        let modprobe = MODPROBE.find().context("no modprobe here")?;
        let root = self
            .root
            .to_str()
            .context("the target directory's name is no text")?;
        let mut files = Vec::new();
        for name in names {
            let mut command = Command::new(modprobe);
            command
                .arg("-d")
                .arg(&self.root)
                .args(["-S", &self.release]);
            let text = output(command.args(["--show-depends", name]))?;
            // «insmod ROOT/PATH OPTIONS»
            let paths = text.lines().filter_map(|line| {
                let rest = line.strip_prefix("insmod ")?.strip_prefix(root)?;
                Some(PathBuf::from(
                    rest.trim_start_matches('/').split(' ').next()?,
                ))
            });
            files.extend(paths);
        }
        let directory = Path::new("lib/modules").join(&self.release);
        for entry in fs::read_dir(self.root.join(&directory))?.flatten() {
            if entry.file_type()?.is_file() {
                files.push(directory.join(entry.file_name()));
            }
        }
        let from = |path: PathBuf| (self.root.join(&path), path);
        Ok(files.into_iter().map(from).collect())
    }
}
