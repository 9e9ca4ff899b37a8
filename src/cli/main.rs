// SPDX-License-Identifier: MIT

//! `ipvsadm`: administer the Linux IP Virtual Server.
//!
//! A command line becomes one typed command, the command becomes requests to
//! the kernel, what comes back becomes the client's model, and the model is
//! printed.

mod address;
mod command;
mod failure;
mod help;
mod legality;
mod names;
mod options;
mod output;
mod restore;
mod run;
mod scan;
mod usage;
mod values;

use std::{
    io::{self, BufWriter, Write},
    process::ExitCode,
};

use crate::{command::Command, run::Session};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args_os()
        .skip(1)
        // Nothing in IPVS has a name that is not UTF-8.
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    match run(&words) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            failure::report(&error);
            ExitCode::from(failure::status(&error))
        }
    }
}

/// Does what the words ask for; returns the exit status.
fn run(words: &[String]) -> anyhow::Result<u8> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let command = Command::parse(&words)?;
    let mut session = Session::default();
    let mut out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let status = match command {
        Command::Restore => restore::run(io::stdin().lock(), &mut session, &mut out)?,
        command => {
            run::execute(&command, &mut session, &mut out)?;
            0
        }
    };
    out.flush().map_err(failure::Output)?;
    Ok(status)
}
