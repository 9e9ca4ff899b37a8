// SPDX-License-Identifier: MIT

//! Virtual services and real servers with their settings, as the options of a
//! command line give them.

use ipvs_client::{
    AddressFamily, DestinationId, DestinationSettings, ForwardingMethod, Netmask, Persistence,
    Protocol, SchedulerFlags, ServiceId, ServiceSettings, Tunnel, TunnelChecksum,
};

use super::make_compulsory;
use crate::{
    args::{
        error::UsageError,
        name::{self, CommandName},
        raw::RawOptions,
        rules,
    },
    command::{Forwarding, TunnelKind},
};

const DEFAULT_WEIGHT: u32 = 1;

impl RawOptions<'_> {
    pub(super) fn require_service(&self, command: CommandName) -> Result<ServiceId, UsageError> {
        match &self.service {
            Some(service) => Ok(service.value),
            None => Err(make_compulsory(command, name::SERVICE_ADDRESS)),
        }
    }

    pub(super) fn make_service(
        &self,
        command: CommandName,
        scheduler_flags: SchedulerFlags,
    ) -> Result<(ServiceId, ServiceSettings), UsageError> {
        let id = self.require_service(command)?;
        if let ServiceId::Address { protocol, port, .. } = id {
            if port == 0 && self.persistence.is_none() {
                let text = self.service.as_ref().map(|service| service.text);
                return Err(UsageError::ZeroPort(text.unwrap_or_default().to_owned()));
            }
            if self.has(name::ONE_PACKET) && protocol != Protocol::Udp {
                return Err(UsageError::OnePacketNotUdp);
            }
        }
        let netmask = match self.netmask {
            Some(netmask) => netmask.for_family(id.family())?,
            None => Netmask::host(id.family()),
        };
        let mut settings =
            ServiceSettings::new(self.choose_scheduler()).scheduler_flags(scheduler_flags);
        settings.one_packet = self.has(name::ONE_PACKET);
        // -M without -p has always been taken and left alone.
        settings.persistence = self
            .persistence
            .map(|timeout| Persistence::new(timeout).with_netmask(netmask));
        settings.persistence_engine = self
            .persistence_engine
            .filter(|name| !name.is_empty())
            .map(Into::into);
        Ok((id, settings))
    }

    /// Returns the service and the server, whose port is the service's unless
    /// given.
    pub(super) fn require_server(
        &self,
        command: CommandName,
    ) -> Result<(ServiceId, DestinationId), UsageError> {
        let service = self.require_service(command)?;
        let (address, port) = match &self.server {
            Some(server) => server.value,
            None => return Err(make_compulsory(command, name::REAL_SERVER)),
        };
        let port = port.unwrap_or(match service {
            ServiceId::Address { port, .. } => port,
            ServiceId::Fwmark { .. } => 0,
        });
        Ok((service, DestinationId { address, port }))
    }

    pub(super) fn make_server(
        &self,
        command: CommandName,
    ) -> Result<(ServiceId, DestinationId, DestinationSettings), UsageError> {
        let (service, mut id) = self.require_server(command)?;
        let forwarding = self.forwarding.unwrap_or(Forwarding::DirectRouting);
        if forwarding != Forwarding::Tunneling {
            if AddressFamily::from(id.address) != service.family() {
                return Err(UsageError::FamiliesDiffer);
            }
            if rules::describe_tunnel(self.given) {
                return Err(UsageError::NotTunneling);
            }
        }
        let forwarding_method = match forwarding {
            Forwarding::Masquerading => ForwardingMethod::Masquerading,
            Forwarding::Tunneling => ForwardingMethod::Tunneling(self.make_tunnel(command)?),
            Forwarding::DirectRouting => ForwardingMethod::DirectRouting,
        };
        // Only masquerading can rewrite the port.
        if let ServiceId::Address { port, .. } = service
            && forwarding != Forwarding::Masquerading
        {
            id.port = port;
        }
        let settings = DestinationSettings::new(forwarding_method)
            .weight(self.weight.unwrap_or(DEFAULT_WEIGHT))
            .upper_threshold(self.upper_threshold.unwrap_or(0))
            .lower_threshold(self.lower_threshold.unwrap_or(0));
        Ok((service, id, settings))
    }

    fn make_tunnel(&self, command: CommandName) -> Result<Tunnel, UsageError> {
        let kind = self.tunnel_kind.unwrap_or(TunnelKind::Ipip);
        rules::check_tunnel(kind, self.given)?;
        let checksum = if self.has(name::TUNNEL_REMOTE_CHECKSUM) {
            TunnelChecksum::Remote
        } else if self.has(name::TUNNEL_CHECKSUM) {
            TunnelChecksum::Full
        } else {
            TunnelChecksum::None
        };
        Ok(match kind {
            TunnelKind::Ipip => Tunnel::Ipip,
            TunnelKind::Gue => Tunnel::Gue {
                port: self
                    .tunnel_port
                    .ok_or_else(|| make_compulsory(command, name::TUNNEL_PORT))?,
                checksum,
            },
            TunnelKind::Gre => Tunnel::Gre { checksum },
        })
    }
}
