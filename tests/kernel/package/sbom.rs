// SPDX-License-Identifier: MIT

//! What each package says, for machines, of what is linked into its program.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use ipvs_lab::Answer;
use serde_json::{Value, json};

use super::debian::Debian;
use super::red_hat::RedHat;
use super::tar;

const LOCK: &str = include_str!("../../../Cargo.lock");
/// This tree's own crates.
const OWN: [&str; 3] = ["ipvs-client", "ipvs-netlink", "ipvsadm"];

/// The document of a package, and what else the package says.
struct Package {
    name: &'static str,
    document: Value,
    /// The licences of the crates, where there is the static program.
    notices: Option<String>,
    /// The answer to --version.
    version: String,
    /// What is linked with the crates.
    libraries: [&'static str; 2],
}

impl Package {
    fn all() -> [Self; 3] {
        let debian = Debian::with_package();
        let red_hat = RedHat::with_package();
        let archive = tar::unpack();
        let read = |place| fs::read_to_string(archive.path().join(place)).unwrap();
        let place = "/usr/share/doc/ipvsadm/ipvsadm.cdx.json";
        let parse = |text: String| serde_json::from_str(&text).unwrap();
        let mut program = Command::new(archive.path().join("sbin/ipvsadm"));
        program.arg("--version");
        [
            Self {
                name: "deb",
                document: parse(debian.read(place)),
                notices: None,
                version: debian.run("ipvsadm --version"),
                libraries: ["gcc", "rust"],
            },
            Self {
                name: "rpm",
                document: parse(red_hat.read(place)),
                notices: Some(red_hat.read("/usr/share/licenses/ipvsadm/LICENSES.txt")),
                version: red_hat.run("ipvsadm --version"),
                libraries: ["musl", "rust"],
            },
            Self {
                name: "tar",
                document: parse(read("share/doc/ipvsadm/ipvsadm.cdx.json")),
                notices: Some(read("share/doc/ipvsadm/LICENSES.txt")),
                version: Answer::of(program, "").unwrap().stdout,
                libraries: ["musl", "rust"],
            },
        ]
    }

    fn components(&self) -> Vec<&Value> {
        let components = self.document["components"].as_array().unwrap();
        let program = &self.document["metadata"]["component"];
        components.iter().chain([program]).collect()
    }

    /// The crates or the other libraries, each as «NAME VERSION».
    fn linked(&self, kind: &str) -> BTreeSet<String> {
        let components = self.components().into_iter();
        let of_kind = components.filter(|it| text(it, "purl").starts_with(kind));
        let name = |it: &Value| format!("{} {}", text(it, "name"), text(it, "version"));
        of_kind.map(name).collect()
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

/// What CycloneDX 1.5 (https://cyclonedx.org/docs/1.5/json) demands of the fields that are
/// used here.
fn schema() -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    let texts = json!({ "type": "array", "uniqueItems": true, "items": text });
    let component = |kind: &str| {
        json!({
            "type": "object",
            "additionalProperties": false,
            // It demands the type and the name.
            "required": ["type", "name", "version", "bom-ref", "purl", "licenses"],
            "properties": {
                "type": { "const": kind },
                "name": text,
                "version": text,
                "bom-ref": text,
                "purl": { "type": "string", "pattern": "^pkg:(cargo|generic)/[a-z0-9_-]+@[^@]+$" },
                "cpe": { "type": "string", "pattern": "^cpe:2[.]3:a(:[^:*]+){3}(:[*]){7}$" },
                "licenses": { "type": "array", "minItems": 1, "maxItems": 1, "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["expression"],
                    // Of SPDX: it has no slash.
                    "properties": { "expression": { "type": "string", "pattern": "^[A-Za-z0-9 .()-]+$" } },
                } },
                "hashes": { "type": "array", "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["alg", "content"],
                    "properties": {
                        "alg": { "const": "SHA-256" },
                        "content": { "type": "string", "pattern": "^[a-fA-F0-9]{64}$" },
                    },
                } },
            },
        })
    };
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["bomFormat", "specVersion", "version", "metadata", "components", "dependencies"],
        "properties": {
            "bomFormat": { "const": "CycloneDX" },
            "specVersion": { "const": "1.5" },
            "version": { "type": "integer", "minimum": 1 },
            "metadata": {
                "type": "object",
                "additionalProperties": false,
                "required": ["timestamp", "component"],
                "properties": {
                    "timestamp": { "type": "string", "format": "date-time" },
                    "component": component("application"),
                },
            },
            "components": { "type": "array", "uniqueItems": true, "items": component("library") },
            "dependencies": { "type": "array", "uniqueItems": true, "items": {
                "type": "object",
                "additionalProperties": false,
                "required": ["ref", "dependsOn"],
                "properties": { "ref": text, "dependsOn": texts },
            } },
        },
    })
}

