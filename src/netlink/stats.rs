// SPDX-License-Identifier: MIT

//! The counters and rates of virtual services and destinations, in both widths.

use netlink_packet_core::{DecodeError, DefaultNla, Nla, NlaBuffer, Parseable};

use crate::value::{parse_u32, parse_u64};

pub(crate) const IPVS_STATS_ATTR_CONNS: u16 = 1;
pub(crate) const IPVS_STATS_ATTR_INPKTS: u16 = 2;
pub(crate) const IPVS_STATS_ATTR_OUTPKTS: u16 = 3;
pub(crate) const IPVS_STATS_ATTR_INBYTES: u16 = 4;
pub(crate) const IPVS_STATS_ATTR_OUTBYTES: u16 = 5;
pub(crate) const IPVS_STATS_ATTR_CPS: u16 = 6;
pub(crate) const IPVS_STATS_ATTR_INPPS: u16 = 7;
pub(crate) const IPVS_STATS_ATTR_OUTPPS: u16 = 8;
pub(crate) const IPVS_STATS_ATTR_INBPS: u16 = 9;
pub(crate) const IPVS_STATS_ATTR_OUTBPS: u16 = 10;

/// A counter or rate of a service or destination (`IPVS_STATS_ATTR_*`).
///
/// The kernel sends the set twice, with the same numbers: as `u32` in the
/// attributes named `Stats`, where all but the byte counters are cut to their
/// low 32 bits, and as `u64` in `Stats64`. Rates are the kernel's estimates,
/// in units a second.
///
/// `IPVS_STATS_ATTR_PAD`, which some machines put between the counters, carries
/// nothing and is kept in [`Other`](Self::Other).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatsAttribute<C> {
    /// Connections scheduled.
    Connections(C),
    /// Packets from clients.
    InPackets(C),
    /// Packets to clients.
    OutPackets(C),
    /// Bytes from clients; 64 bits wide in both forms.
    InBytes(u64),
    /// Bytes to clients; 64 bits wide in both forms.
    OutBytes(u64),
    /// Connections a second.
    ConnectionsPerSecond(C),
    /// Packets a second from clients.
    InPacketsPerSecond(C),
    /// Packets a second to clients.
    OutPacketsPerSecond(C),
    /// Bytes a second from clients.
    InBytesPerSecond(C),
    /// Bytes a second to clients.
    OutBytesPerSecond(C),
    /// An attribute that this crate does not know, as it came.
    Other(DefaultNla),
}

/// The width of the counters in a [`StatsAttribute`]: `u32` or `u64`.
pub trait Counter: sealed::Counter {}

impl Counter for u32 {}
impl Counter for u64 {}

mod sealed {
    use super::{DecodeError, parse_u32, parse_u64};

    pub trait Counter: Copy {
        fn parse(payload: &[u8], attribute: &str) -> Result<Self, DecodeError>;
        /// Writes into a buffer of exactly the size of the counter.
        fn emit(self, buffer: &mut [u8]);
    }

    impl Counter for u32 {
        fn parse(payload: &[u8], attribute: &str) -> Result<Self, DecodeError> {
            parse_u32(payload, attribute)
        }

        fn emit(self, buffer: &mut [u8]) {
            buffer.copy_from_slice(&self.to_ne_bytes())
        }
    }

    impl Counter for u64 {
        fn parse(payload: &[u8], attribute: &str) -> Result<Self, DecodeError> {
            parse_u64(payload, attribute)
        }

        fn emit(self, buffer: &mut [u8]) {
            buffer.copy_from_slice(&self.to_ne_bytes())
        }
    }
}

impl<C: Counter> Nla for StatsAttribute<C> {
    fn value_len(&self) -> usize {
        match self {
            Self::Connections(_)
            | Self::InPackets(_)
            | Self::OutPackets(_)
            | Self::ConnectionsPerSecond(_)
            | Self::InPacketsPerSecond(_)
            | Self::OutPacketsPerSecond(_)
            | Self::InBytesPerSecond(_)
            | Self::OutBytesPerSecond(_) => size_of::<C>(),
            Self::InBytes(_) | Self::OutBytes(_) => 8,
            Self::Other(attribute) => attribute.value_len(),
        }
    }

