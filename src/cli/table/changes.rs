// SPDX-License-Identifier: MIT

//! Finds out what has changed in the table between two looks at it.

use std::{cmp::Ordering, collections::HashSet};

use ipvs_client::{Destination, DestinationId, Service, ServiceId};

use super::Entry;

/// The table as it was at one time, with what only the looks before it tell.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// In the order of their names, destinations too.
    entries: Vec<Entry>,
    /// The destinations that get no new connections because they have reached their
    /// upper threshold.
    overloaded: HashSet<(ServiceId, DestinationId)>,
}

impl Look {
    /// Makes the look that follows another, or the first.
    pub(crate) fn new(mut entries: Vec<Entry>, previous: Option<&Self>) -> Self {
        entries.sort_unstable_by_key(|(service, _)| service.id);
        let mut overloaded = HashSet::new();
        for (service, destinations) in &mut entries {
            destinations.sort_unstable_by_key(|destination| destination.id);
            for destination in destinations {
                let name = (service.id, destination.id);
                let was = previous.is_some_and(|look| look.overloaded.contains(&name));
                if is_overloaded(destination, was) {
                    overloaded.insert(name);
                }
            }
        }
        Self {
            entries,
            overloaded,
        }
    }

    fn is_overloaded(&self, service: ServiceId, destination: DestinationId) -> bool {
        self.overloaded.contains(&(service, destination))
    }
}

/// Returns whether a destination gets no new connections because of its thresholds, as
/// the kernel decides it (`ip_vs_bind_dest` and `ip_vs_unbind_dest` in its sources): from
/// the upper threshold on it is overloaded, until it is below the lower one, or below
/// three quarters of the upper one if there is no lower one.
fn is_overloaded(destination: &Destination, was: bool) -> bool {
    let connections = destination.present_connections();
    let upper = u64::from(destination.settings.upper_threshold);
    let lower = u64::from(destination.settings.lower_threshold);
    if upper == 0 {
        false
    } else if connections >= upper || !was {
        connections >= upper
    } else if lower > 0 {
        connections >= lower
    } else {
        connections * 4 >= upper * 3
    }
}

