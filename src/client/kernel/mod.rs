// SPDX-License-Identifier: MIT

//! The way to the kernel: requests and answers over a generic netlink socket.

pub(crate) mod consistency;
pub(crate) mod convert;
pub(crate) mod exchange;
pub(crate) mod family;
pub(crate) mod namespace;
pub(crate) mod socket;
