// SPDX-License-Identifier: MIT

//! The attributes of a virtual service.

use bitflags::bitflags;
use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, NLA_F_NESTED, Nla, NlaBuffer, Parseable,
};

use crate::{
    StatsAttribute,
    value::{
        emit_name, name_len, parse_be16, parse_bytes, parse_name, parse_set, parse_u16, parse_u32,
    },
};

pub(crate) const IPVS_SVC_ATTR_AF: u16 = 1;
pub(crate) const IPVS_SVC_ATTR_PROTOCOL: u16 = 2;
pub(crate) const IPVS_SVC_ATTR_ADDR: u16 = 3;
pub(crate) const IPVS_SVC_ATTR_PORT: u16 = 4;
pub(crate) const IPVS_SVC_ATTR_FWMARK: u16 = 5;
pub(crate) const IPVS_SVC_ATTR_SCHED_NAME: u16 = 6;
pub(crate) const IPVS_SVC_ATTR_FLAGS: u16 = 7;
pub(crate) const IPVS_SVC_ATTR_TIMEOUT: u16 = 8;
pub(crate) const IPVS_SVC_ATTR_NETMASK: u16 = 9;
pub(crate) const IPVS_SVC_ATTR_STATS: u16 = 10;
pub(crate) const IPVS_SVC_ATTR_PE_NAME: u16 = 11;
pub(crate) const IPVS_SVC_ATTR_STATS64: u16 = 12;

const IP_VS_SVC_F_PERSISTENT: u32 = 0x0001;
const IP_VS_SVC_F_HASHED: u32 = 0x0002;
const IP_VS_SVC_F_ONEPACKET: u32 = 0x0004;
const IP_VS_SVC_F_SCHED1: u32 = 0x0008;
const IP_VS_SVC_F_SCHED2: u32 = 0x0010;
const IP_VS_SVC_F_SCHED3: u32 = 0x0020;

bitflags! {
    /// Flags of a virtual service (`IP_VS_SVC_F_*`). Bits without a name are
    /// kept.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct ServiceFlags: u32 {
        /// Connections of one client go to one destination.
        const PERSISTENT = IP_VS_SVC_F_PERSISTENT;
        /// The kernel's own: the service is in its table.
        const HASHED = IP_VS_SVC_F_HASHED;
        /// Every datagram is scheduled by itself.
        const ONE_PACKET = IP_VS_SVC_F_ONEPACKET;
        /// First flag of the scheduler: fallback, for sh and mh.
        const SCHEDULER_1 = IP_VS_SVC_F_SCHED1;
        /// Second flag of the scheduler: source port, for sh and mh.
        const SCHEDULER_2 = IP_VS_SVC_F_SCHED2;
        /// Third flag of the scheduler.
        const SCHEDULER_3 = IP_VS_SVC_F_SCHED3;
        const _ = !0;
    }
}

/// An attribute of a virtual service (`IPVS_SVC_ATTR_*`).
///
/// The kernel finds a service by its address family with its firewall mark, or
/// with its protocol, address and port.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceAttribute {
    /// `AF_INET` (2) or `AF_INET6` (10).
    AddressFamily(u16),
    /// `IPPROTO_TCP` (6), `IPPROTO_UDP` (17) or `IPPROTO_SCTP` (132).
    Protocol(u16),
    /// The virtual address; an IPv4 address is in the first four bytes and
    /// zeros follow.
    Address([u8; 16]),
    /// The port, in host order here and in network order on the wire.
    Port(u16),
    /// The firewall mark, which takes the place of protocol, address and port.
    Fwmark(u32),
    /// The scheduler: 15 bytes at most, none of them NUL.
    SchedulerName(String),
    /// The flags, and which of them a request sets: the kernel keeps its own
    /// value of a bit that is not in the mask. A reply has every bit of the
    /// mask set.
    Flags {
        /// The values of the bits.
        flags: ServiceFlags,
        /// The bits that count.
        mask: u32,
    },
    /// Timeout of persistence, in seconds.
    Timeout(u32),
    /// The part of a client's address that persistence looks at. The address family
    /// decides what the bytes are: for IPv4 the mask in network order, for IPv6
    /// the prefix length (1 to 128) as a `u32` in the machine's order.
    Netmask([u8; 4]),
    /// The counters in their 32-bit form; in replies.
    Stats(Vec<StatsAttribute<u32>>),
    /// The persistence engine: 16 bytes at most, none of them NUL.
    PersistenceEngineName(String),
    /// The counters in their 64-bit form; in replies, since Linux 4.1.
    Stats64(Vec<StatsAttribute<u64>>),
    /// An attribute that this crate does not know, as it came.
    Other(DefaultNla),
}

impl Nla for ServiceAttribute {
    fn value_len(&self) -> usize {
        match self {
            Self::AddressFamily(_) | Self::Protocol(_) | Self::Port(_) => 2,
            Self::Address(_) => 16,
            Self::Fwmark(_) | Self::Timeout(_) | Self::Netmask(_) => 4,
            Self::SchedulerName(name) | Self::PersistenceEngineName(name) => name_len(name),
            Self::Flags { .. } => 8,
            Self::Stats(set) => set.as_slice().buffer_len(),
            Self::Stats64(set) => set.as_slice().buffer_len(),
            Self::Other(attribute) => attribute.value_len(),
        }
    }

