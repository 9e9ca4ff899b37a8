// SPDX-License-Identifier: MIT

//! Connections for people: nothing is cut, and each names its virtual service.

use std::io::{self, Write};

use ipvs_client::{Connection, ConnectionOwner, ConnectionService, Protocol};

use super::text::{self, count_characters};
use crate::names::Names;

/// So many connections are kept, to find out how wide columns have to be. Later ones
/// are written as they come, so that any number of them takes no more memory.
const KEPT: usize = 1000;
/// Blanks between two columns.
const GAP: usize = 2;

const COLUMNS: usize = 8;
const HEADINGS: [&str; COLUMNS] = [
    "Protocol",
    "State",
    "Expires",
    "Client",
    "Virtual address",
    "Server",
    "Service",
    "Details",
];

type Cells = [String; COLUMNS];

/// Writes connections in columns that are as wide as the first of them need.
pub(crate) struct WideConnectionWriter<W> {
    out: W,
    names: Names,
    kept: Vec<Cells>,
    /// The widths of the columns, once they have been found out.
    widths: Option<[usize; COLUMNS]>,
    /// The cells of one connection, kept for the next.
    cells: Cells,
}

impl<W: Write> WideConnectionWriter<W> {
    pub(crate) fn new(out: W, names: Names) -> Self {
        Self {
            out,
            names,
            kept: Vec::new(),
            widths: None,
            cells: Cells::default(),
        }
    }

    pub(crate) fn write_connection(
        &mut self,
        connection: &Connection<'_>,
        owner: &ConnectionOwner<'_>,
    ) -> io::Result<()> {
        fill(&mut self.cells, connection, owner, &mut self.names);
        match &self.widths {
            Some(widths) => write_row(&mut self.out, &self.cells, widths),
            None => {
                self.kept.push(self.cells.clone());
                if self.kept.len() == KEPT {
                    self.write_kept()?;
                }
                Ok(())
            }
        }
    }

    fn write_kept(&mut self) -> io::Result<()> {
        let mut widths = HEADINGS.map(str::len);
        for cells in &self.kept {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = count_characters(cell).max(*width);
            }
        }
        write_row(&mut self.out, &HEADINGS, &widths)?;
        for cells in std::mem::take(&mut self.kept) {
            write_row(&mut self.out, &cells, &widths)?;
        }
        self.widths = Some(widths);
        Ok(())
    }

    /// Writes what was kept.
    pub(crate) fn end(mut self) -> io::Result<()> {
        match (&self.widths, self.kept.is_empty()) {
            (Some(_), _) => Ok(()),
            (None, true) => writeln!(self.out, "There are no connections."),
            (None, false) => self.write_kept(),
        }
    }
}

fn fill(
    cells: &mut Cells,
    connection: &Connection<'_>,
    owner: &ConnectionOwner<'_>,
    names: &mut Names,
) {
    let [
        protocol,
        state,
        expires,
        client,
        virtual_address,
        server,
        service,
        details,
    ] = cells;
    for cell in [
        &mut *protocol,
        &mut *state,
        &mut *expires,
        &mut *client,
        &mut *virtual_address,
        &mut *server,
        &mut *service,
        &mut *details,
    ] {
        cell.clear();
    }
    protocol.push_str(connection.protocol);
    state.push_str(connection.state);
    push_time(expires, connection.expires);
    let of_ports = read_protocol(connection.protocol);
    let mut push = |cell: &mut String, end: std::net::SocketAddr| {
        text::push_endpoint(cell, names, end.ip(), end.port(), of_ports);
    };
    push(client, connection.client);
    match connection.service {
        ConnectionService::Address(end) => push(virtual_address, end),
        ConnectionService::Fwmark(_) => virtual_address.push('-'),
    }
    push(server, connection.destination);
    push_owner(service, owner, names);
    if connection.is_template() {
        details.push_str("template");
    }
    if let Some((engine, data)) = connection.persistence_engine {
        if !details.is_empty() {
            details.push_str(", ");
        }
        details.push_str(engine);
        details.push(' ');
        details.push_str(data);
    }
}

/// Appends hours, minutes and seconds: `0:14:59`.
fn push_time(cell: &mut String, seconds: u32) {
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    text::append(cell, format_args!("{hours}:{minutes:02}:{seconds:02}"));
}

/// Returns the protocol by whose names ports are shown.
pub(super) fn read_protocol(word: &str) -> Protocol {
    match word {
        "TCP" => Protocol::Tcp,
        "UDP" => Protocol::Udp,
        "SCTP" => Protocol::Sctp,
        _ => Protocol::Other(0),
    }
}

/// Appends the service of connections: `TCP 10.0.0.1:80`, `FWM 1 or FWM 2`, or a dash.
pub(super) fn push_owner(cell: &mut String, owner: &ConnectionOwner<'_>, names: &mut Names) {
    match owner {
        ConnectionOwner::Service(id) => text::push_service_id(cell, id, names),
        ConnectionOwner::OneOf(marks) => {
            for (place, mark) in marks.iter().enumerate() {
                if place > 0 {
                    cell.push_str(" or ");
                }
                text::push_service_id(cell, mark, names);
            }
        }
        ConnectionOwner::Gone => cell.push('-'),
    }
}

