// SPDX-License-Identifier: MIT

//! Taking real servers out of use without ending a connection, and bringing them
//! back.

use std::{fmt, net::IpAddr};

use ipvs_client::{DestinationId, ServiceId};

use super::{Form, Wait};

/// The command `--drain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drain {
    pub(crate) task: DrainTask,
    pub(crate) form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DrainTask {
    Quiesce(Quiesce),
    Undo(Undo),
}

/// Weight 0 for servers, and perhaps waiting for the end of their connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quiesce {
    /// One service, or all that have the server.
    pub(crate) service: Option<ServiceId>,
    pub(crate) server: ServerName,
    pub(crate) wait: Option<WaitForEnd>,
}

/// The weights from before servers were drained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Undo {
    /// One service, or all.
    pub(crate) service: Option<ServiceId>,
    /// One server, or all.
    pub(crate) server: Option<ServerName>,
}

/// Waiting for the end of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WaitForEnd {
    pub(crate) awaited: Awaited,
    pub(crate) time: Wait,
    /// A server whose connections have ended is removed.
    pub(crate) remove: bool,
}

/// The connections of a server that have to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// The active ones; of a protocol that has none, all.
    Active,
    /// All, also those that were closed and are not forgotten yet.
    All,
}

/// A real server as `-r` names it: at one port of the address, or at any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerName {
    pub(crate) address: IpAddr,
    pub(crate) port: Option<u16>,
}

impl ServerName {
    /// Returns whether this is a name of the server.
    pub(crate) fn is_of(&self, server: &DestinationId) -> bool {
        self.address == server.address && self.port.is_none_or(|port| port == server.port)
    }
}

/// As `-r` takes it: `10.0.0.2`, `[2001:db8::2]:80`.
impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => DestinationId::new(self.address, port).fmt(f),
            None => self.address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_alone_names_the_server_at_every_port() {
        let server = DestinationId::new([10, 0, 0, 2], 80);
        let name = |last, port| ServerName {
            address: [10, 0, 0, last].into(),
            port,
        };
        assert!(name(2, None).is_of(&server));
        assert!(name(2, Some(80)).is_of(&server));
        assert!(!name(2, Some(81)).is_of(&server));
        assert!(!name(3, None).is_of(&server));
    }

    #[test]
    fn a_name_reads_as_it_is_typed() {
        let name = |address: &str, port| ServerName {
            address: address.parse().unwrap(),
            port,
        };
        for (name, text) in [
            (name("10.0.0.2", None), "10.0.0.2"),
            (name("10.0.0.2", Some(80)), "10.0.0.2:80"),
            (name("2001:db8::2", None), "2001:db8::2"),
            (name("2001:db8::2", Some(80)), "[2001:db8::2]:80"),
        ] {
            assert_eq!(name.to_string(), text);
        }
    }
}
