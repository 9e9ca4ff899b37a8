// SPDX-License-Identifier: MIT

//! `--drain`: takes real servers out of use without ending a connection, and brings
//! them back.

mod cause;
mod cookie;
mod event;
mod memory;
mod quiesce;
mod reporter;
mod signals;
mod state;
#[cfg(test)]
mod tests;
mod undo;
mod wait;
mod waiting;

use std::io::Write;

use self::{cause::KernelSettings, memory::Memory, reporter::Reporter, signals::EndSignals};
use super::session::Session;
use crate::{
    command::drain::{Drain, DrainTask},
    failure::Messages,
};

/// Drains servers, or brings them back; returns the exit status.
pub(super) fn run(
    drain: &Drain,
    session: &mut Session,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    session.check()?;
    let mut reporter = Reporter::new(out, messages, drain.form, session.elsewhere().clone());
    let mut memory = Memory::open(session)?;
    let quiesce = match &drain.task {
        DrainTask::Undo(task) => {
            let status = undo::undo(task, session.client()?, &mut memory, &mut reporter)?;
            return reporter.end(status);
        }
        DrainTask::Quiesce(quiesce) => quiesce,
    };
    // A signal that comes before all servers have weight 0 is told when they have.
    let catch = || EndSignals::catch().map_err(wait::cannot_wait);
    let mut signals = quiesce.wait.map(|_| catch()).transpose()?;
    let quiesced = quiesce::quiesce_servers(
        quiesce,
        KernelSettings::read(),
        session.client()?,
        &mut memory,
        &mut reporter,
    )?;
    // Others may change the table while connections are waited for.
    drop(memory);
    let (Some(wait), Some(signals)) = (&quiesce.wait, &mut signals) else {
        return reporter.end(quiesced.status);
    };
    let servers = quiesced.servers;
    let status = wait::wait_for_end(wait, quiesce, servers, signals, session, &mut reporter)?;
    reporter.end(match quiesced.status {
        0 => status,
        refused => refused,
    })
}
