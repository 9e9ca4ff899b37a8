// SPDX-License-Identifier: MIT

//! The document of `--report`: a director in one piece, for whoever is to help with it.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use ipvs_client::{
    Destination, Info, Interface, Service, Stats, Timeouts,
    json::{Entry, SCHEMA_VERSION},
};
use serde::{Serialize, Serializer, ser::Error as _};

use super::doctor::{Fault, Unseen, list_faults, list_unseen};
use crate::{doctor::Report, json, synchronization::SeenDaemon, system::modules::ModuleState};

/// Everything that is known about a director. What could not be read is absent, and named
/// with the reason.
#[derive(Debug)]
pub(crate) struct Overview {
    /// The time at which it was read, as text.
    pub(crate) time: String,
    /// Addresses and names of interfaces are replaced.
    pub(crate) is_redacted: bool,
    pub(crate) kernel: Option<KernelVersion>,
    pub(crate) ipvs: Option<Info>,
    pub(crate) services: Option<Services>,
    pub(crate) totals: Option<Stats>,
    pub(crate) timeouts: Option<Timeouts>,
    pub(crate) daemons: Option<Vec<SeenDaemon>>,
    pub(crate) connections: Option<ConnectionCounts>,
    /// By the names that `sysctl` has for them.
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) modules: BTreeMap<String, ModuleState>,
    pub(crate) faults: Report,
    pub(crate) not_read: Vec<Unread>,
}

/// The running kernel: `uname -r` and `uname -v`.
#[derive(Debug, Serialize)]
pub(crate) struct KernelVersion {
    pub(crate) release: String,
    pub(crate) version: String,
}

/// The table, as far as this interface of the kernel shows it.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) interface: Interface,
    pub(crate) entries: Vec<(Service, Vec<Destination>)>,
}

/// Numbers of connections, without persistence templates unless they are named.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ConnectionCounts {
    pub(crate) total: u64,
    pub(crate) persistence_templates: u64,
    /// Those that a master has told of, templates among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) received: Option<u64>,
    /// By protocol and state, in the kernel's words.
    pub(crate) states: Vec<StateCount>,
}

/// The number of connections of a protocol that are in one state.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct StateCount {
    pub(crate) protocol: String,
    pub(crate) state: String,
    pub(crate) count: u64,
}

/// A part that could not be read, or not whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Unread {
    /// The name of its field.
    pub(crate) part: &'static str,
    pub(crate) reason: String,
}

/// The document, with its fields in this order.
#[derive(Serialize)]
struct OverviewDocument<'a> {
    schema_version: u32,
    program: ProgramVersion,
    time: &'a str,
    redacted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<&'a KernelVersion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipvs: Option<&'a Info>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<Interface>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_services"
    )]
    services: Option<&'a Services>,
    #[serde(skip_serializing_if = "Option::is_none")]
    totals: Option<&'a Stats>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeouts: Option<&'a Timeouts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    daemons: Option<&'a [SeenDaemon]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<&'a ConnectionCounts>,
    settings: &'a BTreeMap<String, String>,
    #[serde(serialize_with = "write_modules")]
    modules: &'a BTreeMap<String, ModuleState>,
    findings: Vec<Fault<'a>>,
    skipped: Vec<Unseen<'a>>,
    not_read: &'a [Unread],
}

/// The program that has made the document.
#[derive(Serialize)]
struct ProgramVersion {
    version: &'static str,
    compatible_with: &'static str,
}

// What the interface does not tell of an entry is absent there, as in a listing.
fn write_services<S: Serializer>(services: &Option<&Services>, to: S) -> Result<S::Ok, S::Error> {
    let Some(Services { interface, entries }) = services else {
        return to.serialize_none();
    };
    if *interface == Interface::Proc {
        let public = entries.iter().map(|(service, destinations)| {
            json::describe_public_entry(service, destinations).map_err(S::Error::custom)
        });
        let public: Vec<_> = public.collect::<Result<_, _>>()?;
        return to.collect_seq(public);
    }
    to.collect_seq(
        entries
            .iter()
            .map(|(service, destinations)| Entry::new(service, destinations)),
    )
}

fn write_modules<S: Serializer>(
    modules: &BTreeMap<String, ModuleState>,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_map(modules.iter().map(|(name, state)| {
        let state = match state {
            ModuleState::Loaded => "loaded",
            ModuleState::BuiltIn => "built-in",
            ModuleState::Loadable => "loadable",
            ModuleState::Missing => "missing",
            ModuleState::Unknown => "unknown",
        };
        (name, state)
    }))
}

/// Writes the document.
pub(crate) fn write_overview(mut out: impl Write, overview: &Overview) -> io::Result<()> {
    let document = OverviewDocument {
        schema_version: SCHEMA_VERSION,
        program: ProgramVersion {
            version: env!("CARGO_PKG_VERSION"),
            compatible_with: "1.31",
        },
        time: &overview.time,
        redacted: overview.is_redacted,
        kernel: overview.kernel.as_ref(),
        ipvs: overview.ipvs.as_ref(),
        // Netlink shows all there is, and needs no mention.
        interface: overview
            .services
            .as_ref()
            .map(|services| services.interface)
            .filter(|interface| *interface != Interface::Netlink),
        services: overview.services.as_ref(),
        totals: overview.totals.as_ref(),
        timeouts: overview.timeouts.as_ref(),
        daemons: overview.daemons.as_deref(),
        connections: overview.connections.as_ref(),
        settings: &overview.settings,
        modules: &overview.modules,
        findings: list_faults(&overview.faults),
        skipped: list_unseen(&overview.faults),
        not_read: &overview.not_read,
    };
    serde_json::to_writer(&mut out, &document)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::output::sample;

    fn document(interface: Interface) -> Value {
        let overview = Overview {
            time: "now".to_owned(),
            is_redacted: false,
            kernel: None,
            ipvs: None,
            services: Some(Services {
                interface,
                entries: sample::entries(),
            }),
            totals: None,
            timeouts: None,
            daemons: None,
            connections: None,
            settings: BTreeMap::new(),
            modules: BTreeMap::new(),
            faults: Report::default(),
            not_read: Vec::new(),
        };
        let mut text = Vec::new();
        write_overview(&mut text, &overview).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    #[test]
    fn an_interface_that_shows_less_is_named_and_what_it_does_not_show_is_absent() {
        let limit = "/services/0/destinations/0/upper_threshold";
        let whole = document(Interface::Netlink);
        assert_eq!(whole.get("interface"), None);
        assert!(whole.pointer(limit).is_some(), "{whole}");
        let public = document(Interface::Proc);
        assert_eq!(public.get("interface"), Some(&"proc".into()));
        assert_eq!(public.pointer(limit), None, "{public}");
        let sockets = document(Interface::SocketOptions);
        assert_eq!(sockets.get("interface"), Some(&"sockopt".into()));
        assert!(sockets.pointer(limit).is_some(), "{sockets}");
    }
}
