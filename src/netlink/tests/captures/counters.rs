// SPDX-License-Identifier: MIT

//! The counters that the replies of the captures have.

use ipvs_netlink::StatsAttribute;
use netlink_packet_core::DefaultNla;

/// `IPVS_STATS_ATTR_PAD`, which the kernel puts before a value of 64 bits that
/// would not be aligned; it does so on this machine and not on all.
fn pad<C>() -> StatsAttribute<C> {
    StatsAttribute::Other(DefaultNla::new(11, Vec::new()))
}

/// The 64-bit form has padding between all counters.
fn padded(counters: [StatsAttribute<u64>; 10]) -> Vec<StatsAttribute<u64>> {
    let mut set = Vec::new();
    for counter in counters {
        if !set.is_empty() {
            set.push(pad());
        }
        set.push(counter);
    }
    set
}

/// The 32-bit form without traffic. Where the set begins decides whether the
/// first byte counter needs padding as well as the second.
pub(crate) fn no_traffic(pad_both: bool) -> Vec<StatsAttribute<u32>> {
    let mut set = vec![
        StatsAttribute::Connections(0),
        StatsAttribute::InPackets(0),
        StatsAttribute::OutPackets(0),
    ];
    set.extend(pad_both.then(pad));
    set.extend([
        StatsAttribute::InBytes(0),
        pad(),
        StatsAttribute::OutBytes(0),
        StatsAttribute::ConnectionsPerSecond(0),
        StatsAttribute::InPacketsPerSecond(0),
        StatsAttribute::OutPacketsPerSecond(0),
        StatsAttribute::InBytesPerSecond(0),
        StatsAttribute::OutBytesPerSecond(0),
    ]);
    set
}

pub(crate) fn no_traffic64() -> Vec<StatsAttribute<u64>> {
    padded([
        StatsAttribute::Connections(0),
        StatsAttribute::InPackets(0),
        StatsAttribute::OutPackets(0),
        StatsAttribute::InBytes(0),
        StatsAttribute::OutBytes(0),
        StatsAttribute::ConnectionsPerSecond(0),
        StatsAttribute::InPacketsPerSecond(0),
        StatsAttribute::OutPacketsPerSecond(0),
        StatsAttribute::InBytesPerSecond(0),
        StatsAttribute::OutBytesPerSecond(0),
    ])
}

/// The 32-bit form after seven connections to a server that answers a kilobyte.
pub(crate) fn traffic(pad_both: bool) -> Vec<StatsAttribute<u32>> {
    let mut set = vec![
        StatsAttribute::Connections(7),
        StatsAttribute::InPackets(37),
        StatsAttribute::OutPackets(27),
    ];
    set.extend(pad_both.then(pad));
    set.extend([
        StatsAttribute::InBytes(2015),
        pad(),
        StatsAttribute::OutBytes(8460),
        StatsAttribute::ConnectionsPerSecond(0),
        StatsAttribute::InPacketsPerSecond(3),
        StatsAttribute::OutPacketsPerSecond(2),
        StatsAttribute::InBytesPerSecond(142),
        StatsAttribute::OutBytesPerSecond(595),
    ]);
    set
}

/// The same as [`traffic`].
pub(crate) fn traffic64() -> Vec<StatsAttribute<u64>> {
    padded([
        StatsAttribute::Connections(7),
        StatsAttribute::InPackets(37),
        StatsAttribute::OutPackets(27),
        StatsAttribute::InBytes(2015),
        StatsAttribute::OutBytes(8460),
        StatsAttribute::ConnectionsPerSecond(0),
        StatsAttribute::InPacketsPerSecond(3),
        StatsAttribute::OutPacketsPerSecond(2),
        StatsAttribute::InBytesPerSecond(142),
        StatsAttribute::OutBytesPerSecond(595),
    ])
}
