// SPDX-License-Identifier: MIT

//! Writes virtual services and real servers as the words of a command line.

use std::{
    io::{self, Write},
    net::IpAddr,
};

use ipvs_client::{
    AddressFamily, DestinationId, DestinationSettings, ForwardingMethod, Protocol, ServiceId,
    ServiceSettings, Tunnel, TunnelChecksum,
};

use crate::{
    command::{TunnelKind, spelling::protocol_option},
    names::Names,
    output::text::{self, Host},
};

/// Writes words of rules. What no rule can say is to be sorted out before.
pub(crate) struct RuleWriter {
    names: Names,
    /// The option that names a virtual service; the buffer is kept for the next.
    service: String,
    /// The address and port of a real server; the buffer is kept for the next.
    server: String,
}

impl RuleWriter {
    pub(crate) fn new(names: Names) -> Self {
        Self {
            names,
            service: String::new(),
            server: String::new(),
        }
    }

    /// Keeps the option that names the virtual service of what is written after this:
    /// `-t 10.0.0.1:80`, `-f 5 -6`.
    pub(crate) fn set_service(&mut self, id: &ServiceId) {
        match *id {
            ServiceId::Address {
                protocol,
                address,
                port,
            } => {
                let names = &mut self.names;
                set_restorable_endpoint(&mut self.service, names, address, port, protocol);
                // A service of any other protocol cannot be said.
                let option = protocol_option(protocol).unwrap_or_default();
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

    /// Writes a command about the service: `-D -t 10.0.0.1:80`.
    pub(crate) fn write_service(&self, mut out: impl Write, command: char) -> io::Result<()> {
        write!(out, "-{command} {}", self.service)
    }

    /// Writes the settings of a service, a blank first.
    pub(crate) fn write_service_settings(
        &self,
        mut out: impl Write,
        settings: &ServiceSettings,
    ) -> io::Result<()> {
        write!(out, " -s {}", settings.scheduler)?;
        if let Some(persistence) = settings.persistence {
            write!(out, " -p {}", persistence.timeout)?;
            if let Some(netmask) = persistence.netmask() {
                write!(out, " -M {netmask}")?;
            }
        }
        if let Some(engine) = &settings.persistence_engine {
            write!(out, " --pe {engine}")?;
        }
        if settings.one_packet {
            write!(out, " -o")?;
        }
        if !settings.scheduler_flags.is_empty() {
            let names = settings.scheduler_flags.names(&settings.scheduler);
            write!(out, " -b {}", names.join(","))?;
        }
        Ok(())
    }

    /// Writes a command about a real server of the service:
    /// `-d -t 10.0.0.1:80 -r 10.0.0.2:80`.
    pub(crate) fn write_server(
        &mut self,
        mut out: impl Write,
        command: char,
        service: &ServiceId,
        server: &DestinationId,
    ) -> io::Result<()> {
        set_restorable_endpoint(
            &mut self.server,
            &mut self.names,
            server.address,
            server.port,
            text::port_protocol(service),
        );
        write!(out, "-{command} {} -r {}", self.service, self.server)
    }

    /// Writes the settings of a real server, a blank first.
    pub(crate) fn write_server_settings(
        &self,
        mut out: impl Write,
        settings: &DestinationSettings,
    ) -> io::Result<()> {
        match settings.forwarding_method {
            ForwardingMethod::Masquerading => write!(out, " -m")?,
            ForwardingMethod::Tunneling(_) => write!(out, " -i")?,
            _ => write!(out, " -g")?,
        }
        write!(out, " -w {}", settings.weight)?;
        if let ForwardingMethod::Tunneling(tunnel) = settings.forwarding_method {
            write_tunnel(&mut out, tunnel)?;
        }
        // Programs that compare whole lines with what they want write both.
        let (upper, lower) = (settings.upper_threshold, settings.lower_threshold);
        if upper != 0 || lower != 0 {
            write!(out, " -x {upper} -y {lower}")?;
        }
        Ok(())
    }
}

fn write_tunnel(mut out: impl Write, tunnel: Tunnel) -> io::Result<()> {
    let (kind, port, checksum) = match tunnel {
        Tunnel::Ipip => (TunnelKind::Ipip, None, None),
        Tunnel::Gue { port, checksum } => (TunnelKind::Gue, Some(port), Some(checksum)),
        Tunnel::Gre { checksum } => (TunnelKind::Gre, None, Some(checksum)),
        // No rule can say it.
        _ => return Ok(()),
    };
    write!(out, " --tun-type {}", kind.name())?;
    if let Some(port) = port {
        write!(out, " --tun-port {port}")?;
    }
    match checksum {
        None => Ok(()),
        Some(TunnelChecksum::None) => write!(out, " --tun-nocsum"),
        Some(TunnelChecksum::Full) => write!(out, " --tun-csum"),
        Some(TunnelChecksum::Remote) => write!(out, " --tun-remcsum"),
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
