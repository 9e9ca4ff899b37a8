// SPDX-License-Identifier: MIT

//! The way to the kernel that the commands of one start of the program share, and
//! the lock of its table.

use std::{io, time::Duration};

use ipvs_client::{Client, Error, Interface, OpenOptions};

use super::{lock::TableLock, state_folder::StateFolder};
use crate::{
    command::{Wait, spelling::Elsewhere},
    failure::{LockError, Messages},
};

/// The time that commands of the original wait for whoever has the lock. They go on
/// without it then: it does not exist for those who wrote the scripts that they
/// stand in.
const PATIENCE: Wait = Wait::AtMost(Duration::from_secs(5));

/// The way to the kernel, opened when a command first needs it and kept for
/// those that follow.
#[derive(Default)]
pub(crate) struct Session {
    /// The network namespace, for commands that people are told to run.
    elsewhere: Elsewhere,
    /// The interface of the kernel that the command line wants.
    interface: Option<Interface>,
    client: Option<Client>,
    /// The folder of the lock; none when it cannot be used.
    folder: Option<Option<StateFolder>>,
    /// The lock that stays taken to the end.
    held: Option<TableLock>,
}

impl Session {
    /// Begins with a way to the kernel over this interface, if one is wanted.
    pub(crate) fn using(interface: Option<Interface>, elsewhere: Elsewhere) -> Self {
        Self {
            elsewhere,
            interface,
            ..Self::default()
        }
    }

    /// Begins with a way to the kernel that is open already.
    #[cfg(test)]
    pub(crate) fn over(client: Client) -> Self {
        Self {
            client: Some(client),
            ..Self::default()
        }
    }

    /// Returns the network namespace, for commands that people are told to run.
    pub(crate) fn elsewhere(&self) -> &Elsewhere {
        &self.elsewhere
    }

    /// Returns whether there is a way to the kernel already.
    pub(crate) fn is_open(&self) -> bool {
        self.client.is_some()
    }

    /// Returns whether files may take the place of an interface of the kernel that does
    /// not let the caller in: none was chosen.
    pub(crate) fn may_use_files(&self) -> bool {
        self.interface.is_none()
    }

    /// Checks that IPVS is there and lets this user in.
    pub(crate) fn check(&mut self) -> ipvs_client::Result<()> {
        self.client()?.info().map(drop)
    }

    pub(crate) fn client(&mut self) -> ipvs_client::Result<&mut Client> {
        let client = match self.client.take() {
            Some(client) => client,
            None => match self.interface {
                Some(interface) => OpenOptions::new().interface(interface).open()?,
                None => Client::open()?,
            },
        };
        Ok(self.client.insert(client))
    }

    /// Opens the folder with the files of the network namespace.
    pub(crate) fn open_state_folder(&mut self) -> anyhow::Result<StateFolder> {
        let namespace = match self.client()?.namespace() {
            Ok(namespace) => Some(namespace),
            // A kernel that was built without network namespaces has one table.
            Err(Error::Io { reason, .. }) if reason.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        Ok(StateFolder::open(namespace)?)
    }

    /// Takes the lock of the table where that is possible, for commands that do
    /// without it where it is not.
    ///
    /// # Errors
    /// When the table cannot be reached.
    pub(crate) fn try_to_lock(&mut self) -> ipvs_client::Result<Option<TableLock>> {
        self.client()?;
        if self.held.is_some() {
            return Ok(None);
        }
        if self.folder.is_none() {
            self.folder = Some(self.open_state_folder().ok());
        }
        let folder = self.folder.as_ref().and_then(Option::as_ref);
        Ok(folder.and_then(|folder| TableLock::take(folder, PATIENCE).ok()))
    }

    /// Takes the lock of the table, for all that follows.
    ///
    /// # Errors
    /// When the table cannot be reached, or locked within the time.
    pub(crate) fn lock(&mut self, wait: Wait, messages: &mut Messages<'_>) -> anyhow::Result<()> {
        // Who has no right to the table often has none to the lock, and is to hear of
        // the former.
        self.check()?;
        let folder = self.open_state_folder()?;
        let lock = match TableLock::take(&folder, Wait::AtMost(Duration::ZERO)) {
            Err(LockError::Held { .. }) if wait != Wait::AtMost(Duration::ZERO) => {
                messages.note_to_terminal("waiting for another ipvsadm that is changing the table");
                TableLock::take(&folder, wait)?
            }
            outcome => outcome?,
        };
        self.held = Some(lock);
        Ok(())
    }

    /// Takes the lock where that is possible, for all that follows.
    ///
    /// # Errors
    /// When the table cannot be reached.
    pub(crate) fn stay_locked(&mut self) -> ipvs_client::Result<()> {
        if let Some(lock) = self.try_to_lock()? {
            self.held = Some(lock);
        }
        Ok(())
    }
}
