// SPDX-License-Identifier: MIT

//! What befalls the program while it is at work: signals, outputs and inputs that fail,
//! limits, a machine with parts missing, a clock that is set.

mod inputs;
mod kills;
mod limits;
mod outputs;
mod traced;

use ipvs_lab::{Answer, Namespace, program};

fn ours() -> String {
    program::path().unwrap().display().to_string()
}

/// Runs a script in which `$ipvsadm` is this tree's program.
fn run(director: &Namespace, script: &str) -> Answer {
    let mut shell = director.command("bash");
    shell.args(["-c", script]).env("ipvsadm", ours());
    Answer::of(shell, "").unwrap()
}
