// SPDX-License-Identifier: MIT

//! Waits until the connections of servers have ended, and removes the servers then if
//! that is wanted.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use ipvs_client::{Consistency, Counters};
use signal_hook::low_level::emulate_default_handler;

use super::{
    event::{Event, ServerId},
    memory::Memory,
    quiesce::is_gone,
    reporter::Reporter,
    signals::{EndSignals, name_signal},
    waiting::{Waiting, choose_pause},
};
use crate::{
    command::{
        Wait,
        drain::{Quiesce, WaitForEnd},
        spelling::name_service,
    },
    failure::StepFailed,
    run::session::Session,
};

/// The exit status when the time is over, or somebody has given a server a weight.
const STATUS_NOT_DRAINED: u8 = 1;

/// Waits; returns the exit status. A signal ends the program when it has been told.
///
/// # Errors
/// When the table cannot be read, or the kernel refuses to remove a server.
pub(super) fn wait_for_end<W: Write>(
    wait: &WaitForEnd,
    quiesce: &Quiesce,
    servers: Vec<ServerId>,
    signals: &mut EndSignals,
    session: &mut Session,
    reporter: &mut Reporter<'_, '_, W>,
) -> anyhow::Result<u8> {
    let mut waiting = Waiting::new(wait.awaited, servers);
    let start = Instant::now();
    let (time, end) = match wait.time {
        // A time that no clock reaches is without end, too.
        Wait::AtMost(time) => (time, start.checked_add(time)),
        Wait::WithoutEnd => (Duration::MAX, None),
    };
    loop {
        let now = Instant::now();
        let is_last = end.is_some_and(|end| now >= end);
        for service in waiting.list_services() {
            let destinations = session.client()?.destinations_with(
                &service,
                Counters::Skip,
                Consistency::Agreed,
            )?;
            for event in waiting.look(service, &destinations, is_last) {
                reporter.tell(&event);
                if let Event::Empty { server, .. } = event
                    && wait.remove
                {
                    reporter.tell(&remove(server, session)?);
                }
            }
        }
        if waiting.is_over() {
            reporter.clear();
            return Ok(match waiting.any_revived() {
                true => STATUS_NOT_DRAINED,
                false => 0,
            });
        }
        let left = waiting.describe();
        if is_last {
            reporter.tell(&Event::OverTime { after: time, left });
            return Ok(STATUS_NOT_DRAINED);
        }
        reporter.draw(&left);
        let next = now + choose_pause(now - start);
        let next = end.map_or(next, |end| next.min(end));
        if let Some(signal) = signals.wait(next).map_err(cannot_wait)? {
            reporter.tell(&Event::Interrupted {
                signal: name_signal(signal),
                undo: reporter.spell(&word_undo(quiesce)),
            });
            // Ends the program, for whoever sent it to see.
            emulate_default_handler(signal).map_err(cannot_wait)?;
        }
    }
}

pub(super) fn cannot_wait(error: std::io::Error) -> anyhow::Error {
    anyhow::anyhow!("cannot wait for the end of connections: {error}")
}

/// Removes a server, and the weight that it had from the memory.
fn remove(server: ServerId, session: &mut Session) -> anyhow::Result<Event> {
    let mut memory = Memory::open(session)?;
    let client = session.client()?;
    let event = match client.delete_destination(&server.service, &server.destination) {
        Ok(()) => Event::Removed { server },
        Err(error) if is_gone(&error) => Event::Gone { server },
        Err(error) => return Err(anyhow::Error::from(error).context(StepFailed)),
    };
    memory.remove(&server);
    // What cannot be written has been told when the weights were kept.
    let _ = memory.save();
    Ok(event)
}

/// Words the command that gives the servers their weights back.
fn word_undo(quiesce: &Quiesce) -> String {
    let service = quiesce.service.as_ref().and_then(name_service);
    let service = service.map_or(String::new(), |service| format!(" {service}"));
    format!("ipvsadm --drain --undo{service} -r {}", quiesce.server)
}
