// SPDX-License-Identifier: MIT

//! Gives servers the weights back that they had before they were drained.

use std::io::Write;

use ipvs_client::Client;

use super::{
    event::{Event, KeptBack},
    memory::Memory,
    quiesce::is_gone,
    reporter::Reporter,
};
use crate::{
    command::drain::Undo,
    failure::{NoOldWeight, StepFailed, exit_status},
};

/// The exit status when a server is not there any more.
const STATUS_GONE: u8 = 1;

/// Gives the servers that are meant their weights back; returns the exit status.
///
/// A weight that is not given back, because the server is gone or somebody has given it a
/// weight, is told and forgotten.
///
/// # Errors
/// When the old weights cannot be known, or those of what was named are not.
pub(super) fn undo<W: Write>(
    undo: &Undo,
    client: &mut Client,
    memory: &mut Memory,
    reporter: &mut Reporter<'_, '_, W>,
) -> anyhow::Result<u8> {
    let mut servers = memory.list().map_err(NoOldWeight::Unreadable)?;
    servers.retain(|drained| {
        let Undo { service, server } = undo;
        service.is_none_or(|service| service == drained.id.service)
            && server.is_none_or(|server| server.is_of(&drained.id.destination))
    });
    if servers.is_empty() {
        return match undo {
            Undo {
                service: None,
                server: None,
            } => {
                reporter.note("nothing is drained here");
                Ok(0)
            }
            Undo { service, server } => Err(NoOldWeight::Of {
                service: *service,
                server: *server,
            }
            .into()),
        };
    }
    let mut status = 0;
    let mut events = Vec::new();
    for drained in servers {
        let (server, weight) = (drained.id, drained.weight);
        let edited = client.update_destination(&server.service, &server.destination, |settings| {
            match settings.weight {
                0 => settings.weight(weight),
                _ => *settings,
            }
        });
        let reason = match edited {
            Ok(before) if before.weight == 0 => None,
            Ok(before) => Some(KeptBack::Weight(before.weight)),
            Err(error) if is_gone(&error) => Some(KeptBack::Gone),
            Err(error) => {
                let error = anyhow::Error::from(error).context(StepFailed);
                reporter.report(&error);
                status = status.max(exit_status(&error));
                continue;
            }
        };
        memory.remove(&server);
        events.push(match reason {
            None => Event::Restored { server, weight },
            Some(reason) => Event::NotRestored {
                server,
                weight,
                reason,
            },
        });
        if reason == Some(KeptBack::Gone) {
            status = status.max(STATUS_GONE);
        }
    }
    let saved = memory.save();
    for event in &events {
        reporter.tell(event);
    }
    saved.map_err(anyhow::Error::msg)?;
    Ok(status)
}
