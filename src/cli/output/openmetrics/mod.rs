// SPDX-License-Identifier: MIT

//! The table as OpenMetrics text. Names and labels are those of Prometheus'
//! node_exporter where it has them; `docs/openmetrics.md` lists all.
//!
//! All series of a metric must stand together, so the whole table is needed
//! once for each metric. It is read from the kernel once and kept: read again
//! for each metric it would be slower by as many times, and could have changed
//! in between. Nothing else is kept; labels are written anew for each metric.

#[cfg(test)]
mod tests;

use std::{
    fmt::{self, Write as _},
    io::{self, Write},
};

use ipvs_client::{
    AddressFamily, Destination, Info, Interface, Protocol, ServiceId, Stats, SyncDaemon,
};

use crate::table::Entry;

/// Facts about a whole table, which have nothing to say about one service.
pub(crate) struct WholeTable {
    /// The counts of all services, those that are gone too.
    pub(crate) stats: Stats,
    pub(crate) info: Info,
    /// The synchronization daemons that run; `None` where that is not known.
    pub(crate) daemons: Option<Vec<SyncDaemon>>,
}

/// A counter of the whole table, of each service and of each destination.
struct CounterMetric {
    name: &'static str,
    unit: Option<&'static str>,
    help: &'static str,
    value: fn(&Stats) -> u64,
}

const COUNTERS: [CounterMetric; 5] = [
    CounterMetric {
        name: "connections",
        unit: None,
        help: "connections scheduled",
        value: |stats| stats.connections,
    },
    CounterMetric {
        name: "incoming_packets",
        unit: Some("packets"),
        help: "packets from clients",
        value: |stats| stats.in_packets,
    },
    CounterMetric {
        name: "outgoing_packets",
        unit: Some("packets"),
        help: "packets to clients (masquerading only)",
        value: |stats| stats.out_packets,
    },
    CounterMetric {
        name: "incoming_bytes",
        unit: Some("bytes"),
        help: "bytes from clients",
        value: |stats| stats.in_bytes,
    },
    CounterMetric {
        name: "outgoing_bytes",
        unit: Some("bytes"),
        help: "bytes to clients (masquerading only)",
        value: |stats| stats.out_bytes,
    },
];

/// A number that the destinations of a service have together.
struct ServiceGauge {
    name: &'static str,
    help: &'static str,
    /// The files of `/proc/net` have it.
    in_files: bool,
    value: fn(&[Destination]) -> u64,
}

const SERVICE_GAUGES: [ServiceGauge; 5] = [
    ServiceGauge {
        name: "node_ipvs_service_backends",
        help: "Virtual service: destinations.",
        in_files: true,
        value: |destinations| destinations.len() as u64,
    },
    ServiceGauge {
        name: "node_ipvs_service_backends_usable",
        help: "Virtual service: destinations that take new connections.",
        // They have no thresholds.
        in_files: false,
        value: |destinations| sum(destinations, |one| u32::from(one.is_usable())),
    },
    ServiceGauge {
        name: "node_ipvs_service_connections_active",
        help: "Virtual service: established connections.",
        in_files: true,
        value: |destinations| sum(destinations, |one| one.active_connections),
    },
    ServiceGauge {
        name: "node_ipvs_service_connections_inactive",
        help: "Virtual service: connections in any other state.",
        in_files: true,
        value: |destinations| sum(destinations, |one| one.inactive_connections),
    },
    ServiceGauge {
        name: "node_ipvs_service_connections_persistent",
        help: "Virtual service: clients that persistence keeps at a destination.",
        in_files: false,
        value: |destinations| sum(destinations, |one| one.persistent_connections),
    },
];

fn sum(destinations: &[Destination], part: fn(&Destination) -> u32) -> u64 {
    destinations.iter().map(|one| u64::from(part(one))).sum()
}

/// A number that a destination may have.
struct BackendGauge {
    name: &'static str,
    help: &'static str,
    /// The files of `/proc/net` have it.
    in_files: bool,
    value: fn(&Destination) -> Option<u32>,
}

