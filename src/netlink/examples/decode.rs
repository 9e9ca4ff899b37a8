// SPDX-License-Identifier: MIT

//! Prints the IPVS messages of a capture. To see what a program and the kernel
//! say to each other:
//!
//! ```text
//! ip link add nlmon0 type nlmon
//! ip link set nlmon0 up
//! tcpdump -i nlmon0 -w ipvs.pcap &
//! ipvsadm -Ln
//! kill %1
//! cargo run --package ipvs-netlink --example decode < ipvs.pcap
//! ```
//!
//! Standard input is a pcap file in the byte order of this machine, or a single
//! datagram: its bytes, or hexadecimal digits with comments behind `#`.

use std::{
    error::Error,
    fmt::Debug,
    io::{self, Read, Write},
};

use ipvs_netlink::{IpvsAttribute, IpvsMessage};
use netlink_packet_core::{
    DecodeError, NLM_F_REQUEST, NetlinkBuffer, NetlinkDeserializable, NetlinkHeader, Parseable,
};
use netlink_packet_generic::{
    GenlFamily, GenlMessage,
    constants::GENL_ID_CTRL,
    ctrl::{GenlCtrl, nlas::GenlCtrlAttrs},
};

/// The first number of a pcap file, and the lengths of its parts.
const PCAP_MAGIC: u32 = 0xa1b2_c3d4;
const PCAP_FILE_HEADER: usize = 24;
const PCAP_PACKET_HEADER: usize = 16;
/// `LINKTYPE_NETLINK`: in front of each datagram are 16 bytes, of which the last
/// two are the netlink protocol in network order.
const LINKTYPE_NETLINK: u32 = 253;
const LINK_HEADER: usize = 16;
const NETLINK_GENERIC: u16 = 16;

/// The lowest number that the kernel gives to a generic netlink family of its
/// own choice.
const FIRST_FAMILY: u16 = GENL_ID_CTRL + 1;

fn main() -> Result<(), Box<dyn Error>> {
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input)?;
    print_capture(&input, &mut io::stdout().lock())
}

/// Prints the messages of a pcap file or of a single datagram.
pub(crate) fn print_capture(input: &[u8], out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    match number_at(input, 0) {
        Some(PCAP_MAGIC) => print_pcap(input, out),
        _ => {
            let digits = std::str::from_utf8(input).ok().and_then(bytes_of_digits);
            // Nothing else says which number IPVS has, so that any family's will do.
            let mut is_ipvs =
                |header: &NetlinkHeader, _: &[u8]| Ok(header.message_type >= FIRST_FAMILY);
            print_datagram(digits.as_deref().unwrap_or(input), &mut is_ipvs, out)
        }
    }
}

/// Prints the messages of a pcap file. Programs ask the kernel for the number of
/// the family before they use it, so the answer is in the file, too.
fn print_pcap(input: &[u8], out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    if number_at(input, PCAP_FILE_HEADER - 4) != Some(LINKTYPE_NETLINK) {
        return Err("the file is not from a netlink device".into());
    }
    let mut family = None;
    let mut is_ipvs = |header: &NetlinkHeader, payload: &[u8]| {
        if header.message_type == GENL_ID_CTRL {
            family = family_number(header, payload)?.or(family);
        }
        Ok(family == Some(header.message_type))
    };
    let mut rest = input.get(PCAP_FILE_HEADER..).unwrap_or_default();
    while let Some(length) = number_at(rest, 8) {
        let end = PCAP_PACKET_HEADER + length as usize;
        let packet = rest
            .get(PCAP_PACKET_HEADER..end)
            .ok_or("the file breaks off")?;
        rest = rest.get(end..).unwrap_or_default();
        let Some((header, datagram)) = packet.split_first_chunk::<LINK_HEADER>() else {
            continue;
        };
        let [.., high, low] = *header;
        if u16::from_be_bytes([high, low]) == NETLINK_GENERIC {
            print_datagram(datagram, &mut is_ipvs, out)?;
        }
    }
    Ok(())
}

/// Prints the messages of a datagram that are of the IPVS family.
fn print_datagram(
    datagram: &[u8],
    is_ipvs: &mut impl FnMut(&NetlinkHeader, &[u8]) -> Result<bool, DecodeError>,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let mut rest = datagram;
    while !rest.is_empty() {
        let message = NetlinkBuffer::new_checked(rest)?;
        let header = NetlinkHeader::parse(&message)?;
        let payload = message.payload();
        if is_ipvs(&header, payload)? {
            let message = GenlMessage::<IpvsMessage>::deserialize(&header, payload)?;
            print_message(&header, &message.payload, out)?;
        }
        let length = (header.length as usize).next_multiple_of(4);
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(())
}

fn print_message(
    header: &NetlinkHeader,
    message: &IpvsMessage,
    out: &mut impl Write,
) -> io::Result<()> {
    let direction = match header.flags & NLM_F_REQUEST {
        0 => "reply",
        _ => "request",
    };
    writeln!(out, "{direction} {:?}", message.command)?;
    for attribute in &message.attributes {
        match attribute {
            IpvsAttribute::Service(set) => print_set("Service", set, out)?,
            IpvsAttribute::Destination(set) => print_set("Destination", set, out)?,
            IpvsAttribute::Daemon(set) => print_set("Daemon", set, out)?,
            attribute => writeln!(out, "  {attribute:?}")?,
        }
    }
    Ok(())
}

fn print_set(name: &str, set: &[impl Debug], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "  {name}")?;
    for attribute in set {
        writeln!(out, "    {attribute:?}")?;
    }
    Ok(())
}

/// Returns the number of the IPVS family if the controller's message has it.
fn family_number(header: &NetlinkHeader, payload: &[u8]) -> Result<Option<u16>, DecodeError> {
    let message = GenlMessage::<GenlCtrl>::deserialize(header, payload)?;
    let mut is_ipvs = false;
    let mut number = None;
    for attribute in message.payload.nlas {
        match attribute {
            GenlCtrlAttrs::FamilyName(name) => is_ipvs = name == IpvsMessage::family_name(),
            GenlCtrlAttrs::FamilyId(id) => number = Some(id),
            _ => {}
        }
    }
    Ok(number.filter(|_| is_ipvs))
}

/// Returns the bytes of a text that has nothing but hexadecimal digits, blanks
/// and comments.
fn bytes_of_digits(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .lines()
        .flat_map(|line| line.split('#').next().unwrap_or_default().chars())
        .filter(|character| !character.is_whitespace())
        .map(|digit| Some(digit.to_digit(16)? as u8))
        .collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Returns the number in four bytes at this place, in the order of the machine.
fn number_at(bytes: &[u8], place: usize) -> Option<u32> {
    let (&number, _) = bytes.get(place..)?.split_first_chunk()?;
    Some(u32::from_ne_bytes(number))
}
