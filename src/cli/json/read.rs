// SPDX-License-Identifier: MIT

//! What -S --json wrote, into the changes that make it so.

use std::{io::Read, num::NonZeroU16};

use ipvs_client::{
    AddressFamily, Change, DestinationId, DestinationSettings, Netmask, SchedulerFlags, ServiceId,
    ServiceSettings,
};
use serde::Deserialize;

use super::document::{
    Destination, Family, ForwardingMethod, ForwardingMethodName, Persistence, Protocol,
    ProtocolName, SCHEMA_VERSION, Service, Tunnel, TunnelChecksum, TunnelType, TunnelTypeName,
};
use crate::{usage::UsageError, values};

/// Rules in JSON that cannot be read. Nothing of them has been applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JsonError {
    #[error("the rules are not the JSON that -S --json writes: {0}")]
    Syntax(#[from] serde_json::Error),
    #[error("the rules have schema version {0}; this program reads version {SCHEMA_VERSION}")]
    SchemaVersion(u32),
    #[error("service {service} of the rules: {reason}")]
    Service {
        /// Counted from 1.
        service: usize,
        reason: Fault,
    },
    #[error("destination {destination} of service {service} of the rules: {reason}")]
    Destination {
        service: usize,
        destination: usize,
        reason: Fault,
    },
}

/// What is wrong with a service or destination.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("either protocol, address and port or fwmark must be there, and not both")]
    Identity,
    #[error("the address is not of its family")]
    AddressFamily,
    #[error("the netmask is not of its family")]
    NetmaskFamily,
    #[error("a prefix length is 0 to 32 for IPv4, 1 to 128 for IPv6")]
    PrefixLength,
    #[error("tunneling, and nothing else, has a tunnel")]
    Tunnel,
    #[error("ipip has neither port nor checksum, gue has both, gre has a checksum")]
    TunnelOptions,
    #[error("{0}")]
    Value(#[from] UsageError),
}

/// The changes that add every service and destination, in order.
///
/// # Errors
/// When the document is not one that this program writes.
pub(crate) fn changes(rules: impl Read) -> Result<Vec<Change>, JsonError> {
    #[derive(Deserialize)]
    struct Rules {
        schema_version: u32,
        services: Vec<Service>,
    }
    let rules: Rules = serde_json::from_reader(rules)?;
    if rules.schema_version != SCHEMA_VERSION {
        return Err(JsonError::SchemaVersion(rules.schema_version));
    }
    let mut changes = Vec::new();
    for (service, number) in rules.services.iter().zip(1..) {
        let (id, settings) = self::service(service).map_err(|reason| JsonError::Service {
            service: number,
            reason,
        })?;
        changes.push(Change::AddService(id, settings));
        for (destination, destination_number) in service.destinations.iter().zip(1..) {
            let (destination_id, settings) =
                self::destination(destination).map_err(|reason| JsonError::Destination {
                    service: number,
                    destination: destination_number,
                    reason,
                })?;
            changes.push(Change::AddDestination(id, destination_id, settings));
        }
    }
    Ok(changes)
}

fn family(family: Family) -> AddressFamily {
    match family {
        Family::Ipv4 => AddressFamily::Ipv4,
        Family::Ipv6 => AddressFamily::Ipv6,
    }
}

fn service(service: &Service) -> Result<(ServiceId, ServiceSettings), Fault> {
    let family = family(service.family);
    let id = match (
        service.protocol,
        service.address,
        service.port,
        service.fwmark,
    ) {
        (Some(protocol), Some(address), Some(port), None) => {
            if AddressFamily::from(address) != family {
                return Err(Fault::AddressFamily);
            }
            ServiceId::Address {
                protocol: match protocol {
                    Protocol::Named(ProtocolName::Tcp) => ipvs_client::Protocol::Tcp,
                    Protocol::Named(ProtocolName::Udp) => ipvs_client::Protocol::Udp,
                    Protocol::Named(ProtocolName::Sctp) => ipvs_client::Protocol::Sctp,
                    Protocol::Number(number) => number.into(),
                },
                address,
                port,
            }
        }
        (None, None, None, Some(mark)) => ServiceId::Fwmark { mark, family },
        _ => return Err(Fault::Identity),
    };
    let scheduler_flags =
        service
            .scheduler_flags
            .iter()
            .try_fold(SchedulerFlags::default(), |flags, name| {
                let flag = values::scheduler_flags(name, &service.scheduler)?;
                Ok::<_, UsageError>(flags.union(flag))
            })?;
    let settings = ServiceSettings {
        scheduler: service.scheduler.clone(),
        scheduler_flags,
        one_packet: service.one_packet,
        persistence: service
            .persistence
            .as_ref()
            .map(|persistence| {
                Ok::<_, Fault>(ipvs_client::Persistence {
                    timeout: persistence.timeout,
                    netmask: netmask(persistence, family)?,
                })
            })
            .transpose()?,
        persistence_engine: service.persistence_engine.clone(),
    };
    Ok((id, settings))
}

