// SPDX-License-Identifier: MIT

//! Counts of connections as a JSON document.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    net::IpAddr,
    num::NonZeroU32,
};

use ipvs_client::{
    AddressFamily, ConnectionGroup, ConnectionOwner, ConnectionSummary, Protocol, ServiceId,
    json::SCHEMA_VERSION,
};
use serde::Serialize;

/// Writes the counts, and so many of the clients that have the most connections.
pub(crate) fn write_summary(
    mut out: impl Write,
    summary: &ConnectionSummary<'_>,
    clients: usize,
) -> io::Result<()> {
    let groups = summary.groups();
    let services = groups.chunk_by(|a, b| a.owner == b.owner);
    let busiest = summary.busiest_clients(clients).into_iter();
    let document = Document {
        schema_version: SCHEMA_VERSION,
        summary: Summary {
            counts: Counts::of(&groups),
            clients: summary.clients(),
            services: services.filter_map(ServiceCounts::of).collect(),
            busiest_clients: busiest
                .map(|(address, connections)| Client {
                    address,
                    connections,
                })
                .collect(),
        },
    };
    serde_json::to_writer(&mut out, &document)?;
    writeln!(out)
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    summary: Summary<'a>,
}

#[derive(Serialize)]
struct Summary<'a> {
    #[serde(flatten)]
    counts: Counts<'a>,
    clients: usize,
    services: Vec<ServiceCounts<'a>>,
    busiest_clients: Vec<Client>,
}

#[derive(Serialize)]
struct Counts<'a> {
    connections: u64,
    templates: u64,
    /// The numbers of connections, without templates.
    states: BTreeMap<&'a str, u64>,
}

impl<'a> Counts<'a> {
    fn of(groups: &[ConnectionGroup<'a>]) -> Self {
        let mut counts = Self {
            connections: 0,
            templates: 0,
            states: BTreeMap::new(),
        };
        for group in groups {
            if group.is_template {
                counts.templates += group.count;
            } else {
                counts.connections += group.count;
                *counts.states.entry(group.state).or_default() += group.count;
            }
        }
        counts
    }
}

#[derive(Serialize)]
struct ServiceCounts<'a> {
    /// The one service, the marks that it may be, or none.
    services: Vec<Name>,
    #[serde(flatten)]
    counts: Counts<'a>,
    destinations: Vec<DestinationCounts<'a>>,
}

impl<'a> ServiceCounts<'a> {
    fn of(groups: &[ConnectionGroup<'a>]) -> Option<Self> {
        let services = match groups.first()?.owner {
            ConnectionOwner::Service(id) => vec![Name::of(&id)],
            ConnectionOwner::OneOf(marks) => marks.iter().map(Name::of).collect(),
            ConnectionOwner::Gone => Vec::new(),
        };
        let destinations = groups.chunk_by(|a, b| a.destination == b.destination);
        Some(Self {
            services,
            counts: Counts::of(groups),
            destinations: destinations.filter_map(DestinationCounts::of).collect(),
        })
    }
}

#[derive(Serialize)]
struct DestinationCounts<'a> {
    address: IpAddr,
    port: u16,
    #[serde(flatten)]
    counts: Counts<'a>,
}

impl<'a> DestinationCounts<'a> {
    fn of(groups: &[ConnectionGroup<'a>]) -> Option<Self> {
        let destination = groups.first()?.destination;
        Some(Self {
            address: destination.ip(),
            port: destination.port(),
            counts: Counts::of(groups),
        })
    }
}

/// A virtual service, by the fields that it has in the table.
#[derive(Serialize)]
struct Name {
    family: AddressFamily,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<Protocol>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fwmark: Option<NonZeroU32>,
}

impl Name {
    fn of(id: &ServiceId) -> Self {
        let name = Self {
            family: id.family(),
            protocol: None,
            address: None,
            port: None,
            fwmark: None,
        };
        match *id {
            ServiceId::Address {
                protocol,
                address,
                port,
            } => Self {
                protocol: Some(protocol),
                address: Some(address),
                port: Some(port),
                ..name
            },
            ServiceId::Fwmark { mark, .. } => Self {
                fwmark: Some(mark),
                ..name
            },
        }
    }
}

#[derive(Serialize)]
struct Client {
    address: IpAddr,
    connections: u32,
}
