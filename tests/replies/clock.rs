// SPDX-License-Identifier: MIT

//! A clock that jumps, as when somebody sets it while the program runs: by turns, the time
//! of day is so many seconds too late and too early. The monotonic clock goes on as it is:
//! nobody can set that.

#![expect(unsafe_code, reason = "this is a function of the C library")]

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use libc::{CLOCK_REALTIME, c_int, clockid_t, timespec};

use crate::requests::read_number;

/// Has the number of seconds.
const JUMP: &str = "IPVS_LAB_CLOCK_JUMP";

static SECONDS: OnceLock<Option<u64>> = OnceLock::new();
static READINGS: AtomicU64 = AtomicU64::new(0);

/// Reads a clock as the C library's function does.
///
/// # Safety
/// As that function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: the caller's arguments, as the system call takes them.
    let status = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) };
    let seconds = SECONDS.get_or_init(|| read_number(JUMP));
    if let (0, CLOCK_REALTIME, Some(seconds)) = (status, clock, seconds) {
        // SAFETY: the kernel has filled the structure, which is the caller's.
        let time = unsafe { &mut *time };
        time.tv_sec = match READINGS.fetch_add(1, Relaxed) % 2 {
            0 => time.tv_sec.saturating_add_unsigned(*seconds),
            _ => time.tv_sec.saturating_sub_unsigned(*seconds),
        };
    }
    status as c_int
}
