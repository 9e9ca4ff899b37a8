// SPDX-License-Identifier: MIT

//! Which deliberate differences a random command may show, and recognizing them.
//!
//! A rule never masks a command away: it says what the original's answer is with
//! the difference put in, or the other way about, and the rest has to be equal.

use std::collections::BTreeSet;

use super::super::notation::Answer;
use super::Run;

/// A deliberate difference, named as in docs/compatibility.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    SavedThresholds,
    ThirdFlag,
    LargeMarks,
    UnsignedOrder,
    NetmaskPrefix,
    NetmaskOrder,
    InheritedPort,
    BracketsWithoutPort,
    Crashes,
    HelpAndVersion,
    ConnectionsOfOne,
}

impl Rule {
    /// Returns whether the tables may differ from then on in more than a rule of
    /// listings can put right.
    pub(super) fn changes_the_table(self) -> bool {
        matches!(
            self,
            Self::NetmaskOrder | Self::InheritedPort | Self::BracketsWithoutPort | Self::Crashes
        )
    }
}

/// Returns the differences that any listing may show.
pub(super) fn of_listings() -> BTreeSet<Rule> {
    use Rule as R;
    [
        R::SavedThresholds,
        R::ThirdFlag,
        R::LargeMarks,
        R::UnsignedOrder,
        R::NetmaskPrefix,
    ]
    .into()
}

/// Returns the differences that a command may show, by its words.
pub(super) fn of(run: &Run) -> BTreeSet<Rule> {
    let mut rules = of_listings();
    let input = String::from_utf8_lossy(&run.input);
    let mut lines: Vec<Vec<String>> = input.lines().map(words).collect();
    lines.push(
        run.words
            .iter()
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect(),
    );
    for words in &lines {
        let service = last(
            words,
            "tuf6",
            &[
                "--tcp-service",
                "--udp-service",
                "--sctp-service",
                "--fwmark-service",
                "--ipv6",
            ],
        );
        let is_before = |at: Option<usize>| at.is_some_and(|at| Some(at) <= service);
        if is_before(first(words, "M", &["--netmask"])) {
            rules.insert(Rule::NetmaskOrder);
        }
        if is_before(first(words, "r", &["--real-server"])) {
            rules.insert(Rule::InheritedPort);
        }
        if first(words, "c", &["--connection"]).is_some() {
            rules.insert(Rule::ConnectionsOfOne);
        }
        if words.iter().any(|word| ends_in_brackets(word)) {
            rules.insert(Rule::BracketsWithoutPort);
        }
        let flags = |word: &String| {
            let value = word.trim_start_matches("--sched-flags=");
            let value = value.rsplit_once('b').map_or(value, |(_, value)| value);
            let value = value.trim_start_matches('=');
            !value.is_empty() && value.chars().all(|letter| letter == ',')
        };
        if words.iter().any(flags) {
            rules.insert(Rule::Crashes);
        }
    }
    // What stands before the first option does not count.
    let mut options = run.words.iter().filter(|word| word.starts_with(b"-"));
    if options.next().is_some_and(|word| {
        matches!(word.as_slice(), b"--help" | b"--version")
            || word.starts_with(b"-h")
            || word.starts_with(b"-v")
    }) {
        rules.insert(Rule::HelpAndVersion);
    }
    rules
}

fn words(line: &str) -> Vec<String> {
    line.split_ascii_whitespace().map(str::to_owned).collect()
}

/// Recognizes a word that ends with an IPv6 address in brackets and no port.
fn ends_in_brackets(word: &str) -> bool {
    word.strip_suffix(']')
        .and_then(|word| word.rsplit_once('['))
        .is_some_and(|(_, address)| address.parse::<std::net::Ipv6Addr>().is_ok())
}

fn is(word: &str, letters: &str, longs: &[&str]) -> bool {
    match word.strip_prefix("--") {
        Some(_) => longs.iter().any(|long| word.starts_with(long)),
        // Perhaps the letter is part of a value; then nothing will differ.
        None => word.starts_with('-') && word.contains(|letter| letters.contains(letter)),
    }
}

fn first(words: &[String], letters: &str, longs: &[&str]) -> Option<usize> {
    words.iter().position(|word| is(word, letters, longs))
}

fn last(words: &[String], letters: &str, longs: &[&str]) -> Option<usize> {
    words.iter().rposition(|word| is(word, letters, longs))
}

/// The original's help is not ours to keep.
pub(super) fn leave_out_help(answer: &mut Answer) {
    if answer.stdout.starts_with(b"ipvsadm v1.31 ") && answer.stdout.len() > 200 {
        answer.stdout = HELP.to_vec();
    }
}

