// SPDX-License-Identifier: MIT

//! The numbers that options take: from the least to the greatest.

use std::ops::RangeInclusive;

/// 31 days, in seconds; what the original takes for the longest timeout.
const MAX_TIMEOUT: u32 = 31 * 24 * 60 * 60;
/// The kernel reads these as signed.
const MAX_SIGNED: u32 = i32::MAX as u32;

/// Marks that a packet can have; 0 is none.
pub(crate) const FWMARK: RangeInclusive<u32> = 1..=u32::MAX;
/// Seconds of -p.
pub(crate) const PERSISTENCE_TIMEOUT: RangeInclusive<u32> = 1..=MAX_TIMEOUT;
/// Seconds of --set; 0 leaves a timeout as it is.
pub(crate) const CONNECTION_TIMEOUT: RangeInclusive<u32> = 0..=MAX_TIMEOUT;
pub(crate) const WEIGHT: RangeInclusive<u32> = 0..=MAX_SIGNED;
/// Connections; 0 is no threshold.
pub(crate) const THRESHOLD: RangeInclusive<u32> = 0..=MAX_SIGNED;
pub(crate) const TUNNEL_PORT: RangeInclusive<u32> = 1..=u16::MAX as u32;
pub(crate) const SYNC_ID: RangeInclusive<u32> = 0..=255;
/// Bytes that fit a UDP datagram of IPv4.
pub(crate) const SYNC_MAXLEN: RangeInclusive<u32> = 1..=65_535 - 20 - 8;
pub(crate) const MCAST_PORT: RangeInclusive<u32> = 1..=u16::MAX as u32;
pub(crate) const MCAST_TTL: RangeInclusive<u32> = 1..=255;
pub(crate) const COUNT: RangeInclusive<u32> = 1..=u32::MAX;
/// Clients of a summary.
pub(crate) const TOP: RangeInclusive<u32> = 0..=MAX_SIGNED;
/// Seconds that something may be waited for; 0 looks once.
pub(crate) const WAIT: RangeInclusive<u32> = 0..=MAX_SIGNED;
/// Seconds between two showings of --watch: a tenth to a day.
pub(crate) const INTERVAL: RangeInclusive<f64> = 0.1..=86_400.0;
