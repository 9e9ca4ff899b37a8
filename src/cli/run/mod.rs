// SPDX-License-Identifier: MIT

//! Carries a command out: asks the kernel, hands the answer to the output.

pub(crate) mod restore;
pub(crate) mod scripts;
pub(crate) mod session;

use std::io::Write;

use ipvs_client::{Client, Connections, Consistency, Counters, ServiceId};

use self::session::Session;
use crate::{
    args::{Wording, help},
    command::{Command, Form, List, ListTable, Metrics, Request, Save, TableForm},
    failure::{
        self, FailedCommand, Incomplete, Messages, OutputFileError, StdoutError, hint::Before,
    },
    json,
    names::Names,
    output::{
        ClassicWriter, ConnectionWriter, ListingError, SaveWriter, Unsaved, colour_on_terminal,
        file, lines_to_text, wide_lines, write_daemon, write_entries, write_openmetrics,
        write_timeouts,
    },
    table::{self, Snapshot, services},
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
        Request::Watch(watch) => watch::run(watch, session.client()?, out)?,
        Request::Run(command) => execute_typed(command, wording, session, out, messages)?,
    }
    Ok(0)
}

/// Carries out one command.
pub(crate) fn execute(
    command: &Command,
    session: &mut Session,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    carry_out(command, session, out).map_err(|error| {
        if error.is::<ipvs_client::Error>() {
            add_command(error, command)
        } else {
            error
        }
    })
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
        Ok(client) => Before::read(command, client),
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
        Command::Change(change) => session.client()?.change(change)?,
        Command::StartDaemon(daemon) => session.client()?.start_daemon(daemon)?,
        Command::StopDaemon(role) => session.client()?.stop_daemon(*role)?,
        Command::Save(Save::Rules { numeric }) => save(*numeric, session.client()?, out)?,
        Command::Save(Save::Json) => {
            table_json(None, true, Counters::Skip, session.client()?, out)?;
        }
        Command::Table(table, TableForm::Classic) => show_table(table, session.client()?, out)?,
        Command::Table(table, TableForm::Wide) => show_wide(table, session.client()?, out)?,
        Command::Table(table, TableForm::Json) => {
            let service = table.service.as_ref();
            let client = session.client()?;
            table_json(service, table.sorted, Counters::Read, client, out)?;
        }
        Command::List(list, Form::Classic) => show(list, session, out)?,
        Command::List(list, Form::Json) => show_json(list, session, out)?,
        Command::Metrics(metrics) => write_metrics(metrics, session.client()?, out)?,
    }
    Ok(())
}

fn show(list: &List, session: &mut Session, out: &mut impl Write) -> anyhow::Result<()> {
    match list {
        List::Connections {
            numeric,
            engine_data,
        } => {
            let mut connections = open_connections(session)?;
            let mut writer = ConnectionWriter::new(out, Names::new(*numeric), *engine_data);
            writer.headings().map_err(StdoutError)?;
            while let Some(connection) = connections.next_connection()? {
                writer.connection(&connection).map_err(StdoutError)?;
            }
        }
        List::Timeouts => {
            let timeouts = session.client()?.timeouts()?;
            write_timeouts(out, &timeouts).map_err(StdoutError)?;
        }
        List::Daemons => {
            for daemon in session.client()?.daemons()? {
                write_daemon(out, &daemon).map_err(StdoutError)?;
            }
        }
    }
    Ok(())
}

fn show_json(list: &List, session: &mut Session, out: &mut impl Write) -> anyhow::Result<()> {
    match list {
        List::Connections { .. } => {
            let mut connections = open_connections(session)?;
            let mut document = json::ConnectionsDocument::begin(out).map_err(StdoutError)?;
            while let Some(connection) = connections.next_connection()? {
                document.connection(&connection).map_err(StdoutError)?;
            }
            document.end().map_err(StdoutError)?;
        }
        List::Timeouts => {
            let timeouts = session.client()?.timeouts()?;
            json::write_timeouts(out, &timeouts).map_err(StdoutError)?;
        }
        List::Daemons => {
            let daemons = session.client()?.daemons()?;
            json::write_daemons(out, &daemons).map_err(StdoutError)?;
        }
    }
    Ok(())
}

