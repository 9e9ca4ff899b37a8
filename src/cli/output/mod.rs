// SPDX-License-Identifier: MIT

//! The model as text, byte for byte as ipvsadm 1.31 prints it. Nothing here
//! asks the kernel.

mod connections;
mod daemon;
mod number;
mod save;
mod table;
mod text;
mod timeouts;

pub(crate) use self::{
    connections::ConnectionWriter, daemon::write_daemon, save::SaveWriter, table::TableWriter,
    timeouts::write_timeouts,
};
