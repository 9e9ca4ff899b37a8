// SPDX-License-Identifier: MIT

//! The mistakes that a command line can have. Their words and exit statuses are
//! those of ipvsadm 1.31: scripts and tools match on them.

use std::{fmt, net::IpAddr};

use super::{
    address::EndpointError,
    name::{CommandName, Group},
};
use crate::{
    command::choice::{
        COLOURS, CONNECTION_PROTOCOLS, CONNECTION_STATES, FORMS, INTERFACES, join, names,
    },
    scheduler_flags::FlagError,
};

/// The exit status of errors that the original leaves to its option library.
const STATUS_OPTION: u8 = 255;
/// The exit status of every other usage error.
pub(crate) const STATUS_USAGE: u8 = 2;

/// A command or a type of tunnel, which some options go with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Command {
        command: CommandName,
        title: &'static str,
    },
    /// A type of tunnel, by its name on the command line.
    Tunnel(&'static str),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command { title, .. } => write!(f, "the '{title}' command"),
            Self::Tunnel(tunnel) => write!(f, "the '{tunnel}' tunnel type"),
        }
    }
}

/// A command line that asks for nothing that can be done. A text in it is the
/// value as it was typed, for those who explain the error; not every error
/// shows it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UsageError {
    #[error("Try `ipvsadm -h' or 'ipvsadm --help' for more information.")]
    NoCommand,
    #[error("{0}: unknown option")]
    UnknownOption(String),
    #[error("{0}: missing argument")]
    MissingValue(String),
    #[error("{0}: option does not take an argument")]
    UnwantedValue(String),
    #[error("invalid option `{0}'")]
    SecondCommand(String),
    #[error("unexpected argument {0}")]
    UnexpectedArgument(String),
    #[error("multiple '{}' options specified", .0.name)]
    Repeated(Group),
    #[error("You need to supply the '{}' option for {owner}", .group.name)]
    Compulsory { owner: Owner, group: Group },
    #[error("Illegal '{}' option with {owner}", .group.name)]
    Illegal { owner: Owner, group: Group },
    #[error("The option '{}' conflicts with the '{}' option in {owner}", .group.name, .other.name)]
    Conflict {
        owner: Owner,
        group: Group,
        other: Group,
    },
    #[error("options conflicts in the list command")]
    ListConflict,
    #[error("illegal virtual server address[:port] specified")]
    ServiceAddress(EndpointError),
    #[error("invalid fwmark value `{0}' specified")]
    Fwmark(String),
    // The original ends this one with an empty line.
    #[error("-6 used before -f\n")]
    Ipv6BeforeFwmark,
    #[error("illegal real server address[:port] specified")]
    ServerAddress(EndpointError),
    #[error("invalid timeout value `{0}' specified")]
    PersistenceTimeout(String),
    #[error("invalid timeout value `{0}' specified")]
    ConnectionTimeout(String),
    #[error("--set option requires 3 timeout values")]
    ThreeTimeouts,
    #[error("illegal virtual server persistent mask specified")]
    Netmask,
    #[error("illegal ipv6 netmask specified")]
    Netmask6,
    #[error(transparent)]
    SchedulerFlag(#[from] FlagError),
    #[error("Zero port specified for non-persistent service")]
    ZeroPort(String),
    #[error("One-Packet Scheduling is only for UDP virtual services")]
    OnePacketNotUdp,
    #[error("illegal weight specified")]
    Weight(String),
    #[error("illegal u_threshold specified")]
    UpperThreshold(String),
    #[error("illegal l_threshold specified")]
    LowerThreshold(String),
    #[error("illegal tunnel type specified")]
    TunnelType(String),
    #[error("illegal tunnel port specified")]
    TunnelPort(String),
    #[error("Different address family is allowed only for tunneling servers")]
    FamiliesDiffer,
    #[error("Tunnel options conflict with forward method")]
    NotTunneling,
    #[error("Only masquerading servers have a port of their own")]
    OwnPort,
    #[error("{address} has several ports: {}; say which", join_ports(.ports))]
    SeveralPorts { address: IpAddr, ports: Vec<u16> },
    #[error("illegal start-daemon parameter specified")]
    StartRole,
    #[error("illegal start_daemon specified")]
    StopRole,
    #[error("illegal syncid specified")]
    SyncId(String),
    #[error("illegal sync-maxlen specified")]
    SyncMaxlen(String),
    #[error("invalid IPv4 mcast-group `{0}'")]
    McastGroup4(String),
    #[error("invalid IPv6 mcast-group `{0}'")]
    McastGroup6(String),
    #[error("illegal mcast-port specified")]
    McastPort(String),
    #[error("illegal output form specified: {} are known", join(&names(&FORMS), "and"))]
    OutputForm,
    #[error("illegal colour specified: {} are known", join(&names(&COLOURS), "and"))]
    Colour,
    #[error("illegal watch interval specified")]
    WatchInterval(String),
    #[error("illegal wait time specified")]
    WaitTime(String),
    #[error("illegal count specified")]
    Count(String),
    #[error("illegal client specified")]
    Client(String),
    #[error("illegal state specified: {} are known", join(&names(&CONNECTION_STATES), "and"))]
    State(String),
    #[error("illegal protocol specified: {} are known", join(&names(&CONNECTION_PROTOCOLS), "and"))]
    Protocol(String),
    #[error("illegal number of clients specified")]
    Top(String),
    #[error("illegal scope specified")]
    Scope(String),
    #[error("illegal network namespace specified")]
    Namespace(String),
    #[error("illegal interface specified: {} are known", join(&names(&INTERFACES), "and"))]
    KernelInterface,
    #[error("the '{}' option is for the command line, not for a rule", .0.name)]
    InRule(Group),
    #[error("the '{}' option goes only with {with}", .group.name)]
    OnlyWith { group: Group, with: &'static str },
    #[error("illegal mcast-ttl specified")]
    McastTtl(String),
}

fn join_ports(ports: &[u16]) -> String {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    join(&ports, "and")
}

impl UsageError {
    /// Returns the exit status of a program that ends with this error.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::NoCommand
            | Self::UnknownOption(_)
            | Self::MissingValue(_)
            | Self::UnwantedValue(_) => STATUS_OPTION,
            _ => STATUS_USAGE,
        }
    }
}
