// SPDX-License-Identifier: MIT

//! Edits that keep what they do not name: each setting is there or it is not.

use std::{net::IpAddr, num::NonZeroU16};

use ipvs_client::{Netmask, SchedulerFlagName, ServiceId, TunnelChecksum};

use super::{Forwarding, TunnelKind};

/// An edit of --keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Update {
    Service(ServiceId, ServiceUpdate),
    Server(ServiceId, ServerName, ServerUpdate),
}

/// The settings of a virtual service that an edit names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServiceUpdate {
    pub(crate) scheduler: Option<String>,
    /// None at all is no flags. The scheduler, whose they must be, may be known only
    /// from the table.
    pub(crate) scheduler_flags: Option<Vec<SchedulerFlagName>>,
    /// Seconds.
    pub(crate) persistence: Option<u32>,
    /// For the persistence that there is or will be.
    pub(crate) netmask: Option<Netmask>,
    /// An empty name is no engine.
    pub(crate) persistence_engine: Option<String>,
    /// Named, it is on.
    pub(crate) one_packet: bool,
}

/// A real server of a virtual service, by its address alone or with its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerName {
    pub(crate) address: IpAddr,
    pub(crate) port: Option<u16>,
}

/// The settings of a real server that an edit names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerUpdate {
    pub(crate) forwarding: Option<Forwarding>,
    pub(crate) tunnel: TunnelUpdate,
    pub(crate) weight: Option<u32>,
    /// Connections.
    pub(crate) upper_threshold: Option<u32>,
    pub(crate) lower_threshold: Option<u32>,
}

/// The settings of a tunnel that an edit names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TunnelUpdate {
    pub(crate) kind: Option<TunnelKind>,
    pub(crate) port: Option<NonZeroU16>,
    pub(crate) checksum: Option<TunnelChecksum>,
}
