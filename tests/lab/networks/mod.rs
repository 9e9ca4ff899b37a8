// SPDX-License-Identifier: MIT

//! Virtual networks: namespaces, the links between them, and who talks there.

pub mod capture;
pub mod clients;
pub mod cluster;
pub mod http;
pub mod load;
pub(crate) mod netns;
pub mod network;
pub mod talk;
pub mod wait;
