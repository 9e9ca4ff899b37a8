// SPDX-License-Identifier: MIT

//! The attributes of a destination.

use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, NLA_F_NESTED, Nla, NlaBuffer, Parseable,
};

use crate::{
    ForwardingMethod, StatsAttribute, TunnelFlags, TunnelType,
    value::{parse_be16, parse_bytes, parse_set, parse_u8, parse_u16, parse_u32},
};

pub(crate) const IPVS_DEST_ATTR_ADDR: u16 = 1;
pub(crate) const IPVS_DEST_ATTR_PORT: u16 = 2;
pub(crate) const IPVS_DEST_ATTR_FWD_METHOD: u16 = 3;
pub(crate) const IPVS_DEST_ATTR_WEIGHT: u16 = 4;
pub(crate) const IPVS_DEST_ATTR_U_THRESH: u16 = 5;
pub(crate) const IPVS_DEST_ATTR_L_THRESH: u16 = 6;
pub(crate) const IPVS_DEST_ATTR_ACTIVE_CONNS: u16 = 7;
pub(crate) const IPVS_DEST_ATTR_INACT_CONNS: u16 = 8;
pub(crate) const IPVS_DEST_ATTR_PERSIST_CONNS: u16 = 9;
pub(crate) const IPVS_DEST_ATTR_STATS: u16 = 10;
pub(crate) const IPVS_DEST_ATTR_ADDR_FAMILY: u16 = 11;
pub(crate) const IPVS_DEST_ATTR_STATS64: u16 = 12;
pub(crate) const IPVS_DEST_ATTR_TUN_TYPE: u16 = 13;
pub(crate) const IPVS_DEST_ATTR_TUN_PORT: u16 = 14;
pub(crate) const IPVS_DEST_ATTR_TUN_FLAGS: u16 = 15;

/// An attribute of a destination of a virtual service (`IPVS_DEST_ATTR_*`).
///
/// The kernel finds a destination by its address family, address and port.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DestinationAttribute {
    /// The address; an IPv4 address is in the first four bytes and zeros
    /// follow. A reply has it before the
    /// [`AddressFamily`](Self::AddressFamily) that says how to read it.
    Address([u8; 16]),
    /// The port, in host order here and in network order on the wire.
    Port(u16),
    /// The way in which packets reach the destination.
    ForwardingMethod(ForwardingMethod),
    /// The share of new connections; 0 takes none (quiesced). The kernel reads
    /// it as an `i32` and refuses what is negative there.
    Weight(u32),
    /// The number of connections at which the destination takes no new ones; 0
    /// is no limit.
    UpperThreshold(u32),
    /// The number of connections below which it takes new ones again.
    LowerThreshold(u32),
    /// Connections that are established; in replies.
    ActiveConnections(u32),
    /// Connections in any other state; in replies.
    InactiveConnections(u32),
    /// Persistence templates; in replies.
    PersistentConnections(u32),
    /// The counters in their 32-bit form; in replies.
    Stats(Vec<StatsAttribute<u32>>),
    /// `AF_INET` (2) or `AF_INET6` (10). Since Linux 3.18; without it the
    /// destination has the family of its service.
    AddressFamily(u16),
    /// The counters in their 64-bit form; in replies, since Linux 4.1.
    Stats64(Vec<StatsAttribute<u64>>),
    /// The encapsulation of a tunnel.
    TunnelType(TunnelType),
    /// The UDP port of the tunnel, in host order here and in network order on
    /// the wire.
    TunnelPort(u16),
    /// The flags of a tunnel, which say what becomes of its checksum.
    TunnelFlags(TunnelFlags),
    /// An attribute that this crate does not know, as it came.
    Other(DefaultNla),
}

impl Nla for DestinationAttribute {
    fn value_len(&self) -> usize {
        match self {
            Self::Address(_) => 16,
            Self::Port(_) | Self::AddressFamily(_) | Self::TunnelPort(_) | Self::TunnelFlags(_) => {
                2
            }
            Self::ForwardingMethod(_)
            | Self::Weight(_)
            | Self::UpperThreshold(_)
            | Self::LowerThreshold(_)
            | Self::ActiveConnections(_)
            | Self::InactiveConnections(_)
            | Self::PersistentConnections(_) => 4,
            Self::Stats(set) => set.as_slice().buffer_len(),
            Self::Stats64(set) => set.as_slice().buffer_len(),
            Self::TunnelType(_) => 1,
            Self::Other(attribute) => attribute.value_len(),
        }
    }