fn write_row(out: &mut impl Write, cells: &[impl AsRef<str>], widths: &[usize]) -> io::Result<()> {
    let mut blanks = 0;
    for (cell, width) in cells.iter().map(AsRef::as_ref).zip(widths) {
        if cell.is_empty() {
            // Lines do not end in blanks.
            blanks += width + GAP;
            continue;
        }
        write!(out, "{:blanks$}{cell}", "")?;
        blanks = width.saturating_sub(count_characters(cell)) + GAP;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use ipvs_client::{ConnectionServices, Connections, Service, ServiceSettings};

    use super::*;

    fn write(lines: &str) -> String {
        let service = |name: &str| {
            let id = name.parse().unwrap();
            let settings = ServiceSettings::new("rr").persistent(360);
            (
                Service::new(id, settings),
                vec!["10.0.0.2:0".parse().unwrap()],
            )
        };
        let services = ["TCP 10.0.0.1:0", "fwmark 1", "fwmark 2", "fwmark 3 IPv6"].map(service);
        let services = ConnectionServices::new(services);
        let table = format!("headings\n{lines}");
        let mut connections = Connections::new(table.as_bytes()).unwrap();
        let mut out = Vec::new();
        let mut writer = WideConnectionWriter::new(&mut out, Names::new(true));
        while let Some(connection) = connections.next_connection().unwrap() {
            let owner = services.find(&connection);
            writer.write_connection(&connection, &owner).unwrap();
        }
        writer.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_connection_has_its_service_and_what_else_is_known() {
        let written = write(
            "TCP 0A000009 D431 0A000001 0050 0A000002 0050 ESTABLISHED     899\n\
             TCP 0A000009 0000 0A000001 0000 0A000002 0000 ASSURED       10799\n\
             UDP 0A000009 13C4 0A000005 13C4 0A000002 13C4 UDP             299\n\
             TCP 0A000009 13C4 0A000005 13C4 0A000003 13C4 FIN_WAIT         60\n\
             IP  2001:0db8:0000:0000:0000:0000:0000:0009 0000 \
                 0000:0003:0000:0000:0000:0000:0000:0000 0000 0A000002 0000 NONE 50 sip call@host\n",
        );
        let wanted = "\
Protocol  State        Expires  Client           Virtual address  Server         Service         Details
TCP       ESTABLISHED  0:14:59  10.0.0.9:54321   10.0.0.1:80      10.0.0.2:80    TCP 10.0.0.1:0
TCP       ASSURED      2:59:59  10.0.0.9:0       10.0.0.1:0       10.0.0.2:0     TCP 10.0.0.1:0  template
UDP       UDP          0:04:59  10.0.0.9:5060    10.0.0.5:5060    10.0.0.2:5060  FWM 1 or FWM 2
TCP       FIN_WAIT     0:01:00  10.0.0.9:5060    10.0.0.5:5060    10.0.0.3:5060  -
IP        NONE         0:00:50  [2001:db8::9]:0  -                10.0.0.2:0     FWM 3 IPv6      template, sip call@host
";
        assert_eq!(written, wanted);
    }

    #[test]
    fn columns_are_as_wide_as_the_first_thousand_need_and_nothing_is_cut() {
        let short = "TCP 0A000009 0001 0A000001 0050 0A000002 0050 CLOSE 1\n";
        let long = "TCP FF000099 FFFF FF000091 FFFF FF000092 FFFF ESTABLISHED 1\n";
        let written = write(&format!("{}{long}", short.repeat(KEPT)));
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!(lines.len(), 1 + KEPT + 1);
        assert!(lines[1].starts_with("TCP       CLOSE  0:00:01  10.0.0.9:1  10.0.0.1:80 "));
        assert_eq!(
            *lines.last().unwrap(),
            "TCP       ESTABLISHED  0:00:01  255.0.0.153:65535  255.0.0.145:65535  255.0.0.146:65535  -"
        );
        // The last of those that are kept is written too.
        assert_eq!(write(&short.repeat(KEPT)).lines().count(), 1 + KEPT);
        assert_eq!(write(""), "There are no connections.\n");
    }

    #[test]
    fn ports_have_the_names_of_the_protocol_and_none_where_there_are_none() {
        for (word, protocol) in [
            ("TCP", Protocol::Tcp),
            ("UDP", Protocol::Udp),
            ("SCTP", Protocol::Sctp),
            ("IP", Protocol::Other(0)),
        ] {
            assert_eq!(read_protocol(word), protocol);
        }
    }

    #[test]
    fn empty_cells_are_blank_where_others_follow() {
        for (cells, row) in [
            (["a", "", "", "b"], "a            b\n"),
            (["", "a", "", "b"], "     a       b\n"),
            (["", "", "a", ""], "         a\n"),
        ] {
            let mut out = Vec::new();
            write_row(&mut out, &cells, &[3, 2, 2, 1]).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), row);
        }
    }
}
