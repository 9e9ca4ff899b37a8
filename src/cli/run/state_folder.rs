// SPDX-License-Identifier: MIT

//! The folder below `/run` where the program keeps what has to outlive it until
//! the next boot: a lock, and the weights of servers that are drained. Each network
//! namespace has a table of its own, and so files of its own.
//!
//! A user who may administer a network namespace, but is not root of the machine, may not
//! write to `/run`. The folder is then below `$XDG_RUNTIME_DIR`, which belongs to the
//! user, or in the one for temporary files, where it has the namespace in its name:
//! there all users of the machine meet.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use ipvs_client::NetworkNamespace;
use rustix::{
    fs::{CWD, Mode, OFlags},
    io::Errno,
};

use crate::failure::StateError;

const PARENT: &str = "/run";
const NAME: &str = "ipvsadm";

/// The environment variable with the folder for a user's files until the end of the
/// session (XDG Base Directory Specification).
const USER_PARENT: &str = "XDG_RUNTIME_DIR";

/// The folder, and the names that the files of one network namespace have in it.
pub(crate) struct StateFolder {
    folder: OwnedFd,
    path: PathBuf,
    /// The beginning of the names: `net-4026531840`.
    namespace: String,
}

impl StateFolder {
    /// Opens the folder and makes it if it is not there. A kernel without network
    /// namespaces has only one.
    ///
    /// # Errors
    /// When it cannot be made, or others than its owner could put files into it.
    pub(crate) fn open(namespace: Option<NetworkNamespace>) -> Result<Self, StateError> {
        match Self::open_below(Path::new(PARENT), namespace) {
            Err(error) if is_forbidden(&error.reason) => {
                Self::open_for_user(std::env::var_os(USER_PARENT), namespace)
            }
            outcome => outcome,
        }
    }

    pub(super) fn open_below(
        parent: &Path,
        namespace: Option<NetworkNamespace>,
    ) -> Result<Self, StateError> {
        Self::open_named(parent, NAME, namespace)
    }

    /// Opens the folder of a user who may not write to `/run`.
    fn open_for_user(
        parent: Option<OsString>,
        namespace: Option<NetworkNamespace>,
    ) -> Result<Self, StateError> {
        // A relative path is to be ignored.
        let parent = parent.map(PathBuf::from).filter(|path| path.is_absolute());
        match parent {
            Some(parent) => Self::open_below(&parent, namespace),
            None => {
                let name = format!("{NAME}-{}", prefix_of(namespace));
                Self::open_named(&std::env::temp_dir(), &name, namespace)
            }
        }
    }

    fn open_named(
        parent: &Path,
        name: &str,
        namespace: Option<NetworkNamespace>,
    ) -> Result<Self, StateError> {
        let path = parent.join(name);
        let folder = open_folder(parent, name).map_err(|reason| StateError {
            path: path.clone(),
            reason,
        })?;
        Ok(Self {
            folder,
            path,
            namespace: prefix_of(namespace),
        })
    }

    /// Returns the path of a file, for messages: its name begins with that of the
    /// network namespace and ends with this.
    pub(crate) fn path_of(&self, end: &str) -> PathBuf {
        self.path.join(self.name_of(end))
    }

    /// Opens a file for reading and writing and makes it, empty, if it is not there.
    /// Only its owner may read it. No link is followed.
    pub(crate) fn open_file(&self, end: &str) -> Result<File, StateError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        match rustix::fs::openat(&self.folder, self.name_of(end), flags, mode) {
            Ok(file) => Ok(file.into()),
            Err(errno) => Err(self.failed(end, errno.into())),
        }
    }

    /// Reads a file; `None` if it is not there. No link is followed.
    pub(crate) fn read_file(&self, end: &str) -> Result<Option<Vec<u8>>, StateError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut text = Vec::new();
        match rustix::fs::openat(&self.folder, self.name_of(end), flags, Mode::empty()) {
            Ok(file) => File::from(file).read_to_end(&mut text),
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => Err(errno.into()),
        }
        .map_err(|reason| self.failed(end, reason))?;
        Ok(Some(text))
    }

    /// Puts a text in the place of a file in one step. Only its owner may read it.
    pub(crate) fn replace_file(&self, end: &str, text: &[u8]) -> Result<(), StateError> {
        let (name, beside) = (self.name_of(end), self.name_of(&format!("{end}.new")));
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let write = || {
            let file = rustix::fs::openat(&self.folder, &beside, flags, mode)?;
            File::from(file).write_all(text)?;
            Ok(rustix::fs::renameat(
                &self.folder,
                &beside,
                &self.folder,
                &name,
            )?)
        };
        write().map_err(|reason| self.failed(end, reason))
    }

    fn failed(&self, end: &str, reason: io::Error) -> StateError {
        StateError {
            path: self.path_of(end),
            reason,
        }
    }

    fn name_of(&self, end: &str) -> String {
        format!("{}.{end}", self.namespace)
    }
}

/// Returns the beginning of the names of a namespace's files.
fn prefix_of(namespace: Option<NetworkNamespace>) -> String {
    namespace.map_or("net".to_owned(), |namespace| {
        format!("net-{}", namespace.inode())
    })
}

