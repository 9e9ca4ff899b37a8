// SPDX-License-Identifier: MIT

//! The connection table, from `/proc/net/ip_vs_conn`.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Read},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
};

use super::unknown_line;
use crate::{Error, Operation, Result};

/// The name of the file.
pub(crate) const FILE: &str = "ip_vs_conn";

/// An entry of the connection table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection<'a> {
    /// `TCP`, `UDP` or `SCTP`; `IP` for the template of a persistent firewall
    /// mark.
    pub protocol: &'a str,
    /// The client. A persistence template has port 0 ([`is_template`](Self::is_template)).
    pub client: SocketAddr,
    /// The virtual service that took it.
    pub service: ConnectionService,
    /// The destination that it went to.
    pub destination: SocketAddr,
    /// The state, in the kernel's words.
    pub state: &'a str,
    /// Seconds until the entry is dropped if nothing happens.
    pub expires: u32,
    /// The name of the persistence engine and what it tells clients apart by.
    pub persistence_engine: Option<(&'a str, &'a str)>,
}

impl<'a> Connection<'a> {
    /// An entry without what a persistence engine adds, for those who have it from
    /// elsewhere: another director, or a test.
    #[must_use]
    pub fn new(
        protocol: &'a str,
        client: SocketAddr,
        service: ConnectionService,
        destination: SocketAddr,
        state: &'a str,
        expires: u32,
    ) -> Self {
        Self {
            protocol,
            client,
            service,
            destination,
            state,
            expires,
            persistence_engine: None,
        }
    }

    /// Returns whether this is a persistence template: it is no connection, but says
    /// where those of a client go.
    ///
    /// It has no port of the client. A connection has none only while a real server
    /// waits for FTP data on a port that it has told the client, which the state says.
    #[must_use]
    pub fn is_template(&self) -> bool {
        self.client.port() == 0 && self.state != "LISTEN"
    }
}

/// Names the virtual service of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionService {
    /// The virtual address and port that the client asked.
    Address(SocketAddr),
    /// The firewall mark of a persistence template: one client's connections
    /// to all addresses and ports with this mark.
    Fwmark(NonZeroU32),
}

impl ConnectionService {
    /// Finds the mark where the kernel writes it: the protocol is then IP, and
    /// the mark is in the first four bytes of the address.
    fn of(protocol: &str, end: SocketAddr) -> Self {
        let mark = match (protocol, end.port(), end.ip()) {
            ("IP", 0, IpAddr::V4(address)) => Some(address.to_bits()),
            ("IP", 0, IpAddr::V6(address)) => match address.segments() {
                [high, low, 0, 0, 0, 0, 0, 0] => Some(u32::from(high) << 16 | u32::from(low)),
                _ => None,
            },
            _ => None,
        };
        match mark.and_then(NonZeroU32::new) {
            Some(mark) => Self::Fwmark(mark),
            None => Self::Address(end),
        }
    }
}

/// The connection table, entry by entry, from `/proc/net/ip_vs_conn`:
/// [`Client::connections`](crate::Client::connections) opens it.
///
/// One line is in memory at a time. The kernel builds the file while it is
/// read, so that connections come and go meanwhile.
pub struct Connections<R = BufReader<Box<dyn Read + Send>>> {
    reader: R,
    line: Vec<u8>,
}

impl<R> fmt::Debug for Connections<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}

impl<R: BufRead> Connections<R> {
    /// Reads a table in the form of `/proc/net/ip_vs_conn`, headings first.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read.
    pub fn new(mut reader: R) -> Result<Self> {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line).map_err(failed)?;
        Ok(Self { reader, line })
    }

    /// Returns the room for a line, in bytes.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.line.capacity()
    }

    /// The next connection, or `None` after the last.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read or has a line of another
    /// form.
    pub fn next_connection(&mut self) -> Result<Option<Connection<'_>>> {
        self.line.clear();
        let length = self
            .reader
            .read_until(b'\n', &mut self.line)
            .map_err(failed)?;
        if length == 0 {
            return Ok(None);
        }
        let line = std::str::from_utf8(&self.line).ok();
        match line.and_then(parse) {
            Some(connection) => Ok(Some(connection)),
            None => Err(failed(unknown_line(FILE, &self.line))),
        }
    }
}

pub(crate) fn failed(reason: io::Error) -> Error {
    Error::Io {
        operation: Operation::ListConnections,
        reason,
    }
}

fn parse(line: &str) -> Option<Connection<'_>> {
    let mut rest = line;
    let protocol = word(&mut rest)?;
    let client = endpoint(&mut rest)?;
    let service = endpoint(&mut rest)?;
    let destination = endpoint(&mut rest)?;
    let state = word(&mut rest)?;
    let expires = word(&mut rest)?.parse().ok()?;
    let persistence_engine = word(&mut rest).map(|name| (name, rest.trim()));
    Some(Connection {
        protocol,
        client,
        service: ConnectionService::of(protocol, service),
        destination,
        state,
        expires,
        persistence_engine,
    })
}

