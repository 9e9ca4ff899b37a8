// SPDX-License-Identifier: MIT

//! The roles of this machine that --doctor looks at.

use crate::{
    args::raw::RawOptions,
    command::{
        Request,
        doctor::{Doctor, Role},
    },
};

impl RawOptions<'_> {
    pub(super) fn make_doctor(&self) -> Request {
        let service = self.service.as_ref().map(|service| service.value);
        let mut roles = Vec::new();
        // A machine can be both: its own real server, or a director's that stands by.
        if service.is_some() || self.virtual_addresses.is_empty() {
            roles.push(Role::Director { service });
        }
        if !self.virtual_addresses.is_empty() {
            roles.push(Role::RealServer(self.virtual_addresses.clone()));
        }
        Request::Doctor(Doctor {
            roles,
            form: self.choose_form(),
            colour: self.colour,
        })
    }
}
