// SPDX-License-Identifier: MIT

use std::{
    io::{self, Write},
    net::IpAddr,
};

use ipvs_client::{
    AddressFamily, Destination, ForwardingMethod, Info, Protocol, Service, ServiceId, Tunnel,
    TunnelChecksum,
};
use itoa::Buffer;

use crate::output::{
    number::{Large, push_counter, rates, totals},
    text::{self, append, push_dotted, push_left, push_number},
};
use crate::{command::View, names::Names};

/// The first column. IPv4 names longer than that are cut.
const NAME_WIDTH: usize = 28;

/// Virtual services and their destinations in columns.
pub(crate) struct TableWriter<'n, W> {
    out: W,
    names: &'n mut Names,
    view: View,
    /// How large counters are written.
    large: Large,
    /// A row is put together here and written in one piece.
    row: String,
    /// Its first column, kept for the next.
    name: String,
}

impl<'n, W: Write> TableWriter<'n, W> {
    pub(crate) fn new(out: W, names: &'n mut Names, view: View, exact: bool) -> Self {
        Self {
            out,
            names,
            view,
            large: if exact { Large::Whole } else { Large::Cut },
            row: String::new(),
            name: String::new(),
        }
    }

    pub(crate) fn version(&mut self, info: &Info) -> io::Result<()> {
        self.row.push_str("IP Virtual Server version ");
        push_dotted(&mut self.row, &info.version.numbers());
        self.row.push_str(" (size=");
        push_number(&mut self.row, info.connection_table_size);
        self.row.push(')');
        self.write_row()
    }

    pub(crate) fn headings(&mut self) -> io::Result<()> {
        self.out.write_all(match self.view {
            View::Plain => {
                b"Prot LocalAddress:Port Scheduler Flags\n  \
                  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"
            }
            View::Stats => {
                b"Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n  \
                  -> RemoteAddress:Port\n"
            }
            View::Rate => {
                b"Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS\n  \
                  -> RemoteAddress:Port\n"
            }
            View::Thresholds => {
                b"Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n  \
                  -> RemoteAddress:Port\n"
            }
            View::PersistentConnections => {
                b"Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \n  \
                  -> RemoteAddress:Port\n"
            }
            View::TunnelInfo => {
                b"Prot LocalAddress:Port Scheduler Flags\n  \
                  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn\n"
            }
        })
    }

    pub(crate) fn service(&mut self, service: &Service) -> io::Result<()> {
        self.protocol(&service.id);
        let name = &self.name;
        match self.view {
            View::Stats => {
                push_left(&mut self.row, name, NAME_WIDTH);
                self.write_counters(totals(service.stats.as_ref()), [self.large; 5])
            }
            View::Rate => {
                push_left(&mut self.row, name, NAME_WIDTH);
                self.write_counters(rates(service.stats.as_ref()), [self.large; 5])
            }
            View::Plain | View::Thresholds | View::PersistentConnections | View::TunnelInfo => {
                self.row.push_str(name);
                self.row.push(' ');
                self.settings(service);
                self.write_row()
            }
        }
    }

    pub(crate) fn destination(
        &mut self,
        service: &ServiceId,
        destination: &Destination,
    ) -> io::Result<()> {
        self.name_endpoint(
            destination.id.address,
            destination.id.port,
            text::port_protocol(service),
        );
        let name = &self.name;
        let settings = &destination.settings;
        let row = &mut self.row;
        row.push_str("  -> ");
        push_left(row, name, NAME_WIDTH);
        match self.view {
            View::Plain => {
                push_cell(row, method_name(settings.forwarding_method), 7);
                push_number_cell(row, settings.weight, 6);
            }
            View::Stats => {
                return self.write_counters(totals(destination.stats.as_ref()), [self.large; 5]);
            }
            View::Rate => {
                // Of a real server only bytes are ever cut.
                let (whole, bytes) = (Large::Whole, self.large);
                return self.write_counters(
                    rates(destination.stats.as_ref()),
                    [whole, whole, whole, bytes, bytes],
                );
            }
            View::Thresholds => {
                push_number_cell(row, settings.upper_threshold, 10);
                push_number_cell(row, settings.lower_threshold, 10);
            }
            View::PersistentConnections => {
                push_number_cell(row, settings.weight, 9);
                push_number_cell(row, destination.persistent_connections, 11);
            }
            View::TunnelInfo => {
                push_cell(row, method_name(settings.forwarding_method), 7);
                push_cell(row, &tunnel_info(settings.forwarding_method), 13);
                push_number_cell(row, settings.weight, 6);
            }
        }
        push_number_cell(row, destination.active_connections, 10);
        push_number_cell(row, destination.inactive_connections, 10);
        self.write_row()
    }

