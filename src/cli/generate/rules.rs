// SPDX-License-Identifier: MIT

//! The words that may follow the beginning of a command line, found out by asking
//! the parser, in three tables that a shell can keep.

use std::sync::LazyLock;

use crate::{
    args::{
        self,
        name::{self, CommandName},
        options::TABLE,
        spec::{Spec, Value},
    },
    command::choice::TUNNELS,
};

/// Options of a command line, each with a value if it takes one.
type Words = Vec<String>;

/// A real server where any will do.
const SERVER: &str = "192.0.2.2:80";

/// Words that may complete a command line, beside the options that a question is
/// about: one of each row.
const COMPLEMENTS: [&[&str]; 5] = [
    &["", "--udp-service 192.0.2.1:80", "--fwmark-service 5"],
    &[
        "",
        "--real-server 192.0.2.2:80",
        "--real-server [2001:db8::2]:80",
    ],
    &["", "--ipip"],
    &["", "--tun-type gre", "--tun-type gue"],
    &["", "--tun-port 6080"],
];

/// Words that may complete a command line with --drain.
const DRAINS: [&[&str]; 5] = [
    &[],
    &["--undo"],
    &["--wait"],
    &["--real-server", SERVER],
    &["--real-server", SERVER, "--wait"],
];

/// Words that may complete a command line with --list.
const LISTINGS: [&[&str]; 4] = [
    &[],
    &["--connection"],
    &["--summary"],
    &["--connection", "--summary"],
];

/// Every choice of complements.
static CHOICES: LazyLock<Vec<Vec<&str>>> = LazyLock::new(|| {
    COMPLEMENTS.iter().fold(vec![vec![]], |choices, row| {
        let chosen = choices.iter();
        chosen
            .flat_map(|chosen| {
                row.iter().map(|words| {
                    [chosen, &words.split_whitespace().collect::<Vec<_>>()[..]].concat()
                })
            })
            .collect()
    })
});

pub(super) fn list_commands() -> impl Iterator<Item = &'static Spec> {
    TABLE.iter().filter(|spec| spec.command().is_some())
}

/// Lists the options that may stand before the command.
pub(super) fn list_leading() -> Vec<&'static Spec> {
    TABLE.iter().filter(|spec| spec.may_lead).collect()
}

pub(super) fn list_options() -> impl Iterator<Item = &'static Spec> {
    TABLE.iter().filter(|spec| spec.command().is_none())
}

/// A command or option with a value that is right.
fn make_words(spec: &Spec) -> Words {
    let value = match spec.long {
        "start-daemon" | "stop-daemon" => "master",
        "tcp-service" | "udp-service" | "sctp-service" => "192.0.2.1:80",
        "real-server" => SERVER,
        "netmask" => "24",
        "sched-flags" => "flag-1",
        "tun-type" => "gue",
        "output" => "wide",
        "mcast-group" => "224.0.0.82",
        "scope" => "192.0.2.0/24",
        "interface" => "netlink",
        "client" => "192.0.2.9",
        "state" => "UDP",
        "protocol" => "udp",
        _ => "1",
    };
    match spec.value {
        Value::None | Value::Attached(_) => vec![format!("--{}", spec.long)],
        _ => make_words_with(spec, value),
    }
}

fn make_words_with(spec: &Spec, value: &str) -> Words {
    vec![format!("--{}", spec.long), value.to_owned()]
}

/// Returns whether a beginning of a command line can be made right by adding to it, or by a real server of the other address family.
fn can_become_right(beginning: &[String]) -> bool {
    let ipv4: Vec<_> = beginning.iter().map(String::as_str).collect();
    let ipv6 = ipv4.iter().map(|word| match *word {
        SERVER => "[2001:db8::2]:80",
        word => word,
    });
    [ipv4.clone(), ipv6.collect()].iter().any(|beginning| {
        let is_right = |complement: &[&str]| args::parse(&[beginning, complement].concat()).is_ok();
        match beginning.first() {
            Some(&"--add-server" | &"--edit-server" | &"--delete-server") => {
                CHOICES.iter().any(|choice| is_right(choice))
            }
            Some(&"--drain") => DRAINS.iter().any(|words| is_right(words)),
            Some(&"--list") => LISTINGS.iter().any(|words| is_right(words)),
            Some(&"--set") => is_right(&["1", "1", "1"]),
            _ => COMPLEMENTS[0]
                .iter()
                .any(|words| is_right(&words.split_whitespace().collect::<Vec<_>>())),
        }
    })
}

fn make_line(command: &Spec, options: &[&Words]) -> Words {
    let mut line = make_words(command);
    line.extend(options.iter().copied().flatten().cloned());
    line
}

/// The options that may follow a command.
pub(super) fn find_legal(command: &Spec) -> Vec<&'static Spec> {
    if matches!(
        command.command(),
        Some(CommandName::Help | CommandName::Version)
    ) {
        // Anything may, and is not looked at.
        return Vec::new();
    }
    let ask = |option: &'static Spec| {
        let before = find_needed(option).map(make_words).unwrap_or_default();
        can_become_right(&make_line(command, &[&before, &make_words(option)]))
    };
    list_options()
        .filter(|option| match option.long {
            // Legal with every command and of use with none: shown beside the
            // option that it is the contrary of.
            "sort" => {
                list_options().any(|other| other.group() == Some(name::NO_SORT) && ask(other))
            }
            _ => ask(option),
        })
        .collect()
}

