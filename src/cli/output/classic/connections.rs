// SPDX-License-Identifier: MIT

//! The connections of the kernel in the columns of ipvsadm 1.31.

use std::{
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use ipvs_client::{Connection, ConnectionService};

use crate::names::Names;
use crate::output::{connections::read_protocol, text};

/// Writes connections in columns.
pub(crate) struct ConnectionWriter<W> {
    out: W,
    names: Names,
    /// The columns end with the name and data of the persistence engine.
    engine_data: bool,
    /// The three ends of a connection, kept for the next.
    client: String,
    service: String,
    destination: String,
}

impl<W: Write> ConnectionWriter<W> {
    /// Writes the headings.
    pub(crate) fn begin(mut out: W, names: Names, engine_data: bool) -> io::Result<Self> {
        write!(
            out,
            "IPVS connection entries\n\
             pro expire state       source             virtual            destination"
        )?;
        if engine_data {
            write!(out, "        pe name          pe_data")?;
        }
        writeln!(out)?;
        Ok(Self {
            out,
            names,
            engine_data,
            client: String::new(),
            service: String::new(),
            destination: String::new(),
        })
    }

    pub(crate) fn write_connection(&mut self, connection: &Connection<'_>) -> io::Result<()> {
        let protocol = read_protocol(connection.protocol);
        for (buffer, end) in [
            (&mut self.client, connection.client),
            (&mut self.service, service_address(connection)),
            (&mut self.destination, connection.destination),
        ] {
            buffer.clear();
            text::push_endpoint(buffer, &mut self.names, end.ip(), end.port(), protocol);
        }
        let (client, service, destination) = (&self.client, &self.service, &self.destination);
        let (minutes, seconds) = (connection.expires / 60, connection.expires % 60);
        let expires = format!("{minutes:02}:{seconds:02}");
        write!(
            self.out,
            "{:<3} {expires:<6} {:<11} {client:<18} {service:<18} ",
            connection.protocol, connection.state
        )?;
        match connection.persistence_engine {
            Some((engine, data)) if self.engine_data => {
                writeln!(self.out, "{destination:<16} {engine:<18} {data}")
            }
            _ => writeln!(self.out, "{destination}"),
        }
    }
}

/// Returns the address of the service. A firewall mark stands in the place of one, as in
/// the kernel's own list: in its first four bytes.
fn service_address(connection: &Connection<'_>) -> SocketAddr {
    match (connection.service, connection.client.ip()) {
        (ConnectionService::Fwmark(mark), IpAddr::V4(_)) => (Ipv4Addr::from(mark.get()), 0).into(),
        (ConnectionService::Fwmark(mark), IpAddr::V6(_)) => {
            (Ipv6Addr::from(u128::from(mark.get()) << 96), 0).into()
        }
        (ConnectionService::Address(address), _) => address,
    }
}

#[cfg(test)]
mod tests {
    use ipvs_client::Connections;

    use super::*;

    fn row(expires: u32) -> String {
        let end = "0A000001 0050";
        write(&format!("TCP {end} {end} {end} NONE {expires}"), false)
    }

    /// The row of a line of /proc/net/ip_vs_conn.
    fn write(line: &str, engine_data: bool) -> String {
        let table = format!("headings\n{line}\n");
        let mut connections = Connections::new(table.as_bytes()).unwrap();
        let connection = connections.next_connection().unwrap().unwrap();
        let mut out = Vec::new();
        let names = Names::new(true);
        let mut writer = ConnectionWriter::begin(&mut out, names, engine_data).unwrap();
        writer.write_connection(&connection).unwrap();
        String::from_utf8(out)
            .unwrap()
            .lines()
            .nth(2)
            .unwrap()
            .to_owned()
    }

    /// As ipvsadm 1.31 shows templates of such services
    /// (`connections.txt` of the suite).
    #[test]
    fn the_expiry_is_a_field_of_six_and_a_blank() {
        for (expires, beginning) in [
            (0, "TCP 00:00  NONE        10"),
            (5999, "TCP 99:59  NONE        10"),
            (6000, "TCP 100:00 NONE        10"),
            (10_796, "TCP 179:56 NONE        10"),
            (2_678_399, "TCP 44639:59 NONE        10"),
        ] {
            let row = row(expires);
            assert!(row.starts_with(beginning), "{row}");
        }
    }

    /// The rows are those of ipvsadm 1.31 (`connections.txt` of the suite).
    #[test]
    fn each_end_is_a_field_and_the_engine_and_its_data_come_last() {
        let call = "3848276298220188511@host.example.org";
        let sip = format!("UDP 0A0000FE 0000 0A000001 13C4 0A000002 13C4 NONE 99 sip {call}");
        let row = "UDP 01:39  NONE        10.0.0.254:0       10.0.0.1:5060      10.0.0.2:5060";
        assert_eq!(write(&sip, false), row);
        assert_eq!(
            write(&sip, true),
            format!("{row}    sip                {call}")
        );
        let ipv6 = "UDP 2001:0db8:0000:0000:0000:0000:0000:00fe 0FA0 \
                    2001:0db8:0000:0000:0000:0000:0000:0001 1E61 \
                    2001:0db8:0000:0000:0000:0000:0000:0002 1E62 UDP 299";
        assert_eq!(
            write(ipv6, true),
            "UDP 04:59  UDP         [2001:db8::fe]:4000 [2001:db8::1]:7777 [2001:db8::2]:7778"
        );
    }

    /// The kernel puts it there (`ip_vs_sched_persist` in net/netfilter/ipvs/ip_vs_core.c),
    /// and the original shows the address that it makes.
    #[test]
    fn a_firewall_mark_is_the_first_four_bytes_of_an_address() {
        assert_eq!(
            write(
                "IP  0A0000FE 0000 00000102 0000 0A000002 0000 NONE 99",
                false
            ),
            "IP  01:39  NONE        10.0.0.254:0       0.0.1.2:0          10.0.0.2:0"
        );
        let ipv6 = "IP  2001:0db8:0000:0000:0000:0000:0000:00fe 0000 \
                    0000:0102:0000:0000:0000:0000:0000:0000 0000 \
                    2001:0db8:0000:0000:0000:0000:0000:0002 0000 NONE 99";
        assert_eq!(
            write(ipv6, false),
            "IP  01:39  NONE        [2001:db8::fe]:0   [0:102::]:0        [2001:db8::2]:0"
        );
    }
}
