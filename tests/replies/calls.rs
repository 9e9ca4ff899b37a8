// SPDX-License-Identifier: MIT

//! Functions that the preloaded program calls instead of the C library's.

#![expect(unsafe_code, reason = "these are functions of the C library")]

use std::env;
use std::io::{self, Write as _};
use std::slice;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use libc::{c_int, c_uint, mmsghdr, msghdr, ssize_t, timespec};

use crate::{
    requests,
    rules::{self, Rule},
};

/// Has the rules.
const VARIABLE: &str = "IPVS_LAB_REPLIES";
/// The exit status of a program whose rules are wrong: no other has it.
const TROUBLE: c_int = 125;

static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
/// The number of the family IPVS, once the kernel has told it; 0 before.
static FAMILY: AtomicU32 = AtomicU32::new(0);
/// A bit for each rule that has changed something.
static APPLIED: AtomicU64 = AtomicU64::new(0);

/// Receives as the C library's function does.
///
/// # Safety
/// As that function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recvmsg(socket: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    // SAFETY: the caller's arguments, as the system call takes them.
    let received = unsafe { libc::syscall(libc::SYS_recvmsg, socket, message, flags) };
    if let Ok(length) = usize::try_from(received) {
        // SAFETY: the kernel has read and filled the structure.
        unsafe { rewrite(&*message, length) };
    }
    received as ssize_t
}

/// Receives several datagrams as the C library's function does.
///
/// # Safety
/// As that function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recvmmsg(
    socket: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
    timeout: *mut timespec,
) -> c_int {
    let received = loop {
        // SAFETY: the caller's arguments, as the system call takes them.
        let received =
            unsafe { libc::syscall(libc::SYS_recvmmsg, socket, messages, count, flags, timeout) };
        // What is not to arrive is waited for again, until the socket's time is over.
        if received < 0 || !requests::is_unanswered() {
            break received;
        }
    };
    if let Ok(received) = usize::try_from(received) {
        // SAFETY: the kernel has read and filled so many structures.
        for message in unsafe { slice::from_raw_parts(messages, received) } {
            // SAFETY: as above.
            unsafe { rewrite(&message.msg_hdr, message.msg_len as usize) };
        }
    }
    received as c_int
}

/// Rewrites a datagram where it was received.
///
/// # Safety
/// The kernel has filled the message's buffers with a datagram of this length,
/// as far as it fits, and nobody else looks at them yet.
unsafe fn rewrite(message: &msghdr, length: usize) {
    let rules = RULES.get_or_init(rules_of_environment);
    if rules.is_empty() || length == 0 {
        return;
    }
    if message.msg_iovlen != 1 {
        fail("a datagram in several parts");
    }
    // SAFETY: there is one buffer.
    let buffer = unsafe { &*message.msg_iov };
    let filled = length.min(buffer.iov_len);
    if filled == 0 {
        return;
    }
    // SAFETY: so much of the buffer has been filled; nobody else looks at it.
    let datagram = unsafe { slice::from_raw_parts_mut(buffer.iov_base.cast::<u8>(), filled) };
    if let Some(family) = rules::ipvs_family(datagram) {
        FAMILY.store(family.into(), Relaxed);
    }
    let Ok(family @ 1..) = u16::try_from(FAMILY.load(Relaxed)) else {
        return;
    };
    let applied = |place: usize| {
        APPLIED.fetch_or(1 << (place % 64), Relaxed);
    };
    if let Err(message) = rules::rewrite(datagram, family, rules, applied) {
        fail(&message);
    }
}

fn rules_of_environment() -> Vec<Rule> {
    let text = env::var(VARIABLE).unwrap_or_default();
    let rules = rules::parse(&text).unwrap_or_else(|message| fail(&message));
    if rules.len() > 64 {
        fail("more than 64 rules");
    }
    rules
}

/// Ends the program: what it would show is not what the rules are about.
fn fail(message: &str) -> ! {
    tell(message);
    // SAFETY: ends the process at once, without code of the program's.
    unsafe { libc::_exit(TROUBLE) }
}

fn tell(message: &str) {
    // If standard error is closed there is nowhere to say it.
    let _ = writeln!(io::stderr(), "replies: {message}");
}

/// Tells of rules that met nothing: a test with such a rule proves less than it
/// seems to.
extern "C" fn tell_unused() {
    let applied = APPLIED.load(Relaxed);
    for (place, rule) in RULES.get().into_iter().flatten().enumerate() {
        if applied >> (place % 64) & 1 == 0 {
            tell(&format!("nothing was rewritten: {}", rule.name()));
        }
    }
}

// SAFETY: the section is a list of functions of this type, which the loader
// calls when the program exits.
#[unsafe(link_section = ".fini_array")]
#[used]
static AT_EXIT: extern "C" fn() = tell_unused;
