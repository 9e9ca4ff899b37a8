// SPDX-License-Identifier: MIT

//! What the kernel tells in files below `/proc/net` and nowhere else.

pub(crate) mod connections;
pub(crate) mod totals;
