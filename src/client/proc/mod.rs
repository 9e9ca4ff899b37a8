// SPDX-License-Identifier: MIT

//! Files below `/proc/net`, for things that netlink does not tell.

pub(crate) mod connections;
pub(crate) mod origins;
pub(crate) mod table;
pub(crate) mod totals;
pub(crate) mod whole;
