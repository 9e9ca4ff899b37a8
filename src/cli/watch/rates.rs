// SPDX-License-Identifier: MIT

//! Rates from the differences between readings. The kernel's own come from an
//! estimator that smooths over many seconds and can be off.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use ipvs_client::Stats;

use crate::{output::Subject, table::Snapshot};

/// The kernel brings its counters up to date every two seconds: over less,
/// there would be nothing and then too much. A little below it, because
/// readings are not made on the dot.
pub(super) const LEAST_SPAN: Duration = Duration::from_millis(1900);
/// Readings that are closer to the one before are not kept.
const LEAST_DISTANCE: Duration = Duration::from_millis(400);

/// The counters of earlier readings.
#[derive(Default)]
pub(super) struct Past {
    readings: VecDeque<(Instant, HashMap<Subject, Stats>)>,
}

impl Past {
    /// Puts rates in place of the kernel's, from the differences to the newest
    /// reading that is old enough, or the oldest that there is. Returns how
    /// long ago that was; `None` if there is none and all rates are still the
    /// kernel's, as are those of what has come since.
    pub(super) fn replace_rates(
        &mut self,
        snapshot: &mut Snapshot,
        now: Instant,
    ) -> Option<Duration> {
        let counters: HashMap<Subject, Stats> = stats(snapshot)
            .map(|(subject, stats)| (subject, *stats))
            .collect();
        // The second is old enough: the first will not be needed again.
        while self
            .readings
            .get(1)
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) >= LEAST_SPAN)
        {
            self.readings.pop_front();
        }
        let span = self.readings.front().and_then(|(at, before)| {
            let span = now.saturating_duration_since(*at);
            if span.is_zero() {
                return None;
            }
            for (subject, stats) in stats_to_change(snapshot) {
                if let Some(before) = before.get(&subject) {
                    *stats = compute_rates(stats, before, span);
                }
            }
            Some(span)
        });
        let newest = self.readings.back();
        if newest.is_none_or(|(at, _)| now.saturating_duration_since(*at) >= LEAST_DISTANCE) {
            self.readings.push_back((now, counters));
        }
        span
    }
}

/// Returns the counters of all services and destinations.
pub(super) fn stats(snapshot: &Snapshot) -> impl Iterator<Item = (Subject, &Stats)> {
    snapshot.entries.iter().flat_map(|(service, destinations)| {
        let id = service.id;
        let of_destinations = destinations.iter().filter_map(move |destination| {
            let subject = Subject::Destination(id, destination.id);
            Some((subject, destination.stats.as_ref()?))
        });
        let of_service = service.stats.as_ref();
        of_service
            .map(|stats| (Subject::Service(id), stats))
            .into_iter()
            .chain(of_destinations)
    })
}

fn stats_to_change(snapshot: &mut Snapshot) -> impl Iterator<Item = (Subject, &mut Stats)> {
    snapshot
        .entries
        .iter_mut()
        .flat_map(|(service, destinations)| {
            let id = service.id;
            let of_destinations = destinations.iter_mut().filter_map(move |destination| {
                let subject = Subject::Destination(id, destination.id);
                Some((subject, destination.stats.as_mut()?))
            });
            let of_service = service.stats.as_mut();
            of_service
                .map(|stats| (Subject::Service(id), stats))
                .into_iter()
                .chain(of_destinations)
        })
}

/// Returns the counters as they are now, with the rates since they were as before.
pub(super) fn compute_rates(now: &Stats, before: &Stats, span: Duration) -> Stats {
    let rate = |now: u64, before: u64| {
        // Less than before: it was set to zero meanwhile.
        let difference = now.checked_sub(before).unwrap_or(now);
        let nanoseconds = span.as_nanos().max(1);
        let rate = (u128::from(difference) * 1_000_000_000 + nanoseconds / 2) / nanoseconds;
        u64::try_from(rate).unwrap_or(u64::MAX)
    };
    let mut stats = *now;
    stats.connections_per_second = rate(now.connections, before.connections);
    stats.in_packets_per_second = rate(now.in_packets, before.in_packets);
    stats.out_packets_per_second = rate(now.out_packets, before.out_packets);
    stats.in_bytes_per_second = rate(now.in_bytes, before.in_bytes);
    stats.out_bytes_per_second = rate(now.out_bytes, before.out_bytes);
    stats
}

