// SPDX-License-Identifier: MIT

//! The tables in the language that bash and zsh share. Each is a function that
//! leaves its answer in `REPLY`.

use super::{rules, words};
use crate::args::{
    options::TABLE,
    spec::{Spec, Value},
};

/// `'it'\''s'`
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// `-t --tcp-service`
pub(super) fn list_forms(spec: &Spec) -> Vec<String> {
    spec.letters
        .iter()
        .map(|letter| format!("-{letter}"))
        .chain([format!("--{}", spec.long)])
        .collect()
}

pub(super) fn join_longs(specs: &[&Spec]) -> String {
    let names: Vec<_> = specs.iter().map(|spec| spec.long).collect();
    names.join(" ")
}

/// A function that looks up its argument.
fn write_table(comment: &str, name: &str, rows: &[(String, String)]) -> String {
    let mut text = format!("# {comment}\n_ipvsadm_{name}() {{\n    case $1 in\n");
    for (pattern, answer) in rows {
        text.push_str(&format!("        {pattern}) REPLY={} ;;\n", quote(answer)));
    }
    text.push_str("        *) REPLY= ;;\n    esac\n}\n");
    text
}

fn write_list(comment: &str, name: &str, answer: &str) -> String {
    let answer = quote(answer);
    format!("# {comment}\n_ipvsadm_{name}() {{\n    REPLY={answer}\n}}\n")
}

/// Everything that is the same in both shells.
pub(super) fn write_tables() -> String {
    let rows = |row: &dyn Fn(&'static Spec) -> Option<(String, String)>| -> Vec<(String, String)> {
        TABLE.iter().filter_map(row).collect()
    };
    let commands: Vec<_> = rules::list_commands().collect();
    let flags = |name: Option<&str>| words::list_flags(name).join(" ");
    [
        write_list("All commands.", "commands", &join_longs(&commands)),
        write_list(
            "The options that may stand before the command.",
            "leading",
            &join_longs(&rules::list_leading()),
        ),
        write_table(
            "The name of a command or option.",
            "name",
            &rows(&|spec| Some((list_forms(spec).join(" | "), spec.long.to_owned()))),
        ),
        write_table(
            "All ways to write a command or option.",
            "forms",
            &rows(&|spec| Some((spec.long.to_owned(), list_forms(spec).join(" ")))),
        ),
        write_table(
            "Whether a value follows.",
            "takes",
            &rows(&|spec| {
                let takes = match spec.value {
                    Value::None => return None,
                    Value::Required(_) => "required",
                    Value::Optional(_) => "optional",
                    Value::Attached(_) => "attached",
                };
                Some((spec.long.to_owned(), takes.to_owned()))
            }),
        ),
        write_table(
            "Where its values come from.",
            "source",
            &rows(&|spec| Some((spec.long.to_owned(), words::name_source(spec)?.to_owned()))),
        ),
        write_table(
            "The options that go with a command.",
            "legal",
            &rules::list_commands()
                .filter(|command| !rules::find_legal(command).is_empty())
                .map(|command| {
                    (
                        command.long.to_owned(),
                        join_longs(&rules::find_legal(command)),
                    )
                })
                .collect::<Vec<_>>(),
        ),
        write_table(
            "What may not follow an option; with = only that value of it.",
            "excludes",
            &rules::EXCLUSIONS
                .iter()
                .map(|exclusion| (exclusion.given.note.clone(), exclusion.excluded.join(" ")))
                .collect::<Vec<_>>(),
        ),
        write_table(
            "What has to stand before an option.",
            "needs",
            &rows(&|spec| {
                Some((
                    spec.long.to_owned(),
                    rules::find_needed(spec)?.long.to_owned(),
                ))
            }),
        ),
        write_table(
            "The flags of a scheduler.",
            "flags",
            &[("''".to_owned(), flags(None))]
                .into_iter()
                .chain(
                    words::find_schedulers_with_flags()
                        .into_iter()
                        .map(|name| (name.to_owned(), flags(Some(name)))),
                )
                .chain([("?*".to_owned(), flags(Some("")))])
                .collect::<Vec<_>>(),
        ),
    ]
    .join("\n")
}

/// Fixed words, for bash.
pub(super) fn write_bash_words() -> String {
    let rows: Vec<_> = words::collect_lists()
        .into_iter()
        .map(|(list, words)| {
            let names: Vec<_> = words.iter().map(|(name, _)| *name).collect();
            (list.to_owned(), names.join(" "))
        })
        .collect();
    write_table("Values from a fixed set.", "words", &rows)
}

/// Fixed words with what they mean, for zsh.
pub(super) fn write_zsh_words() -> String {
    let mut text =
        "# Values from a fixed set, as name:meaning, in reply.\n_ipvsadm_words() {\n    case $1 in\n"
            .to_owned();
    for (list, words) in words::collect_lists() {
        text.push_str(&format!("        {list})\n            reply=(\n"));
        for (name, meaning) in words {
            let word = quote(&format!("{name}:{meaning}"));
            text.push_str(&format!("                {word}\n"));
        }
        text.push_str("            ) ;;\n");
    }
    text.push_str("        *) reply=() ;;\n    esac\n}\n");
    text
}

/// Writes the sentence about each command and option, for zsh.
pub(super) fn write_zsh_meanings() -> String {
    let rows: Vec<_> = TABLE
        .iter()
        .map(|spec| (spec.long.to_owned(), spec.sentence()))
        .collect();
    write_table("What a command or option does.", "meaning", &rows)
}
