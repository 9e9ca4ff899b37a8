// SPDX-License-Identifier: MIT

//! The ways to the kernel.

pub(crate) mod access;
pub(crate) mod consistency;
pub(crate) mod interface;
pub(crate) mod namespace;
pub(crate) mod netlink;
pub(crate) mod reference;
pub(crate) mod sockopt;
