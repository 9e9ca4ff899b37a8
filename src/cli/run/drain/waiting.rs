// SPDX-License-Identifier: MIT

//! Decides, from what is read of the table, which servers still have connections
//! that are waited for. It reads nothing and waits for nothing itself.

use std::{collections::BTreeMap, time::Duration};

use ipvs_client::{Destination, Protocol, ServiceId};

use super::event::{Connections, Event, ServerId};
use crate::command::drain::Awaited;

/// Between two looks at first, and when some time has passed.
const SHORT_PAUSE: Duration = Duration::from_millis(200);
const LONG_PAUSE: Duration = Duration::from_secs(1);
const LONG_PAUSE_AFTER: Duration = Duration::from_secs(10);

/// Returns the time until the next look, when this much has passed since the first.
pub(super) fn choose_pause(passed: Duration) -> Duration {
    if passed < LONG_PAUSE_AFTER {
        SHORT_PAUSE
    } else {
        LONG_PAUSE
    }
}

/// The servers whose connections are waited for.
pub(super) struct Waiting {
    awaited: Awaited,
    /// By their services: a machine can be in many thousands.
    services: BTreeMap<ServiceId, Vec<Server>>,
    /// A server has a weight again.
    any_revived: bool,
}

struct Server {
    id: ServerId,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not looked at yet.
    Unseen,
    /// It has connections, and this has been told.
    Busy(Connections),
    /// It had none that are waited for at the last look.
    Quiet,
    Done,
}

impl Waiting {
    pub(super) fn new(awaited: Awaited, servers: impl IntoIterator<Item = ServerId>) -> Self {
        let mut services: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for id in servers {
            services.entry(id.service).or_default().push(Server {
                id,
                state: State::Unseen,
            });
        }
        Self {
            awaited,
            services,
            any_revived: false,
        }
    }

    /// Returns the services that are still to be looked at, each once.
    pub(super) fn list_services(&self) -> Vec<ServiceId> {
        let mut services: Vec<_> = self.unfinished().map(|server| server.id.service).collect();
        services.dedup();
        services
    }

    /// Takes note of the destinations that a service has; tells what is new. A service
    /// that is not there any more has none.
    ///
    /// A connection that is being opened while the weight becomes 0 is not active yet, and
    /// looks like a closed one. So a server that has only such connections counts as
    /// empty at the second look in a row, or at the last of all.
    pub(super) fn look(
        &mut self,
        service: ServiceId,
        destinations: &[Destination],
        is_last: bool,
    ) -> Vec<Event> {
        let awaited = choose_awaited(self.awaited, &service);
        let mut events = Vec::new();
        for server in self.services.entry(service).or_default() {
            if server.state == State::Done {
                continue;
            }
            let id = server.id;
            let found = destinations
                .iter()
                .find(|destination| destination.id == id.destination);
            let Some(destination) = found else {
                server.state = State::Done;
                events.push(Event::Gone { server: id });
                continue;
            };
            let weight = destination.settings.weight;
            if weight != 0 {
                server.state = State::Done;
                self.any_revived = true;
                events.push(Event::Revived { server: id, weight });
                continue;
            }
            let connections = Connections {
                active: destination.active_connections,
                inactive: destination.inactive_connections,
                awaited,
            };
            if connections.count() > 0 {
                let is_new = match server.state {
                    State::Busy(told) => told.count() != connections.count(),
                    _ => true,
                };
                if is_new {
                    server.state = State::Busy(connections);
                    events.push(Event::Waiting {
                        server: id,
                        connections,
                    });
                }
            } else if connections.inactive == 0 || server.state == State::Quiet || is_last {
                server.state = State::Done;
                events.push(Event::Empty {
                    server: id,
                    awaited,
                });
            } else {
                server.state = State::Quiet;
            }
        }
        events
    }

    pub(super) fn is_over(&self) -> bool {
        self.unfinished().next().is_none()
    }

    /// Returns whether somebody has given one of the servers a weight.
    pub(super) fn any_revived(&self) -> bool {
        self.any_revived
    }

    /// Says in one line what is waited for.
    pub(super) fn describe(&self) -> String {
        let texts: Vec<String> = self
            .unfinished()
            .filter_map(|server| match server.state {
                State::Busy(connections) => Some(format!(
                    "{connections} of {} in {}",
                    server.id.destination, server.id.service
                )),
                _ => None,
            })
            .collect();
        texts.join(", ")
    }

    fn unfinished(&self) -> impl Iterator<Item = &Server> {
        self.services
            .values()
            .flatten()
            .filter(|server| server.state != State::Done)
    }
}

/// Returns the connections that are waited for in a service: only TCP and SCTP have
/// active ones, and a firewall mark may carry these.
fn choose_awaited(awaited: Awaited, service: &ServiceId) -> Awaited {
    match service {
        ServiceId::Address {
            protocol: Protocol::Tcp | Protocol::Sctp,
            ..
        }
        | ServiceId::Fwmark { .. } => awaited,
        ServiceId::Address { .. } => Awaited::All,
    }
}

#[cfg(test)]
mod tests {
    use ipvs_client::{DestinationId, DestinationSettings};

    use super::*;

    fn web() -> ServiceId {
        ServiceId::tcp(([10, 0, 0, 1], 80))
    }

