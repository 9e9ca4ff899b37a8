// SPDX-License-Identifier: MIT

//! The disposition of SIGPIPE as it was when the program started.
//!
//! A closed pipe ends ipvsadm 1.31 by the signal in a shell, and quietly with
//! success where whoever started it ignores the signal, as systemd does for
//! every service; scripts depend on both (docs/compatibility.md). The standard
//! library ignores the signal before `main`, so the disposition is read before
//! that.

#![expect(
    unsafe_code,
    reason = "the disposition must be read before the standard library changes it"
)]

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static WAS_IGNORED: AtomicBool = AtomicBool::new(false);

/// Called by the C library before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static READ_DISPOSITION: extern "C" fn() = read_disposition;

extern "C" fn read_disposition() {
    WAS_IGNORED.store(is_ignored(libc::SIGPIPE), Relaxed);
}

/// Returns whether a signal is ignored now.
pub(crate) fn is_ignored(signal: i32) -> bool {
    // SAFETY: zeros are a valid value of this plain structure, which the call
    // fills; it changes nothing.
    let action = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut action);
        action
    };
    action.sa_sigaction == libc::SIG_IGN
}

/// Gives SIGPIPE the disposition that it had at the start.
pub(crate) fn restore_disposition() {
    if !WAS_IGNORED.load(Relaxed) {
        // SAFETY: SIG_DFL is a disposition that every signal may have, and no
        // handler of this program's is replaced.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    }
}
