// SPDX-License-Identifier: MIT

//! `--report`: reads everything that is known about a director. It changes nothing, loads
//! no module, and goes on where something cannot be read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, ErrorKind, Write},
    time::SystemTime,
};

use ipvs_client::{Client, Connections, Error, Interface, SyncDaemon, Timeouts};

use super::{
    doctor::{has_table, read_director, read_table},
    session::Session,
};
use crate::{
    command::ReportOptions,
    doctor::{DIRECTOR_CHECKS, Director, Unknown, examine},
    failure::{NotShown, StdoutError},
    output::{
        ConnectionCounts, KernelVersion, Overview, Services, StateCount, Unread, write_overview,
    },
    redact::Redactor,
    scheduler_flags::SCHEDULERS,
    synchronization::{SeenDaemon, SyncFacts, Synchronization},
    system::{
        modules::{ModuleState, Modules},
        settings::{Settings, sysctl_name},
        sync_sockets, sync_threads,
    },
    time::time_stamp,
};

/// Modules beside those of IPVS that matter to it: connection tracking, rules that give
/// marks, and tunnels.
const RELATED: [&str; 12] = [
    "fou",
    "fou6",
    "gre",
    "ip6_gre",
    "ip6_tables",
    "ip6_tunnel",
    "ip_gre",
    "ip_tables",
    "ipip",
    "nf_conntrack",
    "nf_nat",
    "nf_tables",
];

/// The parts of IPVS that are modules of their own, beside schedulers.
const PARTS: [&str; 3] = ["ip_vs", "ip_vs_ftp", "ip_vs_pe_sip"];

/// Writes the document.
pub(super) fn run(
    report: &ReportOptions,
    session: &mut Session,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let overview = read(report, session);
    write_overview(out, &overview).map_err(|error| StdoutError(error).into())
}

/// The parts that could not be read, as they turn up.
#[derive(Default)]
struct NotRead(Vec<Unread>);

impl NotRead {
    /// Returns what was read of a part, or notes why there is nothing.
    fn keep<T>(&mut self, part: &'static str, outcome: Result<T, String>) -> Option<T> {
        outcome
            .map_err(|reason| self.0.push(Unread { part, reason }))
            .ok()
    }
}

fn read(report: &ReportOptions, session: &mut Session) -> Overview {
    let mut not_read = NotRead::default();
    let table = match read_table(None, session) {
        Ok(table) => table,
        Err(error) => Err(Unknown(explain_any(&error))),
    };
    let mut director = read_director(None, table, session);
    let mut parts = match (&director.table, has_table(session)) {
        // To ask for IPVS would load its module.
        (Err(Unknown(reason)), false) => Parts::absent(reason, &mut not_read),
        _ => Parts::read(&director, session, &mut not_read),
    };
    let mut redactor = Redactor::default();
    if report.redact {
        redactor.redact_director(&mut director);
        for seen in parts.daemons.iter_mut().flatten() {
            redactor.redact_seen_daemon(seen);
        }
    }
    let mut faults = examine(DIRECTOR_CHECKS, &director);
    // The name of a network namespace tells whose it is.
    if !report.redact {
        for found in &mut faults.findings {
            for command in &mut found.finding.commands {
                *command = session.elsewhere().spell(command);
            }
        }
    }
    Overview {
        time: time_stamp(SystemTime::now()),
        is_redacted: report.redact,
        kernel: not_read.keep("kernel", read_kernel().map_err(|error| error.to_string())),
        settings: list_settings(&director.machine.settings),
        modules: list_modules(&director.machine.modules),
        services: not_read.keep(
            "services",
            match director.table {
                Ok(table) => Ok(Services {
                    interface: match table.is_partial {
                        true => Interface::Proc,
                        false => parts.interface,
                    },
                    entries: table.entries,
                }),
                Err(Unknown(reason)) => Err(reason),
            },
        ),
        ipvs: parts.ipvs,
        totals: parts.totals,
        timeouts: parts.timeouts,
        daemons: parts.daemons,
        connections: parts.connections,
        faults,
        not_read: not_read.0,
    }
}

fn read_kernel() -> io::Result<KernelVersion> {
    let read = |file: &str| {
        let text = fs::read_to_string(format!("/proc/sys/kernel/{file}"));
        text.map(|text| text.trim_end().to_owned())
    };
    Ok(KernelVersion {
        release: read("osrelease")?,
        version: read("version")?,
    })
}

/// The parts of IPVS beside the table.
struct Parts {
    interface: Interface,
    ipvs: Option<ipvs_client::Info>,
    totals: Option<ipvs_client::Stats>,
    timeouts: Option<Timeouts>,
    daemons: Option<Vec<SeenDaemon>>,
    connections: Option<ConnectionCounts>,
}

