// SPDX-License-Identifier: MIT

//! The mistakes that people make, and the words that must come to their help.

use std::num::NonZeroU32;

use ipvs_client::{
    AddressFamily, DestinationId, Errno, Error, ForwardingMethod, Operation, Protocol, ServiceId,
};

use super::{Facts, nearby::Nearby, refusal};
use crate::{
    args,
    command::Command,
    failure::{CommandLine, Messages},
};

/// Returns the lines that a person reads about a wrong command line.
fn told(line: &str) -> Vec<String> {
    let words: Vec<_> = line.split(' ').collect();
    let error = args::parse(&words).expect_err(line);
    let mut out = Vec::new();
    Messages::new(&mut out, || true).report(&CommandLine::around(error, &words));
    let text = String::from_utf8(out).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[track_caller]
fn assert_says(line: &str, hint: &str, words: &[&str]) {
    for word in words {
        assert!(hint.contains(word), "{line}: {word:?} is not in {hint:?}");
    }
    assert!(!hint.contains('\n'), "{line}: {hint:?}");
}

#[test]
fn what_is_wrong_with_a_command_line_comes_with_a_hint() {
    let mistakes: &[(&str, &[&str])] = &[
        // Options that are nearly right.
        (
            "-A -t 10.0.0.1:80 --schedular rr",
            &["did you mean --scheduler?"],
        ),
        (
            "-A -t 10.0.0.1:80 --sched rr",
            &["--scheduler or --sched-flags"],
        ),
        ("-a -t 10.0.0.1:80 -r 10.0.0.2 --masq", &["--masquerading?"]),
        ("-a -t 10.0.0.1:80 -r 10.0.0.2 --nat", &["--masquerading?"]),
        ("-A -t 10.0.0.1:80 --persistant=60", &["--persistent?"]),
        ("--start_daemon master", &["--start-daemon?"]),
        ("--flush", &["--clear?"]),
        ("list", &["--list?"]),
        ("-L -N", &["case", "-n?"]),
        ("-z", &["case", "-Z?"]),
        (
            "--apply --wait wanted.rules",
            &["wanted.rules", "before --wait"],
        ),
        ("--apply --wait 1h", &["0 to 2147483647", "1h"]),
        ("--diff --scope web wanted.rules", &["192.0.2.0/24"]),
        ("--aply wanted.rules", &["--apply?"]),
        (
            "-A -t 10.0.0.1:80 -scheduler rr",
            &["one hyphen", "--scheduler"],
        ),
        ("-L -stats", &["one hyphen", "--stats"]),
        ("-list", &["one hyphen", "--list"]),
        ("-set 900 120 300", &["one hyphen", "--set"]),
        ("–Ln", &["dash of –Ln", "type -Ln"]),
        ("-L —stats", &["type --stats"]),
        ("-L −n", &["type -n"]),
        ("-L -–rate", &["type --rate"]),
        // The order of words.
        ("-n -L", &["command comes first: ipvsadm -L -n"]),
        (
            "-t 10.0.0.1:80 -A -s rr",
            &["first: ipvsadm -A -t 10.0.0.1:80 -s rr"],
        ),
        ("-nL", &["command comes first: ipvsadm -L ..."]),
        ("-6 -L", &["command comes first: ipvsadm -L ..."]),
        ("-t", &["a command comes first", "-A"]),
        (
            "-w 3 -t 10.0.0.1:80 -r 10.0.0.2",
            &["command comes first", "-w goes with -a and -e"],
        ),
        ("--stats", &["command comes first", "-L", "--stats"]),
        ("-t 10.0.0.1:80", &["command comes first", "-A"]),
        (
            "-A -t 10.0.0.1:80 -a -r 10.0.0.2",
            &["one command at a time"],
        ),
        // What belongs to something else, or is missing.
        (
            "-A 10.0.0.1:80",
            &["-t 10.0.0.1:80 for TCP", "-u 10.0.0.1:80 for UDP"],
        ),
        (
            "-A [2001:db8::1]:80 -s rr",
            &["-t [2001:db8::1]:80 for TCP"],
        ),
        ("-a -t 10.0.0.1:80 10.0.0.2", &["-r 10.0.0.2"]),
        ("-A -t 10.0.0.1:80 rr", &["-s rr"]),
        ("-A -t 10.0.0.1 :80", &["one word"]),
        ("-A -s rr", &["-t ADDRESS:PORT", "-u", "-f MARK"]),
        ("-a -t 10.0.0.1:80 -m", &["-r ADDRESS"]),
        ("-A -t 10.0.0.1:80 -w 3", &["-w goes with -a and -e"]),
        ("-A -t 10.0.0.1:80 -m", &["-g, -i and -m go with -a and -e"]),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -s rr",
            &["-s goes with -A and -E"],
        ),
        (
            "-C -t 10.0.0.1:80",
            &["-t, -u, --sctp-service and -f go with", "-D"],
        ),
        ("-A -s -t 10.0.0.1:80", &["-s has taken -t"]),
        ("-A -t 10.0.0.1:80 -s", &["-s NAME", "wlc"]),
        ("-A -t 10.0.0.1:80 -u 10.0.0.1:80", &["one virtual service"]),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -m -g",
            &["one forwarding method"],
        ),
        ("-L -r 10.0.0.2", &["with -c, -r shows the connections"]),
        ("-L -c --state ESTABLISH", &["ESTABLISHED?"]),
        ("-L -c --protocol scpt", &["sctp?"]),
        ("-L -c --client 10.0.0.0/33", &["192.0.2.0/24"]),
        (
            "-L -c --summary --top many",
            &["number of clients is a number from 0"],
        ),
        ("-L --daemon --stats", &["leave out --stats"]),
        ("-A -6 -f 1", &["behind -f"]),
        ("-A -t 10.0.0.1:80 -o", &["-u and -f"]),
        ("-A -t 10.0.0.1:80 -b sh-port", &["-s sh"]),
        ("-A -t 10.0.0.1:80 -b nosuch", &["sh-fallback", "mh-port"]),
        (
            "-a -t 10.0.0.1:80 -r 2001:db8::2 -m",
            &["only tunneling (-i)"],
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -m --tun-type gue",
            &["add -i"],
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -i --tun-type gue",
            &["--tun-port PORT"],
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -i --tun-type vxlan",
            &["ipip, gue or gre", "vxlan"],
        ),
        // Addresses and ports.
        ("-A -t 10.0.0.1,80", &["comma", "10.0.0.1:80?"]),
        ("-A -t 10,0,0,1:80", &["comma", "10.0.0.1:80?"]),
        ("-A -t 10,0,0,1,80", &["comma", "10.0.0.1:80?"]),
        (
            "-A -t nosuch.invalid:80",
            &["no host nosuch.invalid", "address"],
        ),
        (
            "-A -t 10.0.0.1:htpp",
            &["htpp is neither a number nor a port"],
        ),
        ("-A -t 10.0.0.1:99999", &["0 to 65535", "99999"]),
        ("-A -t 10.0.0.1:", &["after the colon"]),
        ("-A -t 10.0.0.256:80", &["10.0.0.256 is no IPv4 address"]),
        ("-A -t http://10.0.0.1:80/", &["10.0.0.1:80"]),
        ("-A -t 10.0.0.0/24:80", &["without a prefix length"]),
        ("-A -t 80", &["ADDRESS:80"]),
        ("-A -t 2001:db8::1:65535", &["[2001:db8::1]:65535"]),
        ("-A -t [2001:db8::1]80", &["[2001:db8::1]:80"]),
        ("-A -t 2001:db8::1]:80", &["[2001:db8::1]:80"]),
        (
            "-A -t 2001:db8::1:80",
            &["if 80 is the port", "[2001:db8::1]:80"],
        ),
        ("-A -t fe80::1%eth0", &["zones"]),
        ("-A -t 10.0.0.1", &["10.0.0.1:80", "-p"]),
        ("-A -t 2001:db8::1", &["[2001:db8::1]:80", "-p"]),
        // Numbers.
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -w 5000000000",
            &["0 to 2147483647", "5000000000"],
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -w -1",
            &["0 to 2147483647", "-1"],
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -x many",
            &["0 to 2147483647", "many"],
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -y 0.5",
            &["0 to 2147483647", "0.5"],
        ),
        ("-A -t 10.0.0.1:80 -p 5m", &["without a unit: 300 for 5m"]),
        ("-A -t 10.0.0.1:80 -p 0", &["1 to 2678400", "0"]),
        ("-A -t 10.0.0.1:80 -p rr", &["1 to 2678400", "rr"]),
        (
            "-A -t 10.0.0.1:80 -p -M /24",
            &["prefix length from 0 to 32", "slash"],
        ),
        ("-A -t [2001:db8::1]:80 -p -M ffff::", &["from 1 to 128"]),
        ("-A -f 0", &["1 to 4294967295", "0"]),
        ("-A -f 0x10", &["1 to 4294967295", "0x10"]),
        ("--set 900", &["three numbers", "0 leaves"]),
        ("--set 900 120 31d1", &["0 to 2678400", "31d1"]),
        ("--set 1h 0 0", &["3600 for 1h"]),
        ("-L --colour=always", &["did you mean --color?"]),
        ("-L --color always", &["behind =", "--color=always"]),
        ("-L --watch 0", &["0.1 to 86400", "0"]),
        ("-L --watch 5 --count 0", &["1 to 4294967295", "0"]),
        ("--set 1 2 3 4", &["three numbers"]),
        ("--start-daemon both", &["master or backup", "two"]),
        ("--start-daemon", &["--start-daemon ROLE"]),
        ("--start-daemon master --syncid 256", &["0 to 255", "256"]),
        (
            "--start-daemon master --mcast-port 70000",
            &["1 to 65535", "70000"],
        ),
        ("--start-daemon master --mcast-ttl 0", &["1 to 255"]),
        ("--start-daemon master --sync-maxlen 0", &["1 to 65507"]),
        (
            "--start-daemon master --mcast-group 10.0.0.1",
            &["224.0.0.0 to 239.255.255.255"],
        ),
    ];
    for (line, words) in mistakes {
        let told = told(line);
        let hint = told.last().unwrap();
        assert!(hint.starts_with("hint: "), "{line}: {told:?}");
        assert_says(line, hint, words);
    }
}

