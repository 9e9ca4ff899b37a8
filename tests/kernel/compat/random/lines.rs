// SPDX-License-Identifier: MIT

//! Making command lines: sensible ones, in all the forms that words can have,
//! and damaged ones.

use super::rules;
use super::{Item, Run};
use crate::chance::Chance;

/// The hosts that names are for.
pub(super) const HOSTS: &str = "127.0.0.1 localhost\n10.0.0.4 short\n10.0.0.22 server\n";

#[rustfmt::skip]
const SERVICES: &[(&str, &str, &str)] = &[
    ("-t", "--tcp-service", "10.0.0.1:80"),
    ("-t", "--tcp-service", "10.0.0.1:80"),
    ("-t", "--tcp-service", "10.0.0.1:80"),
    ("-t", "--tcp-service", "10.0.0.1:443"),
    ("-t", "--tcp-service", "10.0.0.2:http"),
    ("-t", "--tcp-service", "10.0.0.3:0"),
    ("-t", "--tcp-service", "short:80"),
    ("-t", "--tcp-service", "200.0.0.1:80"),
    ("-t", "--tcp-service", "[2001:db8::1]:80"),
    ("-t", "--tcp-service", "[2001:db8::1]:80"),
    ("-u", "--udp-service", "10.0.0.1:53"),
    ("-u", "--udp-service", "10.0.0.1:53"),
    ("-u", "--udp-service", "[2001:db8::1]:53"),
    ("", "--sctp-service", "10.0.0.1:80"),
    ("-f", "--fwmark-service", "1"),
    ("-f", "--fwmark-service", "1"),
    ("-f", "--fwmark-service", "77"),
    ("-f", "--fwmark-service", "3000000000"),
    ("-f6", "--fwmark-service", "1"),
    ("-f6", "--fwmark-service", "2"),
];
const SERVERS: &[&str] = &[
    "10.0.0.20",
    "10.0.0.20",
    "10.0.0.21:80",
    "10.0.0.21:8080",
    "server:http",
    "10.0.0.23:0",
    "127.0.0.1",
    "201.0.0.1",
    "2001:db8::20",
    "[2001:db8::21]:80",
    "[2001:db8::21]:8080",
];
const SCHEDULERS: &[&str] = &[
    "rr", "wrr", "lc", "wlc", "sh", "mh", "dh", "sed", "nq", "fo", "none", "nosuch",
];
const FLAGS: &[&str] = &[
    "flag-1",
    "flag-2",
    "sh-port",
    "sh-fallback,sh-port",
    "mh-port",
    "mh-fallback",
    "flag-1,flag-2",
    "flag-4",
];
const TIMEOUTS: &[&str] = &["1", "60", "360", "2678400", "2678401", "0", "x"];
const MASKS: &[&str] = &["255.255.255.0", "255.0.0.0", "64", "24", "128", "129", "x"];
const WEIGHTS: &[&str] = &[
    "0",
    "1",
    "5",
    "100",
    "65535",
    "65536",
    "-1",
    "x",
    "2147483648",
];
const PORTS: &[&str] = &["1", "6080", "65535", "65536", "0"];
const GROUPS: &[&str] = &["224.0.0.5", "ff02::5", "10.0.0.1", "x"];
/// Words that damage puts in.
#[rustfmt::skip]
const ODD: &[&str] = &[
    "", "-", "--", "0", "-1", "+1", " 5", "5 ", "4294967295", "4294967296", "99999999999999999999",
    "0x10", "010", "abc", "é", "10.0.0.1", "10.0.0.1:", ":80", "10.1:80", "300.0.0.1:80", "[::1]", "::1",
    "[10.0.0.9]:80", "[::1]:x", "255.255.255.255:65535", "=", "-=", "--=", ",", "-n", "-6", "-L", "-D", "-r",
    "-p", "-M", "-c", "-o", "-m", "-i", "-g", "-x", "-y", "-b", "-s", "-t", "-f", "-w", "-Q", "-nc", "--stats",
    "--rate", "--exact", "--thresholds", "--persistent-conn", "--tun-info", "--timeout", "--daemon", "--sort",
    "--nosort", "--pe", "--ops", "--ipv6", "--tun-type", "--tun-csum", "--tun-port=5", "--syncid", "--mcast-ttl=1",
    "--numeric=1", "--nope", "--weight", "--weight=", "--persistent=5", "--netmask=24", "ipvsadm", "*", "1,2", "#",
];

