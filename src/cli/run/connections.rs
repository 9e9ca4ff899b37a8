// SPDX-License-Identifier: MIT

//! Reads connections and hands those that are wanted to the output, or their counts.

use std::io::{self, Write};

use ipvs_client::{
    AddressFamily, Client, Connection, ConnectionServices, ConnectionSummary, Connections, Errno,
    Error, Interface, Operation, ServiceId,
};

use super::session::Session;
use crate::{
    command::{
        TableForm,
        connections::{ListConnections, ShownConnections},
    },
    json,
    names::Names,
    output::{
        ConnectionWriter, ListingError, WideConnectionWriter, write_summary, write_wide_summary,
    },
    system::settings,
    table::{Entry, Source, is_tunneling, read_plain_entries, read_public_entries},
};

/// The setting that says from which port on data connections of FTP may be.
const FIRST_UNPRIVILEGED: &str = "ipv4/ip_unprivileged_port_start";

/// Lists connections, or counts them.
pub(super) fn write_connections(
    list: &ListConnections,
    form: TableForm,
    source: Source,
    session: &mut Session,
    out: &mut impl Write,
) -> Result<(), ListingError> {
    if source == Source::Kernel {
        session.check()?;
    }
    let client = session.client()?;
    let services = match (list.shown, form, list.filter.wanted_service()) {
        (ShownConnections::Each { .. }, TableForm::Classic | TableForm::Json, None) => {
            ConnectionServices::default()
        }
        (.., wanted) => read_services(wanted, source, client)?,
    };
    let mut wanted = Wanted {
        connections: client.connections()?,
        list,
        services: &services,
    };
    let names = Names::new(list.numeric);
    match (list.shown, form) {
        (ShownConnections::Each { engine_data }, TableForm::Classic) => {
            let mut writer = ConnectionWriter::begin(out, names, engine_data)?;
            wanted.for_each(|connection| writer.write_connection(connection))
        }
        (ShownConnections::Each { .. }, TableForm::Wide) => {
            let mut writer = WideConnectionWriter::new(out, names);
            wanted.for_each(|connection| {
                writer.write_connection(connection, &services.find(connection))
            })?;
            Ok(writer.end()?)
        }
        (ShownConnections::Each { .. }, TableForm::Json) => {
            let mut document = json::ConnectionsDocument::begin(out)?;
            wanted.for_each(|connection| document.connection(connection))?;
            Ok(document.end()?)
        }
        (ShownConnections::Summary { clients }, form) => {
            let mut summary = ConnectionSummary::new(&services);
            wanted.for_each(|connection| {
                summary.add(connection);
                Ok(())
            })?;
            let clients = usize::try_from(clients).unwrap_or(usize::MAX);
            match form {
                TableForm::Classic => write_summary(out, &summary, clients, names)?,
                TableForm::Wide => write_wide_summary(out, &summary, clients, names)?,
                TableForm::Json => json::write_summary(out, &summary, clients)?,
            }
            Ok(())
        }
    }
}

/// The connections that are wanted, one after the other.
struct Wanted<'a> {
    connections: Connections,
    list: &'a ListConnections,
    services: &'a ConnectionServices,
}

impl Wanted<'_> {
    fn for_each(
        &mut self,
        mut act: impl FnMut(&Connection<'_>) -> io::Result<()>,
    ) -> Result<(), ListingError> {
        while let Some(connection) = self.connections.next_connection()? {
            if self.list.filter.wants(&connection, self.services) {
                act(&connection)?;
            }
        }
        Ok(())
    }
}

/// Reads the services that connections may belong to.
///
/// # Errors
/// `ESRCH` when the wanted one is not there.
fn read_services(
    wanted: Option<&ServiceId>,
    source: Source,
    client: &mut Client,
) -> ipvs_client::Result<ConnectionServices> {
    // The other interface does not have all services, and the files do.
    let source = match client.interface() {
        Interface::Netlink => source,
        _ => Source::Files,
    };
    let entries: Vec<Entry> = match source {
        Source::Kernel => read_plain_entries(client, true)?.collect::<Result<_, _>>()?,
        Source::Files => {
            let (_, mut entries) = read_public_entries(client, None, true)?;
            entries.iter_mut().for_each(find_family);
            entries
        }
    };
    if let Some(wanted) = wanted
        && !entries.iter().any(|(service, _)| service.id == *wanted)
    {
        return Err(Error::Kernel {
            operation: Operation::ReadService(*wanted),
            errno: Errno::SRCH,
        });
    }
    let entries = entries.into_iter();
    let services = ConnectionServices::new(entries.map(|(service, destinations)| {
        let ids = destinations.iter().map(|destination| destination.id);
        (service, ids.collect())
    }));
    let first = settings::read_number(FIRST_UNPRIVILEGED).and_then(|port| u16::try_from(port).ok());
    Ok(match first {
        Some(port) => services.first_unprivileged_port(port),
        None => services,
    })
}

/// Finds the family of a firewall mark, which the file does not tell, by a destination
/// that packets do not travel to in a tunnel.
fn find_family((service, destinations): &mut Entry) {
    if let ServiceId::Fwmark { family, .. } = &mut service.id {
        let mut others = destinations.iter().filter(|one| !is_tunneling(one));
        if let Some(destination) = others.next() {
            *family = AddressFamily::from(destination.id.address);
        }
    }
}