const HELP: &[u8] = b"(help)\n";

/// Returns whether the rules make the two answers one.
pub(super) fn allow(rules: &BTreeSet<Rule>, original: &Answer, ours: &Answer) -> bool {
    let has = |rule| rules.contains(&rule);
    if has(Rule::HelpAndVersion)
        && (original.stdout == HELP || original.stdout.starts_with(b"ipvsadm v1.31 "))
    {
        return !ours.stdout.is_empty()
            && original.stderr == ours.stderr
            && original.status == ours.status;
    }
    if has(Rule::Crashes) && original.status == 128 + 11 {
        return ours.status != 128 + 11;
    }
    if has(Rule::NetmaskOrder) && [original, ours].into_iter().any(refuses_mask) {
        return true;
    }
    if has(Rule::InheritedPort) && [original, ours].into_iter().any(misses_server) {
        return true;
    }
    if has(Rule::BracketsWithoutPort) && refuses_address(original) {
        return !refuses_address(ours);
    }
    if has(Rule::ConnectionsOfOne) && refuses_connections_of_one(original) {
        // They are listed, or something else is wrong.
        return !refuses_connections_of_one(ours);
    }
    let tables = rules.iter().any(|rule| rule.changes_the_table());
    if tables && original.stdout.is_empty() && ours.stdout.is_empty() && has(Rule::Crashes) {
        return true;
    }
    let (theirs, listed) = (
        listing(rules, &original.stdout),
        listing(rules, &ours.stdout),
    );
    let only = |these: &[String], those: &[String]| {
        these.iter().filter(|line| !those.contains(line)).count()
    };
    // One program may have refused what the other has done.
    let one_line = tables && only(&theirs, &listed) <= 1 && only(&listed, &theirs) <= 1;
    original.stderr == ours.stderr
        && original.status == ours.status
        && (theirs == listed || one_line)
}

fn refuses_mask(answer: &Answer) -> bool {
    matches!(
        answer.stderr.as_slice(),
        b"illegal ipv6 netmask specified\n" | b"illegal virtual server persistent mask specified\n"
    )
}

fn refuses_address(answer: &Answer) -> bool {
    matches!(
        answer.stderr.as_slice(),
        b"illegal virtual server address[:port] specified\n"
            | b"illegal real server address[:port] specified\n"
    )
}

fn refuses_connections_of_one(answer: &Answer) -> bool {
    let refusals: [&[u8]; 2] = [
        b"The option 'service-address' conflicts with the 'connection' option in the 'list' command\n",
        b"Illegal 'real-server' option with the 'list' command\n",
    ];
    answer.status == 2
        && refusals
            .iter()
            .any(|refusal| answer.stderr.ends_with(refusal))
}

fn misses_server(answer: &Answer) -> bool {
    matches!(
        answer.stderr.as_slice(),
        b"No such destination\n" | b"Destination already exists\n"
    )
}

/// A listing without what the rules allow to differ in it.
fn listing(rules: &BTreeSet<Rule>, stdout: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stdout);
    let mut blocks: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let saved = line.starts_with("-A ") || line.starts_with("-a ");
        if saved {
            leave_out(&mut words, "-x");
            leave_out(&mut words, "-y");
            if rules.contains(&Rule::NetmaskOrder) {
                leave_out(&mut words, "-M");
            }
            if rules.contains(&Rule::InheritedPort) {
                leave_out_port(&mut words);
            }
        }
        for index in 1..words.len() {
            let before = words.get(index - 1).cloned().unwrap_or_default();
            let Some(word) = words.get_mut(index) else {
                continue;
            };
            match before.as_str() {
                "-f" | "" | "FWM" => unsigned(word),
                "-M" | "mask" => prefix(word),
                "-b" | "sh" | "mh" => *word = word.replace(",flag-3", ""),
                _ => {}
            }
        }
        if line.starts_with("FWM ") {
            // The column is filled up with blanks.
            words.retain(|word| !word.is_empty());
        }
        let line = words.join(" ");
        // Destinations stay with their service, in any order.
        blocks.push(if line.starts_with("-a ") || line.starts_with("  -> ") {
            format!(
                "{}\n{line}",
                blocks
                    .iter()
                    .rev()
                    .find(|block| !block.contains('\n'))
                    .cloned()
                    .unwrap_or_default()
            )
        } else {
            line
        });
    }
    if blocks.iter().any(|block| is_large(block)) {
        blocks.sort();
    }
    blocks
}

