// SPDX-License-Identifier: MIT

//! Any text as a JSON document: one that is taken is written so that it is taken again
//! and means the same.
#![no_main]

use ipvs_client::{json::Table, plan::Wanted};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(table) = serde_json::from_slice::<Table>(input) else {
        return;
    };
    let mut wanted = Wanted::default();
    for change in table.changes() {
        let _ = wanted.add(&change);
        let _ = change.operation().to_string();
    }
    let text = serde_json::to_string(&table).expect("every table has a text");
    let again: Table = serde_json::from_str(&text).expect("it was written by us");
    assert!(table.changes().eq(again.changes()), "{text}");
});
