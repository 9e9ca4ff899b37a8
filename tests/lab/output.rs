// SPDX-License-Identifier: MIT

//! Writing to this process's own outputs. The macros of the standard library
//! panic when nobody reads on; these do not.

use std::fmt::Arguments;
use std::io::{self, Write as _};

/// Writes to standard output at once.
pub(crate) fn out(words: Arguments<'_>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_fmt(words)?;
    stdout.flush()
}

/// Writes to standard error. There is nowhere to tell that it failed.
pub(crate) fn err(words: Arguments<'_>) {
    let _ = io::stderr().lock().write_fmt(words);
}
