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
    /// Null where there is none any more, or several may be it.
    service: Option<Name>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<Name>,
    #[serde(flatten)]
    counts: Counts<'a>,
    destinations: Vec<DestinationCounts<'a>>,
}

impl<'a> ServiceCounts<'a> {
    fn of(groups: &[ConnectionGroup<'a>]) -> Option<Self> {
        let (service, candidates) = match groups.first()?.owner {
            ConnectionOwner::Service(id) => (Some(Name::of(&id)), Vec::new()),
            ConnectionOwner::OneOf(marks) => (None, marks.iter().map(Name::of).collect()),
            ConnectionOwner::Gone => (None, Vec::new()),
        };
        let destinations = groups.chunk_by(|a, b| a.destination == b.destination);
        Some(Self {
            service,
            candidates,
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

#[cfg(test)]
mod tests {
    use ipvs_client::{ConnectionServices, Connections, Service, ServiceSettings};
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_service_is_one_of_several_or_gone_where_it_cannot_be_told() {
        let services = ConnectionServices::new(["fwmark 1 IPv6", "fwmark 2 IPv6"].map(|name| {
            let service = Service::new(name.parse().unwrap(), ServiceSettings::new("rr"));
            (service, vec!["[2001:db8::2]:0".parse().unwrap()])
        }));
        let lines = "headings\n\
            TCP 2001:0db8:0000:0000:0000:0000:0000:0009 0002 \
            2001:0db8:0000:0000:0000:0000:0000:0001 0050 \
            2001:0db8:0000:0000:0000:0000:0000:0002 0050 ESTABLISHED 1\n\
            TCP 0A000009 0000 0A000001 0050 0A000102 0050 ASSURED 1\n";
        let mut summary = ConnectionSummary::new(&services);
        let mut connections = Connections::new(lines.as_bytes()).unwrap();
        while let Some(connection) = connections.next_connection().unwrap() {
            summary.add(&connection);
        }
        let mut out = Vec::new();
        write_summary(&mut out, &summary, 10).unwrap();
        let document: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            document,
            json!({"schema_version": 1, "summary": {
                "connections": 1,
                "templates": 1,
                "states": {"ESTABLISHED": 1},
                "clients": 1,
                "services": [
                    {
                        "service": null,
                        "candidates": [
                            {"family": "ipv6", "fwmark": 1},
                            {"family": "ipv6", "fwmark": 2}
                        ],
                        "connections": 1,
                        "templates": 0,
                        "states": {"ESTABLISHED": 1},
                        "destinations": [{
                            "address": "2001:db8::2",
                            "port": 0,
                            "connections": 1,
                            "templates": 0,
                            "states": {"ESTABLISHED": 1}
                        }]
                    },
                    {
                        "service": null,
                        "connections": 0,
                        "templates": 1,
                        "states": {},
                        "destinations": [{
                            "address": "10.0.1.2",
                            "port": 0,
                            "connections": 0,
                            "templates": 1,
                            "states": {}
                        }]
                    }
                ],
                "busiest_clients": [{"address": "2001:db8::9", "connections": 1}]
            }})
        );
    }

    /// The fields are those of the service in the table (docs/json.md).
    #[test]
    fn a_service_has_its_name_and_each_of_its_destinations_its_own_counts() {
        let id = "TCP 10.0.0.1:80".parse().unwrap();
        let destinations = ["10.0.0.2:80", "10.0.0.3:80"].map(|id| id.parse().unwrap());
        let services = ConnectionServices::new([(
            Service::new(id, ServiceSettings::new("rr")),
            destinations.to_vec(),
        )]);
        let lines = "headings\n\
            TCP C0000209 0001 0A000001 0050 0A000002 0050 ESTABLISHED 1\n\
            TCP C0000209 0002 0A000001 0050 0A000003 0050 ESTABLISHED 1\n\
            TCP C0000209 0003 0A000001 0050 0A000003 0050 FIN_WAIT 1\n";
        let mut summary = ConnectionSummary::new(&services);
        let mut connections = Connections::new(lines.as_bytes()).unwrap();
        while let Some(connection) = connections.next_connection().unwrap() {
            summary.add(&connection);
        }
        let mut out = Vec::new();
        write_summary(&mut out, &summary, 10).unwrap();
        let document: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            document.pointer("/summary/services"),
            Some(&json!([{
                "service": {
                    "family": "ipv4", "protocol": "tcp", "address": "10.0.0.1", "port": 80
                },
                "connections": 3,
                "templates": 0,
                "states": {"ESTABLISHED": 2, "FIN_WAIT": 1},
                "destinations": [
                    {
                        "address": "10.0.0.2",
                        "port": 80,
                        "connections": 1,
                        "templates": 0,
                        "states": {"ESTABLISHED": 1}
                    },
                    {
                        "address": "10.0.0.3",
                        "port": 80,
                        "connections": 2,
                        "templates": 0,
                        "states": {"ESTABLISHED": 1, "FIN_WAIT": 1}
                    }
                ]
            }]))
        );
    }
}
