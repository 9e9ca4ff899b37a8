// SPDX-License-Identifier: MIT

//! Rewrites what the kernel says about IPVS, on its way into a program that
//! this library is preloaded into (`LD_PRELOAD`).
//!
//! No traffic of a lab makes four billion connections, the flags of a kernel to
//! come, or what other programs leave in the table. Both ipvsadm 1.31 and this
//! tree's program take the kernel's replies with `recvmsg` or `recvmmsg` of the
//! C library. The functions of these names here ask the kernel and change
//! chosen attributes in what it has answered. So both programs can be asked
//! what they make of any state.
//!
//! The environment variable `IPVS_LAB_REPLIES` has the rules, one a line:
//!
//! ```text
//! service,destination inbytes,outbytes 100000000
//! destination:8080 weight 4294967295
//! destination stats64 absent
//! ```
//!
//! They are for every service, destination and so on, or with `:PORT` for those
//! with this port. `absent` leaves an attribute out. `attributes.rs` has the
//! names. Lengths never change: a name must fit where another one stood. What is
//! looked at first and taken afterwards (`MSG_PEEK`) is the same both times,
//! because the rules keep no state.
//!
//! With `IPVS_LAB_KILL_AFTER` the program is killed when it has sent so many
//! datagrams, with `IPVS_LAB_SILENCE_AFTER` it gets no answer to those after as many
//! (`requests.rs`).
//!
//! With `IPVS_LAB_CLOCK_JUMP` the time of day jumps by so many seconds (`clock.rs`).
//!
//! Rules that cannot be read or carried out, and rules that met nothing until
//! the program ends, are told on standard error in a line that begins with
//! `replies: `; the former end the program.

mod attributes;
#[cfg(not(test))]
pub mod calls;
#[cfg(not(test))]
pub mod clock;
#[cfg(not(test))]
pub mod requests;
mod rules;
