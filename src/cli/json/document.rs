// SPDX-License-Identifier: MIT

//! The form of the table as JSON: the names, units and shapes of docs/json.md.
//!
//! Reading and writing share the names here. What only a listing knows
//! (counters) is absent from what -S writes and left alone by what -R reads.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
};

use ipvs_client::{AddressFamily, ForwardingMethod, Protocol, TunnelChecksum};
use serde::Serialize;

/// Changes when a reader of the old form would misread the new one. New fields
/// do not change it.
pub(crate) const SCHEMA_VERSION: u32 = 1;

pub(super) const FAMILIES: [(&str, AddressFamily); 2] =
    [("ipv4", AddressFamily::Ipv4), ("ipv6", AddressFamily::Ipv6)];

pub(super) const PROTOCOLS: [(&str, Protocol); 3] = [
    ("tcp", Protocol::Tcp),
    ("udp", Protocol::Udp),
    ("sctp", Protocol::Sctp),
];

/// A forwarding method; the tunnel stands in a field of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Plain(ForwardingMethod),
    Tunneling,
}

pub(super) const METHODS: [(&str, Method); 5] = [
    (
        "masquerading",
        Method::Plain(ForwardingMethod::Masquerading),
    ),
    (
        "direct-routing",
        Method::Plain(ForwardingMethod::DirectRouting),
    ),
    ("tunneling", Method::Tunneling),
    ("local-node", Method::Plain(ForwardingMethod::LocalNode)),
    ("bypass", Method::Plain(ForwardingMethod::Bypass)),
];

pub(super) const CHECKSUMS: [(&str, TunnelChecksum); 3] = [
    ("none", TunnelChecksum::None),
    ("full", TunnelChecksum::Full),
    ("remote", TunnelChecksum::Remote),
];

/// The fields that an object may have; those that only listings have come last
/// and are not read.
pub(super) const DOCUMENT_FIELDS: &[&str] = &["schema_version", "services", "ipvs", "time"];
pub(super) const SERVICE_FIELDS: &[&str] = &[
    "family",
    "protocol",
    "address",
    "port",
    "fwmark",
    "scheduler",
    "scheduler_flags",
    "one_packet",
    "persistence",
    "persistence_engine",
    "destinations",
    "stats",
];
pub(super) const PERSISTENCE_FIELDS: &[&str] = &["timeout", "netmask", "prefix_length"];
pub(super) const DESTINATION_FIELDS: &[&str] = &[
    "family",
    "address",
    "port",
    "forwarding_method",
    "tunnel",
    "weight",
    "upper_threshold",
    "lower_threshold",
    "active_connections",
    "inactive_connections",
    "persistent_connections",
    "stats",
];
pub(super) const TUNNEL_FIELDS: &[&str] = &["type", "port", "checksum", "flags"];

/// A name, or a number for what has none.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Word {
    Name(&'static str),
    Number(u32),
}

/// A service, named by protocol, address and port, or by a firewall mark.
#[derive(Debug, Serialize)]
pub(super) struct Service<'a> {
    pub(super) family: Word,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) protocol: Option<Word>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fwmark: Option<NonZeroU32>,
    pub(super) scheduler: &'a str,
    pub(super) scheduler_flags: Vec<&'static str>,
    pub(super) one_packet: bool,
    pub(super) persistence: Option<Persistence>,
    pub(super) persistence_engine: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stats: Option<Stats>,
    pub(super) destinations: Vec<Destination>,
}

#[derive(Debug, Serialize)]
pub(super) struct Persistence {
    /// Seconds.
    pub(super) timeout: u32,
    /// IPv4 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) netmask: Option<Ipv4Addr>,
    /// `null` for an IPv4 mask that is no prefix.
    pub(super) prefix_length: Option<u32>,
}

#[derive(Debug, Serialize)]
pub(super) struct Destination {
    pub(super) family: Word,
    pub(super) address: IpAddr,
    pub(super) port: u16,
    pub(super) forwarding_method: Word,
    pub(super) tunnel: Option<Tunnel>,
    pub(super) weight: u32,
    /// 0 is no limit.
    pub(super) upper_threshold: u32,
    pub(super) lower_threshold: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) active_connections: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inactive_connections: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) persistent_connections: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stats: Option<Stats>,
}

#[derive(Debug, Serialize)]
pub(super) struct Tunnel {
    #[serde(rename = "type")]
    pub(super) kind: Word,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) checksum: Option<Word>,
    /// The kernel's flags, for a type that has no name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flags: Option<u16>,
}

/// Counters since the last zeroing, and the kernel's estimates of their rates.
#[derive(Debug, Serialize)]
pub(super) struct Stats {
    pub(super) connections: u64,
    pub(super) in_packets: u64,
    pub(super) out_packets: u64,
    pub(super) in_bytes: u64,
    pub(super) out_bytes: u64,
    pub(super) connections_per_second: u64,
    pub(super) in_packets_per_second: u64,
    pub(super) out_packets_per_second: u64,
    pub(super) in_bytes_per_second: u64,
    pub(super) out_bytes_per_second: u64,
}