impl Parts {
    /// Notes for each part that there is nothing, for this reason.
    fn absent(reason: &str, not_read: &mut NotRead) -> Self {
        for part in ["ipvs", "totals", "timeouts", "daemons", "connections"] {
            not_read.0.push(Unread {
                part,
                reason: reason.to_owned(),
            });
        }
        Self {
            interface: Interface::Netlink,
            ipvs: None,
            totals: None,
            timeouts: None,
            daemons: None,
            connections: None,
        }
    }

    fn read(director: &Director, session: &mut Session, not_read: &mut NotRead) -> Self {
        let client = match session.client() {
            Ok(client) => client,
            Err(error) => return Self::absent(&explain(&error), not_read),
        };
        // Everybody may read the file, and not everybody may ask.
        let info = client.info().or_else(|error| match client.table_file() {
            Ok(file) => Ok(file.info()),
            Err(_) => Err(error),
        });
        let hidden = client.count_hidden(|_| true);
        if let Ok(hidden) = hidden
            && !hidden.is_empty()
        {
            not_read.0.push(Unread {
                part: "services",
                reason: NotShown(hidden).to_string(),
            });
        }
        let daemons = match &director.daemons {
            Ok(daemons) => Ok(look_at(daemons, director)),
            Err(Unknown(reason)) => Err(reason.clone()),
        };
        Self {
            interface: client.interface(),
            ipvs: not_read.keep("ipvs", info.map_err(|error| explain(&error))),
            totals: not_read.keep(
                "totals",
                client.total_stats().map_err(|error| explain(&error)),
            ),
            timeouts: not_read.keep(
                "timeouts",
                client.timeouts().map_err(|error| explain(&error)),
            ),
            daemons: not_read.keep("daemons", daemons),
            connections: not_read.keep(
                "connections",
                count_connections(client).map_err(|error| explain(&error)),
            ),
        }
    }
}

/// Returns the daemons with what can be seen of them.
fn look_at(daemons: &[SyncDaemon], director: &Director) -> Vec<SeenDaemon> {
    let facts = SyncFacts {
        daemons: daemons.to_vec(),
        interfaces: director.machine.interfaces.clone().ok(),
        groups: director.groups.clone().ok(),
        threads: sync_threads::read().ok(),
        sockets: sync_sockets::read().ok(),
        settings: director.machine.settings.clone(),
        received_connections: None,
    };
    Synchronization::of(&facts).daemons
}

/// Says why a part was not read. The part is named beside it, and no address is in this:
/// the object of the operation is left out.
fn explain(error: &Error) -> String {
    match error {
        Error::Kernel { errno, .. } => errno.to_string(),
        // The error would show a line, with the addresses in it.
        Error::Io { reason, .. } if reason.kind() == ErrorKind::InvalidData => {
            "it has an unknown form".to_owned()
        }
        Error::Io { reason, .. } => reason.to_string(),
        Error::Timeout { .. } => "the kernel does not answer".to_owned(),
        Error::AnswerLost { .. } => "the kernel's answer was lost".to_owned(),
        Error::KeptChanging { .. } => "it kept changing while it was read".to_owned(),
        Error::Malformed { reason, .. } => format!("the kernel's answer is malformed: {reason}"),
        other if other.operation().is_none() => other.to_string(),
        _ => "it cannot be read".to_owned(),
    }
}

/// Does the same with an error that may not be one of the client.
fn explain_any(error: &anyhow::Error) -> String {
    match error.downcast_ref::<Error>() {
        Some(error) => explain(error),
        None => error.to_string(),
    }
}

fn count_connections(client: &Client) -> ipvs_client::Result<ConnectionCounts> {
    let mut counts = count_states(client.connections()?)?;
    counts.received = client.received_connections().ok();
    Ok(counts)
}

fn count_states<R: io::BufRead>(
    mut connections: Connections<R>,
) -> ipvs_client::Result<ConnectionCounts> {
    let mut counts = ConnectionCounts::default();
    let mut states: BTreeMap<(String, String), u64> = BTreeMap::new();
    while let Some(connection) = connections.next_connection()? {
        if connection.is_template() {
            counts.persistence_templates += 1;
            continue;
        }
        counts.total += 1;
        let kind = (connection.protocol.to_owned(), connection.state.to_owned());
        *states.entry(kind).or_default() += 1;
    }
    let states = states.into_iter();
    counts.states = states
        .map(|((protocol, state), count)| StateCount {
            protocol,
            state,
            count,
        })
        .collect();
    Ok(counts)
}