#[cfg(test)]
pub(super) mod tests {
    use ipvs_client::{Info, Interface, Service, ServiceId, ServiceSettings, Version};

    use super::*;

    /// One service whose counters are all `count`; the kernel says 7 a second.
    pub(in crate::watch) fn reading(last: u8, count: u64) -> Snapshot {
        let mut stats = Stats::default();
        for counter in [
            &mut stats.connections,
            &mut stats.in_packets,
            &mut stats.out_packets,
            &mut stats.in_bytes,
            &mut stats.out_bytes,
        ] {
            *counter = count;
        }
        for rate in [
            &mut stats.connections_per_second,
            &mut stats.in_packets_per_second,
            &mut stats.out_packets_per_second,
            &mut stats.in_bytes_per_second,
            &mut stats.out_bytes_per_second,
        ] {
            *rate = 7;
        }
        let id = ServiceId::tcp(([10, 0, 0, last], 80));
        let mut service = Service::new(id, ServiceSettings::new("rr"));
        service.stats = Some(stats);
        Snapshot {
            info: Info::new(Version(0x0001_0201), 4096),
            interface: Interface::Netlink,
            entries: vec![(service, Vec::new())],
        }
    }

    /// The rates and spans shown for readings at these milliseconds.
    fn shown(readings: &[(u64, u64)]) -> Vec<(u64, Option<u64>)> {
        let mut past = Past::default();
        let start = Instant::now();
        readings
            .iter()
            .map(|&(milliseconds, count)| {
                let mut snapshot = reading(1, count);
                let at = start + Duration::from_millis(milliseconds);
                let span = past.replace_rates(&mut snapshot, at);
                let stats = snapshot.entries[0].0.stats.as_ref().unwrap();
                assert_eq!(stats.connections_per_second, stats.out_bytes_per_second);
                assert_eq!(stats.connections, count);
                let span = span.map(|span| u64::try_from(span.as_millis()).unwrap());
                (stats.connections_per_second, span)
            })
            .collect()
    }

    #[test]
    fn the_first_reading_has_the_rates_of_the_kernel_and_the_next_those_of_the_difference() {
        assert_eq!(
            shown(&[(0, 100), (2000, 300), (4000, 301), (6000, 301)]),
            [
                (7, None),
                (100, Some(2000)),
                // A half is rounded up.
                (1, Some(2000)),
                (0, Some(2000))
            ]
        );
    }

    #[test]
    fn short_intervals_are_seen_over_two_seconds() {
        let readings: Vec<(u64, u64)> = (0..=10).map(|number| (number * 500, 0)).collect();
        let spans: Vec<Option<u64>> = shown(&readings).into_iter().map(|(_, span)| span).collect();
        assert_eq!(
            spans[..5],
            [None, Some(500), Some(1000), Some(1500), Some(2000)]
        );
        assert!(
            spans[5..].iter().all(|span| *span == Some(2000)),
            "{spans:?}"
        );
        let readings: Vec<(u64, u64)> = (0..=100).map(|number| (number * 100, number)).collect();
        for (rate, span) in &shown(&readings)[30..] {
            assert!((1900..2500).contains(&span.unwrap()), "{span:?}");
            assert_eq!(*rate, 10);
        }
    }

    #[test]
    fn counters_that_were_set_to_zero_count_from_there() {
        assert_eq!(shown(&[(0, 1000), (2000, 8)])[1], (4, Some(2000)));
    }

    #[test]
    fn what_is_new_keeps_the_rates_of_the_kernel() {
        let mut past = Past::default();
        let start = Instant::now();
        past.replace_rates(&mut reading(1, 0), start);
        let mut other = reading(2, 500);
        past.replace_rates(&mut other, start + Duration::from_secs(2));
        assert_eq!(other.entries[0].0.stats.unwrap().connections_per_second, 7);
    }
}
