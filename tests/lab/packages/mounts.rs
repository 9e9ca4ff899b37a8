// SPDX-License-Identifier: MIT

//! Mounts that nothing else in the kernel or on the host sees.

use std::fs::File;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;

const NOTHING: Option<&str> = None;

/// Lets a closure mount what it likes in a mount namespace of its own, which
/// lives as long as the returned file.
///
/// The closure gets the path of `directory`, which can be written into the
/// options of an overlay as it is.
pub(crate) fn apart(
    directory: &Path,
    work: impl FnOnce(&str) -> Result<()> + Send,
) -> Result<File> {
    let directory = directory
        .to_str()
        .filter(|path| !path.contains([':', ',', '\\']))
        .context("the temporary directory's name must be plain text")?;
    let inside = || {
        unshare(CloneFlags::CLONE_NEWNS).context("cannot make a mount namespace")?;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(NOTHING, "/", NOTHING, private, NOTHING).context("cannot keep mounts private")?;
        work(directory)?;
        // It would end with the thread.
        File::open("/proc/thread-self/ns/mnt").context("cannot keep the mount namespace")
    };
    let made = thread::scope(|scope| scope.spawn(inside).join());
    made.map_err(|_| anyhow!("a thread died"))?
}

/// Keeps a place at hand that is about to be covered.
pub(crate) fn handle(path: &Path) -> Result<OwnedFd> {
    open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
        .with_context(|| format!("cannot enter {}", path.display()))
}

/// Shows a file or directory at another place.
pub(crate) fn bind(from: &OwnedFd, place: &str) -> Result<()> {
    let from = format!("/proc/self/fd/{}", from.as_raw_fd());
    mount(Some(&*from), place, NOTHING, MsFlags::MS_BIND, NOTHING)
        .with_context(|| format!("cannot bind {place}"))
}

/// Shows a directory with all that is mounted in it at another place.
pub(crate) fn bind_all(from: &str, place: &str) -> Result<()> {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(from), place, NOTHING, flags, NOTHING)
        .with_context(|| format!("cannot bind {place}"))
}

/// Mounts a file system that has no device.
pub(crate) fn file_system(kind: &str, place: &str, options: &str) -> Result<()> {
    let flags = MsFlags::empty();
    mount(Some(kind), place, Some(kind), flags, Some(options))
        .with_context(|| format!("cannot mount {kind} on {place}"))
}
