// SPDX-License-Identifier: MIT

//! The crates that are linked into the program, which cargo knows.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};

use crate::packages::unpacking::output;
use crate::programs::build;

/// The name and version of a crate. All come from crates.io or from this tree, so that no
/// two have the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) name: String,
    pub(super) version: String,
}

/// The rest of what is known of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Linked {
    /// An SPDX expression.
    pub(super) licence: String,
    /// The crates that it uses itself.
    pub(super) uses: BTreeSet<Id>,
}

/// Reads the program's crate and all that are linked with it: neither those that only
/// build or test it, nor procedural macros, which run in the compiler.
///
/// # Errors
/// When cargo cannot tell, or tells it in another form.
pub(super) fn read(target: Option<&str>) -> Result<BTreeMap<Id, Linked>> {
    let mut tree = build::cargo("tree")?;
    tree.args(["--locked", "--package", "ipvsadm"])
        .args(["--edges", "normal,no-proc-macro"])
        .args(["--prefix", "depth", "--format", "|{l}|{p}"]);
    if let Some(target) = target {
        tree.args(["--target", target]);
    }
    parse(&output(&mut tree)?)
}

/// Reads a tree of crates, one a line: «DEPTH|LICENCE|NAME vVERSION», with more words where
/// there is more to say. What a crate uses follows where it comes first.
fn parse(tree: &str) -> Result<BTreeMap<Id, Linked>> {
    let mut crates = BTreeMap::new();
    // Those that lead to the line.
    let mut path: Vec<Id> = Vec::new();
    for line in tree.lines() {
        let read = || format!("cargo tree says {line:?}");
        let (depth, licence, id) = entry(line).with_context(read)?;
        path.truncate(depth);
        if let Some(user) = path.last() {
            let user: &mut Linked = crates.entry(user.clone()).or_default();
            user.uses.insert(id.clone());
        }
        let linked: &mut Linked = crates.entry(id.clone()).or_default();
        linked.licence = licence;
        path.push(id);
    }
    Ok(crates)
}

fn entry(line: &str) -> Option<(usize, String, Id)> {
    let mut parts = line.splitn(3, '|');
    let (depth, licence, package) = (parts.next()?, parts.next()?, parts.next()?);
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    let id = Id {
        name: name.to_owned(),
        version: version.to_owned(),
    };
    // In old crates a slash is an OR (The Cargo Book, "The license and license-file fields").
    let licence = licence.replace('/', " OR ");
    Some((depth.parse().ok()?, licence, id))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::programs::build::Profile;

    fn id(name: &str, version: &str) -> Id {
        Id {
            name: name.to_owned(),
            version: version.to_owned(),
        }
    }

    #[test]
    fn each_crate_that_cargo_names_is_read_once_with_what_it_uses() {
        let tree = "0|MIT|a v0.1.0 (/a/b)\n1|MIT|b v0.2.0\n2|MIT/Apache-2.0|c v1.0.2\n\
                    3|MIT|d v4.0.0\n1|MIT/Apache-2.0|c v1.0.2 (*)\n1|MIT|c v2.0.0\n";
        let (a, b, d) = (id("a", "0.1.0"), id("b", "0.2.0"), id("d", "4.0.0"));
        let (c, c2) = (id("c", "1.0.2"), id("c", "2.0.0"));
        let linked = |licence: &str, uses: &[&Id]| Linked {
            licence: licence.to_owned(),
            uses: uses.iter().copied().cloned().collect(),
        };
        let wanted = [
            (a, linked("MIT", &[&b, &c, &c2])),
            (b, linked("MIT", &[&c])),
            (c, linked("MIT OR Apache-2.0", &[&d])),
            (c2, linked("MIT", &[])),
            (d, linked("MIT", &[])),
        ];
        assert_eq!(parse(tree).unwrap(), wanted.into());
    }

    #[test]
    fn they_are_the_crates_that_are_compiled_for_the_programs_target() {
        let target = build::static_target();
        build::supply(&target).unwrap();
        let messages = build::run("ipvsadm", Profile::Tested, Some(&target)).unwrap();
        // What runs at build time is compiled for this machine, and has no target in its path.
        let is_for_target = |message: &&Value| {
            let file = message.pointer("/filenames/0").and_then(Value::as_str);
            file.is_some_and(|file| file.contains(&format!("/{target}/")))
        };
        let compiled = messages.iter().filter(is_for_target).map(|message| {
            // «...#NAME@VERSION», or «.../NAME#VERSION»
            let words = message["package_id"].as_str().unwrap();
            let (place, name) = words.rsplit_once('#').unwrap();
            let in_place = || (place.rsplit_once('/').unwrap().1, name);
            let (name, version) = name.split_once('@').unwrap_or_else(in_place);
            id(name, version)
        });
        let linked = read(Some(&target)).unwrap().into_keys();
        assert_eq!(compiled.collect::<BTreeSet<_>>(), linked.collect());
    }

    #[test]
    fn a_line_in_another_form_is_an_error() {
        assert!(parse("0|MIT|a v0.1.0\n\n").is_err());
    }
}
