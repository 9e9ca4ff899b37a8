// SPDX-License-Identifier: MIT

//! Connections looked at: which virtual service took them, which of them are
//! wanted, and how many there are.

mod filter;
mod services;
mod summary;

pub use self::{
    filter::ConnectionFilter,
    services::{ConnectionOwner, ConnectionServices},
    summary::{ConnectionGroup, ConnectionSummary},
};