/// The option that has to stand before this one.
pub(super) fn find_needed(option: &Spec) -> Option<&'static Spec> {
    (option.long == "ipv6").then(|| {
        list_options()
            .find(|option| option.long == "fwmark-service")
            .unwrap()
    })
}

/// An option that a command line may have, as the scripts note it down: an option's
/// name, or a name and a value where the value matters.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) note: String,
    spec: &'static Spec,
    words: Words,
}

impl Given {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for spec in list_options() {
            if spec.group() != Some(name::TUNNEL_TYPE) {
                all.push(Self {
                    note: spec.long.to_owned(),
                    spec,
                    words: make_words(spec),
                });
                continue;
            }
            for tunnel in &TUNNELS {
                all.push(Self {
                    note: format!("{}={}", spec.long, tunnel.name),
                    spec,
                    words: make_words_with(spec, tunnel.name),
                });
            }
        }
        all
    }

    fn is(&self, spec: &Spec) -> bool {
        self.spec.long == spec.long
    }
}

/// The options that may not stand beside an option, whatever the command is.
pub(super) struct Exclusion {
    pub(super) given: Given,
    pub(super) excluded: Vec<String>,
}

pub(super) static EXCLUSIONS: LazyLock<Vec<Exclusion>> = LazyLock::new(find_exclusions);

fn find_exclusions() -> Vec<Exclusion> {
    let legal: Vec<(&Spec, Vec<&Spec>)> = list_commands()
        .map(|spec| (spec, find_legal(spec)))
        .collect();
    let all = Given::all();
    let exclude = |first: &Given, second: &Given| {
        if first.is(second.spec) {
            return !first.spec.is_repeatable;
        }
        let both = [first, second];
        // What one of them needs to have before it, unless it is the other.
        let before = both
            .iter()
            .find_map(|given| find_needed(given.spec))
            .filter(|needed| !both.iter().any(|given| given.is(needed)))
            .map(make_words)
            .unwrap_or_default();
        let mut verdicts = legal
            .iter()
            .filter(|(_, options)| {
                both.iter()
                    .all(|given| options.iter().any(|option| given.is(option)))
            })
            .map(|(command, _)| {
                !can_become_right(&make_line(command, &[&before, &first.words, &second.words]))
                    && !can_become_right(&make_line(
                        command,
                        &[&before, &second.words, &first.words],
                    ))
            });
        let verdict = verdicts.next().unwrap_or(false);
        assert!(
            verdicts.all(|other| other == verdict),
            "{} and {}: not the same for every command",
            first.note,
            second.note
        );
        verdict
    };
    all.iter()
        .map(|given| {
            let mut excluded: Vec<String> = Vec::new();
            let others: Vec<&Given> = all.iter().filter(|other| exclude(given, other)).collect();
            for other in &others {
                // Every value excluded is the option excluded.
                let values = all.iter().filter(|any| any.is(other.spec)).count();
                let gone = others.iter().filter(|any| any.is(other.spec)).count();
                let note = if values == gone {
                    other.spec.long.to_owned()
                } else {
                    other.note.clone()
                };
                if !excluded.contains(&note) {
                    excluded.push(note);
                }
            }
            Exclusion {
                given: given.clone(),
                excluded,
            }
        })
        .collect()
}

/// The scripts' way of finding what may follow must agree with the parser for
/// every command and every two options before it.
#[test]
fn the_tables_of_the_completions_agree_with_the_parser() {
    let excluded_by = |note: &str| -> &[String] {
        EXCLUSIONS
            .iter()
            .find(|exclusion| exclusion.given.note == note)
            .map_or(&[], |exclusion| &exclusion.excluded)
    };
    let offered = |given: &[&Given], next: &Given| {
        let free = given.iter().all(|earlier| {
            !excluded_by(&earlier.note)
                .iter()
                .any(|note| *note == next.note || *note == next.spec.long)
        });
        let ready = find_needed(next.spec)
            .is_none_or(|needed| given.iter().any(|earlier| earlier.spec.long == needed.long));
        free && ready
    };
    let mut asked = 0;
    for command in list_commands() {
        let legal = find_legal(command);
        let all: Vec<Given> = Given::all()
            .into_iter()
            .filter(|given| legal.iter().any(|spec| given.is(spec)))
            .collect();
        // Repeating these is no error, only useless.
        let useless = |first: &Given, second: &Given| {
            first.is(second.spec) && matches!(first.spec.long, "ipv6" | "sort")
        };
        for first in &all {
            if !offered(&[], first) {
                assert!(!can_become_right(&make_line(command, &[&first.words])));
                continue;
            }
            for second in &all {
                if !offered(&[first], second) {
                    let words = make_line(command, &[&first.words, &second.words]);
                    assert!(
                        useless(first, second) || !can_become_right(&words),
                        "{words:?}"
                    );
                    continue;
                }
                // What is not offered here is not offered after one of the two
                // alone, and that has been asked.
                for third in &all {
                    if !offered(&[first, second], third) {
                        continue;
                    }
                    let words = make_line(command, &[&first.words, &second.words, &third.words]);
                    assert!(can_become_right(&words), "{words:?}");
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 5_000, "{asked}");
}
