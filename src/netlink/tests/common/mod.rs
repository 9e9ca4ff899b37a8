// SPDX-License-Identifier: MIT

//! A message to the bytes after its generic netlink header, and back.

use ipvs_netlink::{IpvsCommand, IpvsMessage};
use netlink_packet_core::{DecodeError, Emitable, ParseableParametrized};

pub(crate) fn encode(message: &IpvsMessage) -> Vec<u8> {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    bytes
}

pub(crate) fn decode(command: impl Into<u8>, bytes: &[u8]) -> Result<IpvsMessage, DecodeError> {
    IpvsMessage::parse_with_param(bytes, IpvsCommand::from(command.into()).header())
}
