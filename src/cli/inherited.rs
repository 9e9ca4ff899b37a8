// SPDX-License-Identifier: MIT

//! The things that the program has from whoever starts it: open files, which it does not
//! hand on, and another user's rights, with which it does not work.

#![expect(
    unsafe_code,
    reason = "no safe crate marks all descriptors at once, and one that is only inherited \
              has no safe handle"
)]

use rustix::process::{getegid, geteuid, getgid, getuid};

use crate::failure::SetIdError;

/// The first descriptor after the standard streams.
const FIRST: libc::c_uint = 3;

/// Makes the kernel close everything that was open when the program started, but for the
/// standard streams, in each program that this one starts.
///
/// Linux can do so from 5.11 on; an older one leaves everything as it is.
pub(crate) fn keep_descriptors_from_children() {
    // SAFETY: the call takes three numbers and no memory. It closes nothing in this
    // process, so that no handle loses its descriptor.
    unsafe {
        libc::syscall(
            libc::SYS_close_range,
            FIRST,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        );
    }
}

/// Refuses to work with the rights of another user or group than the caller's: the file is
/// set-uid or set-gid, or was started by a program that is.
///
/// File capabilities are no such rights, and sudo makes the caller another user altogether.
///
/// # Errors
/// When the caller is not who the program is.
pub(crate) fn refuse_set_id() -> Result<(), SetIdError> {
    if getuid() == geteuid() && getgid() == getegid() {
        Ok(())
    } else {
        Err(SetIdError)
    }
}
