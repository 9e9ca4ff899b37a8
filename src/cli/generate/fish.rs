// SPDX-License-Identifier: MIT

//! The tables in the language of fish. Each is a function that writes its
//! answer, one word a line.

use super::{rules, shell, words};
use crate::args::{
    options::TABLE,
    spec::{Spec, Value},
};

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// A function that looks up its argument. Each row has the values that it is
/// for and the words of its answer.
fn write_table(comment: &str, name: &str, rows: &[(String, Vec<String>)]) -> String {
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

fn own<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}

pub(super) fn write_tables() -> String {
    type TableRow = (String, Vec<String>);
    let rows = |row: &dyn Fn(&'static Spec) -> Option<Vec<String>>| -> Vec<TableRow> {
        TABLE
            .iter()
            .filter_map(|spec| Some((spec.long.to_owned(), row(spec)?)))
            .collect()
    };
    let longs = |specs: &[&'static Spec]| own(specs.iter().map(|spec| spec.long));
    let commands: Vec<_> = rules::list_commands().collect();
    let names: Vec<TableRow> = TABLE
        .iter()
        .map(|spec| {
            (
                shell::list_forms(spec).join(" "),
                vec![spec.long.to_owned()],
            )
        })
        .collect();
    let flags = |name: Option<&str>| own(words::list_flags(name));
    [
        write_table(
            "All commands.",
            "commands",
            &[("'*'".to_owned(), longs(&commands))],
        ),
        write_table(
            "The options that may stand before the command.",
            "leading",
            &[("'*'".to_owned(), longs(&rules::list_leading()))],
        ),
        write_table("The name of a command or option.", "name", &names),
        write_table(
            "All ways to write a command or option.",
            "forms",
            &rows(&|spec| {
                Some(
                    shell::list_forms(spec)
                        .iter()
                        .map(|form| quote(form))
                        .collect(),
                )
            }),
        ),
        write_table(
            "What a command or option does.",
            "meaning",
            &rows(&|spec| Some(vec![quote(&spec.sentence())])),
        ),
        write_table(
            "Whether a value follows.",
            "takes",
            &rows(&|spec| match spec.value {
                Value::None => None,
                Value::Required(_) => Some(own(["required"])),
                Value::Optional(_) => Some(own(["optional"])),
                Value::Attached(_) => Some(own(["attached"])),
            }),
        ),
        write_table(
            "Where its values come from.",
            "source",
            &rows(&|spec| Some(own([words::name_source(spec)?]))),
        ),
        write_table(
            "The options that go with a command.",
            "legal",
            &rules::list_commands()
                .map(|command| (command, rules::find_legal(command)))
                .filter(|(_, legal)| !legal.is_empty())
                .map(|(command, legal)| (command.long.to_owned(), longs(&legal)))
                .collect::<Vec<_>>(),
        ),
        write_table(
            "What may not follow an option; with = only that value of it.",
            "excludes",
            &rules::EXCLUSIONS
                .iter()
                .map(|exclusion| (exclusion.given.note.clone(), exclusion.excluded.clone()))
                .collect::<Vec<_>>(),
        ),
        write_table(
            "What has to stand before an option.",
            "needs",
            &rows(&|spec| Some(own([rules::find_needed(spec)?.long]))),
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
                .chain([("'*'".to_owned(), flags(Some("")))])
                .collect::<Vec<_>>(),
        ),
        write_words(),
    ]
    .join("\n")
}

fn write_words() -> String {
    let mut text = "# Values from a fixed set, each with what it means after a tab.\n\
                    function __ipvsadm_words\n    switch \"$argv[1]\"\n"
        .to_owned();
    for (list, words) in words::collect_lists() {
        text.push_str(&format!(
            "        case {list}\n            printf '%s\\t%s\\n'"
        ));
        for (name, meaning) in words {
            text.push_str(&format!(" \\\n                {name} {}", quote(meaning)));
        }
        text.push('\n');
    }
    text.push_str("    end\nend\n");
    text
}
