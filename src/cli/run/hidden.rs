// SPDX-License-Identifier: MIT

//! Tells of the entries of a table that a listing does not have, because the interface
//! of the kernel that lets the caller in does not show them.

use ipvs_client::ServiceId;

use super::session::Session;
use crate::failure::{Messages, NotShown};

/// Tells what a listing of one service or of all does not have.
pub(super) fn tell(
    service: Option<&ServiceId>,
    session: &mut Session,
    messages: &mut Messages<'_>,
) {
    let Ok(client) = session.client() else {
        return;
    };
    // The listing stands: what cannot be found out is told, and no failure of it.
    match client.count_hidden(|id| service.is_none_or(|service| service == id)) {
        Ok(hidden) if hidden.is_empty() => {}
        Ok(hidden) => messages.report(&NotShown(hidden).into()),
        Err(error) => messages.report(&error.into()),
    }
}
