// SPDX-License-Identifier: MIT

//! The blocks of a guide.
//!
//! - In a block `console` a line `BOX# COMMAND` is a command to run in that box
//!   (`BOX$ COMMAND` where it is not root's), continued on the next line after a `\`.
//!   Up to the next command stands what it writes; a line `...` stands for any lines, a last line
//!   `(exit status N)` for a command that fails.
//! - A block `conf`, `ini` or `sh` is a file. Its first line says where:
//!   `# BOX: PATH`.
//! - Other blocks show something else.

use ipvs_lab::Answer;

/// One thing that a reader does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Run(Command),
    Write {
        place: String,
        path: String,
        text: String,
    },
}

/// A command with what it answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) place: String,
    pub(super) words: String,
    output: Vec<String>,
    status: u8,
    /// Where it stands in the guide.
    pub(super) line: usize,
}

/// Beginnings of commands that change nothing: they can be repeated until the
/// answer is there.
const LOOKS: &[&str] = &[
    "curl ",
    "cat ",
    "for ",
    "ipvsadm -L",
    "ipvsadm --list",
    "ipvsadm -S",
    "ip -br ",
    "ip -brief ",
    "ip address show",
    "ip route show",
    "ip neigh",
    "cut -d ' ' -f 2- ",
    "tmux -S /run/watch capture-pane",
];

impl Command {
    pub(super) fn only_looks(&self) -> bool {
        LOOKS.iter().any(|start| self.words.starts_with(start))
    }

    pub(super) fn is_answered_by(&self, answer: &Answer) -> bool {
        let lines: Vec<_> = answer.stdout.lines().collect();
        let wanted: Vec<_> = self.output.iter().map(String::as_str).collect();
        self.status == answer.status && matches(&wanted, &lines)
    }

    /// Returns the answer that the guide shows.
    pub(super) fn wanted(&self) -> String {
        self.output.join("\n")
    }
}

/// Returns whether the lines are those wanted, where `...` stands for any number.
fn matches(wanted: &[&str], lines: &[&str]) -> bool {
    match (wanted.split_first(), lines.split_first()) {
        (None, None) => true,
        (Some((&"...", rest)), _) => {
            (0..=lines.len()).any(|skipped| matches(rest, &lines[skipped..]))
        }
        // Nobody sees blanks at the end of a line.
        (Some((wanted, rest)), Some((line, lines))) => {
            wanted.trim_end() == line.trim_end() && matches(rest, lines)
        }
        _ => false,
    }
}

/// Reads a guide.
pub(super) fn read(guide: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = (1..).zip(guide.lines());
    while let Some((_, line)) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            continue;
        };
        let block = lines.by_ref().take_while(|(_, line)| *line != "```");
        match kind {
            "console" => steps.extend(commands(block).into_iter().map(Step::Run)),
            "conf" | "ini" | "sh" => {
                let lines: Vec<_> = block.map(|(_, line)| line).collect();
                let (place, path) = lines[0]
                    .strip_prefix("# ")
                    .and_then(|line| line.split_once(": "))
                    .unwrap_or_else(|| panic!("{}: no file's place", lines[0]));
                steps.push(Step::Write {
                    place: place.to_owned(),
                    path: path.to_owned(),
                    text: lines.join("\n") + "\n",
                });
            }
            _ => block.for_each(drop),
        }
    }
    steps
}

fn commands<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut continued = false;
    for (number, line) in lines {
        if continued {
            let command = commands.last_mut().unwrap();
            command.words.push('\n');
            command.words.push_str(line);
            continued = line.ends_with('\\');
        } else if let Some((place, words)) = prompt(line) {
            commands.push(Command {
                place: place.to_owned(),
                words: words.to_owned(),
                output: Vec::new(),
                status: 0,
                line: number,
            });
            continued = line.ends_with('\\');
        } else {
            let command = commands.last_mut();
            let command = command.unwrap_or_else(|| panic!("{number}: whose output is this?"));
            let status = line.strip_prefix("(exit status ");
            match status.and_then(|rest| rest.strip_suffix(')')) {
                Some(status) => command.status = status.parse().unwrap(),
                None => command.output.push(line.to_owned()),
            }
        }
    }
    commands
}

/// Splits `BOX# COMMAND` and `BOX$ COMMAND`.
fn prompt(line: &str) -> Option<(&str, &str)> {
    let (place, words) = line.split_once("# ").or_else(|| line.split_once("$ "))?;
    let plain = |place: &str| place.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (!place.is_empty() && plain(place)).then_some((place, words))
}

#[test]
fn commands_files_and_other_blocks_are_told_apart() {
    let guide = "\
Text.

```text
client# nothing
```

```console
director# ipvsadm -A \\
    -t 192.0.2.1:80
client# curl x
server1
...
(exit status 7)
```

```conf
# director: /etc/x.conf
a
```
";
    let command = |place: &str, words: &str, output: &[&str], status, line| {
        Step::Run(Command {
            place: place.to_owned(),
            words: words.to_owned(),
            output: output.iter().copied().map(str::to_owned).collect(),
            status,
            line,
        })
    };
    let file = Step::Write {
        place: "director".to_owned(),
        path: "/etc/x.conf".to_owned(),
        text: "# director: /etc/x.conf\na\n".to_owned(),
    };
    let words = "ipvsadm -A \\\n    -t 192.0.2.1:80";
    let wanted = [
        command("director", words, &[], 0, 8),
        command("client", "curl x", &["server1", "..."], 7, 10),
        file,
    ];
    assert_eq!(read(guide), wanted);
}

#[test]
fn three_dots_stand_for_any_lines() {
    assert!(matches(&["a", "...", "d"], &["a", "b", "c", "d"]));
    assert!(matches(&["a", "..."], &["a"]));
    assert!(!matches(&["a", "...", "d"], &["a", "b"]));
    assert!(!matches(&["a"], &["a", "b"]));
    assert!(!matches(&[], &["a"]));
}
