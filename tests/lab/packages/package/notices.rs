// SPDX-License-Identifier: MIT

//! The licences of what is linked into the static program, which a package of it has to
//! carry: those of the crates, of Rust's standard library and of musl.
//!
//! cargo knows the crates, and each brings its licence. It is a few lines; cargo-about
//! and its like would be minutes to build, and know neither of the other two.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::contents::{Entry, What};
use super::linked::{self, Id};
use crate::packages::unpacking::output;
use crate::programs::build;

/// The notice of musl 1.2.5. Rust brings musl along without one.
const MUSL_NOTICE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../src/cli/musl/COPYRIGHT");
/// The licence under which a crate is taken, then other notices, by the names of files.
const LICENCES: [&str; 2] = ["LICENSE-MIT", "LICENSE"];
const NOTICES: [&str; 2] = ["COPYRIGHT", "NOTICE"];
/// The notices of the standard library, as Rust supplies them.
const LIBRARY: &str = "COPYRIGHT-library.html";

/// Writes the notices below `directory` and returns them as files of a package, which has
/// them in `place`.
///
/// # Errors
/// When something that is linked has no licence here.
pub(crate) fn entries(directory: &Path, place: &str) -> Result<Vec<Entry>> {
    let text = text()?;
    let file = directory.join("LICENSES.txt");
    fs::write(&file, text).with_context(|| file.display().to_string())?;
    let library = sysroot()?.join("share/doc/rust").join(LIBRARY);
    ensure!(
        library.exists(),
        "no notices of Rust's standard library in {}: they come with the Rust of rustup",
        library.display()
    );
    Ok([("LICENSES.txt", file), (LIBRARY, library)]
        .map(|(name, path)| Entry {
            what: What::File(path, 0o644),
            place: format!("{place}/{name}"),
        })
        .into())
}

fn sysroot() -> Result<PathBuf> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let path = output(Command::new(rustc).args(["--print", "sysroot"]))?;
    Ok(path.trim_end().into())
}

fn text() -> Result<String> {
    let target = build::static_target();
    let mut text = format!(
        "The program ipvsadm is under the licence in the file LICENSE. Linked with it are\n\
         Rust's standard library ({LIBRARY}), the C library musl, and the crates\n\
         that are named below, each with its own licence.\n"
    );
    let notice = fs::read_to_string(MUSL_NOTICE).context(MUSL_NOTICE)?;
    add(&mut text, "musl", &[notice]);
    let crates = build::read_crates(&[])?;
    for Id { name, version } in linked::read(Some(&target))?.into_keys() {
        let of_crate = || format!("{name} {version}");
        let package = crates.iter().find(|package| {
            package.get("name").and_then(Value::as_str) == Some(&name)
                && package.get("version").and_then(Value::as_str) == Some(&version)
        });
        let of = |field| package?.get(field)?.as_str();
        // This tree's own have none.
        if of("source").is_none() {
            continue;
        }
        let directory = of("manifest_path").and_then(|path| Path::new(path).parent());
        let texts = texts(directory.with_context(of_crate)?).with_context(of_crate)?;
        add(&mut text, &of_crate(), &texts);
    }
    Ok(text)
}

/// Reads the licence of a crate, and what other notices it has.
fn texts(directory: &Path) -> Result<Vec<String>> {
    let there = |name: &&&str| directory.join(name).exists();
    let licence = LICENCES.iter().find(there);
    let licence = licence.with_context(|| {
        format!(
            "{} has no {}",
            directory.display(),
            LICENCES.join(" and no ")
        )
    })?;
    let notices = NOTICES.iter().filter(there);
    let read = |name: &&str| Ok(fs::read_to_string(directory.join(name))?);
    [licence].into_iter().chain(notices).map(read).collect()
}

fn add(text: &mut String, name: &str, texts: &[String]) {
    let _ = write!(text, "\n{}\n{name}\n{0}\n", "=".repeat(72));
    for each in texts {
        let _ = write!(text, "\n{}\n", each.trim_matches('\n'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_without_a_licence_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name| fs::write(directory.path().join(name), name).unwrap();
        write("COPYRIGHT");
        assert!(texts(directory.path()).is_err());
        write("LICENSE");
        assert_eq!(texts(directory.path()).unwrap(), ["LICENSE", "COPYRIGHT"]);
        write("LICENSE-MIT");
        assert_eq!(
            texts(directory.path()).unwrap(),
            ["LICENSE-MIT", "COPYRIGHT"]
        );
    }
}
