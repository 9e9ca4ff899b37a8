// SPDX-License-Identifier: MIT

//! The program's scanner and its list of options, held against ipvsadm 1.31 and popt.
//!
//! The original reads any words here with the table and the library that it has
//! (`lib.rs`), without a kernel. The scanner is a part of the program and of no library.
//! So its source and what it stands on are modules here, and their unit tests run here too.

#![allow(
    dead_code,
    unused_imports,
    reason = "the program uses what the test does not"
)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "../../../src/cli/args/mod.rs"]
mod args;
#[path = "../../../src/cli/command/mod.rs"]
mod command;
#[path = "../list.rs"]
mod list;
#[path = "../../../src/cli/names.rs"]
mod names;
mod original;
#[path = "../../../src/cli/scheduler_flags.rs"]
mod scheduler_flags;
mod words;

use std::cell::RefCell;
use std::collections::BTreeSet;

use ipvs_lab::soak;
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestRunner};

use self::args::error::UsageError;
use self::args::options::TABLE;
use self::args::scan::{Scanner, Token};
use self::args::spec::Value;
use self::original::Original;

/// Reads words as the program does, and tells what they are as the original's library does.
/// The original has only the options that are `known`.
fn scan(words: &[Vec<u8>], known: &BTreeSet<String>) -> Vec<String> {
    // As in `main`.
    let words: Vec<String> = words
        .iter()
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (mut options, mut arguments, mut mistake) = (Vec::new(), Vec::new(), None);
    for token in Scanner::new(&words) {
        match token {
            Ok(Token::Argument(word)) => arguments.push(format!("argument {word}")),
            Ok(Token::Option { spec, value, .. }) if known.contains(spec.long) => {
                let value = value.map_or_else(String::new, |value| format!(" {value}"));
                options.push(format!("option {}{value}", spec.long));
            }
            // "own-options" of docs/compatibility.md.
            Ok(Token::Option {
                spec,
                value,
                last_word,
            }) => {
                let attached = format!("--{}={}", spec.long, value.unwrap_or_default());
                let word = match last_word == attached {
                    true => attached,
                    false => format!("--{}", spec.long),
                };
                mistake = Some(UsageError::UnknownOption(word));
            }
            Err(UsageError::UnwantedValue(word) | UsageError::MissingValue(word))
                if is_own(&word, known) =>
            {
                mistake = Some(UsageError::UnknownOption(word));
            }
            Err(error) => mistake = Some(error),
        }
        if mistake.is_some() {
            break;
        }
    }
    let mistake = mistake.map(|mistake| format!("mistake {mistake}"));
    options
        .into_iter()
        .chain(arguments)
        .chain(mistake)
        .collect()
}

/// Returns whether a word is an option that the original does not have.
fn is_own(word: &str, known: &BTreeSet<String>) -> bool {
    let name = word.split('=').next().and_then(|it| it.strip_prefix("--"));
    let is_ours = |name| TABLE.iter().any(|spec| spec.long == name);
    name.is_some_and(|name| is_ours(name) && !known.contains(name))
}

/// Each option of the original has a row in the one list of options, with the same letters
/// and value. Every other row has no letter: "own-options" of docs/compatibility.md.
#[test]
fn popt_has_the_same_table() {
    let original = Original::start();
    let mut rows = Vec::new();
    for spec in TABLE {
        let value = match spec.value {
            Value::None => "none",
            Value::Required(_) => "required",
            Value::Optional(_) => "optional",
            Value::Attached(_) => "attached",
        };
        if spec.letters.is_empty() {
            rows.push(format!("{} - {value}", spec.long));
        }
        let letters = spec.letters.iter();
        rows.extend(letters.map(|letter| format!("{} {letter} {value}", spec.long)));
    }
    let known = original.names();
    rows.retain(|row| {
        let mut words = row.split(' ');
        let (name, letter) = (words.next().unwrap(), words.next().unwrap());
        known.contains(name) || letter != "-"
    });
    rows.sort();
    let mut theirs = original.table.clone();
    theirs.sort();
    assert_eq!(rows, theirs);
}

/// Any words are the same options with the same values, the same other words and the same
/// first mistake to both.
#[test]
fn popt_reads_any_words_the_same() {
    let original = Original::start();
    let known = original.names();
    let words = words::any_words(&original.table);
    let original = RefCell::new(original);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: soak::trials(10_000, 1_000_000).try_into().unwrap(),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::with_source_file(file!())
    });
    let same = runner.run(&words, |words| {
        let theirs = original.borrow_mut().ask(&words);
        prop_assert_eq!(scan(&words, &known), theirs);
        Ok(())
    });
    if let Err(difference) = same {
        panic!("ours (left) and the original: {difference}");
    }
}
