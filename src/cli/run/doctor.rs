// SPDX-License-Identifier: MIT

//! `--doctor`: reads the facts about this machine, has them looked at, and tells what
//! was found. It changes nothing and loads no module.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use ipvs_client::{
    Client, ConnectionService, Consistency, Counters, DaemonRole, Destination, DestinationId,
    Errno, ForwardingMethod, Protocol, ServiceId, SyncDaemon,
};

use super::session::Session;
use crate::{
    command::{
        Form,
        doctor::{Doctor, Role, VirtualAddress},
    },
    doctor::{
        DIRECTOR_CHECKS, Director, EXPIRE_NODEST, GROUP_NOT_TOLD, Machine, OpenConnections,
        REAL_SERVER_CHECKS, RealServer, Report, Table, Unknown, examine,
    },
    failure::{Messages, StdoutError},
    output::{has_colour, write_report, write_report_json},
    synchronization::{SyncFacts, Synchronization, group_of},
    system::{
        addresses,
        firewall::Firewall,
        interfaces,
        modules::Modules,
        multicast::{self, MulticastGroup},
        netstat, offloads,
        route_netlink::RouteSocket,
        routes::{self, Route, RouteQuery},
        settings::Settings,
        sockets,
        sync_messages::{self, Heard, Place},
        sync_sockets,
    },
    table::{Entry, ReadOptions, read_entries, read_public_entries},
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
                let table = read_table(*service, session)?;
                examine(DIRECTOR_CHECKS, &read_director(*service, table, session))
            }
            Role::RealServer(asked) => examine(REAL_SERVER_CHECKS, &read_real_server(asked)),
        });
    }
    for found in &mut report.findings {
        for command in &mut found.finding.commands {
            *command = session.elsewhere().spell(command);
        }
    }
    match doctor.form {
        Form::Classic => write_report(out, &report, has_colour(doctor.colour)),
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

/// Reads the facts about a director that has this table.
pub(super) fn read_director(
    service: Option<ServiceId>,
    table: Result<Table, Unknown>,
    session: &mut Session,
) -> Director {
    let mut socket = RouteSocket::open();
    let entries = table.as_ref().map_or(&[][..], |table| &table.entries);
    let machine = read_machine(&mut socket);
    let firewall = match needs_firewall(entries) {
        true => explain(
            "the rules of the firewall",
            Firewall::read(&machine.modules),
        ),
        false => Ok(Firewall::default()),
    };
    let groups = explain("multicast groups", multicast::read());
    // These errors say what they are about.
    let say = |error: ipvs_client::Error| Unknown(error.to_string());
    let client = match &table {
        Ok(_) => session.client().map_err(say),
        Err(unknown) => Err(unknown.clone()),
    };
    let (daemons, buckets, open_connections) = match client {
        Ok(client) => {
            let buckets = client.info().map(|info| info.connection_table_size);
            let open_connections = match machine.settings.number(EXPIRE_NODEST) {
                Some(0) => read_open_connections(client),
                _ => Ok(OpenConnections::new()),
            };
            let daemons = client.daemons().map_err(say);
            (daemons, buckets.map_err(say), open_connections)
        }
        Err(unknown) => (
            Err(unknown.clone()),
            Err(unknown),
            Ok(OpenConnections::new()),
        ),
    };
    Director {
        asked: service,
        routes: read_routes(name_addresses(entries), &mut socket),
        firewall,
        sockets: explain("sockets", sockets::read()),
        large_receive: read_large_receive(&machine),
        path_drops: netstat::count_reverse_path_drops(),
        standby: find_standby(&groups, &daemons),
        lost_messages: count_lost_messages(&daemons, &machine),
        heard: hear(&daemons, &machine),
        open_connections,
        groups,
        daemons,
        buckets,
        machine,
        table,
    }
}

/// Finds the interfaces that put packets together when they arrive.
fn read_large_receive(machine: &Machine) -> Result<BTreeSet<String>, Unknown> {
    let interfaces = machine.interfaces.as_deref().map_err(Clone::clone)?;
    let names = interfaces.iter().map(|interface| interface.name.as_str());
    explain(
        "the offloads of interfaces",
        offloads::find_large_receive(names),
    )
}

/// Returns true if the rules of the firewall matter: other programs have to be asked for
/// them.
fn needs_firewall(entries: &[Entry]) -> bool {
    entries.iter().any(|(service, servers)| {
        let method = |server: &Destination| server.settings.forwarding_method;
        matches!(service.id, ServiceId::Fwmark { .. })
            || servers
                .iter()
                .any(|server| method(server) == ForwardingMethod::Masquerading)
    })
}

/// The groups that routers with VRRP hear (RFC 9568, 1.6 and 5.1).
const VRRP: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18)),
    IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12)),
];

