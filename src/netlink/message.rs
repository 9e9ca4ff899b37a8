// SPDX-License-Identifier: MIT

//! Commands, and the message that carries a command and its attributes.

use netlink_packet_core::{
    DecodeError, Emitable, ErrorContext, NlasIterator, ParseableParametrized,
};
use netlink_packet_generic::{GenlFamily, GenlHeader};

use crate::IpvsAttribute;

const IPVS_GENL_NAME: &str = "IPVS";
const IPVS_GENL_VERSION: u8 = 1;

const IPVS_CMD_NEW_SERVICE: u8 = 1;
const IPVS_CMD_SET_SERVICE: u8 = 2;
const IPVS_CMD_DEL_SERVICE: u8 = 3;
const IPVS_CMD_GET_SERVICE: u8 = 4;
const IPVS_CMD_NEW_DEST: u8 = 5;
const IPVS_CMD_SET_DEST: u8 = 6;
const IPVS_CMD_DEL_DEST: u8 = 7;
const IPVS_CMD_GET_DEST: u8 = 8;
const IPVS_CMD_NEW_DAEMON: u8 = 9;
const IPVS_CMD_DEL_DAEMON: u8 = 10;
const IPVS_CMD_GET_DAEMON: u8 = 11;
const IPVS_CMD_SET_CONFIG: u8 = 12;
const IPVS_CMD_GET_CONFIG: u8 = 13;
const IPVS_CMD_SET_INFO: u8 = 14;
const IPVS_CMD_GET_INFO: u8 = 15;
const IPVS_CMD_ZERO: u8 = 16;
const IPVS_CMD_FLUSH: u8 = 17;

/// The command of a request or a reply (`IPVS_CMD_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IpvsCommand {
    /// Add a virtual service. Also the command of every reply to
    /// [`GetService`](Self::GetService).
    NewService,
    /// Replace the settings of a virtual service.
    SetService,
    /// Remove a virtual service and its destinations.
    DelService,
    /// Ask for one virtual service, or for all of them in a dump.
    GetService,
    /// Add a destination to a virtual service. Also the command of every
    /// reply to [`GetDest`](Self::GetDest).
    NewDest,
    /// Replace the settings of a destination.
    SetDest,
    /// Remove a destination.
    DelDest,
    /// Ask for the destinations of one virtual service; a dump only.
    GetDest,
    /// Start a connection synchronization daemon. Also the command of every
    /// reply to [`GetDaemon`](Self::GetDaemon).
    NewDaemon,
    /// Stop a connection synchronization daemon.
    DelDaemon,
    /// Ask for the daemons that run; a dump only.
    GetDaemon,
    /// Set the connection timeouts. Also the command of the reply to
    /// [`GetConfig`](Self::GetConfig).
    SetConfig,
    /// Ask for the connection timeouts.
    GetConfig,
    /// The command of the reply to [`GetInfo`](Self::GetInfo); not a request.
    SetInfo,
    /// Ask for the version of IPVS and the size of its connection table.
    GetInfo,
    /// Set the counters of one virtual service, or of all, to zero.
    Zero,
    /// Remove every virtual service.
    Flush,
    /// A command that this crate does not know.
    Other(u8),
}

impl IpvsCommand {
    /// Returns the generic netlink header of a message with this command.
    pub fn header(self) -> GenlHeader {
        GenlHeader {
            cmd: self.into(),
            version: IPVS_GENL_VERSION,
        }
    }
}

