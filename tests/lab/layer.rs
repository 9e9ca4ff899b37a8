// SPDX-License-Identifier: MIT

//! Debian packages that are unpacked for the lab, not installed.
//!
//! The real clients of `ipvsadm` are daemons. Installing their packages would
//! leave units, init scripts and settings on the developer's machine and start
//! what it finds there; a `policy-rc.d` against that is one more thing that the
//! machine would have to get and lose again, and installing takes root. So the
//! packages are downloaded, together with those that they depend on and that
//! this machine lacks, and unpacked beside the lab's own program: no script of
//! theirs runs, and `cargo clean` removes them. A [`Machine`] shows them where
//! they expect to be, to the processes that need them and nobody else.
//!
//! [`Machine`]: crate::machine::Machine

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::build;
use crate::output::err;
use crate::packages::{self, Tool};

/// Names the directory of the unpacked packages to what the lab runs.
pub(crate) const VARIABLE: &str = "IPVS_LAB_PACKAGES";
/// In that directory: what would be in /usr if the packages were installed.
pub(crate) const USR: &str = "usr";
/// In that directory: the packages asked for, and one a line the names and
/// versions of all.
const CONTENTS: &str = "contents";
/// Changes whenever a package is installed, upgraded or removed.
const STATUS: &str = "/var/lib/dpkg/status";

/// The directory of the unpacked packages, as `cargo lab` tells it to what it
/// runs.
///
/// # Errors
/// When `cargo lab` could not unpack them, or did not start this process.
pub(crate) fn directory() -> Result<PathBuf> {
    env::var_os(VARIABLE)
        .map(PathBuf::from)
        .context("no unpacked packages here: `cargo lab test` supplies them, or says why it cannot")
}

/// Unpacks the packages of the tools that this machine lacks, after saying so
/// on standard error, and returns their directory. What an earlier call has
/// unpacked is kept for as long as it fits the machine.
///
/// # Errors
/// When they cannot be downloaded or unpacked.
pub(crate) fn prepare(tools: &[Tool]) -> Result<PathBuf> {
    let place = build::this_program()?.with_file_name("ipvs-lab-packages");
    let names: Vec<_> = packages::missing(tools).into_iter().collect();
    if !is_fresh(&place, &names) && provide(&place, &names).is_err() {
        // The package lists may be absent, or name files that do not exist any
        // more.
        packages::update()?;
        provide(&place, &names)?;
    }
    Ok(place)
}

/// Whether the directory was filled for the same packages when the machine had
/// the same of its own: then it still has just what that lacks.
fn is_fresh(place: &Path, names: &[&str]) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let contents = fs::read_to_string(place.join(CONTENTS)).unwrap_or_default();
    let filled = changed(&place.join(CONTENTS));
    contents.lines().next() == Some(&names.join(" ")) && filled > changed(Path::new(STATUS))
}

/// Fills the directory, unless it has just what is needed already.
fn provide(place: &Path, names: &[&str]) -> Result<()> {
    let wanted = needed(names)?;
    let contents = format!("{}\n{}\n", names.join(" "), wanted.join("\n"));
    if fs::read_to_string(place.join(CONTENTS)).is_ok_and(|had| had == contents) {
        // From now on it is younger than what the machine has.
        return Ok(fs::write(place.join(CONTENTS), contents)?);
    }
    if !wanted.is_empty() {
        err(format_args!(
            "lab: unpacking the Debian packages {} and {} that they need (installing nothing)\n",
            names.join(" "),
            wanted.len().saturating_sub(names.len())
        ));
    }
    let parent = place.parent().context("this program is nowhere")?;
    let staging = tempfile::Builder::new()
        .prefix("ipvs-lab-packages-")
        .tempdir_in(parent)?;
    fill(staging.path(), &wanted)?;
    fs::write(staging.path().join(CONTENTS), contents)?;
    match fs::remove_dir_all(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(fs::rename(staging.keep(), place)?),
    }
}

/// The packages that installing these would bring, as `NAME=VERSION`.
fn needed(names: &[&str]) -> Result<Vec<String>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let output = Command::new("apt-get")
        .env("LC_ALL", "C")
        .args(["install", "--simulate", "--no-install-recommends"])
        .args(names)
        .stdin(Stdio::null())
        .output()
        .context("cannot run apt-get")?;
    ensure!(
        output.status.success(),
        "apt-get cannot tell what {} needs: {}",
        names.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let text = String::from_utf8_lossy(&output.stdout);
    let mut wanted: Vec<_> = text
        .lines()
        .filter_map(pinned)
        // This tree's program stands in for the one that its clients need.
        .filter(|package| !package.starts_with("ipvsadm="))
        .collect();
    wanted.sort_unstable();
    Ok(wanted)
}

/// Reads a line of a simulation: «Inst NAME [INSTALLED] (VERSION ORIGIN ...».
fn pinned(line: &str) -> Option<String> {
    let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
    let (_, version) = rest.split_once('(')?;
    let version = version.split([' ', ')']).next()?;
    Some(format!("{name}={version}"))
}

fn fill(staging: &Path, wanted: &[String]) -> Result<()> {
    let downloads = staging.join("downloads");
    let root = staging.join("root");
    for part in [&downloads, &root, &root.join(USR)] {
        fs::create_dir(part)?;
    }
    if !wanted.is_empty() {
        let mut download = Command::new("apt-get");
        download
            // It would rather be another user, who cannot write here.
            .args(["download", "--quiet=2", "-o=APT::Sandbox::User=root"])
            .args(wanted)
            .current_dir(&downloads);
        run(download)?;
    }
    for package in fs::read_dir(&downloads)? {
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("--extract").arg(package?.path()).arg(&root);
        run(unpack)?;
    }
    // Some packages still have files in /lib, which is a link to /usr/lib.
    for link in ["bin", "sbin", "lib", "lib64"] {
        let directory = root.join(link);
        if directory.is_dir() {
            let mut merge = Command::new("cp");
            merge.args(["--archive", "--link"]).arg(directory);
            merge.arg(root.join(USR));
            run(merge)?;
        }
    }
    fs::rename(root.join(USR), staging.join(USR))?;
    fs::remove_dir_all(root)?;
    fs::remove_dir_all(downloads)?;
    Ok(())
}

fn run(mut command: Command) -> Result<()> {
    let name = command.get_program().to_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", name.display()))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed: {}", name.display(), words.trim());
    }
    Ok(())
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
