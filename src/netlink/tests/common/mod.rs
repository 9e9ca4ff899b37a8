// SPDX-License-Identifier: MIT

//! A message to the bytes after its generic netlink header, and back.

use ipvs_netlink::IpvsMessage;
use netlink_packet_core::{DecodeError, Emitable, ParseableParametrized};
use netlink_packet_generic::{GenlFamily, GenlHeader};

pub(crate) fn encode(message: &IpvsMessage) -> Vec<u8> {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    bytes
}

pub(crate) fn decode(command: impl Into<u8>, bytes: &[u8]) -> Result<IpvsMessage, DecodeError> {
    let message = IpvsMessage::new(command.into().into(), Vec::new());
    let header = GenlHeader {
        cmd: message.command(),
        version: message.version(),
    };
    IpvsMessage::parse_with_param(bytes, header)
}
