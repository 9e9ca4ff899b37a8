// SPDX-License-Identifier: MIT

//! The model into JSON, piece by piece.

use std::{
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
};

use ipvs_client::{
    AddressFamily, Connection, ConnectionService, ForwardingMethod, Info, Netmask, ServiceId,
    SyncDaemon, Timeouts, TunnelChecksum,
};
use serde::Serialize;

use super::document::{
    CHECKSUMS, Destination, FAMILIES, METHODS, Method, PROTOCOLS, Persistence, SCHEMA_VERSION,
    Service, Stats, Tunnel, Word,
};
use crate::command::TunnelKind;

/// A document that holds one list of things, with what comes before the list.
struct ListDocument<W> {
    out: W,
    empty: bool,
}

impl<W: Write> ListDocument<W> {
    fn begin(mut out: W, list: &str, ipvs: Option<Ipvs>, time: Option<&str>) -> io::Result<Self> {
        write!(out, "{{\"schema_version\":{SCHEMA_VERSION},")?;
        if let Some(time) = time {
            write!(out, "\"time\":\"{time}\",")?;
        }
        if let Some(ipvs) = ipvs {
            write!(out, "\"ipvs\":")?;
            serde_json::to_writer(&mut out, &ipvs)?;
            write!(out, ",")?;
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

#[derive(Serialize)]
struct Ipvs {
    version: String,
    connection_table_size: u32,
}

/// Virtual services with their destinations.
pub(crate) struct TableDocument<W> {
    list: ListDocument<W>,
    /// Counters are there; not in what -S writes.
    counters: bool,
}

impl<W: Write> TableDocument<W> {
    pub(crate) fn begin(out: W, info: &Info, counters: bool) -> io::Result<Self> {
        Self::begin_with(out, info, counters, None)
    }

    /// With a time stamp and counters.
    pub(crate) fn begin_timed(out: W, info: &Info, time: &str) -> io::Result<Self> {
        Self::begin_with(out, info, true, Some(time))
    }

    fn begin_with(out: W, info: &Info, counters: bool, time: Option<&str>) -> io::Result<Self> {
        let ipvs = Ipvs {
            version: info.version.to_string(),
            connection_table_size: info.connection_table_size,
        };
        Ok(Self {
            list: ListDocument::begin(out, "services", Some(ipvs), time)?,
            counters,
        })
    }

    pub(crate) fn service(
        &mut self,
        service: &ipvs_client::Service,
        destinations: &[ipvs_client::Destination],
    ) -> io::Result<()> {
        let destinations = destinations
            .iter()
            .map(|destination| self::destination(destination, self.counters))
            .collect();
        self.list
            .item(&self::service(service, destinations, self.counters))
    }

    pub(crate) fn end(self) -> io::Result<()> {
        self.list.end()
    }
}

/// The name of a value, or the number that it has where there is none.
fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T, number: u32) -> Word {
    let named = words.iter().find(|(_, meaning)| meaning == value);
    named.map_or(Word::Number(number), |(name, _)| Word::Name(name))
}

fn family(family: AddressFamily) -> Word {
    word(&FAMILIES, &family, 0)
}

fn service(
    service: &ipvs_client::Service,
    destinations: Vec<Destination>,
    counters: bool,
) -> Service<'_> {
    let settings = &service.settings;
    let (protocol, address, port, fwmark) = match service.id {
        ServiceId::Address {
            protocol,
            address,
            port,
        } => (
            Some(word(&PROTOCOLS, &protocol, protocol.number().into())),
            Some(address),
            Some(port),
            None,
        ),
        ServiceId::Fwmark { mark, .. } => (None, None, None, Some(mark)),
    };
    Service {
        family: family(service.id.family()),
        protocol,
        address,
        port,
        fwmark,
        scheduler: &settings.scheduler,
        scheduler_flags: settings.scheduler_flags.names(&settings.scheduler),
        one_packet: settings.one_packet,
        persistence: settings.persistence.map(|persistence| {
            let host = Netmask::host(service.id.family());
            let (netmask, prefix_length) = match persistence.netmask().unwrap_or(host) {
                Netmask::Ipv4(mask) => (Some(mask), prefix_length(mask)),
                Netmask::Ipv6(length) => (None, Some(length)),
            };
            Persistence {
                timeout: persistence.timeout,
                netmask,
                prefix_length,
            }
        }),
        persistence_engine: settings.persistence_engine.as_deref(),
        stats: service.stats.as_ref().filter(|_| counters).map(stats),
        destinations,
    }
}

fn prefix_length(mask: Ipv4Addr) -> Option<u32> {
    let ones = mask.to_bits().leading_ones();
    (mask.to_bits().count_ones() == ones).then_some(ones)
}

fn destination(destination: &ipvs_client::Destination, counters: bool) -> Destination {
    let settings = &destination.settings;
    let (forwarding_method, tunnel) = match settings.forwarding_method {
        ForwardingMethod::Tunneling(tunnel) => (
            word(&METHODS, &Method::Tunneling, 0),
            Some(self::tunnel(tunnel)),
        ),
        ForwardingMethod::Other(number) => (Word::Number(number), None),
        method => (word(&METHODS, &Method::Plain(method), 0), None),
    };
    Destination {
        family: family(destination.id.address.into()),
        address: destination.id.address,
        port: destination.id.port,
        forwarding_method,
        tunnel,
        weight: settings.weight,
        upper_threshold: settings.upper_threshold,
        lower_threshold: settings.lower_threshold,
        active_connections: counters.then_some(destination.active_connections),
        inactive_connections: counters.then_some(destination.inactive_connections),
        persistent_connections: counters.then_some(destination.persistent_connections),
        stats: destination.stats.as_ref().filter(|_| counters).map(stats),
    }
}

fn tunnel(tunnel: ipvs_client::Tunnel) -> Tunnel {
    let known = |kind: TunnelKind, port, checksum: Option<TunnelChecksum>| Tunnel {
        kind: Word::Name(kind.name()),
        port,
        checksum: checksum.map(|checksum| word(&CHECKSUMS, &checksum, 0)),
        flags: None,
    };
    match tunnel {
        ipvs_client::Tunnel::Ipip => known(TunnelKind::Ipip, None, None),
        ipvs_client::Tunnel::Gue { port, checksum } => {
            known(TunnelKind::Gue, Some(port.get()), Some(checksum))
        }
        ipvs_client::Tunnel::Gre { checksum } => known(TunnelKind::Gre, None, Some(checksum)),
        ipvs_client::Tunnel::Other { kind, port, flags } => Tunnel {
            kind: Word::Number(kind.into()),
            port: Some(port),
            checksum: None,
            flags: Some(flags),
        },
        other => Tunnel {
            kind: Word::Number(other.kind().into()),
            port: None,
            checksum: None,
            flags: None,
        },
    }
}

fn stats(stats: &ipvs_client::Stats) -> Stats {
    Stats {
        connections: stats.connections,
        in_packets: stats.in_packets,
        out_packets: stats.out_packets,
        in_bytes: stats.in_bytes,
        out_bytes: stats.out_bytes,
        connections_per_second: stats.connections_per_second,
        in_packets_per_second: stats.in_packets_per_second,
        out_packets_per_second: stats.out_packets_per_second,
        in_bytes_per_second: stats.in_bytes_per_second,
        out_bytes_per_second: stats.out_bytes_per_second,
    }
}

/// Connections, one after the other.
pub(crate) struct ConnectionsDocument<W>(ListDocument<W>);

#[derive(Serialize)]
struct ConnectionItem<'a> {
    protocol: &'a str,
    state: &'a str,
    expires: u32,
    client: Endpoint,
    service: ServiceEnd,
    destination: Endpoint,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistence_engine: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistence_data: Option<&'a str>,
}

