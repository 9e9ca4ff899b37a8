// SPDX-License-Identifier: MIT

//! The table as commands that -R reads.

#[cfg(test)]
mod tests;

use std::{
    io::{self, Write},
    net::IpAddr,
};

use ipvs_client::{
    AddressFamily, Destination, ForwardingMethod, Protocol, Service, ServiceId, Tunnel,
    TunnelChecksum,
};

use super::unsayable::{
    Entry, Reason, Unsaved, destination_words, of_destination, of_service, service_words,
};
use crate::output::text::{self, Host};
use crate::{command::TunnelKind, names::Names};

/// The table as commands that -R reads. An entry that no command makes becomes a
/// comment.
pub(crate) struct SaveWriter<W> {
    out: W,
    names: Names,
    /// The virtual service of the lines that are written, as an option.
    service: String,
    /// Whether that service is a comment.
    service_unsaved: bool,
    /// The real server of a line, kept for the next.
    server: String,
    unsaved: Vec<Unsaved>,
}

impl<W: Write> SaveWriter<W> {
    pub(crate) fn new(out: W, names: Names) -> Self {
        Self {
            out,
            names,
            service: String::new(),
            service_unsaved: false,
            server: String::new(),
            unsaved: Vec::new(),
        }
    }

    /// The entries that have become comments.
    pub(crate) fn into_unsaved(self) -> Vec<Unsaved> {
        self.unsaved
    }

    pub(crate) fn service(&mut self, service: &Service) -> io::Result<()> {
        let reason = of_service(service);
        self.service_unsaved = reason.is_some();
        if let Some(reason) = reason {
            let entry = Entry::Service(service.id);
            return self.comment(entry, &service_words(service), reason);
        }
        let settings = &service.settings;
        self.name_service(&service.id);
        write!(self.out, "-A {} -s {}", self.service, settings.scheduler)?;
        if let Some(persistence) = settings.persistence {
            write!(self.out, " -p {}", persistence.timeout)?;
            if let Some(netmask) = persistence.netmask() {
                write!(self.out, " -M {netmask}")?;
            }
        }
        if let Some(engine) = &settings.persistence_engine {
            write!(self.out, " --pe {engine}")?;
        }
        if settings.one_packet {
            write!(self.out, " -o")?;
        }
        if !settings.scheduler_flags.is_empty() {
            let names = settings.scheduler_flags.names(&settings.scheduler);
            write!(self.out, " -b {}", names.join(","))?;
        }
        writeln!(self.out)
    }

    /// A destination of the service that was written last.
    pub(crate) fn destination(
        &mut self,
        service: &ServiceId,
        destination: &Destination,
    ) -> io::Result<()> {
        let settings = &destination.settings;
        let reason = if self.service_unsaved {
            Some(Reason::Service)
        } else {
            of_destination(service, destination)
        };
        if let Some(reason) = reason {
            let entry = Entry::Server(*service, destination.id);
            return self.comment(entry, &destination_words(settings), reason);
        }
        restorable_endpoint(
            &mut self.server,
            &mut self.names,
            destination.id.address,
            destination.id.port,
            text::port_protocol(service),
        );
        write!(self.out, "-a {} -r {}", self.service, self.server)?;
        match settings.forwarding_method {
            ForwardingMethod::Masquerading => write!(self.out, " -m")?,
            ForwardingMethod::Tunneling(_) => write!(self.out, " -i")?,
            _ => write!(self.out, " -g")?,
        }
        write!(self.out, " -w {}", settings.weight)?;
        if let ForwardingMethod::Tunneling(tunnel) = settings.forwarding_method {
            self.tunnel(tunnel)?;
        }
        // Programs that compare whole lines with what they want write both.
        let (upper, lower) = (settings.upper_threshold, settings.lower_threshold);
        if upper != 0 || lower != 0 {
            write!(self.out, " -x {upper} -y {lower}")?;
        }
        writeln!(self.out)
    }

    fn comment(&mut self, entry: Entry, words: &str, reason: Reason) -> io::Result<()> {
        writeln!(self.out, "# cannot be restored: {entry}{words} ({reason})")?;
        self.unsaved.push(Unsaved { entry, reason });
        Ok(())
    }

    fn tunnel(&mut self, tunnel: Tunnel) -> io::Result<()> {
        let (kind, port, checksum) = match tunnel {
            Tunnel::Ipip => (TunnelKind::Ipip, None, None),
            Tunnel::Gue { port, checksum } => (TunnelKind::Gue, Some(port), Some(checksum)),
            Tunnel::Gre { checksum } => (TunnelKind::Gre, None, Some(checksum)),
            // It has become a comment.
            _ => return Ok(()),
        };
        write!(self.out, " --tun-type {}", kind.name())?;
        if let Some(port) = port {
            write!(self.out, " --tun-port {port}")?;
        }
        match checksum {
            None => Ok(()),
            Some(TunnelChecksum::None) => write!(self.out, " --tun-nocsum"),
            Some(TunnelChecksum::Full) => write!(self.out, " --tun-csum"),
            Some(TunnelChecksum::Remote) => write!(self.out, " --tun-remcsum"),
        }
    }

    /// `-t 10.0.0.1:80`, `-f 5 -6`
    fn name_service(&mut self, id: &ServiceId) {
        match *id {
            ServiceId::Address {
                protocol,
                address,
                port,
            } => {
                let names = &mut self.names;
                restorable_endpoint(&mut self.service, names, address, port, protocol);
                self.service.insert_str(
                    0,
                    match protocol {
                        Protocol::Tcp => "-t ",
                        Protocol::Udp => "-u ",
                        _ => "--sctp-service ",
                    },
                );
            }
            ServiceId::Fwmark { mark, family } => {
                self.service.clear();
                text::append(&mut self.service, format_args!("-f {mark}"));
                if family == AddressFamily::Ipv6 {
                    self.service.push_str(" -6");
                }
            }
        }
    }
}

/// Puts an address and port into the buffer, with names only where -R finds the
/// same address and port by them.
fn restorable_endpoint(
    buffer: &mut String,
    names: &mut Names,
    address: IpAddr,
    port: u16,
    protocol: Protocol,
) {
    buffer.clear();
    let host = names.restorable_host(address);
    text::push_host(buffer, address, host.map_or(Host::Numeric, Host::Named));
    buffer.push(':');
    text::push_service(buffer, names.restorable_service(port, protocol), port);
}
