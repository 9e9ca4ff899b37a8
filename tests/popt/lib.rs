// SPDX-License-Identifier: MIT

//! Lets ipvsadm 1.31 read any number of command lines with popt, and tells what popt makes
//! of them. This library is preloaded into it (`LD_PRELOAD`).
//!
//! The original hands its table of options to `poptGetContext`. The function of this name
//! here takes the table. It reads command lines from standard input and has popt itself
//! read each by that table, until the input ends, and then ends the program. So neither
//! the table nor a rule of popt has to be known here.
//!
//! Command lines and answers are lists of words (`list.rs`). The first answer comes without
//! a question: the table, with a row for each name and letter, such as `weight w required`.
//! The answer to a command line is its options, such as `option weight 5`, then its other
//! words, such as `argument abc`, and at last what is wrong, such as
//! `mistake -Q: unknown option`.
//!
//! The original asks the kernel for IPVS before it comes to its command line. The functions
//! of libnl that do so succeed here without a kernel.

#![expect(unsafe_code, reason = "these are functions of C libraries")]

mod list;

use std::ffi::{CStr, CString};
use std::io;
use std::mem;
use std::ptr::null;
use std::slice;

use libc::{RTLD_NEXT, c_char, c_int, c_uint, c_void};

use crate::list::{read_list, write_list};

/// A row of the table, as `popt.h` has it.
#[derive(Debug)]
#[repr(C)]
pub struct PoptOption {
    long_name: *const c_char,
    short_name: c_char,
    /// The type of the value, and flags.
    arg_info: c_uint,
    /// Where the value goes.
    arg: *mut c_void,
    /// What `poptGetNextOpt` returns.
    val: c_int,
    descrip: *const c_char,
    arg_descrip: *const c_char,
}

const POPT_ARG_MASK: c_uint = 0xff;
const POPT_ARG_NONE: c_uint = 0;
const POPT_ARG_STRING: c_uint = 1;
const POPT_ARGFLAG_OPTIONAL: c_uint = 0x1000_0000;
const POPT_BADOPTION_NOALIAS: c_uint = 1;

// The program is linked with popt.
unsafe extern "C" {
    fn poptGetNextOpt(context: *mut c_void) -> c_int;
    fn poptGetArg(context: *mut c_void) -> *const c_char;
    fn poptBadOption(context: *mut c_void, flags: c_uint) -> *const c_char;
    fn poptStrerror(error: c_int) -> *const c_char;
    fn poptFreeContext(context: *mut c_void) -> *mut c_void;
}

type GetContext = unsafe extern "C" fn(
    *const c_char,
    c_int,
    *const *const c_char,
    *const PoptOption,
    c_uint,
) -> *mut c_void;

/// Exit status where the library cannot do its work.
const TROUBLE: c_int = 125;

/// Reads command lines, and never returns.
///
/// # Safety
/// As popt's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn poptGetContext(
    name: *const c_char,
    _: c_int,
    _: *const *const c_char,
    table: *const PoptOption,
    flags: c_uint,
) -> *mut c_void {
    // SAFETY: the table ends with a row that has neither name nor letter.
    let table = unsafe {
        let is_end = |row: &PoptOption| row.long_name.is_null() && row.short_name == 0;
        let mut length = 0;
        while !is_end(&*table.add(length)) {
            length += 1;
        }
        slice::from_raw_parts(table, length)
    };
    // SAFETY: popt has a function of this name and type behind this one.
    let get_context = unsafe {
        let next = libc::dlsym(RTLD_NEXT, c"poptGetContext".as_ptr());
        mem::transmute::<*mut c_void, Option<GetContext>>(next)
    };
    let status = match answer(table, |words| {
        let get_context = get_context?;
        let count = c_int::try_from(words.len()).ok()?;
        // SAFETY: name, table and flags are what the program has meant for popt; the words
        // are followed by a null pointer and live longer than the context.
        Some(unsafe { get_context(name, count - 1, words.as_ptr(), table.as_ptr(), flags) })
    }) {
        Ok(()) => 0,
        Err(_) => TROUBLE,
    };
    // SAFETY: ends the process at once, without code of the program's.
    unsafe { libc::_exit(status) }
}

