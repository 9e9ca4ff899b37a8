// SPDX-License-Identifier: MIT

//! Finds reasons why virtual services do not work: functions from facts about the
//! machine and its table to findings. Nothing here asks the kernel.

mod addresses;
mod check;
mod checks;
mod commands;
mod connections;
mod daemons;
mod director;
mod firewall;
mod forwarding;
mod kernel;
mod machine;
mod real_server;
mod replies;
mod servers;
mod services;
mod settings;
mod sync_messages;
mod sync_settings;

#[cfg(test)]
pub(crate) use self::check::{Finding, Found, Skipped};
pub(crate) use self::{
    check::{Report, Unknown, examine},
    checks::{DIRECTOR_CHECKS, REAL_SERVER_CHECKS},
    commands::find_placeholders,
    connections::EXPIRE_NODEST,
    daemons::GROUP_NOT_TOLD,
    director::{Director, OpenConnections, Table},
    machine::Machine,
    real_server::RealServer,
};
