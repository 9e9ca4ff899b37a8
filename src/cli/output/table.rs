// SPDX-License-Identifier: MIT

use std::{
    io::{self, Write},
    net::IpAddr,
};

use ipvs_client::{
    AddressFamily, Destination, ForwardingMethod, Info, Protocol, Service, ServiceId, Tunnel,
    TunnelChecksum,
};

use super::{
    number::{Counter, rates, totals},
    text,
};
use crate::{command::View, names::Names, values::scheduler_flag_names};

/// IPv4 names longer than their column are cut.
const NAME_WIDTH: usize = 28;

/// Virtual services and their destinations in columns.
pub(crate) struct TableWriter<'n, W> {
    out: W,
    names: &'n mut Names,
    view: View,
    exact: bool,
    /// The first column of a row, kept for the next.
    name: String,
}

impl<'n, W: Write> TableWriter<'n, W> {
    pub(crate) fn new(out: W, names: &'n mut Names, view: View, exact: bool) -> Self {
        Self {
            out,
            names,
            view,
            exact,
            name: String::new(),
        }
    }

    pub(crate) fn version(&mut self, info: &Info) -> io::Result<()> {
        writeln!(
            self.out,
            "IP Virtual Server version {} (size={})",
            info.version, info.connection_table_size
        )
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
        self.write_protocol(&service.id)?;
        let name = &self.name;
        match self.view {
            View::Stats => {
                write!(self.out, "{name:<28}")?;
                self.counters(totals(&service.stats))
            }
            View::Rate => {
                write!(self.out, "{name:<28}")?;
                self.counters(rates(&service.stats))
            }
            View::Plain | View::Thresholds | View::PersistentConnections | View::TunnelInfo => {
                write!(self.out, "{name} ")?;
                self.settings(service)
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
        let active = destination.active_connections;
        let inactive = destination.inactive_connections;
        write!(self.out, "  -> {name:<28}")?;
        match self.view {
            View::Plain => writeln!(
                self.out,
                " {:<7} {:<6} {active:<10} {inactive:<10}",
                method_name(settings.forwarding_method),
                settings.weight,
            ),
            View::Stats => self.counters(totals(&destination.stats)),
            View::Rate => self.counters(rates(&destination.stats)),
            View::Thresholds => writeln!(
                self.out,
                " {:<10} {:<10} {active:<10} {inactive:<10}",
                settings.upper_threshold, settings.lower_threshold,
            ),
            View::PersistentConnections => writeln!(
                self.out,
                " {:<9} {:<11} {active:<10} {inactive:<10}",
                settings.weight, destination.persistent_connections,
            ),
            View::TunnelInfo => writeln!(
                self.out,
                " {:<7} {:<13} {:<6} {active:<10} {inactive:<10}",
                method_name(settings.forwarding_method),
                tunnel_info(settings.forwarding_method),
                settings.weight,
            ),
        }
    }

    /// Writes the protocol and makes the rest of the first column.
    fn write_protocol(&mut self, id: &ServiceId) -> io::Result<()> {
        match *id {
            ServiceId::Address {
                protocol,
                address,
                port,
            } => {
                self.name_endpoint(address, port, protocol);
                match protocol {
                    Protocol::Tcp => write!(self.out, "TCP  "),
                    Protocol::Udp => write!(self.out, "UDP  "),
                    Protocol::Sctp => write!(self.out, "SCTP "),
                    Protocol::Other(number) => write!(self.out, "{number:<4} "),
                }
            }
            ServiceId::Fwmark { mark, family } => {
                self.name.clear();
                text::append(&mut self.name, format_args!("{mark}"));
                if family == AddressFamily::Ipv6 {
                    self.name.push_str(" IPv6");
                }
                write!(self.out, "FWM  ")
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
    fn settings(&mut self, service: &Service) -> io::Result<()> {
        let settings = &service.settings;
        write!(self.out, "{}", settings.scheduler)?;
        if !settings.scheduler_flags.is_empty() {
            let names = scheduler_flag_names(settings.scheduler_flags, &settings.scheduler);
            write!(self.out, " ({})", names.join(","))?;
        }
        if let Some(persistence) = settings.persistence {
            write!(self.out, " persistent {}", persistence.timeout)?;
            if !persistence.netmask.is_host() {
                write!(self.out, " mask {}", persistence.netmask)?;
            }
            if let Some(engine) = &settings.persistence_engine {
                write!(self.out, " pe {engine}")?;
            }
        }
        if settings.one_packet {
            write!(self.out, " ops")?;
        }
        writeln!(self.out)
    }

    fn counters(&mut self, values: [u64; 5]) -> io::Result<()> {
        for value in values {
            write!(self.out, "{}", Counter::new(value, self.exact))?;
        }
        writeln!(self.out)
    }
}

fn method_name(method: ForwardingMethod) -> &'static str {
    match method {
        ForwardingMethod::Masquerading => "Masq",
        ForwardingMethod::LocalNode => "Local",
        ForwardingMethod::Tunneling(_) => "Tunnel",
        ForwardingMethod::DirectRouting => "Route",
        ForwardingMethod::Bypass => "Bypass",
        ForwardingMethod::Other(_) => "Unknown",
    }
}

/// `ipip`, `gue:6080:+c`, `gre:-c`; `n/a` without a tunnel.
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
        ForwardingMethod::Tunneling(Tunnel::Other { kind, .. }) => format!("type-{kind}"),
        _ => "n/a".to_owned(),
    }
}
