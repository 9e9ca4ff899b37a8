// SPDX-License-Identifier: MIT

//! The tables in the language that bash and zsh share. Each is a function that
//! leaves its answer in `REPLY`.

use super::{rules, words};
use crate::args::{
    options::TABLE,
    spec::{Spec, Value},
};

/// `'it'\''s'`
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// `-t --tcp-service`
pub(super) fn forms(spec: &Spec) -> Vec<String> {
    spec.letters
        .iter()
        .map(|letter| format!("-{letter}"))
        .chain([format!("--{}", spec.long)])
        .collect()
}

pub(super) fn longs(specs: &[&Spec]) -> String {
    let names: Vec<_> = specs.iter().map(|spec| spec.long).collect();
    names.join(" ")
}

/// A function that looks up its argument.
fn table(comment: &str, name: &str, rows: &[(String, String)]) -> String {
    let mut text = format!("# {comment}\n_ipvsadm_{name}() {{\n    case $1 in\n");
    for (pattern, answer) in rows {
        text.push_str(&format!("        {pattern}) REPLY={} ;;\n", quoted(answer)));
    }
    text.push_str("        *) REPLY= ;;\n    esac\n}\n");
    text
}

fn list(comment: &str, name: &str, answer: &str) -> String {
    let answer = quoted(answer);
    format!("# {comment}\n_ipvsadm_{name}() {{\n    REPLY={answer}\n}}\n")
}

/// Everything that is the same in both shells.
pub(super) fn tables() -> String {
    let rows = |row: &dyn Fn(&'static Spec) -> Option<(String, String)>| -> Vec<(String, String)> {
        TABLE.iter().filter_map(row).collect()
    };
    let commands: Vec<_> = rules::commands().collect();
    let flags = |name: Option<&str>| words::flags(name).join(" ");
    [
        list("All commands.", "commands", &longs(&commands)),
        table(
            "The name of a command or option.",
            "name",
            &rows(&|spec| Some((forms(spec).join(" | "), spec.long.to_owned()))),
        ),
        table(
            "All ways to write a command or option.",
            "forms",
            &rows(&|spec| Some((spec.long.to_owned(), forms(spec).join(" ")))),
        ),
        table(
            "Whether a value follows.",
            "takes",
            &rows(&|spec| {
                let takes = match spec.value {
                    Value::None => return None,
                    Value::Required(_) => "required",
                    Value::Optional(_) => "optional",
                };
                Some((spec.long.to_owned(), takes.to_owned()))
            }),
        ),
        table(
            "Where its values come from.",
            "source",
            &rows(&|spec| Some((spec.long.to_owned(), words::source(spec)?.to_owned()))),
        ),
        table(
            "The options that go with a command.",
            "legal",
            &rules::commands()
                .filter(|command| !rules::legal(command).is_empty())
                .map(|command| (command.long.to_owned(), longs(&rules::legal(command))))
                .collect::<Vec<_>>(),
        ),
        table(
            "What may not follow an option; with = only that value of it.",
            "excludes",
            &rules::EXCLUSIONS
                .iter()
                .map(|exclusion| (exclusion.given.note.clone(), exclusion.excluded.join(" ")))
                .collect::<Vec<_>>(),
        ),
        table(
            "What has to stand before an option.",
            "needs",
            &rows(&|spec| Some((spec.long.to_owned(), rules::needs(spec)?.long.to_owned()))),
        ),
        table(
            "The flags of a scheduler.",
            "flags",
            &[("''".to_owned(), flags(None))]
                .into_iter()
                .chain(
                    words::schedulers_with_flags()
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
pub(super) fn bash_words() -> String {
    let rows: Vec<_> = words::lists()
        .into_iter()
        .map(|(list, words)| {
            let names: Vec<_> = words.iter().map(|(name, _)| *name).collect();
            (list.to_owned(), names.join(" "))
        })
        .collect();
    table("Values from a fixed set.", "words", &rows)
}

/// Fixed words with what they mean, for zsh.
pub(super) fn zsh_words() -> String {
    let mut text =
        "# Values from a fixed set, as name:meaning, in reply.\n_ipvsadm_words() {\n    case $1 in\n"
            .to_owned();
    for (list, words) in words::lists() {
        text.push_str(&format!("        {list})\n            reply=(\n"));
        for (name, meaning) in words {
            let word = quoted(&format!("{name}:{meaning}"));
            text.push_str(&format!("                {word}\n"));
        }
        text.push_str("            ) ;;\n");
    }
    text.push_str("        *) reply=() ;;\n    esac\n}\n");
    text
}

/// What a command or option does, for zsh.
pub(super) fn zsh_meanings() -> String {
    let rows: Vec<_> = TABLE
        .iter()
        .map(|spec| (spec.long.to_owned(), spec.sentence()))
        .collect();
    table("What a command or option does.", "meaning", &rows)
}
