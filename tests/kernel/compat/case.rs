// SPDX-License-Identifier: MIT

//! Cases, and the files that they are written in.
//!
//! A case is a line `== TITLE` and the lines up to the next one, each a step or
//! a word about the case. The steps before the first case of a file come first
//! in each of its cases. `#` begins a comment line.
//!
//! | line | |
//! |---|---|
//! | `$ WORDS` | runs the program; what it answers is compared |
//! | `< TEXT` | a line of standard input for the command above |
//! | `\| TEXT`, `! TEXT`, `= STATUS` | what ours must answer there, in a deliberate difference |
//! | `called NAME` | the command above runs as `ipvsadm-save` or `ipvsadm-restore`: scripts beside the original, other names of ours |
//! | `as nobody` | the command above runs as user and group 65534 |
//! | `to /dev/full` | the standard output of the command above |
//! | `to pipe N` | likewise: a pipe whose reader closes it after N bytes |
//! | `ignoring SIGPIPE` | the command above is started so, as systemd starts services |
//! | `until TEXT` | the command above is repeated until its standard output has the text, and those of further such lines |
//! | `ip COMMAND` | for `ip` of iproute2 |
//! | `sysctl PATH VALUE` | a parameter below `/proc/sys/net` |
//! | `hosts LINE` | a line of `/etc/hosts`, from the beginning |
//! | `udp FROM TO TEXT` | sends a datagram |
//! | `tcp TO` | begins a connection, which need not come about |
//! | `service PROTOCOL ADDRESS SCHEDULER` | the client adds a service of any protocol number |
//! | `server PROTOCOL ADDRESS SERVER METHOD` | the client adds a real server with any number of a forwarding method to it |
//! | `reply OBJECT ATTRIBUTE VALUE` | from here on, the program reads this value in the kernel's replies (`tests/replies` has the names) |
//! | `deliberate ID` | ours differs; `docs/compatibility.md` has a section ID |
//! | `mask WHAT ...` | see [`super::mask`] |
//! | `repeat N LINE` | the line N times, with the number of each, from 1, for `#` |
//! | `for NAME: TEXT \| TEXT ...` | the case once with each text for `{NAME}` |
//! | `list NAME: TEXT \| ...` | before the first case: texts that `for` names `@NAME`; more such lines add to it |

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use super::mask::Mask;
use super::notation::{Answer, input_line, unescape, words};
use super::stage::SCRIPTS;

/// The steps that are taken on each side, and whether the answers may differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) title: String,
    /// The section of the list of deliberate differences.
    pub(super) deliberate: Option<String>,
    pub(super) masks: Vec<Mask>,
    /// The contents of /etc/hosts.
    pub(super) hosts: String,
    /// The rules for the replies to the commands that follow.
    pub(super) replies: String,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Run(Run),
    Ip(String),
    Sysctl {
        path: String,
        value: String,
    },
    Udp {
        from: SocketAddr,
        to: SocketAddr,
        data: Vec<u8>,
    },
    Tcp {
        to: SocketAddr,
    },
    Service {
        protocol: u16,
        address: SocketAddr,
        scheduler: String,
    },
    Server {
        protocol: u16,
        service: SocketAddr,
        server: SocketAddr,
        method: u32,
    },
}

/// One start of the program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) words: Vec<Vec<u8>>,
    pub(super) input: Vec<u8>,
    /// The script that it runs as; not given for the program itself.
    pub(super) script: Option<&'static str>,
    pub(super) as_nobody: bool,
    pub(super) output: Output,
    pub(super) ignores_sigpipe: bool,
    pub(super) until: Vec<String>,
    /// The rules by which the kernel's replies are rewritten, one a line.
    pub(super) replies: String,
    /// The answer of this tree's program where the difference is deliberate.
    pub(super) ours: Answer,
}

/// The kind of standard output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Output {
    /// Kept whole.
    #[default]
    Kept,
    /// Nothing can be written to it.
    Full,
    /// A pipe that is closed when so many bytes have been read.
    Pipe(usize),
}

impl Case {
    /// Every start of the program.
    pub(super) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.steps.iter().filter_map(|step| match step {
            Step::Run(run) => Some(run),
            _ => None,
        })
    }
}