/// A sequence of so many random lines, and the checks between and after them.
pub(super) fn sequence(chance: &mut Chance, length: usize) -> Vec<Item> {
    let mut items = Vec::new();
    let save = || run(["-S", "-n"].map(str::to_owned).to_vec(), "");
    for number in 0..length {
        // A table is worth more when there is something in it.
        let run = match number {
            0..3 => run(adding(chance), ""),
            _ if chance.percent(30) => batch(chance),
            _ => run(some(chance), ""),
        };
        let rules = rules::of(&run);
        items.push(Item {
            run,
            rules: rules.clone(),
            is_check: false,
        });
        if rules.iter().any(|rule| rule.changes_the_table()) {
            // From here on the tables are not the same: see that the difference
            // is the one that is meant, and begin again.
            for run in [save(), self::run(vec!["-C".to_owned()], "")] {
                items.push(Item {
                    run,
                    rules: rules.clone(),
                    is_check: true,
                });
            }
        }
    }
    items.push(Item {
        run: save(),
        rules: rules::of_listings(),
        is_check: true,
    });
    items
}

fn run(words: Vec<String>, input: &str) -> Run {
    Run {
        words: words.into_iter().map(String::into_bytes).collect(),
        input: input.as_bytes().to_vec(),
        ..Run::default()
    }
}

/// Several lines for one -R. There is no quoting in them, and what would stop it
/// is left out of most of them.
fn batch(chance: &mut Chance) -> Run {
    let mut input = String::new();
    for _ in 0..5 + chance.below(8) {
        let words = if chance.percent(4) {
            some(chance)
        } else {
            sensible(chance)
        };
        let illegal = |word: &String| {
            STOPS.iter().any(|end| word.ends_with(end))
                || STOP_OPTIONS.iter().any(|start| word.starts_with(start))
        };
        let reads = words
            .first()
            .is_some_and(|word| word.to_lowercase().contains('l'));
        let stops = reads && words.len() > 2 || words.iter().any(illegal);
        if stops && chance.percent(97) {
            continue;
        }
        let words: Vec<String> = words
            .into_iter()
            .filter(|word| !word.is_empty() && !word.contains([' ', '#']))
            .filter(|word| {
                !["-h", "-v", "--he", "--ve"]
                    .iter()
                    .any(|start| word.starts_with(start))
            })
            .collect();
        input.push_str(&words.join(" "));
        input.push_str(chance.one_of(&["\n", "\n", "\n", "\r\n", " \n", "\n\n"]));
    }
    if chance.percent(20) {
        input.truncate(input.trim_end().len());
    }
    run(vec!["-R".to_owned()], &input)
}

/// Ends of values that are illegal.
const STOPS: &[&str] = &[
    "x",
    "-1",
    "2678401",
    "129",
    "65536",
    "2147483648",
    "vxlan",
    "-o",
    "--ops",
    "10.0.0.3:0",
    "csum",
    "]",
];
/// Options that are often illegal with others.
const STOP_OPTIONS: &[&str] = &[
    "-b",
    "--sched",
    "-M",
    "--netmask",
    "--tun-port",
    "-h",
    "-v",
    "--help",
    "--version",
];

/// A line that is damaged in one case of three.
fn some(chance: &mut Chance) -> Vec<String> {
    let mut words = sensible(chance);
    if chance.percent(35) {
        for _ in 0..=chance.below(3) {
            damage(chance, &mut words);
        }
    }
    words
}

fn adding(chance: &mut Chance) -> Vec<String> {
    if chance.percent(60) {
        add_service(chance, "-A", "--add-service")
    } else {
        add_server(chance, "-a", "--add-server")
    }
}

fn sensible(chance: &mut Chance) -> Vec<String> {
    match chance.below(100) {
        0..22 => add_service(chance, "-A", "--add-service"),
        22..32 => add_service(chance, "-E", "--edit-service"),
        32..36 => {
            let mut words = vec![command(chance, "-D", "--delete-service")];
            service(chance, &mut words);
            words
        }
        36..56 => add_server(chance, "-a", "--add-server"),
        56..64 => add_server(chance, "-e", "--edit-server"),
        64..68 => {
            let mut words = vec![command(chance, "-d", "--delete-server")];
            service(chance, &mut words);
            server(chance, &mut words);
            words
        }
        68..82 => list(chance),
        82..86 => {
            let mut words = vec![command(chance, "-S", "--save")];
            flag(chance, &mut words, 80, "-n", "--numeric");
            words
        }
        86..89 => {
            let mut words = vec![command(chance, "-Z", "--zero")];
            if chance.percent(60) {
                service(chance, &mut words);
            }
            words
        }
        89..93 => timeouts(chance),
        93..97 => daemon(chance),
        97 => vec![command(chance, "-C", "--clear")],
        98 => vec![
            chance
                .one_of(&["-h", "-v", "--help", "--version"])
                .to_owned(),
        ],
        _ => Vec::new(),
    }
}