const BACKEND_GAUGES: [BackendGauge; 6] = [
    BackendGauge {
        name: "node_ipvs_backend_connections_active",
        help: "Destination: established connections.",
        in_files: true,
        value: |destination| Some(destination.active_connections),
    },
    BackendGauge {
        name: "node_ipvs_backend_connections_inactive",
        help: "Destination: connections in any other state.",
        in_files: true,
        value: |destination| Some(destination.inactive_connections),
    },
    BackendGauge {
        name: "node_ipvs_backend_connections_persistent",
        help: "Destination: clients that persistence keeps here.",
        in_files: false,
        value: |destination| Some(destination.persistent_connections),
    },
    BackendGauge {
        name: "node_ipvs_backend_weight",
        help: "Destination: weight; 0 is quiesced.",
        in_files: true,
        value: |destination| Some(destination.settings.weight),
    },
    BackendGauge {
        name: "node_ipvs_backend_upper_threshold",
        help: "Destination: connections at which it takes no new ones, if there is a limit.",
        in_files: false,
        value: |destination| limit(destination.settings.upper_threshold),
    },
    BackendGauge {
        name: "node_ipvs_backend_lower_threshold",
        help: "Destination: connections below which it takes new ones again, if that is set.",
        in_files: false,
        value: |destination| limit(destination.settings.lower_threshold),
    },
];

/// A threshold of 0 is none.
fn limit(threshold: u32) -> Option<u32> {
    (threshold != 0).then_some(threshold)
}

/// Writes everything, destinations only if asked for. No service may be in `table`
/// twice, nor a destination in a service.
pub(crate) fn write_openmetrics(
    mut out: impl Write,
    whole: Option<&WholeTable>,
    table: &[Entry],
    destinations: bool,
    interface: Interface,
) -> io::Result<()> {
    if let Some(whole) = whole {
        write_whole(&mut out, whole)?;
    }
    write_services(&mut out, table, interface)?;
    if destinations {
        write_backends(&mut out, table, interface)?;
    }
    writeln!(out, "# EOF")
}

fn write_whole(out: &mut impl Write, whole: &WholeTable) -> io::Result<()> {
    for counter in &COUNTERS {
        let name = counter_head(out, counter, "node_ipvs_", "Whole table")?;
        writeln!(out, "{name}_total {}", (counter.value)(&whole.stats))?;
    }
    let name = "node_ipvs_connection_table_size";
    head(
        out,
        name,
        "gauge",
        None,
        "Hash buckets of the connection table.",
    )?;
    writeln!(out, "{name} {}", whole.info.connection_table_size)?;
    match &whole.daemons {
        Some(daemons) => write_daemons(out, daemons),
        None => Ok(()),
    }
}

fn write_daemons(out: &mut impl Write, daemons: &[SyncDaemon]) -> io::Result<()> {
    let name = "node_ipvs_sync_daemons";
    head(
        out,
        name,
        "gauge",
        None,
        "Synchronization daemons that run.",
    )?;
    writeln!(out, "{name} {}", daemons.len())?;
    let name = "node_ipvs_sync_daemon";
    head(
        out,
        name,
        "gauge",
        None,
        "Synchronization daemon that runs: its settings are in the labels; the value is 1.",
    )?;
    let mut labels = Labels::default();
    for daemon in daemons {
        labels.set_daemon(daemon);
        writeln!(out, "{name}{labels} 1")?;
    }
    Ok(())
}

fn write_services(out: &mut impl Write, table: &[Entry], interface: Interface) -> io::Result<()> {
    let mut labels = Labels::new(interface);
    head(
        out,
        "node_ipvs_service_scheduler",
        "gauge",
        None,
        "Virtual service: its scheduler is in the label; the value is 1.",
    )?;
    for (service, _) in table {
        labels.set_service(&service.id);
        labels.push("scheduler", &service.settings.scheduler);
        writeln!(out, "node_ipvs_service_scheduler{labels} 1")?;
    }
    for gauge in known(&SERVICE_GAUGES, |gauge| gauge.in_files, interface) {
        let name = gauge.name;
        head(out, name, "gauge", None, gauge.help)?;
        for (service, destinations) in table {
            labels.set_service(&service.id);
            writeln!(out, "{name}{labels} {}", (gauge.value)(destinations))?;
        }
    }
    for counter in &COUNTERS {
        let name = counter_head(out, counter, "node_ipvs_service_", "Virtual service")?;
        for (service, _) in table {
            if let Some(stats) = &service.stats {
                labels.set_service(&service.id);
                writeln!(out, "{name}_total{labels} {}", (counter.value)(stats))?;
            }
        }
    }
    Ok(())
}

