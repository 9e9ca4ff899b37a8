// SPDX-License-Identifier: MIT

//! The User Mode Linux of Debian 13 (trixie), on whichever Debian this machine
//! has: its package, unpacked beside the C library that its program needs.
//!
//! Only that program uses the C library. The processes of the kernel are this
//! machine's programs, with this machine's libraries.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::output::err;
use crate::packages::UML;
use crate::packages::unpacking::{self, Apt, output};

/// Its name among the suites of Debian.
const SUITE: &str = "trixie";
/// The keys that Debian signs its suites with. The package of that name in
/// Debian 12 has those of Debian 13 too.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// The directory for what apt knows about the suite.
const LISTS: &str = "apt";
/// The loader that every dynamic program for x86-64 names.
const LOADER: &[u8] = b"/lib64/ld-linux-x86-64.so.2\0";

/// The root directory that the package is unpacked in. It is downloaded, after
/// saying so on standard error, unless an earlier call has done that.
///
/// # Errors
/// When it cannot be downloaded or unpacked.
pub(crate) fn prepare() -> Result<PathBuf> {
    let place = unpacking::place("ipvs-lab-trixie")?;
    if !place.exists() {
        let package = UML.package;
        err(format_args!(
            "lab: unpacking the package {package} of Debian 13 (about 50 MB to download, \
             installing nothing)\n"
        ));
        let mirror = unpacking::with_lists(mirror)?;
        unpacking::make(&place, |staging| fill(staging, &mirror))
            .with_context(|| format!("cannot unpack the package {package} of Debian 13"))?;
    }
    Ok(place)
}

/// The address that this machine has its packages of Debian from.
fn mirror() -> Result<String> {
    let targets = ["Created-By: Packages", "Label: Debian"];
    let mut sources = Apt::Machine.get("indextargets");
    let text = output(sources.args(["--format", "$(REPO_URI)"]).args(targets))?;
    let first = text.lines().next();
    Ok(first
        .context("no mirror of Debian among this machine's package sources")?
        .to_owned())
}

fn fill(root: &Path, mirror: &str) -> Result<()> {
    let lists = root.join(LISTS);
    for part in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(lists.join(part))?;
    }
    fs::write(
        lists.join("sources.list"),
        // Of all the indexes, the one of the packages for this kind of machine.
        format!(
            "deb [arch=amd64 target=Packages lang=none signed-by={KEYS}] {mirror} {SUITE} main\n"
        ),
    )?;
    let configuration = lists.join("apt.conf");
    fs::write(&configuration, configure(&lists)?)?;
    let apt = Apt::File(&configuration);
    output(&mut apt.get("update"))
        .with_context(|| format!("the keys for it should be in {KEYS}"))?;
    let packages = apt.needed(&[UML.package])?;
    apt.unpack(&packages, root)?;
    fs::remove_dir_all(lists)?;
    take_own_loader(&root.join("usr/bin/linux.uml"))
}

/// Settings for apt with which it knows only this suite and takes no package
/// for installed. They leave alone what the machine's own apt knows.
fn configure(lists: &Path) -> Result<String> {
    let lists = lists
        .to_str()
        .filter(|path| !path.contains('"'))
        .context("the target directory's name must be plain text without quotation marks")?;
    Ok(format!(
        "Dir::Etc::SourceList \"{lists}/sources.list\";\n\
         Dir::Etc::SourceParts \"/dev/null\";\n\
         Dir::Etc::Preferences \"/dev/null\";\n\
         Dir::Etc::PreferencesParts \"/dev/null\";\n\
         Dir::State::Lists \"{lists}/lists\";\n\
         Dir::State::Status \"/dev/null\";\n\
         Dir::Cache \"{lists}/cache\";\n\
         APT::Sandbox::User \"root\";\n\
         APT::Update::Error-Mode \"any\";\n\
         #clear APT::Default-Release;\n\
         #clear APT::Update::Pre-Invoke;\n\
         #clear APT::Update::Post-Invoke;\n\
         #clear APT::Update::Post-Invoke-Success;\n"
    ))
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

    use super::take_own_loader;

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
}
