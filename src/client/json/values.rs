// SPDX-License-Identifier: MIT

//! Single values of the model: families, protocols, versions, timeouts,
//! connections.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::names::{CHECKSUMS, FAMILIES, PROTOCOLS, Word, deserialize_name, serialize_name};
use crate::{
    AddressFamily, Connection, ConnectionService, DaemonRole, Protocol, Timeouts, TunnelChecksum,
    Version,
};

impl Serialize for AddressFamily {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_name(*self, &FAMILIES, serializer)
    }
}

impl<'de> Deserialize<'de> for AddressFamily {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_name(&FAMILIES, deserializer)
    }
}

impl Serialize for TunnelChecksum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_name(*self, &CHECKSUMS, serializer)
    }
}

impl<'de> Deserialize<'de> for TunnelChecksum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_name(&CHECKSUMS, deserializer)
    }
}

const ROLES: [(&str, DaemonRole); 2] = [
    ("master", DaemonRole::Master),
    ("backup", DaemonRole::Backup),
];

impl Serialize for DaemonRole {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_name(*self, &ROLES, serializer)
    }
}

impl<'de> Deserialize<'de> for DaemonRole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_name(&ROLES, deserializer)
    }
}

impl Serialize for Protocol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let word = match *self {
            Self::Other(number) => Word::Number(number.into()),
            named => Word::Named(named),
        };
        word.serialize(&PROTOCOLS, serializer)
    }
}

impl<'de> Deserialize<'de> for Protocol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Word::deserialize(&PROTOCOLS, deserializer)? {
            Word::Named(protocol) => Ok(protocol),
            Word::Number(number) => u16::try_from(number)
                .map(Self::from)
                .map_err(|_| de::Error::custom("a protocol has a number from 0 to 65535")),
        }
    }
}

/// As text: `"1.2.1"`.
impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let numbers: Option<Vec<u8>> = text.split('.').map(|part| part.parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[major, minor, patch]) => Ok(Self(u32::from_be_bytes([0, major, minor, patch]))),
            _ => Err(de::Error::custom(format_args!(
                "{text:?} is not a version such as 1.2.1"
            ))),
        }
    }
}

/// The form of timeouts. A timeout of 0 is of a protocol that the kernel does not
/// know.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeoutsForm {
    tcp: u32,
    tcp_fin: u32,
    udp: u32,
}

impl Serialize for Timeouts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = |timeout: Option<NonZeroU32>| timeout.map_or(0, NonZeroU32::get);
        let form = TimeoutsForm {
            tcp: seconds(self.tcp),
            tcp_fin: seconds(self.tcp_fin),
            udp: seconds(self.udp),
        };
        form.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Timeouts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = TimeoutsForm::deserialize(deserializer)?;
        Ok(Self::default()
            .tcp(form.tcp)
            .tcp_fin(form.tcp_fin)
            .udp(form.udp))
    }
}

#[derive(Serialize)]
struct ConnectionForm<'a> {
    protocol: &'a str,
    state: &'a str,
    expires: u32,
    client: Endpoint,
    service: ServiceEnd,
    destination: Endpoint,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistence_engine: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistence_data: Option<&'a str>,
}

#[derive(Serialize)]
struct Endpoint {
    address: IpAddr,
    port: u16,
}

impl From<SocketAddr> for Endpoint {
    fn from(end: SocketAddr) -> Self {
        Self {
            address: end.ip(),
            port: end.port(),
        }
    }
}

/// `{"address":"10.0.0.1","port":80}` or `{"fwmark":9}`
#[derive(Serialize)]
#[serde(untagged)]
enum ServiceEnd {
    Address(Endpoint),
    Fwmark { fwmark: NonZeroU32 },
}

impl Serialize for Connection<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = ConnectionForm {
            protocol: self.protocol,
            state: self.state,
            expires: self.expires,
            client: self.client.into(),
            service: match self.service {
                ConnectionService::Address(end) => ServiceEnd::Address(end.into()),
                ConnectionService::Fwmark(fwmark) => ServiceEnd::Fwmark { fwmark },
            },
            destination: self.destination.into(),
            persistence_engine: self.persistence_engine.map(|(name, _)| name),
            persistence_data: self.persistence_engine.map(|(_, data)| data),
        };
        form.serialize(serializer)
    }
}
