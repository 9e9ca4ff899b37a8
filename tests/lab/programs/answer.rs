// SPDX-License-Identifier: MIT

//! Running a program to its end and keeping what it said.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use anyhow::{Context as _, Result};

/// The outputs of a program and its exit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Standard output. Bytes that are not UTF-8 show as U+FFFD.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
    /// The exit status; 128 and the signal's number when a signal ended it.
    pub status: u8,
}

impl Answer {
    /// Runs a command that reads `input` from its standard input.
    ///
    /// # Errors
    /// When it cannot be started. A command that does not read its input to
    /// the end is no error.
    pub fn of(mut command: Command, input: &str) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().display()))?;
        let stdin = child.stdin.take();
        let output = thread::scope(|scope| {
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
            child.wait_with_output()
        })?;
        Ok(Self {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            status: exit_status(output.status),
        })
    }
}

/// An exit status the way a shell gives it: 128 and the signal's number when a
/// signal ended the program.
#[must_use]
pub fn exit_status(status: ExitStatus) -> u8 {
    let number = match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128 + signal,
        (None, None) => 255,
    };
    u8::try_from(number).unwrap_or(255)
}