/// Something that two looks at the table show to have changed between them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TableChange<'a> {
    ServiceAdded(&'a Service),
    ServiceEdited {
        before: &'a Service,
        after: &'a Service,
    },
    ServiceRemoved(&'a Service),
    DestinationAdded(ServiceId, &'a Destination),
    DestinationEdited {
        service: ServiceId,
        before: &'a Destination,
        after: &'a Destination,
    },
    DestinationRemoved(ServiceId, &'a Destination),
    /// The destination has reached its upper threshold: it gets no new connections.
    ThresholdReached(ServiceId, &'a Destination),
    /// It gets new connections again.
    ThresholdLeft(ServiceId, &'a Destination),
}

impl TableChange<'_> {
    /// Returns the word for what has happened.
    pub(crate) fn event(&self) -> &'static str {
        match self {
            Self::ServiceAdded(_) | Self::DestinationAdded(..) => "added",
            Self::ServiceRemoved(_) | Self::DestinationRemoved(..) => "removed",
            Self::ServiceEdited { .. } => "edited",
            Self::DestinationEdited { before, after, .. } => {
                match (before.settings.weight, after.settings.weight) {
                    (1.., 0) => "quiesced",
                    (0, 1..) => "resumed",
                    _ => "edited",
                }
            }
            Self::ThresholdReached(..) => "threshold-reached",
            Self::ThresholdLeft(..) => "threshold-left",
        }
    }

    /// Returns the service that has changed, and the destination if it is one of its.
    pub(crate) fn subject(&self) -> (ServiceId, Option<DestinationId>) {
        match *self {
            Self::ServiceAdded(service)
            | Self::ServiceRemoved(service)
            | Self::ServiceEdited { after: service, .. } => (service.id, None),
            Self::DestinationAdded(service, destination)
            | Self::DestinationRemoved(service, destination)
            | Self::ThresholdReached(service, destination)
            | Self::ThresholdLeft(service, destination)
            | Self::DestinationEdited {
                service,
                after: destination,
                ..
            } => (service, Some(destination.id)),
        }
    }
}

/// Finds the changes between two looks, service by service. What came and went again
/// between them is not among them.
pub(crate) fn find_changes<'a>(before: &'a Look, after: &'a Look) -> Vec<TableChange<'a>> {
    let mut changes = Vec::new();
    let pairs = pair_up(&before.entries, &after.entries, |(a, _), (b, _)| {
        a.id.cmp(&b.id)
    });
    for (old, new) in pairs {
        let (of_old, of_new): (&[Destination], &[Destination]) = (
            old.map_or(&[], |(_, destinations)| destinations),
            new.map_or(&[], |(_, destinations)| destinations),
        );
        let service = match (old, new) {
            (Some((old, _)), Some((new, _))) => {
                if old.settings != new.settings {
                    changes.push(TableChange::ServiceEdited {
                        before: old,
                        after: new,
                    });
                }
                new.id
            }
            (Some((old, _)), None) => {
                changes.push(TableChange::ServiceRemoved(old));
                old.id
            }
            (None, Some((new, _))) => {
                changes.push(TableChange::ServiceAdded(new));
                new.id
            }
            (None, None) => continue,
        };
        for (old, new) in pair_up(of_old, of_new, |a, b| a.id.cmp(&b.id)) {
            match (old, new) {
                (Some(old), Some(new)) if old.settings != new.settings => {
                    changes.push(TableChange::DestinationEdited {
                        service,
                        before: old,
                        after: new,
                    });
                }
                (Some(old), None) => changes.push(TableChange::DestinationRemoved(service, old)),
                (None, Some(new)) => changes.push(TableChange::DestinationAdded(service, new)),
                _ => {}
            }
            let Some(new) = new else {
                continue;
            };
            match (
                before.is_overloaded(service, new.id),
                after.is_overloaded(service, new.id),
            ) {
                (false, true) => changes.push(TableChange::ThresholdReached(service, new)),
                (true, false) => changes.push(TableChange::ThresholdLeft(service, new)),
                _ => {}
            }
        }
    }
    changes
}

/// Puts the items of two sorted lists side by side that are equal by their names.
fn pair_up<'a, T>(
    before: &'a [T],
    after: &'a [T],
    compare: impl Fn(&T, &T) -> Ordering,
) -> impl Iterator<Item = (Option<&'a T>, Option<&'a T>)> {
    let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (before.peek(), after.peek()) {
            (Some(old), Some(new)) => compare(old, new),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        Some(match order {
            Ordering::Less => (before.next(), None),
            Ordering::Equal => (before.next(), after.next()),
            Ordering::Greater => (None, after.next()),
        })
    })
}

#[cfg(test)]
mod tests {
    use ipvs_client::{DestinationSettings, ServiceSettings};

    use super::*;

    fn service(last: u8, scheduler: &str, destinations: &[Destination]) -> Entry {
        let id = ServiceId::tcp(([192, 0, 2, last], 80));
        let service = Service::new(id, ServiceSettings::new(scheduler));
        (service, destinations.to_vec())
    }

    fn server(last: u8, weight: u32) -> Destination {
        Destination::new(
            DestinationId::new([10, 0, 0, last], 80),
            DestinationSettings::masquerading().weight(weight),
        )
    }

    /// The events between two tables, each with its subject.
    fn events(before: Vec<Entry>, after: Vec<Entry>) -> Vec<String> {
        let before = Look::new(before, None);
        let after = Look::new(after, Some(&before));
        find_changes(&before, &after)
            .iter()
            .map(|change| match change.subject() {
                (service, None) => format!("{} {service}", change.event()),
                (service, Some(server)) => format!("{} {service}: {server}", change.event()),
            })
            .collect()
    }

    #[test]
    fn tables_that_differ_in_their_order_and_connections_have_no_changes() {
        let (one, two) = (server(1, 1), server(2, 1));
        let mut busy = one.clone();
        busy.active_connections = 9;
        assert_eq!(
            events(
                vec![service(1, "rr", &[one, two.clone()]), service(2, "rr", &[])],
                vec![service(2, "rr", &[]), service(1, "rr", &[two, busy])],
            ),
            [""; 0]
        );
    }

    #[test]
    fn what_comes_changes_and_goes_is_found_service_by_service() {
        assert_eq!(
            events(
                vec![
                    service(1, "rr", &[server(1, 1)]),
                    service(2, "rr", &[server(1, 1), server(2, 2), server(3, 3)]),
                ],
                vec![
                    service(2, "wrr", &[server(2, 5), server(3, 3), server(4, 0)]),
                    service(3, "rr", &[server(1, 1)]),
                ],
            ),
            [
                "removed TCP 192.0.2.1:80",
                "removed TCP 192.0.2.1:80: 10.0.0.1:80",
                "edited TCP 192.0.2.2:80",
                "removed TCP 192.0.2.2:80: 10.0.0.1:80",
                "edited TCP 192.0.2.2:80: 10.0.0.2:80",
                "added TCP 192.0.2.2:80: 10.0.0.4:80",
                "added TCP 192.0.2.3:80",
                "added TCP 192.0.2.3:80: 10.0.0.1:80",
            ]
        );
    }

    #[test]
    fn weight_0_quiesces_a_server_and_any_other_brings_it_back() {
        let with = |weight| vec![service(1, "rr", &[server(1, weight)])];
        for (before, after, event) in [
            (3, 0, "quiesced TCP 192.0.2.1:80: 10.0.0.1:80"),
            (0, 3, "resumed TCP 192.0.2.1:80: 10.0.0.1:80"),
            (1, 3, "edited TCP 192.0.2.1:80: 10.0.0.1:80"),
        ] {
            assert_eq!(events(with(before), with(after)), [event]);
        }
    }

    /// The numbers are those at which Linux sets and clears IP_VS_DEST_F_OVERLOAD.
    #[test]
    fn an_overloaded_server_stays_so_until_it_is_below_the_lower_threshold() {
        for (upper, lower, course) in [
            // Without a lower threshold, at three quarters of the upper one.
            (8, 0, "7- 8reached 9- 7- 6- 5left 7- 8reached"),
            (2, 0, "1- 2reached 1left"),
            (8, 3, "8reached 4- 3- 2left"),
            (0, 0, "0- 1000-"),
        ] {
            let at = |connections: u32| {
                let mut server = server(1, 1);
                server.settings.upper_threshold = upper;
                server.settings.lower_threshold = lower;
                // Both kinds count.
                server.active_connections = connections / 2;
                server.inactive_connections = connections - connections / 2;
                vec![service(1, "rr", &[server])]
            };
            let mut before = Look::new(at(0), None);
            for step in course.split(' ') {
                let end = step.find(|letter: char| !letter.is_ascii_digit());
                let (number, event) = step.split_at(end.unwrap());
                let after = Look::new(at(number.parse().unwrap()), Some(&before));
                let found: Vec<_> = find_changes(&before, &after)
                    .iter()
                    .map(TableChange::event)
                    .collect();
                let wanted = match event {
                    "-" => vec![],
                    "reached" => vec!["threshold-reached"],
                    _ => vec!["threshold-left"],
                };
                assert_eq!(found, wanted, "{step} of {course}");
                before = after;
            }
        }
    }

    #[test]
    fn a_server_that_is_full_at_the_first_look_is_no_news_until_it_has_room() {
        let with = |connections, upper| {
            let mut server = server(1, 1);
            server.settings.upper_threshold = upper;
            server.active_connections = connections;
            vec![service(1, "rr", &[server])]
        };
        assert_eq!(events(with(9, 8), with(9, 8)), [""; 0]);
        let name = "TCP 192.0.2.1:80: 10.0.0.1:80";
        assert_eq!(
            events(with(9, 8), with(9, 0)),
            [format!("edited {name}"), format!("threshold-left {name}")]
        );
    }
}
