// SPDX-License-Identifier: MIT

//! Virtual services and their destinations in the columns of ipvsadm 1.31.

use std::{
    borrow::Cow,
    io::{self, Write},
    net::IpAddr,
};

use ipvs_client::{
    AddressFamily, Destination, ForwardingMethod, Info, Protocol, Service, ServiceId, Stats,
    Tunnel, TunnelChecksum,
};
use itoa::Buffer;

use crate::output::{
    entries::EntryWriter,
    number::{Large, push_counter},
    text::{self, append, pad, push_dotted, push_left, push_number, push_right},
};
use crate::{
    command::{ListTable, View},
    names::Names,
};

/// The width of names. IPv4 names that are longer are cut.
const NAME_WIDTH: usize = 28;
/// The width of counters.
const COUNTER_WIDTH: usize = 8;

/// The columns of a view, which stand behind the names.
enum Columns {
    /// Columns of destinations, named on the second line of the headings, which
    /// is that of destinations.
    NamedBelow(&'static [Column]),
    /// Columns of destinations, named on the first line of the headings.
    NamedAbove(&'static [Column]),
    /// Columns of services and destinations alike.
    Counters(&'static [CounterColumn; 5]),
}

impl Columns {
    fn of(view: View) -> Self {
        match view {
            View::Plain => Self::NamedBelow(&[FORWARD, WEIGHT, ACTIVE, INACTIVE]),
            View::Stats | View::StatsAndRate => Self::Counters(&TOTALS),
            View::Rate => Self::Counters(&RATES),
            View::Thresholds => {
                Self::NamedAbove(&[UPPER_THRESHOLD, LOWER_THRESHOLD, ACTIVE, INACTIVE])
            }
            View::PersistentConnections => {
                Self::NamedAbove(&[WIDE_WEIGHT, PERSISTENT, ACTIVE, INACTIVE])
            }
            View::TunnelInfo => Self::NamedBelow(&[FORWARD, TUNNEL, WEIGHT, ACTIVE, INACTIVE]),
        }
    }

    /// Appends the two lines of the headings.
    fn push_headings(&self, row: &mut String) {
        const SERVICE: &str = "Prot LocalAddress:Port";
        const DESTINATION: &str = "  -> RemoteAddress:Port";
        // The names begin behind the protocol, or behind the arrow.
        const WIDTH: usize = 5 + NAME_WIDTH;
        match self {
            Self::NamedBelow(columns) => {
                row.push_str(SERVICE);
                row.push_str(" Scheduler Flags\n");
                push_left(row, DESTINATION, WIDTH);
                for column in *columns {
                    push_cell(row, column.heading, column.width);
                }
                row.truncate(row.trim_end().len());
            }
            Self::NamedAbove(columns) => {
                push_left(row, SERVICE, WIDTH);
                for column in *columns {
                    push_cell(row, column.heading, column.width);
                }
                row.push('\n');
                row.push_str(DESTINATION);
            }
            Self::Counters(columns) => {
                push_left(row, SERVICE, WIDTH);
                for column in *columns {
                    row.push(' ');
                    push_right(row, column.heading, COUNTER_WIDTH);
                }
                row.push('\n');
                row.push_str(DESTINATION);
            }
        }
    }
}

/// A column of destinations. The lines of services have the scheduler and flags
/// in its place.
struct Column {
    heading: &'static str,
    width: usize,
    value: Value,
}

/// The value that a destination has in a column.
enum Value {
    Number(fn(&Destination) -> u32),
    Method(fn(ForwardingMethod) -> Cow<'static, str>),
}

impl Column {
    const fn number(heading: &'static str, width: usize, value: fn(&Destination) -> u32) -> Self {
        Self {
            heading,
            width,
            value: Value::Number(value),
        }
    }

    const fn method(
        heading: &'static str,
        width: usize,
        value: fn(ForwardingMethod) -> Cow<'static, str>,
    ) -> Self {
        Self {
            heading,
            width,
            value: Value::Method(value),
        }
    }

    fn push_cell(&self, row: &mut String, destination: &Destination) {
        match self.value {
            Value::Number(value) => {
                push_cell(row, Buffer::new().format(value(destination)), self.width);
            }
            Value::Method(value) => {
                push_cell(
                    row,
                    &value(destination.settings.forwarding_method),
                    self.width,
                );
            }
        }
    }
}

const FORWARD: Column = Column::method("Forward", 7, method_name);
const TUNNEL: Column = Column::method("TunnelInfo", 13, tunnel_info);
const WEIGHT: Column = Column::number("Weight", 6, |one| one.settings.weight);
const WIDE_WEIGHT: Column = Column::number("Weight", 9, |one| one.settings.weight);
const UPPER_THRESHOLD: Column =
    Column::number("Uthreshold", 10, |one| one.settings.upper_threshold);
const LOWER_THRESHOLD: Column =
    Column::number("Lthreshold", 10, |one| one.settings.lower_threshold);
const PERSISTENT: Column = Column::number("PersistConn", 11, |one| one.persistent_connections);
const ACTIVE: Column = Column::number("ActiveConn", 10, |one| one.active_connections);
const INACTIVE: Column = Column::number("InActConn", 10, |one| one.inactive_connections);

/// A column of counters or rates.
struct CounterColumn {
    heading: &'static str,
    value: fn(&Stats) -> u64,
    /// Large values are cut on the lines of services, and of destinations too.
    cut_of_destinations: bool,
}

#[rustfmt::skip]
const TOTALS: [CounterColumn; 5] = [
    CounterColumn { heading: "Conns", value: |stats| stats.connections, cut_of_destinations: true },
    CounterColumn { heading: "InPkts", value: |stats| stats.in_packets, cut_of_destinations: true },
    CounterColumn { heading: "OutPkts", value: |stats| stats.out_packets, cut_of_destinations: true },
    CounterColumn { heading: "InBytes", value: |stats| stats.in_bytes, cut_of_destinations: true },
    CounterColumn { heading: "OutBytes", value: |stats| stats.out_bytes, cut_of_destinations: true },
];

#[rustfmt::skip]
const RATES: [CounterColumn; 5] = [
    CounterColumn { heading: "CPS", value: |stats| stats.connections_per_second, cut_of_destinations: false },
    CounterColumn { heading: "InPPS", value: |stats| stats.in_packets_per_second, cut_of_destinations: false },
    CounterColumn { heading: "OutPPS", value: |stats| stats.out_packets_per_second, cut_of_destinations: false },
    CounterColumn { heading: "InBPS", value: |stats| stats.in_bytes_per_second, cut_of_destinations: true },
    CounterColumn { heading: "OutBPS", value: |stats| stats.out_bytes_per_second, cut_of_destinations: true },
];

/// Writes the table in the columns of ipvsadm 1.31.
pub(crate) struct ClassicWriter<'n, W> {
    out: W,
    names: &'n mut Names,
    columns: Columns,
    /// The form of large counters where they may be cut.
    large: Large,
    /// A row is put together here and written in one piece.
    row: String,
}

impl<'n, W: Write> ClassicWriter<'n, W> {
    /// Writes the headings, below the version of IPVS unless only one service is
    /// listed.
    pub(crate) fn begin(
        out: W,
        names: &'n mut Names,
        info: Option<&Info>,
        table: &ListTable,
    ) -> io::Result<Self> {
        let mut writer = Self {
            out,
            names,
            columns: Columns::of(table.view),
            large: if table.exact {
                Large::Whole
            } else {
                Large::Cut
            },
            row: String::new(),
        };
        if let Some(info) = info {
            writer.write_version(info)?;
        }
        writer.columns.push_headings(&mut writer.row);
        writer.write_row()?;
        Ok(writer)
    }

    fn write_version(&mut self, info: &Info) -> io::Result<()> {
        self.row.push_str("IP Virtual Server version ");
        push_dotted(&mut self.row, &info.version.numbers());
        self.row.push_str(" (size=");
        push_number(&mut self.row, info.connection_table_size);
        self.row.push(')');
        self.write_row()
    }

    fn write_service(&mut self, service: &Service) -> io::Result<()> {
        let name = self.push_service_name(&service.id);
        match self.columns {
            Columns::NamedBelow(_) | Columns::NamedAbove(_) => {
                self.row.push(' ');
                self.push_settings(service);
            }
            Columns::Counters(columns) => {
                pad(&mut self.row, name, NAME_WIDTH);
                for column in columns {
                    let value = service.stats.as_ref().map(column.value);
                    push_counter(&mut self.row, value, self.large);
                }
            }
        }
        self.write_row()
    }

    fn write_destination(
        &mut self,
        service: &ServiceId,
        destination: &Destination,
    ) -> io::Result<()> {
        self.row.push_str("  -> ");
        let name = self.row.len();
        self.push_endpoint(
            destination.id.address,
            destination.id.port,
            text::port_protocol(service),
        );
        pad(&mut self.row, name, NAME_WIDTH);
        match self.columns {
            Columns::NamedBelow(columns) | Columns::NamedAbove(columns) => {
                for column in columns {
                    column.push_cell(&mut self.row, destination);
                }
            }
            Columns::Counters(columns) => {
                for column in columns {
                    let large = match column.cut_of_destinations {
                        true => self.large,
                        false => Large::Whole,
                    };
                    let value = destination.stats.as_ref().map(column.value);
                    push_counter(&mut self.row, value, large);
                }
            }
        }
        self.write_row()
    }

    /// Ends the row and writes it.
    fn write_row(&mut self) -> io::Result<()> {
        self.row.push('\n');
        let written = self.out.write_all(self.row.as_bytes());
        self.row.clear();
        written
    }

    /// Begins the row of a service with its protocol and name. Returns the place
    /// where the name begins.
    fn push_service_name(&mut self, id: &ServiceId) -> usize {
        match *id {
            ServiceId::Address {
                protocol,
                address,
                port,
            } => {
                match protocol {
                    Protocol::Tcp => self.row.push_str("TCP  "),
                    Protocol::Udp => self.row.push_str("UDP  "),
                    Protocol::Sctp => self.row.push_str("SCTP "),
                    other => append(&mut self.row, format_args!("{:<4} ", other.number())),
                }
                let name = self.row.len();
                self.push_endpoint(address, port, protocol);
                name
            }
            ServiceId::Fwmark { mark, family } => {
                self.row.push_str("FWM  ");
                let name = self.row.len();
                push_number(&mut self.row, mark.get());
                if family == AddressFamily::Ipv6 {
                    self.row.push_str(" IPv6");
                }
                name
            }
        }
    }

    /// Appends an address and port, by their names if these are shown.
    fn push_endpoint(&mut self, address: IpAddr, port: u16, protocol: Protocol) {
        let start = self.row.len();
        let named = text::push_endpoint(&mut self.row, self.names, address, port, protocol);
        if named && address.is_ipv4() {
            cut_name(&mut self.row, start);
        }
    }

    /// Appends the scheduler and flags of a service.
    fn push_settings(&mut self, service: &Service) {
        let settings = &service.settings;
        self.row.push_str(&settings.scheduler);
        if !settings.scheduler_flags.is_empty() {
            let names = settings.scheduler_flags.names(&settings.scheduler);
            append(&mut self.row, format_args!(" ({})", names.join(",")));
        }
        if let Some(persistence) = settings.persistence {
            append(
                &mut self.row,
                format_args!(" persistent {}", persistence.timeout),
            );
            if let Some(netmask) = persistence.netmask() {
                append(&mut self.row, format_args!(" mask {netmask}"));
            }
            if let Some(engine) = &settings.persistence_engine {
                append(&mut self.row, format_args!(" pe {engine}"));
            }
        }
        if settings.one_packet {
            self.row.push_str(" ops");
        }
    }
}

impl<W: Write> EntryWriter for ClassicWriter<'_, W> {
    type Outcome = ();

    fn write_entry(&mut self, service: &Service, destinations: &[Destination]) -> io::Result<()> {
        self.write_service(service)?;
        for destination in destinations {
            self.write_destination(&service.id, destination)?;
        }
        Ok(())
    }

    fn end(self) -> io::Result<()> {
        Ok(())
    }
}

/// Cuts the name that begins at `start` where its column ends.
fn cut_name(row: &mut String, start: usize) {
    let name = row.get(start..).unwrap_or_default();
    if let Some((end, _)) = name.char_indices().nth(NAME_WIDTH) {
        row.truncate(start + end);
    }
}

/// Appends a column with a blank before it.
fn push_cell(row: &mut String, text: &str, width: usize) {
    row.push(' ');
    push_left(row, text, width);
}

fn method_name(method: ForwardingMethod) -> Cow<'static, str> {
    Cow::Borrowed(match method {
        ForwardingMethod::Masquerading => "Masq",
        ForwardingMethod::LocalNode => "Local",
        ForwardingMethod::Tunneling(_) => "Tunnel",
        ForwardingMethod::DirectRouting => "Route",
        ForwardingMethod::Bypass => "Bypass",
        _ => "Unknown",
    })
}

/// Describes a tunnel: `ipip`, `gue:6080:+c`, `gre:-c`; `n/a` without one. Flags
/// that have no mark are a number: `gre:0x4`.
fn tunnel_info(method: ForwardingMethod) -> Cow<'static, str> {
    let mark = |checksum| match checksum {
        TunnelChecksum::None => "-c",
        TunnelChecksum::Full => "+c",
        TunnelChecksum::Remote => "r+c",
    };
    let ForwardingMethod::Tunneling(tunnel) = method else {
        return "n/a".into();
    };
    match tunnel {
        Tunnel::Ipip => "ipip".into(),
        Tunnel::Gue { port, checksum } => format!("gue:{port}:{}", mark(checksum)).into(),
        Tunnel::Gre { checksum } => format!("gre:{}", mark(checksum)).into(),
        Tunnel::Other { kind, port, flags } => {
            let flags = match flags {
                0 => mark(TunnelChecksum::None).to_owned(),
                1 => mark(TunnelChecksum::Full).to_owned(),
                2 => mark(TunnelChecksum::Remote).to_owned(),
                flags => format!("{flags:#x}"),
            };
            match kind {
                1 => format!("gue:{port}:{flags}"),
                2 => format!("gre:{flags}"),
                kind => format!("type-{kind}"),
            }
            .into()
        }
        other => format!("type-{}", other.kind()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name is one of a case for ipvsadm 1.31, and so is what is left of it
    /// (tests/kernel/compat/recorded/names.txt).
    #[test]
    fn a_name_is_cut_where_its_column_ends() {
        for (name, shown) in [
            (
                "a-very-long-host-name-indeed.with.a.long.domain.example.org:http",
                "a-very-long-host-name-indeed",
            ),
            ("server:http", "server:http"),
        ] {
            let mut row = "UDP  ".to_owned();
            let start = row.len();
            row.push_str(name);
            cut_name(&mut row, start);
            assert_eq!(row, format!("UDP  {shown}"));
        }
    }

    /// As ipvsadm 1.31 writes them (tests/kernel/compat/recorded/replies_kinds.txt). The
    /// last two it does not know (docs/compatibility.md).
    #[test]
    fn each_forwarding_method_has_its_word() {
        for (method, word) in [
            (ForwardingMethod::Masquerading, "Masq"),
            (ForwardingMethod::LocalNode, "Local"),
            (ForwardingMethod::Tunneling(Tunnel::Ipip), "Tunnel"),
            (ForwardingMethod::DirectRouting, "Route"),
            (ForwardingMethod::Bypass, "Bypass"),
            (ForwardingMethod::Other(5), "Unknown"),
        ] {
            assert_eq!(method_name(method), word);
        }
    }
}
