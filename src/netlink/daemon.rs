// SPDX-License-Identifier: MIT

//! The attributes of a connection synchronization daemon.

use std::net::{Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{DecodeError, DefaultNla, Nla, NlaBuffer, Parseable};

use crate::value::{emit_name, name_len, parse_bytes, parse_name, parse_u8, parse_u16, parse_u32};

const IPVS_DAEMON_ATTR_STATE: u16 = 1;
const IPVS_DAEMON_ATTR_MCAST_IFN: u16 = 2;
const IPVS_DAEMON_ATTR_SYNC_ID: u16 = 3;
const IPVS_DAEMON_ATTR_SYNC_MAXLEN: u16 = 4;
const IPVS_DAEMON_ATTR_MCAST_GROUP: u16 = 5;
const IPVS_DAEMON_ATTR_MCAST_GROUP6: u16 = 6;
const IPVS_DAEMON_ATTR_MCAST_PORT: u16 = 7;
const IPVS_DAEMON_ATTR_MCAST_TTL: u16 = 8;

const IP_VS_STATE_NONE: u32 = 0;
const IP_VS_STATE_MASTER: u32 = 1;
const IP_VS_STATE_BACKUP: u32 = 2;

/// The role of a connection synchronization daemon (`IP_VS_STATE_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DaemonState {
    /// There is no daemon (`IP_VS_STATE_NONE`).
    None,
    /// It sends the director's connections (`IP_VS_STATE_MASTER`).
    Master,
    /// It receives the connections of a master (`IP_VS_STATE_BACKUP`).
    Backup,
    /// A number that this crate has no name for.
    Other(u32),
}

impl From<u32> for DaemonState {
    fn from(number: u32) -> Self {
        match number {
            IP_VS_STATE_NONE => Self::None,
            IP_VS_STATE_MASTER => Self::Master,
            IP_VS_STATE_BACKUP => Self::Backup,
            number => Self::Other(number),
        }
    }
}

impl From<DaemonState> for u32 {
    fn from(state: DaemonState) -> Self {
        match state {
            DaemonState::None => IP_VS_STATE_NONE,
            DaemonState::Master => IP_VS_STATE_MASTER,
            DaemonState::Backup => IP_VS_STATE_BACKUP,
            DaemonState::Other(number) => number,
        }
    }
}

/// An attribute of a connection synchronization daemon (`IPVS_DAEMON_ATTR_*`).
///
/// All but the first three exist since Linux 4.3.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DaemonAttribute {
    /// The role of the daemon.
    State(DaemonState),
    /// The network interface: 15 bytes at most, none of them NUL.
    MulticastInterface(String),
    /// The group of directors that the daemon belongs to, 0 to 255.
    SyncId(u32),
    /// The largest payload of a synchronization datagram, in bytes.
    SyncMaxlen(u16),
    /// The multicast group, when it is IPv4; 224.0.0.81 unless set.
    MulticastGroup(Ipv4Addr),
    /// The multicast group, when it is IPv6.
    MulticastGroup6(Ipv6Addr),
    /// The UDP port, in the machine's order on the wire, unlike all other
    /// ports; 8848 unless set.
    MulticastPort(u16),
    /// The time to live of the datagrams; 1 unless set.
    MulticastTtl(u8),
    /// An attribute that this crate does not know, as it came.
    Other(DefaultNla),
}

impl Nla for DaemonAttribute {
    fn value_len(&self) -> usize {
        match self {
            Self::State(_) | Self::SyncId(_) | Self::MulticastGroup(_) => 4,
            Self::MulticastInterface(name) => name_len(name),
            Self::SyncMaxlen(_) | Self::MulticastPort(_) => 2,
            Self::MulticastGroup6(_) => 16,
            Self::MulticastTtl(_) => 1,
            Self::Other(attribute) => attribute.value_len(),
        }
    }