/// Reads a file of cases.
pub(super) fn parse(text: &str) -> Result<Vec<Case>> {
    let mut lists = Variables::new();
    let mut before: Vec<&str> = Vec::new();
    let mut cases: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(title) = line.strip_prefix("== ") {
            cases.push((title, Vec::new()));
        } else if let Some((_, lines)) = cases.last_mut() {
            lines.push(line);
        } else if let Some(list) = line.strip_prefix("list ") {
            let (name, texts) = variable(list, &lists)?;
            lists.entry(name).or_default().extend(texts);
        } else {
            before.push(line);
        }
    }
    let mut all = Vec::new();
    for (title, lines) in cases {
        let in_case = || format!("in the case «{title}»");
        let lines = || before.iter().chain(&lines);
        let mut variables = Variables::new();
        for line in lines().filter_map(|line| line.strip_prefix("for ")) {
            let (name, texts) = variable(line, &lists).with_context(in_case)?;
            variables.insert(name, texts);
        }
        let lines: Vec<&str> = lines()
            .copied()
            .filter(|line| !line.starts_with("for "))
            .collect();
        for values in products(&variables) {
            all.push(
                case(&values(title), lines.iter().map(|line| values(line)))
                    .with_context(in_case)?,
            );
        }
    }
    Ok(all)
}

type Variables = BTreeMap<String, Vec<String>>;

/// `NAME: TEXT | TEXT`, where a text `@NAME` is the texts of a list.
fn variable(line: &str, lists: &Variables) -> Result<(String, Vec<String>)> {
    let (name, texts) = line.split_once(": ").context("no colon after the name")?;
    let mut all = Vec::new();
    for text in texts.split(" | ") {
        match text.strip_prefix('@') {
            Some(list) => all.extend(lists.get(list).context("no such list")?.clone()),
            None => all.push(text.to_owned()),
        }
    }
    Ok((name.to_owned(), all))
}

/// For each way to choose one text for every variable: what puts them into a line.
fn products(variables: &Variables) -> Vec<impl Fn(&str) -> String> {
    let mut choices: Vec<Vec<(&str, &str)>> = vec![Vec::new()];
    for (name, texts) in variables {
        choices = choices
            .iter()
            .flat_map(|choice| {
                texts.iter().map(|text| {
                    let mut choice = choice.clone();
                    choice.push((name, text));
                    choice
                })
            })
            .collect();
    }
    let put = |choice: Vec<(&str, &str)>| {
        let pairs: Vec<_> = choice
            .into_iter()
            .map(|(name, text)| (format!("{{{name}}}"), text.to_owned()))
            .collect();
        move |line: &str| {
            pairs.iter().fold(line.to_owned(), |line, (name, text)| {
                line.replace(name, text)
            })
        }
    };
    choices.into_iter().map(put).collect()
}

fn case(title: &str, lines: impl Iterator<Item = String>) -> Result<Case> {
    let mut case = Case {
        title: title.to_owned(),
        ..Case::default()
    };
    for line in lines {
        take(&mut case, &line).with_context(|| format!("at «{line}»"))?;
    }
    ensure!(case.runs().next().is_some(), "{title} runs nothing");
    Ok(case)
}

