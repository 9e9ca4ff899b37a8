// SPDX-License-Identifier: MIT

//! The top-level attributes of a message.

use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, NLA_F_NESTED, Nla, NlaBuffer, Parseable,
    ParseableParametrized,
};

use crate::{
    DaemonAttribute, DestinationAttribute, InfoAttribute, IpvsCommand, ServiceAttribute,
    value::{parse_set, parse_u32},
};

pub(crate) const IPVS_CMD_ATTR_SERVICE: u16 = 1;
pub(crate) const IPVS_CMD_ATTR_DEST: u16 = 2;
const IPVS_CMD_ATTR_DAEMON: u16 = 3;
const IPVS_CMD_ATTR_TIMEOUT_TCP: u16 = 4;
const IPVS_CMD_ATTR_TIMEOUT_TCP_FIN: u16 = 5;
const IPVS_CMD_ATTR_TIMEOUT_UDP: u16 = 6;

/// A top-level attribute (`IPVS_CMD_ATTR_*`, and `IPVS_INFO_ATTR_*` in the
/// reply to [`IpvsCommand::GetInfo`]).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IpvsAttribute {
    /// A virtual service, whole or only what names it.
    Service(Vec<ServiceAttribute>),
    /// A destination, whole or only what names it.
    Destination(Vec<DestinationAttribute>),
    /// A connection synchronization daemon.
    Daemon(Vec<DaemonAttribute>),
    /// Timeout of a TCP connection, in seconds.
    TimeoutTcp(u32),
    /// Timeout of a TCP connection after a FIN, in seconds.
    TimeoutTcpFin(u32),
    /// Timeout of a UDP entry, in seconds.
    TimeoutUdp(u32),
    /// Found in [`IpvsCommand::SetInfo`] only, where the numbers mean
    /// something else than in all other commands.
    Info(InfoAttribute),
    /// An attribute that this crate does not know, as it came.
    Other(DefaultNla),
}

impl Nla for IpvsAttribute {
    fn value_len(&self) -> usize {
        match self {
            Self::Service(set) => set.as_slice().buffer_len(),
            Self::Destination(set) => set.as_slice().buffer_len(),
            Self::Daemon(set) => set.as_slice().buffer_len(),
            Self::TimeoutTcp(_) | Self::TimeoutTcpFin(_) | Self::TimeoutUdp(_) => 4,
            Self::Info(attribute) => attribute.value_len(),
            Self::Other(attribute) => attribute.value_len(),
        }
    }

    fn kind(&self) -> u16 {
        match self {
            Self::Service(_) => IPVS_CMD_ATTR_SERVICE | NLA_F_NESTED,
            Self::Destination(_) => IPVS_CMD_ATTR_DEST | NLA_F_NESTED,
            Self::Daemon(_) => IPVS_CMD_ATTR_DAEMON | NLA_F_NESTED,
            Self::TimeoutTcp(_) => IPVS_CMD_ATTR_TIMEOUT_TCP,
            Self::TimeoutTcpFin(_) => IPVS_CMD_ATTR_TIMEOUT_TCP_FIN,
            Self::TimeoutUdp(_) => IPVS_CMD_ATTR_TIMEOUT_UDP,
            Self::Info(attribute) => attribute.kind(),
            Self::Other(attribute) => attribute.kind(),
        }
    }

    fn emit_value(&self, buffer: &mut [u8]) {
        match self {
            Self::Service(set) => set.as_slice().emit(buffer),
            Self::Destination(set) => set.as_slice().emit(buffer),
            Self::Daemon(set) => set.as_slice().emit(buffer),
            Self::TimeoutTcp(seconds)
            | Self::TimeoutTcpFin(seconds)
            | Self::TimeoutUdp(seconds) => buffer.copy_from_slice(&seconds.to_ne_bytes()),
            Self::Info(attribute) => attribute.emit_value(buffer),
            Self::Other(attribute) => attribute.emit_value(buffer),
        }
    }
}

/// The command decides what a number means: see [`IpvsAttribute::Info`].
impl<'a, T: AsRef<[u8]> + ?Sized> ParseableParametrized<NlaBuffer<&'a T>, IpvsCommand>
    for IpvsAttribute
{
    fn parse_with_param(buf: &NlaBuffer<&'a T>, command: IpvsCommand) -> Result<Self, DecodeError> {
        if command == IpvsCommand::SetInfo {
            return Ok(Self::Info(InfoAttribute::parse(buf)?));
        }
        let payload = buf.value();
        Ok(match buf.kind() {
            IPVS_CMD_ATTR_SERVICE => Self::Service(parse_set(payload, "IPVS_CMD_ATTR_SERVICE")?),
            IPVS_CMD_ATTR_DEST => Self::Destination(parse_set(payload, "IPVS_CMD_ATTR_DEST")?),
            IPVS_CMD_ATTR_DAEMON => Self::Daemon(parse_set(payload, "IPVS_CMD_ATTR_DAEMON")?),
            IPVS_CMD_ATTR_TIMEOUT_TCP => {
                Self::TimeoutTcp(parse_u32(payload, "IPVS_CMD_ATTR_TIMEOUT_TCP")?)
            }
            IPVS_CMD_ATTR_TIMEOUT_TCP_FIN => {
                Self::TimeoutTcpFin(parse_u32(payload, "IPVS_CMD_ATTR_TIMEOUT_TCP_FIN")?)
            }
            IPVS_CMD_ATTR_TIMEOUT_UDP => {
                Self::TimeoutUdp(parse_u32(payload, "IPVS_CMD_ATTR_TIMEOUT_UDP")?)
            }
            _ => Self::Other(DefaultNla::parse(buf)?),
        })
    }
}
