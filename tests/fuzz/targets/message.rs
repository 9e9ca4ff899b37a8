// SPDX-License-Identifier: MIT

//! Any bytes as a netlink message, and as what follows a generic netlink header: what
//! is decoded encodes to bytes that mean the same, and to the same ones again.
#![no_main]

use ipvs_netlink::{IpvsCommand, IpvsMessage};
use libfuzzer_sys::fuzz_target;
use netlink_packet_core::{Emitable, NetlinkMessage, ParseableParametrized};
use netlink_packet_generic::GenlMessage;

fuzz_target!(|input: &[u8]| {
    let _ = NetlinkMessage::<GenlMessage<IpvsMessage>>::deserialize(input);
    let Some((&command, payload)) = input.split_first() else {
        return;
    };
    let header = IpvsCommand::from(command).header();
    let Ok(message) = IpvsMessage::parse_with_param(payload, header) else {
        return;
    };
    // An attribute holds 65,531 bytes, and a mangled name may grow.
    if payload.len() > 16_000 {
        return;
    }
    let bytes = encode(&message);
    let again = IpvsMessage::parse_with_param(bytes.as_slice(), header).expect("it was encoded");
    // Not the messages: netlink forbids both flags at once, and one of them goes.
    assert_eq!(encode(&again), bytes);
});

fn encode(message: &IpvsMessage) -> Vec<u8> {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    bytes
}