/// Takes the next word off the front.
fn word<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let bytes = rest.as_bytes();
    let begin = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let (_, trimmed) = rest.split_at_checked(begin)?;
    let end = trimmed
        .bytes()
        .position(|byte| byte.is_ascii_whitespace())
        .unwrap_or(trimmed.len());
    let (word, after) = trimmed.split_at_checked(end)?;
    *rest = after;
    Some(word)
}

fn endpoint(rest: &mut &str) -> Option<SocketAddr> {
    let address = word(rest)?;
    // IPv4 is eight digits without a dot, IPv6 eight groups with colons.
    let address = if address.contains(':') {
        IpAddr::V6(address.parse().ok()?)
    } else {
        IpAddr::V4(Ipv4Addr::from(hexadecimal(address)?))
    };
    let port = u16::try_from(hexadecimal(word(rest)?)?).ok()?;
    Some(SocketAddr::new(address, port))
}

/// At most eight hexadecimal digits.
fn hexadecimal(word: &str) -> Option<u32> {
    if word.len() > 8 {
        return None;
    }
    word.bytes().try_fold(0, |number, digit| {
        Some(number << 4 | char::from(digit).to_digit(16)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADINGS: &str =
        "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n";

    #[test]
    fn each_line_is_a_connection_in_the_order_of_the_file() {
        let table = format!(
            "{HEADINGS}\
             TCP 0A000009 D431 0A000001 0050 0A000002 1F90 ESTABLISHED     899\n\
             UDP 2001:0db8:0000:0000:0000:0000:0000:0009 13C4 \
                 2001:0db8:0000:0000:0000:0000:0000:0001 13C4 0A000002 13C4 UDP             12 \
                 sip 3848276298220188511@host\n"
        );
        let mut connections = Connections::new(table.as_bytes()).unwrap();
        assert_eq!(format!("{connections:?}"), "Connections { .. }");
        assert_eq!(
            connections.next_connection().unwrap(),
            Some(Connection {
                protocol: "TCP",
                client: "10.0.0.9:54321".parse().unwrap(),
                service: ConnectionService::Address("10.0.0.1:80".parse().unwrap()),
                destination: "10.0.0.2:8080".parse().unwrap(),
                state: "ESTABLISHED",
                expires: 899,
                persistence_engine: None,
            })
        );
        assert_eq!(
            connections.next_connection().unwrap(),
            Some(Connection {
                protocol: "UDP",
                client: "[2001:db8::9]:5060".parse().unwrap(),
                service: ConnectionService::Address("[2001:db8::1]:5060".parse().unwrap()),
                destination: "10.0.0.2:5060".parse().unwrap(),
                state: "UDP",
                expires: 12,
                persistence_engine: Some(("sip", "3848276298220188511@host")),
            })
        );
        assert_eq!(connections.next_connection().unwrap(), None);
    }

    /// The lines are those of Linux 6.1 for `-f 9 -p` and `-f 3000000000 -6 -p`.
    #[test]
    fn the_template_of_a_mark_has_the_mark_for_its_service() {
        let service = |line: &str| {
            let table = format!("{HEADINGS}{line}\n");
            let mut connections = Connections::new(table.as_bytes()).unwrap();
            connections.next_connection().unwrap().unwrap().service
        };
        let mark = |mark| ConnectionService::Fwmark(NonZeroU32::new(mark).unwrap());
        let address = |text: &str| ConnectionService::Address(text.parse().unwrap());
        for (line, wanted) in [
            (
                "IP  0A000009 0000 00000009 0000 0A000002 0000 NONE            49",
                mark(9),
            ),
            (
                "IP  2001:0db8:0000:0000:0000:0000:0000:0009 0000 \
                 b2d0:5e00:0000:0000:0000:0000:0000:0000 0000 \
                 2001:0db8:0000:0000:0000:0000:0000:0002 0000 NONE            49",
                mark(3_000_000_000),
            ),
            (
                "TCP 0A000009 0000 00000009 0000 0A000002 0000 NONE            49",
                address("0.0.0.9:0"),
            ),
            (
                "IP  0A000009 0000 00000000 0000 0A000002 0000 NONE            49",
                address("0.0.0.0:0"),
            ),
        ] {
            assert_eq!(service(line), wanted, "{line}");
        }
    }

    #[test]
    fn numbers_are_hexadecimal_and_no_longer_than_they_can_be() {
        for (word, number) in [
            ("0A000009", Some(0x0a00_0009)),
            ("ffffFFFF", Some(u32::MAX)),
            ("50", Some(0x50)),
            ("00A000009", None),
            ("0A00000G", None),
            ("+A", None),
            ("é", None),
        ] {
            assert_eq!(hexadecimal(word), number, "{word}");
        }
    }

    #[test]
    fn a_line_of_another_form_is_an_error_that_shows_it() {
        let table = format!("{HEADINGS}TCP 0A000009\n");
        let mut connections = Connections::new(table.as_bytes()).unwrap();
        assert_eq!(
            connections.next_connection().unwrap_err().to_string(),
            "cannot list the connections: /proc/thread-self/net/ip_vs_conn has a line of an unknown form: \
             TCP 0A000009"
        );
    }
}
