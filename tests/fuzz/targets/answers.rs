// SPDX-License-Identifier: MIT

//! Any answers of netlink to everything that a client asks.
#![no_main]

use ipvs_client::Interface;
use ipvs_fuzz::{InputKernel, ask_everything};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Some(mut client) = InputKernel::new(input).client(Interface::Netlink) {
        ask_everything(&mut client);
    }
});