fn command(chance: &mut Chance, short: &str, long: &str) -> String {
    if chance.percent(85) { short } else { long }.to_owned()
}

/// An option without a value, so many times in a hundred.
fn flag(chance: &mut Chance, words: &mut Vec<String>, percent: usize, short: &str, long: &str) {
    if chance.percent(percent) {
        match words.last_mut() {
            // Into the bundle.
            Some(last)
                if chance.percent(25)
                    && short.len() == 2
                    && last.len() == 2
                    && last.starts_with('-') =>
            {
                last.push_str(short.trim_start_matches('-'));
            }
            _ if short.is_empty() || chance.percent(15) => words.push(long.to_owned()),
            _ => words.push(short.to_owned()),
        }
    }
}

/// An option with a value, in one of its forms.
fn option(chance: &mut Chance, words: &mut Vec<String>, short: &str, long: &str, value: &str) {
    let form =
        if short.is_empty() { 3 } else { 0 } + chance.below(if short.is_empty() { 2 } else { 10 });
    match form {
        1 => words.push(format!("{short}{value}")),
        2 => words.push(format!("{short}={value}")),
        3 => words.push(format!("{long}={value}")),
        4 => words.extend([long.to_owned(), value.to_owned()]),
        _ => words.extend([short.to_owned(), value.to_owned()]),
    }
}

fn service(chance: &mut Chance, words: &mut Vec<String>) {
    let (short, long, value) = SERVICES
        .get(chance.below(SERVICES.len()))
        .copied()
        .unwrap_or_default();
    let six = short == "-f6";
    option(chance, words, short.trim_end_matches('6'), long, value);
    if six {
        words.push("-6".to_owned());
    }
}

fn server(chance: &mut Chance, words: &mut Vec<String>) {
    let value = chance.one_of(SERVERS);
    option(chance, words, "-r", "--real-server", value);
}

/// Puts two groups of words in one order or, rarely, the other.
fn in_some_order(
    chance: &mut Chance,
    words: &mut Vec<String>,
    first: Vec<String>,
    second: Vec<String>,
) {
    if chance.percent(92) {
        words.extend(first);
        words.extend(second);
    } else {
        words.extend(second);
        words.extend(first);
    }
}

fn add_service(chance: &mut Chance, short: &str, long: &str) -> Vec<String> {
    let mut words = vec![command(chance, short, long)];
    let (mut first, mut second) = (Vec::new(), Vec::new());
    service(chance, &mut first);
    if chance.percent(60) {
        let value = chance.one_of(SCHEDULERS);
        option(chance, &mut second, "-s", "--scheduler", value);
    }
    if chance.percent(15) {
        let value = chance.one_of(FLAGS);
        option(chance, &mut second, "-b", "--sched-flags", value);
    }
    if chance.percent(30) {
        if chance.percent(40) {
            second.push("-p".to_owned());
        } else {
            let value = chance.one_of(TIMEOUTS);
            option(chance, &mut second, "-p", "--persistent", value);
        }
    }
    if chance.percent(20) {
        let value = chance.one_of(MASKS);
        option(chance, &mut second, "-M", "--netmask", value);
    }
    if chance.percent(6) {
        option(chance, &mut second, "", "--pe", "sip");
    }
    flag(chance, &mut second, 8, "-o", "--ops");
    in_some_order(chance, &mut words, first, second);
    words
}

fn add_server(chance: &mut Chance, short: &str, long: &str) -> Vec<String> {
    let mut words = vec![command(chance, short, long)];
    let (mut first, mut second) = (Vec::new(), Vec::new());
    service(chance, &mut first);
    server(chance, &mut second);
    in_some_order(chance, &mut words, first, second);
    let tunnel = chance.percent(25);
    if tunnel {
        flag(chance, &mut words, 90, "-i", "--ipip");
    } else {
        flag(chance, &mut words, 60, "-m", "--masquerading");
        flag(chance, &mut words, 5, "-g", "--gatewaying");
    }
    if chance.percent(40) {
        let value = chance.one_of(WEIGHTS);
        option(chance, &mut words, "-w", "--weight", value);
    }
    if chance.percent(12) {
        let value = chance.one_of(WEIGHTS);
        option(chance, &mut words, "-x", "--u-threshold", value);
    }
    if chance.percent(8) {
        let value = chance.one_of(WEIGHTS);
        option(chance, &mut words, "-y", "--l-threshold", value);
    }
    if (tunnel && chance.percent(70)) || chance.percent(3) {
        let value = chance.one_of(&["ipip", "gue", "gue", "gre", "gre", "vxlan"]);
        option(chance, &mut words, "", "--tun-type", value);
        if value == "gue" || chance.percent(10) {
            let value = chance.one_of(PORTS);
            option(chance, &mut words, "", "--tun-port", value);
        }
        flag(chance, &mut words, 20, "", "--tun-csum");
        flag(chance, &mut words, 20, "", "--tun-nocsum");
        flag(chance, &mut words, 10, "", "--tun-remcsum");
    }
    words
}