/// One service or all, with counters or only what -R needs: all of it or, when
/// it cannot be read, nothing.
fn table_json(
    service: Option<&ServiceId>,
    sorted: bool,
    counters: Counters,
    client: &mut Client,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let info = client.info()?;
    let consistency = Consistency::Agreed;
    let services = services(client, service, counters, consistency, sorted)?;
    let mut text = Vec::new();
    let document = json::TableDocument::begin(&mut text, &info, counters == Counters::Read);
    let mut unsaved = Vec::new();
    let entries = table::entries(client, services, counters, consistency, sorted);
    let entries = entries.inspect(|entry| {
        if let (Ok((service, _)), Counters::Skip) = (entry, counters) {
            unsaved.extend(Unsaved::in_json(service));
        }
    });
    table::write_json(document.map_err(StdoutError)?, entries)?;
    out.write_all(&text).map_err(StdoutError)?;
    report_unsaved(unsaved, out)
}

/// Makes an error of what was not saved, after what was.
fn report_unsaved(unsaved: Vec<Unsaved>, out: &mut impl Write) -> anyhow::Result<()> {
    failure::flush(out)?;
    if unsaved.is_empty() {
        Ok(())
    } else {
        Err(Incomplete(unsaved).into())
    }
}

fn open_connections(session: &mut Session) -> ipvs_client::Result<Connections> {
    session.check()?;
    session.client()?.connections()
}

fn show_table(table: &ListTable, client: &mut Client, out: &mut impl Write) -> anyhow::Result<()> {
    let info = match table.service {
        Some(_) => None,
        None => Some(client.info()?),
    };
    let counters = if table.view.has_counters() {
        Counters::Read
    } else {
        Counters::Skip
    };
    let consistency = Consistency::Once;
    let service = table.service.as_ref();
    let services = services(client, service, counters, consistency, table.sorted)?;
    let mut names = Names::new(table.numeric);
    let entries = table::entries(client, services, counters, consistency, table.sorted);
    let writer = ClassicWriter::begin(out, &mut names, info.as_ref(), table);
    write_entries(writer.map_err(StdoutError)?, entries).map_err(explain)
}

/// Tells an output that cannot be written from a table that cannot be read.
fn explain(error: ListingError) -> anyhow::Error {
    match error {
        ListingError::Read(error) => error.into(),
        ListingError::Write(error) => StdoutError(error).into(),
    }
}

fn show_wide(table: &ListTable, client: &mut Client, out: &mut impl Write) -> anyhow::Result<()> {
    let Snapshot { info, entries } = Snapshot::read(table, Consistency::Once, client)?;
    let mut names = Names::new(table.numeric);
    let lines = wide_lines(&info, &entries, table.view, table.exact, &mut names);
    let text = lines_to_text(&lines, colour_on_terminal());
    Ok(out.write_all(text.as_bytes()).map_err(StdoutError)?)
}

/// All of the table or, when it cannot be read, nothing: rules of half a table
/// look as good as those of a whole one.
fn save(numeric: bool, client: &mut Client, out: &mut impl Write) -> anyhow::Result<()> {
    let (counters, consistency) = (Counters::Skip, Consistency::Agreed);
    let services = services(client, None, counters, consistency, true)?;
    let mut text = Vec::new();
    let mut writer = SaveWriter::new(&mut text, Names::new(numeric));
    for entry in table::entries(client, services, counters, consistency, true) {
        let (service, destinations) = entry?;
        writer.service(&service).map_err(StdoutError)?;
        for destination in &destinations {
            writer
                .destination(&service.id, destination)
                .map_err(StdoutError)?;
        }
    }
    let unsaved = writer.into_unsaved();
    out.write_all(&text).map_err(StdoutError)?;
    report_unsaved(unsaved, out)
}

fn write_metrics(
    metrics: &Metrics,
    client: &mut Client,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    // The whole table's counters have nothing to say about one service.
    let totals = match metrics.service {
        Some(_) => None,
        None => Some(client.total_stats()?),
    };
    let (counters, consistency) = (Counters::Read, Consistency::Once);
    let service = metrics.service.as_ref();
    let services = services(client, service, counters, consistency, true)?;
    let table = table::entries(client, services, counters, consistency, true)
        .collect::<Result<Vec<_>, _>>()?;
    let write =
        |out: &mut dyn Write| write_openmetrics(out, totals.as_ref(), &table, metrics.destinations);
    match &metrics.file {
        None => write(out).map_err(StdoutError)?,
        Some(path) => file::replace(path, write).map_err(|reason| OutputFileError {
            path: path.clone(),
            reason,
        })?,
    }
    Ok(())
}