    fn kind(&self) -> u16 {
        match self {
            Self::Connections(_) => IPVS_STATS_ATTR_CONNS,
            Self::InPackets(_) => IPVS_STATS_ATTR_INPKTS,
            Self::OutPackets(_) => IPVS_STATS_ATTR_OUTPKTS,
            Self::InBytes(_) => IPVS_STATS_ATTR_INBYTES,
            Self::OutBytes(_) => IPVS_STATS_ATTR_OUTBYTES,
            Self::ConnectionsPerSecond(_) => IPVS_STATS_ATTR_CPS,
            Self::InPacketsPerSecond(_) => IPVS_STATS_ATTR_INPPS,
            Self::OutPacketsPerSecond(_) => IPVS_STATS_ATTR_OUTPPS,
            Self::InBytesPerSecond(_) => IPVS_STATS_ATTR_INBPS,
            Self::OutBytesPerSecond(_) => IPVS_STATS_ATTR_OUTBPS,
            Self::Other(attribute) => attribute.kind(),
        }
    }

    fn emit_value(&self, buffer: &mut [u8]) {
        match self {
            Self::Connections(counter)
            | Self::InPackets(counter)
            | Self::OutPackets(counter)
            | Self::ConnectionsPerSecond(counter)
            | Self::InPacketsPerSecond(counter)
            | Self::OutPacketsPerSecond(counter)
            | Self::InBytesPerSecond(counter)
            | Self::OutBytesPerSecond(counter) => counter.emit(buffer),
            Self::InBytes(counter) | Self::OutBytes(counter) => {
                buffer.copy_from_slice(&counter.to_ne_bytes())
            }
            Self::Other(attribute) => attribute.emit_value(buffer),
        }
    }
}

impl<'a, T: AsRef<[u8]> + ?Sized, C: Counter> Parseable<NlaBuffer<&'a T>> for StatsAttribute<C> {
    fn parse(buf: &NlaBuffer<&'a T>) -> Result<Self, DecodeError> {
        let payload = buf.value();
        Ok(match buf.kind() {
            IPVS_STATS_ATTR_CONNS => Self::Connections(C::parse(payload, "IPVS_STATS_ATTR_CONNS")?),
            IPVS_STATS_ATTR_INPKTS => Self::InPackets(C::parse(payload, "IPVS_STATS_ATTR_INPKTS")?),
            IPVS_STATS_ATTR_OUTPKTS => {
                Self::OutPackets(C::parse(payload, "IPVS_STATS_ATTR_OUTPKTS")?)
            }
            IPVS_STATS_ATTR_INBYTES => {
                Self::InBytes(parse_u64(payload, "IPVS_STATS_ATTR_INBYTES")?)
            }
            IPVS_STATS_ATTR_OUTBYTES => {
                Self::OutBytes(parse_u64(payload, "IPVS_STATS_ATTR_OUTBYTES")?)
            }
            IPVS_STATS_ATTR_CPS => {
                Self::ConnectionsPerSecond(C::parse(payload, "IPVS_STATS_ATTR_CPS")?)
            }
            IPVS_STATS_ATTR_INPPS => {
                Self::InPacketsPerSecond(C::parse(payload, "IPVS_STATS_ATTR_INPPS")?)
            }
            IPVS_STATS_ATTR_OUTPPS => {
                Self::OutPacketsPerSecond(C::parse(payload, "IPVS_STATS_ATTR_OUTPPS")?)
            }
            IPVS_STATS_ATTR_INBPS => {
                Self::InBytesPerSecond(C::parse(payload, "IPVS_STATS_ATTR_INBPS")?)
            }
            IPVS_STATS_ATTR_OUTBPS => {
                Self::OutBytesPerSecond(C::parse(payload, "IPVS_STATS_ATTR_OUTBPS")?)
            }
            _ => Self::Other(DefaultNla::parse(buf)?),
        })
    }
}
