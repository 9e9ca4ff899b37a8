// SPDX-License-Identifier: MIT

//! What the standard library would do before `main`, as far as this program
//! needs it.
//!
//! A command that takes the kernel microseconds is over before the library has
//! read `/proc/self/maps` for the place of the stack's end, set up a second
//! stack and two signal handlers for the message that it would print there:
//! twenty system calls, and a tenth of the pages that are touched at all. So
//! the C library calls [`main`] itself.

use std::{ffi::c_int, fs::File, os::fd::IntoRawFd as _};

/// Called by the C library. The standard library finds the arguments by itself,
/// as long as it is glibc that starts the program.
#[unsafe(no_mangle)]
extern "C" fn main() -> c_int {
    open_standard_streams();
    c_int::from(crate::status())
}

/// Opens what is closed of standard input, output and error: the socket to the
/// kernel would get its number, and what is printed would go there.
fn open_standard_streams() {
    let mut streams = [0, 1, 2].map(|fd| libc::pollfd {
        fd,
        events: 0,
        revents: 0,
    });
    // SAFETY: the array lives through the call and has as many entries as it
    // says. The call waits for nothing.
    let failed = unsafe { libc::poll(streams.as_mut_ptr(), 3, 0) } < 0;
    for stream in streams {
        if !failed && stream.revents & libc::POLLNVAL == 0 {
            continue;
        }
        // SAFETY: F_GETFD takes no argument and changes nothing.
        if unsafe { libc::fcntl(stream.fd, libc::F_GETFD) } != -1 {
            continue;
        }
        // It takes the lowest number that is free, which is this one, and stays
        // open to the end.
        match File::options().read(true).write(true).open("/dev/null") {
            Ok(null) => _ = null.into_raw_fd(),
            Err(_) => std::process::abort(),
        }
    }
}