/// Lists the settings by the names that `sysctl` has for them.
fn list_settings(settings: &Settings) -> BTreeMap<String, String> {
    let settings = settings.below("");
    settings
        .map(|(name, text)| {
            let words: Vec<_> = text.split_whitespace().collect();
            (sysctl_name(name), words.join(" "))
        })
        .collect()
}

/// Lists the modules of IPVS, and those of others that matter to it.
fn list_modules(modules: &Modules) -> BTreeMap<String, ModuleState> {
    let schedulers = SCHEDULERS.iter().map(|(name, _)| format!("ip_vs_{name}"));
    let others = PARTS.iter().chain(&RELATED).map(|&name| name.to_owned());
    let names: BTreeSet<String> = schedulers.chain(others).collect();
    names
        .into_iter()
        .map(|name| (name.clone(), modules.state(&name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use ipvs_client::{Errno, Operation, ServiceSettings, testing::FakeKernel};
    use serde_json::{Value, json};

    use super::*;

    /// In the form of Linux 6.1: a template, and three connections.
    const CONNECTIONS: &str = "\
Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP C0000209 0000 C0000201 0050 0A000002 0050 NONE            49
TCP C0000209 9C40 C0000201 0050 0A000002 0050 ESTABLISHED     899
TCP C0000209 9C41 C0000201 0050 0A000002 0050 ESTABLISHED     899
UDP C0000209 9C40 C0000201 0035 0A000003 0035 UDP             299
";
    const ORIGINS: &str = "\
Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Origin Expires
TCP C0000209 9C40 C0000201 0050 0A000002 0050 ESTABLISHED SYNC       899
";

    fn report(kernel: &FakeKernel, redact: bool) -> Value {
        let mut session = Session::over(kernel.client().unwrap());
        let mut out = Vec::new();
        run(&ReportOptions { redact }, &mut session, &mut out).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn connections_are_counted_by_state_and_templates_apart() {
        let kernel = FakeKernel::new();
        kernel.set_file("ip_vs_conn", CONNECTIONS);
        kernel.set_file("ip_vs_conn_sync", ORIGINS);
        assert_eq!(
            report(&kernel, false)["connections"],
            json!({
                "total": 3, "persistence_templates": 1, "received": 1,
                "states": [
                    {"protocol": "TCP", "state": "ESTABLISHED", "count": 2},
                    {"protocol": "UDP", "state": "UDP", "count": 1},
                ],
            })
        );
    }

    #[test]
    fn a_part_that_cannot_be_read_is_named_and_the_others_are_there() {
        let kernel = FakeKernel::new();
        // There is no file.
        let report = report(&kernel, false);
        let parts = report["not_read"].as_array().unwrap().iter();
        let parts: Vec<_> = parts.map(|unread| &unread["part"]).collect();
        assert_eq!(parts, ["totals", "connections"]);
        assert_eq!(report.get("totals"), None);
        assert_eq!(report["services"], json!([]));
        assert!(report["timeouts"].is_object());
    }

    #[test]
    fn reasons_name_no_address() {
        let service = "TCP 192.0.2.1:80".parse().unwrap();
        let operation = Operation::ListDestinations(service);
        let errno = Errno::NOMEM;
        for error in [
            Error::Kernel { operation, errno },
            Error::Timeout { operation },
            Error::AnswerLost { operation },
            Error::KeptChanging { operation },
            Error::Contended { operation },
            Error::Io {
                operation,
                reason: io::Error::new(ErrorKind::InvalidData, "TCP 192.0.2.1:80"),
            },
        ] {
            let reason = explain_any(&anyhow::Error::from(error));
            assert!(
                !reason.is_empty() && !reason.contains("192.0.2.1"),
                "{reason}"
            );
        }
    }

    #[test]
    fn a_finding_has_the_address_that_the_redacted_table_has() {
        let kernel = FakeKernel::new();
        let mut client: Client = kernel.client().unwrap();
        let web = "TCP 198.51.100.7:80".parse().unwrap();
        client
            .add_service(&web, &ServiceSettings::new("rr"))
            .unwrap();
        let report = report(&kernel, true);
        let address = report["services"][0]["address"].as_str().unwrap();
        let objects = report["findings"].as_array().unwrap().iter();
        let mut objects = objects.map(|finding| finding["object"].as_str().unwrap());
        let own = format!("TCP {address}:80");
        assert!(objects.any(|object| object == own), "{own}: {report}");
        assert!(!report.to_string().contains("198.51.100.7"), "{report}");
    }
}