    fn names() -> ServiceId {
        ServiceId::udp(([10, 0, 0, 1], 53))
    }

    fn destination(active: u32, inactive: u32, weight: u32) -> Destination {
        let mut destination = Destination::new(
            DestinationId::new([10, 0, 0, 2], 80),
            DestinationSettings::masquerading().weight(weight),
        );
        destination.active_connections = active;
        destination.inactive_connections = inactive;
        destination
    }

    fn waiting(awaited: Awaited, services: &[ServiceId]) -> Waiting {
        let servers = services.iter().map(|service| ServerId {
            service: *service,
            destination: DestinationId::new([10, 0, 0, 2], 80),
        });
        Waiting::new(awaited, servers)
    }

    /// Returns the lines that are told when a service has a destination with these numbers.
    fn told(waiting: &mut Waiting, service: ServiceId, active: u32, inactive: u32) -> Vec<String> {
        let events = waiting.look(service, &[destination(active, inactive, 0)], false);
        events.iter().map(Event::to_string).collect()
    }

    #[test]
    fn a_number_is_told_when_it_changes_and_the_end_once() {
        let mut waiting = waiting(Awaited::Active, &[web()]);
        for (active, inactive, text) in [
            (
                2,
                0,
                Some("TCP 10.0.0.1:80: 10.0.0.2:80 has 2 active connections"),
            ),
            (2, 5, None),
            (
                1,
                6,
                Some("TCP 10.0.0.1:80: 10.0.0.2:80 has 1 active connection"),
            ),
            (
                0,
                0,
                Some("TCP 10.0.0.1:80: 10.0.0.2:80 has no active connections"),
            ),
            (0, 0, None),
        ] {
            let text: Vec<_> = text.into_iter().collect();
            assert_eq!(told(&mut waiting, web(), active, inactive), text);
        }
        assert!(waiting.is_over());
    }

    #[test]
    fn a_connection_that_is_being_opened_is_not_taken_for_a_closed_one() {
        let mut waiting = waiting(Awaited::Active, &[web()]);
        assert_eq!(told(&mut waiting, web(), 0, 1), [""; 0]);
        assert_eq!(told(&mut waiting, web(), 1, 0).len(), 1);
        assert!(!waiting.is_over());
        assert_eq!(told(&mut waiting, web(), 0, 1), [""; 0]);
        assert_eq!(
            told(&mut waiting, web(), 0, 1),
            ["TCP 10.0.0.1:80: 10.0.0.2:80 has no active connections"]
        );
        assert!(waiting.is_over());
    }

    #[test]
    fn the_last_look_decides() {
        let mut waiting = waiting(Awaited::Active, &[web()]);
        let events = waiting.look(web(), &[destination(0, 3, 0)], true);
        assert!(matches!(events[..], [Event::Empty { .. }]), "{events:?}");
    }

    #[test]
    fn of_udp_and_when_idle_is_wanted_all_connections_count() {
        for (awaited, service) in [
            (Awaited::Active, names()),
            (Awaited::All, names()),
            (Awaited::All, web()),
        ] {
            let mut waiting = waiting(awaited, &[service]);
            let text = &told(&mut waiting, service, 0, 1)[0];
            assert!(text.ends_with("has 1 connection"), "{text}");
            assert_eq!(told(&mut waiting, service, 1, 0), [""; 0]);
            let text = &told(&mut waiting, service, 0, 0)[0];
            assert!(text.ends_with("has no connections"), "{text}");
            assert!(waiting.is_over());
        }
    }

    #[test]
    fn each_service_ends_by_itself_and_is_not_looked_at_any_more() {
        let mut waiting = waiting(Awaited::Active, &[web(), names()]);
        assert_eq!(waiting.list_services(), [web(), names()]);
        told(&mut waiting, web(), 3, 0);
        told(&mut waiting, names(), 0, 1);
        assert_eq!(
            waiting.describe(),
            "3 active connections of 10.0.0.2:80 in TCP 10.0.0.1:80, \
             1 connection of 10.0.0.2:80 in UDP 10.0.0.1:53"
        );
        told(&mut waiting, web(), 0, 0);
        assert_eq!(waiting.list_services(), [names()]);
        assert!(!waiting.is_over());
    }

    #[test]
    fn a_server_that_is_gone_is_done() {
        let mut waiting = waiting(Awaited::Active, &[web()]);
        told(&mut waiting, web(), 3, 0);
        let events = waiting.look(web(), &[], false);
        assert!(matches!(events[..], [Event::Gone { .. }]), "{events:?}");
        assert!(waiting.is_over() && !waiting.any_revived());
    }

    #[test]
    fn a_server_that_has_got_a_weight_is_not_waited_for() {
        let mut waiting = waiting(Awaited::Active, &[web()]);
        told(&mut waiting, web(), 3, 0);
        let events = waiting.look(web(), &[destination(3, 0, 5)], false);
        assert!(
            matches!(events[..], [Event::Revived { weight: 5, .. }]),
            "{events:?}"
        );
        assert!(waiting.is_over() && waiting.any_revived());
    }

    #[test]
    fn looks_are_close_at_first() {
        assert_eq!(choose_pause(Duration::ZERO), Duration::from_millis(200));
        assert_eq!(
            choose_pause(Duration::from_secs(60)),
            Duration::from_secs(1)
        );
    }
}
