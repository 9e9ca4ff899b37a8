// SPDX-License-Identifier: MIT

//! What the program has from whoever starts it and does not hand on: open files.

#![expect(
    unsafe_code,
    reason = "no safe crate marks all descriptors at once, and one that is only inherited \
              has no safe handle"
)]

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
