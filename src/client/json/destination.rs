// SPDX-License-Identifier: MIT

//! Destinations as JSON.

use std::{net::IpAddr, num::NonZeroU16};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{
    id::{OptionWord, check},
    names::{METHODS, TUNNELS, Word},
};
use crate::{
    AddressFamily, Destination, DestinationId, DestinationSettings, ForwardingMethod, Stats,
    Tunnel, TunnelChecksum,
};

/// The form of a destination.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DestinationForm {
    #[serde(default)]
    id: Option<OptionWord>,
    #[serde(default)]
    family: Option<AddressFamily>,
    address: IpAddr,
    port: u16,
    forwarding_method: Method,
    #[serde(default)]
    tunnel: Option<TunnelForm>,
    weight: u32,
    #[serde(default, deserialize_with = "or_default")]
    upper_threshold: u32,
    #[serde(default, deserialize_with = "or_default")]
    lower_threshold: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    active_connections: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inactive_connections: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    persistent_connections: Option<u32>,
    /// Null where they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stats: Option<Option<Stats>>,
}

/// Reads null as what is left out.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl DestinationForm {
    /// The form of a destination; without counters, only what can be set.
    pub(super) fn of(destination: &Destination, counters: bool) -> Self {
        let settings = &destination.settings;
        let (method, tunnel) = match settings.forwarding_method {
            ForwardingMethod::Other(number) => (Word::Number(number), None),
            ForwardingMethod::Tunneling(tunnel) => {
                let any = ForwardingMethod::Tunneling(Tunnel::Ipip);
                (Word::Named(any), Some(TunnelForm::of(tunnel)))
            }
            method => (Word::Named(method), None),
        };
        Self {
            id: Some((&destination.id).into()),
            family: Some(destination.id.address.into()),
            address: destination.id.address,
            port: destination.id.port,
            forwarding_method: Method(method),
            tunnel,
            weight: settings.weight,
            upper_threshold: settings.upper_threshold,
            lower_threshold: settings.lower_threshold,
            active_connections: counters.then_some(destination.active_connections),
            inactive_connections: counters.then_some(destination.inactive_connections),
            persistent_connections: counters.then_some(destination.persistent_connections),
            stats: counters.then_some(destination.stats),
        }
    }

    pub(super) fn into_destination(self) -> Result<Destination, &'static str> {
        if self
            .family
            .is_some_and(|family| family != self.address.into())
        {
            return Err("the address is not of that family");
        }
        let forwarding_method = match (self.forwarding_method.0, self.tunnel) {
            (Word::Named(ForwardingMethod::Tunneling(_)), Some(tunnel)) => {
                ForwardingMethod::Tunneling(tunnel.into_tunnel()?)
            }
            (Word::Named(ForwardingMethod::Tunneling(_)), None) | (_, Some(_)) => {
                return Err("tunneling, and nothing else, has a tunnel");
            }
            (Word::Named(method), None) => method,
            (Word::Number(number), None) => ForwardingMethod::Other(number),
        };
        let id = DestinationId {
            address: self.address,
            port: self.port,
        };
        check(self.id, (&id).into())?;
        let settings = DestinationSettings {
            forwarding_method,
            weight: self.weight,
            upper_threshold: self.upper_threshold,
            lower_threshold: self.lower_threshold,
        };
        Ok(Destination {
            active_connections: self.active_connections.unwrap_or(0),
            inactive_connections: self.inactive_connections.unwrap_or(0),
            persistent_connections: self.persistent_connections.unwrap_or(0),
            stats: self.stats.flatten(),
            ..Destination::new(id, settings)
        })
    }
}

/// A forwarding method, by its name or number.
struct Method(Word<ForwardingMethod>);

impl Serialize for Method {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(&METHODS, serializer)
    }
}

impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Word::deserialize(&METHODS, deserializer).map(Self)
    }
}

/// A type of tunnel, by its name or number.
struct TunnelType(Word<u8>);

impl Serialize for TunnelType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(&TUNNELS, serializer)
    }
}

impl<'de> Deserialize<'de> for TunnelType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Word::deserialize(&TUNNELS, deserializer).map(Self)
    }
}

/// The form of a tunnel.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TunnelForm {
    #[serde(rename = "type")]
    kind: TunnelType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<TunnelChecksum>,
    /// The kernel's flags, for a type that has no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flags: Option<u16>,
}

impl TunnelForm {
    fn of(tunnel: Tunnel) -> Self {
        let (port, checksum) = match tunnel {
            Tunnel::Ipip => (None, None),
            Tunnel::Gue { port, checksum } => (Some(port.get()), Some(checksum)),
            Tunnel::Gre { checksum } => (None, Some(checksum)),
            Tunnel::Other { kind, port, flags } => {
                return Self {
                    kind: TunnelType(Word::Number(kind.into())),
                    port: Some(port),
                    checksum: None,
                    flags: Some(flags),
                };
            }
        };
        Self {
            kind: TunnelType(Word::Named(tunnel.kind())),
            port,
            checksum,
            flags: None,
        }
    }

    fn into_tunnel(self) -> Result<Tunnel, &'static str> {
        match (self.kind.0, self.port, self.checksum, self.flags) {
            (Word::Named(0), None, None, None) => Ok(Tunnel::Ipip),
            (Word::Named(1), Some(port), Some(checksum), None) => {
                let port = NonZeroU16::new(port).ok_or("a gue tunnel has a port")?;
                Ok(Tunnel::Gue { port, checksum })
            }
            (Word::Named(2), None, Some(checksum), None) => Ok(Tunnel::Gre { checksum }),
            (Word::Number(kind), port, None, flags) => Ok(Tunnel::Other {
                kind: u8::try_from(kind)
                    .map_err(|_| "a type of tunnel has a number from 0 to 255")?,
                port: port.unwrap_or(0),
                flags: flags.unwrap_or(0),
            }),
            _ => Err("ipip has neither port nor checksum, gue has both, gre has a checksum"),
        }
    }
}

impl Serialize for Destination {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        DestinationForm::of(self, true).serialize(serializer)
    }
}

/// A destination without what only the kernel knows, counters and numbers of
/// connections.
#[derive(Clone, Copy, Debug)]
pub struct WithoutCounters<'a>(pub &'a Destination);

impl Serialize for WithoutCounters<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        DestinationForm::of(self.0, false).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Destination {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = DestinationForm::deserialize(deserializer)?;
        form.into_destination().map_err(de::Error::custom)
    }
}