/// Words that are wrong in a way that says nothing about what was meant.
#[test]
fn nothing_is_guessed_about_a_command_line() {
    for line in [
        "",
        "-Q",
        "--nope",
        "-L --q",
        "-A -t 10.0.0.1:80 foo",
        "-L foo",
        "foo",
        "-L -n=5",
        "-A -t 10.0.0.1:80 -s rr -s wrr",
    ] {
        let told = told(line);
        let is_hint = |line: &String| line.starts_with("hint: ");
        assert!(!told.iter().any(is_hint), "{line:?}: {told:?}");
    }
}

const FACTS: Facts = Facts::IN_ORDER;

fn service(protocol: Protocol, address: [u8; 4], port: u16) -> ServiceId {
    ServiceId::Address {
        protocol,
        address: address.into(),
        port,
    }
}

/// Virtual services, and the real servers of whichever is asked for.
fn table() -> Nearby {
    let server = |last, port, method| {
        let id = DestinationId {
            address: [10, 0, 0, last].into(),
            port,
        };
        (id, method)
    };
    Nearby {
        services: vec![
            service(Protocol::Tcp, [10, 0, 0, 1], 80),
            service(Protocol::Udp, [10, 0, 0, 1], 53),
            service(Protocol::Tcp, [10, 0, 0, 9], 443),
            ServiceId::Address {
                protocol: Protocol::Tcp,
                address: "2001:db8::1".parse().unwrap(),
                port: 80,
            },
            ServiceId::Fwmark {
                mark: NonZeroU32::new(5).unwrap(),
                family: AddressFamily::Ipv4,
            },
        ],
        is_empty: false,
        servers: vec![
            server(2, 8080, ForwardingMethod::Masquerading),
            server(3, 8081, ForwardingMethod::Masquerading),
            server(3, 8082, ForwardingMethod::Masquerading),
            server(4, 80, ForwardingMethod::DirectRouting),
            (
                DestinationId {
                    address: "2001:db8::2".parse().unwrap(),
                    port: 80,
                },
                ForwardingMethod::DirectRouting,
            ),
        ],
    }
}

