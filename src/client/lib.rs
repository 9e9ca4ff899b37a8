// SPDX-License-Identifier: MIT

//! Read and change the IPVS table of the Linux kernel: the virtual services,
//! destinations, timeouts and synchronization daemons of the IP Virtual
//! Server, the kernel's layer-4 load balancer.
//!
//! A [`Client`] has one method per kernel operation. What it takes and gives
//! is a plain model of the table; netlink stays inside.
//!
//! # Example
//!
//! Balance TCP port 80 of a virtual address over two servers, by weight. It
//! needs root and a kernel with IPVS.
//!
//! ```
//! use ipvs_client::{
//!     Client, DestinationId, DestinationSettings, ForwardingMethod, Protocol, SchedulerFlags,
//!     ServiceId, ServiceSettings,
//! };
//!
//! # fn main() -> ipvs_client::Result<()> {
//! let mut client = Client::open()?;
//!
//! let web = ServiceId::Address {
//!     protocol: Protocol::Tcp,
//!     address: [192, 0, 2, 1].into(),
//!     port: 80,
//! };
//! client.add_service(
//!     &web,
//!     &ServiceSettings {
//!         scheduler: "wrr".to_owned(),
//!         scheduler_flags: SchedulerFlags::default(),
//!         one_packet: false,
//!         persistence: None,
//!         persistence_engine: None,
//!     },
//! )?;
//! for (host, weight) in [(2, 3), (3, 1)] {
//!     client.add_destination(
//!         &web,
//!         &DestinationId {
//!             address: [10, 0, 0, host].into(),
//!             port: 80,
//!         },
//!         &DestinationSettings {
//!             forwarding_method: ForwardingMethod::Masquerading,
//!             weight,
//!             upper_threshold: 0,
//!             lower_threshold: 0,
//!         },
//!     )?;
//! }
//!
//! let mut weights: Vec<u32> = client
//!     .destinations(&web)?
//!     .iter()
//!     .map(|destination| destination.settings.weight)
//!     .collect();
//! weights.sort();
//! assert_eq!(weights, [1, 3]);
//!
//! client.delete_service(&web)?;
//! # Ok(())
//! # }
//! ```

#![warn(missing_debug_implementations)]

mod change;
mod client;
mod error;
mod kernel;
mod model;
mod proc;
#[cfg(test)]
mod tests;

pub use rustix::io::Errno;

pub use self::{
    change::Change,
    client::Client,
    error::{Error, NameKind, Operation, Result},
    kernel::consistency::Consistency,
    model::{
        AddressFamily, Counters, DaemonRole, Destination, DestinationId, DestinationSettings,
        ForwardingMethod, Info, Netmask, ParseIdError, Persistence, Protocol, SchedulerFlags,
        Service, ServiceId, ServiceSettings, Stats, SyncDaemon, Timeouts, Tunnel, TunnelChecksum,
        Version,
    },
    proc::{
        connections::{Connection, ConnectionService, Connections},
        totals::total_stats,
    },
};
