// SPDX-License-Identifier: MIT

//! What is linked into the program of a package, for machines to read: a bill of materials
//! in CycloneDX 1.5.
//!
//! cargo-cyclonedx (0.5.9) takes five minutes to build, names crates that are not linked
//! (procedural macros and what they use, and what features of the tests' crates bring) and
//! says in which directory the tree is. So this is a few lines.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::linked::{self, Id, Linked};
use crate::packages::unpacking::output;

/// The checksums of the crates.
const LOCK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
/// The crate of the program.
const PROGRAM: &str = "ipvsadm";
/// The file, as the list of the packages' files has it.
const FILE: &str = "ipvsadm.cdx.json";

/// Writes the file beside the program, which was built for this target or for the machine.
///
/// # Errors
/// When cargo or the compiler cannot tell what is linked.
pub(super) fn add_beside(program: &Path, target: Option<&str>) -> Result<()> {
    let file = program.with_file_name(FILE);
    let text = format!("{:#}\n", document(target)?);
    fs::write(&file, text).with_context(|| file.display().to_string())
}

/// What is linked with the crates and is no crate of Cargo.lock.
struct Library {
    name: &'static str,
    version: String,
    licence: &'static str,
    /// Whose it is and what it is called in the dictionary of CPE, which lists of
    /// vulnerabilities use.
    cpe: &'static str,
}

impl Library {
    fn reference(&self) -> String {
        format!("pkg:generic/{}@{}", self.name, self.version)
    }

    fn component(&self) -> Value {
        let cpe = format!("cpe:2.3:a:{}:{}:*:*:*:*:*:*:*", self.cpe, self.version);
        let reference = self.reference();
        json!({
            "type": "library",
            "bom-ref": reference,
            "name": self.name,
            "version": self.version,
            "licenses": [{ "expression": self.licence }],
            "cpe": cpe,
            "purl": reference,
        })
    }
}

fn document(target: Option<&str>) -> Result<Value> {
    let crates = linked::read(target)?;
    let libraries = libraries(target)?;
    let lock = fs::read_to_string(LOCK).context(LOCK)?;
    let own = crates.keys().find(|id| id.name == PROGRAM);
    let own = own.context("cargo does not know the program's crate")?;
    let mut components = Vec::new();
    let mut graph = Vec::new();
    let mut program = Value::Null;
    for (id, linked) in &crates {
        let mut uses: Vec<_> = linked.uses.iter().map(purl).collect();
        if id == own {
            program = of_crate("application", id, linked, &lock);
            uses.extend(libraries.iter().map(Library::reference));
        } else {
            components.push(of_crate("library", id, linked, &lock));
        }
        graph.push(json!({ "ref": purl(id), "dependsOn": uses }));
    }
    for library in &libraries {
        components.push(library.component());
        graph.push(json!({ "ref": library.reference(), "dependsOn": [] }));
    }
    let time = format!("--date=@{}", super::last_change()?);
    let time = output(Command::new("date").args(["--utc", &time, "+%Y-%m-%dT%H:%M:%SZ"]))?;
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "timestamp": time.trim_end(), "component": program },
        "components": components,
        "dependencies": graph,
    }))
}

/// The identifier of a crate (https://github.com/package-url/purl-spec). Names and versions
/// of crates have no character that would have to be written in another way but `+`.
fn purl(id: &Id) -> String {
    let version = id.version.replace('+', "%2B");
    format!("pkg:cargo/{}@{version}", id.name)
}

fn of_crate(kind: &str, id: &Id, linked: &Linked, lock: &str) -> Value {
    // This tree's own have none.
    let sum = checksum(lock, id).map(|sum| json!({ "alg": "SHA-256", "content": sum }));
    json!({
        "type": kind,
        "bom-ref": purl(id),
        "name": id.name,
        "version": id.version,
        "hashes": sum.as_slice(),
        "licenses": [{ "expression": linked.licence }],
        "purl": purl(id),
    })
}

/// Finds the SHA-256 of the file that crates.io has of a crate.
fn checksum<'a>(lock: &'a str, id: &Id) -> Option<&'a str> {
    fn value<'a>(package: &'a str, key: &str) -> Option<&'a str> {
        let value = |line: &'a str| line.strip_prefix(key)?.strip_prefix(" = \"");
        package.lines().find_map(value)?.strip_suffix('"')
    }
    let is_it = |package: &&str| {
        value(package, "name") == Some(&id.name) && value(package, "version") == Some(&id.version)
    };
    let package = lock.split("[[package]]").find(is_it)?;
    value(package, "checksum")
}

fn libraries(target: Option<&str>) -> Result<Vec<Library>> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let text = output(Command::new(&rustc).arg("-vV"))?;
    let version = |line: &str| Some(line.strip_prefix("release: ")?.to_owned());
    let version = text.lines().find_map(version);
    let mut libraries = vec![Library {
        name: "rust",
        version: version.context("rustc does not tell its version")?,
        licence: "MIT OR Apache-2.0",
        cpe: "rust-lang:rust",
    }];
    libraries.push(if let Some(target) = target {
        let mut print = Command::new(rustc);
        print.args(["--print", "target-libdir", "--target", target]);
        let library = Path::new(output(&mut print)?.trim_end()).join("self-contained/libc.a");
        let bytes = fs::read(&library).with_context(|| library.display().to_string())?;
        let version = version_of_musl(&bytes);
        Library {
            name: "musl",
            version: version.with_context(|| format!("{}: no version", library.display()))?,
            licence: "MIT",
            cpe: "musl-libc:musl",
        }
    } else {
        // The unwinder, by src/cli/build.rs.
        let version = output(Command::new("cc").arg("-dumpfullversion"))?;
        Library {
            name: "gcc",
            version: version.trim_end().to_owned(),
            licence: "GPL-3.0-or-later WITH GCC-exception-3.1",
            cpe: "gnu:gcc",
        }
    });
    Ok(libraries)
}

/// Finds the version among the constants of musl: the only one that is three numbers.
fn version_of_musl(library: &[u8]) -> Option<String> {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    let is_version = |text: &&str| text.split('.').count() == 3 && text.split('.').all(is_number);
    let mut constants = library.split(|byte| *byte == 0);
    constants.find_map(|text| {
        let text = str::from_utf8(text).ok();
        text.filter(is_version).map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_that_of_the_version() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
                    checksum = \"01\"\ndependencies = [\n \"b\",\n]\n\n\
                    [[package]]\nname = \"a\"\nversion = \"2.0.0\"\nchecksum = \"02\"\n\n\
                    [[package]]\nname = \"b\"\nversion = \"2.0.0\"\n";
        let of = |name: &str, version: &str| {
            let (name, version) = (name.to_owned(), version.to_owned());
            checksum(lock, &Id { name, version })
        };
        assert_eq!(of("a", "1.0.0"), Some("01"));
        assert_eq!(of("a", "2.0.0"), Some("02"));
        assert_eq!(of("b", "2.0.0"), None);
        assert_eq!(of("c", "1.0.0"), None);
    }

    #[test]
    fn the_version_of_musl_is_a_constant_of_three_numbers() {
        let library = b"!<arch>\n\0x1.2.4\x001.2\x00127.0.0.1\x001.2.5\0";
        assert_eq!(version_of_musl(library).unwrap(), "1.2.5");
        assert_eq!(version_of_musl(b"1.2.\0"), None);
    }
}
