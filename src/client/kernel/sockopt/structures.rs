// SPDX-License-Identifier: MIT

//! The structures of `linux/ip_vs.h` that the socket options take and give, as they
//! stand in memory. Numbers are in the machine's byte order unless it says so;
//! addresses and netmasks are IPv4.

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout,
    byteorder::{native_endian::U64, network_endian::U16},
};

/// `IP_VS_SCHEDNAME_MAXLEN` and `IP_VS_IFNAME_MAXLEN`, with the NUL at the end.
pub(crate) const NAME_LENGTH: usize = 16;

/// The bytes that C leaves free where a number of 64 bits would be aligned to 32: none
/// on 32-bit x86, which aligns them so.
const GAP: usize = align_of::<u64>() - align_of::<u32>();

// The sizes of gcc 12 for linux/ip_vs.h on x86-64 (with -m32 for the others). The
// kernel takes no structure of another size.
const _: () = assert!(size_of::<ServiceUser>() == 44);
const _: () = assert!(size_of::<DestinationUser>() == 24);
const _: () = assert!(size_of::<StatsUser>() == if GAP == 0 { 48 } else { 56 });
const _: () = assert!(size_of::<ServiceEntry>() == if GAP == 0 { 96 } else { 104 });
const _: () = assert!(size_of::<DestinationEntry>() == if GAP == 0 { 84 } else { 96 });
const _: () = assert!(size_of::<GetServices>() == if GAP == 0 { 4 } else { 8 });
const _: () = assert!(size_of::<GetDestinations>() == if GAP == 0 { 20 } else { 24 });
const _: () = assert!(size_of::<GetInfo>() == 12);
const _: () = assert!(size_of::<TimeoutUser>() == 12);
const _: () = assert!(size_of::<DaemonUser>() == 24);

/// Names a service: what `ip_vs_service_user`, `ip_vs_service_entry` and
/// `ip_vs_get_dests` begin with.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct ServiceName {
    pub(crate) protocol: u16,
    pub(crate) padding: [u8; 2],
    pub(crate) address: [u8; 4],
    pub(crate) port: U16,
    pub(crate) padding_after_port: [u8; 2],
    pub(crate) fwmark: u32,
}

/// `ip_vs_service_user`
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct ServiceUser {
    pub(crate) name: ServiceName,
    pub(crate) scheduler_name: [u8; NAME_LENGTH],
    pub(crate) flags: u32,
    /// Seconds.
    pub(crate) timeout: u32,
    pub(crate) netmask: [u8; 4],
}

/// `ip_vs_dest_user`
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct DestinationUser {
    pub(crate) address: [u8; 4],
    pub(crate) port: U16,
    pub(crate) padding: [u8; 2],
    pub(crate) connection_flags: u32,
    pub(crate) weight: i32,
    pub(crate) upper_threshold: u32,
    pub(crate) lower_threshold: u32,
}

/// A service and one of its destinations, one behind the other: the argument of the
/// options that change a destination.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct ServiceAndDestination {
    pub(crate) service: ServiceUser,
    pub(crate) destination: DestinationUser,
}

/// `ip_vs_stats_user`
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct StatsUser {
    pub(crate) connections: u32,
    pub(crate) in_packets: u32,
    pub(crate) out_packets: u32,
    pub(crate) gap: [u8; GAP],
    pub(crate) in_bytes: U64,
    pub(crate) out_bytes: U64,
    pub(crate) connections_per_second: u32,
    pub(crate) in_packets_per_second: u32,
    pub(crate) out_packets_per_second: u32,
    pub(crate) in_bytes_per_second: u32,
    pub(crate) out_bytes_per_second: u32,
    pub(crate) gap_at_end: [u8; GAP],
}

/// `ip_vs_service_entry`
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct ServiceEntry {
    pub(crate) name: ServiceName,
    pub(crate) scheduler_name: [u8; NAME_LENGTH],
    pub(crate) flags: u32,
    /// Seconds.
    pub(crate) timeout: u32,
    pub(crate) netmask: [u8; 4],
    /// Destinations of both families.
    pub(crate) destinations: u32,
    pub(crate) stats: StatsUser,
}

/// `ip_vs_dest_entry`
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct DestinationEntry {
    pub(crate) address: [u8; 4],
    pub(crate) port: U16,
    pub(crate) padding: [u8; 2],
    pub(crate) connection_flags: u32,
    pub(crate) weight: i32,
    pub(crate) upper_threshold: u32,
    pub(crate) lower_threshold: u32,
    pub(crate) active_connections: u32,
    pub(crate) inactive_connections: u32,
    pub(crate) persistent_connections: u32,
    pub(crate) gap: [u8; GAP],
    pub(crate) stats: StatsUser,
}

/// `ip_vs_get_services`, before its entries (`ip_vs_service_entry`).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct GetServices {
    /// The number of entries that there is room for.
    pub(crate) services: u32,
    pub(crate) gap: [u8; GAP],
}

/// `ip_vs_get_dests`, before its entries (`ip_vs_dest_entry`).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct GetDestinations {
    pub(crate) service: ServiceName,
    /// The number of entries that there is room for.
    pub(crate) destinations: u32,
    pub(crate) gap: [u8; GAP],
}

/// `ip_vs_getinfo`
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct GetInfo {
    pub(crate) version: u32,
    /// Buckets of the connection table.
    pub(crate) size: u32,
    /// IPv4 services.
    pub(crate) services: u32,
}

/// `ip_vs_timeout_user`, in seconds.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct TimeoutUser {
    pub(crate) tcp: i32,
    pub(crate) tcp_fin: i32,
    pub(crate) udp: i32,
}

/// `ip_vs_daemon_user`
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct DaemonUser {
    pub(crate) state: i32,
    pub(crate) multicast_interface: [u8; NAME_LENGTH],
    pub(crate) sync_id: i32,
}