fn list(chance: &mut Chance) -> Vec<String> {
    let mut words = vec![
        chance
            .one_of(&["-L", "-L", "-L", "-l", "--list"])
            .to_owned(),
    ];
    flag(chance, &mut words, 80, "-n", "--numeric");
    if chance.percent(30) {
        service(chance, &mut words);
    }
    for long in [
        "--stats",
        "--rate",
        "--thresholds",
        "--persistent-conn",
        "--tun-info",
        "--exact",
    ] {
        flag(chance, &mut words, 12, "", long);
    }
    for long in ["--timeout", "--daemon", "--sort"] {
        flag(chance, &mut words, 4, "", long);
    }
    flag(chance, &mut words, 4, "-c", "--connection");
    words
}

fn timeouts(chance: &mut Chance) -> Vec<String> {
    let mut words = vec!["--set".to_owned()];
    for _ in 0..3 {
        words.push(
            chance
                .one_of(&["0", "1", "300", "900", "2678400", "2678401", "x"])
                .to_owned(),
        );
    }
    words
}

/// Daemons are refused here: those that start take their time.
fn daemon(chance: &mut Chance) -> Vec<String> {
    let mut words = Vec::new();
    let role = chance.one_of(&["master", "backup", "x"]);
    let which = chance.one_of(&["--start-daemon", "--stop-daemon"]);
    option(chance, &mut words, "", which, role);
    if which == "--start-daemon" {
        option(chance, &mut words, "", "--mcast-interface", "nosuch0");
    }
    if chance.percent(30) {
        let value = chance.one_of(&["0", "255", "256"]);
        option(chance, &mut words, "", "--syncid", value);
    }
    if chance.percent(20) {
        let value = chance.one_of(GROUPS);
        option(chance, &mut words, "", "--mcast-group", value);
    }
    if chance.percent(20) {
        let value = chance.one_of(PORTS);
        option(chance, &mut words, "", "--mcast-port", value);
    }
    words
}

fn damage(chance: &mut Chance, words: &mut Vec<String>) {
    let at = chance.below(words.len().max(1));
    match chance.below(9) {
        0 if at < words.len() => {
            words.remove(at);
        }
        1 => {
            if let Some(word) = words.get(at).cloned() {
                words.insert(chance.below(words.len() + 1), word);
            }
        }
        2 if !words.is_empty() => {
            let other = chance.below(words.len());
            words.swap(at, other);
        }
        3 | 4 => {
            let odd = chance.one_of(ODD).to_owned();
            match words.get_mut(at) {
                Some(word) => *word = odd,
                None => words.push(odd),
            }
        }
        5 | 6 => words.insert(chance.below(words.len() + 1), chance.one_of(ODD).to_owned()),
        7 if at + 1 < words.len() => {
            let next = words.remove(at + 1);
            if let Some(word) = words.get_mut(at) {
                let between = chance.one_of(&["", "=", " "]);
                word.push_str(between);
                word.push_str(&next);
            }
        }
        _ => {
            if let Some(word) = words.get_mut(at) {
                letters(chance, word);
            }
        }
    }
}

/// Leaves out, doubles or replaces a letter.
fn letters(chance: &mut Chance, word: &mut String) {
    let mut letters: Vec<char> = word.chars().collect();
    if letters.is_empty() {
        return;
    }
    let at = chance.below(letters.len());
    match chance.below(3) {
        0 => {
            letters.remove(at);
        }
        1 => letters.insert(at, letters.get(at).copied().unwrap_or('x')),
        _ => {
            let other =
                chance.one_of(&["0", "9", ".", ":", "-", "x", "A", "[", "]", " ", "=", ","]);
            if let Some(letter) = letters.get_mut(at) {
                *letter = other.chars().next().unwrap_or('x');
            }
        }
    }
    *word = letters.into_iter().collect();
}
