// SPDX-License-Identifier: MIT

//! The manual pages and the completions from the table of options and the documents.
//!
//! They are checked in, hand-written but for the parts between a line
//! `begin NAME` and a line `end`, which are made here. Nothing of this is in
//! the program: the tests below fail while a file is stale, and write the
//! files anew when the environment variable `IPVSADM_RENEW` is set.

mod completions;
mod document;
mod fish;
mod manual;
mod rules;
mod shell;
mod words;

use std::{fs, path::PathBuf};

/// The command that renews stale files.
const COMMAND: &str = "IPVSADM_RENEW=1 cargo test --package ipvsadm generate";

/// A file with generated parts.
struct Generated {
    /// From the root of the crate, where symbolic links lead to the folders of
    /// the tree, and `cargo package` puts these folders.
    path: &'static str,
    /// The characters that begin a comment.
    comment: &'static str,
    /// The names of the parts that it has to have.
    parts: Vec<String>,
    /// A part by its name; `None` when there is no such part.
    part: fn(&str) -> Option<String>,
}

impl Generated {
    fn full_path(&self) -> PathBuf {
        [env!("CARGO_MANIFEST_DIR"), self.path].iter().collect()
    }

    /// The text with every part made anew.
    fn renewed(&self, text: &str) -> Result<String, String> {
        let begin = format!("{} begin ", self.comment);
        let end = format!("{} end", self.comment);
        let mut parts = self.parts.iter();
        let mut lines = text.lines();
        let mut new = String::new();
        while let Some(line) = lines.next() {
            new.push_str(line);
            new.push('\n');
            let Some(name) = line.strip_prefix(&begin) else {
                continue;
            };
            let due = parts.next().map(String::as_str);
            if due != Some(name) {
                let due = due.unwrap_or("no more");
                return Err(format!("{}: {name} stands where {due} is due", self.path));
            }
            let part = (self.part)(name);
            new.push_str(&part.ok_or_else(|| format!("{}: {name} is unknown", self.path))?);
            let last = lines.by_ref().find(|line| *line == end);
            new.push_str(last.ok_or_else(|| format!("{}: {name} does not end", self.path))?);
            new.push('\n');
        }
        match parts.next() {
            Some(due) => Err(format!("{}: {due} is missing", self.path)),
            None => Ok(new),
        }
    }
}

/// Fails when the file in the tree is not what would be made now.
fn check_file(file: &Generated) {
    let path = file.full_path();
    let text = fs::read_to_string(&path).unwrap();
    let new = file.renewed(&text).unwrap();
    if new == text {
        return;
    }
    if std::env::var_os("IPVSADM_RENEW").is_some() {
        fs::write(path, new).unwrap();
        return;
    }
    panic!("{} is stale; renew it: {COMMAND}", file.path);
}

#[test]
fn the_manual_page_is_what_the_table_of_options_makes_it() {
    check_file(&manual::describe_page());
}

#[test]
fn the_chinese_page_has_every_option_of_the_table() {
    check_file(&manual::describe_chinese_page());
}

#[test]
fn the_pages_about_forms_are_what_the_documents_make_them() {
    for page in document::list_pages() {
        check_file(&page);
    }
}

#[test]
fn the_completions_are_what_the_table_of_options_makes_them() {
    for file in completions::list_files() {
        check_file(&file);
    }
}

#[test]
fn a_part_that_is_missing_unknown_or_out_of_place_is_an_error() {
    let file = Generated {
        path: "f",
        comment: "#",
        parts: vec!["a".to_owned(), "b".to_owned()],
        part: |name| (name != "b").then(|| "new\n".to_owned()),
    };
    let renewed = |text: &str| file.renewed(text).unwrap_err();
    assert_eq!(renewed("# begin a\n# end\n"), "f: b is missing");
    assert_eq!(renewed("# begin b\n# end\n"), "f: b stands where a is due");
    assert_eq!(renewed("# begin a\nold\n"), "f: a does not end");
    assert_eq!(
        renewed("# begin a\n# end\n# begin b\n# end\n"),
        "f: b is unknown"
    );
}
