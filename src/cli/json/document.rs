// SPDX-License-Identifier: MIT

//! The table as JSON: the names, units and shapes of docs/json.md.
//!
//! One set of types serves both directions. What only a listing knows
//! (counters) is absent from what -S writes and left alone by what -R reads.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
};

use serde::{Deserialize, Serialize};

/// Changes when a reader of the old form would misread the new one. New fields
/// do not change it.
pub(crate) const SCHEMA_VERSION: u32 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Family {
    Ipv4,
    Ipv6,
}

/// What names a service: protocol, address and port, or a firewall mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Service {
    pub(crate) family: Family,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) protocol: Option<Protocol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fwmark: Option<NonZeroU32>,
    pub(crate) scheduler: String,
    #[serde(default)]
    pub(crate) scheduler_flags: Vec<String>,
    #[serde(default)]
    pub(crate) one_packet: bool,
    #[serde(default)]
    pub(crate) persistence: Option<Persistence>,
    #[serde(default)]
    pub(crate) persistence_engine: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stats: Option<Stats>,
    #[serde(default)]
    pub(crate) destinations: Vec<Destination>,
}

/// A number for what has no name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Protocol {
    Named(ProtocolName),
    Number(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProtocolName {
    Tcp,
    Udp,
    Sctp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Persistence {
    /// Seconds.
    pub(crate) timeout: u32,
    /// IPv4 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) netmask: Option<Ipv4Addr>,
    /// `null` for an IPv4 mask that is no prefix.
    #[serde(default)]
    pub(crate) prefix_length: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Destination {
    pub(crate) family: Family,
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    pub(crate) forwarding_method: ForwardingMethod,
    #[serde(default)]
    pub(crate) tunnel: Option<Tunnel>,
    pub(crate) weight: u32,
    /// 0 is no limit.
    #[serde(default)]
    pub(crate) upper_threshold: u32,
    #[serde(default)]
    pub(crate) lower_threshold: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) active_connections: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) inactive_connections: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) persistent_connections: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stats: Option<Stats>,
}

/// A number for what has no name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum ForwardingMethod {
    Named(ForwardingMethodName),
    Number(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ForwardingMethodName {
    Masquerading,
    LocalNode,
    Tunneling,
    DirectRouting,
    Bypass,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tunnel {
    #[serde(rename = "type")]
    pub(crate) kind: TunnelType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<TunnelChecksum>,
    /// The kernel's flags, for a type that has no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) flags: Option<u16>,
}

/// A number for what has no name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum TunnelType {
    Named(TunnelTypeName),
    Number(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TunnelTypeName {
    Ipip,
    Gue,
    Gre,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TunnelChecksum {
    None,
    Full,
    Remote,
}

/// Counters since the last zeroing, and the kernel's estimates of their rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stats {
    pub(crate) connections: u64,
    pub(crate) in_packets: u64,
    pub(crate) out_packets: u64,
    pub(crate) in_bytes: u64,
    pub(crate) out_bytes: u64,
    pub(crate) connections_per_second: u64,
    pub(crate) in_packets_per_second: u64,
    pub(crate) out_packets_per_second: u64,
    pub(crate) in_bytes_per_second: u64,
    pub(crate) out_bytes_per_second: u64,
}
