// SPDX-License-Identifier: MIT

//! Facts about the machine, as seen from the network namespace of the calling thread:
//! plain values and their readers, without a judgement.
//!
//! Reading loads no module and changes nothing. It needs no right beyond those of any user,
//! except for the rules of the firewall, for which other programs are asked.

pub(crate) mod addresses;
pub(crate) mod firewall;
pub(crate) mod interfaces;
pub(crate) mod modules;
pub(crate) mod multicast;
pub(crate) mod netstat;
pub(crate) mod offloads;
pub(crate) mod route_netlink;
pub(crate) mod routes;
pub(crate) mod settings;
pub(crate) mod sockets;
pub(crate) mod sync_messages;
pub(crate) mod sync_sockets;
pub(crate) mod sync_threads;
