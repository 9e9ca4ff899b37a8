// SPDX-License-Identifier: MIT

//! A root directory to install packages in, and to throw away.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::panic;
use std::path::Path;
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::chroot;
use tempfile::TempDir;

use crate::layer;
use crate::machine::{bind, handle};

/// What holds programs and libraries. In newer systems all but the last are
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
        let place = directory.path().to_owned();
        // A thread's namespace ends with the thread unless something holds it.
        let made = thread::spawn(move || make(&place, &packages));
        let mounts = made.join().map_err(|_| anyhow!("a thread died"))??;
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
    let place = directory
        .to_str()
        .filter(|path| !path.contains([':', ',', '\\']))
        .context("the temporary directory's name must be plain text")?;
    unshare(CloneFlags::CLONE_NEWNS).context("cannot make a mount namespace")?;
    let nothing = None::<&str>;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(nothing, "/", nothing, private, nothing).context("cannot keep mounts private")?;
    // They may lie in a directory that is about to be covered.
    let packages = handle(packages)?;
    file_system("tmpfs", place, "mode=755")?;
    let root = format!("{place}/root");
    for part in [
        "root/etc",
        "root/tmp",
        "root/run",
        "root/var/lib/dpkg/info",
        "root/var/lib/dpkg/updates",
        "packages",
    ] {
        fs::create_dir_all(directory.join(part))?;
    }
    for file in ["etc/passwd", "etc/group"] {
        fs::copy(format!("/{file}"), format!("{root}/{file}")).context(file)?;
    }
    for file in ["status", "available"] {
        File::create(format!("{root}/var/lib/dpkg/{file}"))?;
    }
    // The packages' own path may have characters that mean something here.
    bind(&packages, &format!("{place}/packages"))?;
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
                file_system("overlay", &format!("{root}/{part}"), &layers)?;
            }
            Err(_) => (),
        }
    }
    for part in ["dev", "proc", "sys"] {
        let inside = format!("{root}/{part}");
        fs::create_dir(&inside)?;
        let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
        mount(
            Some(&*format!("/{part}")),
            &*inside,
            nothing,
            flags,
            nothing,
        )
        .with_context(|| format!("cannot bind {inside}"))?;
    }
    File::open("/proc/thread-self/ns/mnt").context("cannot keep the mount namespace")
}

fn file_system(kind: &str, place: &str, options: &str) -> Result<()> {
    let flags = MsFlags::empty();
    mount(Some(kind), place, Some(kind), flags, Some(options))
        .with_context(|| format!("cannot mount {kind} on {place}"))
}
