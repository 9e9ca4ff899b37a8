// SPDX-License-Identifier: MIT

//! `ipvsadm`: administer the Linux IP Virtual Server.
//!
//! A command line becomes one typed command, the command becomes requests to
//! the kernel, what comes back becomes the client's model, and the model is
//! printed.

mod args;
mod command;
mod comparison;
mod doctor;
mod escape;
mod failure;
#[cfg(test)]
mod generate;
mod inherited;
mod json;
mod names;
mod output;
mod redact;
mod run;
mod scheduler_flags;
mod sigpipe;
mod stdout;
mod synchronization;
mod system;
mod table;
mod time;
mod watch;

use std::{
    io::{self, BufWriter, IsTerminal},
    process::ExitCode,
};

use crate::{
    command::spelling::Elsewhere,
    escape::TerminalWriter,
    failure::{CommandLine, Messages},
    run::{
        scripts::{self, Program},
        session::Session,
    },
    stdout::StandardOutput,
};

fn main() -> ExitCode {
    sigpipe::restore_disposition();
    inherited::keep_descriptors_from_children();
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
    let status = match run(program, &words, &mut messages) {
        Ok(status) => status,
        Err(error) => {
            messages.report(&error);
            failure::exit_status(&error)
        }
    };
    status.into()
}

/// Does what the words ask for; returns the exit status.
fn run(program: Program, words: &[&str], messages: &mut Messages<'_>) -> anyhow::Result<u8> {
    inherited::refuse_set_id()?;
    let stdout = StandardOutput::over(TerminalWriter::new(io::stdout().lock()));
    let mut out = BufWriter::with_capacity(64 * 1024, stdout);
    let status = match program {
        Program::Save => scripts::run_save(words, &mut out, messages)?,
        Program::Restore => scripts::run_restore(words, io::stdin().lock(), &mut out, messages)?,
        Program::Ipvsadm => {
            let namespace = args::namespace::find_namespace(words);
            if let Some(namespace) = &namespace {
                namespace.enter()?;
            }
            let typed =
                args::parse_typed(words).map_err(|error| CommandLine::around(error, words))?;
            let mut session = Session::using(typed.interface, Elsewhere(namespace));
            run::run_request(
                &typed.request,
                &typed.wording,
                &mut session,
                &mut out,
                messages,
            )?
        }
    };
    failure::flush(&mut out)?;
    Ok(status)
}
