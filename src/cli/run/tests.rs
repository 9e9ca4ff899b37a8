// SPDX-License-Identifier: MIT

//! Any rules, from their text through a kernel in memory to their text again.

use ipvs_client::{Change, Consistency, Counters, testing::FakeKernel};
use proptest::{collection::vec, prelude::*, sample::select};

use super::rule_file::{Mistakes, Parsed, parse_all};
use crate::{
    args::tests::any::{any_rule, any_words},
    command::Command,
    names::Names,
    output::{SaveWriter, write_list},
    table::{Entry, ReadOptions, read_entries},
};

/// A file of rules: most are right, with lines of any words between them.
fn any_rules() -> impl Strategy<Value = String> {
    let words = prop_oneof![
        8 => any_rule(),
        1 => any_words(),
        1 => select(vec!["", "# comment", "ipvsadm -C", "-A -f 9\0x"])
            .prop_map(|line| vec![line.to_owned()]),
    ];
    let end = select(vec!["\n", "\n", "\n", "\r\n", " \t\n", ""]);
    let line = (words, end).prop_map(|(words, end)| words.join(" ") + end);
    vec(line, 0..24).prop_map(|lines| lines.concat())
}

fn parse(text: &[u8], mistakes: Mistakes) -> Parsed {
    parse_all(None, text, mistakes).unwrap()
}

/// Makes the changes in a kernel, which may refuse some.
fn fill(parsed: &Parsed) -> FakeKernel {
    let kernel = FakeKernel::new();
    let change = |(_, command): &(_, Command)| match command {
        Command::Change(change) => Some(change.clone()),
        _ => None,
    };
    let changes: Vec<Change> = parsed.rules.iter().filter_map(change).collect();
    let _ = kernel.client().unwrap().apply(&changes).unwrap();
    kernel
}

/// Reads the whole table, in the order of a listing.
fn read(kernel: &FakeKernel) -> Vec<Entry> {
    let options = ReadOptions {
        counters: Counters::Skip,
        consistency: Consistency::Agreed,
        sorted: true,
    };
    let mut client = kernel.client().unwrap();
    let entries = read_entries(&mut client, None, options).unwrap();
    entries.map(Result::unwrap).collect()
}

fn save(entries: &[Entry]) -> String {
    let mut text = Vec::new();
    let writer = SaveWriter::new(&mut text, Names::new(true));
    write_list(writer, entries).unwrap();
    String::from_utf8(text).unwrap()
}

proptest! {
    #[test]
    fn a_file_is_read_the_same_up_to_its_first_mistake(text in any_rules()) {
        let all = parse(text.as_bytes(), Mistakes::Every);
        let first = parse(text.as_bytes(), Mistakes::First);
        prop_assert_eq!(first.errors.len(), all.errors.len().min(1));
        let causes = |parsed: &Parsed| {
            let cause = parsed.errors.first().map(|error| error.root_cause().to_string());
            cause.unwrap_or_default()
        };
        prop_assert_eq!(causes(&first), causes(&all));
        prop_assert!(all.rules.starts_with(&first.rules));
        if all.errors.is_empty() {
            prop_assert_eq!(first.rules.len(), all.rules.len());
        }
    }

    #[test]
    fn what_any_rules_make_is_saved_so_that_it_can_be_restored(text in any_rules()) {
        let entries = read(&fill(&parse(text.as_bytes(), Mistakes::Every)));
        let saved = save(&entries);
        let again = parse(saved.as_bytes(), Mistakes::Every);
        prop_assert!(again.errors.is_empty(), "{:?}\n{}", again.errors, saved);
        prop_assert_eq!(read(&fill(&again)), entries, "{}", saved);
    }
}