/// Answers until the input ends. `begin` has popt begin with some words.
fn answer(
    table: &[PoptOption],
    begin: impl Fn(&[*const c_char]) -> Option<*mut c_void>,
) -> io::Result<()> {
    let (mut stdin, mut stdout) = (io::stdin().lock(), io::stdout().lock());
    let rows: Vec<_> = table.iter().map(describe).collect();
    write_list(&mut stdout, &rows)?;
    while let Some(words) = read_list(&mut stdin)? {
        let words = [b"ipvsadm".to_vec()].into_iter().chain(words);
        let words: Result<Vec<CString>, _> = words.map(CString::new).collect();
        let words = words?;
        let pointers = words.iter().map(|word| word.as_ptr()).chain([null()]);
        let pointers: Vec<_> = pointers.collect();
        let context = begin(&pointers).ok_or(io::ErrorKind::NotFound)?;
        // SAFETY: popt has made it, and its words are still there.
        let read = unsafe { read(context, table) };
        write_list(&mut stdout, &read)?;
    }
    Ok(())
}

/// Has popt read a command line.
///
/// # Safety
/// It is a new context, with this table, and is not used afterwards.
unsafe fn read(context: *mut c_void, table: &[PoptOption]) -> Vec<Vec<u8>> {
    let mut read = Vec::new();
    // SAFETY: by the contract of this function, and texts are used before they change.
    unsafe {
        let end = loop {
            match poptGetNextOpt(context) {
                end @ ..0 => break end,
                val => read.push(tell_option(table, val)),
            }
        };
        loop {
            let argument = poptGetArg(context);
            if argument.is_null() {
                break;
            }
            read.push([b"argument ", copy(argument)].concat());
        }
        // -1 is the end of the words.
        if end < -1 {
            let word = copy(poptBadOption(context, POPT_BADOPTION_NOALIAS));
            let error = copy(poptStrerror(end));
            read.push([b"mistake ", word, b": ", error].concat());
        }
        poptFreeContext(context);
    }
    read
}

/// Tells the option that popt has read, with its value, which popt has stored.
///
/// # Safety
/// The table is the program's.
unsafe fn tell_option(table: &[PoptOption], val: c_int) -> Vec<u8> {
    let Some(row) = table.iter().find(|row| row.val == val) else {
        return format!("no option is {val}").into_bytes();
    };
    // SAFETY: where the value is a string, popt has stored a pointer to it, or null.
    unsafe {
        let mut told = [b"option ", copy(row.long_name)].concat();
        if row.arg_info & POPT_ARG_MASK == POPT_ARG_STRING {
            let value = row.arg.cast::<*const c_char>().read();
            if !value.is_null() {
                told.push(b' ');
                told.extend_from_slice(copy(value));
            }
        }
        told
    }
}

/// Tells a row of the table.
fn describe(row: &PoptOption) -> Vec<u8> {
    let value: &[u8] = match row.arg_info & POPT_ARG_MASK {
        POPT_ARG_NONE => b"none",
        POPT_ARG_STRING if row.arg_info & POPT_ARGFLAG_OPTIONAL != 0 => b"optional",
        POPT_ARG_STRING => b"required",
        _ => b"of another type",
    };
    let letter = match row.short_name.to_ne_bytes() {
        [0] => b'-',
        [letter] => letter,
    };
    // SAFETY: the name ends with a NUL.
    let name = unsafe { copy(row.long_name) };
    [name, b" ", &[letter], b" ", value].concat()
}

/// Returns a text without the NUL at its end; nothing for a null pointer.
///
/// # Safety
/// The text stays as it is while it is used.
unsafe fn copy<'a>(text: *const c_char) -> &'a [u8] {
    match text.is_null() {
        true => b"",
        // SAFETY: by the contract of this function.
        false => unsafe { CStr::from_ptr(text) }.to_bytes(),
    }
}

/// Succeeds.
#[unsafe(no_mangle)]
pub extern "C" fn genl_connect(_: *mut c_void) -> c_int {
    0
}

/// Finds any family.
#[unsafe(no_mangle)]
pub extern "C" fn genl_ctrl_resolve(_: *mut c_void, _: *const c_char) -> c_int {
    1
}

/// Sends nothing, with success.
#[unsafe(no_mangle)]
pub extern "C" fn nl_send_auto_complete(_: *mut c_void, _: *mut c_void) -> c_int {
    0
}

/// Receives nothing, with success.
#[unsafe(no_mangle)]
pub extern "C" fn nl_recvmsgs_default(_: *mut c_void) -> c_int {
    0
}