fn netmask(persistence: &Persistence, family: AddressFamily) -> Result<Netmask, Fault> {
    match (family, persistence.netmask, persistence.prefix_length) {
        (_, None, None) => Ok(Netmask::host(family)),
        (AddressFamily::Ipv4, Some(mask), _) => Ok(Netmask::Ipv4(mask)),
        (AddressFamily::Ipv4, None, Some(length @ 0..=32)) => {
            Ok(Netmask::Ipv4(values::ipv4_prefix(length)))
        }
        (AddressFamily::Ipv6, None, Some(length @ 1..=128)) => Ok(Netmask::Ipv6(length)),
        (AddressFamily::Ipv6, Some(_), _) => Err(Fault::NetmaskFamily),
        (_, None, Some(_)) => Err(Fault::PrefixLength),
    }
}

fn destination(destination: &Destination) -> Result<(DestinationId, DestinationSettings), Fault> {
    use ForwardingMethodName as Name;
    if AddressFamily::from(destination.address) != family(destination.family) {
        return Err(Fault::AddressFamily);
    }
    let forwarding_method = match (destination.forwarding_method, &destination.tunnel) {
        (ForwardingMethod::Named(Name::Tunneling), Some(tunnel)) => {
            ipvs_client::ForwardingMethod::Tunneling(self::tunnel(tunnel)?)
        }
        (ForwardingMethod::Named(Name::Tunneling), None) | (_, Some(_)) => {
            return Err(Fault::Tunnel);
        }
        (ForwardingMethod::Named(Name::Masquerading), None) => {
            ipvs_client::ForwardingMethod::Masquerading
        }
        (ForwardingMethod::Named(Name::LocalNode), None) => {
            ipvs_client::ForwardingMethod::LocalNode
        }
        (ForwardingMethod::Named(Name::DirectRouting), None) => {
            ipvs_client::ForwardingMethod::DirectRouting
        }
        (ForwardingMethod::Named(Name::Bypass), None) => ipvs_client::ForwardingMethod::Bypass,
        (ForwardingMethod::Number(number), None) => ipvs_client::ForwardingMethod::Other(number),
    };
    let id = DestinationId {
        address: destination.address,
        port: destination.port,
    };
    let settings = DestinationSettings {
        forwarding_method,
        weight: destination.weight,
        upper_threshold: destination.upper_threshold,
        lower_threshold: destination.lower_threshold,
    };
    Ok((id, settings))
}

fn tunnel(tunnel: &Tunnel) -> Result<ipvs_client::Tunnel, Fault> {
    let checksum = tunnel.checksum.map(|checksum| match checksum {
        TunnelChecksum::None => ipvs_client::TunnelChecksum::None,
        TunnelChecksum::Full => ipvs_client::TunnelChecksum::Full,
        TunnelChecksum::Remote => ipvs_client::TunnelChecksum::Remote,
    });
    match (tunnel.kind, tunnel.port, checksum, tunnel.flags) {
        (TunnelType::Named(TunnelTypeName::Ipip), None, None, None) => {
            Ok(ipvs_client::Tunnel::Ipip)
        }
        (TunnelType::Named(TunnelTypeName::Gue), Some(port), Some(checksum), None) => {
            let port = NonZeroU16::new(port).ok_or(Fault::TunnelOptions)?;
            Ok(ipvs_client::Tunnel::Gue { port, checksum })
        }
        (TunnelType::Named(TunnelTypeName::Gre), None, Some(checksum), None) => {
            Ok(ipvs_client::Tunnel::Gre { checksum })
        }
        (TunnelType::Number(kind), port, None, flags) => Ok(ipvs_client::Tunnel::Other {
            kind,
            port: port.unwrap_or(0),
            flags: flags.unwrap_or(0),
        }),
        _ => Err(Fault::TunnelOptions),
    }
}
