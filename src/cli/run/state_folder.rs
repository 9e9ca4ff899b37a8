// SPDX-License-Identifier: MIT

//! The folder below `/run` where the program keeps what has to outlive it until
//! the next boot: a lock, and the weights of servers that are drained. Each network
//! namespace has a table of its own, and so files of its own.

use std::{
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
        Self::open_below(Path::new(PARENT), namespace)
    }

    pub(super) fn open_below(
        parent: &Path,
        namespace: Option<NetworkNamespace>,
    ) -> Result<Self, StateError> {
        let path = parent.join(NAME);
        let folder = open_folder(parent).map_err(|reason| StateError {
            path: path.clone(),
            reason,
        })?;
        Ok(Self {
            folder,
            path,
            namespace: namespace.map_or("net".to_owned(), |namespace| {
                format!("net-{}", namespace.inode())
            }),
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

fn open_folder(parent: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = rustix::fs::openat(CWD, parent, flags, Mode::empty())?;
    match rustix::fs::mkdirat(&parent, NAME, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno.into()),
    }
    let folder = rustix::fs::openat(&parent, NAME, flags | OFlags::NOFOLLOW, Mode::empty())?;
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
