// SPDX-License-Identifier: MIT

//! Messages between `ipvsadm` and the kernel, decoded and encoded.
//!
//! The folder `bytes` has one netlink message a file, its headers included,
//! below a comment that says how it was taken. To take more: `ip link add nlmon0
//! type nlmon && ip link set nlmon0 up`, run a command, and read the device with
//! tcpdump or any other reader of packet sockets.

#![cfg(target_endian = "little")] // so is the machine of the captures
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic fails the test, as it should"
)]

mod counters;
mod daemon;
mod destination;
mod service;
mod settings;

use ipvs_netlink::{IpvsAttribute, IpvsCommand, IpvsMessage, ServiceAttribute, ServiceFlags};
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_generic::GenlMessage;

type Message = NetlinkMessage<GenlMessage<IpvsMessage>>;

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const IPPROTO_TCP: u16 = 6;
const IPPROTO_UDP: u16 = 17;
const NO_FLAGS: ServiceFlags = ServiceFlags::empty();
const WHOLE_ADDRESS: [u8; 4] = [255; 4];

/// The bytes of an address in an attribute.
fn ipv4(address: [u8; 4]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&address);
    bytes
}

/// The address 2001:db8::`last`.
fn ipv6(last: u8) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    bytes[15] = last;
    bytes
}

fn bytes_of(capture: &str) -> Vec<u8> {
    let digits: String = capture
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

/// Clears `NLA_F_NESTED` here and in everything below.
fn clear_nested_flags(attributes: &mut [u8]) {
    let mut rest = attributes;
    while !rest.is_empty() {
        let length = usize::from(u16::from_ne_bytes([rest[0], rest[1]]));
        let (attribute, next) = rest.split_at_mut(length.next_multiple_of(4));
        if attribute[3] & 0x80 != 0 {
            attribute[3] &= 0x7f;
            clear_nested_flags(&mut attribute[4..length]);
        }
        rest = next;
    }
}

fn decoded(bytes: &[u8]) -> (Message, IpvsMessage) {
    let message = Message::deserialize(bytes).unwrap();
    let NetlinkPayload::InnerMessage(payload) = message.payload.clone() else {
        panic!("not a message of a family: {message:?}");
    };
    (message, payload.payload)
}

fn encoded(message: &Message) -> Vec<u8> {
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// A request of ipvsadm is the message, and the message is those bytes, its generic netlink
/// header included.
fn check_request(capture: &str, command: IpvsCommand, attributes: Vec<IpvsAttribute>) {
    let bytes = bytes_of(capture);
    let (message, payload) = decoded(&bytes);
    let asked = IpvsMessage::new(command, attributes);
    assert_eq!(payload, asked);
    let again = Message::new(message.header, GenlMessage::from_payload(asked).into());
    assert_eq!(encoded(&again), bytes);
}

/// A reply is the message, and the message is those bytes but for
/// `NLA_F_NESTED`: this crate sets it, the kernel's IPVS does not.
fn check_reply(capture: &str, command: IpvsCommand, attributes: Vec<IpvsAttribute>) {
    const HEADERS: usize = 16 + 4;
    let bytes = bytes_of(capture);
    let (message, payload) = decoded(&bytes);
    assert_eq!(payload, IpvsMessage::new(command, attributes));
    let mut again = encoded(&message);
    clear_nested_flags(&mut again[HEADERS..]);
    assert_eq!(again, bytes);
}

/// The attributes by which ipvsadm and the kernel name a service that has no
/// firewall mark.
fn identity(family: u16, protocol: u16, address: [u8; 16], port: u16) -> Vec<ServiceAttribute> {
    vec![
        ServiceAttribute::AddressFamily(family),
        ServiceAttribute::Protocol(protocol),
        ServiceAttribute::Address(address),
        ServiceAttribute::Port(port),
    ]
}

fn web() -> Vec<ServiceAttribute> {
    identity(AF_INET, IPPROTO_TCP, ipv4([192, 0, 2, 1]), 80)
}

fn dns() -> Vec<ServiceAttribute> {
    identity(AF_INET, IPPROTO_UDP, ipv4([192, 0, 2, 1]), 53)
}

fn sip() -> Vec<ServiceAttribute> {
    identity(AF_INET6, IPPROTO_UDP, ipv6(1), 5060)
}

fn fwmark(family: u16, mark: u32) -> Vec<ServiceAttribute> {
    vec![
        ServiceAttribute::AddressFamily(family),
        ServiceAttribute::Fwmark(mark),
    ]
}

fn settings(
    scheduler: &str,
    flags: ServiceFlags,
    timeout: u32,
    netmask: [u8; 4],
) -> Vec<ServiceAttribute> {
    vec![
        ServiceAttribute::SchedulerName(scheduler.to_owned()),
        ServiceAttribute::Flags {
            flags,
            mask: u32::MAX,
        },
        ServiceAttribute::Timeout(timeout),
        ServiceAttribute::Netmask(netmask),
    ]
}

/// ipvsadm sends empty settings wherever it only names a service.
fn named_by_ipvsadm(identity: Vec<ServiceAttribute>, netmask: [u8; 4]) -> IpvsAttribute {
    service([identity, settings("", NO_FLAGS, 0, netmask)])
}

fn service<const N: usize>(parts: [Vec<ServiceAttribute>; N]) -> IpvsAttribute {
    IpvsAttribute::Service(parts.concat())
}
