// SPDX-License-Identifier: MIT

//! Network namespaces: each has a table of its own, and a socket or file of the
//! kernel belongs to the one of the thread that opened it.

use std::{
    fmt,
    fs::{self, File, Metadata, TryLockError},
    io,
    os::{
        fd::{AsFd, AsRawFd},
        unix::fs::MetadataExt,
    },
    thread,
    time::{Duration, Instant},
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The network namespace of the calling thread, as a file.
const CURRENT: &str = "/proc/thread-self/ns/net";

/// The time that the lock of a namespace is waited for, and that between two attempts.
/// Its holder needs about a tenth of a millisecond.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
const LOCK_INTERVAL: Duration = Duration::from_micros(200);

/// Names a network namespace. Two are equal when they are the same one, as long as
/// it lives.
///
/// ```
/// use ipvs_client::NetworkNamespace;
///
/// # fn main() -> std::io::Result<()> {
/// let here = NetworkNamespace::current()?;
/// assert_eq!(here, NetworkNamespace::of(std::fs::File::open("/proc/thread-self/ns/net")?)?);
/// // As `readlink /proc/self/ns/net` shows it.
/// assert_eq!(here.to_string(), format!("net:[{}]", here.inode()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NetworkNamespace {
    device: u64,
    inode: u64,
}

impl NetworkNamespace {
    /// Names the network namespace that the calling thread is in.
    ///
    /// # Errors
    /// When `/proc` is not there.
    pub fn current() -> io::Result<Self> {
        fs::metadata(CURRENT).map(|metadata| Self::from(&metadata))
    }

    /// Names the network namespace of an open file, such as those in `/run/netns`
    /// and `/proc/PID/ns/net`.
    ///
    /// # Errors
    /// When the process has too many open files.
    pub fn of(file: impl AsFd) -> io::Result<Self> {
        let file = File::from(file.as_fd().try_clone_to_owned()?);
        file.metadata().map(|metadata| Self::from(&metadata))
    }

    /// The number that tells it from the other namespaces of the machine.
    #[must_use]
    pub const fn inode(self) -> u64 {
        self.inode
    }
}

impl From<&Metadata> for NetworkNamespace {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

impl fmt::Display for NetworkNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "net:[{}]", self.inode)
    }
}

/// Opens the network namespace of the calling thread.
pub(crate) fn open_current() -> io::Result<File> {
    File::open(CURRENT)
}

/// Takes the lock of a network namespace (`flock` on the file that it is), which is
/// held until what is returned is dropped or the process ends. It is one and the same
/// for all processes, whatever part of the file system they see, and leaves nothing
/// behind.
///
/// Every process of the namespace can take it, be it out of malice, so that after
/// some time the caller has to do without: then, and without `/proc`, `None`.
pub(crate) fn lock(namespace: &File) -> Option<File> {
    // The lock belongs to the opening of the file, and that of a client may be shared
    // with another.
    let path = format!("/proc/thread-self/fd/{}", namespace.as_raw_fd());
    let namespace = File::open(path).ok()?;
    let deadline = Instant::now() + LOCK_TIMEOUT;
    loop {
        match namespace.try_lock() {
            Ok(()) => return Some(namespace),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                thread::sleep(LOCK_INTERVAL);
            }
            Err(_) => return None,
        }
    }
}

/// Does something inside a network namespace, on a thread that ends with it: the
/// caller's stays where it is.
///
/// # Errors
/// When the namespace cannot be entered, which takes `CAP_SYS_ADMIN`, and those of
/// `work`.
pub(crate) fn inside<T: Send>(
    namespace: &File,
    work: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            work()
        })?;
        let died = |_| Err(io::Error::other("the thread in the namespace died"));
        thread.join().unwrap_or_else(died)
    })
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    /// Any file will do, and nobody else has one without a name.
    fn nameless_file() -> File {
        let name = format!("ipvs-client-lock-{}", process::id());
        let path = env::temp_dir().join(name);
        let file = File::create_new(&path).unwrap();
        fs::remove_file(path).unwrap();
        file
    }

    #[test]
    fn a_lock_is_waited_for_and_done_without_when_it_is_held_for_ever() {
        let file = nameless_file();
        let held = lock(&file).unwrap();
        assert!(lock(&file).is_none());
        thread::scope(|scope| {
            let waiting = scope.spawn(|| lock(&file).is_some());
            // The other has tried once by then; on a busy machine it finds the lock free.
            thread::sleep(LOCK_INTERVAL * 100);
            drop(held);
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn a_namespace_is_named_as_its_link_is() {
        let here = NetworkNamespace::current().unwrap();
        let link = fs::read_link(CURRENT).unwrap();
        assert_eq!(here.to_string(), link.to_str().unwrap());
        assert_eq!(here.to_string(), format!("net:[{}]", here.inode()));
        let mounts = File::open("/proc/thread-self/ns/mnt").unwrap();
        assert_ne!(NetworkNamespace::of(mounts).unwrap(), here);
    }
}