    /// Ends the row and writes it.
    fn write_row(&mut self) -> io::Result<()> {
        self.row.push('\n');
        let written = self.out.write_all(self.row.as_bytes());
        self.row.clear();
        written
    }

    /// Begins the row with the protocol and makes the rest of the first column.
    fn protocol(&mut self, id: &ServiceId) {
        match *id {
            ServiceId::Address {
                protocol,
                address,
                port,
            } => {
                self.name_endpoint(address, port, protocol);
                match protocol {
                    Protocol::Tcp => self.row.push_str("TCP  "),
                    Protocol::Udp => self.row.push_str("UDP  "),
                    Protocol::Sctp => self.row.push_str("SCTP "),
                    other => append(&mut self.row, format_args!("{:<4} ", other.number())),
                }
            }
            ServiceId::Fwmark { mark, family } => {
                self.name.clear();
                text::append(&mut self.name, format_args!("{mark}"));
                if family == AddressFamily::Ipv6 {
                    self.name.push_str(" IPv6");
                }
                self.row.push_str("FWM  ");
            }
        }
    }

    fn name_endpoint(&mut self, address: IpAddr, port: u16, protocol: Protocol) {
        let named = text::endpoint(&mut self.name, self.names, address, port, protocol);
        if named
            && address.is_ipv4()
            && let Some((end, _)) = self.name.char_indices().nth(NAME_WIDTH)
        {
            self.name.truncate(end);
        }
    }

    /// Scheduler and flags, to the end of the line.
    fn settings(&mut self, service: &Service) {
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

    /// Ends the row with counters and writes it.
    fn write_counters(&mut self, values: [u64; 5], large: [Large; 5]) -> io::Result<()> {
        for (value, large) in values.into_iter().zip(large) {
            push_counter(&mut self.row, value, large);
        }
        self.write_row()
    }
}

/// Appends a column with a blank before it.
fn push_cell(row: &mut String, text: &str, width: usize) {
    row.push(' ');
    push_left(row, text, width);
}

fn push_number_cell(row: &mut String, number: u32, width: usize) {
    push_cell(row, Buffer::new().format(number), width);
}

fn method_name(method: ForwardingMethod) -> &'static str {
    match method {
        ForwardingMethod::Masquerading => "Masq",
        ForwardingMethod::LocalNode => "Local",
        ForwardingMethod::Tunneling(_) => "Tunnel",
        ForwardingMethod::DirectRouting => "Route",
        ForwardingMethod::Bypass => "Bypass",
        _ => "Unknown",
    }
}

/// `ipip`, `gue:6080:+c`, `gre:-c`; `n/a` without a tunnel. Flags that have no
/// mark are a number: `gre:0x4`.
fn tunnel_info(method: ForwardingMethod) -> String {
    let mark = |checksum| match checksum {
        TunnelChecksum::None => "-c",
        TunnelChecksum::Full => "+c",
        TunnelChecksum::Remote => "r+c",
    };
    match method {
        ForwardingMethod::Tunneling(Tunnel::Ipip) => "ipip".to_owned(),
        ForwardingMethod::Tunneling(Tunnel::Gue { port, checksum }) => {
            format!("gue:{port}:{}", mark(checksum))
        }
        ForwardingMethod::Tunneling(Tunnel::Gre { checksum }) => format!("gre:{}", mark(checksum)),
        ForwardingMethod::Tunneling(Tunnel::Other { kind, port, flags }) => {
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
        }
        _ => "n/a".to_owned(),
    }
}
