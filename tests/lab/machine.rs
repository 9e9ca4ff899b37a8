// SPDX-License-Identifier: MIT

//! A machine as its administrator would set it up: this tree's program is
//! installed as `ipvsadm`, and so are its real clients.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use tempfile::TempDir;

use crate::layer;
use crate::netns::{self, Namespace};
use crate::program;

/// Where clients look for the program. (/sbin is a link to /usr/sbin.)
const IPVSADM: &str = "/usr/sbin/ipvsadm";

/// A mount namespace that lives as long as this value, or as a process in it.
///
/// Its /usr is the running system's, with the unpacked packages and this tree's
/// program laid over it, and its /run is its own. So a client runs as it is,
/// from where its package puts it, and finds `ipvsadm` at its usual path;
/// nothing else in the kernel or on the host sees any of this.
#[derive(Debug)]
pub struct Machine {
    mounts: File,
    files: TempDir,
}

impl Machine {
    /// Sets a machine up.
    ///
    /// # Errors
    /// When the caller is not root, the kernel has no overlay file system, or
    /// `cargo lab` could not unpack the clients.
    pub fn new() -> Result<Self> {
        let packages = layer::directory()?.join(layer::USR);
        let program = program::path()?;
        let files = TempDir::with_prefix("ipvs-lab-machine-")?;
        let place = files.path().to_owned();
        // A thread's namespace ends with the thread unless something holds it.
        let made = thread::spawn(move || make(&place, &packages, &program));
        let mounts = made.join().map_err(|_| anyhow!("a thread died"))??;
        Ok(Self { mounts, files })
    }

    /// A command that will run on this machine, in a network of its own. It
    /// starts in the root directory.
    #[must_use]
    pub fn command(&self, network: &Namespace, program: impl AsRef<OsStr>) -> Command {
        let command = network.command(program);
        netns::enter(command, &self.mounts, CloneFlags::CLONE_NEWNS)
    }

    /// Where the machine's /run is seen from outside.
    #[must_use]
    pub fn run_directory(&self) -> PathBuf {
        self.files.path().join("run")
    }
}

fn make(files: &Path, packages: &Path, program: &Path) -> Result<File> {
    for part in ["run", "packages", "ours/sbin"] {
        fs::create_dir_all(files.join(part))?;
    }
    // Only something to mount the program on.
    File::create(files.join("ours/sbin/ipvsadm"))?;
    let files = files
        .to_str()
        .filter(|path| !path.contains([':', ',', '\\']))
        .context("the temporary directory's name must be plain text")?;
    unshare(CloneFlags::CLONE_NEWNS).context("cannot make a mount namespace")?;
    let nothing = None::<&str>;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(nothing, "/", nothing, private, nothing).context("cannot keep mounts private")?;
    // They may lie in a directory that is about to be covered.
    let packages = handle(packages)?;
    let program = handle(program)?;
    // The packages' own path may have characters that mean something here.
    bind(&packages, &format!("{files}/packages"))?;
    let layers = format!("lowerdir={files}/ours:{files}/packages:/usr");
    let read_only = MsFlags::MS_RDONLY;
    mount(
        Some("overlay"),
        "/usr",
        Some("overlay"),
        read_only,
        Some(layers.as_str()),
    )
    .context("cannot lay the packages over /usr")?;
    bind(&program, IPVSADM)?;
    bind(&handle(Path::new(&format!("{files}/run")))?, "/run")?;
    File::open("/proc/thread-self/ns/mnt").context("cannot keep the mount namespace")
}

pub(crate) fn handle(path: &Path) -> Result<OwnedFd> {
    open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
        .with_context(|| format!("cannot enter {}", path.display()))
}

pub(crate) fn bind(from: &OwnedFd, place: &str) -> Result<()> {
    let from = format!("/proc/self/fd/{}", from.as_raw_fd());
    let nothing = None::<&str>;
    mount(
        Some(from.as_str()),
        place,
        nothing,
        MsFlags::MS_BIND,
        nothing,
    )
    .with_context(|| format!("cannot bind {place}"))
}
