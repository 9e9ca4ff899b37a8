// SPDX-License-Identifier: MIT

//! The top-level attributes of a message.

use netlink_packet_core::{
    DecodeError, DefaultNla, ErrorContext, NLA_F_NESTED, Nla, NlaBuffer, Parseable,
    ParseableParametrized,
};

use crate::{
    DaemonAttribute, DestinationAttribute, InfoAttribute, IpvsCommand, ServiceAttribute,
    value::{append, append_set, emit_set, parse_array, parse_set, set_len},
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

impl IpvsAttribute {
    /// Appends what `emit` writes, without first asking for lengths
    /// on every level.
    pub(crate) fn append_to(&self, buffer: &mut Vec<u8>) {
        match self {
            Self::Service(set) => append_set(buffer, self.kind(), set),
            Self::Destination(set) => append_set(buffer, self.kind(), set),
            Self::Daemon(set) => append_set(buffer, self.kind(), set),
            other => append(buffer, other),
        }
    }
}

impl Nla for IpvsAttribute {
    fn value_len(&self) -> usize {
        match self {
            Self::Service(set) => set_len(set),
            Self::Destination(set) => set_len(set),
            Self::Daemon(set) => set_len(set),
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
            Self::Service(set) => emit_set(buffer, set),
            Self::Destination(set) => emit_set(buffer, set),
            Self::Daemon(set) => emit_set(buffer, set),
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
            IPVS_CMD_ATTR_SERVICE => {
                Self::Service(parse_set(payload).context("invalid IPVS_CMD_ATTR_SERVICE value")?)
            }
            IPVS_CMD_ATTR_DEST => {
                Self::Destination(parse_set(payload).context("invalid IPVS_CMD_ATTR_DEST value")?)
            }
            IPVS_CMD_ATTR_DAEMON => {
                Self::Daemon(parse_set(payload).context("invalid IPVS_CMD_ATTR_DAEMON value")?)
            }
            IPVS_CMD_ATTR_TIMEOUT_TCP => Self::TimeoutTcp(u32::from_ne_bytes(
                parse_array(payload).context("invalid IPVS_CMD_ATTR_TIMEOUT_TCP value")?,
            )),
            IPVS_CMD_ATTR_TIMEOUT_TCP_FIN => Self::TimeoutTcpFin(u32::from_ne_bytes(
                parse_array(payload).context("invalid IPVS_CMD_ATTR_TIMEOUT_TCP_FIN value")?,
            )),
            IPVS_CMD_ATTR_TIMEOUT_UDP => Self::TimeoutUdp(u32::from_ne_bytes(
                parse_array(payload).context("invalid IPVS_CMD_ATTR_TIMEOUT_UDP value")?,
            )),
            _ => Self::Other(DefaultNla::parse(buf)?),
        })
    }
}
