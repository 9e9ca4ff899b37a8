// SPDX-License-Identifier: MIT

//! Standard output that is closed, or a device that is full (`/dev/full`), under every form
//! of output. Pipes that their reader closes are in `pipes.rs`.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use ipvs_lab::{Answer, Namespace, program};
use serde_json::Value;

use super::ours;
use crate::{ipvsadm, namespace, program::restore};

/// A table that is small beside the program's buffer: all of it is written at the end.
const TABLE: &str = "\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1
";

/// Runs a program of this path in a shell that leaves it no place for its output.
fn run(director: &Namespace, program: &str, arguments: &str, output: &str) -> Answer {
    let mut command = director.command("sh");
    command.args(["-c", &format!("'{program}' {arguments} {output}")]);
    if program != ours() {
        program::find_original()
            .unwrap()
            .add_libraries(&mut command);
    }
    Answer::of(command, "").unwrap()
}

/// The outputs, and the kernel's words for them.
const OUTPUTS: [(&str, &str); 2] = [
    (">&-", "Bad file descriptor (os error 9)"),
    ("> /dev/full", "No space left on device (os error 28)"),
];

/// Compares what was said with one line.
fn check(answer: &Answer, reason: &str, end: &str, is_json: bool, status: u8, what: &str) {
    let words = format!("cannot write to standard output: {reason}{end}");
    let told = match is_json {
        true => {
            let object: Value = serde_json::from_str(&answer.stderr).unwrap();
            object["message"].as_str().unwrap().to_owned() + "\n"
        }
        false => answer.stderr.clone(),
    };
    assert_eq!((told, answer.status), (words + "\n", status), "{what}");
}

#[test]
fn what_cannot_be_written_is_one_line_and_no_success() {
    let director = namespace("director");
    restore(&director, TABLE);
    let rules = tempfile::NamedTempFile::new().unwrap();
    fs::write(rules.path(), "-A -f 1 -s rr\n").unwrap();
    let rules = rules.path().display();
    for (arguments, status) in [
        ("-L".to_owned(), 1),
        ("-L -n".to_owned(), 1),
        ("-L -n --stats".to_owned(), 1),
        ("-L -n --rate --exact".to_owned(), 1),
        ("-L -n --thresholds".to_owned(), 1),
        ("-L -n --persistent-conn".to_owned(), 1),
        ("-L -n -t 10.0.0.1:80".to_owned(), 1),
        ("-L -n -c".to_owned(), 1),
        ("-L --timeout".to_owned(), 1),
        ("-S".to_owned(), 1),
        ("-S -n".to_owned(), 1),
        ("--help".to_owned(), 1),
        ("-h".to_owned(), 1),
        ("-v".to_owned(), 1),
        ("-v --json".to_owned(), 1),
        ("-S --json".to_owned(), 1),
        ("-L --json".to_owned(), 1),
        ("-L -c --json".to_owned(), 1),
        ("-L -c --summary".to_owned(), 1),
        ("-L -n -c --output wide".to_owned(), 1),
        ("-L --timeout --json".to_owned(), 1),
        ("-L --daemon --json".to_owned(), 1),
        ("-L -n --output wide".to_owned(), 1),
        ("-L --output openmetrics".to_owned(), 1),
        ("-L -n --watch 0.1".to_owned(), 1),
        ("-L --json --watch 0.1".to_owned(), 1),
        ("-L -n -c --watch 0.1".to_owned(), 1),
        ("--report".to_owned(), 1),
        ("--doctor".to_owned(), 1),
        ("--doctor --json".to_owned(), 1),
        (format!("--apply --dry-run {rules}"), 1),
        (format!("--apply --dry-run --json {rules}"), 1),
        // 1 is a difference.
        (format!("--diff {rules}"), 2),
        (format!("--diff --json {rules}"), 2),
    ] {
        for (output, reason) in OUTPUTS {
            let answer = run(&director, &ours(), &arguments, output);
            let is_json = arguments.contains("--json");
            let what = format!("{arguments} {output}");
            check(&answer, reason, "", is_json, status, &what);
        }
    }
    assert_eq!(ipvsadm(&director, "-S -n"), TABLE);
}

#[test]
fn what_has_nothing_to_write_does_not_mind() {
    let director = namespace("director");
    for (output, _) in OUTPUTS {
        for arguments in [
            "-A -f 1 -s rr",
            "-a -f 1 -r 10.0.0.2 -m",
            "-L --daemon",
            "-Z",
            "-C",
        ] {
            let answer = run(&director, &ours(), arguments, output);
            let told = (answer.stderr.as_str(), answer.status);
            assert_eq!(told, ("", 0), "{arguments} {output}");
        }
    }
}

