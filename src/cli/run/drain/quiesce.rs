// SPDX-License-Identifier: MIT

//! Gives servers the weight 0 and keeps the weights that they had.

use std::{io::Write, time::SystemTime};

use ipvs_client::{
    Client, Consistency, Counters, Destination, Errno, Error, Operation, Service, ServiceId,
};

use super::{
    cause::{self, Cause, KernelSettings},
    event::{Event, OldWeight, ServerId},
    memory::Memory,
    reporter::Reporter,
    state::DrainedServer,
};
use crate::{
    command::drain::{Quiesce, ServerName},
    failure::{NothingToDrain, StepFailed, exit_status},
    table::{ReadOptions, read_entries},
    time::time_stamp,
};

/// The servers that have weight 0 now, and the exit status.
pub(super) struct Quiesced {
    pub(super) servers: Vec<ServerId>,
    pub(super) status: u8,
}

/// Gives all servers that are meant the weight 0.
///
/// Their weights are kept before they are changed, so that a program that is killed in
/// between leaves none that is not known. What has happened is told when all of it
/// has: if nobody reads it, all the same.
///
/// # Errors
/// When there is no such server, or the table cannot be read. What the kernel refuses
/// is reported, and the other servers have their turn.
pub(super) fn quiesce_servers<W: Write>(
    quiesce: &Quiesce,
    kernel: KernelSettings,
    client: &mut Client,
    memory: &mut Memory,
    reporter: &mut Reporter<'_, '_, W>,
) -> anyhow::Result<Quiesced> {
    let found = find_servers(quiesce.service.as_ref(), &quiesce.server, client)?;
    let now = time_stamp(SystemTime::now());
    for (service, destination) in &found {
        if destination.settings.weight != 0 {
            memory.insert(DrainedServer {
                id: name_server(service, destination),
                weight: destination.settings.weight,
                since: now.clone(),
            });
        }
    }
    // If it cannot be, that is told at the end.
    let _ = memory.save();

    let mut quiesced = Quiesced {
        servers: Vec::new(),
        status: 0,
    };
    let mut events = Vec::new();
    let mut causes: Vec<(ServiceId, Vec<Cause>)> = Vec::new();
    for (service, destination) in &found {
        let id = name_server(service, destination);
        let read = destination.settings.weight;
        let edited =
            client.update_destination(&id.service, &id.destination, |settings| settings.weight(0));
        let before = match edited {
            Ok(settings) => settings.weight,
            Err(error) => {
                if read != 0 {
                    memory.remove(&id);
                }
                if is_gone(&error) {
                    events.push(Event::Gone { server: id });
                } else {
                    let error = anyhow::Error::from(error).context(StepFailed);
                    reporter.report(&error);
                    if quiesced.status == 0 {
                        quiesced.status = exit_status(&error);
                    }
                }
                continue;
            }
        };
        // Somebody may have given it another weight meanwhile.
        if before != 0 && before != read {
            memory.insert(DrainedServer {
                id,
                weight: before,
                since: now.clone(),
            });
        }
        let old = match memory.find(&id) {
            Some(known) if read != 0 || before != 0 => OldWeight::Now(known.weight),
            Some(known) => OldWeight::Earlier {
                weight: known.weight,
                since: known.since.clone(),
            },
            None => OldWeight::Unknown,
        };
        let undo = match &old {
            OldWeight::Now(weight) | OldWeight::Earlier { weight, .. } => id.bring_back(*weight),
            OldWeight::Unknown => None,
        };
        let found = Cause::find(service, &destination.settings, quiesce.wait, kernel);
        events.push(Event::Drained {
            server: id,
            old,
            undo: undo.map(|command| reporter.spell(&command)),
            causes: found.clone(),
        });
        causes.push((id.service, found));
        quiesced.servers.push(id);
    }
    if let Err(reason) = memory.save() {
        events.push(Event::NotKept { reason });
    }
    for event in &events {
        reporter.tell(event);
    }
    for warning in cause::word_once(&causes) {
        reporter.warn(&warning);
    }
    Ok(quiesced)
}

fn name_server(service: &Service, destination: &Destination) -> ServerId {
    ServerId {
        service: service.id,
        destination: destination.id,
    }
}

/// Finds the servers with this name in one service, or in all, in the order of a
/// listing.
fn find_servers(
    service: Option<&ServiceId>,
    server: &ServerName,
    client: &mut Client,
) -> anyhow::Result<Vec<(Service, Destination)>> {
    let options = ReadOptions {
        counters: Counters::Skip,
        consistency: Consistency::Agreed,
        sorted: true,
    };
    let entries = match read_entries(client, service, options) {
        Err(Error::Kernel {
            operation: Operation::ReadService(service),
            errno: Errno::SRCH,
        }) => return Err(NothingToDrain::NoService(service).into()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let (service, destinations) = entry?;
        let destinations = destinations.into_iter();
        found.extend(
            destinations
                .filter(|destination| server.is_of(&destination.id))
                .map(|destination| (service.clone(), destination)),
        );
    }
    match (found.is_empty(), service) {
        (false, _) => Ok(found),
        (true, Some(service)) => Err(NothingToDrain::NotInService(*server, *service).into()),
        (true, None) => Err(NothingToDrain::Nowhere(*server).into()),
    }
}

/// Tells whether the service or the server of a change is not there.
pub(super) fn is_gone(error: &Error) -> bool {
    matches!(error.errno(), Some(Errno::NOENT | Errno::SRCH))
}
