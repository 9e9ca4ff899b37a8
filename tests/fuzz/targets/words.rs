// SPDX-License-Identifier: MIT

//! Any words as a command line, a word for each line of the input. A mistake has one line
//! of text, and words that are right as a rule are right as a command line.
#![no_main]
#![allow(
    dead_code,
    unused_imports,
    reason = "a target uses a part of the program"
)]

include!("../program/mod.rs");

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let words: Vec<&str> = text
        .split('\n')
        .filter(|word| !word.contains('\0'))
        .collect();
    let line = args::parse_typed(&words);
    let rule = args::parse_rule(&words);
    if rule.is_ok() {
        assert!(line.is_ok(), "{words:?}");
    }
    if let Err(error) = line {
        assert!(!error.to_string().is_empty(), "{words:?}");
    }
    args::namespace::find_namespace(&words);
});
