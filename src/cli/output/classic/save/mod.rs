// SPDX-License-Identifier: MIT

//! Writes the table as rules that -R reads.

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

use super::unsayable::{ObjectId, Unsaved, UnsavedReason, destination_words, service_words};
use crate::output::{
    entries::EntryWriter,
    text::{self, Host},
};
use crate::{command::TunnelKind, names::Names};

/// Writes the table as rules that -R reads. A service or destination that no rule
/// makes becomes a comment.
pub(crate) struct SaveWriter<W> {
    out: W,
    names: Names,
    /// The option that names the virtual service of the lines that are written.
    service: String,
    /// That service has become a comment.
    service_unsaved: bool,
    /// The address and port of a real server; the buffer is kept for the next.
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

    fn write_service(&mut self, service: &Service) -> io::Result<()> {
        let reason = UnsavedReason::of_service(service);
        self.service_unsaved = reason.is_some();
        if let Some(reason) = reason {
            let object = ObjectId::Service(service.id);
            return self.write_comment(object, &service_words(service), reason);
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

    /// Writes a destination of the service that was written last.
    fn write_destination(
        &mut self,
        service: &ServiceId,
        destination: &Destination,
    ) -> io::Result<()> {
        let settings = &destination.settings;
        let reason = if self.service_unsaved {
            Some(UnsavedReason::Service)
        } else {
            UnsavedReason::of_destination(service, destination)
        };
        if let Some(reason) = reason {
            let object = ObjectId::Server(*service, destination.id);
            return self.write_comment(object, &destination_words(settings), reason);
        }
        set_restorable_endpoint(
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
            self.write_tunnel(tunnel)?;
        }
        // Programs that compare whole lines with what they want write both.
        let (upper, lower) = (settings.upper_threshold, settings.lower_threshold);
        if upper != 0 || lower != 0 {
            write!(self.out, " -x {upper} -y {lower}")?;
        }
        writeln!(self.out)
    }

    fn write_comment(
        &mut self,
        object: ObjectId,
        words: &str,
        reason: UnsavedReason,
    ) -> io::Result<()> {
        writeln!(self.out, "# cannot be restored: {object}{words} ({reason})")?;
        self.unsaved.push(Unsaved { object, reason });
        Ok(())
    }

    fn write_tunnel(&mut self, tunnel: Tunnel) -> io::Result<()> {
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

    /// Puts the option that names the service in place: `-t 10.0.0.1:80`,
    /// `-f 5 -6`.
    fn name_service(&mut self, id: &ServiceId) {
        match *id {
            ServiceId::Address {
                protocol,
                address,
                port,
            } => {
                let names = &mut self.names;
                set_restorable_endpoint(&mut self.service, names, address, port, protocol);
                // A service of any other protocol has become a comment.
                let option = text::protocol_option(protocol).unwrap_or_default();
                self.service.insert(0, ' ');
                self.service.insert_str(0, option);
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

impl<W: Write> EntryWriter for SaveWriter<W> {
    /// The services and destinations that have become comments.
    type Outcome = Vec<Unsaved>;

    fn write_entry(&mut self, service: &Service, destinations: &[Destination]) -> io::Result<()> {
        self.write_service(service)?;
        for destination in destinations {
            self.write_destination(&service.id, destination)?;
        }
        Ok(())
    }

    fn end(self) -> io::Result<Vec<Unsaved>> {
        Ok(self.unsaved)
    }
}

/// Puts an address and port into the buffer, with names only where -R finds the
/// same address and port by them.
fn set_restorable_endpoint(
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
