// SPDX-License-Identifier: MIT

//! The completions of three shells.

use super::{Generated, fish, shell};

/// Reads /proc/net/ip_vs, which anybody may read; `ipvsadm -S` would need
/// root, and people press the tabulator key after typing "sudo".
const AWK: &str = include_str!("table.awk");

pub(super) fn list_files() -> [Generated; 3] {
    [
        Generated {
            path: "completions/ipvsadm.bash",
            comment: "#",
            parts: own(&["tables", "words", "awk"]),
            part: |name| match name {
                "tables" => Some(shell::write_tables()),
                "words" => Some(shell::write_bash_words()),
                "awk" => Some(write_awk()),
                _ => None,
            },
        },
        Generated {
            path: "completions/_ipvsadm",
            comment: "#",
            parts: own(&["tables", "words", "awk"]),
            part: |name| match name {
                "tables" => Some(format!(
                    "{}\n{}",
                    shell::write_tables(),
                    shell::write_zsh_meanings()
                )),
                "words" => Some(shell::write_zsh_words()),
                "awk" => Some(write_awk()),
                _ => None,
            },
        },
        Generated {
            path: "completions/ipvsadm.fish",
            comment: "#",
            parts: own(&["tables", "awk"]),
            part: |name| match name {
                "tables" => Some(fish::write_tables()),
                "awk" => Some(format!(
                    "function __ipvsadm_awk\n    __ipvsadm_table | awk \
                     -v protocol=\"$argv[1]\" -v service=\"$argv[2]\" '\n{AWK}' 2>/dev/null\nend\n"
                )),
                _ => None,
            },
        },
    ]
}

fn own(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The same text in both shells.
fn write_awk() -> String {
    format!(
        "_ipvsadm_awk() {{\n    _ipvsadm_table | awk -v protocol=\"$1\" -v service=\"$2\" \
         '\n{AWK}' 2>/dev/null\n}}\n"
    )
}

#[test]
fn the_awk_program_can_be_quoted_in_every_shell() {
    assert!(!AWK.contains(['\'', '\\']));
}
