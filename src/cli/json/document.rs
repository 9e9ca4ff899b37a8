// SPDX-License-Identifier: MIT

//! The fields of the objects that `-R` reads, for errors that name the nearest one.
//! The names of their values, and all that is written, are the client's.

/// The fields that an object may have; those that only listings have come last
/// and are not read.
pub(super) const DOCUMENT_FIELDS: &[&str] =
    &["schema_version", "services", "ipvs", "time", "interface"];
pub(super) const SERVICE_FIELDS: &[&str] = &[
    "id",
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
    "id",
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
