// SPDX-License-Identifier: MIT

//! The settings that the options of -E and -e name where --keep leaves the others as
//! they are. What goes together can be said only of the settings that come out.

use ipvs_client::{Protocol, ServiceId, TunnelChecksum};

use super::{DEFAULT_SCHEDULER, make_compulsory};
use crate::{
    args::{
        error::UsageError,
        name::{self, CommandName},
        raw::RawOptions,
        rules,
    },
    command::{
        Forwarding, TunnelKind,
        update::{ServerName, ServerUpdate, ServiceUpdate, TunnelUpdate, Update},
    },
    scheduler_flags,
};

impl RawOptions<'_> {
    pub(super) fn make_service_update(&self, command: CommandName) -> Result<Update, UsageError> {
        let id = self.require_service(command)?;
        if let ServiceId::Address { protocol, .. } = id
            && self.has(name::ONE_PACKET)
            && protocol != Protocol::Udp
        {
            return Err(UsageError::OnePacketNotUdp);
        }
        // -s with an empty name is the default, as without --keep.
        let scheduler = self.scheduler.map(|name| match name {
            "" => DEFAULT_SCHEDULER,
            name => name,
        });
        let flags = self
            .scheduler_flags
            .map(scheduler_flags::find_flags)
            .transpose()?;
        if let (Some(flags), Some(scheduler)) = (&flags, scheduler) {
            scheduler_flags::combine_flags(flags, scheduler)?;
        }
        let netmask = self.netmask.map(|mask| mask.for_family(id.family()));
        let update = ServiceUpdate {
            scheduler: scheduler.map(Into::into),
            scheduler_flags: flags,
            persistence: self.persistence,
            netmask: netmask.transpose()?,
            persistence_engine: self.persistence_engine.map(Into::into),
            one_packet: self.has(name::ONE_PACKET),
        };
        Ok(Update::Service(id, update))
    }

    pub(super) fn make_server_update(&self, command: CommandName) -> Result<Update, UsageError> {
        let service = self.require_service(command)?;
        let (address, port) = match &self.server {
            Some(server) => server.value,
            None => return Err(make_compulsory(command, name::REAL_SERVER)),
        };
        let update = ServerUpdate {
            forwarding: self.forwarding,
            tunnel: self.make_tunnel_update()?,
            weight: self.weight,
            upper_threshold: self.upper_threshold,
            lower_threshold: self.lower_threshold,
        };
        Ok(Update::Server(
            service,
            ServerName { address, port },
            update,
        ))
    }

    fn make_tunnel_update(&self) -> Result<TunnelUpdate, UsageError> {
        let is_tunnel = |method| method == Forwarding::Tunneling;
        if !self.forwarding.is_none_or(is_tunnel) && rules::describe_tunnel(self.given) {
            return Err(UsageError::NotTunneling);
        }
        // A gue tunnel may have a port by now. Of another type that is not named it is
        // known only that it has one checksum at most, as gue.
        let given = match self.tunnel_kind {
            None | Some(TunnelKind::Gue) => self.given.with(name::TUNNEL_PORT),
            Some(TunnelKind::Ipip | TunnelKind::Gre) => self.given,
        };
        rules::check_tunnel(self.tunnel_kind.unwrap_or(TunnelKind::Gue), given)?;
        let checksums = [
            (name::TUNNEL_NO_CHECKSUM, TunnelChecksum::None),
            (name::TUNNEL_CHECKSUM, TunnelChecksum::Full),
            (name::TUNNEL_REMOTE_CHECKSUM, TunnelChecksum::Remote),
        ];
        let given = checksums.iter().find(|(group, _)| self.has(*group));
        Ok(TunnelUpdate {
            kind: self.tunnel_kind,
            port: self.tunnel_port,
            checksum: given.map(|(_, checksum)| *checksum),
        })
    }
}
