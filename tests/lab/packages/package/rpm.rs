// SPDX-License-Identifier: MIT

//! The package for Red Hat's systems and their relatives.
//!
//! rpmbuild makes it from `src/cli/rpm/ipvsadm.spec` and a directory with every file at
//! its place. It has the static program: one that is linked with the C library of this
//! machine would want that version, which the systems that it is for do not have.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::contents::{self, Entry};
use super::{notices, sbom};
use crate::packages;
use crate::packages::layer;
use crate::packages::unpacking::output;
use crate::programs::build::{self, Profile};
use crate::progress::Spinner;

const SPEC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../src/cli/rpm/ipvsadm.spec");

/// Builds the package and returns the path of its file.
///
/// # Errors
/// When the program or the package cannot be built, or rpmbuild cannot be had.
pub(crate) fn build(profile: Profile) -> Result<PathBuf> {
    let text = fs::read_to_string(SPEC).context(SPEC)?;
    let version = version(&text).with_context(|| format!("{SPEC}: no version"))?;
    ensure!(
        version == env!("CARGO_PKG_VERSION"),
        "{SPEC} is about version {version}, and the program is {}",
        env!("CARGO_PKG_VERSION")
    );
    let program = build::static_ipvsadm(profile)?;
    sbom::add_beside(&program, Some(&build::static_target()))?;
    let mut rpmbuild = rpmbuild()?;
    let directory = build::target()?.join("rpm");
    let _progress = Spinner::new("building the package");
    fs::create_dir_all(&directory)?;
    let staging = tempfile::tempdir_in(&directory)?;
    let staged = staging.path().join("staged");
    let seconds = super::last_change()?;
    let mut entries = entries()?;
    entries.extend(notices::entries(&directory, "usr/share/licenses/ipvsadm")?);
    contents::lay_out(&entries, &program, &staged, seconds)?;
    let define = |name: &str, value: &str| format!("--define={name} {value}");
    let path = |path: &Path| path.to_str().map(str::to_owned).context("not a plain path");
    rpmbuild
        .args(["-bb", "--quiet"])
        .arg(define("_topdir", &path(staging.path())?))
        .arg(define("_rpmdir", &path(&directory)?))
        .arg(define("staged", &path(&staged)?))
        .arg(define("_build_name_fmt", "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm"))
        // What RHEL 8 can read, and small.
        .arg(define("_binary_payload", "w6.xzdio"))
        .arg(define("_binary_filedigest_algorithm", "8"))
        // The same tree makes the same package.
        .arg(define("_buildhost", "localhost"))
        .arg(define("use_source_date_epoch_as_buildtime", "1"))
        .arg(define("clamp_mtime_to_source_date_epoch", "1"))
        .env("SOURCE_DATE_EPOCH", seconds.to_string())
        .arg(SPEC);
    output(&mut rpmbuild)?;
    let file = format!("ipvsadm-{version}-1.{}.rpm", env::consts::ARCH);
    let file = directory.join(file);
    ensure!(file.exists(), "rpmbuild built no {}", file.display());
    Ok(file)
}

/// Reads the version of a spec.
fn version(spec: &str) -> Option<&str> {
    let line = spec
        .lines()
        .find_map(|line| line.strip_prefix("Version:"))?;
    Some(line.trim())
}

/// The program rpmbuild: the machine's, or that of the unpacked package with the
/// surroundings that it needs.
fn rpmbuild() -> Result<Command> {
    if let Some(program) = packages::RPMBUILD.find() {
        return Ok(Command::new(program));
    }
    let (_, directory) = layer::RPMBUILD.prepare()?;
    let usr = Path::new(&directory).join(layer::USR);
    let mut path = vec![usr.join("bin")];
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let mut command = Command::new(usr.join("bin/rpmbuild"));
    command
        .env("PATH", env::join_paths(path)?)
        .env("RPM_CONFIGDIR", usr.join("lib/rpm"))
        .env(
            "LD_LIBRARY_PATH",
            usr.join(format!("lib/{}-linux-gnu", env::consts::ARCH)),
        );
    Ok(command)
}

fn entries() -> Result<Vec<Entry>> {
    let of_crate = Entry::of_crate;
    let mut entries = vec![
        of_crate("LICENSE", "usr/share/licenses/ipvsadm/LICENSE", 0o644),
        of_crate("rpm/ipvsadm-config", "etc/sysconfig/ipvsadm-config", 0o644),
        of_crate("rpm/sysconfig", "usr/libexec/ipvsadm/sysconfig", 0o644),
        of_crate(
            "rpm/save",
            "usr/libexec/initscripts/legacy-actions/ipvsadm/save",
            0o755,
        ),
    ];
    entries.extend(contents::read_for(place)?);
    Ok(entries)
}

/// Finds the place of a file of the Debian package, whose settings are not for this one.
fn place(debian: &str) -> Option<String> {
    if debian.starts_with("etc/default/") {
        return None;
    }
    contents::place_outside_debian(debian)
}

#[cfg(test)]
mod tests {
    use super::{place, version};

    #[test]
    fn files_are_where_red_hats_systems_have_them() {
        assert_eq!(place("usr/sbin/ipvsadm").unwrap(), "usr/sbin/ipvsadm");
        assert_eq!(
            place("usr/share/zsh/vendor-completions/_ipvsadm").unwrap(),
            "usr/share/zsh/site-functions/_ipvsadm"
        );
        let page = "usr/share/man/man8/a.8";
        assert_eq!(place(page).unwrap(), page);
        assert_eq!(place("etc/default/ipvsadm"), None);
        assert_eq!(place("usr/share/lintian/overrides/ipvsadm"), None);
    }

    #[test]
    fn the_version_is_read_from_the_spec() {
        assert_eq!(version("Name: a\nVersion: 1.2\nRelease: 1\n"), Some("1.2"));
    }
}
