// SPDX-License-Identifier: MIT

//! A `ptrace` for User Mode Linux on processors with large register files.
//!
//! User Mode Linux up to 6.12 keeps 2,696 bytes of vector registers for each of
//! its processes, which is all up to AVX-512. Where the processor has more (the
//! tiles of AMX make it 11,008), it gets the first part, but the host takes back
//! only the whole: setting it fails with `EFAULT`, and the kernel dies with
//! «ptrace set fp regs failed». The lab preloads this library into it there
//! (`uml.rs`). The rest of the registers is then as in a fresh process: nothing
//! inside uses it.

#![expect(unsafe_code, reason = "this is a function of the C library")]

use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use libc::{c_int, c_long, c_uint, c_void, iovec, pid_t};

/// Names the vector registers (`NT_X86_XSTATE` in elf.h).
const VECTOR_REGISTERS: usize = 0x202;
/// More than any processor has.
const WHOLE: usize = 1 << 16;

/// The registers of one process, while they are set, with zeros behind. Not on
/// the stack: those of that kernel are smaller than this.
static mut REGISTERS: [u8; WHOLE] = [0; WHOLE];
/// The number of these bytes that the host wants; 0 as long as nobody has asked.
static LENGTH: AtomicUsize = AtomicUsize::new(0);

/// The function that User Mode Linux calls instead of the C library's.
///
/// # Safety
/// As the C library's `ptrace`. Only one thread may call it, as in that kernel,
/// which has one processor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptrace(
    request: c_uint,
    process: pid_t,
    address: *mut c_void,
    data: *mut c_void,
) -> c_long {
    let call = |request: c_uint, data: *mut c_void| {
        // SAFETY: the caller's pointers, or those of `set_whole`.
        unsafe { libc::syscall(libc::SYS_ptrace, request, process, address, data) }
    };
    match request {
        // The system call stores what the function returns.
        libc::PTRACE_PEEKTEXT | libc::PTRACE_PEEKDATA | libc::PTRACE_PEEKUSER => {
            let mut word: c_long = 0;
            if call(request, (&raw mut word).cast()) < 0 {
                return -1;
            }
            // SAFETY: the C library's own errno, by which the caller tells a
            // word of -1 from an error.
            unsafe { *libc::__errno_location() = 0 as c_int };
            word
        }
        libc::PTRACE_SETREGSET if address.addr() == VECTOR_REGISTERS => {
            // SAFETY: this request comes with a structure iovec.
            let part = unsafe { ptr::read(data.cast::<iovec>()) };
            let place = (&raw mut REGISTERS).cast::<c_void>();
            let mut whole = iovec {
                iov_base: place,
                iov_len: LENGTH.load(Relaxed),
            };
            if whole.iov_len == 0 {
                whole.iov_len = WHOLE;
                if call(libc::PTRACE_GETREGSET, (&raw mut whole).cast()) != 0 {
                    return -1;
                }
                // SAFETY: nobody else uses this place (one thread).
                unsafe { ptr::write_bytes(place.cast::<u8>(), 0, WHOLE) };
                LENGTH.store(whole.iov_len, Relaxed);
            }
            if part.iov_len >= whole.iov_len {
                return call(request, data);
            }
            // SAFETY: the part is smaller than the place, which nobody else
            // uses (one thread).
            unsafe { ptr::copy_nonoverlapping(part.iov_base, place, part.iov_len) };
            call(request, (&raw mut whole).cast())
        }
        _ => call(request, data),
    }
}
