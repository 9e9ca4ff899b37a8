// SPDX-License-Identifier: MIT

//! The files that every package has, from the list that cargo-deb reads.
//!
//! cargo-deb takes its list from the program's `Cargo.toml` and from nowhere else, so
//! that this is the one list of what is installed. The other packages have the same
//! files, some of them in places that their systems want.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::programs::build;

/// The directory of the program's crate, which the paths of the list start from.
const CRATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../src/cli");
/// How the list names what is built: where cargo does it without other wishes.
const BUILT: &str = "target/release/";

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) what: What,
    /// The path below the root directory, without a slash at the beginning.
    pub(crate) place: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// This tree's program, or a file beside it, by its name, with this mode.
    Built(String, u32),
    /// A copy of a file of this tree, with this mode.
    File(PathBuf, u32),
    /// A symbolic link to this.
    Link(String),
}

impl Entry {
    /// A file of the program's crate.
    pub(crate) fn of_crate(source: &str, place: &str, mode: u32) -> Self {
        Self {
            what: What::File(Path::new(CRATE).join(source), mode),
            place: place.to_owned(),
        }
    }
}

/// Reads the list.
///
/// # Errors
/// When cargo cannot read the workspace, or an entry is none that cargo-deb takes.
pub(crate) fn read() -> Result<Vec<Entry>> {
    let crates = build::read_crates(&["--no-deps"])?;
    let package = crates
        .iter()
        .find(|package| package.get("name").and_then(Value::as_str) == Some("ipvsadm"));
    let assets = package.and_then(|package| package.pointer("/metadata/deb/assets")?.as_array());
    let assets = assets.context("src/cli/Cargo.toml has no list of assets")?;
    let read = |asset| entry(asset).with_context(|| format!("not an asset: {asset}"));
    assets.iter().map(read).collect()
}

/// Reads the list, with the files at the places that another kind of package has them:
/// `place` finds it by that in the Debian package, and leaves out what has none.
///
/// # Errors
/// Those of [`read`].
pub(crate) fn read_for(place: fn(&str) -> Option<String>) -> Result<Vec<Entry>> {
    let entries = read()?.into_iter().filter_map(|entry| {
        let place = place(&entry.place)?;
        Some(Entry { place, ..entry })
    });
    Ok(entries.collect())
}

/// Finds the place of a file where only Debian has its own, if others have the file.
pub(crate) fn place_outside_debian(debian: &str) -> Option<String> {
    if debian.starts_with("usr/share/lintian/") {
        return None;
    }
    Some(
        match debian.strip_prefix("usr/share/zsh/vendor-completions/") {
            Some(name) => format!("usr/share/zsh/site-functions/{name}"),
            None if debian == "usr/share/doc/ipvsadm/changelog" => {
                "usr/share/doc/ipvsadm/CHANGELOG.md".to_owned()
            }
            None => debian.to_owned(),
        },
    )
}

/// Reads an entry: `[SOURCE, PLACE, MODE]`, or a table with the place of a link.
fn entry(asset: &Value) -> Option<Entry> {
    if let Some(target) = asset.get("link_name") {
        return Some(Entry {
            what: What::Link(target.as_str()?.to_owned()),
            place: asset.get("dest")?.as_str()?.to_owned(),
        });
    }
    let [source, place, mode] = asset.as_array()?.as_slice() else {
        return None;
    };
    let (source, place) = (source.as_str()?, place.as_str()?);
    let mode = u32::from_str_radix(mode.as_str()?, 8).ok()?;
    let place = match place.strip_suffix('/') {
        Some(directory) => format!("{directory}/{}", Path::new(source).file_name()?.to_str()?),
        None => place.to_owned(),
    };
    let mut entry = Entry::of_crate(source, &place, mode);
    if let Some(name) = source.strip_prefix(BUILT) {
        entry.what = What::Built(name.to_owned(), mode);
    }
    Some(entry)
}

/// Puts the files below `root`, all with the same time of change, in seconds since 1970.
///
/// # Errors
/// When a file cannot be read or written.
pub(crate) fn lay_out(entries: &[Entry], program: &Path, root: &Path, changed: u64) -> Result<()> {
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(changed);
    for Entry { what, place } in entries {
        let path = root.join(place);
        let directory = path.parent().context("no directory")?;
        fs::create_dir_all(directory)?;
        let (source, mode) = match what {
            What::Built(name, mode) => (program.with_file_name(name), *mode),
            What::File(source, mode) => (source.clone(), *mode),
            What::Link(target) => {
                symlink(target, &path)?;
                continue;
            }
        };
        fs::copy(&source, &path).with_context(|| source.display().to_string())?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        File::options()
            .write(true)
            .open(&path)?
            .set_modified(changed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_are_read_as_cargo_deb_reads_them() {
        let file = entry(&json!(["../../man/a.8", "usr/share/man/man8/", "644"])).unwrap();
        assert_eq!(file.place, "usr/share/man/man8/a.8");
        let What::File(source, mode) = file.what else {
            panic!("{file:?}")
        };
        assert!(source.ends_with("src/cli/../../man/a.8"), "{source:?}");
        assert_eq!(mode, 0o644);
        let program = entry(&json!(["target/release/a", "sbin/a", "755"])).unwrap();
        assert_eq!(program.what, What::Built("a".into(), 0o755));
        let link = entry(&json!({"dest": "sbin/b", "link_name": "a"})).unwrap();
        assert_eq!(
            (link.what, link.place.as_str()),
            (What::Link("a".into()), "sbin/b")
        );
        assert_eq!(entry(&json!(["a", "b"])), None);
    }
}
