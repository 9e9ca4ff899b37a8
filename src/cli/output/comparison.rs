// SPDX-License-Identifier: MIT

//! The connections that only one of two directors has, as lines and as JSON.

use std::io::{self, Write};

use ipvs_client::{Connection, ConnectionService, json::SCHEMA_VERSION};
use serde::{Serialize, Serializer};

use crate::comparison::MissingConnections;

/// Writes a line for each connection that a director does not have.
pub(crate) fn write_missing(out: &mut impl Write, missing: &MissingConnections) -> io::Result<()> {
    for connection in missing.missing_here() {
        write_line(out, "here", &connection)?;
    }
    for connection in missing.missing_there() {
        write_line(out, "there", &connection)?;
    }
    Ok(())
}

fn write_line(out: &mut impl Write, place: &str, connection: &Connection<'_>) -> io::Result<()> {
    let Connection {
        protocol,
        client,
        destination,
        state,
        expires,
        ..
    } = connection;
    write!(out, "missing {place}: {protocol} {client} ")?;
    match connection.service {
        ConnectionService::Address(service) => write!(out, "{service}")?,
        ConnectionService::Fwmark(mark) => write!(out, "fwmark {mark}")?,
    }
    // The expiry is in minutes and seconds, as in the list of connections.
    let (minutes, seconds) = (expires / 60, expires % 60);
    writeln!(out, " {destination} {state} {minutes:02}:{seconds:02}")
}

/// The document of `--json`, with its fields in this order.
#[derive(Serialize)]
struct ComparisonDocument<'a> {
    schema_version: u32,
    here: u64,
    there: u64,
    same: u64,
    other_state: u64,
    #[serde(serialize_with = "write_missing_here")]
    missing_here: &'a MissingConnections,
    #[serde(serialize_with = "write_missing_there")]
    missing_there: &'a MissingConnections,
}

// A list of them would take many times the bytes in which they are held.

fn write_missing_here<S: Serializer>(from: &MissingConnections, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(from.missing_here())
}

fn write_missing_there<S: Serializer>(from: &MissingConnections, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(from.missing_there())
}

/// Writes the connections that a director does not have as a JSON document.
pub(crate) fn write_missing_json(
    mut out: impl Write,
    missing: &MissingConnections,
) -> io::Result<()> {
    let document = ComparisonDocument {
        schema_version: SCHEMA_VERSION,
        here: missing.here,
        there: missing.there,
        same: missing.same,
        other_state: missing.other_state,
        missing_here: missing,
        missing_there: missing,
    };
    serde_json::to_writer(&mut out, &document)?;
    writeln!(out)
}
