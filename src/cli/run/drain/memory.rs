// SPDX-License-Identifier: MIT

//! The old weights of servers while they are changed: the lock is held, and they are
//! kept where that is possible.

use std::time::Duration;

use super::{
    cookie::read_cookie,
    event::ServerId,
    state::{DrainedServer, DrainedServers},
};
use crate::{
    command::Wait,
    failure::{LockError, StateError},
    run::{lock::TableLock, session::Session, state_folder::StateFolder},
};

/// The time to wait for another program that changes the table.
const PATIENCE: Wait = Wait::AtMost(Duration::from_secs(5));

/// The old weights of the network namespace, and the lock of its table.
pub(super) struct Memory {
    servers: DrainedServers,
    /// They differ from what the folder has.
    changed: bool,
    place: Result<StateFolder, anyhow::Error>,
    /// The cookie of the network namespace.
    cookie: Option<u64>,
    _lock: Option<TableLock>,
}

impl Memory {
    /// Takes the lock and reads them. Where they cannot be kept there are none.
    ///
    /// # Errors
    /// When the table cannot be reached, or another program has the lock.
    pub(super) fn open(session: &mut Session) -> anyhow::Result<Self> {
        session.client()?;
        match session.open_state_folder() {
            Ok(folder) => Self::open_in(folder, read_cookie()),
            Err(error) => Ok(Self::without(error)),
        }
    }

    pub(super) fn open_in(folder: StateFolder, cookie: Option<u64>) -> anyhow::Result<Self> {
        let lock = match TableLock::take(&folder, PATIENCE) {
            Ok(lock) => lock,
            Err(LockError::State(error)) => return Ok(Self::without(error.into())),
            Err(held @ LockError::Held { .. }) => return Err(held.into()),
        };
        let (servers, place) = match DrainedServers::read(&folder, cookie) {
            Ok(servers) => (servers, Ok(folder)),
            Err(error) => (DrainedServers::default(), Err(error.into())),
        };
        Ok(Self {
            servers,
            changed: false,
            place,
            cookie,
            _lock: Some(lock),
        })
    }

    pub(super) fn without(reason: anyhow::Error) -> Self {
        Self {
            servers: DrainedServers::default(),
            changed: false,
            place: Err(reason),
            cookie: None,
            _lock: None,
        }
    }

    /// Returns the servers that are drained.
    ///
    /// # Errors
    /// The reason why they cannot be known.
    pub(super) fn into_known(self) -> anyhow::Result<(Self, Vec<DrainedServer>)> {
        match self.place {
            Ok(folder) => {
                let servers = self.servers.iter().cloned().collect();
                let place = Ok(folder);
                Ok((Self { place, ..self }, servers))
            }
            Err(reason) => Err(reason),
        }
    }

    pub(super) fn find(&self, id: &ServerId) -> Option<&DrainedServer> {
        self.servers.find(id)
    }

    pub(super) fn insert(&mut self, server: DrainedServer) {
        self.servers.insert(server);
        self.changed = true;
    }

    pub(super) fn remove(&mut self, id: &ServerId) {
        if self.servers.remove(id) {
            self.changed = true;
        }
    }

    /// Writes what has changed.
    ///
    /// # Errors
    /// The reason why it cannot be kept.
    pub(super) fn save(&mut self) -> Result<(), String> {
        if !self.changed {
            return Ok(());
        }
        let saved = match &self.place {
            Ok(folder) => self
                .servers
                .write(folder, self.cookie)
                .map_err(|error: StateError| error.to_string()),
            Err(reason) => Err(reason.to_string()),
        };
        if saved.is_ok() {
            self.changed = false;
        }
        saved
    }
}
