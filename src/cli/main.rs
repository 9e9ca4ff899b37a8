// SPDX-License-Identifier: MIT

//! `ipvsadm`: administer the Linux IP Virtual Server.
//!
//! A command line becomes one typed command, the command becomes requests to
//! the kernel, what comes back becomes the client's model, and the model is
//! printed.

#![cfg_attr(all(target_env = "gnu", not(test)), no_main)]

mod args;
mod command;
mod failure;
#[cfg(test)]
mod generate;
mod json;
mod names;
mod output;
mod run;
mod scheduler_flags;
mod sigpipe;
#[cfg(all(target_env = "gnu", not(test)))]
mod start;
mod table;
mod watch;

use std::io::{self, BufWriter, IsTerminal};

use crate::{
    failure::{CommandLine, Messages},
    run::{
        Session,
        scripts::{self, Program},
    },
};

#[cfg(any(not(target_env = "gnu"), test))]
fn main() -> std::process::ExitCode {
    status().into()
}

/// Does what the words of the command line ask for; returns the exit status.
fn status() -> u8 {
    sigpipe::restore();
    let mut words = std::env::args_os();
    let program = Program::named(&words.next().unwrap_or_default());
    let words: Vec<String> = words
        // Nothing in IPVS has a name that is not UTF-8.
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut stderr = io::stderr();
    let mut messages = Messages::new(&mut stderr, || io::stderr().is_terminal());
    if words.contains(&"--json") {
        messages.become_json();
    }
    match run(program, &words, &mut messages) {
        Ok(status) => status,
        Err(error) => {
            messages.report(&error);
            failure::status(&error)
        }
    }
}

/// Does what the words ask for; returns the exit status.
fn run(program: Program, words: &[&str], messages: &mut Messages<'_>) -> anyhow::Result<u8> {
    let mut out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let status = match program {
        Program::Save => scripts::save(words, &mut out, messages)?,
        Program::Restore => scripts::restore(words, io::stdin().lock(), &mut out, messages)?,
        Program::Ipvsadm => {
            let mut session = Session::default();
            let (request, wording) =
                args::parse_typed(words).map_err(|error| CommandLine::around(error, words))?;
            run::run(&request, &wording, &mut session, &mut out, messages)?
        }
    };
    failure::flush(&mut out)?;
    Ok(status)
}
