// SPDX-License-Identifier: MIT

//! Building the packages of this tree's program.

mod archive;
mod contents;
mod debian;
mod linked;
mod notices;
mod rpm;
mod sbom;

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::packages::unpacking::output;
use crate::programs::build::Profile;

/// A kind of package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For Debian and its relatives.
    Deb,
    /// For Red Hat's systems, openEuler and their relatives.
    Rpm,
    /// An archive of the static program, for any distribution.
    Tar,
}

impl Format {
    pub(crate) const ALL: [Self; 3] = [Self::Deb, Self::Rpm, Self::Tar];

    /// The environment variable that names the file to what the lab runs.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::Deb => "IPVS_LAB_PACKAGE_DEB",
            Self::Rpm => "IPVS_LAB_PACKAGE_RPM",
            Self::Tar => "IPVS_LAB_PACKAGE_TAR",
        }
    }

    /// Returns whether a test of the target `kernel` needs the package: one of these
    /// modules does.
    pub(crate) fn is_needed_by(self, test: &str) -> bool {
        let modules: &[&str] = match self {
            Self::Deb => &[
                "package::deb::",
                "package::debian_13::",
                "package::metrics::",
                "package::sbom::",
            ],
            Self::Rpm => &["package::rpm::", "package::sbom::"],
            Self::Tar => &["package::tar::", "package::container::", "package::sbom::"],
        };
        modules.iter().any(|module| test.starts_with(module))
    }

    /// Builds the package and returns the path of its file. What holds the static
    /// program has the one of this profile.
    ///
    /// # Errors
    /// When something cannot be built, which has said why.
    pub(crate) fn build(self, profile: Profile) -> Result<PathBuf> {
        match self {
            Self::Deb => debian::build(),
            Self::Rpm => rpm::build(profile),
            Self::Tar => archive::build(profile),
        }
    }

    /// The file of the package, as `cargo lab` tells it to what it runs.
    ///
    /// # Errors
    /// When `cargo lab test` could not build it, or did not start this process.
    pub fn path(self) -> Result<PathBuf> {
        env::var_os(self.variable())
            .map(PathBuf::from)
            .context("no package here: `cargo lab test` builds it, or says why it cannot")
    }
}

/// The time that files of a package have, in seconds since 1970: that of the newest version
/// in Debian's changelog, so that the same tree makes the same package.
fn last_change() -> Result<u64> {
    let date = debian::newest_date()?;
    let seconds = output(Command::new("date").args(["--date", &date, "+%s"]))?;
    Ok(seconds.trim_end().parse()?)
}
