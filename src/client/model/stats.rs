// SPDX-License-Identifier: MIT

//! Counters and rates of services and destinations.

/// Says if the counters of services and destinations are wanted. They are most of
/// what the kernel says about a large table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counters {
    /// Read them.
    Read,
    /// Leave them alone: services and destinations come without.
    Skip,
}

/// Counters since the start or the last zeroing, and the kernel's estimates of
/// their rates. The kernel brings both up to date every two seconds.
///
/// Kernels before 4.1 have 32 bits of everything but bytes.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections scheduled.
    pub connections: u64,
    /// Packets from clients.
    pub in_packets: u64,
    /// Packets to clients; only masquerading sees them.
    pub out_packets: u64,
    /// Bytes from clients.
    pub in_bytes: u64,
    /// Bytes to clients; only masquerading sees them.
    pub out_bytes: u64,
    /// Connections a second.
    pub connections_per_second: u64,
    /// Packets a second from clients.
    pub in_packets_per_second: u64,
    /// Packets a second to clients.
    pub out_packets_per_second: u64,
    /// Bytes a second from clients.
    pub in_bytes_per_second: u64,
    /// Bytes a second to clients.
    pub out_bytes_per_second: u64,
}
