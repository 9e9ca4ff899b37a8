// SPDX-License-Identifier: MIT

//! Documents with one list, written item by item: the form of each item is the
//! client's.

use std::io::{self, Write};

use ipvs_client::{
    Connection, Destination, Info, Interface, Service, ServiceId, Timeouts,
    json::{Entry, SCHEMA_VERSION},
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::synchronization::Synchronization;

/// The IPVS that a table is from, and the interface over which it was read.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) ipvs: &'a Info,
    pub(crate) interface: Interface,
}

/// The fields that a document begins with.
#[derive(Default)]
struct Head<'a> {
    time: Option<&'a str>,
    ipvs: Option<&'a Info>,
    interface: Option<Interface>,
}

impl Head<'_> {
    /// Writes the beginning of a document, up to the name of what it holds.
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "{{\"schema_version\":{SCHEMA_VERSION},")?;
        if let Some(time) = self.time {
            write!(out, "\"time\":\"{time}\",")?;
        }
        if let Some(ipvs) = self.ipvs {
            write!(out, "\"ipvs\":")?;
            serde_json::to_writer(&mut *out, ipvs)?;
            write!(out, ",")?;
        }
        if let Some(interface) = self.interface.and_then(mention) {
            write!(out, "\"interface\":\"{interface}\",")?;
        }
        Ok(())
    }
}

/// Returns how a document names the interface: netlink shows all there is, and needs no
/// mention.
fn mention(interface: Interface) -> Option<&'static str> {
    (interface != Interface::Netlink).then_some(interface.name())
}

/// A document that holds one list of things.
struct ListDocument<W> {
    out: W,
    empty: bool,
}

impl<W: Write> ListDocument<W> {
    fn begin(mut out: W, list: &str, head: &Head<'_>) -> io::Result<Self> {
        head.write(&mut out)?;
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

/// Writes a document once more, with a time stamp.
pub(crate) fn write_timed(mut out: impl Write, document: &str, time: &str) -> io::Result<()> {
    match document.strip_prefix('{') {
        Some(rest) => write!(out, "{{\"time\":\"{time}\",{rest}"),
        None => write!(out, "{document}"),
    }
}

/// Virtual services with their destinations.
pub(crate) struct TableDocument<W>(ListDocument<W>);

impl<W: Write> TableDocument<W> {
    pub(crate) fn begin(out: W, origin: Origin<'_>, time: Option<&str>) -> io::Result<Self> {
        let head = Head {
            time,
            ipvs: Some(origin.ipvs),
            interface: Some(origin.interface),
        };
        ListDocument::begin(out, "services", &head).map(Self)
    }

    pub(crate) fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.0.item(entry)
    }

    /// Writes a service and its destinations, of which no more is known than
    /// `/proc/net/ip_vs` tells.
    pub(crate) fn public_entry(
        &mut self,
        service: &Service,
        destinations: &[Destination],
    ) -> io::Result<()> {
        self.0.item(&describe_public_entry(service, destinations)?)
    }

    pub(crate) fn end(self) -> io::Result<()> {
        self.0.end()
    }
}

/// Describes a service and its destinations, of which no more is known than
/// `/proc/net/ip_vs` tells.
pub(crate) fn describe_public_entry(
    service: &Service,
    destinations: &[Destination],
) -> serde_json::Result<Value> {
    let mut entry = serde_json::to_value(Entry::new(service, destinations))?;
    if let Some(fields) = entry.as_object_mut() {
        forget(fields, &["scheduler_flags", "persistence_engine", "stats"]);
        match service.id {
            ServiceId::Fwmark { .. } => {
                forget(fields, &["family"]);
                if let Some(Value::Object(fields)) = fields.get_mut("persistence") {
                    forget(fields, &["netmask", "prefix_length"]);
                }
            }
            ServiceId::Address { address, .. } if address.is_ipv6() => {
                forget(fields, &["one_packet"]);
            }
            ServiceId::Address { .. } => {}
        }
        let destinations = fields.get_mut("destinations").and_then(Value::as_array_mut);
        for destination in destinations.into_iter().flatten() {
            if let Some(fields) = destination.as_object_mut() {
                forget(fields, UNKNOWN_OF_DESTINATIONS);
            }
        }
    }
    Ok(entry)
}

/// The fields of a destination that `/proc/net/ip_vs` does not have.
const UNKNOWN_OF_DESTINATIONS: &[&str] = &[
    "tunnel",
    "upper_threshold",
    "lower_threshold",
    "persistent_connections",
    "stats",
];

fn forget(fields: &mut Map<String, Value>, names: &[&str]) {
    for name in names {
        fields.remove(*name);
    }
}

/// Connections, one after the other.
pub(crate) struct ConnectionsDocument<W>(ListDocument<W>);

impl<W: Write> ConnectionsDocument<W> {
    pub(crate) fn begin(out: W) -> io::Result<Self> {
        ListDocument::begin(out, "connections", &Head::default()).map(Self)
    }

    pub(crate) fn connection(&mut self, connection: &Connection<'_>) -> io::Result<()> {
        self.0.item(connection)
    }

    pub(crate) fn end(self) -> io::Result<()> {
        self.0.end()
    }
}

/// Writes the daemons, what can be seen of the synchronization, and the interface over
/// which the daemons were read.
pub(crate) fn write_synchronization(
    mut out: impl Write,
    synchronization: &Synchronization,
    interface: Interface,
) -> io::Result<()> {
    #[derive(Serialize)]
    struct Document<'a> {
        schema_version: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        interface: Option<&'static str>,
        #[serde(flatten)]
        synchronization: &'a Synchronization,
    }
    let document = Document {
        schema_version: SCHEMA_VERSION,
        interface: mention(interface),
        synchronization,
    };
    serde_json::to_writer(&mut out, &document)?;
    writeln!(out)
}

