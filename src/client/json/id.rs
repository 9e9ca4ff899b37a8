// SPDX-License-Identifier: MIT

//! The field `id` of services and destinations: their name as options take it.

use std::{
    borrow::Cow,
    fmt,
    net::{SocketAddr, SocketAddrV4},
    num::NonZeroU32,
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{DestinationId, ParseIdError, ServiceId, model::endpoint};

/// The word that follows `-t`, `-u`, `--sctp-service` or `-f` for a service, and `-r` for a
/// destination: `10.0.0.1:80`, `[2001:db8::1]:80`, or the number of a firewall mark.
///
/// A service is not known by it alone: the protocol, or the family of the mark, chooses the
/// option.
///
/// ```
/// use ipvs_client::{DestinationId, ServiceId, json::OptionWord};
///
/// let service = ServiceId::tcp(([192, 0, 2, 1], 80));
/// assert_eq!(OptionWord::from(&service).to_string(), "192.0.2.1:80");
/// let destination: DestinationId = "[2001:db8::2]:80".parse()?;
/// assert_eq!("[2001:DB8::2]:80".parse(), Ok(OptionWord::from(&destination)));
/// # Ok::<(), ipvs_client::ParseIdError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionWord {
    /// An address and port.
    Endpoint(SocketAddr),
    /// A firewall mark.
    Mark(NonZeroU32),
}

impl From<&ServiceId> for OptionWord {
    fn from(id: &ServiceId) -> Self {
        match *id {
            ServiceId::Address { address, port, .. } => Self::Endpoint((address, port).into()),
            ServiceId::Fwmark { mark, .. } => Self::Mark(mark),
        }
    }
}

impl From<&DestinationId> for OptionWord {
    fn from(id: &DestinationId) -> Self {
        Self::Endpoint((id.address, id.port).into())
    }
}

impl fmt::Display for OptionWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(endpoint) => endpoint.fmt(f),
            Self::Mark(mark) => mark.fmt(f),
        }
    }
}

impl FromStr for OptionWord {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mark = || text.parse().ok().map(Self::Mark);
        endpoint(text)
            .map(Self::Endpoint)
            .or_else(mark)
            .ok_or_else(|| {
                ParseIdError::new(
                    text,
                    "ADDRESS:PORT, [IPV6-ADDRESS]:PORT or the number of a firewall mark",
                )
            })
    }
}

impl Serialize for OptionWord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Endpoint(SocketAddr::V4(endpoint)) => serializer.serialize_str(&spell(endpoint)),
            _ => serializer.collect_str(self),
        }
    }
}

/// Writes an address as `Display` does, in a small part of its time: a large table has many
/// thousand of them.
fn spell(endpoint: &SocketAddrV4) -> String {
    let mut text = String::with_capacity("255.255.255.255:65535".len());
    for (octet, separator) in endpoint.ip().octets().into_iter().zip([".", ".", ".", ":"]) {
        text.push_str(itoa::Buffer::new().format(octet));
        text.push_str(separator);
    }
    text.push_str(itoa::Buffer::new().format(endpoint.port()));
    text
}

impl<'de> Deserialize<'de> for OptionWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// Compares the id of an entry, if it has one, with what its other fields say.
///
/// # Errors
/// When they name something else.
pub(super) fn check(given: Option<OptionWord>, real: OptionWord) -> Result<(), &'static str> {
    match given {
        Some(given) if given != real => Err("the id is of another entry than the other fields"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tests::any::{any_destination_id, any_service_id};

    proptest! {
        #[test]
        fn it_is_written_as_it_is_displayed_and_read_again(
            service in any_service_id(),
            destination in any_destination_id(),
        ) {
            for word in [OptionWord::from(&service), OptionWord::from(&destination)] {
                let written = serde_json::to_string(&word).unwrap();
                prop_assert_eq!(&written, &format!("\"{word}\""));
                prop_assert_eq!(serde_json::from_str::<OptionWord>(&written).unwrap(), word);
            }
        }
    }
}