impl From<IpvsCommand> for u8 {
    fn from(command: IpvsCommand) -> Self {
        match command {
            IpvsCommand::NewService => IPVS_CMD_NEW_SERVICE,
            IpvsCommand::SetService => IPVS_CMD_SET_SERVICE,
            IpvsCommand::DelService => IPVS_CMD_DEL_SERVICE,
            IpvsCommand::GetService => IPVS_CMD_GET_SERVICE,
            IpvsCommand::NewDest => IPVS_CMD_NEW_DEST,
            IpvsCommand::SetDest => IPVS_CMD_SET_DEST,
            IpvsCommand::DelDest => IPVS_CMD_DEL_DEST,
            IpvsCommand::GetDest => IPVS_CMD_GET_DEST,
            IpvsCommand::NewDaemon => IPVS_CMD_NEW_DAEMON,
            IpvsCommand::DelDaemon => IPVS_CMD_DEL_DAEMON,
            IpvsCommand::GetDaemon => IPVS_CMD_GET_DAEMON,
            IpvsCommand::SetConfig => IPVS_CMD_SET_CONFIG,
            IpvsCommand::GetConfig => IPVS_CMD_GET_CONFIG,
            IpvsCommand::SetInfo => IPVS_CMD_SET_INFO,
            IpvsCommand::GetInfo => IPVS_CMD_GET_INFO,
            IpvsCommand::Zero => IPVS_CMD_ZERO,
            IpvsCommand::Flush => IPVS_CMD_FLUSH,
            IpvsCommand::Other(number) => number,
        }
    }
}

impl From<u8> for IpvsCommand {
    fn from(number: u8) -> Self {
        match number {
            IPVS_CMD_NEW_SERVICE => Self::NewService,
            IPVS_CMD_SET_SERVICE => Self::SetService,
            IPVS_CMD_DEL_SERVICE => Self::DelService,
            IPVS_CMD_GET_SERVICE => Self::GetService,
            IPVS_CMD_NEW_DEST => Self::NewDest,
            IPVS_CMD_SET_DEST => Self::SetDest,
            IPVS_CMD_DEL_DEST => Self::DelDest,
            IPVS_CMD_GET_DEST => Self::GetDest,
            IPVS_CMD_NEW_DAEMON => Self::NewDaemon,
            IPVS_CMD_DEL_DAEMON => Self::DelDaemon,
            IPVS_CMD_GET_DAEMON => Self::GetDaemon,
            IPVS_CMD_SET_CONFIG => Self::SetConfig,
            IPVS_CMD_GET_CONFIG => Self::GetConfig,
            IPVS_CMD_SET_INFO => Self::SetInfo,
            IPVS_CMD_GET_INFO => Self::GetInfo,
            IPVS_CMD_ZERO => Self::Zero,
            IPVS_CMD_FLUSH => Self::Flush,
            number => Self::Other(number),
        }
    }
}

/// A request to the IPVS family, or a reply from it: what follows the generic
/// netlink header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpvsMessage {
    /// The command; it travels in the generic netlink header.
    pub command: IpvsCommand,
    /// The top-level attributes, in the order of the bytes.
    pub attributes: Vec<IpvsAttribute>,
}

impl IpvsMessage {
    /// Puts a message together; nothing is checked.
    pub fn new(command: IpvsCommand, attributes: Vec<IpvsAttribute>) -> Self {
        Self {
            command,
            attributes,
        }
    }
}

impl GenlFamily for IpvsMessage {
    fn family_name() -> &'static str {
        IPVS_GENL_NAME
    }

    fn command(&self) -> u8 {
        self.command.into()
    }

    fn version(&self) -> u8 {
        IPVS_GENL_VERSION
    }
}

impl Emitable for IpvsMessage {
    fn buffer_len(&self) -> usize {
        self.attributes.as_slice().buffer_len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        self.attributes.as_slice().emit(buffer)
    }
}

impl ParseableParametrized<[u8], GenlHeader> for IpvsMessage {
    fn parse_with_param(payload: &[u8], header: GenlHeader) -> Result<Self, DecodeError> {
        let command = IpvsCommand::from(header.cmd);
        let attributes = NlasIterator::new(payload)
            .map(|attribute| {
                let attribute = attribute.context("invalid IPVS top-level attribute")?;
                IpvsAttribute::parse_with_param(&attribute, command)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            command,
            attributes,
        })
    }
}
