// SPDX-License-Identifier: MIT

//! The standard streams of a command that runs in a kernel.

use std::io;
use std::time::Duration;

/// Which of its two outputs a command wrote to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Receives what a command writes, as it writes it.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(Stream, &[u8]) -> io::Result<()>;

/// Where a command's standard input and outputs go.
pub(crate) enum Streams<'a> {
    /// All three are this process's terminal.
    Terminal,
    /// Input is this process's own, if any; outputs go to the sink. After the longest
    /// silence the command is ended.
    Pipes {
        stdin: bool,
        sink: Sink<'a>,
        silence: Option<Duration>,
    },
}