fn leave_out(words: &mut Vec<String>, option: &str) {
    if let Some(at) = words.iter().position(|word| word == option) {
        words.drain(at..(at + 2).min(words.len()));
    }
}

fn leave_out_port(words: &mut [String]) {
    if let Some(at) = words.iter().position(|word| word == "-r")
        && let Some(word) = words.get_mut(at + 1)
        && let Some((address, _)) = word.rsplit_once(':')
    {
        *word = address.to_owned();
    }
}

/// A negative mark as it is.
fn unsigned(word: &mut String) {
    if let Ok(mark @ ..0) = word.parse::<i32>() {
        *word = mark.cast_unsigned().to_string();
    }
}

/// The mask of a prefix length instead of the address that the original takes
/// the number for.
fn prefix(word: &mut String) {
    if let Some(length) = word
        .strip_prefix("0.0.0.")
        .and_then(|length| length.parse::<u32>().ok())
        && (1..=32).contains(&length)
    {
        *word = std::net::Ipv4Addr::from(u32::MAX << (32 - length)).to_string();
    }
}

/// Returns whether the line has an address or mark whose sign the original minds.
fn is_large(line: &str) -> bool {
    line.split([' ', '\n']).any(|word| {
        let first = word
            .trim_start_matches('[')
            .split(['.', ':'])
            .next()
            .unwrap_or_default();
        let octet = word.contains('.') && first.parse::<u8>().is_ok_and(|octet| octet > 127);
        let group = word.starts_with('[')
            && u16::from_str_radix(first, 16).is_ok_and(|group| group > 0x7fff);
        let mark = word
            .parse::<i64>()
            .is_ok_and(|mark| mark < 0 || mark > i64::from(i32::MAX));
        octet || group || mark
    })
}

#[test]
fn a_rule_recognizes_its_difference_and_no_other() {
    let said = |stdout: &str| Answer {
        stdout: stdout.as_bytes().to_vec(),
        ..Answer::default()
    };
    let allow = |original: &str, ours: &str| {
        super::rules::allow(&of_listings(), &said(original), &said(ours))
    };
    let line = "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1";
    assert!(allow(&format!("{line}\n"), &format!("{line} -x 5 -y 3\n")));
    assert!(!allow(&format!("{line}\n"), &format!("{line} -x 5 -z 3\n")));
    assert!(allow(
        "-A -f -1 -s rr\n-A -t 10.0.0.1:80 -s rr\n",
        "-A -t 10.0.0.1:80 -s rr\n-A -f 4294967295 -s rr\n"
    ));
    assert!(allow(
        "FWM  -1294967296        0\n",
        "FWM  3000000000         0\n"
    ));
    assert!(!allow(
        "FWM  -1294967296        0\n",
        "FWM  3000000000         1\n"
    ));
    assert!(!allow(
        "-A -f 1 -s rr\n-A -t 10.0.0.1:80 -s rr\n",
        "-A -t 10.0.0.1:80 -s rr\n-A -f 1 -s rr\n"
    ));
    assert!(allow(
        "-A -t 10.0.0.1:80 -s rr -p 5 -M 0.0.0.24\n",
        "-A -t 10.0.0.1:80 -s rr -p 5 -M 255.255.255.0\n"
    ));
    assert!(allow(
        "TCP  9.0.0.1:80 rr\nFWM  7 rr persistent 5 mask 0.0.0.24\n",
        "TCP  9.0.0.1:80 rr\nFWM  7 rr persistent 5 mask 255.255.255.0\n"
    ));
    assert!(!allow(
        "-A -t 10.0.0.1:80 -s rr -p 5\n",
        "-A -t 10.0.0.1:80 -s rr -p 5 -M 64\n"
    ));
    let words = |line: &str| Run {
        words: line
            .split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect(),
        ..Run::default()
    };
    assert!(of(&words("-A -M 64 -t [::1]:80")).contains(&Rule::NetmaskOrder));
    assert!(!of(&words("-A -t [::1]:80 -M 64")).contains(&Rule::NetmaskOrder));
    assert!(of(&words("-a -r 10.0.0.1 -t 10.0.0.1:80")).contains(&Rule::InheritedPort));
    assert!(of(&words("-A -t 10.0.0.1:80 -b=,")).contains(&Rule::Crashes));
    assert!(of(&words("-A -t=[::1] -p")).contains(&Rule::BracketsWithoutPort));
    assert!(!of(&words("-A -t [::1]:80 -r [10.0.0.9]")).contains(&Rule::BracketsWithoutPort));
}
