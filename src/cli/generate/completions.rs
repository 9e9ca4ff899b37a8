// SPDX-License-Identifier: MIT

//! The completions of three shells.

use super::{Generated, fish, shell};

/// Reads /proc/net/ip_vs, which anybody may read; `ipvsadm -S` would need
/// root, and people press the tabulator key after typing "sudo".
const AWK: &str = include_str!("table.awk");

pub(super) fn files() -> [Generated; 3] {
    [
        Generated {
            path: "completions/ipvsadm.bash",
            comment: "#",
            parts: owned(&["tables", "words", "awk"]),
            part: |name| match name {
                "tables" => Some(shell::tables()),
                "words" => Some(shell::bash_words()),
                "awk" => Some(awk()),
                _ => None,
            },
        },
        Generated {
            path: "completions/_ipvsadm",
            comment: "#",
            parts: owned(&["tables", "words", "awk"]),
            part: |name| match name {
                "tables" => Some(format!("{}\n{}", shell::tables(), shell::zsh_meanings())),
                "words" => Some(shell::zsh_words()),
                "awk" => Some(awk()),
                _ => None,
            },
        },
        Generated {
            path: "completions/ipvsadm.fish",
            comment: "#",
            parts: owned(&["tables", "awk"]),
            part: |name| match name {
                "tables" => Some(fish::tables()),
                "awk" => Some(format!(
                    "function __ipvsadm_awk\n    __ipvsadm_table | awk \
                     -v protocol=\"$argv[1]\" -v service=\"$argv[2]\" '\n{AWK}' 2>/dev/null\nend\n"
                )),
                _ => None,
            },
        },
    ]
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The same text in both shells.
fn awk() -> String {
    format!(
        "_ipvsadm_awk() {{\n    _ipvsadm_table | awk -v protocol=\"$1\" -v service=\"$2\" \
         '\n{AWK}' 2>/dev/null\n}}\n"
    )
}

#[test]
fn the_awk_program_can_be_quoted_in_every_shell() {
    assert!(!AWK.contains(['\'', '\\']));
}