#[test]
fn each_package_has_what_is_linked_into_its_program_in_the_form_of_cyclonedx() {
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema())
        .unwrap();
    for package in Package::all() {
        let Package { name, document, .. } = &package;
        let faults: Vec<_> = validator
            .iter_errors(document)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert_eq!(faults, [""; 0], "{name}");

        let program = &document["metadata"]["component"];
        assert_eq!(text(program, "name"), "ipvsadm");
        let version = format!("ipvsadm in Rust {}, ", text(program, "version"));
        assert!(package.version.contains(&version), "{}", package.version);
        let libraries = package.linked("pkg:generic/");
        let names = libraries.iter().map(|it| it.split(' ').next().unwrap());
        assert_eq!(names.collect::<Vec<_>>(), package.libraries, "{name}");

        // Cargo.lock has the sum of every crate but this tree's own.
        for component in package.components() {
            let (crate_name, version) = (text(component, "name"), text(component, "version"));
            let sum = component["hashes"][0]["content"].as_str();
            assert_eq!(text(component, "bom-ref"), text(component, "purl"));
            if text(component, "purl").starts_with("pkg:generic/") || OWN.contains(&crate_name) {
                assert_eq!(sum, None, "{crate_name}");
                continue;
            }
            let entry = format!(
                "name = \"{crate_name}\"\nversion = \"{version}\"\n\
                 source = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
                 checksum = \"{}\"\n",
                sum.unwrap()
            );
            assert!(LOCK.contains(&entry), "{name}: {entry}");
        }

        // The graph has each of them, and the program leads to all.
        let references = package.components().into_iter();
        let references: BTreeSet<_> = references.map(|it| text(it, "bom-ref")).collect();
        assert_eq!(references.len(), package.components().len(), "{name}");
        let graph = document["dependencies"].as_array().unwrap().iter();
        let graph: BTreeMap<_, _> = graph
            .map(|node| (text(node, "ref"), node["dependsOn"].as_array().unwrap()))
            .collect();
        assert!(graph.keys().eq(&references), "{name}: {graph:?}");
        let (mut found, mut next) = (BTreeSet::new(), vec![text(program, "bom-ref")]);
        while let Some(reference) = next.pop() {
            if found.insert(reference) {
                next.extend(graph[reference].iter().map(|it| it.as_str().unwrap()));
            }
        }
        assert_eq!(found, references, "{name}");
    }
}

#[test]
fn it_names_the_crates_whose_licences_the_package_has_and_all_packages_the_same() {
    let packages = Package::all();
    let crates = packages[0].linked("pkg:cargo/");
    for package in &packages {
        let linked = package.linked("pkg:cargo/");
        assert_eq!(linked, crates, "{}", package.name);
        let own = |it: &&String| OWN.contains(&it.split(' ').next().unwrap());
        assert_eq!(linked.iter().filter(own).count(), OWN.len());
        let Some(notices) = &package.notices else {
            continue;
        };
        // Each notice has its name above and below itself between two rules.
        let rule = "=".repeat(72);
        let lines: Vec<_> = notices.lines().collect();
        let names = lines.windows(3).filter_map(|lines| match lines {
            [above, name, below] if *above == rule && *below == rule => Some((*name).to_owned()),
            _ => None,
        });
        let noticed: BTreeSet<_> = names.filter(|name| name != "musl").collect();
        let linked: BTreeSet<_> = linked.iter().filter(|it| !own(it)).cloned().collect();
        assert_eq!(noticed, linked, "{}", package.name);
        let musl = package.linked("pkg:generic/musl@");
        assert!(musl.iter().eq(["musl 1.2.5"]), "{musl:?}");
    }
}
