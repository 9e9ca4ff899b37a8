// SPDX-License-Identifier: MIT

//! Building the Debian package of this tree's program.
//!
//! cargo-deb does it, from what the program's `Cargo.toml` says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::sbom;
use crate::packages::{self, Tool};
use crate::programs::build::{self, Profile};
use crate::programs::cargo_tool;
use crate::progress::Spinner;

/// The one version, so that the same tree makes the same package.
const CARGO_DEB: &str = "3.8.0";
/// Tells cargo-deb which libraries the program needs, in which versions.
const SHLIBDEPS: Tool = Tool {
    package: "dpkg-dev",
    places: &["/usr/bin/dpkg-shlibdeps"],
};
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../src/cli/Cargo.toml");
/// The package's history in Debian's form, newest first.
const CHANGELOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../src/cli/debian/changelog");

/// Builds the package and returns the path of its file.
///
/// # Errors
/// When the build fails, or that of cargo-deb, which has said why.
pub(crate) fn build() -> Result<PathBuf> {
    let version = version()?;
    packages::install(&[SHLIBDEPS])?;
    let cargo_deb = cargo_tool::provide("cargo-deb", CARGO_DEB)?;
    let program = build::ipvsadm(Profile::Release)?;
    sbom::add_beside(&program, None)?;
    let place = build::target()?.join("debian");
    let progress = Spinner::new("building the package");
    let output = cargo_tool::clean(Command::new(cargo_deb))
        // It would build the whole workspace for the file beside the program.
        .args(["--no-build", "--locked", "--manifest-path", MANIFEST])
        .args(["--deb-version", &version, "--output"])
        .arg(place.join(""))
        // Otherwise files have the time of Cargo.toml, which each checkout makes another.
        .env("SOURCE_DATE_EPOCH", super::last_change()?.to_string())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo-deb")?;
    drop(progress);
    ensure!(output.status.success(), "cannot build the package");
    let written = String::from_utf8(output.stdout)?;
    let written = Path::new(written.trim_end());
    // apt takes a colon in a file's name for something else.
    let name = written.file_name().and_then(|name| name.to_str());
    let name = name.context("cargo-deb built no package")?;
    let (epoch, _) = version.split_once(':').unwrap_or_default();
    let package = place.join(name.replacen(&format!("_{epoch}:"), "_", 1));
    fs::rename(written, &package)
        .with_context(|| format!("cannot rename {}", written.display()))?;
    Ok(package)
}

/// The package's version, from its changelog: an epoch, the program's version
/// and the package's revision.
fn version() -> Result<String> {
    let text = fs::read_to_string(CHANGELOG).context(CHANGELOG)?;
    let version = newest(&text).with_context(|| format!("{CHANGELOG}: no version"))?;
    let (_, upstream) = version.split_once(':').unwrap_or(("", version));
    let (upstream, _) = upstream.rsplit_once('-').unwrap_or((upstream, ""));
    ensure!(
        upstream == env!("CARGO_PKG_VERSION"),
        "{CHANGELOG} is about version {upstream}, and the program is {}",
        env!("CARGO_PKG_VERSION")
    );
    Ok(version.to_owned())
}

/// The day of that version: «Fri, 20 Nov 2026 12:00:00 +0000».
pub(crate) fn newest_date() -> Result<String> {
    let text = fs::read_to_string(CHANGELOG).context(CHANGELOG)?;
    let date = date(&text).with_context(|| format!("{CHANGELOG}: no date"))?;
    Ok(date.to_owned())
}

/// Reads the last line of a changelog's first entry: « -- NAME <ADDRESS>  DATE».
fn date(changelog: &str) -> Option<&str> {
    let line = changelog.lines().find(|line| line.starts_with(" -- "))?;
    Some(line.rsplit_once(">  ")?.1)
}

/// Reads a changelog's first line: «NAME (VERSION) DISTRIBUTION; urgency=...».
fn newest(changelog: &str) -> Option<&str> {
    let (_, rest) = changelog.split_once(" (")?;
    let (version, _) = rest.split_once(") ")?;
    Some(version)
}

#[cfg(test)]
mod tests {
    use super::{date, newest, version};

    #[test]
    fn the_newest_version_is_in_the_changelogs_first_line() {
        let text = "ipvsadm (2:1.2.3-4) unstable; urgency=medium\n\n  * (no) thing.\n\n \
                    -- A <a@example.org>  Fri, 20 Nov 2026 12:00:00 +0000\n";
        assert_eq!(newest(text).unwrap(), "2:1.2.3-4");
        assert_eq!(date(text).unwrap(), "Fri, 20 Nov 2026 12:00:00 +0000");
        assert_eq!(newest("nothing"), None);
    }

    #[test]
    fn the_packages_version_is_above_any_of_debians_package() {
        let version = version().unwrap();
        assert_eq!(version.split_once(':').unwrap().0, "2", "{version}");
    }
}
