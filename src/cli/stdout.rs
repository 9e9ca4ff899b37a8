// SPDX-License-Identifier: MIT

//! Standard output, which can be closed or full.
//!
//! The standard library opens `/dev/null` in the place of a standard output that is
//! closed when the program starts, and a listing would be lost with success. So it is
//! seen before that.

#![expect(
    unsafe_code,
    reason = "standard output must be looked at before the standard library opens another"
)]

use std::{
    io::{self, Write},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use rustix::io::Errno;

static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Called by the C library before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK_AT_STDOUT: extern "C" fn() = look_at_stdout;

extern "C" fn look_at_stdout() {
    // SAFETY: the call reads the flags of a descriptor, whatever it is.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    WAS_CLOSED.store(flags == -1, Relaxed);
}

/// Standard output; what is written to one that is closed is an error. It fails once:
/// whoever goes on after that has told of it, and what comes then is dropped.
pub(crate) struct StandardOutput<W> {
    stdout: W,
    is_closed: bool,
    has_failed: bool,
}

impl<W: Write> StandardOutput<W> {
    pub(crate) fn over(stdout: W) -> Self {
        Self {
            stdout,
            is_closed: WAS_CLOSED.load(Relaxed),
            has_failed: false,
        }
    }

    fn fail_once<T>(
        &mut self,
        dropped: T,
        write: impl FnOnce(&mut W) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.has_failed {
            return Ok(dropped);
        }
        let outcome = write(&mut self.stdout);
        self.has_failed =
            matches!(&outcome, Err(error) if error.kind() != io::ErrorKind::Interrupted);
        outcome
    }
}

impl<W: Write> Write for StandardOutput<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let is_closed = self.is_closed;
        self.fail_once(bytes.len(), |stdout| match is_closed {
            true => Err(Errno::BADF.into()),
            false => stdout.write(bytes),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.fail_once((), Write::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(stdout: impl Write, is_closed: bool) -> StandardOutput<impl Write> {
        StandardOutput {
            stdout,
            is_closed,
            has_failed: false,
        }
    }

    #[test]
    fn nothing_is_written_to_a_closed_output_and_that_is_told_once() {
        let mut written = Vec::new();
        let mut out = output(&mut written, true);
        // Nothing to write, nothing lost.
        out.flush().unwrap();
        let error = out.write_all(b"a").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        out.write_all(b"b").unwrap();
        out.flush().unwrap();
        drop(out);
        assert_eq!(written, b"");
    }

    #[test]
    fn what_follows_a_failure_is_dropped_also_where_it_could_be_written() {
        // It has room for three bytes.
        let mut room = [0; 3];
        let mut out = output(&mut room[..], false);
        out.write_all(b"ab").unwrap();
        assert_eq!(
            out.write_all(b"cd").unwrap_err().kind(),
            io::ErrorKind::WriteZero
        );
    }
}
