// SPDX-License-Identifier: MIT

//! Carries a command out: asks the kernel, hands the answer to the output.

#[cfg(test)]
mod acting;
mod apply;
mod compare;
mod connections;
mod daemons;
mod doctor;
mod drain;
mod hidden;
mod listing;
mod lock;
mod report;
pub(crate) mod restore;
pub(crate) mod rule_file;
mod rule_text;
pub(crate) mod scripts;
pub(crate) mod session;
mod state_folder;
#[cfg(test)]
mod tests;
mod unprivileged;
mod update;

use std::io::Write;

use ipvs_client::{Change, Counters};

use self::{listing::explain, session::Session};
use crate::{
    args::{Wording, help},
    command::{
        Command, Form, Request, Save,
        watch::{WatchConnections, Watched},
    },
    failure::{self, FailedCommand, Messages, StdoutError, hint},
    json,
    output::write_timeouts,
    table::Source,
    watch,
};

/// Does what a command line asks for; returns the exit status.
pub(crate) fn run_request(
    request: &Request,
    wording: &Wording,
    session: &mut Session,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    match request {
        Request::Help => out
            .write_all(help::render().as_bytes())
            .map_err(StdoutError)?,
        Request::Version(Form::Classic) => {
            writeln!(out, "{}", help::VERSION).map_err(StdoutError)?
        }
        Request::Version(Form::Json) => json::write_version(out).map_err(StdoutError)?,
        Request::Restore(options) => return restore::run_rules(options, session, out, messages),
        Request::Apply(options) => return apply::run(options, session, out, messages),
        Request::Watch(watch) => {
            unprivileged::check_loaded(session)?;
            // Before the first listing it is not known which interface it is.
            let source = unprivileged::find_source(&watch.watched, session, messages)?;
            if source == Source::Kernel
                && let Some(note) = hidden::find(watch.watched.service(), session)
            {
                messages.report(&note);
            }
            if let Some(hint) = hint::explain_missing_columns(request, wording) {
                messages.note_to_terminal(hint);
            }
            match &watch.watched {
                Watched::Connections(watched) => {
                    let WatchConnections { list, form } = watched;
                    let mut write = |text: &mut Vec<u8>| {
                        connections::write_connections(list, *form, source, session, text)
                    };
                    watch::run_connections(watch, watched, &mut write, out)
                }
                _ => watch::run(watch, source, session.client()?, out),
            }
            .map_err(explain)?;
        }
        Request::Drain(drain) => return drain::run(drain, session, out, messages),
        Request::Doctor(doctor) => return doctor::run(doctor, session, out, messages),
        Request::Report(options) => report::run(options, session, out)?,
        Request::Compare(options) => return compare::run(options, session, out, messages),
        Request::Run(command) => {
            if unprivileged::is_reading(command) {
                unprivileged::check_loaded(session)?;
            }
            match execute_typed(command, wording, session, out, messages) {
                Err(error) if unprivileged::may_show(command, session, &error) => {
                    let shown = unprivileged::show(command, session, out, messages);
                    shown.map_err(|error| explain_command(error, command))?;
                    return Ok(0);
                }
                outcome => outcome?,
            }
            if let Some(note) = hidden::find_after(command, session) {
                messages.report(&note);
            }
            if let Some(hint) = hint::explain_missing_columns(request, wording) {
                // It is about the listing above it.
                failure::flush(out)?;
                messages.note_to_terminal(hint);
            }
        }
    }
    Ok(0)
}

/// Carries out one command.
pub(crate) fn execute(
    command: &Command,
    session: &mut Session,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    carry_out(command, session, out).map_err(|error| explain_command(error, command))
}

/// Adds the command to a failure of the client.
fn explain_command(error: anyhow::Error, command: &Command) -> anyhow::Error {
    if error.is::<ipvs_client::Error>() {
        add_command(error, command)
    } else {
        error
    }
}

/// Carries out one command that a person may have typed, who is told what it has
/// done beyond its words.
fn execute_typed(
    command: &Command,
    wording: &Wording,
    session: &mut Session,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<()> {
    if !matches!(command, Command::Change(_)) || !messages.are_for_a_person() {
        return execute(command, session, out);
    }
    let before = match session.client() {
        Ok(client) => hint::Before::read(command, client),
        Err(error) => return Err(add_command(error, command)),
    };
    execute(command, session, out)?;
    for warning in before.compare(command, wording) {
        messages.warn(&warning);
    }
    Ok(())
}

/// A failure of the client with the command that it comes from.
fn add_command(error: impl Into<anyhow::Error>, command: &Command) -> anyhow::Error {
    error.into().context(FailedCommand(command.clone()))
}

fn carry_out(command: &Command, session: &mut Session, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        Command::Change(change) => {
            // A single change is one step by itself, but this one may fall between
            // the steps of others.
            let _lock = match change {
                Change::Flush => session.try_to_lock()?,
                _ => None,
            };
            session.client()?.change(change)?;
        }
        Command::Ensure(change) => {
            let changes = std::slice::from_ref(change);
            if let Some((_, error)) = session.client()?.ensure(changes)?.pop() {
                return Err(error.into());
            }
        }
        Command::Update(update) => update::carry_out(update, session.client()?)?,
        Command::StartDaemon(daemon) => session.client()?.start_daemon(daemon)?,
        Command::StopDaemon(role) => session.client()?.stop_daemon(*role)?,
        Command::Save(Save::Rules { numeric }) => {
            listing::write_rules(*numeric, session.client()?, out)?;
        }
        Command::Save(Save::Json) => {
            listing::write_json(None, Counters::Skip, true, session.client()?, out)?;
        }
        Command::Table(table, form) => {
            listing::write_table(table, *form, session.client()?, out)?;
        }
        Command::Connections(list, form) => {
            connections::write_connections(list, *form, Source::Kernel, session, out)
                .map_err(explain)?;
        }
        Command::Timeouts(form) => {
            let client = session.client()?;
            let timeouts = client.timeouts()?;
            match form {
                Form::Classic => write_timeouts(out, &timeouts),
                Form::Json => json::write_timeouts(out, &timeouts, client.interface()),
            }
            .map_err(StdoutError)?;
        }
        Command::Daemons(form) => daemons::write_daemons(*form, session.client()?, out)?,
        Command::Metrics(metrics) => listing::write_metrics(metrics, session.client()?, out)?,
    }
    Ok(())
}
