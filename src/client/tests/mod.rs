// SPDX-License-Identifier: MIT

//! The client against a kernel that answers from a script.

pub(crate) mod any;
mod batches;
mod connections;
mod consistency;
mod convert;
mod daemons;
mod delivery;
mod ensure;
mod errors;
mod fake_kernel;
mod files;
mod hostile;
mod interfaces;
#[cfg(feature = "serde")]
mod json;
mod kernel_in_memory;
mod names;
mod opening;
mod plan;
mod replies;
mod requests;
mod update;
mod values;
