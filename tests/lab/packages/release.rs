// SPDX-License-Identifier: MIT

//! Packages of a release of Debian, whichever this machine has.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::packages::unpacking::{Apt, output};

/// Where apt finds packages.
pub(crate) enum Sources {
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
/// The address that this machine has its packages of Debian from; Debian's own if apt
/// knows none here.
pub(crate) fn mirror() -> Result<String> {
    let targets = ["Created-By: Packages", "Label: Debian"];
    let mut sources = Apt::Machine.get("indextargets");
    let text = output(sources.args(["--format", "$(REPO_URI)"]).args(targets))?;
    Ok(text.lines().next().unwrap_or(MIRROR).to_owned())
}

/// Lets `work` use an apt that finds packages there and takes none for installed. While
/// it works, what apt has to know is in a directory below `root`.
///
/// # Errors
/// When the lists cannot be fetched, or `work` fails.
pub(crate) fn with_apt(
    root: &Path,
    sources: &Sources,
    work: impl FnOnce(&Apt<'_>) -> Result<()>,
) -> Result<()> {
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
    work(&apt)?;
    Ok(fs::remove_dir_all(lists)?)
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
