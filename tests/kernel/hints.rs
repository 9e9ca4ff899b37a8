// SPDX-License-Identifier: MIT

//! Hints and warnings, which only a person at a terminal gets.

use std::fs;

use ipvs_lab::Namespace;

use crate::{ipvsadm, namespace, program::restore, watch::Terminal};

/// A table with a real server of each kind that hints are about.
const RULES: &str = "\
-A -t 10.0.0.1:80 -s rr -p 60
-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 3
-a -t 10.0.0.1:80 -r 10.0.0.3:8080 -m -w 1
";

/// Returns the lines that a command writes on a terminal.
fn said_on_terminal(director: &Namespace, arguments: &str) -> Vec<String> {
    let program = ipvs_lab::program::path().unwrap();
    let command = format!("'{}' {arguments} || :", program.display());
    let said = Terminal::start(director, &command).end();
    said.lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// Lists the interfaces of the namespace. Beside `lo` there are those that the
/// kernel makes everywhere once a module for tunnels is loaded.
fn interfaces(director: &Namespace) -> String {
    let list = director.run(|| fs::read_to_string("/proc/thread-self/net/dev"));
    let list = list.unwrap().unwrap();
    let names = list
        .lines()
        .filter_map(|line| Some(line.split_once(':')?.0.trim()));
    names.collect::<Vec<_>>().join(", ")
}

/// Returns its standard error where that is no terminal.
fn said_elsewhere(director: &Namespace, arguments: &str) -> String {
    let words = arguments.split_ascii_whitespace();
    ipvs_lab::ipvsadm(director, words).unwrap().stderr
}

#[test]
fn a_change_that_does_more_than_its_words_is_followed_by_warnings() {
    for (arguments, warnings) in [
        (
            "-e -t 10.0.0.1:80 -r 10.0.0.2",
            &[
                "warning: 10.0.0.2:80 was masquerading, is now direct routing; say -m or --keep to keep it",
                "warning: 10.0.0.2:80 had the weight 3, has now 1; say -w 3 or --keep to keep it",
            ][..],
        ),
        ("-e -t 10.0.0.1:80 -r 10.0.0.2 -m -w 5", &[]),
        (
            "-E -t 10.0.0.1:80",
            &[
                "warning: TCP 10.0.0.1:80 had the scheduler rr, has now wlc; say -s rr or --keep to keep it",
                "warning: TCP 10.0.0.1:80 was persistent, is not any more; say -p 60 or --keep to keep it",
            ],
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.4:8080",
            &[
                "warning: 10.0.0.4:80 has the port of TCP 10.0.0.1:80, not 8080: only \
               masquerading (-m) has ports of its own",
            ],
        ),
        (
            "-A -t 2001:db8::1:80 -p",
            &[
                "warning: 2001:db8::1:80 was taken for an address without a port; if 80 is the \
               port, the address stands in brackets: [2001:db8::1]:80",
            ],
        ),
    ] {
        let tables = [true, false].map(|on_terminal| {
            let director = namespace("director");
            restore(&director, RULES);
            if on_terminal {
                assert_eq!(said_on_terminal(&director, arguments), warnings);
            } else {
                assert_eq!(said_elsewhere(&director, arguments), "", "{arguments}");
            }
            ipvsadm(&director, "-S -n")
        });
        assert_eq!(tables[0], tables[1], "{arguments}");
    }
}

#[test]
fn a_refusal_is_followed_by_what_is_missing_and_what_there_is() {
    let director = namespace("director");
    restore(&director, RULES);
    for (arguments, said) in [
        (
            "-e -t 10.0.0.1:80 -r 10.0.0.3:8080 -w 0",
            [
                "No such destination",
                "(cannot edit 10.0.0.3:80 of TCP 10.0.0.1:80: there is no such destination)",
                "hint: without -m the port is that of the virtual service (80); the table has \
                 10.0.0.3:8080 with masquerading: add -m",
            ],
        ),
        (
            "-D -t 10.0.0.1",
            [
                "No such service",
                "(cannot delete TCP 10.0.0.1:0: there is no such virtual service)",
                "hint: the table has TCP 10.0.0.1:80",
            ],
        ),
        (
            "-L -u 10.0.0.1:80",
            [
                "No such service",
                "(cannot read UDP 10.0.0.1:80: there is no such virtual service)",
                "hint: the table has TCP 10.0.0.1:80",
            ],
        ),
        (
            "--start-daemon master",
            [
                "No such device",
                "(cannot start the master daemon: there is no such network interface)",
                &format!(
                    "hint: --mcast-interface eth0, the default, is not there; the interfaces are {}",
                    interfaces(&director)
                ),
            ],
        ),
    ] {
        assert_eq!(said_on_terminal(&director, arguments), said);
        let elsewhere = said_elsewhere(&director, arguments);
        assert_eq!(elsewhere, format!("{}\n", said[0]), "{arguments}");
    }
}

#[test]
fn wrong_words_are_followed_by_a_hint() {
    let director = namespace("director");
    for (arguments, error, hint) in [
        (
            "-n -L",
            "Try `ipvsadm -h' or 'ipvsadm --help' for more information.",
            "hint: the command comes first: ipvsadm -L -n",
        ),
        (
            "–Ln",
            "Try `ipvsadm -h' or 'ipvsadm --help' for more information.",
            "hint: the dash of –Ln is not the hyphen of the keyboard: type -Ln",
        ),
        (
            "-A -t 10.0.0.1",
            "Zero port specified for non-persistent service",
            "hint: give a port (10.0.0.1:80), or -p for a persistent service of all ports",
        ),
    ] {
        assert_eq!(said_on_terminal(&director, arguments), [error, hint]);
        assert_eq!(said_elsewhere(&director, arguments), format!("{error}\n"));
    }
}

#[test]
fn rules_of_a_file_get_hints_but_no_warnings() {
    let director = namespace("director");
    restore(&director, RULES);
    let rules = "-e -t 10.0.0.1:80 -r 10.0.0.2\\n-D -t 10.0.0.1:81\\n-A --schedular rr\\n";
    let program = ipvs_lab::program::path().unwrap();
    let command = format!(
        "printf %b '{rules}' | '{}' -R --strict || :",
        program.display()
    );
    let said = Terminal::start(&director, &command).end();
    let said: Vec<_> = said.lines().map(str::trim_end).collect();
    assert_eq!(
        said,
        [
            "line 2: No such service",
            "(cannot delete TCP 10.0.0.1:81: there is no such virtual service)",
            "hint: `ipvsadm -Ln` shows the virtual services; -A adds one",
            "line 3: --schedular: unknown option",
            "hint: did you mean --scheduler?",
        ]
    );
}
