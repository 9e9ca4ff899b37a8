// SPDX-License-Identifier: MIT

//! The weights that servers had before they were drained, in a file of the network
//! namespace, for `--undo`.

use std::{collections::BTreeMap, io};

use ipvs_client::{DestinationId, ServiceId, json::SCHEMA_VERSION};
use serde::{Deserialize, Serialize};

use super::event::ServerId;
use crate::{failure::StateError, run::state_folder::StateFolder};

/// The end of the name of the file.
const FILE: &str = "drained.json";

/// The servers that are drained.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct DrainedServers(BTreeMap<ServerId, DrainedServer>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DrainedServer {
    pub(super) id: ServerId,
    /// The weight that it had.
    pub(super) weight: u32,
    /// The time when it was drained, in the form of ISO 8601.
    pub(super) since: String,
}

impl DrainedServers {
    /// Reads them from the folder; none if there is no file, or if that is of an earlier
    /// network namespace, with another cookie.
    ///
    /// # Errors
    /// When the file cannot be read or has another form.
    pub(super) fn read(folder: &StateFolder, cookie: Option<u64>) -> Result<Self, StateError> {
        match folder.read_file(FILE)? {
            None => Ok(Self::default()),
            Some(text) => parse(&text, cookie).map_err(|reason| StateError {
                path: folder.path_of(FILE),
                reason,
            }),
        }
    }

    /// Writes them into the folder, in the place of those that there were.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write(
        &self,
        folder: &StateFolder,
        cookie: Option<u64>,
    ) -> Result<(), StateError> {
        let document = Document {
            schema_version: SCHEMA_VERSION,
            namespace_cookie: cookie,
            drained: self.iter().map(Entry::from).collect(),
        };
        let text = format!("{}\n", serde_json::json!(document));
        folder.replace_file(FILE, text.as_bytes())
    }

    pub(super) fn find(&self, id: &ServerId) -> Option<&DrainedServer> {
        self.0.get(id)
    }

    /// Adds a server, in the place of what was known of it.
    pub(super) fn insert(&mut self, server: DrainedServer) {
        self.0.insert(server.id, server);
    }

    /// Forgets a server; returns whether it was known.
    pub(super) fn remove(&mut self, id: &ServerId) -> bool {
        self.0.remove(id).is_some()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &DrainedServer> {
        self.0.values()
    }
}

/// The file.
#[derive(Deserialize, Serialize)]
struct Document {
    schema_version: u32,
    namespace_cookie: Option<u64>,
    drained: Vec<Entry>,
}

#[derive(Deserialize, Serialize)]
struct Entry {
    /// As operators write it: `TCP 10.0.0.1:80`.
    service: String,
    destination: String,
    weight: u32,
    since: String,
}

impl From<&DrainedServer> for Entry {
    fn from(server: &DrainedServer) -> Self {
        Self {
            service: server.id.service.to_string(),
            destination: server.id.destination.to_string(),
            weight: server.weight,
            since: server.since.clone(),
        }
    }
}

fn parse(text: &[u8], cookie: Option<u64>) -> io::Result<DrainedServers> {
    let document: Document = serde_json::from_slice(text)?;
    if document.schema_version != SCHEMA_VERSION {
        let version = document.schema_version;
        return Err(io::Error::other(format!(
            "its form has the version {version}, which this program does not know"
        )));
    }
    if document.namespace_cookie != cookie {
        return Ok(DrainedServers::default());
    }
    let servers = document.drained.into_iter().map(|entry| {
        let service: ServiceId = entry.service.parse().map_err(io::Error::other)?;
        let destination: DestinationId = entry.destination.parse().map_err(io::Error::other)?;
        let id = ServerId {
            service,
            destination,
        };
        let server = DrainedServer {
            id,
            weight: entry.weight,
            since: entry.since,
        };
        Ok((id, server))
    });
    servers.collect::<io::Result<_>>().map(DrainedServers)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    const COOKIE: Option<u64> = Some(4096);

    fn folder() -> (TempDir, StateFolder) {
        let parent = tempfile::tempdir().unwrap();
        let folder = StateFolder::open_below(parent.path(), None).unwrap();
        (parent, folder)
    }

    fn server(service: &str, weight: u32) -> DrainedServer {
        DrainedServer {
            id: ServerId {
                service: service.parse().unwrap(),
                destination: DestinationId::new([10, 0, 0, 2], 80),
            },
            weight,
            since: "2026-01-02T03:04:05.678Z".to_owned(),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let (_parent, folder) = folder();
        assert_eq!(
            DrainedServers::read(&folder, COOKIE).unwrap(),
            DrainedServers::default()
        );
        let mut drained = DrainedServers::default();
        for service in [
            "TCP 10.0.0.1:80",
            "UDP [2001:db8::1]:53",
            "protocol 50 10.0.0.1:0",
            "fwmark 5 IPv6",
        ] {
            drained.insert(server(service, 3));
        }
        drained.write(&folder, COOKIE).unwrap();
        assert_eq!(DrainedServers::read(&folder, COOKIE).unwrap(), drained);
        assert_eq!(
            DrainedServers::read(&folder, Some(4097)).unwrap(),
            DrainedServers::default(),
            "another namespace had the number"
        );
    }

    #[test]
    fn of_a_server_the_last_weight_is_known() {
        let mut drained = DrainedServers::default();
        drained.insert(server("TCP 10.0.0.1:80", 3));
        drained.insert(server("TCP 10.0.0.1:80", 4));
        let id = server("TCP 10.0.0.1:80", 0).id;
        assert_eq!(drained.find(&id).unwrap().weight, 4);
        assert_eq!(drained.iter().count(), 1);
        drained.remove(&id);
        assert_eq!(drained.find(&id), None);
    }

    #[test]
    fn a_file_of_another_form_is_an_error_with_its_name() {
        let (_parent, folder) = folder();
        for text in [
            "",
            "{}",
            r#"{"schema_version":2,"drained":[]}"#,
            r#"{"schema_version":1,"namespace_cookie":4096,"drained":[{"service":"5"}]}"#,
            r#"{"schema_version":1,"namespace_cookie":4096,"drained":[{"service":"5","destination":"10.0.0.2:80","weight":1,"since":""}]}"#,
        ] {
            fs::write(folder.path_of(FILE), text).unwrap();
            let error = DrainedServers::read(&folder, COOKIE).unwrap_err();
            assert_eq!(error.path, folder.path_of(FILE), "{text}");
        }
    }
}