fn write_backends(out: &mut impl Write, table: &[Entry], interface: Interface) -> io::Result<()> {
    let mut labels = Labels::new(interface);
    for gauge in known(&BACKEND_GAUGES, |gauge| gauge.in_files, interface) {
        let name = gauge.name;
        head(out, name, "gauge", None, gauge.help)?;
        for (service, destinations) in table {
            for destination in destinations {
                if let Some(value) = (gauge.value)(destination) {
                    labels.set_backend(&service.id, destination);
                    writeln!(out, "{name}{labels} {value}")?;
                }
            }
        }
    }
    for counter in &COUNTERS {
        let name = counter_head(out, counter, "node_ipvs_backend_", "Destination")?;
        for (service, destinations) in table {
            for destination in destinations {
                if let Some(stats) = &destination.stats {
                    labels.set_backend(&service.id, destination);
                    writeln!(out, "{name}_total{labels} {}", (counter.value)(stats))?;
                }
            }
        }
    }
    Ok(())
}

/// Returns the gauges that this interface tells the values of.
fn known<G>(
    gauges: &[G],
    in_files: fn(&G) -> bool,
    interface: Interface,
) -> impl Iterator<Item = &G> {
    gauges
        .iter()
        .filter(move |gauge| interface != Interface::Proc || in_files(gauge))
}

/// Begins a counter of what `subject` names; returns its name, which is without
/// the `_total` that its series have.
fn counter_head(
    out: &mut impl Write,
    counter: &CounterMetric,
    prefix: &str,
    subject: &str,
) -> io::Result<String> {
    let name = format!("{prefix}{}", counter.name);
    let help = format!("{subject}: {}.", counter.help);
    head(out, &name, "counter", counter.unit, &help)?;
    Ok(name)
}

fn head(
    out: &mut impl Write,
    name: &str,
    kind: &str,
    unit: Option<&str>,
    help: &str,
) -> io::Result<()> {
    writeln!(out, "# HELP {name} {help}")?;
    writeln!(out, "# TYPE {name} {kind}")?;
    match unit {
        Some(unit) => writeln!(out, "# UNIT {name} {unit}"),
        None => Ok(()),
    }
}

/// The labels of a series; the buffer is kept for the next.
#[derive(Default)]
struct Labels {
    text: String,
    /// The families of firewall marks are known.
    marks_have_families: bool,
}

impl Labels {
    fn new(interface: Interface) -> Self {
        Self {
            text: String::new(),
            marks_have_families: interface != Interface::Proc,
        }
    }

    /// Those of a service, in place of what is there. node_exporter has no
    /// `family`; the same mark can name a service of each.
    fn set_service(&mut self, id: &ServiceId) {
        self.text.clear();
        match *id {
            ServiceId::Address {
                protocol,
                address,
                port,
            } => {
                self.push("local_address", address);
                self.push("local_port", port);
                match protocol {
                    Protocol::Tcp | Protocol::Udp | Protocol::Sctp => self.push("proto", protocol),
                    other => self.push("proto", format_args!("IP_{}", other.number())),
                }
                self.push("local_mark", "");
            }
            // As in /proc/net/ip_vs, where node_exporter reads it.
            ServiceId::Fwmark { mark, .. } => {
                self.push("local_address", "");
                self.push("local_port", 0);
                self.push("proto", "FWM");
                self.push("local_mark", format_args!("{mark:08X}"));
            }
        }
        if matches!(id, ServiceId::Fwmark { .. }) && !self.marks_have_families {
            return;
        }
        let family = match id.family() {
            AddressFamily::Ipv4 => "ipv4",
            AddressFamily::Ipv6 => "ipv6",
        };
        self.push("family", family);
    }

    /// Those of a destination, in place of what is there.
    fn set_backend(&mut self, service: &ServiceId, destination: &Destination) {
        self.set_service(service);
        self.push("remote_address", destination.id.address);
        self.push("remote_port", destination.id.port);
    }

    /// Those of a synchronization daemon, in place of what is there.
    fn set_daemon(&mut self, daemon: &SyncDaemon) {
        self.text.clear();
        self.push("role", daemon.role);
        self.push("interface", &daemon.interface);
        self.push("sync_id", daemon.sync_id);
    }

    fn push(&mut self, name: &str, value: impl fmt::Display) {
        let comma = if self.text.is_empty() { "" } else { "," };
        // Writing to a String does not fail.
        let _ = write!(self.text, "{comma}{name}=\"");
        let _ = write!(Escaped(&mut self.text), "{value}");
        self.text.push('"');
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.text)
    }
}

/// Takes text for between the quotes of a label.
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}