/// Returns whether it is the system that keeps the caller from a folder, and not what
/// is wrong with it.
fn is_forbidden(reason: &io::Error) -> bool {
    let errno = Errno::from_io_error(reason);
    matches!(errno, Some(Errno::ACCESS | Errno::PERM | Errno::ROFS))
}

fn open_folder(parent: &Path, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = rustix::fs::openat(CWD, parent, flags, Mode::empty())?;
    match rustix::fs::mkdirat(&parent, name, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno.into()),
    }
    let folder = rustix::fs::openat(&parent, name, flags | OFlags::NOFOLLOW, Mode::empty())?;
    let status = rustix::fs::fstat(&folder)?;
    let others_may_write = Mode::from_raw_mode(status.st_mode).intersects(Mode::WGRP | Mode::WOTH);
    // Whoever can put files there could make this program write to others.
    let wrong = if others_may_write {
        "others than its owner may write to it"
    } else if status.st_uid != rustix::process::geteuid().as_raw() {
        "it belongs to another user"
    } else {
        return Ok(folder);
    };
    Err(io::Error::new(io::ErrorKind::PermissionDenied, wrong))
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    fn open_below(parent: &Path) -> Result<StateFolder, StateError> {
        StateFolder::open_below(parent, None)
    }

    #[test]
    fn the_folder_is_made_for_its_owner_alone_and_found_again() {
        let parent = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let file = open_below(parent.path()).unwrap().open_file("lock");
            let mode = file.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let folder = fs::metadata(parent.path().join("ipvsadm")).unwrap();
        assert_eq!(folder.permissions().mode() & 0o777, 0o700);
        assert!(parent.path().join("ipvsadm/net.lock").exists());
    }

    #[test]
    fn every_network_namespace_has_files_of_its_own() {
        let parent = tempfile::tempdir().unwrap();
        let here = NetworkNamespace::current().unwrap();
        let folder = StateFolder::open_below(parent.path(), Some(here)).unwrap();
        assert_eq!(
            folder.path_of("lock"),
            parent
                .path()
                .join(format!("ipvsadm/net-{}.lock", here.inode()))
        );
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_not_used() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("ipvsadm");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o770)).unwrap();
        let error = open_below(parent.path()).err().unwrap();
        assert_eq!(error.path, folder);
        assert_eq!(error.reason.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(
            error.to_string(),
            format!(
                "cannot use {}: others than its owner may write to it",
                folder.display()
            )
        );
    }

    #[test]
    fn links_are_not_followed() {
        let parent = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        symlink(elsewhere.path(), parent.path().join("ipvsadm")).unwrap();
        assert!(open_below(parent.path()).is_err());

        fs::remove_file(parent.path().join("ipvsadm")).unwrap();
        let folder = open_below(parent.path()).unwrap();
        let target = elsewhere.path().join("target");
        symlink(&target, folder.path_of("lock")).unwrap();
        assert!(folder.open_file("lock").is_err());
        assert!(!target.exists());
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_read_again() {
        let parent = tempfile::tempdir().unwrap();
        let folder = open_below(parent.path()).unwrap();
        assert_eq!(folder.read_file("json").unwrap(), None);
        for text in [&b"a long text"[..], b"short"] {
            folder.replace_file("json", text).unwrap();
            assert_eq!(folder.read_file("json").unwrap().unwrap(), text);
        }
        let mode = fs::metadata(folder.path_of("json")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder.path).unwrap().count(), 1);
    }

    #[test]
    fn a_user_has_a_folder_in_the_runtime_directory_or_one_for_each_namespace() {
        let parent = tempfile::tempdir().unwrap();
        let runtime = Some(parent.path().into());
        let folder = StateFolder::open_for_user(runtime, None).unwrap();
        assert_eq!(
            folder.path_of("lock"),
            parent.path().join("ipvsadm/net.lock")
        );

        let here = NetworkNamespace::current().unwrap();
        let name = format!("ipvsadm-net-{}", here.inode());
        for runtime in [None, Some("relative".into())] {
            let folder = StateFolder::open_for_user(runtime, Some(here)).unwrap();
            assert_eq!(folder.path, std::env::temp_dir().join(&name));
            folder.open_file("lock").unwrap();
        }
        fs::remove_dir_all(std::env::temp_dir().join(&name)).unwrap();
    }

    #[test]
    fn only_the_system_sends_a_user_elsewhere() {
        for (reason, is_elsewhere) in [
            (Errno::ACCESS.into(), true),
            (Errno::ROFS.into(), true),
            (Errno::NOSPC.into(), false),
            (
                io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another"),
                false,
            ),
        ] {
            assert_eq!(is_forbidden(&reason), is_elsewhere, "{reason}");
        }
    }

    #[test]
    fn without_the_parent_the_error_names_the_folder() {
        let parent = tempfile::tempdir().unwrap();
        let error = open_below(&parent.path().join("run")).err().unwrap();
        let path = parent.path().join("run/ipvsadm");
        assert!(
            error
                .to_string()
                .starts_with(&format!("cannot use {}: No such file", path.display())),
            "{error}"
        );
    }
}
