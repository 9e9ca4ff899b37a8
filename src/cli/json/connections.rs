// SPDX-License-Identifier: MIT

//! Reads a document of connections while it comes in: what `-L -c --json` writes.

use std::{
    fmt,
    io::{self, Read},
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
};

use ipvs_client::{Connection, ConnectionService, json::SCHEMA_VERSION};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{JsonError, tree::syntax};

/// The reason why a document of connections cannot be read.
#[derive(Debug)]
pub(crate) enum ReadingError {
    Input(io::Error),
    Wrong(JsonError),
}

/// Hands on one connection after the other; one is in memory at a time. Fields that this
/// program does not know are those of a later one.
///
/// # Errors
/// When it cannot be read or is no such document; some connections have been handed on
/// then.
pub(crate) fn read_connections(
    input: impl Read,
    mut each: impl FnMut(&Connection<'_>),
) -> Result<(), ReadingError> {
    let mut reader = serde_json::Deserializer::from_reader(input);
    let outcome = reader.deserialize_map(ConnectionsVisitor(&mut each));
    outcome.and_then(|()| reader.end()).map_err(|error| {
        if error.is_io() {
            ReadingError::Input(error.into())
        } else {
            ReadingError::Wrong(syntax(&error, "this is no JSON"))
        }
    })
}

const WANTED: &str = "the document that -L -c --json writes";

struct ConnectionsVisitor<'a, F>(&'a mut F);

impl<'de, F: FnMut(&Connection<'_>)> Visitor<'de> for ConnectionsVisitor<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(WANTED)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_version = false;
        let mut has_connections = false;
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "schema_version" => {
                    let version: u64 = map.next_value()?;
                    if version != u64::from(SCHEMA_VERSION) {
                        return Err(A::Error::custom(format!(
                            "the document has schema version {version}; this program reads \
                             version {SCHEMA_VERSION}"
                        )));
                    }
                    has_version = true;
                }
                "connections" => {
                    map.next_value_seed(ConnectionList(&mut *self.0))?;
                    has_connections = true;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        match (has_version, has_connections) {
            (true, true) => Ok(()),
            (false, _) => Err(A::Error::custom("the field schema_version is missing")),
            (_, false) => Err(A::Error::custom(format!(
                "the field connections is missing: {WANTED} is wanted"
            ))),
        }
    }
}

struct ConnectionList<'a, F>(&'a mut F);

impl<'de, F: FnMut(&Connection<'_>)> DeserializeSeed<'de> for ConnectionList<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(&Connection<'_>)> Visitor<'de> for ConnectionList<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of connections")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(form) = list.next_element::<ConnectionForm>()? {
            let service = form.service.read().map_err(A::Error::custom)?;
            (self.0)(&Connection::new(
                &form.protocol,
                form.client.into(),
                service,
                form.destination.into(),
                &form.state,
                form.expires,
            ));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct ConnectionForm {
    protocol: String,
    state: String,
    expires: u32,
    client: EndForm,
    service: ServiceForm,
    destination: EndForm,
}

#[derive(Deserialize)]
struct EndForm {
    address: IpAddr,
    port: u16,
}

impl From<EndForm> for SocketAddr {
    fn from(end: EndForm) -> Self {
        Self::new(end.address, end.port)
    }
}

#[derive(Deserialize)]
struct ServiceForm {
    address: Option<IpAddr>,
    port: Option<u16>,
    fwmark: Option<NonZeroU32>,
}

impl ServiceForm {
    fn read(&self) -> Result<ConnectionService, &'static str> {
        match (self.address, self.port, self.fwmark) {
            (Some(address), Some(port), None) => {
                Ok(ConnectionService::Address((address, port).into()))
            }
            (None, None, Some(mark)) => Ok(ConnectionService::Fwmark(mark)),
            _ => Err("a service has either an address and a port or a fwmark"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::ConnectionsDocument;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        let outcome = read_connections(text.as_bytes(), |connection| {
            lines.push(format!("{connection:?}"));
        });
        match outcome {
            Ok(()) => Ok(lines),
            Err(ReadingError::Wrong(error)) => Err(error.to_string()),
            Err(ReadingError::Input(error)) => panic!("{error}"),
        }
    }

    #[test]
    fn what_the_listing_writes_is_read() {
        let end = |text: &str| text.parse().unwrap();
        let service = |text: &str| ConnectionService::Address(end(text));
        let mark = ConnectionService::Fwmark(NonZeroU32::MAX);
        let connections = [
            Connection::new(
                "TCP",
                end("192.0.2.9:1"),
                service("192.0.2.1:2"),
                end("10.0.0.2:3"),
                "NONE",
                4,
            ),
            Connection::new(
                "UDP",
                end("[2001:db8::9]:1"),
                service("[2001:db8::1]:2"),
                end("10.0.0.2:3"),
                "UDP",
                0,
            ),
            Connection::new(
                "IP",
                end("192.0.2.9:0"),
                mark,
                end("10.0.0.2:0"),
                "NONE",
                u32::MAX,
            ),
        ];
        let mut text = Vec::new();
        let mut document = ConnectionsDocument::begin(&mut text).unwrap();
        for connection in &connections {
            document.connection(connection).unwrap();
        }
        document.end().unwrap();
        let lines = connections.map(|connection| format!("{connection:?}"));
        assert_eq!(read(std::str::from_utf8(&text).unwrap()).unwrap(), lines);
    }

    #[test]
    fn fields_of_later_programs_are_passed_over() {
        let text = r#"{"time":"now","schema_version":1,"connections":[{"protocol":"TCP",
            "state":"NONE","expires":1,"flags":["a"],"client":{"address":"192.0.2.9","port":1},
            "service":{"address":"192.0.2.1","port":2},
            "destination":{"address":"10.0.0.2","port":3}}],"more":{}}"#;
        assert_eq!(read(text).unwrap().len(), 1);
    }

    #[test]
    fn other_texts_are_told_by_their_line_and_column() {
        let cases = [
            ("", "line 1, column 0: the JSON ends too early"),
            ("pro expire", "line 1, column 1: this is no JSON"),
            (
                "[]",
                "line 1, column 1: invalid type: sequence, expected the document that -L -c \
                 --json writes",
            ),
            (
                "{\"schema_version\":1,\"services\":[]}",
                "line 1, column 34: the field connections is missing: the document that -L -c \
                 --json writes is wanted",
            ),
            (
                "{\"connections\":[]}",
                "line 1, column 18: the field schema_version is missing",
            ),
            (
                "{\"schema_version\":2,\"connections\":[]}",
                "line 1, column 20: the document has schema version 2; this program reads \
                 version 1",
            ),
            (
                "{\"schema_version\":1,\n\"connections\":[{\"protocol\":\"TCP\"}]}",
                "line 2, column 33: missing field `state`",
            ),
            (
                "{\"schema_version\":1,\"connections\":{}}",
                "line 1, column 35: invalid type: map, expected a list of connections",
            ),
            (
                "{\"schema_version\":1,\"connections\":[",
                "line 1, column 35: the JSON ends too early",
            ),
            (
                "{\"schema_version\":1,\"connections\":[]} {}",
                "line 1, column 39: this is no JSON",
            ),
        ];
        let told = cases.map(|(text, _)| read(text).unwrap_err());
        assert_eq!(told, cases.map(|(_, wanted)| wanted.to_owned()));
    }
}
