// SPDX-License-Identifier: MIT

//! The names of the document, and how a name or a number is read and written.

use std::fmt;

use serde::{Deserializer, Serialize, Serializer, de};

use crate::{AddressFamily, ForwardingMethod, Protocol, Tunnel, TunnelChecksum};

/// The families of addresses.
pub const FAMILIES: [(&str, AddressFamily); 2] =
    [("ipv4", AddressFamily::Ipv4), ("ipv6", AddressFamily::Ipv6)];

/// The protocols that have a name.
pub const PROTOCOLS: [(&str, Protocol); 3] = [
    ("tcp", Protocol::Tcp),
    ("udp", Protocol::Udp),
    ("sctp", Protocol::Sctp),
];

/// The forwarding methods that have a name. The tunnel stands in a field of its
/// own: that of tunneling here stands for any.
pub const METHODS: [(&str, ForwardingMethod); 5] = [
    ("masquerading", ForwardingMethod::Masquerading),
    ("direct-routing", ForwardingMethod::DirectRouting),
    ("tunneling", ForwardingMethod::Tunneling(Tunnel::Ipip)),
    ("local-node", ForwardingMethod::LocalNode),
    ("bypass", ForwardingMethod::Bypass),
];

/// The types of tunnels that have a name, and their numbers
/// ([`Tunnel::kind`]).
pub(super) const TUNNELS: [(&str, u8); 3] = [("ipip", 0), ("gue", 1), ("gre", 2)];

/// The outer checksums of tunnels.
pub const CHECKSUMS: [(&str, TunnelChecksum); 3] = [
    ("none", TunnelChecksum::None),
    ("full", TunnelChecksum::Full),
    ("remote", TunnelChecksum::Remote),
];

/// A name, or the number of what has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word<T> {
    Named(T),
    Number(u32),
}

impl<T: PartialEq + Copy> Word<T> {
    /// Writes the name of the value, or its number.
    pub(super) fn serialize<S: Serializer>(
        self,
        names: &[(&str, T)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match self {
            Self::Named(value) => match names.iter().find(|(_, known)| *known == value) {
                Some((name, _)) => name.serialize(serializer),
                None => Err(serde::ser::Error::custom("a value without a name")),
            },
            Self::Number(number) => number.serialize(serializer),
        }
    }

    /// Reads one of the names, or a number.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        names: &[(&str, T)],
        deserializer: D,
    ) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor {
            names,
            numbers: true,
        })
    }
}

/// Writes the name of a value that always has one.
pub(super) fn serialize_name<S: Serializer, T: PartialEq + Copy>(
    value: T,
    names: &[(&str, T)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    Word::Named(value).serialize(names, serializer)
}

/// Reads one of the names.
pub(super) fn deserialize_name<'de, D: Deserializer<'de>, T: Copy>(
    names: &[(&str, T)],
    deserializer: D,
) -> Result<T, D::Error> {
    let word = deserializer.deserialize_str(Visitor {
        names,
        numbers: false,
    })?;
    match word {
        Word::Named(value) => Ok(value),
        Word::Number(_) => Err(de::Error::custom("a number, not a name")),
    }
}

struct Visitor<'a, T> {
    names: &'a [(&'a str, T)],
    numbers: bool,
}

impl<T: Copy> de::Visitor<'_> for Visitor<'_, T> {
    type Value = Word<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names.iter().map(|(name, _)| *name).collect();
        write!(f, "one of {}", names.join(", "))?;
        if self.numbers {
            write!(f, " or a number")?;
        }
        Ok(())
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Word<T>, E> {
        match self.names.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => Ok(Word::Named(*value)),
            None => Err(E::invalid_value(de::Unexpected::Str(name), &self)),
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Word<T>, E> {
        let unexpected = de::Unexpected::Unsigned(number);
        if !self.numbers {
            return Err(E::invalid_type(unexpected, &self));
        }
        match u32::try_from(number) {
            Ok(number) => Ok(Word::Number(number)),
            Err(_) => Err(E::invalid_value(unexpected, &self)),
        }
    }
}
