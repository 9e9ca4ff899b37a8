// SPDX-License-Identifier: MIT

//! How the kernel is asked: requests and answers over a generic netlink socket.

pub(crate) mod consistency;
pub(crate) mod convert;
pub(crate) mod exchange;
pub(crate) mod family;
pub(crate) mod namespace;
pub(crate) mod socket;
