// SPDX-License-Identifier: MIT

//! Listings for callers whom no interface of the kernel lets in, from the files that
//! everybody may read.

use std::{io::Write, path::Path};

use ipvs_client::{Errno, Interface, ServiceId};

use super::{
    connections,
    listing::{self, explain},
    session::Session,
};
use crate::{
    command::{Command, ListTable, Metrics, TableForm, View, watch::Watched},
    failure::{Messages, NotLoaded, StdoutError, may_administer},
    json::{Origin, TableDocument},
    names::Names,
    output::{
        ClassicWriter, WholeTable, WideWriter, has_colour, lines_to_text, write_entries,
        write_openmetrics,
    },
    table::{Entry, Source, read_public_entries},
};

/// A file of the network namespace of the calling thread that is there when the
/// kernel has IPVS.
const TABLE_FILE: &str = "/proc/thread-self/net/ip_vs";

const NOTE: &str = "read from /proc/net/ip_vs, which everybody may read: counters, thresholds, \
                    scheduler flags, persistence engines, kinds of tunnels and the address \
                    families of firewall marks are not known";
const NOTE_ON_CONNECTIONS: &str = "read from /proc/net/ip_vs_conn, which everybody may read";

/// Returns whether the files have all that a command shows, or all but what its output
/// can leave out.
fn is_in_files(command: &Command) -> bool {
    matches!(
        command,
        Command::Table(_, TableForm::Json)
            | Command::Table(
                ListTable {
                    view: View::Plain,
                    ..
                },
                _,
            )
            | Command::Connections(..)
            | Command::Metrics(_)
    )
}

/// Returns whether a command only looks.
pub(super) fn is_reading(command: &Command) -> bool {
    match command {
        Command::Table(..)
        | Command::Connections(..)
        | Command::Timeouts(_)
        | Command::Daemons(_)
        | Command::Metrics(_)
        | Command::Save(_) => true,
        Command::Change(_)
        | Command::Ensure(_)
        | Command::Update(_)
        | Command::StartDaemon(_)
        | Command::StopDaemon(_) => false,
    }
}

/// Finds out, for a command that only looks, that there is no file to look at, before
/// looking for IPVS: that makes the kernel load its module, which is no use to a caller
/// who cannot change anything.
///
/// # Errors
/// [`NotLoaded`]
pub(super) fn check_loaded(session: &Session) -> Result<(), NotLoaded> {
    if session.may_use_files()
        && !session.is_open()
        && !may_administer()
        && !Path::new(TABLE_FILE).exists()
    {
        return Err(NotLoaded);
    }
    Ok(())
}

/// Returns whether the files have what a command wants that was refused for want of a
/// right.
pub(super) fn may_show(command: &Command, session: &Session, error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<ipvs_client::Error>();
    error.is_some_and(|error| is_refused(session, error)) && is_in_files(command)
}

/// Returns whether the caller was refused for want of a right, and files may be used.
fn is_refused(session: &Session, error: &ipvs_client::Error) -> bool {
    error.errno() == Some(Errno::PERM) && session.may_use_files()
}

/// Finds the way to what is watched: the files, where no interface of the kernel lets the
/// caller in, for what they have. Changes are compared with all that there is to know, and
/// a document of a table that is watched has counters.
///
/// # Errors
/// When there is none.
pub(super) fn find_source(
    watched: &Watched,
    session: &mut Session,
    messages: &mut Messages<'_>,
) -> ipvs_client::Result<Source> {
    let Err(error) = session.check() else {
        return Ok(Source::Kernel);
    };
    let note = match watched {
        Watched::Table(table, TableForm::Classic | TableForm::Wide)
            if table.view == View::Plain =>
        {
            NOTE
        }
        Watched::Connections(_) => NOTE_ON_CONNECTIONS,
        Watched::Table(..) | Watched::Changes(..) => return Err(error),
    };
    if !is_refused(session, &error) {
        return Err(error);
    }
    messages.note_to_terminal(note);
    Ok(Source::Files)
}

/// Shows from the files what the command wants.
pub(super) fn show(
    command: &Command,
    session: &mut Session,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<()> {
    match command {
        Command::Table(table, form) => {
            messages.note_to_terminal(NOTE);
            show_table(table, *form, session, out)
        }
        Command::Metrics(metrics) => {
            messages.note_to_terminal(NOTE);
            show_metrics(metrics, session, out)
        }
        Command::Connections(list, form) => {
            messages.note_to_terminal(NOTE_ON_CONNECTIONS);
            connections::write_connections(list, *form, Source::Files, session, out)
                .map_err(explain)
        }
        _ => Ok(()),
    }
}

fn show_table(
    table: &ListTable,
    form: TableForm,
    session: &mut Session,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let client = session.client()?;
    let (info, entries) = read_public_entries(client, table.service.as_ref(), table.sorted)?;
    let mut names = Names::new(table.numeric);
    match form {
        TableForm::Classic => {
            let shown = table.service.is_none().then_some(&info);
            let writer =
                ClassicWriter::begin(out, &mut names, shown, table).map_err(StdoutError)?;
            write_entries(writer, entries.into_iter().map(Ok)).map_err(explain)
        }
        TableForm::Wide => {
            let writer = WideWriter::new(&info, table, &mut names, Interface::Proc);
            let lines = write_entries(writer, entries.into_iter().map(Ok)).map_err(explain)?;
            let text = lines_to_text(&lines, has_colour(table.colour));
            Ok(out.write_all(text.as_bytes()).map_err(StdoutError)?)
        }
        TableForm::Json => {
            let origin = Origin {
                ipvs: &info,
                interface: Interface::Proc,
            };
            write_document(out, origin, &entries).map_err(|error| StdoutError(error).into())
        }
    }
}

fn write_document(
    out: &mut impl Write,
    origin: Origin<'_>,
    entries: &[Entry],
) -> std::io::Result<()> {
    let mut document = TableDocument::begin(out, origin, None)?;
    for (service, destinations) in entries {
        document.public_entry(service, destinations)?;
    }
    document.end()
}

fn show_metrics(
    metrics: &Metrics,
    session: &mut Session,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let client = session.client()?;
    let (info, mut entries) = read_public_entries(client, metrics.service.as_ref(), true)?;
    let whole = match metrics.service {
        Some(_) => None,
        None => Some(WholeTable {
            stats: client.total_stats()?,
            info,
            daemons: None,
        }),
    };
    // Two series of one name and labels are none at all. Without their families, marks
    // of both cannot be told apart.
    entries.dedup_by(|(a, _), (b, _)| is_mark(&a.id) && a.id == b.id);
    listing::write_metrics_text(metrics, out, |out| {
        write_openmetrics(
            out,
            whole.as_ref(),
            &entries,
            metrics.destinations,
            Interface::Proc,
        )
    })
}

fn is_mark(id: &ServiceId) -> bool {
    matches!(id, ServiceId::Fwmark { .. })
}
