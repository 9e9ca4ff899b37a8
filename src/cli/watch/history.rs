// SPDX-License-Identifier: MIT

//! Keeps the counters of the last minute, for graphs of rates.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use ipvs_client::Stats;

use super::rates::{LEAST_SPAN, compute_rates, stats};
use crate::{output::Subject, table::Snapshot};

/// The time that a graph covers.
const COVERED: Duration = Duration::from_secs(60);
/// The time that a bar covers at least. The kernel brings counters up to date every two
/// seconds: shorter bars would have as much of that as of the traffic.
const LEAST_BAR: Duration = Duration::from_secs(6);
/// Readings are not made on the dot.
const TOLERANCE: Duration = Duration::from_millis(100);

/// The counters at the ends of the bars.
#[derive(Debug)]
pub(super) struct History {
    bar: Duration,
    ends: VecDeque<(Instant, HashMap<Subject, Stats>)>,
}

impl History {
    /// Begins one of readings that are made so often.
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            bar: interval.max(LEAST_BAR),
            ends: VecDeque::new(),
        }
    }

    /// Returns the number of bars of a whole graph.
    fn count_bars(&self) -> usize {
        let bars = COVERED.as_millis() / self.bar.as_millis().max(1);
        usize::try_from(bars).unwrap_or(1).max(1)
    }

    /// Keeps the counters of a reading if a bar has ended.
    pub(super) fn add(&mut self, snapshot: &Snapshot, now: Instant) {
        let is_due = self
            .ends
            .back()
            .is_none_or(|(end, _)| now.saturating_duration_since(*end) + TOLERANCE >= self.bar);
        if is_due {
            let counters = stats(snapshot).map(|(subject, stats)| (subject, *stats));
            self.ends.push_back((now, counters.collect()));
            // Each bar has two ends.
            while self.ends.len() > self.count_bars() + 1 {
                self.ends.pop_front();
            }
        }
    }

    /// Returns the rates of a service or destination, bar by bar, from its counters as
    /// they are now. The last bar may be shorter than the others.
    pub(super) fn rates(&self, subject: &Subject, current: &Stats, now: Instant) -> Vec<Stats> {
        let mut ends: Vec<(Instant, &Stats)> = self
            .ends
            .iter()
            .filter_map(|(end, counters)| Some((*end, counters.get(subject)?)))
            .collect();
        let newest = ends.last().map(|(end, _)| *end);
        if newest.is_some_and(|end| now.saturating_duration_since(end) >= LEAST_SPAN) {
            ends.push((now, current));
        }
        let bars = ends.iter().zip(ends.iter().skip(1));
        let rates: Vec<Stats> = bars
            .map(|((start, before), (end, after))| {
                compute_rates(after, before, end.saturating_duration_since(*start))
            })
            .collect();
        let surplus = rates.len().saturating_sub(self.count_bars());
        rates.into_iter().skip(surplus).collect()
    }
}

#[cfg(test)]
mod tests {
    use ipvs_client::ServiceId;

    use super::{super::rates::tests::reading, *};

    /// The bars of connections a second, after readings at these seconds.
    fn bars(interval: u64, readings: &[(u64, u64)]) -> Vec<u64> {
        let mut history = History::new(Duration::from_secs(interval));
        let start = Instant::now();
        let subject = Subject::Service(ServiceId::tcp(([10, 0, 0, 1], 80)));
        let mut shown = Vec::new();
        for (seconds, count) in readings {
            let now = start + Duration::from_secs(*seconds);
            let snapshot = reading(1, *count);
            history.add(&snapshot, now);
            let current = snapshot.entries[0].0.stats.unwrap();
            shown = history.rates(&subject, &current, now);
        }
        shown
            .iter()
            .map(|stats| stats.connections_per_second)
            .collect()
    }

    #[test]
    fn a_bar_is_the_rate_of_six_seconds() {
        let readings = [
            (0, 0),
            (2, 20),
            (4, 40),
            (6, 60),
            (8, 60),
            (10, 60),
            (12, 60),
        ];
        assert_eq!(bars(2, &readings), [10, 0]);
    }

    #[test]
    fn the_last_bar_is_there_before_it_is_whole() {
        assert_eq!(bars(2, &[(0, 0)]), [0; 0]);
        assert_eq!(bars(1, &[(0, 0), (1, 10)]), [0; 0]);
        assert_eq!(bars(1, &[(0, 0), (2, 10)]), [5]);
        assert_eq!(bars(2, &[(0, 0), (6, 60), (8, 100)]), [10, 20]);
    }

    #[test]
    fn a_graph_is_of_one_minute() {
        let readings: Vec<(u64, u64)> = (0..100).map(|number| (number * 2, number)).collect();
        assert_eq!(bars(2, &readings).len(), 10);
        let readings: Vec<(u64, u64)> = (0..100).map(|number| (number * 30, number)).collect();
        assert_eq!(bars(30, &readings).len(), 2);
        assert_eq!(bars(300, &[(0, 0), (300, 600), (600, 600)]), [0]);
    }
}
