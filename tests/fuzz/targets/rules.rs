// SPDX-License-Identifier: MIT

//! Any text as a file of rules. A reader that stops at the first mistake reads the same
//! up to there; and the table that the rules make is saved so that it can be restored.
#![no_main]
#![allow(
    dead_code,
    unused_imports,
    reason = "a target uses a part of the program"
)]

include!("../program/mod.rs");

use ipvs_client::{Change, Consistency, Counters, testing::FakeKernel};
use libfuzzer_sys::fuzz_target;

use crate::{
    command::Command,
    names::Names,
    output::{SaveWriter, write_entries},
    run::rule_file::{Mistakes, Parsed, parse_all},
    table::{ReadOptions, read_entries},
};

fuzz_target!(|input: &[u8]| {
    let all = parse_all(None, input, Mistakes::Every).unwrap();
    let first = parse_all(None, input, Mistakes::First).unwrap();
    assert_eq!(all.errors.is_empty(), first.errors.is_empty());
    assert!(first.errors.len() <= 1);
    assert!(first.rules.len() <= all.rules.len());
    let kernel = fill(&all);
    let Some(saved) = save(&kernel) else {
        return;
    };
    let again = parse_all(None, saved.as_slice(), Mistakes::Every).unwrap();
    let text = String::from_utf8_lossy(&saved);
    assert!(again.errors.is_empty(), "{:?}\n{text}", again.errors);
    let restored = save(&fill(&again));
    assert_eq!(restored.as_deref(), Some(&*saved), "{text}");
});

/// Makes the changes in a kernel, which may refuse some.
fn fill(parsed: &Parsed) -> FakeKernel {
    let kernel = FakeKernel::new();
    let changes: Vec<Change> = parsed
        .rules
        .iter()
        .filter_map(|(_, command)| match command {
            Command::Change(change) => Some(change.clone()),
            _ => None,
        })
        .collect();
    let mut client = kernel.client().expect("it has been told nothing else");
    let _ = client.apply(&changes).expect("the kernel answers");
    kernel
}

/// Saves the table, unless there is something in it that no words say.
fn save(kernel: &FakeKernel) -> Option<Vec<u8>> {
    let mut client = kernel.client().expect("it has been told nothing else");
    let options = ReadOptions {
        counters: Counters::Skip,
        consistency: Consistency::Agreed,
        sorted: true,
    };
    let entries = read_entries(&mut client, None, options).expect("the kernel answers");
    let mut text = Vec::new();
    write_entries(SaveWriter::new(&mut text, Names::new(true)), entries).ok()?;
    Some(text)
}
