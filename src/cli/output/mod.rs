// SPDX-License-Identifier: MIT

//! The model as text: byte for byte as ipvsadm 1.31 prints it, or in forms of
//! our own. Nothing here asks the kernel.

mod connections;
mod daemon;
mod line;
mod number;
mod openmetrics;
mod save;
mod table;
mod text;
mod timeouts;
mod unsayable;
mod wide;
mod words;

pub(crate) use self::{
    connections::ConnectionWriter,
    daemon::write_daemon,
    line::{Line, Style, Subject, colour_on_terminal, lines_to_text, paint},
    openmetrics::write_openmetrics,
    save::SaveWriter,
    table::TableWriter,
    timeouts::write_timeouts,
    unsayable::Unsaved,
    wide::wide_lines,
};
