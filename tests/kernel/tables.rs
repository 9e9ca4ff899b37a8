// SPDX-License-Identifier: MIT

//! Random tables, each put in the place of the one before by `--apply`. A seed decides
//! them; `IPVS_LAB_SEED` chooses another than the usual one.

use std::env;
use std::fs;
use std::net::UdpSocket;

use ipvs_lab::{Namespace, soak, wait};
use tempfile::NamedTempFile;

use crate::chance::Chance;
use crate::{ipvsadm, namespace};

/// Tables of one test, and of the soak of that name.
const TABLES: (usize, usize) = (40, 10_000);

/// A service that all tables have, with a server that datagrams reach.
pub(crate) const LASTING: &str = "\
-A -u 10.0.0.9:9 -s rr
-a -u 10.0.0.9:9 -r 127.0.0.1:9 -m -w 1
";
/// The datagrams that it has had.
const DATAGRAMS: usize = 3;

/// Words that name a service, the servers that it can have, and whether it must be
/// persistent.
const SERVICES: &[(&str, &[&str], bool)] = &[
    ("-t 10.0.0.1:80", SERVERS_V4, false),
    ("-t 10.0.0.1:443", SERVERS_V4, false),
    ("-t 10.0.0.2:0", SERVERS_V4, true),
    ("-t 200.0.0.1:80", SERVERS_V4, false),
    ("-u 10.0.0.1:53", SERVERS_V4, false),
    ("--sctp-service 10.0.0.1:80", SERVERS_V4, false),
    ("-t [2001:db8::1]:80", SERVERS_V6, false),
    ("-u [2001:db8::1]:53", SERVERS_V6, false),
    ("-f 1", SERVERS_V4, false),
    ("-f 1 -6", SERVERS_V6, false),
    ("-f 3000000000", SERVERS_V4, false),
];
const SERVERS_V4: &[&str] = &["10.0.1.1", "10.0.1.2", "10.0.1.3", "201.0.0.1"];
const SERVERS_V6: &[&str] = &["[fd00::1]", "[fd00::2]", "[fd00::3]"];
const SCHEDULERS: &[&str] = &[
    "rr",
    "wrr",
    "wlc",
    "sed",
    "sh",
    "sh -b sh-port",
    "sh -b sh-fallback,sh-port",
    "mh -b mh-fallback",
    "lc -b flag-2",
];
const METHODS: &[&str] = &[
    "-m",
    "-m",
    "-g",
    "-i",
    "-i --tun-type gue --tun-port 6080 --tun-nocsum",
    "-i --tun-type gue --tun-port 6081 --tun-csum",
    "-i --tun-type gre --tun-csum",
];
const THRESHOLDS: &[&str] = &["", "", "", " -x 100", " -x 100 -y 50", " -x 7 -y 3"];

/// Rules that describe a table, perhaps with none of its own.
pub(crate) fn rules(chance: &mut Chance) -> String {
    let mut rules = LASTING.to_owned();
    for (service, servers, is_persistent) in SERVICES {
        if chance.percent(45) {
            continue;
        }
        let scheduler = chance.one_of(SCHEDULERS);
        let persistence = match (is_persistent, chance.below(4)) {
            (true, 0..2) | (_, 2) => " -p 300",
            (true, _) | (_, 3) => " -p 60",
            _ => "",
        };
        rules += &format!("-A {service} -s {scheduler}{persistence}\n");
        for server in *servers {
            if chance.percent(40) {
                continue;
            }
            let method = chance.one_of(METHODS);
            let port = match method {
                "-m" => chance.one_of(&[":80", ":8080"]),
                // Direct routing and tunneling cannot change it.
                _ => "",
            };
            let weight = chance.below(4);
            let thresholds = chance.one_of(THRESHOLDS);
            rules += &format!("-a {service} -r {server}{port} {method} -w {weight}{thresholds}\n");
        }
    }
    rules
}

/// Runs `--apply` or `--diff` with a file; returns the standard output and the status.
pub(crate) fn compare(director: &Namespace, option: &str, rules: &str) -> (String, u8) {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), rules).unwrap();
    let words = [option, file.path().to_str().unwrap()];
    let answer = ipvs_lab::ipvsadm(director, words).unwrap();
    assert_eq!(answer.stderr, "", "{option} of\n{rules}");
    (answer.stdout, answer.status)
}

/// Returns the table that the rules make of an empty one, as `-S -n` writes it.
fn saved(rules: &str) -> String {
    let director = namespace("empty");
    let answer = ipvs_lab::ipvsadm_reading(&director, ["-R", "--strict"], rules).unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0), "{rules}");
    ipvsadm(&director, "-S -n")
}

fn send_datagrams(director: &Namespace) {
    director.ip("addr add 10.0.0.9 dev lo").unwrap();
    // Each from a port of its own: a connection for each.
    let send = || {
        let server = UdpSocket::bind("127.0.0.1:9").unwrap();
        for _ in 0..DATAGRAMS {
            let client = UdpSocket::bind("10.0.0.9:0").unwrap();
            client.send_to(b"?", "10.0.0.9:9").unwrap();
        }
        drop(server);
    };
    director.run(send).unwrap();
}

/// The connections, incoming packets and bytes of the server that all tables have.
fn counters(director: &Namespace) -> Vec<String> {
    let listing = ipvsadm(director, "-L -n --stats -u 10.0.0.9:9");
    let server = listing.lines().find(|line| line.contains("127.0.0.1:9"));
    let words = server.unwrap().split_ascii_whitespace();
    words.skip(2).map(str::to_owned).collect()
}

#[test]
fn any_table_over_any_other_ends_in_it_and_counters_stay() {
    let seed = env::var("IPVS_LAB_SEED").map_or(1, |seed| seed.parse().unwrap());
    let mut chance = Chance::new(seed, 0);
    let director = namespace("director");
    assert_eq!(compare(&director, "--apply", LASTING), (String::new(), 0));
    send_datagrams(&director);
    // The kernel counts every two seconds.
    let connections = DATAGRAMS.to_string();
    let first = || counters(&director).first().cloned();
    assert_eq!(
        wait::for_value(&Some(connections.clone()), first),
        Some(connections)
    );
    let counted = counters(&director);

    let mut before = LASTING.to_owned();
    let (quick, long) = TABLES;
    let tables = soak::trials(quick, long);
    for number in 1..=tables {
        let rules = rules(&mut chance);
        let wanted = saved(&rules);
        let from_to = format!("table {number} of seed {seed}:\n{before}becomes\n{rules}");
        let (difference, status) = compare(&director, "--diff", &rules);
        let is_same = wanted == before;
        assert_eq!(
            (difference.is_empty(), status),
            (is_same, u8::from(!is_same)),
            "{from_to}"
        );
        assert_eq!(
            compare(&director, "--apply", &rules),
            (String::new(), 0),
            "{from_to}"
        );
        assert_eq!(ipvsadm(&director, "-S -n"), wanted, "{from_to}");
        // In the words of the file and in those of the kernel.
        for same in [&rules, &wanted] {
            assert_eq!(
                compare(&director, "--diff", same),
                (String::new(), 0),
                "{from_to}"
            );
        }
        before = wanted;
        if number % 100 == 0 {
            soak::tell(&format!(
                "tables: {number} of {tables}, none other than asked for"
            ));
        }
    }
    assert_eq!(counters(&director), counted);
}
