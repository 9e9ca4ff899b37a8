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
use crate::packages::unpacking::{self, Apt, output};
use crate::packages::{MODPROBE, UML, cache};

/// A release that the packages are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    /// The one that this machine has.
    Machine,
    /// Debian 13, whichever Debian this machine has.
    Trixie,
}

/// Where apt finds them.
enum Sources {
    /// Where this machine's apt knows already.
    Known,
    /// At the sources of this machine's apt, asked anew.
    Machine,
    /// At a mirror of Debian.
    Mirror(String),
}

/// The name of Debian 13 among the suites.
const SUITE: &str = "trixie";
/// Debian's name for whichever of its mirrors is near (https://deb.debian.org). What
/// comes from there is believed because it is signed.
const MIRROR: &str = "http://deb.debian.org/debian";
/// The keys that Debian signs its suites with. The package of that name in
/// Debian 12 has those of Debian 13 too.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// The directory for what apt has to know.
const LISTS: &str = "apt";
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
            Release::Trixie => make(Sources::Mirror(mirror()?)),
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

/// The address that this machine has its packages of Debian from; Debian's own if apt
/// knows none here.
fn mirror() -> Result<String> {
    let targets = ["Created-By: Packages", "Label: Debian"];
    let mut sources = Apt::Machine.get("indextargets");
    let text = output(sources.args(["--format", "$(REPO_URI)"]).args(targets))?;
    Ok(text.lines().next().unwrap_or(MIRROR).to_owned())
}

fn fill(root: &Path, sources: &Sources) -> Result<()> {
    let lists = root.join(LISTS);
    for part in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(lists.join(part))?;
    }
    let configuration = lists.join("apt.conf");
    let text = lists
        .to_str()
        .filter(|path| !path.contains('"'))
        .context("the cache directory's name must be plain text without quotation marks")?;
    fs::write(&configuration, configure(text, sources))?;
    let apt = Apt::File(&configuration);
    if let Sources::Mirror(mirror) = sources {
        // Of all the indexes, the one of the packages for this kind of machine.
        let options = format!("arch=amd64 target=Packages lang=none signed-by={KEYS}");
        let line = format!("deb [{options}] {mirror} {SUITE} main\n");
        fs::write(lists.join("sources.list"), line)?;
        output(&mut apt.get("update"))
            .with_context(|| format!("the keys for it should be in {KEYS}"))?;
    } else if let Sources::Machine = sources {
        // One package source out of order need not matter.
        let _ = output(&mut apt.get("update"));
    }
    let packages = apt.needed(&[UML.package, MODPROBE.package])?;
    apt.unpack(&packages, root)?;
    fs::remove_dir_all(lists)?;
    take_own_loader(&root.join("usr/bin/linux.uml"))
}

/// Settings for apt with which it takes no package for installed, and writes only
/// below the directory `lists`.
fn configure(lists: &str, sources: &Sources) -> String {
    let mut text = format!(
        "Dir::State::Status \"/dev/null\";\n\
         Dir::Cache \"{lists}/cache\";\n\
         APT::Sandbox::User \"root\";\n\
         #clear APT::Update::Pre-Invoke;\n\
         #clear APT::Update::Post-Invoke;\n\
         #clear APT::Update::Post-Invoke-Success;\n"
    );
    if !matches!(sources, Sources::Known) {
        text += &format!("Dir::State::Lists \"{lists}/lists\";\n");
    }
    if let Sources::Mirror(_) = sources {
        text += &format!(
            "Dir::Etc::SourceList \"{lists}/sources.list\";\n\
             Dir::Etc::SourceParts \"/dev/null\";\n\
             Dir::Etc::Preferences \"/dev/null\";\n\
             Dir::Etc::PreferencesParts \"/dev/null\";\n\
             APT::Update::Error-Mode \"any\";\n\
             #clear APT::Default-Release;\n"
        );
    }
    text
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
