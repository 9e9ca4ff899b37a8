// SPDX-License-Identifier: MIT

//! Documents with one list, written item by item: the form of each item is the
//! client's.

use std::io::{self, Write};

use ipvs_client::{
    Connection, Info, Interface, SyncDaemon, Timeouts,
    json::{Entry, SCHEMA_VERSION},
};
use serde::Serialize;

/// The IPVS that a table is from, and the interface over which it was read.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) ipvs: &'a Info,
    pub(crate) interface: Interface,
}

/// A document that holds one list of things, with what comes before the list.
struct ListDocument<W> {
    out: W,
    empty: bool,
}

impl<W: Write> ListDocument<W> {
    fn begin(
        mut out: W,
        list: &str,
        origin: Option<Origin<'_>>,
        time: Option<&str>,
    ) -> io::Result<Self> {
        write!(out, "{{\"schema_version\":{SCHEMA_VERSION},")?;
        if let Some(time) = time {
            write!(out, "\"time\":\"{time}\",")?;
        }
        if let Some(Origin { ipvs, interface }) = origin {
            write!(out, "\"ipvs\":")?;
            serde_json::to_writer(&mut out, ipvs)?;
            write!(out, ",")?;
            // Netlink shows all there is, and needs no mention.
            if interface != Interface::Netlink {
                write!(out, "\"interface\":\"{interface}\",")?;
            }
        }
        write!(out, "\"{list}\":[")?;
        Ok(Self { out, empty: true })
    }

    fn item(&mut self, item: &impl Serialize) -> io::Result<()> {
        if !std::mem::take(&mut self.empty) {
            write!(self.out, ",")?;
        }
        serde_json::to_writer(&mut self.out, item)?;
        Ok(())
    }

    fn end(mut self) -> io::Result<()> {
        writeln!(self.out, "]}}")
    }
}

/// Virtual services with their destinations.
pub(crate) struct TableDocument<W>(ListDocument<W>);

impl<W: Write> TableDocument<W> {
    pub(crate) fn begin(out: W, origin: Origin<'_>, time: Option<&str>) -> io::Result<Self> {
        ListDocument::begin(out, "services", Some(origin), time).map(Self)
    }

    pub(crate) fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.0.item(entry)
    }

    pub(crate) fn end(self) -> io::Result<()> {
        self.0.end()
    }
}

/// Connections, one after the other.
pub(crate) struct ConnectionsDocument<W>(ListDocument<W>);

impl<W: Write> ConnectionsDocument<W> {
    pub(crate) fn begin(out: W) -> io::Result<Self> {
        ListDocument::begin(out, "connections", None, None).map(Self)
    }

    pub(crate) fn connection(&mut self, connection: &Connection<'_>) -> io::Result<()> {
        self.0.item(connection)
    }

    pub(crate) fn end(self) -> io::Result<()> {
        self.0.end()
    }
}

pub(crate) fn write_daemons(out: impl Write, daemons: &[SyncDaemon]) -> io::Result<()> {
    let mut list = ListDocument::begin(out, "daemons", None, None)?;
    for daemon in daemons {
        list.item(daemon)?;
    }
    list.end()
}

pub(crate) fn write_timeouts(mut out: impl Write, timeouts: &Timeouts) -> io::Result<()> {
    let document = serde_json::json!({
        "schema_version": SCHEMA_VERSION,
        "timeouts": timeouts,
    });
    writeln!(out, "{document}")
}

/// The program's version, and that of the original whose options it has.
pub(crate) fn write_version(mut out: impl Write) -> io::Result<()> {
    let document = serde_json::json!({
        "schema_version": SCHEMA_VERSION,
        "version": env!("CARGO_PKG_VERSION"),
        "compatible_with": "1.31",
    });
    writeln!(out, "{document}")
}
