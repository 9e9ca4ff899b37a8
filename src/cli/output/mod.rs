// SPDX-License-Identifier: MIT

//! The model as text: byte for byte as ipvsadm 1.31 prints it, or in forms of
//! our own. Nothing here asks the kernel.

mod classic;
pub(crate) mod file;
mod line;
mod number;
mod openmetrics;
mod text;
mod wide;
mod words;

pub(crate) use self::{
    classic::{ConnectionWriter, SaveWriter, TableWriter, Unsaved, write_daemon, write_timeouts},
    line::{Line, Style, Subject, colour_on_terminal, lines_to_text, paint},
    openmetrics::write_openmetrics,
    wide::wide_lines,
};
