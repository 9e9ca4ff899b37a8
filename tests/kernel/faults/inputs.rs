// SPDX-License-Identifier: MIT

//! Standard input that has no end, is no text, comes slowly or is closed, and files that
//! change while they are read.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use ipvs_lab::{Answer, original_reading};

use super::{ours, run};
use crate::{ipvsadm, namespace};

const RULE: &str = "-A -f 1 -s rr";

fn outcome(answer: &Answer) -> (&str, &str, u8) {
    (&answer.stdout, &answer.stderr, answer.status)
}

/// In 100 MB of memory, of which a program takes a few at its start.
#[test]
fn a_line_without_an_end_is_refused() {
    let director = namespace("director");
    ipvsadm(&director, RULE);
    let words = "cannot read from standard input: line 1 is longer than 16 MiB, as no rule is\n";
    for command in ["-R", "-R --strict", "-R --check", "--apply -", "--diff -"] {
        for source in [
            "cat /dev/zero",
            "yes | tr -d '\\n'",
            "yes '' | tr '\\n' ' '",
        ] {
            let script = format!("ulimit -v 100000; {source} | $ipvsadm {command}");
            let answer = run(&director, &script);
            assert_eq!(outcome(&answer), ("", words, 2), "{script}");
        }
    }
    assert_eq!(ipvsadm(&director, "-S -n").trim(), RULE);
}

#[test]
fn a_document_without_an_end_is_refused_where_it_is_wrong() {
    let director = namespace("director");
    for command in ["-R", "-R --check", "--apply -"] {
        let script = format!("ulimit -v 100000; yes '{{' | $ipvsadm {command}");
        let answer = run(&director, &script);
        assert_eq!((answer.stdout.as_str(), answer.status), ("", 2), "{script}");
        assert!(
            answer.stderr.starts_with("line 2, column 1: ") && answer.stderr.lines().count() == 1,
            "{}",
            answer.stderr
        );
    }
}

#[test]
fn bytes_that_are_no_rules_are_a_mistake_and_change_nothing() {
    let director = namespace("director");
    ipvsadm(&director, RULE);
    // Programs, and what a disk has where nothing was written.
    for file in ["/bin/sh", "/usr/sbin/ip", "<(head -c 4096 /dev/zero)"] {
        for command in ["--apply", "--diff"] {
            let answer = run(&director, &format!("$ipvsadm {command} {file}"));
            assert_eq!((answer.stdout.as_str(), answer.status), ("", 2), "{file}");
            assert!(answer.stderr.contains(": line 1"), "{}", answer.stderr);
        }
        let answer = run(&director, &format!("$ipvsadm -R < {file}"));
        let text = run(&director, &format!("cat {file}")).stdout;
        let original = original_reading(&director, ["-R"], &text).unwrap();
        assert_eq!(
            answer.status, original.status,
            "{file}: {answer:?} {original:?}"
        );
        assert_eq!(ipvsadm(&director, "-S -n").trim(), RULE, "{file}");
    }
}

#[test]
fn rules_that_come_byte_by_byte_are_those_that_come_at_once() {
    let director = namespace("director");
    let rules = "\n# two\n-A -f 7 -s rr\n-a -f 7 -r 10.0.0.2 -m -w 5\n";
    let document = r#" { "schema_version": 1, "services": [ {"fwmark": 8, "scheduler": "rr"}]}"#;
    for (text, saved) in [
        (rules, "-A -f 7 -s rr\n-a -f 7 -r 10.0.0.2:0 -m -w 5\n"),
        (document, "-A -f 8 -s rr\n"),
    ] {
        for arguments in [&["-R"][..], &["--apply", "-"]] {
            ipvsadm(&director, "-C");
            let mut child = director
                .command(ours())
                .args(arguments)
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let mut input = child.stdin.take().unwrap();
            for byte in text.bytes() {
                input.write_all(&[byte]).unwrap();
                thread::sleep(Duration::from_millis(2));
            }
            drop(input);
            assert!(child.wait().unwrap().success());
            assert_eq!(ipvsadm(&director, "-S -n"), saved, "{arguments:?}");
        }
    }
}

/// Rust opens /dev/null in the place of a standard stream that is closed, so that the
/// socket to the kernel does not get its number.
#[test]
fn a_closed_standard_input_is_an_empty_one() {
    let director = namespace("director");
    ipvsadm(&director, RULE);
    for (command, status) in [
        ("-R", 0),
        ("-R --check", 1),
        ("--apply -", 2),
        ("--diff -", 2),
    ] {
        let closed = run(&director, &format!("$ipvsadm {command} <&-"));
        let empty = run(&director, &format!("$ipvsadm {command} < /dev/null"));
        assert_eq!(outcome(&closed), outcome(&empty), "{command}");
        assert_eq!(closed.status, status, "{closed:?}");
    }
    assert_eq!(ipvsadm(&director, "-S -n").trim(), RULE);
}

/// What has been opened is read: a file that is put in its place does not matter. One that
/// is cut is read to where it ends.
#[test]
fn a_file_that_is_replaced_or_cut_while_it_is_read_is_the_old_one_or_its_beginning() {
    let director = namespace("director");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules");
    let other = folder.path().join("other");
    // Nobody reads what the listings write, which holds the program up when it has read
    // the first 64 KiB.
    let rules = "-A -f 1 -s rr\n".to_owned()
        + &"-L -n\n".repeat(20_000)
        + &"#\n".repeat(100_000)
        + "-A -f 2 -s rr\n";
    type Change = fn(&Path, &Path);
    let changes: [(Change, &str); 2] = [
        (
            |path, other| fs::rename(other, path).unwrap(),
            "-A -f 1 -s rr\n-A -f 2 -s rr\n",
        ),
        (|path, _| fs::write(path, "").unwrap(), "-A -f 1 -s rr\n"),
    ];
    for (change, services) in changes {
        ipvsadm(&director, "-C");
        fs::write(&path, &rules).unwrap();
        fs::write(&other, "-A -f 9 -s rr\n").unwrap();
        let mut child = director
            .command(ours())
            .arg("-R")
            .stdin(fs::File::open(&path).unwrap())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = child.stdout.take().unwrap();
        let mut first = [0];
        output.read_exact(&mut first).unwrap();
        change(&path, &other);
        io::copy(&mut output, &mut io::sink()).unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(ipvsadm(&director, "-S -n"), services);
    }
}
