// SPDX-License-Identifier: MIT

//! `cargo lab shell` and `ipvs-lab run` from outside: what goes in and comes out of the
//! kernel.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod module;
mod run;

use std::env;
use std::fs;
use std::process::Command;

use ipvs_lab::{Answer, program};

/// `lab shell -- sh -c SCRIPT`, as its user starts it.
fn shell(script: &str) -> Command {
    program::path().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipvs-lab"));
    command.args(["shell", "--", "sh", "-c", script]);
    command
}

#[test]
fn outputs_and_status_pass_through_unchanged() {
    let script = r"printf 'out\n\r\tend'; printf 'err\n' >&2; exit 7";
    let answer = Answer::of(shell(script), "").unwrap();
    assert_eq!(
        answer,
        Answer {
            stdout: "out\n\r\tend".to_owned(),
            stderr: "err\n".to_owned(),
            status: 7
        }
    );
}

#[test]
fn a_long_standard_input_passes_through_to_its_end() {
    let input: String = (0..300_000).map(|line| format!("{line}\n")).collect();
    let answer = Answer::of(shell("cat"), &input).unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    assert!(answer.stdout == input, "the input came back changed");
}

#[test]
fn directory_environment_and_arguments_are_kept() {
    let directory = tempfile::Builder::new()
        .prefix("with a space ")
        .tempdir()
        .unwrap();
    let mut command = shell("pwd; echo \"$WORDS\"; echo written > file");
    command.current_dir(&directory).env("WORDS", "a  b\nc");
    let answer = Answer::of(command, "").unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    let path = fs::canonicalize(&directory).unwrap();
    assert_eq!(answer.stdout, format!("{}\na  b\nc\n", path.display()));
    let file = fs::read_to_string(directory.path().join("file"));
    assert_eq!(file.unwrap(), "written\n");
}

#[test]
fn this_trees_program_is_first_in_path() {
    let answer = Answer::of(shell("command -v ipvsadm"), "").unwrap();
    // The one that the tests run is built in another profile beside it.
    let tested = program::path().unwrap();
    let target = tested.ancestors().nth(2).unwrap();
    let ours = target.join("debug/ipvsadm");
    assert_eq!(answer.stdout, format!("{}\n", ours.display()));
}

#[test]
fn a_command_that_does_not_exist_ends_like_in_a_shell() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipvs-lab"));
    command.args(["shell", "--", "no-such-command"]);
    program::path().unwrap();
    let answer = Answer::of(command, "").unwrap();
    assert_eq!((answer.stdout.as_str(), answer.status), ("", 127));
    assert!(
        answer.stderr.contains("no-such-command"),
        "{}",
        answer.stderr
    );
}
