// SPDX-License-Identifier: MIT

//! The manual page: for each command and option its names and the sentence of
//! the help text. What there is to say beyond that is written by hand after it.
//!
//! The Chinese page has the names, and the sentence as a comment beside its
//! translation: whoever renews the page sees which translation is out of date.

use super::Generated;
use crate::args::{
    options::TABLE,
    spec::{Spec, Value},
};

pub(super) fn describe_page() -> Generated {
    Generated {
        path: "man/ipvsadm.8",
        comment: ".\\\"",
        parts: TABLE.iter().map(name_part).collect(),
        part: |name| find_spec(name).map(write_entry),
    }
}

pub(super) fn describe_chinese_page() -> Generated {
    Generated {
        path: "man/zh_CN/man8/ipvsadm.8",
        comment: ".\\\"",
        parts: TABLE.iter().map(name_part).collect(),
        part: |name| find_spec(name).map(write_entry_to_translate),
    }
}

fn name_part(spec: &Spec) -> String {
    match spec.command() {
        Some(_) => format!("command {}", spec.long),
        None => format!("option {}", spec.long),
    }
}

fn find_spec(part: &str) -> Option<&'static Spec> {
    TABLE.iter().find(|spec| name_part(spec) == part)
}

/// An item of a list, in the macros of mdoc.
fn write_entry(spec: &Spec) -> String {
    let value = match spec.value {
        Value::None => String::new(),
        Value::Required(name) => format!(" Ar {}", name.to_lowercase()),
        Value::Optional(name) => format!(" Oo Ar {} Oc", name.to_lowercase()),
        Value::Attached(name) => format!(" Ns Oo = Ns Ar {} Oc", name.to_lowercase()),
    };
    let forms: Vec<_> = spec
        .letters
        .iter()
        .map(|letter| format!("Fl {letter}{value}"))
        .chain([format!("Fl -{}{value}", spec.long)])
        .collect();
    format!(
        ".It {}\n{}",
        forms.join(" , "),
        wrap_sentence(&spec.sentence())
    )
}

fn write_entry_to_translate(spec: &Spec) -> String {
    let entry = write_entry(spec);
    let mut lines = entry.lines();
    let item = lines.next().unwrap_or_default();
    let sentence: String = lines.map(|line| format!(".\\\" {line}\n")).collect();
    format!("{item}\n{sentence}")
}

/// In lines of less than 80 characters, as the tools that check manual pages
/// want it.
fn wrap_sentence(text: &str) -> String {
    let text = format!("{}.", text.replace('\\', r"\e").replace('-', r"\-"));
    let mut lines = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        if length + word.len() > 78 {
            lines.push('\n');
            length = 0;
        } else if length > 0 {
            lines.push(' ');
        }
        lines.push_str(word);
        length += word.len() + 1;
    }
    lines + "\n"
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::words;
    use super::*;
    use crate::args;

    fn read_page() -> String {
        fs::read_to_string(describe_page().full_path()).unwrap()
    }

    /// The page's words about an option.
    fn find_entry(option: &str) -> String {
        let page = read_page();
        let (_, after) = page
            .split_once(&format!(".\\\" begin option {option}\n"))
            .unwrap();
        let (text, _) = after.split_once(".\\\" begin ").unwrap_or((after, ""));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_ranges_in_the_manual_page_are_those_of_the_parser() {
        let service = ["-A", "-t", "192.0.2.1:80"];
        let server = ["-a", "-t", "192.0.2.1:80", "-r", "192.0.2.2:80"];
        let gue = [&server[..], &["-i", "--tun-type", "gue"]].concat();
        let daemon = ["--start-daemon", "master"];
        let drain = ["--drain", "-r", "192.0.2.2"];
        let ranges: [(&[&str], &str, u64, u64); 11] = [
            (&["-A"], "fwmark-service", 1, 4_294_967_295),
            (&service, "persistent", 1, 2_678_400),
            (&server, "weight", 0, 2_147_483_647),
            (&server, "u-threshold", 0, 2_147_483_647),
            (&server, "l-threshold", 0, 2_147_483_647),
            (&gue, "tun-port", 1, 65_535),
            (&daemon, "syncid", 0, 255),
            (&daemon, "sync-maxlen", 1, 65_507),
            (&daemon, "mcast-port", 1, 65_535),
            (&daemon, "mcast-ttl", 1, 255),
            (&drain, "wait", 0, 2_147_483_647),
        ];
        for (before, option, least, most) in ranges {
            let said = format!("{least} to {most}");
            assert!(find_entry(option).contains(&said), "{option}: {said}");
            let accepted = |value: i128| {
                let word = format!("--{option}={value}");
                args::parse(&[before, &[&word]].concat()).is_ok()
            };
            for (value, right) in [
                (i128::from(least) - 1, false),
                (least.into(), true),
                (most.into(), true),
                (i128::from(most) + 1, false),
            ] {
                assert_eq!(accepted(value), right, "{option} {value}");
            }
        }
    }

    #[test]
    fn every_fixed_value_is_explained_in_the_manual_page() {
        let page = read_page();
        let items: Vec<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix(".It Cm "))
            .flat_map(|names| names.split(" , "))
            .collect();
        let lists = words::collect_lists();
        let values = lists.iter().flat_map(|(_, values)| values);
        for value in values
            .map(|(value, _)| *value)
            .chain(words::list_flags(None))
        {
            assert!(items.contains(&value), "{value}");
        }
    }

    #[test]
    fn every_entry_of_the_chinese_page_is_translated() {
        let page = fs::read_to_string(describe_chinese_page().full_path()).unwrap();
        let mut translated = 0;
        for after in page.split(".\\\" end\n").skip(1) {
            let line = after.lines().next().unwrap();
            // Chinese characters, from the first to the last of Unicode's main block.
            let chinese = line
                .chars()
                .any(|it| ('\u{4e00}'..='\u{9fff}').contains(&it));
            assert!(chinese, "no translation: {line}");
            translated += 1;
        }
        assert_eq!(translated, TABLE.len());
    }

    #[test]
    fn every_list_of_the_manual_page_ends_before_the_next_heading() {
        let mut open = 0;
        for line in read_page().lines() {
            match line.split(' ').next() {
                Some(".Bl") => open += 1,
                Some(".El") => open -= 1,
                Some(".Sh" | ".Ss") => assert_eq!(open, 0, "{line}"),
                _ => {}
            }
        }
    }

    #[test]
    fn the_examples_in_the_manual_page_are_right() {
        let page = read_page().replace("\\e\n", "");
        let (_, examples) = page.split_once("\n.Sh EXAMPLES\n").unwrap();
        let mut read = 0;
        for line in examples.lines() {
            let Some(line) = line.strip_prefix("ipvsadm ") else {
                continue;
            };
            let words: Vec<_> = line
                .split_whitespace()
                .take_while(|word| !["<", ">"].contains(word))
                .collect();
            let command = args::parse(&words);
            assert!(command.is_ok(), "{line}: {command:?}");
            read += 1;
        }
        assert!(read > 20, "{read}");
    }
}
