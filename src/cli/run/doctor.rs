// SPDX-License-Identifier: MIT

//! `--doctor`: reads the facts about this machine, has them looked at, and tells what
//! was found. It changes nothing and loads no module.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    net::IpAddr,
    path::Path,
};

use ipvs_client::{Consistency, Counters, ServiceId};

use super::session::Session;
use crate::{
    command::{
        Form,
        doctor::{Doctor, Role},
    },
    doctor::{DIRECTOR_CHECKS, Director, Machine, Report, Unknown, examine},
    failure::{Messages, StdoutError},
    output::{colour_on_terminal, write_report, write_report_json},
    system::{
        addresses, interfaces,
        modules::Modules,
        route_netlink::RouteSocket,
        routes::{self, Route, RouteQuery},
        settings::Settings,
    },
    table::{Entry, ReadOptions, read_entries},
};

/// The exit status when something was found.
const STATUS_FOUND: u8 = 1;

/// Looks at this machine; returns the exit status.
pub(super) fn run(
    doctor: &Doctor,
    session: &mut Session,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    let mut report = Report::default();
    for role in &doctor.roles {
        report.append(match role {
            Role::Director { service } => {
                examine(DIRECTOR_CHECKS, &read_director(*service, session)?)
            }
            Role::RealServer(_) => Report::default(),
        });
    }
    match doctor.form {
        Form::Classic => write_report(out, &report, colour_on_terminal()),
        Form::Json => write_report_json(&mut *out, &report),
    }
    .map_err(StdoutError)?;
    if !report.findings.is_empty() {
        return Ok(STATUS_FOUND);
    }
    let plural = if report.looked == 1 { "" } else { "s" };
    messages.note_to_terminal(&format!(
        "{} check{plural} made, nothing found",
        report.looked
    ));
    Ok(0)
}

fn read_director(service: Option<ServiceId>, session: &mut Session) -> anyhow::Result<Director> {
    let mut socket = RouteSocket::open();
    let table = read_table(service, session)?;
    let entries = table.as_deref().unwrap_or_default();
    Ok(Director {
        asked: service,
        routes: read_routes(entries, &mut socket),
        machine: read_machine(&mut socket),
        standby: None,
        table,
    })
}

/// Reads the facts about this machine. What cannot be read has the reason in its place.
fn read_machine(socket: &mut io::Result<RouteSocket>) -> Machine {
    Machine {
        settings: Settings::read(),
        modules: Modules::read(),
        interfaces: ask(socket, "interfaces", interfaces::read),
        addresses: ask(socket, "addresses", addresses::read),
    }
}

/// Finds the ways to the virtual addresses and the real servers of these services.
fn read_routes(
    entries: &[Entry],
    socket: &mut io::Result<RouteSocket>,
) -> Result<BTreeMap<IpAddr, Option<Route>>, Unknown> {
    let mut wanted = BTreeSet::new();
    for (service, servers) in entries {
        if let ServiceId::Address { address, .. } = service.id {
            wanted.insert(address);
        }
        wanted.extend(servers.iter().map(|server| server.id.address));
    }
    ask(socket, "routes", |socket| {
        let wanted = wanted.into_iter().map(|destination| {
            let query = RouteQuery {
                destination,
                source: None,
                mark: None,
            };
            Ok((destination, routes::find(socket, query)?))
        });
        wanted.collect()
    })
}

/// Asks the kernel for facts of this name.
fn ask<T>(
    socket: &mut io::Result<RouteSocket>,
    name: &str,
    read: impl FnOnce(&mut RouteSocket) -> io::Result<T>,
) -> Result<T, Unknown> {
    let explain = |error: &io::Error| Unknown(format!("cannot read {name}: {error}"));
    match socket {
        Ok(socket) => read(socket).map_err(|error| explain(&error)),
        Err(error) => Err(explain(error)),
    }
}

/// Reads the virtual services to look at; a service that does not exist is none.
///
/// # Errors
/// When the table is there and cannot be read.
fn read_table(
    service: Option<ServiceId>,
    session: &mut Session,
) -> anyhow::Result<Result<Vec<Entry>, Unknown>> {
    // To ask for IPVS would load its module.
    if !session.is_open() && !Path::new("/proc/thread-self/net/ip_vs").exists() {
        return Ok(Err(Unknown("IPVS is not in this kernel now".to_owned())));
    }
    let options = ReadOptions {
        counters: Counters::Skip,
        consistency: Consistency::Agreed,
        sorted: true,
    };
    let entries = read_entries(session.client()?, None, options)?;
    let is_looked_at = |entry: &Entry| service.is_none_or(|service| entry.0.id == service);
    Ok(Ok(entries
        .filter(|entry| entry.as_ref().map_or(true, is_looked_at))
        .collect::<Result<_, _>>()?))
}
