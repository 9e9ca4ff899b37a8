// SPDX-License-Identifier: MIT

//! Facts about the machine, as seen from the network namespace of the calling thread:
//! plain values and their readers, without a judgement.
//!
//! Reading loads no module, changes nothing and starts no other program. It needs no
//! right beyond those of any user.

pub(crate) mod addresses;
pub(crate) mod interfaces;
pub(crate) mod modules;
pub(crate) mod multicast;
pub(crate) mod route_netlink;
pub(crate) mod routes;
pub(crate) mod settings;
pub(crate) mod sockets;
