// SPDX-License-Identifier: MIT

//! The way to the kernel over a generic netlink socket: requests and answers.

pub(crate) mod convert;
pub(crate) mod exchange;
pub(crate) mod family;
pub(crate) mod socket;
