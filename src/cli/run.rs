// SPDX-License-Identifier: MIT

//! Carries a command out: asks the kernel, hands the answer to the output.

use std::{
    fs::File,
    io::{BufReader, Write},
};

use ipvs_client::{Client, Connections, Destination, Service, ServiceId};

use crate::{
    command::{Command, Format, List, ListTable},
    failure::{Attempt, Output},
    help, json,
    names::Names,
    order::{compare_destinations, compare_services},
    output::{ConnectionWriter, SaveWriter, TableWriter, write_daemon, write_timeouts},
};

/// The way to the kernel, opened when a command first needs it and kept for
/// those that follow.
#[derive(Default)]
pub(crate) struct Session {
    client: Option<Client>,
}

impl Session {
    /// Whether IPVS is there and lets this user in.
    pub(crate) fn check(&mut self) -> ipvs_client::Result<()> {
        self.client()?.info().map(drop)
    }

    pub(crate) fn client(&mut self) -> ipvs_client::Result<&mut Client> {
        let client = match self.client.take() {
            Some(client) => client,
            None => Client::open()?,
        };
        Ok(self.client.insert(client))
    }
}

/// Carries out one command, all but `Restore`, which holds others.
pub(crate) fn execute(
    command: &Command,
    session: &mut Session,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    carry_out(command, session, out).map_err(|error| {
        if error.is::<ipvs_client::Error>() {
            error.context(Attempt(command.clone()))
        } else {
            error
        }
    })
}

fn carry_out(command: &Command, session: &mut Session, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        Command::Help => out.write_all(help::text().as_bytes()).map_err(Output)?,
        Command::Version(Format::Classic) => {
            writeln!(out, "{}", help::VERSION).map_err(Output)?;
        }
        Command::Version(Format::Json) => json::write_version(out).map_err(Output)?,
        Command::Change(change) => session.client()?.change(change)?,
        Command::StartDaemon(daemon) => session.client()?.start_daemon(daemon)?,
        Command::StopDaemon(role) => session.client()?.stop_daemon(*role)?,
        Command::List(list, Format::Classic) => show(list, session, out)?,
        Command::List(list, Format::Json) => show_json(list, session, out)?,
        Command::Save {
            numeric,
            format: Format::Classic,
        } => save(*numeric, session.client()?, out)?,
        Command::Save {
            format: Format::Json,
            ..
        } => table_json(None, true, false, session.client()?, out)?,
        Command::Restore { .. } => {}
    }
    Ok(())
}

fn show(list: &List, session: &mut Session, out: &mut impl Write) -> anyhow::Result<()> {
    match list {
        List::Table(table) => show_table(table, session.client()?, out),
        List::Connections {
            numeric,
            engine_data,
        } => {
            let mut connections = open_connections(session)?;
            let mut writer = ConnectionWriter::new(out, Names::new(*numeric), *engine_data);
            writer.headings().map_err(Output)?;
            while let Some(connection) = connections.next_connection()? {
                writer.connection(&connection).map_err(Output)?;
            }
            Ok(())
        }
        List::Timeouts => {
            let timeouts = session.client()?.timeouts()?;
            Ok(write_timeouts(out, &timeouts).map_err(Output)?)
        }
        List::Daemons => {
            for daemon in session.client()?.daemons()? {
                write_daemon(out, &daemon).map_err(Output)?;
            }
            Ok(())
        }
    }
}

fn show_json(list: &List, session: &mut Session, out: &mut impl Write) -> anyhow::Result<()> {
    match list {
        List::Table(table) => table_json(
            table.service.as_ref(),
            table.sorted,
            true,
            session.client()?,
            out,
        ),
        List::Connections { .. } => {
            let mut connections = open_connections(session)?;
            let mut document = json::ConnectionsDocument::begin(out).map_err(Output)?;
            while let Some(connection) = connections.next_connection()? {
                document.connection(&connection).map_err(Output)?;
            }
            Ok(document.end().map_err(Output)?)
        }
        List::Timeouts => {
            let timeouts = session.client()?.timeouts()?;
            Ok(json::write_timeouts(out, &timeouts).map_err(Output)?)
        }
        List::Daemons => {
            let daemons = session.client()?.daemons()?;
            Ok(json::write_daemons(out, &daemons).map_err(Output)?)
        }
    }
}

/// One service or all, with counters or only what -R needs.
fn table_json(
    service: Option<&ServiceId>,
    sorted: bool,
    counters: bool,
    client: &mut Client,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let info = client.info()?;
    let services = services(client, service, sorted)?;
    let mut document = json::TableDocument::begin(out, &info, counters).map_err(Output)?;
    for service in &services {
        let destinations = destinations(client, &service.id, sorted)?;
        document.service(service, &destinations).map_err(Output)?;
    }
    Ok(document.end().map_err(Output)?)
}

fn open_connections(session: &mut Session) -> ipvs_client::Result<Connections<BufReader<File>>> {
    // The file is there once the module is, and the client loads it.
    session.check()?;
    Connections::open()
}

fn show_table(table: &ListTable, client: &mut Client, out: &mut impl Write) -> anyhow::Result<()> {
    let mut writer = TableWriter::new(out, Names::new(table.numeric), table.view, table.exact);
    let info = match table.service {
        Some(_) => None,
        None => Some(client.info()?),
    };
    let services = services(client, table.service.as_ref(), table.sorted)?;
    if let Some(info) = info {
        writer.version(&info).map_err(Output)?;
    }
    writer.headings().map_err(Output)?;
    for service in &services {
        writer.service(service).map_err(Output)?;
        for destination in destinations(client, &service.id, table.sorted)? {
            writer
                .destination(&service.id, &destination)
                .map_err(Output)?;
        }
    }
    Ok(())
}

fn save(numeric: bool, client: &mut Client, out: &mut impl Write) -> anyhow::Result<()> {
    let services = services(client, None, true)?;
    let mut writer = SaveWriter::new(out, Names::new(numeric));
    for service in &services {
        writer.service(service).map_err(Output)?;
        for destination in destinations(client, &service.id, true)? {
            writer
                .destination(&service.id, &destination)
                .map_err(Output)?;
        }
    }
    Ok(())
}

/// One service, or all.
fn services(
    client: &mut Client,
    service: Option<&ServiceId>,
    sorted: bool,
) -> ipvs_client::Result<Vec<Service>> {
    let mut services = match service {
        Some(id) => vec![client.service(id)?],
        None => client.services()?,
    };
    if sorted {
        services.sort_by(|a, b| compare_services(&a.id, &b.id));
    }
    Ok(services)
}

fn destinations(
    client: &mut Client,
    service: &ServiceId,
    sorted: bool,
) -> ipvs_client::Result<Vec<Destination>> {
    let mut destinations = client.destinations(service)?;
    if sorted {
        destinations.sort_by(|a, b| compare_destinations(&a.id, &b.id));
    }
    Ok(destinations)
}
