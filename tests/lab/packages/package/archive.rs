// SPDX-License-Identifier: MIT

//! A compressed archive of the static program and what belongs to it, for any
//! distribution.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::contents::{self, Entry};
use super::{notices, sbom};
use crate::packages::unpacking::output;
use crate::programs::build::{self, Profile};
use crate::progress::Spinner;

/// The file with the sums of the others.
const SUMS: &str = "SHA256SUMS";

/// Builds the archive and returns its path. The same tree makes the same bytes.
///
/// # Errors
/// When the program cannot be built, or a file cannot be written.
pub(crate) fn build(profile: Profile) -> Result<PathBuf> {
    let program = build::static_ipvsadm(profile)?;
    sbom::add_beside(&program, Some(&build::static_target()))?;
    let directory = build::target()?.join("archive");
    let _progress = Spinner::new("building the archive");
    fs::create_dir_all(&directory)?;
    let name = format!(
        "ipvsadm-{}-{}-linux",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH
    );
    let staging = tempfile::tempdir_in(&directory)?;
    let root = staging.path().join(&name);
    let seconds = super::last_change()?;
    let mut entries = entries()?;
    entries.extend(notices::entries(&directory, "share/doc/ipvsadm")?);
    contents::lay_out(&entries, &program, &root, seconds)?;
    add_sums(&root)?;
    let file = directory.join(format!("{name}.tar.gz"));
    let mut tar = Command::new("tar");
    tar.args([
        "--create",
        "--sort=name",
        "--owner=root:0",
        "--group=root:0",
    ])
    .args(["--mode=u+rw,go+r-w,a-s", "--format=ustar"])
    .arg(format!("--mtime=@{seconds}"))
    .arg("--use-compress-program=gzip --best --no-name")
    .arg("--file")
    .arg(&file)
    .arg("--directory")
    .arg(staging.path())
    .arg(&name);
    output(&mut tar)?;
    Ok(file)
}

/// The files and their places below a prefix such as /usr/local.
fn entries() -> Result<Vec<Entry>> {
    let mut entries = vec![Entry::of_crate(
        "LICENSE",
        "share/doc/ipvsadm/LICENSE",
        0o644,
    )];
    entries.extend(contents::read_for(place)?);
    Ok(entries)
}

/// Finds the place of a file of the Debian package. Units and settings are for systems
/// with packages.
fn place(debian: &str) -> Option<String> {
    let place = contents::place_outside_debian(debian)?;
    let place = place.strip_prefix("usr/")?;
    let folders = ["sbin/", "share/"];
    let is_wanted = folders.iter().any(|folder| place.starts_with(folder));
    is_wanted.then(|| place.to_owned())
}

/// Writes the sums of all files, as `sha256sum --check` reads them.
fn add_sums(root: &Path) -> Result<()> {
    let mut find = Command::new("find");
    let files = output(find.args([".", "-type", "f"]).current_dir(root))?;
    let mut files: Vec<_> = files.lines().filter_map(|file| file.get(2..)).collect();
    files.sort_unstable();
    let mut sum = Command::new("sha256sum");
    let sums = output(sum.args(&files).current_dir(root))?;
    let path = root.join(SUMS);
    fs::write(&path, sums).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn files_are_below_the_prefix_and_those_of_a_package_are_left_out() {
        assert_eq!(place("usr/sbin/ipvsadm").unwrap(), "sbin/ipvsadm");
        assert_eq!(
            place("usr/share/zsh/vendor-completions/_ipvsadm").unwrap(),
            "share/zsh/site-functions/_ipvsadm"
        );
        assert_eq!(
            place("usr/share/man/man8/a.8").unwrap(),
            "share/man/man8/a.8"
        );
        assert_eq!(place("etc/default/ipvsadm"), None);
        assert_eq!(place("usr/share/lintian/overrides/ipvsadm"), None);
        assert_eq!(place("usr/lib/systemd/system/ipvsadm.service"), None);
    }
}
