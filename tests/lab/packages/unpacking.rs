// SPDX-License-Identifier: MIT

//! Debian packages that are downloaded and unpacked, not installed.
//!
//! They go beside the lab's own program: no script of theirs runs, it takes no
//! root, and `cargo clean` removes them.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::packages;
use crate::programs::build;

/// Where packages come from.
pub(crate) enum Apt<'a> {
    /// From where this machine has its own.
    Machine,
    /// From where a configuration file for apt says.
    File(&'a Path),
}

/// The directory of that name beside the lab's own program.
pub(crate) fn place(name: &str) -> Result<PathBuf> {
    Ok(build::this_program()?.with_file_name(name))
}

/// Makes the directory `place` anew: `fill` gets an empty one, which takes its
/// place when it succeeds.
pub(crate) fn make(place: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let parent = place.parent().context("this program is nowhere")?;
    let name = place.file_name().unwrap_or_default();
    let staging = tempfile::Builder::new().prefix(name).tempdir_in(parent)?;
    fill(staging.path())?;
    match fs::remove_dir_all(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(fs::rename(staging.keep(), place)?),
    }
}

/// Tries, and tries again with new package lists: the old ones may be absent or
/// name files that do not exist any more.
pub(crate) fn with_lists<T>(work: impl Fn() -> Result<T>) -> Result<T> {
    work().or_else(|_| {
        packages::update()?;
        work()
    })
}

impl Apt<'_> {
    /// The packages that installing these would bring, as `NAME=VERSION`.
    pub(crate) fn needed(&self, names: &[&str]) -> Result<Vec<String>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut simulate = self.get("install");
        simulate.args(["--simulate", "--no-install-recommends"]);
        let text = output(simulate.args(names))
            .with_context(|| format!("apt-get cannot tell what {} needs", names.join(" ")))?;
        let mut needed: Vec<_> = text.lines().filter_map(pinned).collect();
        needed.sort_unstable();
        Ok(needed)
    }

    /// Downloads packages, each a `NAME` or `NAME=VERSION`, and unpacks them
    /// below `root`, where /bin, /lib and the like are links into /usr, as on a
    /// Debian system.
    pub(crate) fn unpack(&self, packages: &[String], root: &Path) -> Result<()> {
        fs::create_dir(root.join("usr"))?;
        if packages.is_empty() {
            return Ok(());
        }
        let downloads = root.join("downloads");
        self.download(packages, &downloads)?;
        for package in fs::read_dir(&downloads)? {
            let mut unpack = Command::new("dpkg-deb");
            unpack.arg("--extract").arg(package?.path());
            output(unpack.arg(root))?;
        }
        fs::remove_dir_all(downloads)?;
        // Some packages still have files outside of /usr.
        for name in ["bin", "sbin", "lib", "lib64"] {
            let directory = root.join(name);
            if directory.is_dir() {
                let mut merge = Command::new("cp");
                merge.args(["--archive", "--link"]).arg(&directory);
                output(merge.arg(root.join("usr")))?;
                fs::remove_dir_all(&directory)?;
            }
            symlink(Path::new("usr").join(name), directory)?;
        }
        Ok(())
    }

    /// Downloads packages, each a `NAME` or `NAME=VERSION`, into a new directory.
    pub(crate) fn download(&self, packages: &[String], directory: &Path) -> Result<()> {
        fs::create_dir(directory)?;
        let mut download = self.get("download");
        // It would rather be another user, who cannot write here.
        download.args(["--quiet=2", "-o=APT::Sandbox::User=root"]);
        output(download.args(packages).current_dir(directory))?;
        Ok(())
    }

    /// `apt-get ACTION`.
    pub(crate) fn get(&self, action: &str) -> Command {
        let mut command = Command::new("apt-get");
        if let Self::File(configuration) = self {
            command.arg("-c").arg(configuration);
        }
        command.arg(action);
        command
    }
}

/// Reads a line of a simulation: «Inst NAME [INSTALLED] (VERSION ORIGIN ...».
fn pinned(line: &str) -> Option<String> {
    let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
    let (_, version) = rest.split_once('(')?;
    let version = version.split([' ', ')']).next()?;
    Some(format!("{name}={version}"))
}

/// Returns what a program writes to its standard output.
///
/// # Errors
/// When it cannot be run or fails; what it said is in the text.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_owned();
    let output = command
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", name.display()))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed: {}", name.display(), words.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::pinned;

    #[test]
    fn a_simulated_installation_names_each_package_with_its_version() {
        let new = "Inst libsocket6-perl (0.29-3 Debian:12.15/oldstable [amd64])";
        assert_eq!(pinned(new).unwrap(), "libsocket6-perl=0.29-3");
        let upgrade = "Inst perl [5.36.0-7+deb12u2] (5.36.0-7+deb12u4 Security:12 [amd64]) []";
        assert_eq!(pinned(upgrade).unwrap(), "perl=5.36.0-7+deb12u4");
        assert_eq!(pinned("Conf perl (5.36.0-7+deb12u4 Security:12)"), None);
    }
}
