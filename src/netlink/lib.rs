// SPDX-License-Identifier: MIT

//! Typed messages of the IPVS generic netlink family: the virtual services,
//! destinations and settings of the Linux IP Virtual Server, to bytes and back.
//!
//! The crate turns attributes into bytes and bytes into attributes. It opens no
//! socket and checks no meaning: which attributes a request needs is the
//! kernel's business and the caller's. The names and numbers are those of the
//! kernel's `linux/ip_vs.h`.
//!
//! An [`IpvsMessage`] is the payload of a
//! [`GenlMessage`](netlink_packet_generic::GenlMessage), which is the payload of
//! a [`NetlinkMessage`](netlink_packet_core::NetlinkMessage). The family has no
//! fixed number: ask the kernel for the number of
//! [`IpvsMessage::family_name`](netlink_packet_generic::GenlFamily::family_name)
//! first.
//!
//! # Example
//!
//! The request that `ipvsadm -A -t 192.0.2.1:80 -s wrr` makes, into bytes and
//! back:
//!
//! ```
//! use ipvs_netlink::{IpvsAttribute, IpvsCommand, IpvsMessage, ServiceAttribute, ServiceFlags};
//! use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
//! use netlink_packet_generic::GenlMessage;
//!
//! let mut address = [0; 16];
//! address[..4].copy_from_slice(&[192, 0, 2, 1]);
//! let request = IpvsMessage::new(
//!     IpvsCommand::NewService,
//!     vec![IpvsAttribute::Service(vec![
//!         ServiceAttribute::AddressFamily(2), // AF_INET
//!         ServiceAttribute::Protocol(6),      // IPPROTO_TCP
//!         ServiceAttribute::Address(address),
//!         ServiceAttribute::Port(80),
//!         ServiceAttribute::SchedulerName("wrr".to_owned()),
//!         ServiceAttribute::Flags { flags: ServiceFlags::empty(), mask: u32::MAX },
//!         ServiceAttribute::Timeout(0),
//!         ServiceAttribute::Netmask([255; 4]),
//!     ])],
//! );
//!
//! let mut payload = GenlMessage::from_payload(request.clone());
//! payload.set_resolved_family_id(0x1c); // what the kernel says
//! let mut message = NetlinkMessage::from(payload);
//! message.header.flags = NLM_F_REQUEST | NLM_F_ACK;
//! message.header.sequence_number = 1;
//! message.finalize();
//! let mut bytes = vec![0; message.buffer_len()];
//! message.serialize(&mut bytes);
//!
//! let message = NetlinkMessage::<GenlMessage<IpvsMessage>>::deserialize(&bytes)?;
//! let NetlinkPayload::InnerMessage(payload) = message.payload else {
//!     unreachable!("the type of the message is the family's");
//! };
//! assert_eq!(payload.payload, request);
//! # Ok::<(), netlink_packet_core::DecodeError>(())
//! ```
//!
//! # Messages and records
//!
//! An [`IpvsMessage`] keeps everything that came, in its order. Where many
//! thousand services or destinations are read or written, a [`ServiceRecord`] or
//! [`DestinationRecord`] is for one of them: it has a field for each attribute
//! and allocates nothing.
//!
//! ```
//! use ipvs_netlink::{DestinationRecord, ForwardingMethod, ServiceRecord};
//!
//! let mut service = ServiceRecord::default();
//! service.address_family = Some(2); // AF_INET
//! service.fwmark = Some(1);
//! let mut destination = DestinationRecord::default();
//! destination.address_family = Some(2);
//! destination.address = Some([198, 51, 100, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
//! destination.port = Some(0);
//! destination.forwarding_method = Some(ForwardingMethod::DirectRouting);
//!
//! // All that follows the generic netlink header of a request.
//! let mut bytes = Vec::new();
//! service.append_to(&mut bytes);
//! destination.append_to(&mut bytes);
//! assert_eq!(DestinationRecord::read(&bytes)?, Some(destination));
//! # Ok::<(), netlink_packet_core::DecodeError>(())
//! ```
//!
//! # What decoding accepts
//!
//! - A message keeps an attribute whose number is not known in the variant
//!   `Other` with its flag, `NLA_F_NESTED` or `NLA_F_NET_BYTEORDER`, and encodes
//!   it to the bytes that it came from. A record passes over it.
//! - A nested attribute is encoded with `NLA_F_NESTED` and decoded with or
//!   without it: the kernel's replies come without.
//! - A value of the wrong length, a name without NUL or that is not UTF-8 is an
//!   error whose text has the kernel's name of the attribute.
//! - No bytes make it panic.
//!
//! # Limits of encoding
//!
//! A netlink attribute has a length of 16 bits. Encoding an attribute of a
//! message that, with all it holds, has more than 65,528 bytes is a mistake of
//! the caller and panics; only a [`DefaultNla`](netlink_packet_core::DefaultNla)
//! or thousands of attributes can make one. Names are cut at 255 bytes, where
//! the kernel takes 16, so that a name from outside can do no harm. A name must
//! not hold a NUL: the kernel would stop reading there.

#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

mod attribute;
mod daemon;
mod destination;
mod forwarding;
mod info;
mod message;
mod record;
mod service;
mod stats;
mod value;

pub use self::{
    attribute::IpvsAttribute,
    daemon::{DaemonAttribute, DaemonState},
    destination::DestinationAttribute,
    forwarding::{ForwardingMethod, TunnelFlags, TunnelType},
    info::InfoAttribute,
    message::{IpvsCommand, IpvsMessage},
    record::{DestinationRecord, ServiceRecord, StatsRecord, UnreadStats},
    service::{ServiceAttribute, ServiceFlags},
    stats::{Counter, StatsAttribute},
};

/// Compiles and runs the program in the README.
#[cfg(doctest)]
#[doc = include_str!("README.md")]
struct Readme;
