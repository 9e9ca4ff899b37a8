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
//!
//! `build.rs` compiles this file by itself, without any crate: so what it needs of
//! the C library and of x86-64's Linux is declared here.

#![expect(unsafe_code, reason = "this is a function of the C library")]

use std::ffi::{c_int, c_long, c_uint, c_void};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The number of the system call `ptrace` (asm/unistd_64.h).
const SYS_PTRACE: c_long = 101;
/// Requests of it (linux/ptrace.h).
const PEEKTEXT: c_uint = 1;
const PEEKDATA: c_uint = 2;
const PEEKUSER: c_uint = 3;
const GETREGSET: c_uint = 0x4204;
const SETREGSET: c_uint = 0x4205;
/// Names the vector registers (`NT_X86_XSTATE` in elf.h).
const VECTOR_REGISTERS: usize = 0x202;
/// More than any processor has.
const WHOLE: usize = 1 << 16;

/// A place in memory and its length in bytes (sys/uio.h).
#[repr(C)]
struct Iovec {
    base: *mut c_void,
    length: usize,
}

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn __errno_location() -> *mut c_int;
}

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
unsafe extern "C" fn ptrace(
    request: c_uint,
    process: c_int,
    address: *mut c_void,
    data: *mut c_void,
) -> c_long {
    let call = |request: c_uint, data: *mut c_void| {
        // SAFETY: the caller's pointers, or those of `set_whole`.
        unsafe { syscall(SYS_PTRACE, request, process, address, data) }
    };
    match request {
        // The system call stores what the function returns.
        PEEKTEXT | PEEKDATA | PEEKUSER => {
            let mut word: c_long = 0;
            if call(request, (&raw mut word).cast()) < 0 {
                return -1;
            }
            // SAFETY: the C library's own errno, by which the caller tells a
            // word of -1 from an error.
            unsafe { *__errno_location() = 0 };
            word
        }
        SETREGSET if address.addr() == VECTOR_REGISTERS => {
            // SAFETY: this request comes with a structure iovec.
            let part = unsafe { ptr::read(data.cast::<Iovec>()) };
            let place = (&raw mut REGISTERS).cast::<c_void>();
            let mut whole = Iovec {
                base: place,
                length: LENGTH.load(Relaxed),
            };
            if whole.length == 0 {
                whole.length = WHOLE;
                if call(GETREGSET, (&raw mut whole).cast()) != 0 {
                    return -1;
                }
                // SAFETY: nobody else uses this place (one thread).
                unsafe { ptr::write_bytes(place.cast::<u8>(), 0, WHOLE) };
                LENGTH.store(whole.length, Relaxed);
            }
            if part.length >= whole.length {
                return call(request, data);
            }
            // SAFETY: the part is smaller than the place, which nobody else
            // uses (one thread).
            unsafe { ptr::copy_nonoverlapping(part.base, place, part.length) };
            call(request, (&raw mut whole).cast())
        }
        _ => call(request, data),
    }
}
