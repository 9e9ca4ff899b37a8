// SPDX-License-Identifier: MIT

//! Carries a command out: asks the kernel, hands the answer to the output.

use std::{cmp::Ordering, io::Write, net::IpAddr};

use ipvs_client::{Client, Connections, Destination, DestinationId, ServiceId};

use crate::{
    command::{Command, List, ListTable},
    failure::{Attempt, Output},
    help,
    names::Names,
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
        Command::Version => writeln!(out, "{}", help::VERSION).map_err(Output)?,
        Command::Change(change) => session.client()?.change(change)?,
        Command::StartDaemon(daemon) => session.client()?.start_daemon(daemon)?,
        Command::StopDaemon(role) => session.client()?.stop_daemon(*role)?,
        Command::List(list) => show(list, session, out)?,
        Command::Save { numeric } => save(*numeric, session.client()?, out)?,
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
            // The file is there once the module is, and the client loads it.
            session.client()?.info()?;
            let mut connections = Connections::open()?;
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

fn show_table(table: &ListTable, client: &mut Client, out: &mut impl Write) -> anyhow::Result<()> {
    let mut writer = TableWriter::new(out, Names::new(table.numeric), table.view, table.exact);
    let services = match &table.service {
        Some(id) => vec![client.service(id)?],
        None => {
            let info = client.info()?;
            let mut services = client.services()?;
            if table.sorted {
                services.sort_by(|a, b| compare_services(&a.id, &b.id));
            }
            writer.version(&info).map_err(Output)?;
            services
        }
    };
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
    let mut services = client.services()?;
    services.sort_by(|a, b| compare_services(&a.id, &b.id));
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

/// The order of a listing: addresses before firewall marks, then by mark,
/// family, protocol, address and port.
fn compare_services(a: &ServiceId, b: &ServiceId) -> Ordering {
    let key = |id: &ServiceId| match *id {
        ServiceId::Address {
            protocol,
            address,
            port,
        } => (
            0,
            id.family(),
            protocol.number(),
            address_key(address),
            port,
        ),
        ServiceId::Fwmark { mark, family } => (mark.get(), family, 0, [0; 16], 0),
    };
    key(a).cmp(&key(b))
}

/// By address, then port. An IPv4 address stands among IPv6 addresses as if
/// zeros followed it.
fn compare_destinations(a: &DestinationId, b: &DestinationId) -> Ordering {
    let key = |id: &DestinationId| (address_key(id.address), id.port);
    key(a).cmp(&key(b))
}

fn address_key(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(address) => address.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipvs_client::{AddressFamily, Protocol};

    fn tcp(address: &str, port: u16) -> ServiceId {
        ServiceId::Address {
            protocol: Protocol::Tcp,
            address: address.parse().unwrap(),
            port,
        }
    }

    fn fwmark(mark: u32, family: AddressFamily) -> ServiceId {
        ServiceId::Fwmark {
            mark: mark.try_into().unwrap(),
            family,
        }
    }

    #[test]
    fn services_are_listed_by_family_protocol_address_and_port_and_marks_come_last() {
        let sorted = [
            tcp("9.0.0.1", 80),
            tcp("9.0.0.1", 65535),
            tcp("10.0.0.1", 80),
            tcp("127.0.0.1", 80),
            tcp("128.0.0.1", 80),
            tcp("200.0.0.1", 80),
            ServiceId::Address {
                protocol: Protocol::Udp,
                address: [1, 1, 1, 1].into(),
                port: 5,
            },
            ServiceId::Address {
                protocol: Protocol::Sctp,
                address: [1, 1, 1, 1].into(),
                port: 5,
            },
            tcp("::1", 5),
            tcp("fe80::1", 5),
            fwmark(3, AddressFamily::Ipv6),
            fwmark(4, AddressFamily::Ipv4),
            fwmark(4, AddressFamily::Ipv6),
            fwmark(3_000_000_000, AddressFamily::Ipv4),
        ];
        let mut shuffled = sorted;
        shuffled.reverse();
        shuffled.swap(2, 9);
        shuffled.sort_by(compare_services);
        assert_eq!(shuffled, sorted);
    }

    #[test]
    fn destinations_are_listed_by_address_without_regard_to_sign_then_by_port() {
        let sorted = [
            ("10.0.0.8", 9),
            ("10.0.0.8", 10),
            ("2001:db8::5", 80),
            ("127.0.0.1", 80),
            ("128.0.0.1", 80),
        ]
        .map(|(address, port)| DestinationId {
            address: address.parse().unwrap(),
            port,
        });
        let mut shuffled = sorted;
        shuffled.reverse();
        shuffled.sort_by(compare_destinations);
        assert_eq!(shuffled, sorted);
    }
}