/// `{"address":"10.0.0.1","port":80}` or `{"fwmark":9}`
#[derive(Serialize)]
#[serde(untagged)]
enum ServiceEnd {
    Address(Endpoint),
    Fwmark { fwmark: NonZeroU32 },
}

impl From<ConnectionService> for ServiceEnd {
    fn from(service: ConnectionService) -> Self {
        match service {
            ConnectionService::Address(end) => Self::Address(end.into()),
            ConnectionService::Fwmark(fwmark) => Self::Fwmark { fwmark },
        }
    }
}

#[derive(Serialize)]
struct Endpoint {
    address: IpAddr,
    port: u16,
}

impl From<SocketAddr> for Endpoint {
    fn from(end: SocketAddr) -> Self {
        Self {
            address: end.ip(),
            port: end.port(),
        }
    }
}

impl<W: Write> ConnectionsDocument<W> {
    pub(crate) fn begin(out: W) -> io::Result<Self> {
        ListDocument::begin(out, "connections", None, None).map(Self)
    }

    pub(crate) fn connection(&mut self, connection: &Connection<'_>) -> io::Result<()> {
        self.0.item(&ConnectionItem {
            protocol: connection.protocol,
            state: connection.state,
            expires: connection.expires,
            client: connection.client.into(),
            service: connection.service.into(),
            destination: connection.destination.into(),
            persistence_engine: connection.persistence_engine.map(|(name, _)| name),
            persistence_data: connection.persistence_engine.map(|(_, data)| data),
        })
    }

    pub(crate) fn end(self) -> io::Result<()> {
        self.0.end()
    }
}

pub(crate) fn write_daemons(out: impl Write, daemons: &[SyncDaemon]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Daemon<'a> {
        role: String,
        interface: &'a str,
        sync_id: u32,
        sync_maxlen: Option<u16>,
        group: Option<IpAddr>,
        port: Option<u16>,
        ttl: Option<u8>,
    }
    let mut list = ListDocument::begin(out, "daemons", None, None)?;
    for daemon in daemons {
        list.item(&Daemon {
            role: daemon.role.to_string(),
            interface: &daemon.interface,
            sync_id: daemon.sync_id,
            sync_maxlen: daemon.sync_maxlen,
            group: daemon.group,
            port: daemon.port,
            ttl: daemon.ttl,
        })?;
    }
    list.end()
}

pub(crate) fn write_timeouts(mut out: impl Write, timeouts: &Timeouts) -> io::Result<()> {
    let document = serde_json::json!({
        "schema_version": SCHEMA_VERSION,
        "timeouts": {
            "tcp": timeouts.tcp,
            "tcp_fin": timeouts.tcp_fin,
            "udp": timeouts.udp,
        },
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