/// Writes the timeouts, and the interface over which they were read.
pub(crate) fn write_timeouts(
    mut out: impl Write,
    timeouts: &Timeouts,
    interface: Interface,
) -> io::Result<()> {
    let head = Head {
        interface: Some(interface),
        ..Head::default()
    };
    head.write(&mut out)?;
    write!(out, "\"timeouts\":")?;
    serde_json::to_writer(&mut out, timeouts)?;
    writeln!(out, "}}")
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ipvs_client::{DaemonRole, DestinationSettings, Persistence, ServiceSettings, SyncDaemon};
    use serde_json::json;

    use super::*;
    use crate::synchronization::{SeenDaemon, SettingValue};

    fn document(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Value {
        let mut text = Vec::new();
        write(&mut text).unwrap();
        assert_eq!(text.pop(), Some(b'\n'));
        serde_json::from_slice(&text).unwrap()
    }

    #[test]
    fn timeouts_come_with_the_interface_where_it_does_not_show_all() {
        let timeouts = Timeouts::default().tcp(900).tcp_fin(120).udp(300);
        let seconds = json!({"tcp": 900, "tcp_fin": 120, "udp": 300});
        assert_eq!(
            document(|out| write_timeouts(out, &timeouts, Interface::SocketOptions)),
            json!({"schema_version": 1, "interface": "sockopt", "timeouts": seconds})
        );
        assert_eq!(
            document(|out| write_timeouts(out, &timeouts, Interface::Netlink)),
            json!({"schema_version": 1, "timeouts": seconds})
        );
    }

    /// The fields are those that docs/json.md has for the daemons.
    #[test]
    fn daemons_come_with_what_is_seen_of_them() {
        let seen = SeenDaemon {
            daemon: SyncDaemon::new(DaemonRole::Master, "eth0", 7),
            interface_state: None,
            group_joined: None,
            threads: Vec::new(),
            queued_bytes: Some(832),
            dropped_messages: None,
        };
        let synchronization = Synchronization {
            daemons: vec![seen],
            received_connections: Some(12),
            settings: [("sync_ports".to_owned(), SettingValue::One(2))].into(),
        };
        let interface = Interface::SocketOptions;
        assert_eq!(
            document(|out| write_synchronization(out, &synchronization, interface)),
            json!({
                "schema_version": 1,
                "interface": "sockopt",
                "daemons": [{
                    "role": "master", "interface": "eth0", "sync_id": 7, "sync_maxlen": null,
                    "group": null, "port": null, "ttl": null, "queued_bytes": 832,
                }],
                "received_connections": 12,
                "sync_settings": {"sync_ports": 2},
            })
        );
    }

    #[test]
    fn the_version_comes_with_that_of_the_original() {
        assert_eq!(
            document(|out| write_version(out)),
            json!({
                "schema_version": 1,
                "version": env!("CARGO_PKG_VERSION"),
                "compatible_with": "1.31",
            })
        );
    }

    #[test]
    fn a_stamp_of_time_is_the_first_field() {
        let mut text = Vec::new();
        write_timed(&mut text, "{\"a\":1}\n", "now").unwrap();
        assert_eq!(text, b"{\"time\":\"now\",\"a\":1}\n");
    }

    /// `/proc/net/ip_vs` shows the flag for one packet in the lines of IPv4 alone, and of a
    /// mark neither the family nor whose netmask it has (`ip_vs_info_seq_show` in
    /// net/netfilter/ipvs/ip_vs_ctl.c).
    #[test]
    fn what_the_file_does_not_tell_is_no_field() {
        let destination = Destination::new(
            "10.0.0.2:80".parse().unwrap(),
            DestinationSettings::masquerading(),
        );
        let written = |id: &str| {
            let settings = ServiceSettings::new("rr").persistence(Persistence::new(60));
            let service = Service::new(id.parse().unwrap(), settings);
            document(|out| {
                let info = Info::new(ipvs_client::Version(1), 1);
                let origin = Origin {
                    ipvs: &info,
                    interface: Interface::Netlink,
                };
                let mut table = TableDocument::begin(out, origin, None)?;
                table.public_entry(&service, std::slice::from_ref(&destination))?;
                table.end()
            })
        };
        let fields = |document: &Value, place: &str| -> BTreeSet<String> {
            let object = document.pointer(place).and_then(Value::as_object);
            object.unwrap().keys().cloned().collect()
        };
        let names = |names: &str| names.split(' ').map(str::to_owned).collect();
        let service = "/services/0";
        let ipv4 = written("TCP 192.0.2.1:80");
        assert_eq!(
            fields(&ipv4, service),
            names("id family protocol address port scheduler one_packet persistence destinations")
        );
        assert_eq!(
            fields(&ipv4, "/services/0/persistence"),
            names("timeout netmask prefix_length")
        );
        assert_eq!(
            fields(&ipv4, "/services/0/destinations/0"),
            names(
                "id family address port forwarding_method weight active_connections \
                 inactive_connections"
            )
        );
        assert_eq!(
            fields(&written("TCP [2001:db8::1]:80"), service),
            names("id family protocol address port scheduler persistence destinations")
        );
        let mark = written("fwmark 7");
        assert_eq!(
            fields(&mark, service),
            names("id fwmark scheduler one_packet persistence destinations")
        );
        assert_eq!(fields(&mark, "/services/0/persistence"), names("timeout"));
    }
}