    fn kind(&self) -> u16 {
        match self {
            Self::AddressFamily(_) => IPVS_SVC_ATTR_AF,
            Self::Protocol(_) => IPVS_SVC_ATTR_PROTOCOL,
            Self::Address(_) => IPVS_SVC_ATTR_ADDR,
            Self::Port(_) => IPVS_SVC_ATTR_PORT,
            Self::Fwmark(_) => IPVS_SVC_ATTR_FWMARK,
            Self::SchedulerName(_) => IPVS_SVC_ATTR_SCHED_NAME,
            Self::Flags { .. } => IPVS_SVC_ATTR_FLAGS,
            Self::Timeout(_) => IPVS_SVC_ATTR_TIMEOUT,
            Self::Netmask(_) => IPVS_SVC_ATTR_NETMASK,
            Self::Stats(_) => IPVS_SVC_ATTR_STATS | NLA_F_NESTED,
            Self::PersistenceEngineName(_) => IPVS_SVC_ATTR_PE_NAME,
            Self::Stats64(_) => IPVS_SVC_ATTR_STATS64 | NLA_F_NESTED,
            Self::Other(attribute) => attribute.kind(),
        }
    }

    fn emit_value(&self, buffer: &mut [u8]) {
        match self {
            Self::AddressFamily(number) | Self::Protocol(number) => {
                buffer.copy_from_slice(&number.to_ne_bytes())
            }
            Self::Address(address) => buffer.copy_from_slice(address),
            Self::Port(port) => buffer.copy_from_slice(&port.to_be_bytes()),
            Self::Fwmark(number) | Self::Timeout(number) => {
                buffer.copy_from_slice(&number.to_ne_bytes())
            }
            Self::SchedulerName(name) | Self::PersistenceEngineName(name) => {
                emit_name(buffer, name)
            }
            Self::Flags { flags, mask } => buffer.copy_from_slice(&flags_bytes((*flags, *mask))),
            Self::Netmask(mask) => buffer.copy_from_slice(mask),
            Self::Stats(set) => set.as_slice().emit(buffer),
            Self::Stats64(set) => set.as_slice().emit(buffer),
            Self::Other(attribute) => attribute.emit_value(buffer),
        }
    }
}

/// Reads `struct ip_vs_flags`: the flags, then the mask.
pub(crate) fn parse_flags(payload: &[u8]) -> Result<(ServiceFlags, u32), DecodeError> {
    let [f0, f1, f2, f3, m0, m1, m2, m3] = parse_bytes(payload, "IPVS_SVC_ATTR_FLAGS")?;
    let flags = ServiceFlags::from_bits_retain(u32::from_ne_bytes([f0, f1, f2, f3]));
    Ok((flags, u32::from_ne_bytes([m0, m1, m2, m3])))
}

/// Returns the bytes of `struct ip_vs_flags`.
pub(crate) fn flags_bytes((flags, mask): (ServiceFlags, u32)) -> [u8; 8] {
    let [f0, f1, f2, f3] = flags.bits().to_ne_bytes();
    let [m0, m1, m2, m3] = mask.to_ne_bytes();
    [f0, f1, f2, f3, m0, m1, m2, m3]
}

impl<'a, T: AsRef<[u8]> + ?Sized> Parseable<NlaBuffer<&'a T>> for ServiceAttribute {
    fn parse(buf: &NlaBuffer<&'a T>) -> Result<Self, DecodeError> {
        let payload = buf.value();
        Ok(match buf.kind() {
            IPVS_SVC_ATTR_AF => Self::AddressFamily(parse_u16(payload, "IPVS_SVC_ATTR_AF")?),
            IPVS_SVC_ATTR_PROTOCOL => Self::Protocol(parse_u16(payload, "IPVS_SVC_ATTR_PROTOCOL")?),
            IPVS_SVC_ATTR_ADDR => Self::Address(parse_bytes(payload, "IPVS_SVC_ATTR_ADDR")?),
            IPVS_SVC_ATTR_PORT => Self::Port(parse_be16(payload, "IPVS_SVC_ATTR_PORT")?),
            IPVS_SVC_ATTR_FWMARK => Self::Fwmark(parse_u32(payload, "IPVS_SVC_ATTR_FWMARK")?),
            IPVS_SVC_ATTR_SCHED_NAME => {
                Self::SchedulerName(parse_name(payload, "IPVS_SVC_ATTR_SCHED_NAME")?.to_owned())
            }
            IPVS_SVC_ATTR_FLAGS => {
                let (flags, mask) = parse_flags(payload)?;
                Self::Flags { flags, mask }
            }
            IPVS_SVC_ATTR_TIMEOUT => Self::Timeout(parse_u32(payload, "IPVS_SVC_ATTR_TIMEOUT")?),
            IPVS_SVC_ATTR_NETMASK => Self::Netmask(parse_bytes(payload, "IPVS_SVC_ATTR_NETMASK")?),
            IPVS_SVC_ATTR_STATS => Self::Stats(parse_set(payload, "IPVS_SVC_ATTR_STATS")?),
            IPVS_SVC_ATTR_PE_NAME => Self::PersistenceEngineName(
                parse_name(payload, "IPVS_SVC_ATTR_PE_NAME")?.to_owned(),
            ),
            IPVS_SVC_ATTR_STATS64 => Self::Stats64(parse_set(payload, "IPVS_SVC_ATTR_STATS64")?),
            _ => Self::Other(DefaultNla::parse(buf)?),
        })
    }
}
