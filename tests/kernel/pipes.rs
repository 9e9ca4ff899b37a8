// SPDX-License-Identifier: MIT

//! Pipes that are closed before everything is written, in the forms that the
//! original does not have. Those that it has are cases of the suite against it
//! (`compat/cases/pipes.txt`), which the exit statuses here are taken from.

use ipvs_lab::{Answer, Namespace};

use super::{ipvsadm, namespace};

/// 128 and the number of SIGPIPE: what a shell calls a program that the signal
/// has ended.
const ENDED_BY_SIGPIPE: u8 = 141;

/// A director whose table is larger than a pipe (64 KiB) in every form.
fn director() -> Namespace {
    let director = namespace("director");
    let rules: String = (1..=3300)
        .map(|port| format!("-A -t 10.0.0.1:{port}\n"))
        .collect();
    let answer = ipvs_lab::ipvsadm_reading(&director, ["-R"], &rules).unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    director
}

/// Runs a pipeline that begins with this tree's program, as a script that minds
/// its failures. `before` comes first in the script.
fn pipeline(director: &Namespace, before: &str, arguments: &str, reader: &str) -> Answer {
    let mut command = director.command("bash");
    command
        .arg("-c")
        .arg(format!(
            "set -o pipefail; {before} \"$0\" {arguments} | {reader}"
        ))
        .arg(ipvs_lab::program::path().unwrap());
    Answer::of(command, "").unwrap()
}

#[test]
fn a_closed_pipe_ends_every_form_by_the_signal_or_with_success_where_it_is_ignored() {
    let director = director();
    for arguments in [
        "-L -n",
        "-S -n",
        "-S --json",
        "-L --json",
        "-L -n --output wide",
        "-L --output openmetrics",
        "-L --json --watch 0.1",
        "-L -n --watch 0.1",
    ] {
        for (before, status) in [("", ENDED_BY_SIGPIPE), ("trap '' PIPE;", 0)] {
            let answer = pipeline(&director, before, arguments, "head -c 100 > /dev/null");
            assert_eq!(
                (answer.stderr.as_str(), answer.status),
                ("", status),
                "{before} {arguments}"
            );
        }
    }
}

#[test]
fn where_sigpipe_is_ignored_a_search_in_the_saved_rules_finds_what_is_there() {
    let director = director();
    for (arguments, words, status) in [
        ("-S -n", "-e '-t 10.0.0.1:1 '", 0),
        ("-S --json", "services", 0),
        ("-S -n", "10.9.9.9", 1),
    ] {
        let reader = format!("grep -q {words}");
        let answer = pipeline(&director, "trap '' PIPE;", arguments, &reader);
        assert_eq!(
            (answer.stderr.as_str(), answer.status),
            ("", status),
            "{arguments} {words}"
        );
    }
    assert_eq!(ipvsadm(&director, "-S -n").lines().count(), 3300);
}