/// Returns the reason why another director may have the virtual addresses now.
fn find_standby(
    groups: &Result<Vec<MulticastGroup>, Unknown>,
    daemons: &Result<Vec<SyncDaemon>, Unknown>,
) -> Option<String> {
    let mut groups = groups.iter().flatten();
    if groups.any(|group| VRRP.contains(&group.group)) {
        return Some("with VRRP another may have it".to_owned());
    }
    let daemons = daemons.as_deref().unwrap_or_default();
    let is_backup = |daemon: &SyncDaemon| daemon.role == DaemonRole::Backup;
    (!daemons.is_empty() && daemons.iter().all(is_backup))
        .then(|| "this one only has the sync daemon of a backup".to_owned())
}

/// The most entries of the connection table that are read. The kernel begins anew for every
/// page of them, so that a large table takes long.
const MOST_CONNECTIONS: usize = 50_000;

/// Counts the open connections of TCP and SCTP.
fn read_open_connections(client: &Client) -> Result<OpenConnections, Unknown> {
    // The error says what it is about.
    let explain = |error: ipvs_client::Error| Unknown(error.to_string());
    let mut connections = client.connections().map_err(explain)?;
    let mut open = OpenConnections::new();
    let mut read = 0;
    while let Some(connection) = connections.next_connection().map_err(explain)? {
        read += 1;
        if read > MOST_CONNECTIONS {
            let reason = format!("the connection table has more than {MOST_CONNECTIONS} entries");
            return Err(Unknown(reason));
        }
        let ConnectionService::Address(asked) = connection.service else {
            continue;
        };
        let Ok(protocol) = connection.protocol.parse::<Protocol>() else {
            continue;
        };
        // The client of a persistence template has port 0.
        if connection.state == "ESTABLISHED" && connection.client.port() != 0 {
            let service = ServiceId::Address {
                protocol,
                address: asked.ip(),
                port: asked.port(),
            };
            let destination = connection.destination;
            let server = DestinationId::new(destination.ip(), destination.port());
            *open.entry((service, server)).or_default() += 1;
        }
    }
    Ok(open)
}

/// Returns the group and port of a daemon, or says that they are not told.
fn find_group(daemon: &SyncDaemon) -> Result<SocketAddr, Unknown> {
    group_of(daemon).ok_or_else(|| Unknown(GROUP_NOT_TOLD.to_owned()))
}

/// Counts the messages for which the daemon of a backup had no room.
fn count_lost_messages(
    daemons: &Result<Vec<SyncDaemon>, Unknown>,
    machine: &Machine,
) -> Result<u64, Unknown> {
    let daemons = daemons.as_deref().map_err(Clone::clone)?;
    let mut backups = daemons
        .iter()
        .filter(|daemon| daemon.role == DaemonRole::Backup);
    let Some(backup) = backups.next() else {
        return Ok(0);
    };
    find_group(backup)?;
    let seen = Synchronization::of(&SyncFacts {
        daemons: daemons.to_vec(),
        sockets: Some(explain("sockets", sync_sockets::read())?),
        settings: machine.settings.clone(),
        ..SyncFacts::default()
    });
    let lost = seen
        .daemons
        .iter()
        .filter_map(|daemon| daemon.dropped_messages);
    Ok(lost.sum())
}

/// The time for which messages of sync daemons are waited for. A master holds them back for
/// at most two seconds, and looks once in a second (`ip_vs_sync.c`).
const LISTENING: Duration = Duration::from_secs(4);

