// SPDX-License-Identifier: MIT

//! The map of the tree in docs/architecture.md is complete, README.md counts as
//! docs/testing.md does, and the schema of the JSON keeps what was promised.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// The folders that have a section with a table in the map, with the words
/// before it.
const MAPPED: [(&str, &str); 4] = [
    ("## ipvs-netlink", "src/netlink"),
    ("## ipvs-client", "src/client"),
    ("## ipvsadm", "src/cli"),
    ("`tests/lab` holds", "tests/lab"),
];

/// The files and folders that a table names, as paths below its folder. In the
/// row of a folder, names of files are below that folder.
fn named(table: &str) -> Vec<String> {
    let quoted = |cell: &str| -> Vec<String> {
        let words = cell.split('`').skip(1).step_by(2);
        words.map(str::to_owned).collect()
    };
    let mut paths = Vec::new();
    for row in table.lines() {
        let cells: Vec<&str> = row.split('|').collect();
        let [_, names, holds, _] = cells[..] else {
            panic!("a row has other cells: {row}");
        };
        for name in quoted(names) {
            let files = quoted(holds);
            let files = files.iter().filter(|file| file.ends_with(".rs"));
            if name.ends_with('/') {
                paths.extend(files.map(|file| format!("{name}{file}")));
            }
            paths.push(name);
        }
    }
    paths
}

/// The lines of the first table after these words.
fn table<'a>(map: &'a str, words: &str) -> &'a str {
    let (_, section) = map.split_once(words).expect(words);
    let (_, rows) = section.split_once("\n|---|---|\n").expect(words);
    rows.split_once("\n\n").map_or(rows, |(rows, _)| rows)
}

/// The Rust files below a folder, as paths from its beginning.
fn files(folder: &Path, below: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), &format!("{below}{name}/"), found);
        } else if name.ends_with(".rs") {
            found.push(format!("{below}{name}"));
        }
    }
}

/// True for the files that the map leaves out.
fn is_unit_test_or_root(file: &str) -> bool {
    let is_test = |part| part == "tests" || part == "tests.rs";
    file.split('/').any(is_test) || file == "lib.rs" || file == "main.rs"
}