fn hint(line: &str, errno: Errno, facts: &Facts, nearby: Nearby) -> Option<String> {
    let command = args::parse_command(line);
    let operation = match &command {
        Command::Change(change) => change.operation(),
        Command::StartDaemon(daemon) => Operation::StartDaemon(daemon.role),
        Command::StopDaemon(role) => Operation::StopDaemon(*role),
        _ => Operation::ReadService(service(Protocol::Tcp, [10, 0, 0, 9], 80)),
    };
    let error = Error::Kernel { operation, errno };
    refusal::find_hint(&error, Some(&command), facts, || nearby)
}

#[test]
fn what_the_kernel_refuses_comes_with_a_hint() {
    let facts = Facts {
        interfaces: vec!["lo".to_owned(), "ens3".to_owned()],
        ..FACTS
    };
    let mistakes: &[(&str, Errno, &[&str])] = &[
        ("-A -t 10.0.0.1:80", Errno::EXIST, &["-E changes", "-a"]),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.4",
            Errno::EXIST,
            &["-e changes"],
        ),
        (
            "-A -t 10.0.0.1:80 -s roundrobin",
            Errno::NOENT,
            &["mean -s rr?"],
        ),
        ("-A -t 10.0.0.1:80 -s WLC", Errno::NOENT, &["mean -s wlc?"]),
        (
            "-A -t 10.0.0.1:80 -s least-connection",
            Errno::NOENT,
            &["mean -s lc?"],
        ),
        (
            "-A -t 10.0.0.1:80 -s weighted-round-robin",
            Errno::NOENT,
            &["mean -s wrr?"],
        ),
        (
            "-A -t 10.0.0.1:80 -s maglev",
            Errno::NOENT,
            &["mean -s mh?"],
        ),
        ("-D -t 10.0.0.9:80", Errno::SRCH, &["has TCP 10.0.0.9:443"]),
        ("-E -t 10.0.0.9 -p", Errno::SRCH, &["has TCP 10.0.0.9:443"]),
        (
            "-D -u 10.0.0.1:80",
            Errno::SRCH,
            &["TCP 10.0.0.1:80, UDP 10.0.0.1:53"],
        ),
        ("-Z -f 5 -6", Errno::SRCH, &["has fwmark 5"]),
        ("-D -t 10.0.0.7:80", Errno::SRCH, &["`ipvsadm -Ln`", "-A"]),
        ("-L -t 10.0.0.9:80", Errno::SRCH, &["has TCP 10.0.0.9:443"]),
        (
            "-a -t 10.0.0.9:80 -r 10.0.0.2 -m",
            Errno::SRCH,
            &["has TCP 10.0.0.9:443"],
        ),
        (
            "-a -t 10.0.0.2:80 -r 10.0.0.1:80 -m",
            Errno::SRCH,
            &["10.0.0.1:80 is a virtual service", "behind -t"],
        ),
        (
            "-e -t 10.0.0.1:80 -r 10.0.0.2:8080 -w 0",
            Errno::NOENT,
            &["port", "(80)", "10.0.0.2:8080 with masquerading", "add -m"],
        ),
        (
            "-d -t 10.0.0.1:80 -r 10.0.0.2",
            Errno::NOENT,
            &["has 10.0.0.2:8080"],
        ),
        (
            "-e -t 10.0.0.1:80 -r 10.0.0.2 -m",
            Errno::NOENT,
            &["has 10.0.0.2:8080"],
        ),
        (
            "-d -t 10.0.0.1:80 -r 10.0.0.3",
            Errno::NOENT,
            &["10.0.0.3 under several"],
        ),
        (
            "-d -t 10.0.0.1:80 -r 10.0.0.7",
            Errno::NOENT,
            &["`ipvsadm -Ln`", "-a"],
        ),
        (
            "--start-daemon master",
            Errno::NODEV,
            &["eth0, the default, is not", "lo, ens3"],
        ),
        (
            "--start-daemon backup --mcast-interface eth7",
            Errno::NODEV,
            &["eth7 is not there", "lo, ens3"],
        ),
        (
            "--start-daemon master",
            Errno::EXIST,
            &["--stop-daemon master", "-L --daemon"],
        ),
        ("--stop-daemon backup", Errno::SRCH, &["-L --daemon"]),
    ];
    for (line, errno, words) in mistakes {
        let hint = hint(line, *errno, &facts, table());
        assert_says(line, &hint.expect(line), words);
    }
}

#[test]
fn an_empty_table_is_said_to_be_empty() {
    let empty = Nearby {
        is_empty: true,
        ..Nearby::default()
    };
    let hint = hint("-D -t 10.0.0.1:80", Errno::SRCH, &FACTS, empty);
    assert_says("-D", &hint.unwrap(), &["the table is empty", "-A"]);
}

#[test]
fn a_table_that_was_not_read_is_not_said_to_be_empty() {
    let hint = hint("-D -t 10.0.0.1:80", Errno::SRCH, &FACTS, Nearby::default());
    let hint = hint.unwrap();
    assert_says("-D", &hint, &["`ipvsadm -Ln`"]);
    assert!(!hint.contains("empty"), "{hint}");
}
