// SPDX-License-Identifier: MIT

//! Any command lines: sensible ones, and words of every kind.

use proptest::{
    collection::vec,
    prelude::*,
    sample::{select, subsequence},
};

use crate::args::{self, namespace::find_namespace, options::TABLE, spec::Value};

const SERVICES: &[&str] = &[
    "-t 10.0.0.1:80",
    "-t 10.0.0.1:443",
    "-u 10.0.0.1:53",
    "--sctp-service=10.0.0.1:80",
    "-t [2001:db8::1]:80",
    "-f 1",
    "-f 1 -6",
    "-f 3000000000",
];
const SERVICE_OPTIONS: &[&str] = &[
    "-s rr",
    "-s sh -b sh-port",
    "-s mh -b flag-1,flag-3",
    "-p",
    "-p 60",
    "-M 255.255.255.0",
    "-M 64",
    "--pe sip",
    "-o",
];
const SERVERS: &[&str] = &[
    "10.0.0.2",
    "10.0.0.2:8080",
    "2001:db8::2",
    "[2001:db8::3]:81",
];
const SERVER_OPTIONS: &[&str] = &[
    "-m",
    "-g",
    "-i",
    "-i --tun-type gue --tun-port 6080 --tun-csum",
    "-i --tun-type gre",
    "-w 0",
    "-w 65535",
    "-x 10",
    "-x 10 -y 5",
];
const OTHERS: &[&str] = &[
    "-C",
    "-Z",
    "-L",
    "-Ln",
    "-S",
    "--set 1 2 3",
    "--start-daemon master --syncid 5",
    "--stop-daemon backup",
    "--apply",
    "--drain -r 10.0.0.2 --wait",
    "--doctor",
    "--netns blue",
    "--json",
    "--watch 1",
    "-c --summary",
    "--stats",
    "-h",
];

fn split(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    select(texts).prop_map(split)
}

/// Some of these, in their order.
fn some_of(texts: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    subsequence(texts, 0..=3).prop_map(|texts| texts.into_iter().flat_map(split).collect())
}

/// The words of a rule about a service or a server.
pub(crate) fn any_rule() -> impl Strategy<Value = Vec<String>> {
    let service = (
        one_of(&["-A", "-A", "-A", "-A", "-A", "--add-service", "-E", "-D"]),
        one_of(SERVICES),
        some_of(SERVICE_OPTIONS),
    );
    let server = (
        one_of(&["-a", "-a", "-a", "-a", "-a", "--add-server", "-e", "-d"]),
        one_of(SERVICES),
        select(SERVERS),
        some_of(SERVER_OPTIONS),
    );
    prop_oneof![
        service.prop_map(|(command, service, options)| [command, service, options].concat()),
        server.prop_map(|(command, service, server, options)| {
            let server = vec!["-r".to_owned(), server.to_owned()];
            [command, service, server, options].concat()
        }),
    ]
}

/// An option as it is written, with any value where it takes one.
fn any_option() -> impl Strategy<Value = Vec<String>> {
    let value = prop_oneof!["[0-9]{0,11}", "[-a-z0-9.:/,\\[\\]]{0,12}", "\\PC{0,3}"];
    (
        select(TABLE.iter().collect::<Vec<_>>()),
        value,
        any::<bool>(),
    )
        .prop_map(|(spec, value, is_attached)| match spec.value {
            Value::None => vec![spec.spelling()],
            _ if is_attached => vec![format!("--{}={value}", spec.long)],
            _ => vec![spec.spelling(), value],
        })
}

/// Words of every kind, in any order.
pub(crate) fn any_words() -> impl Strategy<Value = Vec<String>> {
    let piece = prop_oneof![
        2 => one_of(OTHERS),
        2 => some_of(SERVER_OPTIONS),
        2 => some_of(SERVICE_OPTIONS),
        2 => any_option(),
        1 => "\\PC{0,4}".prop_map(|word| vec![word]),
        1 => one_of(&["-", "--", "-LQ", "--nope", "-w -1", "-f 0"]),
    ];
    let pieces = vec(piece, 0..5).prop_map(|pieces| pieces.concat());
    let begin = prop_oneof![2 => any_rule(), 1 => one_of(OTHERS), 1 => Just(Vec::new())];
    (begin, pieces).prop_map(|(begin, pieces)| [begin, pieces].concat())
}

proptest! {
    #[test]
    fn what_is_right_as_a_rule_is_the_same_on_a_command_line(words in any_words()) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (line, rule) = (args::parse(&words), args::parse_rule(&words));
        if let Err(error) = &line {
            prop_assert!(!error.to_string().is_empty());
        }
        if rule.is_ok() {
            prop_assert_eq!(&line, &rule);
            // Only a command line can name another network namespace.
            prop_assert_eq!(find_namespace(&words), None);
        }
    }
}
