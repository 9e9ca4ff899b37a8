// SPDX-License-Identifier: MIT

//! Looking for the reasons why virtual services do not work.

use std::net::IpAddr;

use ipvs_client::ServiceId;

use super::{Form, choice::Colour};

/// The command `--doctor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Doctor {
    /// The roles of this machine that are looked at, one after the other.
    pub(crate) roles: Vec<Role>,
    pub(crate) form: Form,
    pub(crate) colour: Colour,
}

/// A role of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It has the table.
    Director {
        /// One service, or all.
        service: Option<ServiceId>,
    },
    /// Directors send it packets for these addresses.
    RealServer(Vec<VirtualAddress>),
}

/// A virtual address that a real server has too: for one port, or for any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VirtualAddress {
    pub(crate) address: IpAddr,
    pub(crate) port: Option<u16>,
}
