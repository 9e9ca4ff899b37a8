// SPDX-License-Identifier: MIT

//! Netlink messages that are taken apart, changed, and put together again.

use netlink_packet_core::{NLM_F_DUMP, NLM_F_MULTIPART, NetlinkBuffer};

use super::super::fake_kernel::FAMILY;

/// A message, with its payload.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) kind: u16,
    pub(super) flags: u16,
    pub(super) sequence: u32,
    pub(super) payload: Vec<u8>,
}

impl Message {
    /// Makes a message that is the only one of its answer.
    pub(super) fn new(kind: u16, sequence: u32, payload: Vec<u8>) -> Self {
        Self {
            kind,
            flags: 0,
            sequence,
            payload,
        }
    }

    pub(super) fn is_of_family(&self) -> bool {
        self.kind == FAMILY
    }

    /// Returns whether it belongs to a dump.
    pub(super) fn is_of_dump(&self) -> bool {
        self.flags & NLM_F_MULTIPART != 0
    }

    /// Changes the attributes of a service, destination or daemon in it.
    pub(super) fn change_entry(&mut self, change: impl Fn(u16, &mut Vec<(u16, Vec<u8>)>)) {
        // IPVS_CMD_NEW_SERVICE, IPVS_CMD_NEW_DEST, IPVS_CMD_NEW_DAEMON
        if !self.is_of_family() || ![1, 5, 9].contains(&self.payload[0]) {
            return;
        }
        let mut top = attributes(&self.payload[4..]);
        for (kind, value) in &mut top {
            let mut entry = attributes(value);
            change(*kind, &mut entry);
            *value = bytes(&entry);
        }
        self.payload.truncate(4);
        self.payload.extend(bytes(&top));
    }
}

/// Returns whether a datagram, which may be cut, belongs to a list.
pub(super) fn is_of_list(datagram: &[u8]) -> bool {
    first_flags(datagram) & NLM_F_MULTIPART != 0
}

/// Returns whether a datagram asks for a list.
pub(super) fn is_for_list(datagram: &[u8]) -> bool {
    first_flags(datagram) & NLM_F_DUMP == NLM_F_DUMP
}

fn first_flags(datagram: &[u8]) -> u16 {
    match *datagram {
        [_, _, _, _, _, _, low, high, ..] => u16::from_ne_bytes([low, high]),
        _ => 0,
    }
}

/// Takes a datagram apart.
pub(super) fn split(datagram: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut rest = datagram;
    while !rest.is_empty() {
        let message = NetlinkBuffer::new_checked(rest).unwrap();
        messages.push(Message {
            kind: message.message_type(),
            flags: message.flags(),
            sequence: message.sequence_number(),
            payload: message.payload().to_vec(),
        });
        let length = (message.length() as usize).next_multiple_of(4);
        rest = rest.get(length..).unwrap_or_default();
    }
    messages
}

/// Puts a datagram together.
pub(super) fn join(messages: &[Message]) -> Vec<u8> {
    let mut datagram = Vec::new();
    for message in messages {
        let length = 16 + message.payload.len() as u32;
        datagram.extend(length.to_ne_bytes());
        datagram.extend(message.kind.to_ne_bytes());
        datagram.extend(message.flags.to_ne_bytes());
        datagram.extend(message.sequence.to_ne_bytes());
        datagram.extend([0; 4]);
        datagram.extend(&message.payload);
        datagram.resize(datagram.len().next_multiple_of(4), 0);
    }
    datagram
}

/// Takes attributes apart: the number and value of each.
pub(super) fn attributes(bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut attributes = Vec::new();
    let mut rest = bytes;
    while let [a, b, c, d, ..] = *rest {
        let length = usize::from(u16::from_ne_bytes([a, b]));
        // Without NLA_F_NESTED and NLA_F_NET_BYTEORDER.
        let kind = u16::from_ne_bytes([c, d]) & 0x3fff;
        attributes.push((kind, rest[4..length].to_vec()));
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    attributes
}

/// Puts attributes together.
pub(super) fn bytes(attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, value) in attributes {
        bytes.extend((4 + value.len() as u16).to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}
