// SPDX-License-Identifier: MIT

//! The way to the kernel that the commands of one start of the program share.

use ipvs_client::Client;

/// The way to the kernel, opened when a command first needs it and kept for
/// those that follow.
#[derive(Default)]
pub(crate) struct Session {
    client: Option<Client>,
}

impl Session {
    /// Checks that IPVS is there and lets this user in.
    pub(crate) fn check(&mut self) -> ipvs_client::Result<()> {
        self.client()?.info().map(drop)
    }

    pub(crate) fn client(&mut self) -> ipvs_client::Result<&mut Client> {
        let client = match self.client.take() {
            Some(client) => client,
            None => Client::open()?,
        };
        Ok(self.client.insert(client))
    }
}
