// SPDX-License-Identifier: MIT

//! A file that changes in one step: whoever reads it sees all of the old text
//! or all of the new.

use std::{
    fs::{self, Metadata, Permissions},
    io::{self, BufWriter, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

/// The permissions of the file, as far as the umask allows them.
const MODE: u32 = 0o644;

/// Writes a file beside the one of that path and puts it into its place. A
/// symbolic link stays, and what it leads to is replaced, unless others could have put the
/// link there.
///
/// The file beside has a name of its own, so that several may be at it; it is
/// hidden and does not end as the path does, so that nobody collects it. When
/// anything fails it is removed and the path is as it was.
///
/// # Errors
/// The writer's own, and those of the file system. Something that is not a
/// regular file, such as a device, is not replaced.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let target = find_target(path)?;
    let directory = directory_of(&target);
    let mut file = tempfile::Builder::new()
        .prefix(".ipvsadm-")
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(directory)?;
    let mut out = BufWriter::new(file.as_file_mut());
    write(&mut out)?;
    out.flush()?;
    drop(out);
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

/// Finds the file that is to be replaced. What is no link now is not followed either if it
/// has become one by the time it is replaced.
fn find_target(path: &Path) -> io::Result<PathBuf> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path.to_owned()),
        found => found?,
    };
    let (found, target) = if found.is_symlink() {
        check_link(&found, &fs::metadata(directory_of(path))?)?;
        match fs::canonicalize(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path.to_owned()),
            target => {
                let target = target?;
                (fs::metadata(&target)?, target)
            }
        }
    } else {
        (found, path.to_owned())
    };
    match found.is_file() {
        true => Ok(target),
        false => Err(io::Error::other("it is not a regular file")),
    }
}

/// Refuses a link that somebody else may have put there to have another file replaced.
fn check_link(link: &Metadata, directory: &Metadata) -> io::Result<()> {
    let user = geteuid().as_raw();
    if may_be_followed(link.uid(), directory.uid(), directory.mode(), user) {
        return Ok(());
    }
    let reason = "it is a link in a folder that everybody may write to; name the file itself";
    Err(io::Error::new(io::ErrorKind::PermissionDenied, reason))
}

/// Returns whether a user may follow a link of this owner in a directory. The rule is that
/// of Linux with fs.protected_symlinks (proc_sys_fs(5)), which is not set everywhere; a
/// directory where everybody may replace the links of others has none that can be trusted.
fn may_be_followed(link_owner: u32, directory_owner: u32, directory_mode: u32, user: u32) -> bool {
    const STICKY: u32 = 0o1000;
    const OTHERS_MAY_WRITE: u32 = 0o002;
    let is_open = directory_mode & OTHERS_MAY_WRITE != 0;
    let stays = directory_mode & STICKY != 0;
    let is_trusted = link_owner == user || link_owner == directory_owner;
    !is_open || (stays && is_trusted)
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::io::Errno;
    use tempfile::TempDir;

    use super::*;

    /// A directory with a file in it.
    fn old() -> (TempDir, PathBuf) {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("ipvs.prom");
        fs::write(&path, "old").unwrap();
        (directory, path)
    }

    fn names(directory: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(directory.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_made_or_replaced_and_nothing_is_left_beside_it() {
        let (directory, path) = old();
        replace(&path, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        let another = directory.path().join("another.prom");
        replace(&another, |out| out.write_all(b"first")).unwrap();
        assert_eq!(fs::read_to_string(&another).unwrap(), "first");
        assert_eq!(names(&directory), ["another.prom", "ipvs.prom"]);
    }

    #[test]
    fn until_all_is_written_the_old_file_stands_and_no_collector_sees_the_new() {
        let (directory, path) = old();
        replace(&path, |out| {
            out.write_all(b"new")?;
            out.flush()?;
            assert_eq!(fs::read_to_string(&path).unwrap(), "old");
            let names = names(&directory);
            assert_eq!(names.len(), 2, "{names:?}");
            assert_eq!(names[1], "ipvs.prom");
            assert!(names[0].starts_with(".ipvsadm-") && !names[0].ends_with(".prom"));
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn two_at_the_same_time_both_write_whole_files() {
        let (directory, path) = old();
        replace(&path, |outer| {
            outer.write_all(b"the outer ")?;
            outer.flush()?;
            replace(&path, |inner| inner.write_all(b"the inner one"))?;
            assert_eq!(fs::read_to_string(&path)?, "the inner one");
            outer.write_all(b"one")
        })
        .unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "the outer one");
        assert_eq!(names(&directory), ["ipvs.prom"]);
    }

    #[test]
    fn when_writing_fails_the_old_file_is_there_alone() {
        let (directory, path) = old();
        let error = replace(&path, |out| {
            out.write_all(b"half")?;
            out.flush()?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(&directory), ["ipvs.prom"]);
    }

    #[test]
    fn a_link_stays_and_what_it_leads_to_is_replaced() {
        let (directory, path) = old();
        let link = directory.path().join("link");
        symlink("ipvs.prom", &link).unwrap();
        replace(&link, |out| out.write_all(b"new")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    #[test]
    fn a_link_that_leads_nowhere_is_replaced_and_one_to_itself_is_not() {
        let (directory, _) = old();
        let link = directory.path().join("link");
        symlink("absent", &link).unwrap();
        replace(&link, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&link).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_file());
        let circle = directory.path().join("circle");
        symlink("circle", &circle).unwrap();
        let error = replace(&circle, |out| out.write_all(b"new")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::LOOP.raw_os_error()));
        assert!(fs::symlink_metadata(&circle).unwrap().is_symlink());
    }

    /// proc_sys_fs(5), fs.protected_symlinks.
    #[test]
    fn where_everybody_may_write_only_links_of_the_user_or_the_owner_are_followed() {
        const OWNER: u32 = 10;
        const USER: u32 = 20;
        const OTHER: u32 = 30;
        for (mode, link_owner, expected) in [
            (0o755, OTHER, true),
            (0o1755, OTHER, true),
            (0o775, OTHER, true),
            (0o1777, OTHER, false),
            (0o1777, USER, true),
            (0o1777, OWNER, true),
            // Without the sticky bit another user can put a link of the owner there.
            (0o777, OWNER, false),
            (0o777, USER, false),
        ] {
            assert_eq!(
                may_be_followed(link_owner, OWNER, mode, USER),
                expected,
                "{mode:o} {link_owner}"
            );
        }
    }

    #[test]
    fn a_name_alone_is_in_the_working_directory() {
        assert_eq!(directory_of(Path::new("ipvs.prom")), Path::new("."));
        assert_eq!(directory_of(Path::new("a/ipvs.prom")), Path::new("a"));
        assert_eq!(directory_of(Path::new("/ipvs.prom")), Path::new("/"));
    }

    #[test]
    fn what_is_no_regular_file_is_left_alone() {
        let (directory, _) = old();
        for path in [
            directory.path(),
            Path::new("/dev/null"),
            Path::new(""),
            &directory.path().join("absent/ipvs.prom"),
            &directory.path().join("ipvs.prom/below"),
            &directory.path().join("absent/"),
        ] {
            let error = replace(path, |out| out.write_all(b"new")).unwrap_err();
            assert_ne!(error.to_string(), "", "{}", path.display());
        }
        assert_eq!(names(&directory), ["ipvs.prom"]);
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
