// SPDX-License-Identifier: MIT

//! The tables in the language of fish. Each is a function that writes its
//! answer, one word a line.

use super::{rules, shell, words};
use crate::args::{
    options::TABLE,
    spec::{Spec, Value},
};

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// A function that looks up its argument. Each row has the values that it is
/// for and the words of its answer.
fn table(comment: &str, name: &str, rows: &[(String, Vec<String>)]) -> String {
    let mut text = format!("# {comment}\nfunction __ipvsadm_{name}\n    switch \"$argv[1]\"\n");
    for (pattern, answer) in rows {
        text.push_str(&format!(
            "        case {pattern}\n            printf '%s\\n' {}\n",
            answer.join(" ")
        ));
    }
    text.push_str("    end\nend\n");
    text
}

fn owned<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}

pub(super) fn tables() -> String {
    type Row = (String, Vec<String>);
    let rows = |row: &dyn Fn(&'static Spec) -> Option<Vec<String>>| -> Vec<Row> {
        TABLE
            .iter()
            .filter_map(|spec| Some((spec.long.to_owned(), row(spec)?)))
            .collect()
    };
    let longs = |specs: &[&'static Spec]| owned(specs.iter().map(|spec| spec.long));
    let commands: Vec<_> = rules::commands().collect();
    let names: Vec<Row> = TABLE
        .iter()
        .map(|spec| (shell::forms(spec).join(" "), vec![spec.long.to_owned()]))
        .collect();
    let flags = |name: Option<&str>| owned(words::flags(name));
    [
        table(
            "All commands.",
            "commands",
            &[("'*'".to_owned(), longs(&commands))],
        ),
        table("The name of a command or option.", "name", &names),
        table(
            "All ways to write a command or option.",
            "forms",
            &rows(&|spec| Some(shell::forms(spec).iter().map(|form| quoted(form)).collect())),
        ),
        table(
            "What a command or option does.",
            "meaning",
            &rows(&|spec| Some(vec![quoted(&spec.sentence())])),
        ),
        table(
            "Whether a value follows.",
            "takes",
            &rows(&|spec| match spec.value {
                Value::None => None,
                Value::Required(_) => Some(owned(["required"])),
                Value::Optional(_) => Some(owned(["optional"])),
            }),
        ),
        table(
            "Where its values come from.",
            "source",
            &rows(&|spec| Some(owned([words::source(spec)?]))),
        ),
        table(
            "The options that go with a command.",
            "legal",
            &rules::commands()
                .map(|command| (command, rules::legal(command)))
                .filter(|(_, legal)| !legal.is_empty())
                .map(|(command, legal)| (command.long.to_owned(), longs(&legal)))
                .collect::<Vec<_>>(),
        ),
        table(
            "What may not follow an option; with = only that value of it.",
            "excludes",
            &rules::EXCLUSIONS
                .iter()
                .map(|exclusion| (exclusion.given.note.clone(), exclusion.excluded.clone()))
                .collect::<Vec<_>>(),
        ),
        table(
            "What has to stand before an option.",
            "needs",
            &rows(&|spec| Some(owned([rules::needs(spec)?.long]))),
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
                .chain([("'*'".to_owned(), flags(Some("")))])
                .collect::<Vec<_>>(),
        ),
        fixed_words(),
    ]
    .join("\n")
}

fn fixed_words() -> String {
    let mut text = "# Values from a fixed set, each with what it means after a tab.\n\
                    function __ipvsadm_words\n    switch \"$argv[1]\"\n"
        .to_owned();
    for (list, words) in words::lists() {
        text.push_str(&format!(
            "        case {list}\n            printf '%s\\t%s\\n'"
        ));
        for (name, meaning) in words {
            text.push_str(&format!(" \\\n                {name} {}", quoted(meaning)));
        }
        text.push('\n');
    }
    text.push_str("    end\nend\n");
    text
}
