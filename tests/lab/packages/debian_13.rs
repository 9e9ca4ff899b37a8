// SPDX-License-Identifier: MIT

//! The root directory of a system of Debian 13, with the packages that no system of
//! Debian is without, and what Debian's own package of the original needs.
//!
//! They are unpacked and entered into dpkg's database, and none of their scripts has run.

use std::env;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::output::err;
use crate::packages::release::{self, Sources};
use crate::packages::unpacking::output;
use crate::packages::{ORIGINAL, cache, unpacking};

/// The name of its directory in the cache.
const NAME: &str = "debian-13-system";
/// Names the directory to what the lab runs.
const VARIABLE: &str = "IPVS_LAB_DEBIAN_13";
/// What apt calls the packages that no system is without.
const ESSENTIAL: &str = "?essential";
/// Debian's own package, which is there to be installed.
const ORIGINALS_PACKAGE: &str = "/ipvsadm.deb";

/// The directory, as `cargo lab` tells it to what it runs.
///
/// # Errors
/// When `cargo lab test` could not fill it, or did not start this process.
pub(crate) fn directory() -> Result<PathBuf> {
    env::var_os(VARIABLE)
        .map(PathBuf::from)
        .context("no system of Debian 13 here: `cargo lab test` makes it, or says why it cannot")
}

/// Makes the directory, after saying so on standard error, unless an earlier call has
/// done that. Returns the variable that names it and its value.
///
/// # Errors
/// When the packages cannot be downloaded or unpacked.
pub(crate) fn prepare() -> Result<(&'static str, OsString)> {
    let place = cache::entry(NAME, |place| {
        err(format_args!(
            "ipvs-lab: unpacking a system of Debian 13 to {} (about 40 MB to download, once; \
             installing nothing)\n",
            place.display()
        ));
        unpacking::make(place, fill).context("cannot unpack a system of Debian 13")
    })?;
    Ok((VARIABLE, place.into()))
}

fn fill(root: &Path) -> Result<()> {
    let downloads = root.join("downloads");
    let sources = Sources::Mirror(release::mirror()?);
    release::with_apt(root, &sources, |apt| {
        let packages = apt.needed(&[ESSENTIAL, ORIGINAL.package])?;
        apt.download(&packages, &downloads)
    })?;
    let original = format!("{}_", ORIGINAL.package);
    for package in fs::read_dir(&downloads)? {
        let package = package?;
        if package.file_name().to_string_lossy().starts_with(&original) {
            fs::rename(
                package.path(),
                format!("{}{ORIGINALS_PACKAGE}", root.display()),
            )?;
        } else {
            unpack(&package.path(), root).with_context(|| package.path().display().to_string())?;
        }
    }
    fs::remove_dir_all(downloads)?;
    // The packages leave these to their scripts.
    for name in ["passwd", "group"] {
        let master = root.join(format!("usr/share/base-passwd/{name}.master"));
        fs::copy(&master, root.join("etc").join(name))
            .with_context(|| master.display().to_string())?;
    }
    Ok(())
}

/// Unpacks a package and enters it into dpkg's database as installed.
fn unpack(package: &Path, root: &Path) -> Result<()> {
    let dpkg_deb = |arguments: &[&str]| {
        let (action, rest) = arguments.split_first().context("no action")?;
        let mut command = Command::new("dpkg-deb");
        command.arg(action).arg(package).args(rest);
        output(&mut command)
    };
    let target = root.to_str().context("not a plain path")?;
    let paths = dpkg_deb(&["--vextract", target])?;
    let fields = dpkg_deb(&["--field"])?;
    let field = |name: &str| {
        let mut lines = fields.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let name = field("Package").context("no name")?;
    let name = match field("Multi-Arch") {
        Some("same") => format!(
            "{name}:{}",
            field("Architecture").context("no architecture")?
        ),
        _ => name.to_owned(),
    };
    let database = root.join("var/lib/dpkg");
    fs::create_dir_all(database.join("info"))?;
    // «./usr/bin/» is «/usr/bin» there, and «./» is «/.».
    let list = paths.lines().map(|path| match path.trim_end_matches('/') {
        "." => "/.\n".to_owned(),
        path => format!("{}\n", path.trim_start_matches('.')),
    });
    fs::write(
        database.join(format!("info/{name}.list")),
        list.collect::<String>(),
    )?;
    let mut status = OpenOptions::new();
    let mut status = status
        .create(true)
        .append(true)
        .open(database.join("status"))?;
    writeln!(status, "Status: install ok installed\n{fields}")?;
    Ok(())
}
