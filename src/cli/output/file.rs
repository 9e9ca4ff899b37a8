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

/// Refuses a link that somebody else may have put there to have another file replaced. The
/// rule is that of Linux with fs.protected_symlinks, which is not set everywhere.
fn check_link(link: &Metadata, directory: &Metadata) -> io::Result<()> {
    const STICKY: u32 = 0o1000;
    const OTHERS_MAY_WRITE: u32 = 0o002;
    let is_open = directory.mode() & OTHERS_MAY_WRITE != 0;
    let stays = directory.mode() & STICKY != 0;
    let is_ours = link.uid() == geteuid().as_raw() || link.uid() == directory.uid();
    if is_open && !(stays && is_ours) {
        let reason = "it is a link in a folder that everybody may write to; name the file itself";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    Ok(())
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
