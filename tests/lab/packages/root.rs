// SPDX-License-Identifier: MIT

//! A root directory to install packages in, and to throw away.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::panic;
use std::path::Path;
use std::thread;

use anyhow::{Context as _, Result};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::chroot;
use tempfile::TempDir;

use crate::packages::debian_13;
use crate::packages::layer;
use crate::packages::mounts;

/// The directories of programs and libraries. In newer systems all but the last are
/// links into that.
const SYSTEM: [&str; 7] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr"];

/// A root directory that lives as long as this value, or as a process in it.
///
/// Its programs are the running system's, with the unpacked packages
/// that it lacks; whatever is written, there or elsewhere, stays in memory. Its
/// /etc, /var and /run are its own, and its package database is empty. Nothing
/// else in the kernel or on the host sees any of this.
#[derive(Debug)]
pub struct Root {
    mounts: File,
    directory: TempDir,
}

impl Root {
    /// A fresh root directory.
    ///
    /// # Errors
    /// When the caller is not root, the kernel has no overlay file system, or
    /// `cargo lab` could not unpack the packages.
    pub fn new() -> Result<Self> {
        let packages = layer::CLIENTS.directory()?.join(layer::USR);
        let directory = TempDir::with_prefix("ipvs-lab-root-")?;
        let mounts = make(directory.path(), &packages)?;
        Ok(Self { mounts, directory })
    }

    /// A root directory with the programs of a system of Debian 13 in the place of the
    /// running system's, and with its package database. Its kernel is the running one.
    ///
    /// # Errors
    /// When the caller is not root, the kernel has no overlay file system, or
    /// `cargo lab` could not make the system.
    pub fn debian_13() -> Result<Self> {
        let system = debian_13::directory()?;
        let directory = TempDir::with_prefix("ipvs-lab-root-")?;
        let mounts = mounts::apart(directory.path(), |place| show(place, &system))?;
        Ok(Self { mounts, directory })
    }

    /// Runs a closure with this root directory, in a thread of its own.
    /// Programs that it starts have this root directory too.
    ///
    /// # Errors
    /// When the root directory cannot be entered.
    ///
    /// # Panics
    /// When the closure does.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let inside = || {
            // The process's other threads keep their root directory.
            unshare(CloneFlags::CLONE_FS)?;
            setns(&self.mounts, CloneFlags::CLONE_NEWNS)?;
            chroot(&self.directory.path().join("root"))?;
            env::set_current_dir("/").map_err(|_| nix::Error::ENOENT)?;
            Ok::<T, nix::Error>(work())
        };
        match thread::scope(|scope| scope.spawn(inside).join()) {
            Ok(done) => done.context("cannot enter the root directory"),
            Err(panicked) => panic::resume_unwind(panicked),
        }
    }
}

fn make(directory: &Path, packages: &Path) -> Result<File> {
    mounts::apart(directory, |place| {
        // They may lie in a directory that is about to be covered.
        let packages = mounts::handle(packages)?;
        mounts::file_system("tmpfs", place, "mode=755")?;
        let root = format!("{place}/root");
        for part in [
            "root/etc",
            "root/tmp",
            "root/run",
            "root/var/lib/dpkg/info",
            "root/var/lib/dpkg/updates",
            "packages",
        ] {
            fs::create_dir_all(format!("{place}/{part}"))?;
        }
        for file in ["etc/passwd", "etc/group"] {
            fs::copy(format!("/{file}"), format!("{root}/{file}")).context(file)?;
        }
        for file in ["status", "available"] {
            File::create(format!("{root}/var/lib/dpkg/{file}"))?;
        }
        // The packages' own path may have characters that mean something here.
        mounts::bind(&packages, &format!("{place}/packages"))?;
        for part in SYSTEM {
            let original = Path::new("/").join(part);
            match fs::read_link(&original) {
                Ok(target) => symlink(target, format!("{root}/{part}"))?,
                Err(_) if original.is_dir() => {
                    for part in [
                        format!("{root}/{part}"),
                        format!("{place}/upper/{part}"),
                        format!("{place}/work/{part}"),
                    ] {
                        fs::create_dir_all(part)?;
                    }
                    let packages = match part {
                        "usr" => format!("{place}/packages:"),
                        _ => String::new(),
                    };
                    let layers = format!(
                        "lowerdir={packages}/{part},upperdir={place}/upper/{part},\
                         workdir={place}/work/{part}"
                    );
                    mounts::file_system("overlay", &format!("{root}/{part}"), &layers)?;
                }
                Err(_) => (),
            }
        }
        add_the_kernels(&root)
    })
}

/// Shows a whole system at `place/root`.
fn show(place: &str, system: &Path) -> Result<()> {
    // Its own path may have characters that mean something here.
    let system = mounts::handle(system)?;
    mounts::file_system("tmpfs", place, "mode=755")?;
    for part in ["system", "upper", "work", "root"] {
        fs::create_dir(format!("{place}/{part}"))?;
    }
    mounts::bind(&system, &format!("{place}/system"))?;
    let layers = format!("lowerdir={place}/system,upperdir={place}/upper,workdir={place}/work");
    let root = format!("{place}/root");
    mounts::file_system("overlay", &root, &layers)?;
    add_the_kernels(&root)
}

/// Adds the directories that are the kernel's.
fn add_the_kernels(root: &str) -> Result<()> {
    for part in ["dev", "proc", "sys"] {
        let inside = format!("{root}/{part}");
        fs::create_dir_all(&inside)?;
        mounts::bind_all(&format!("/{part}"), &inside)?;
    }
    Ok(())
}
