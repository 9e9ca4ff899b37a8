// SPDX-License-Identifier: MIT

//! The User Mode Linux of a release of Debian, unpacked in the user's cache: its
//! package and the one that loads modules, beside the C library that they need.
//!
//! That takes no root, and nothing there depends on what else the machine has. Only
//! these two programs use that C library. The processes of the kernel are this
//! machine's programs, with this machine's libraries.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::output::err;
use crate::packages::release::{self, Sources};
use crate::packages::{MODPROBE, UML, cache, unpacking};

/// A release that the packages are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    /// The one that this machine has.
    Machine,
    /// Debian 13, whichever Debian this machine has.
    Trixie,
}

/// The loader that every dynamic program for x86-64 names.
const LOADER: &[u8] = b"/lib64/ld-linux-x86-64.so.2\0";

/// The root directory that the packages are unpacked in. They are downloaded, after
/// saying so on standard error, unless an earlier call has done that.
///
/// # Errors
/// When they cannot be downloaded or unpacked.
pub(crate) fn prepare(release: Release) -> Result<PathBuf> {
    let name = match release {
        Release::Machine => this_release(&fs::read_to_string("/etc/os-release")?)?,
        // As /etc/os-release names it.
        Release::Trixie => "debian-13".to_owned(),
    };
    cache::entry(&name, |place| {
        let packages = [UML.package, MODPROBE.package].join(" and ");
        err(format_args!(
            "ipvs-lab: unpacking {packages} of {name} to {} (about 50 MB to download, once; \
             installing nothing)\n",
            place.display()
        ));
        let make = |sources| unpacking::make(place, |staging| fill(staging, &sources));
        let made = match release {
            // What the machine's apt knows may be nothing, or out of date.
            Release::Machine => make(Sources::Known).or_else(|_| make(Sources::Machine)),
            Release::Trixie => make(Sources::Mirror(release::mirror()?)),
        };
        made.with_context(|| format!("cannot unpack {packages} of {name}"))
    })
}

/// Reads the file that names the machine's distribution: `debian-12`.
fn this_release(file: &str) -> Result<String> {
    let value = |name: &str| {
        let mut lines = file.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        let value = value.trim_matches(['"', '\'']);
        let plain = |it: char| it.is_ascii_alphanumeric() || "._-".contains(it);
        (!value.is_empty() && value.chars().all(plain)).then_some(value)
    };
    let id = value("ID").context("/etc/os-release names no distribution")?;
    // Debian's release to come has no number.
    let version = value("VERSION_ID").or_else(|| value("VERSION_CODENAME"));
    Ok(format!("{id}-{}", version.unwrap_or("unreleased")))
}

fn fill(root: &Path, sources: &Sources) -> Result<()> {
    release::with_apt(root, sources, |apt| {
        let packages = apt.needed(&[UML.package, MODPROBE.package])?;
        apt.unpack(&packages, root)
    })?;
    take_own_loader(&root.join("usr/bin/linux.uml"))
}

/// Makes the program name its loader without the first slash. Such a name is
/// looked up in the current directory, where `uml.rs` puts a link to the loader.
///
/// Starting the loader instead, with the program as its argument, does not do:
/// User Mode Linux measures its memory from the end of its own data, and starts
/// itself again. patchelf does the same to the file and more, at the price of
/// another package.
fn take_own_loader(program: &Path) -> Result<()> {
    let mut file = fs::read(program).with_context(|| program.display().to_string())?;
    let place = file.windows(LOADER.len()).position(|it| it == LOADER);
    let name = place.and_then(|place| file.get_mut(place..)?.get_mut(..LOADER.len()));
    // The slash goes, and the end has one NUL more.
    let name = name.context("the program names no loader")?;
    name.rotate_left(1);
    if let Some(last) = name.last_mut() {
        *last = 0;
    }
    Ok(fs::write(program, file)?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{take_own_loader, this_release};

    #[test]
    fn a_program_takes_its_loader_from_where_it_is_started() {
        let program = tempfile::NamedTempFile::new().unwrap();
        let write = |bytes: &[u8]| fs::write(program.path(), bytes).unwrap();
        write(b"\x7fELF..\0/lib64/ld-linux-x86-64.so.2\0/lib64/other\0");
        take_own_loader(program.path()).unwrap();
        let changed = fs::read(program.path()).unwrap();
        assert_eq!(
            changed,
            b"\x7fELF..\0lib64/ld-linux-x86-64.so.2\0\0/lib64/other\0"
        );
        take_own_loader(program.path()).unwrap_err();
    }

    #[test]
    fn each_release_has_a_directory_of_its_own() {
        let name = |file: &str| this_release(file).unwrap();
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 12\"\nVERSION_ID=\"12\"\nID=debian\n";
        assert_eq!(name(debian), "debian-12");
        assert_eq!(name("ID=ubuntu\nVERSION_ID='24.04'\n"), "ubuntu-24.04");
        assert_eq!(name("ID=debian\nVERSION_CODENAME=sid\n"), "debian-sid");
        this_release("ID=../..\n").unwrap_err();
        this_release("").unwrap_err();
    }
}
