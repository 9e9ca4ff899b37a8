// SPDX-License-Identifier: MIT

//! This tree's program against the original: the same words in, the same bytes
//! out.
//!
//! `cases/` has the cases as data (their notation: [`case`]), `recorded/` what
//! the original answered. Each case is acted out in fresh namespaces, once by
//! each program; standard output, standard error and exit status are compared
//! byte for byte. A case can be marked as a deliberate difference: then ours
//! must answer as the case has it, and must differ from the original.

mod case;
mod exceptions;
mod mask;
mod notation;
mod random;
mod recorded;
mod reduced;
mod refusal;
mod rootless;
mod stage;
mod table;

use std::collections::BTreeSet;
use std::fs;

macro_rules! tables {
    ($($name:ident)*) => {
        /// Every file of cases.
        const TABLES: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { table::compare(stringify!($name)); })*
    };
}

tables! {
    addresses connections counters daemons deliberate first_words listing names
    pairs_listing pairs_others pairs_servers pairs_services persistence
    pipes refusals replies_counters replies_daemons replies_deliberate replies_kinds
    replies_values restoring servers values
}

#[test]
fn every_deliberate_difference_is_documented_and_every_documented_one_has_a_case() {
    let cases = TABLES.iter().flat_map(|name| table::cases(name).unwrap());
    let used: BTreeSet<String> = cases.filter_map(|case| case.deliberate).collect();
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/compatibility.md");
    let page = fs::read_to_string(page).unwrap();
    let sections = page.lines().filter_map(|line| line.strip_prefix("### "));
    let documented: BTreeSet<String> = sections.map(str::to_owned).collect();
    assert_eq!(used, documented);
}

/// Checks that musl's look-up of names is the only reason for exceptions of the static
/// program: these are the files with names.
#[test]
fn only_cases_with_names_are_exceptions_of_the_static_program() {
    let names = ["addresses", "names"].map(str::to_owned).into();
    assert_eq!(exceptions::names(exceptions::Kind::Static).unwrap(), names);
}

#[test]
fn every_file_of_cases_is_a_test() {
    let tests = TABLES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(table::names().unwrap(), tests);
}
