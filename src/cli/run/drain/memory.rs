// SPDX-License-Identifier: MIT

//! The old weights of servers while they are changed: the lock is held, and they are
//! kept where that is possible.

use std::{fmt, time::Duration};

use super::{
    cookie::read_cookie,
    event::ServerId,
    state::{DrainedServer, DrainedServers},
};
use crate::{
    command::Wait,
    failure::LockError,
    run::{lock::TableLock, session::Session, state_folder::StateFolder},
};

/// The time to wait for another program that changes the table.
const PATIENCE: Wait = Wait::AtMost(Duration::from_secs(5));

/// The old weights of the network namespace, and the lock of its table.
pub(super) struct Memory {
    servers: DrainedServers,
    /// They differ from what the folder has.
    changed: bool,
    /// The folder, or the reason why they cannot be kept.
    place: Result<StateFolder, String>,
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
            Err(error) => Ok(Self::without(&error)),
        }
    }

    pub(super) fn open_in(folder: StateFolder, cookie: Option<u64>) -> anyhow::Result<Self> {
        let lock = match TableLock::take(&folder, PATIENCE) {
            Ok(lock) => lock,
            Err(LockError::State(error)) => return Ok(Self::without(&error)),
            Err(LockError::Held { path, .. }) => {
                // --wait is for connections here.
                let wait_helps = false;
                return Err(LockError::Held { path, wait_helps }.into());
            }
        };
        let (servers, place) = match DrainedServers::read(&folder, cookie) {
            Ok(servers) => (servers, Ok(folder)),
            Err(error) => (DrainedServers::default(), Err(error.to_string())),
        };
        Ok(Self {
            servers,
            changed: false,
            place,
            cookie,
            _lock: Some(lock),
        })
    }

    pub(super) fn without(reason: &dyn fmt::Display) -> Self {
        Self {
            servers: DrainedServers::default(),
            changed: false,
            place: Err(reason.to_string()),
            cookie: None,
            _lock: None,
        }
    }

    /// Returns the servers that are drained.
    ///
    /// # Errors
    /// The reason why they cannot be known.
    pub(super) fn list(&self) -> Result<Vec<DrainedServer>, String> {
        match &self.place {
            Ok(_) => Ok(self.servers.iter().cloned().collect()),
            Err(reason) => Err(reason.clone()),
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
        let folder = self.place.as_ref().map_err(String::clone)?;
        let written = self.servers.write(folder, self.cookie);
        written.map_err(|error| error.to_string())?;
        self.changed = false;
        Ok(())
    }
}