    fn kind(&self) -> u16 {
        match self {
            Self::State(_) => IPVS_DAEMON_ATTR_STATE,
            Self::MulticastInterface(_) => IPVS_DAEMON_ATTR_MCAST_IFN,
            Self::SyncId(_) => IPVS_DAEMON_ATTR_SYNC_ID,
            Self::SyncMaxlen(_) => IPVS_DAEMON_ATTR_SYNC_MAXLEN,
            Self::MulticastGroup(_) => IPVS_DAEMON_ATTR_MCAST_GROUP,
            Self::MulticastGroup6(_) => IPVS_DAEMON_ATTR_MCAST_GROUP6,
            Self::MulticastPort(_) => IPVS_DAEMON_ATTR_MCAST_PORT,
            Self::MulticastTtl(_) => IPVS_DAEMON_ATTR_MCAST_TTL,
            Self::Other(attribute) => attribute.kind(),
        }
    }

    fn emit_value(&self, buffer: &mut [u8]) {
        match self {
            Self::State(state) => buffer.copy_from_slice(&u32::from(*state).to_ne_bytes()),
            Self::SyncId(number) => buffer.copy_from_slice(&number.to_ne_bytes()),
            Self::MulticastInterface(name) => emit_name(buffer, name),
            Self::SyncMaxlen(number) | Self::MulticastPort(number) => {
                buffer.copy_from_slice(&number.to_ne_bytes())
            }
            Self::MulticastGroup(address) => buffer.copy_from_slice(&address.octets()),
            Self::MulticastGroup6(address) => buffer.copy_from_slice(&address.octets()),
            Self::MulticastTtl(number) => buffer.copy_from_slice(&[*number]),
            Self::Other(attribute) => attribute.emit_value(buffer),
        }
    }
}

impl<'a, T: AsRef<[u8]> + ?Sized> Parseable<NlaBuffer<&'a T>> for DaemonAttribute {
    fn parse(buf: &NlaBuffer<&'a T>) -> Result<Self, DecodeError> {
        let payload = buf.value();
        Ok(match buf.kind() {
            IPVS_DAEMON_ATTR_STATE => {
                Self::State(parse_u32(payload, "IPVS_DAEMON_ATTR_STATE")?.into())
            }
            IPVS_DAEMON_ATTR_MCAST_IFN => Self::MulticastInterface(
                parse_name(payload, "IPVS_DAEMON_ATTR_MCAST_IFN")?.to_owned(),
            ),
            IPVS_DAEMON_ATTR_SYNC_ID => {
                Self::SyncId(parse_u32(payload, "IPVS_DAEMON_ATTR_SYNC_ID")?)
            }
            IPVS_DAEMON_ATTR_SYNC_MAXLEN => {
                Self::SyncMaxlen(parse_u16(payload, "IPVS_DAEMON_ATTR_SYNC_MAXLEN")?)
            }
            IPVS_DAEMON_ATTR_MCAST_GROUP => Self::MulticastGroup(Ipv4Addr::from(parse_bytes::<4>(
                payload,
                "IPVS_DAEMON_ATTR_MCAST_GROUP",
            )?)),
            IPVS_DAEMON_ATTR_MCAST_GROUP6 => {
                Self::MulticastGroup6(Ipv6Addr::from(parse_bytes::<16>(
                    payload,
                    "IPVS_DAEMON_ATTR_MCAST_GROUP6",
                )?))
            }
            IPVS_DAEMON_ATTR_MCAST_PORT => {
                Self::MulticastPort(parse_u16(payload, "IPVS_DAEMON_ATTR_MCAST_PORT")?)
            }
            IPVS_DAEMON_ATTR_MCAST_TTL => {
                Self::MulticastTtl(parse_u8(payload, "IPVS_DAEMON_ATTR_MCAST_TTL")?)
            }
            _ => Self::Other(DefaultNla::parse(buf)?),
        })
    }
}