#[test]
fn the_map_names_every_file_once_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let map = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let mut wrong = Vec::new();
    for (words, folder) in MAPPED {
        let folder = root.join(folder);
        let paths = named(table(&map, words));
        let once: BTreeSet<&str> = paths.iter().map(String::as_str).collect();
        if once.len() < paths.len() {
            wrong.push(format!("{words}: something stands there twice: {paths:?}"));
        }
        for path in &once {
            if !folder.join(path).exists() {
                wrong.push(format!("{words}: there is no {path}"));
            }
        }
        // A folder of which no file is named stands for all that is in it.
        let whole = |path: &&str| {
            path.ends_with('/')
                && !once
                    .iter()
                    .any(|other| other.len() > path.len() && other.starts_with(*path))
        };
        let whole: Vec<&str> = once.iter().copied().filter(whole).collect();
        let mut present = Vec::new();
        files(&folder, "", &mut present);
        for file in present {
            let below = file.strip_suffix("mod.rs");
            let is_named = once.contains(file.as_str())
                || is_unit_test_or_root(&file)
                || whole.iter().any(|folder| file.starts_with(folder))
                || below.is_some_and(|below| once.iter().any(|path| path.starts_with(below)));
            if !is_named {
                wrong.push(format!("{words}: {file} is missing"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "docs/architecture.md:\n{}",
        wrong.join("\n")
    );
}

/// The counts of comparisons are those of the last run on record.
#[test]
fn the_first_page_has_the_counts_of_the_last_run() {
    let read = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
        fs::read_to_string(path).unwrap()
    };
    let results = read("docs/testing.md");
    let row = results
        .lines()
        .find(|line| line.contains("--kernel uml` |"));
    let cases = row.unwrap().split(" | ").nth(3).unwrap();
    let (same, deliberate) = cases.split_once(" + ").unwrap();
    let number = |text: &str| text.replace(',', "").parse::<usize>().unwrap();
    let all = (number(same) + number(deliberate)).to_string();
    let (thousands, rest) = all.split_at(all.len() - 3);
    let first_page = read("README.md").replace('\n', " ");
    let claim = format!(
        "{thousands},{rest} cases with the original: {same} have the same bytes, \
         and {deliberate} differ on purpose"
    );
    assert!(
        first_page.contains(&claim),
        "README.md does not say: {claim}"
    );
}

/// Lists every field that documents have, by its place in the schema: whether it has to be
/// there, and what the schema says of it.
fn list_fields(schema: &Value, place: &str, fields: &mut Vec<String>) {
    let Some(object) = schema.as_object() else {
        for (number, part) in schema.as_array().into_iter().flatten().enumerate() {
            list_fields(part, &format!("{place}[{number}]"), fields);
        }
        return;
    };
    let required: Vec<&str> = match schema.get("required").and_then(Value::as_array) {
        Some(names) => names.iter().filter_map(Value::as_str).collect(),
        None => Vec::new(),
    };
    for (key, part) in object {
        let Some(properties) = part.as_object().filter(|_| key == "properties") else {
            list_fields(part, &format!("{place}/{key}"), fields);
            continue;
        };
        for (name, of) in properties {
            let place = format!("{place}/{name}");
            let presence = match required.contains(&name.as_str()) {
                true => "always",
                false => "sometimes",
            };
            // What has fields of its own is listed by these.
            let mut inner = Vec::new();
            list_fields(of, &place, &mut inner);
            let form = match inner.is_empty() {
                true => of.to_string(),
                false => "fields".to_owned(),
            };
            fields.push(format!("{place} {presence} {form}"));
            fields.extend(inner);
        }
    }
}

/// Programs of others read these documents. A field that is new needs a line in the list;
/// one that goes, or has another form, needs another `schema_version` and a word in
/// CHANGELOG.md (CONTRIBUTING.md, "What is promised").
#[test]
fn the_schema_has_the_fields_that_were_promised_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = fs::read_to_string(root.join("../docs/ipvsadm.schema.json")).unwrap();
    let mut fields = Vec::new();
    list_fields(&serde_json::from_str(&schema).unwrap(), "", &mut fields);
    fields.sort();
    let list = root.join("promised_fields.txt");
    if env::var_os("IPVS_LAB_RECORD").is_some() {
        fs::write(&list, fields.join("\n") + "\n").unwrap();
    }
    let promised = fs::read_to_string(&list).unwrap();
    let promised: BTreeSet<&str> = promised.lines().collect();
    let fields: BTreeSet<&str> = fields.iter().map(String::as_str).collect();
    let gone: Vec<_> = promised.difference(&fields).collect();
    let new: Vec<_> = fields.difference(&promised).collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "gone: {gone:#?}\nnew: {new:#?}\n`IPVS_LAB_RECORD=1 cargo test -p ipvs-lab --test \
         documents` writes the list down anew"
    );
}

/// The reason that a file gives for having `unsafe` code, if it has some.
fn reason_for_unsafe(text: &str) -> Option<String> {
    let (_, attribute) = text.split_once("#![expect(")?;
    let (attribute, _) = attribute.split_once(")]")?;
    let (_, reason) = attribute
        .trim_start()
        .strip_prefix("unsafe_code,")?
        .split_once('"')?;
    let lines = reason.rsplit_once('"')?.0.split("\\\n");
    Some(lines.map(str::trim_start).collect())
}

#[test]
fn unsafe_code_is_where_the_list_says_and_nowhere_else() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let document = fs::read_to_string(tree.join("docs/reliability.md")).unwrap();
    let mut found = Vec::new();
    files(&tree.join("src"), "src/", &mut found);
    let mut rows: Vec<String> = found
        .into_iter()
        .filter_map(|file| {
            let text = fs::read_to_string(tree.join(&file)).unwrap();
            let reason = reason_for_unsafe(&text);
            // The lint lets nothing else have any.
            assert_eq!(reason.is_some(), text.contains("unsafe {"), "{file}");
            Some(format!("| `{file}` | {} |", reason?))
        })
        .collect();
    rows.sort();
    assert!(!rows.is_empty());
    let listed: Vec<&str> = table(&document, "### `unsafe` code").lines().collect();
    assert_eq!(listed, rows);
}
