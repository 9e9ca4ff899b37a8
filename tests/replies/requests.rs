// SPDX-License-Identifier: MIT

//! Ends a program when it has sent a certain number of datagrams, as if it had been
//! killed between two requests, or lets it wait for every answer from then on. The kernel
//! has carried the last one out by then: it does so while it is sent.

#![expect(unsafe_code, reason = "this is a function of the C library")]

use std::{
    env,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use libc::{c_int, c_void, size_t, ssize_t};

/// Have the numbers.
const KILL: &str = "IPVS_LAB_KILL_AFTER";
const SILENCE: &str = "IPVS_LAB_SILENCE_AFTER";

static LIMIT: OnceLock<Option<u64>> = OnceLock::new();
static LAST_ANSWERED: OnceLock<Option<u64>> = OnceLock::new();
static SENT: AtomicU64 = AtomicU64::new(0);

/// Returns whether the answer to the last datagram does not arrive.
pub(crate) fn is_unanswered() -> bool {
    let last = LAST_ANSWERED.get_or_init(|| read_number(SILENCE));
    last.is_some_and(|last| SENT.load(Relaxed) > last)
}

/// Reads a number from a variable of the environment, if it has one.
pub(crate) fn read_number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

/// Sends as the C library's function does.
///
/// # Safety
/// As that function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn send(
    socket: c_int,
    data: *const c_void,
    length: size_t,
    flags: c_int,
) -> ssize_t {
    let address = std::ptr::null::<c_void>();
    // SAFETY: the caller's arguments, as the system call takes them, and no address.
    let sent = unsafe { libc::syscall(libc::SYS_sendto, socket, data, length, flags, address, 0) };
    let limit = LIMIT.get_or_init(|| read_number(KILL));
    if Some(SENT.fetch_add(1, Relaxed) + 1) == *limit {
        // SAFETY: ends the process at once.
        unsafe { libc::raise(libc::SIGKILL) };
    }
    sent as ssize_t
}
