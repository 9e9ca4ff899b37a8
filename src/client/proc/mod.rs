// SPDX-License-Identifier: MIT

//! Files below `/proc/net`, for things that netlink does not tell.

use std::io;

pub(crate) mod connections;
pub(crate) mod origins;
pub(crate) mod table;
pub(crate) mod totals;
pub(crate) mod whole;

/// Names the file that could not be opened.
pub(crate) fn not_opened(file: &str, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("/proc/thread-self/net/{file}: {error}"),
    )
}

/// Shows a line that a file should not have.
fn unknown_line(file: &str, line: &[u8]) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!(
            "/proc/thread-self/net/{file} has a line of an unknown form: {}",
            line.trim_ascii_end().escape_ascii()
        ),
    )
}