#[test]
fn the_original_calls_it_success() {
    let director = namespace("director");
    restore(&director, TABLE);
    let original = program::find_original().unwrap().program;
    for (output, _) in OUTPUTS {
        for arguments in ["-L -n", "-L -n --stats", "-L -n -c", "-S -n", "-h", "-v"] {
            let answer = run(
                &director,
                &original.display().to_string(),
                arguments,
                output,
            );
            let told = (answer.stderr.as_str(), answer.status);
            assert_eq!(told, ("", 0), "{arguments} {output}");
        }
    }
}

#[test]
fn changes_are_made_and_told_where_their_output_is_lost() {
    let director = namespace("director");
    let made = "; the changes were made all the same";
    let rules = tempfile::NamedTempFile::new().unwrap();
    fs::write(rules.path(), TABLE).unwrap();
    let apply = format!("--apply --json {}", rules.path().display());
    let drained = TABLE.replace("-w 1", "-w 0");
    let gone = "-A -t 10.0.0.1:80 -s rr\n";
    for (output, reason) in OUTPUTS {
        ipvsadm(&director, "-C");
        for (arguments, after) in [
            (apply.as_str(), TABLE),
            ("--drain -r 10.0.0.2", drained.as_str()),
            ("--drain --undo", TABLE),
            ("--drain --json -r 10.0.0.2", &drained),
            ("--drain --undo --json", TABLE),
            // It waits, and does what it has waited for.
            ("--drain --wait --remove -r 10.0.0.2", gone),
        ] {
            let answer = run(&director, &ours(), arguments, output);
            let what = format!("{arguments} {output}");
            check(
                &answer,
                reason,
                made,
                arguments.contains("--json"),
                1,
                &what,
            );
            assert_eq!(ipvsadm(&director, "-S -n"), after, "{what}");
        }
        // Nothing is left to change.
        fs::write(rules.path(), gone).unwrap();
        let answer = run(&director, &ours(), &apply, output);
        check(&answer, reason, "", true, 1, output);
        fs::write(rules.path(), TABLE).unwrap();
    }
}

#[test]
fn a_drain_that_nobody_reads_waits_and_removes() {
    let director = namespace("director");
    restore(&director, TABLE);
    let mut command = director.command("bash");
    let drain = "trap '' PIPE; \"$0\" --drain --wait --remove -r 10.0.0.2 | true; exit $PIPESTATUS";
    command.args(["-c", drain]).arg(ours());
    let answer = Answer::of(command, "").unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    assert_eq!(ipvsadm(&director, "-S -n"), "-A -t 10.0.0.1:80 -s rr\n");
}

#[test]
fn rules_after_a_listing_that_cannot_be_written_are_carried_out() {
    let director = namespace("director");
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display();
    // One listing is written at the end, and one is larger than the program's buffer.
    let large: String = (1..1000)
        .map(|port| format!("-A -t 10.0.0.1:{port} -s rr\n"))
        .collect();
    for (before, line) in [("", ""), (large.as_str(), "line 1001: ")] {
        fs::write(
            file.path(),
            format!("{before}-A -f 1 -s rr\n-L -n --stats\n-A -f 2 -s rr\n"),
        )
        .unwrap();
        for (output, reason) in OUTPUTS {
            ipvsadm(&director, "-C");
            let answer = run(&director, &ours(), &format!("-R {path}"), output);
            let place = match line {
                "" => String::new(),
                line => format!("{path}: {line}"),
            };
            let words = format!("{place}cannot write to standard output: {reason}\n");
            assert_eq!((answer.stderr, answer.status), (words, 1));
            let saved = ipvsadm(&director, "-S -n");
            assert!(saved.ends_with("-A -f 1 -s rr\n-A -f 2 -s rr\n"), "{saved}");
        }
    }
}

#[test]
fn changes_that_cannot_be_written_end_the_watching() {
    let director = namespace("director");
    for (output, reason) in OUTPUTS {
        let arguments = "-L -n --changes --watch 0.1";
        let is_over = AtomicBool::new(false);
        let answer = thread::scope(|scope| {
            let watching = scope.spawn(|| {
                let answer = run(&director, &ours(), arguments, output);
                is_over.store(true, Ordering::Relaxed);
                answer
            });
            while !is_over.load(Ordering::Relaxed) {
                restore(&director, "-A -f 1 -s rr\n-D -f 1\n-A -f 1 -s rr\n");
                ipvsadm(&director, "-C");
            }
            watching.join().unwrap()
        });
        check(&answer, reason, "", false, 1, output);
    }
}
