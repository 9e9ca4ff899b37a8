// SPDX-License-Identifier: MIT

//! Signals that end a program, while it has something to say before its end.

use std::{io, os::unix::net::UnixStream, time::Instant};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::{backend::SignalDelivery, exfiltrator::SignalOnly},
};

use crate::sigpipe::is_ignored;

/// From its making on, these signals do not end the program by themselves. Those that
/// whoever started the program ignores, as nohup does, stay ignored.
pub(super) struct EndSignals(SignalDelivery<UnixStream, SignalOnly>);

impl EndSignals {
    pub(super) fn catch() -> io::Result<Self> {
        let (read, write) = UnixStream::pair()?;
        read.set_nonblocking(true)?;
        let signals = [SIGINT, SIGTERM, SIGHUP]
            .into_iter()
            .filter(|signal| !is_ignored(*signal));
        SignalDelivery::with_pipe(read, write, SignalOnly, signals).map(Self)
    }

    /// Waits until a time, or for a signal, whose number it returns.
    pub(super) fn wait(&mut self, until: Instant) -> io::Result<Option<i32>> {
        loop {
            if let Some(signal) = self.0.pending().next() {
                return Ok(Some(signal));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let mut files = [PollFd::new(self.0.get_read(), PollFlags::IN)];
            match poll(&mut files, left.try_into().ok().as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Returns the name of one of these signals.
pub(super) fn name_signal(signal: i32) -> &'static str {
    match signal {
        SIGINT => "SIGINT",
        SIGTERM => "SIGTERM",
        _ => "SIGHUP",
    }
}
