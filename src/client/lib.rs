// SPDX-License-Identifier: MIT

//! Read and change the IPVS table of the Linux kernel: the virtual services,
//! destinations, timeouts and synchronization daemons of the IP Virtual
//! Server, the kernel's layer-4 load balancer.
//!
//! ```
//! # fn main() -> ipvs_client::Result<()> {
//! for service in ipvs_client::Client::open()?.services()? {
//!     println!("{} is scheduled by {}", service.id, service.settings.scheduler);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A [`Client`] has one method per kernel operation. What it takes and gives
//! is a plain model of the table; netlink stays inside. It needs root (the
//! capability `CAP_NET_ADMIN` in the first user namespace) and a kernel with IPVS.
//! With that capability in the user namespace that owns the network namespace, it
//! uses socket options instead of netlink, for IPv4: [`Client::open`] says more.
//!
//! # Balance a port
//!
//! TCP port 80 of a virtual address over two servers, by weight:
//!
//! ```
//! use ipvs_client::{Client, DestinationId, DestinationSettings, ServiceId, ServiceSettings};
//!
//! # fn main() -> ipvs_client::Result<()> {
//! let mut client = Client::open()?;
//!
//! let web = ServiceId::tcp(([192, 0, 2, 1], 80));
//! client.add_service(&web, &ServiceSettings::new("wrr"))?;
//! for (host, weight) in [(2, 3), (3, 1)] {
//!     client.add_destination(
//!         &web,
//!         &DestinationId::new([10, 0, 0, host], 80),
//!         &DestinationSettings::masquerading().weight(weight),
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
//!
//! The folder `examples` of the crate has whole programs: to list a table, balance
//! a port, drain a server, and make a table what it should be.
//!
//! # Features
//!
//! None is on by default. `serde` is the model as JSON, in the form of
//! `ipvsadm --json` (module `json`); `test-util` has a kernel in memory, to test
//! programs without root (module `testing`).
//!
//! # Calls block
//!
//! Each call sends a request and waits for the answer: some microseconds for a
//! change, longer for a large table, two seconds for an answer that does not come
//! (what is read is asked for three times when a part of it is lost). There is no runtime inside and none is needed. From async code, keep
//! the client on a thread of its own, or give it to one that may block; a `Client`
//! may move between threads:
//!
//! ```text
//! let (client, services) = tokio::task::spawn_blocking(move || {
//!     let services = client.services();
//!     (client, services)
//! })
//! .await?;
//! ```
//!
//! # What holds whatever the kernel answers
//!
//! Every call comes to an end: an answer that is lost, late, cut, interrupted or
//! without an end is an error that names the operation and its object. A list has
//! 1,048,576 entries at most, and takes the memory of those that differ; other
//! answers take a megabyte. What comes late is never taken for the answer to
//! something else.
//!
//! A change that returns `Ok` was made. One that returns an error was not, or
//! [`Error::may_have_been_done`] says that this is not known: then read the table.
//! No change is sent a second time because its answer was lost. Linux marks no
//! list between whose pieces the table has changed; [`Consistency`] is about that.
//!
//! # What else is in its interface
//!
//! Types of these crates are part of this one's interface, so that a new major
//! version of them is one of this crate too: [`rustix`] 1, whose [`Errno`] is
//! exported here, [`bitflags`] 2, which [`SchedulerFlags`] is made with,
//! [`netlink_packet_core`] 0.9, whose error says what is wrong with a malformed
//! answer, and with the feature `serde` that crate, version 1.
//!
//! Structures and enumerations that a new kernel may extend are
//! `#[non_exhaustive]`: they are made by their constructors and matched with a
//! last arm for what is to come.

#![warn(missing_debug_implementations)]

mod change;
mod client;
mod connections;
mod ensure;
mod error;
mod hidden;
#[cfg(feature = "serde")]
pub mod json;
mod kernel;
mod model;
mod open;
pub mod plan;
mod proc;
#[cfg(any(test, feature = "test-util"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod update;

pub use rustix::io::Errno;

pub use self::{
    change::Change,
    client::Client,
    connections::{
        ConnectionFilter, ConnectionGroup, ConnectionOwner, ConnectionServices, ConnectionSummary,
    },
    error::{Error, NameKind, NetlinkOnly, Operation, Result},
    hidden::Hidden,
    kernel::{
        consistency::Consistency,
        namespace::NetworkNamespace,
        reference::{NamespaceError, NamespaceReference, ParseReferenceError},
    },
    model::{
        AddressFamily, Counters, DaemonRole, Destination, DestinationId, DestinationSettings,
        ForwardingMethod, Info, Interface, Netmask, ParseIdError, Persistence, Protocol,
        SchedulerFlagName, SchedulerFlags, Service, ServiceId, ServiceSettings, Stats, SyncDaemon,
        SyncDaemonSettings, Timeouts, Tunnel, TunnelChecksum, Version,
    },
    open::OpenOptions,
    proc::{
        connections::{Connection, ConnectionService, Connections},
        table::{
            ForwardingWord, TableDestination, TableEntry, TableFile, TablePersistence,
            TableService, TableServiceName, ticks_per_second,
        },
    },
};

/// Compiles and runs the program in the README.
#[cfg(doctest)]
#[doc = include_str!("README.md")]
struct Readme;
