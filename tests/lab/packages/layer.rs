// SPDX-License-Identifier: MIT

//! Packages that tests need and this machine lacks, unpacked for the lab.
//!
//! The real clients of `ipvsadm` are daemons. Installing their packages would
//! leave units, init scripts and settings on the developer's machine and start
//! what it finds there; a `policy-rc.d` against that is one more thing that the
//! machine would have to get and lose again, and installing takes root. So the
//! packages are unpacked, together with those that they depend on and that this
//! machine lacks. A [`Machine`] shows them where they expect to be, to the
//! processes that need them and nobody else.
//!
//! [`Machine`]: crate::packages::machine::Machine

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::output::err;
use crate::packages::unpacking::{self, Apt};
use crate::packages::{self, Tool};

/// A directory of unpacked packages, laid out as a root directory.
pub(crate) struct Layer {
    /// Its name beside the lab's own program.
    name: &'static str,
    /// Names it to what the lab runs.
    variable: &'static str,
    /// The programs that have to be there, installed or unpacked.
    tools: &'static [Tool],
}

/// The programs that a [`Machine`](crate::packages::machine::Machine) has beside this tree's.
pub(crate) const CLIENTS: Layer = Layer {
    name: "ipvs-lab-packages",
    variable: "IPVS_LAB_PACKAGES",
    tools: &[
        packages::LDIRECTORD,
        packages::NET_INET6GLUE,
        packages::RESOURCE_AGENTS,
        packages::CRM_SIMULATE,
        packages::KEEPALIVED,
        packages::SYSTEMD_ANALYZE,
        packages::OPENRC,
        packages::SYSTEMD_SOCKET_ACTIVATE,
        packages::PYTHON,
        packages::PROMETHEUS_CLIENT,
        packages::ANSIBLE_PLAYBOOK,
        packages::NODE_EXPORTER,
        packages::PROMETHEUS,
        packages::PROMTOOL,
        packages::BASH_COMPLETION,
        packages::ZSH,
        packages::FISH,
        packages::TMUX,
        packages::IPTABLES,
        packages::CURL,
        packages::TIME,
        packages::PROCPS,
        packages::SETCAP,
        packages::ETHTOOL,
        packages::JQ,
        packages::RPMBUILD,
        packages::RPMLINT,
        packages::LINTIAN,
    ],
};
/// The original. It lies apart: where its clients are, this tree's program
/// takes its place.
pub(crate) const ORIGINAL: Layer = Layer {
    name: "ipvs-lab-original",
    variable: "IPVS_LAB_ORIGINAL",
    tools: &[packages::ORIGINAL],
};

/// What builds a package without anything else of a machine.
pub(crate) const RPMBUILD: Layer = Layer {
    name: "ipvs-lab-rpmbuild",
    variable: "IPVS_LAB_RPMBUILD",
    tools: &[packages::RPMBUILD],
};

/// What links and runs the tests for s390x.
pub(crate) const S390X: Layer = Layer {
    name: "ipvs-lab-s390x",
    variable: "IPVS_LAB_S390X",
    tools: &[
        packages::S390X_GCC,
        packages::S390X_LIBC,
        packages::QEMU_USER,
    ],
};

/// In that directory: what would be in /usr if the packages were installed.
pub(crate) const USR: &str = "usr";
/// In that directory: the packages asked for, and one a line the names and
/// versions of all.
const CONTENTS: &str = "contents";
/// Changes whenever a package is installed, upgraded or removed.
const STATUS: &str = "/var/lib/dpkg/status";

impl Layer {
    /// The directory, as `cargo lab` tells it to what it runs.
    ///
    /// # Errors
    /// When `cargo lab` could not fill it, or did not start this process.
    pub(crate) fn directory(&self) -> Result<PathBuf> {
        env::var_os(self.variable).map(PathBuf::from).context(
            "no unpacked packages here: `cargo lab test` supplies them, or says why it cannot",
        )
    }

    /// Unpacks the packages of the tools that this machine lacks, after saying
    /// so on standard error, and returns the variable that names their
    /// directory and its value. What an earlier call has unpacked is kept for
    /// as long as it fits the machine.
    ///
    /// # Errors
    /// When they cannot be downloaded or unpacked.
    pub(crate) fn prepare(&self) -> Result<(&'static str, OsString)> {
        let place = unpacking::place(self.name)?;
        let names: Vec<_> = packages::missing(self.tools).into_iter().collect();
        if !is_fresh(&place, &names) {
            unpacking::with_lists(|| provide(&place, &names))?;
        }
        Ok((self.variable, place.into()))
    }
}

/// Returns whether the directory was filled for the same packages when the machine had
/// the same of its own: then it still has just what that lacks.
fn is_fresh(place: &Path, names: &[&str]) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let contents = fs::read_to_string(place.join(CONTENTS)).unwrap_or_default();
    let filled = changed(&place.join(CONTENTS));
    contents.lines().next() == Some(&names.join(" ")) && filled > changed(Path::new(STATUS))
}

/// Fills the directory, unless it has just what is needed already.
fn provide(place: &Path, names: &[&str]) -> Result<()> {
    let mut wanted = Apt::Machine.needed(names)?;
    // This tree's program stands in for the one that its clients need.
    let original = packages::ORIGINAL.package;
    if !names.contains(&original) {
        wanted.retain(|package| !package.starts_with(&format!("{original}=")));
    }
    let contents = format!("{}\n{}\n", names.join(" "), wanted.join("\n"));
    if fs::read_to_string(place.join(CONTENTS)).is_ok_and(|had| had == contents) {
        // From now on it is younger than what the machine has.
        return Ok(fs::write(place.join(CONTENTS), contents)?);
    }
    if !wanted.is_empty() {
        err(format_args!(
            "ipvs-lab: unpacking the Debian packages {} and {} that they need (installing nothing)\n",
            names.join(" "),
            wanted.len().saturating_sub(names.len())
        ));
    }
    unpacking::make(place, |staging| {
        Apt::Machine.unpack(&wanted, staging)?;
        Ok(fs::write(staging.join(CONTENTS), contents)?)
    })
}