    fn kind(&self) -> u16 {
        match self {
            Self::Address(_) => IPVS_DEST_ATTR_ADDR,
            Self::Port(_) => IPVS_DEST_ATTR_PORT,
            Self::ForwardingMethod(_) => IPVS_DEST_ATTR_FWD_METHOD,
            Self::Weight(_) => IPVS_DEST_ATTR_WEIGHT,
            Self::UpperThreshold(_) => IPVS_DEST_ATTR_U_THRESH,
            Self::LowerThreshold(_) => IPVS_DEST_ATTR_L_THRESH,
            Self::ActiveConnections(_) => IPVS_DEST_ATTR_ACTIVE_CONNS,
            Self::InactiveConnections(_) => IPVS_DEST_ATTR_INACT_CONNS,
            Self::PersistentConnections(_) => IPVS_DEST_ATTR_PERSIST_CONNS,
            Self::Stats(_) => IPVS_DEST_ATTR_STATS | NLA_F_NESTED,
            Self::AddressFamily(_) => IPVS_DEST_ATTR_ADDR_FAMILY,
            Self::Stats64(_) => IPVS_DEST_ATTR_STATS64 | NLA_F_NESTED,
            Self::TunnelType(_) => IPVS_DEST_ATTR_TUN_TYPE,
            Self::TunnelPort(_) => IPVS_DEST_ATTR_TUN_PORT,
            Self::TunnelFlags(_) => IPVS_DEST_ATTR_TUN_FLAGS,
            Self::Other(attribute) => attribute.kind(),
        }
    }

    fn emit_value(&self, buffer: &mut [u8]) {
        match self {
            Self::Address(address) => buffer.copy_from_slice(address),
            Self::Port(port) | Self::TunnelPort(port) => {
                buffer.copy_from_slice(&port.to_be_bytes())
            }
            Self::AddressFamily(number) => buffer.copy_from_slice(&number.to_ne_bytes()),
            Self::ForwardingMethod(method) => {
                buffer.copy_from_slice(&u32::from(*method).to_ne_bytes())
            }
            Self::Weight(number)
            | Self::UpperThreshold(number)
            | Self::LowerThreshold(number)
            | Self::ActiveConnections(number)
            | Self::InactiveConnections(number)
            | Self::PersistentConnections(number) => buffer.copy_from_slice(&number.to_ne_bytes()),
            Self::Stats(set) => set.as_slice().emit(buffer),
            Self::Stats64(set) => set.as_slice().emit(buffer),
            Self::TunnelType(tunnel_type) => buffer.copy_from_slice(&[u8::from(*tunnel_type)]),
            Self::TunnelFlags(flags) => buffer.copy_from_slice(&flags.bits().to_ne_bytes()),
            Self::Other(attribute) => attribute.emit_value(buffer),
        }
    }
}

impl<'a, T: AsRef<[u8]> + ?Sized> Parseable<NlaBuffer<&'a T>> for DestinationAttribute {
    fn parse(buf: &NlaBuffer<&'a T>) -> Result<Self, DecodeError> {
        let payload = buf.value();
        Ok(match buf.kind() {
            IPVS_DEST_ATTR_ADDR => Self::Address(parse_bytes(payload, "IPVS_DEST_ATTR_ADDR")?),
            IPVS_DEST_ATTR_PORT => Self::Port(parse_be16(payload, "IPVS_DEST_ATTR_PORT")?),
            IPVS_DEST_ATTR_FWD_METHOD => {
                Self::ForwardingMethod(parse_u32(payload, "IPVS_DEST_ATTR_FWD_METHOD")?.into())
            }
            IPVS_DEST_ATTR_WEIGHT => Self::Weight(parse_u32(payload, "IPVS_DEST_ATTR_WEIGHT")?),
            IPVS_DEST_ATTR_U_THRESH => {
                Self::UpperThreshold(parse_u32(payload, "IPVS_DEST_ATTR_U_THRESH")?)
            }
            IPVS_DEST_ATTR_L_THRESH => {
                Self::LowerThreshold(parse_u32(payload, "IPVS_DEST_ATTR_L_THRESH")?)
            }
            IPVS_DEST_ATTR_ACTIVE_CONNS => {
                Self::ActiveConnections(parse_u32(payload, "IPVS_DEST_ATTR_ACTIVE_CONNS")?)
            }
            IPVS_DEST_ATTR_INACT_CONNS => {
                Self::InactiveConnections(parse_u32(payload, "IPVS_DEST_ATTR_INACT_CONNS")?)
            }
            IPVS_DEST_ATTR_PERSIST_CONNS => {
                Self::PersistentConnections(parse_u32(payload, "IPVS_DEST_ATTR_PERSIST_CONNS")?)
            }
            IPVS_DEST_ATTR_STATS => Self::Stats(parse_set(payload, "IPVS_DEST_ATTR_STATS")?),
            IPVS_DEST_ATTR_ADDR_FAMILY => {
                Self::AddressFamily(parse_u16(payload, "IPVS_DEST_ATTR_ADDR_FAMILY")?)
            }
            IPVS_DEST_ATTR_STATS64 => Self::Stats64(parse_set(payload, "IPVS_DEST_ATTR_STATS64")?),
            IPVS_DEST_ATTR_TUN_TYPE => {
                Self::TunnelType(parse_u8(payload, "IPVS_DEST_ATTR_TUN_TYPE")?.into())
            }
            IPVS_DEST_ATTR_TUN_PORT => {
                Self::TunnelPort(parse_be16(payload, "IPVS_DEST_ATTR_TUN_PORT")?)
            }
            IPVS_DEST_ATTR_TUN_FLAGS => Self::TunnelFlags(TunnelFlags::from_bits_retain(
                parse_u16(payload, "IPVS_DEST_ATTR_TUN_FLAGS")?,
            )),
            _ => Self::Other(DefaultNla::parse(buf)?),
        })
    }
}