fn take(case: &mut Case, line: &str) -> Result<()> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "repeat" => {
            let (count, line) = rest.split_once(' ').context("no line")?;
            for number in 1..=count.parse::<u32>()? {
                take(case, &line.replace('#', &number.to_string()))?;
            }
        }
        "$" => case.steps.push(Step::Run(Run {
            words: words(rest)?,
            replies: case.replies.clone(),
            ..Run::default()
        })),
        "ip" => case.steps.push(Step::Ip(rest.to_owned())),
        "sysctl" => {
            let (path, value) = rest.split_once(' ').context("no value")?;
            case.steps.push(Step::Sysctl {
                path: path.to_owned(),
                value: value.to_owned(),
            });
        }
        "udp" => {
            let mut parts = rest.splitn(3, ' ');
            let mut part = || parts.next().context("FROM, TO and a text");
            case.steps.push(Step::Udp {
                from: part()?.parse()?,
                to: part()?.parse()?,
                data: unescape(part()?)?,
            });
        }
        "tcp" => case.steps.push(Step::Tcp { to: rest.parse()? }),
        "service" => {
            let [protocol, address, scheduler] = parts(rest)?;
            case.steps.push(Step::Service {
                protocol: protocol.parse()?,
                address: address.parse()?,
                scheduler: scheduler.to_owned(),
            });
        }
        "server" => {
            let [protocol, service, server, method] = parts(rest)?;
            case.steps.push(Step::Server {
                protocol: protocol.parse()?,
                service: service.parse()?,
                server: server.parse()?,
                method: method.parse()?,
            });
        }
        "reply" => {
            case.replies.push_str(&String::from_utf8(unescape(rest)?)?);
            case.replies.push('\n');
        }
        "hosts" => {
            case.hosts.push_str(rest);
            case.hosts.push('\n');
        }
        "deliberate" => case.deliberate = Some(rest.to_owned()),
        "mask" => {
            for name in rest.split(' ') {
                case.masks.push(Mask::named(name).context("no such mask")?);
            }
        }
        _ => {
            let Some(Step::Run(run)) = case.steps.last_mut() else {
                bail!("no command above");
            };
            match (word, rest) {
                ("<", text) => run.input.extend(input_line(text)?),
                ("called", name) => {
                    let known = SCRIPTS.into_iter().find(|script| *script == name);
                    run.script = Some(known.context("no such script")?);
                }
                ("as", "nobody") => run.as_nobody = true,
                ("to", "/dev/full") => run.output = Output::Full,
                ("to", text) => {
                    let bytes = text.strip_prefix("pipe ").context("to what?")?;
                    run.output = Output::Pipe(bytes.parse()?);
                }
                ("ignoring", "SIGPIPE") => run.ignores_sigpipe = true,
                ("until", text) => run.until.push(text.to_owned()),
                _ => ensure!(run.ours.take(line)?, "neither a step nor anything else"),
            }
        }
    }
    Ok(())
}

fn parts<const N: usize>(text: &str) -> Result<[&str; N]> {
    let parts: Vec<&str> = text.split(' ').collect();
    let count = parts.len();
    parts
        .try_into()
        .map_err(|_| anyhow!("{count} words instead of {N}"))
}

#[test]
fn a_case_stands_once_for_each_choice_of_texts() {
    let text = "\
list numbers: 1 | 2
$ -C
== {a} and {b}
for a: @numbers
for b: x | 'y z'
deliberate reason
$ -R
repeat 2 < # # {a}
< {a} {b}\\
to pipe 3
| out
= 2
";
    let cases = parse(text).unwrap();
    let titles: Vec<&str> = cases.iter().map(|case| case.title.as_str()).collect();
    assert_eq!(titles, ["1 and x", "1 and 'y z'", "2 and x", "2 and 'y z'"]);
    let last = &cases[3];
    assert_eq!(last.deliberate.as_deref(), Some("reason"));
    let runs: Vec<&Run> = last.runs().collect();
    assert_eq!(runs[0].words, [b"-C"]);
    assert_eq!(runs[1].words, [b"-R"]);
    assert_eq!(runs[1].input, b"1 1 2\n2 2 2\n2 'y z'");
    assert_eq!(runs[1].output, Output::Pipe(3));
    assert_eq!(
        (runs[1].ours.stdout.as_slice(), runs[1].ours.status),
        (&b"out\n"[..], 2)
    );
}

#[test]
fn replies_are_rewritten_for_the_commands_that_follow() {
    let text = "== title\n$ -C\nreply info size 5\n$ -L\nreply service timeout 7\n$ -S\n";
    let cases = parse(text).unwrap();
    let replies: Vec<&str> = cases[0].runs().map(|run| run.replies.as_str()).collect();
    assert_eq!(
        replies,
        ["", "info size 5\n", "info size 5\nservice timeout 7\n"]
    );
}

#[test]
fn a_line_that_means_nothing_is_an_error() {
    for line in [
        "nonsense",
        "mask nothing",
        "called ipvsadm-nothing",
        "udp 1.1.1.1:1 x y",
        "to nowhere",
        "ignoring nothing",
        "repeat x < -L",
        "service 47 10.0.0.1:80",
        "for a: @none",
    ] {
        assert!(
            parse(&format!("== title\n$ -L\n{line}\n")).is_err(),
            "{line}"
        );
    }
    assert!(parse("== nothing is run\n").is_err());
}
