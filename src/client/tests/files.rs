// SPDX-License-Identifier: MIT

//! The files of /proc/net: whatever the kernel has is read as it is, and any text is read
//! or refused. The forms of lines are those of `ip_vs_conn_seq_show` and
//! `ip_vs_stats_show` of Linux 6.1. `proc/table.rs` has the same for the table.

use std::{
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
};

use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{Index, select},
};

use super::any::any_stats;
use crate::{Client, ConnectionService, Operation, Result, Stats, testing::FakeKernel};

/// A line of the list of connections.
#[derive(Clone, Debug)]
struct Line {
    protocol: &'static str,
    client: SocketAddr,
    service: SocketAddr,
    destination: SocketAddr,
    state: &'static str,
    expires: u32,
    engine: Option<(&'static str, String)>,
}

fn any_line() -> impl Strategy<Value = Line> {
    let protocol = select(vec!["TCP", "UDP", "SCTP"]);
    let end = || any::<(IpAddr, u16)>().prop_map(SocketAddr::from);
    let ends = (end(), end(), end());
    let state = select(vec!["ESTABLISHED", "NONE", "FIN_WAIT", "UDP", "ASSURED"]);
    let engine = option::of("[!-~]{1,20}".prop_map(|data| ("sip", data)));
    (protocol, ends, state, any::<u32>(), engine).prop_map(
        |(protocol, (client, service, destination), state, expires, engine)| Line {
            protocol,
            client,
            service,
            destination,
            state,
            expires,
            engine,
        },
    )
}

/// An end of a connection as the kernel writes it.
fn write_end(end: SocketAddr) -> String {
    let port = end.port();
    match end.ip() {
        IpAddr::V4(address) => format!("{:08X} {port:04X}", address.to_bits()),
        IpAddr::V6(address) => {
            let groups = address.segments().map(|group| format!("{group:04x}"));
            format!("{} {port:04X}", groups.join(":"))
        }
    }
}

/// The beginning of a line, which is the same in both lists of connections.
fn write_begin(line: &Line) -> String {
    let ends = [line.client, line.service, line.destination].map(write_end);
    format!("{:<3} {} {:<11}", line.protocol, ends.join(" "), line.state)
}

fn write_connections(lines: &[Line]) -> String {
    let mut text =
        "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n"
            .to_owned();
    for line in lines {
        let _ = write!(text, "{} {:7}", write_begin(line), line.expires);
        if let Some((name, data)) = &line.engine {
            let _ = write!(text, " {name} {data}");
        }
        text.push('\n');
    }
    text
}

/// The list with the origin of each connection: a master has told of some.
fn write_origins(lines: &[(Line, bool)]) -> String {
    let mut text =
        "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Origin Expires\n".to_owned();
    for (line, is_received) in lines {
        let origin = if *is_received { "SYNC" } else { "LOCAL" };
        let _ = writeln!(text, "{} {origin:<6} {:7}", write_begin(line), line.expires);
    }
    text
}

fn write_totals(stats: &Stats) -> String {
    format!(
        "   Total Incoming Outgoing         Incoming         Outgoing\n\
         \u{20}  Conns  Packets  Packets            Bytes            Bytes\n\
         {:8X} {:8X} {:8X} {:16X} {:16X}\n\n\
         \u{20}Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n\
         {:8X} {:8X} {:8X} {:16X} {:16X}\n",
        stats.connections,
        stats.in_packets,
        stats.out_packets,
        stats.in_bytes,
        stats.out_bytes,
        stats.connections_per_second,
        stats.in_packets_per_second,
        stats.out_packets_per_second,
        stats.in_bytes_per_second,
        stats.out_bytes_per_second,
    )
}

fn client_with(file: &str, text: &str) -> Client {
    let kernel = FakeKernel::new();
    kernel.set_file(file, text);
    kernel.client().unwrap()
}

fn read_connections(client: &Client) -> Result<()> {
    let mut connections = client.connections()?;
    while connections.next_connection()?.is_some() {}
    Ok(())
}

fn read_table(client: &Client) -> Result<()> {
    let mut table = client.table_file()?;
    while table.next_entry()?.is_some() {}
    let mut table = client.whole_table_file()?;
    while table.next_entry()?.is_some() {}
    Ok(())
}

type Read = fn(&Client) -> Result<()>;

/// Each file with what reads it, the operation that this is, and a text that it can have.
fn any_file() -> impl Strategy<Value = (&'static str, Read, Operation, String)> {
    let connections = vec(any_line(), 0..3);
    let origins = vec((any_line(), any::<bool>()), 0..3);
    let table = "IP Virtual Server version 1.2.1 (size=4096)\n\
                 Prot LocalAddress:Port Scheduler Flags\n  \
                 -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n\
                 TCP  0A000001:0050 rr persistent 360 FFFFFFFF \n  \
                 -> 0A000002:0050      Masq    1      0          0         \n";
    prop_oneof![
        connections.prop_map(|lines| {
            let text = write_connections(&lines);
            let read: Read = read_connections;
            ("ip_vs_conn", read, Operation::ListConnections, text)
        }),
        origins.prop_map(|lines| {
            let read: Read = |client| client.received_connections().map(drop);
            let text = write_origins(&lines);
            ("ip_vs_conn_sync", read, Operation::ListConnections, text)
        }),
        any_stats().prop_map(|stats| {
            let read: Read = |client| client.total_stats().map(drop);
            let text = write_totals(&stats);
            ("ip_vs_stats", read, Operation::ReadTotals, text)
        }),
        Just((
            "ip_vs",
            read_table as Read,
            Operation::ReadTableFile,
            table.to_owned()
        )),
    ]
}

/// Another character for the one in some place, or none.
fn any_damage() -> impl Strategy<Value = (Index, String)> {
    (any::<Index>(), "[ \n\t0-9A-Fx:>(\u{0}\u{e9}-]{0,3}")
}

proptest! {
    #[test]
    fn any_connection_is_read_as_the_kernel_writes_it(lines in vec(any_line(), 0..6)) {
        let client = client_with("ip_vs_conn", &write_connections(&lines));
        let mut connections = client.connections().unwrap();
        for line in &lines {
            let read = connections.next_connection().unwrap().unwrap();
            prop_assert_eq!((read.protocol, read.state), (line.protocol, line.state));
            prop_assert_eq!((read.client, read.destination), (line.client, line.destination));
            prop_assert_eq!(read.service, ConnectionService::Address(line.service));
            prop_assert_eq!(read.expires, line.expires);
            let engine = line.engine.as_ref().map(|(name, data)| (*name, data.as_str()));
            prop_assert_eq!(read.persistence_engine, engine);
        }
        prop_assert!(connections.next_connection().unwrap().is_none());
    }

    #[test]
    fn any_connections_that_a_master_has_told_of_are_counted(
        lines in vec((any_line(), any::<bool>()), 0..6),
    ) {
        let client = client_with("ip_vs_conn_sync", &write_origins(&lines));
        let received = lines.iter().filter(|(_, is_received)| *is_received).count();
        prop_assert_eq!(client.received_connections().unwrap(), received as u64);
    }

    #[test]
    fn any_totals_are_read_as_the_kernel_writes_them(stats in any_stats()) {
        let client = client_with("ip_vs_stats", &write_totals(&stats));
        prop_assert_eq!(client.total_stats().unwrap(), stats);
    }

    #[test]
    fn a_damaged_file_is_read_or_the_error_names_the_operation(
        (name, read, operation, text) in any_file(),
        damages in vec(any_damage(), 0..4),
    ) {
        let mut letters: Vec<String> = text.chars().map(String::from).collect();
        for (place, damage) in damages {
            let place = place.index(letters.len());
            letters[place] = damage;
        }
        if let Err(error) = read(&client_with(name, &letters.concat())) {
            prop_assert_eq!(error.operation(), Some(operation));
        }
    }
}