/// Listens to what comes to a backup daemon that takes the messages of one syncid.
fn hear(
    daemons: &Result<Vec<SyncDaemon>, Unknown>,
    machine: &Machine,
) -> Result<BTreeSet<Heard>, Unknown> {
    let daemons = daemons.as_deref().map_err(Clone::clone)?;
    let backup = daemons
        .iter()
        .find(|daemon| daemon.role == DaemonRole::Backup && daemon.sync_id != 0);
    let interfaces = machine.interfaces.as_deref().map_err(Clone::clone)?;
    let group = backup.map(find_group).transpose()?;
    let place = backup.zip(group).and_then(|(daemon, group)| {
        let mut interfaces = interfaces.iter();
        let interface = interfaces.find(|interface| interface.name == daemon.interface)?;
        let place = Place {
            group: group.ip(),
            port: group.port(),
            interface: interface.index,
        };
        // Where nothing can come, that is the fault.
        let wanted = u8::try_from(daemon.sync_id).ok()?;
        interface.running.then_some((place, wanted))
    });
    match place {
        Some((place, wanted)) => explain(
            "the messages of sync daemons",
            sync_messages::listen(place, wanted, LISTENING),
        ),
        None => Ok(BTreeSet::new()),
    }
}

fn read_real_server(asked: &[VirtualAddress]) -> RealServer {
    let mut socket = RouteSocket::open();
    let addresses = asked.iter().map(|asked| asked.address).collect();
    RealServer {
        asked: asked.to_vec(),
        machine: read_machine(&mut socket),
        routes: read_routes(addresses, &mut socket),
        sockets: explain("sockets", sockets::read()),
    }
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

/// Names the virtual addresses and the real servers of these services.
fn name_addresses(entries: &[Entry]) -> BTreeSet<IpAddr> {
    let mut addresses = BTreeSet::new();
    for (service, servers) in entries {
        if let ServiceId::Address { address, .. } = service.id {
            addresses.insert(address);
        }
        addresses.extend(servers.iter().map(|server| server.id.address));
    }
    addresses
}

/// Finds the ways to these addresses.
fn read_routes(
    wanted: BTreeSet<IpAddr>,
    socket: &mut io::Result<RouteSocket>,
) -> Result<BTreeMap<IpAddr, Option<Route>>, Unknown> {
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
    match socket {
        Ok(socket) => explain(name, read(socket)),
        Err(error) => Err(Unknown(format!("cannot read {name}: {error}"))),
    }
}

/// Puts the reason in the place of facts that cannot be read.
fn explain<T>(name: &str, outcome: io::Result<T>) -> Result<T, Unknown> {
    outcome.map_err(|error| Unknown(format!("cannot read {name}: {error}")))
}

/// Reads the virtual services to look at; a service that does not exist is none.
///
/// Whoever may not ask the kernel reads the file that everybody may read.
///
/// # Errors
/// When the table is there and cannot be read.
pub(super) fn read_table(
    service: Option<ServiceId>,
    session: &mut Session,
) -> anyhow::Result<Result<Table, Unknown>> {
    // To ask for IPVS would load its module.
    if !has_table(session) {
        return Ok(Err(explain_absence(Path::new("/proc/self").exists())));
    }
    let options = ReadOptions {
        counters: Counters::Read,
        consistency: Consistency::Agreed,
        sorted: true,
    };
    let client = session.client()?;
    let outcome = read_entries(client, None, options).and_then(Iterator::collect);
    let (mut entries, is_partial): (Vec<Entry>, _) = match outcome {
        Err(error) if error.errno() == Some(Errno::PERM) => {
            let (_, entries) = read_public_entries(client, None, true)?;
            (entries, true)
        }
        outcome => (outcome?, false),
    };
    entries.retain(|(found, _)| service.is_none_or(|service| found.id == service));
    Ok(Ok(Table {
        entries,
        is_partial,
    }))
}

/// Returns whether the kernel has IPVS now: to ask would make it load the module.
pub(super) fn has_table(session: &Session) -> bool {
    session.is_open() || Path::new("/proc/thread-self/net/ip_vs").exists()
}

/// Words why there is no file with the table.
fn explain_absence(has_proc: bool) -> Unknown {
    let reason = match has_proc {
        true => "IPVS is not in this kernel now",
        false => "/proc cannot be read",
    };
    Unknown(reason.to_owned())
}
