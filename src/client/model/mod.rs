// SPDX-License-Identifier: MIT

//! The kernel's IPVS table in the field's own words.
//!
//! The identity of a virtual service or destination, its settings and its
//! counters are separate types: requests carry identity and settings, replies
//! carry all three.

mod daemon;
mod destination;
mod family;
mod id;
mod info;
mod interface;
mod scheduler_flags;
mod service;
mod stats;
mod timeouts;

pub(crate) use self::id::endpoint;
pub use self::{
    daemon::{DaemonRole, SyncDaemon, SyncDaemonSettings},
    destination::{
        Destination, DestinationId, DestinationSettings, ForwardingMethod, Tunnel, TunnelChecksum,
    },
    family::AddressFamily,
    id::ParseIdError,
    info::{Info, Version},
    interface::Interface,
    scheduler_flags::{SchedulerFlagName, SchedulerFlags},
    service::{Netmask, Persistence, Protocol, Service, ServiceId, ServiceSettings},
    stats::{Counters, Stats},
    timeouts::Timeouts,
};
