// SPDX-License-Identifier: MIT

//! Tells why a server with weight 0 may still get connections, or keep those that
//! it has.

use std::{fmt, fs};

use ipvs_client::{DestinationSettings, ForwardingMethod, Protocol, Service, ServiceId};

use crate::command::drain::{Awaited, WaitForEnd};

/// Settings of IPVS in the network namespace.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KernelSettings {
    /// Persistent clients do not come back to a server with weight 0.
    expire_quiescent_template: bool,
    /// A packet for a server that was removed goes to another.
    expire_nodest_conn: bool,
}

impl KernelSettings {
    /// Reads them. One that cannot be read is off, as in a kernel that nobody has set
    /// up otherwise.
    pub(super) fn read() -> Self {
        let is_on = |name: &str| {
            fs::read_to_string(format!("/proc/sys/net/ipv4/vs/{name}"))
                .is_ok_and(|value| value.trim() != "0")
        };
        Self {
            expire_quiescent_template: is_on("expire_quiescent_template"),
            expire_nodest_conn: is_on("expire_nodest_conn"),
        }
    }
}

/// A reason why a server with weight 0 may not become empty, or only seem so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Persistent clients come back to their server.
    Persistence,
    /// A client of UDP that goes on sending keeps its server.
    Udp { lost_when_removed: bool },
    /// The director sees only what clients send.
    OneDirection,
    /// A firewall mark may carry UDP.
    Fwmark,
}

impl Cause {
    /// Finds the causes that there are for a server of this service.
    pub(super) fn find(
        service: &Service,
        destination: &DestinationSettings,
        wait: Option<WaitForEnd>,
        kernel: KernelSettings,
    ) -> Vec<Self> {
        let settings = &service.settings;
        let mut causes = Vec::new();
        if settings.persistence.is_some() && !kernel.expire_quiescent_template {
            causes.push(Self::Persistence);
        }
        match service.id {
            // With one-packet scheduling there is nothing to keep.
            ServiceId::Address {
                protocol: Protocol::Udp,
                ..
            } if !settings.one_packet => causes.push(Self::Udp {
                lost_when_removed: !kernel.expire_nodest_conn,
            }),
            ServiceId::Fwmark { .. }
                if wait.is_some_and(|wait| wait.awaited == Awaited::Active) =>
            {
                causes.push(Self::Fwmark);
            }
            _ => {}
        }
        if matches!(
            destination.forwarding_method,
            ForwardingMethod::DirectRouting | ForwardingMethod::Tunneling(_)
        ) && wait.is_some()
        {
            causes.push(Self::OneDirection);
        }
        causes
    }

    /// Returns the name in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Persistence => "persistence",
            Self::Udp { .. } => "udp",
            Self::OneDirection => "one-direction",
            Self::Fwmark => "fwmark",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Persistence => {
                "clients that persistence keeps at the server still come to it, because \
                 net.ipv4.vs.expire_quiescent_template is 0"
            }
            Self::Udp {
                lost_when_removed: false,
            } => "a client that goes on sending from one port keeps the server",
            Self::Udp {
                lost_when_removed: true,
            } => {
                "a client that goes on sending from one port keeps the server, and if the server \
                 is removed, what it sends is lost for some time, because \
                 net.ipv4.vs.expire_nodest_conn is 0"
            }
            Self::OneDirection => {
                "the director sees only what clients send to the server, so that the numbers of \
                 connections are its guess"
            }
            Self::Fwmark => {
                "a firewall mark may carry UDP, of which no connection is active; --idle waits \
                 for that too"
            }
        })
    }
}

/// Words each cause once, with the services that it is of.
pub(super) fn word_once(found: &[(ServiceId, Vec<Cause>)]) -> Vec<String> {
    let mut once: Vec<(Cause, Vec<String>)> = Vec::new();
    for (service, causes) in found {
        for cause in causes {
            let name = service.to_string();
            match once.iter_mut().find(|(known, _)| known == cause) {
                Some((_, services)) if services.contains(&name) => {}
                Some((_, services)) => services.push(name),
                None => once.push((*cause, vec![name])),
            }
        }
    }
    once.iter()
        .map(|(cause, services)| format!("{}: {cause}", services.join(", ")))
        .collect()
}

#[cfg(test)]
mod tests {
    use ipvs_client::{Persistence, ServiceSettings, Tunnel};

    use super::*;
    use crate::command::Wait;

    const WAIT: Option<WaitForEnd> = Some(WaitForEnd {
        awaited: Awaited::Active,
        time: Wait::WithoutEnd,
        remove: false,
    });

    fn service(id: &str) -> Service {
        Service::new(id.parse().unwrap(), ServiceSettings::new("rr"))
    }

    fn tcp() -> Service {
        service("TCP 10.0.0.1:80")
    }

    fn udp() -> Service {
        service("UDP 10.0.0.1:53")
    }

    fn find(service: &Service, kernel: KernelSettings) -> Vec<Cause> {
        Cause::find(service, &DestinationSettings::masquerading(), WAIT, kernel)
    }

    #[test]
    fn persistence_counts_unless_the_kernel_ends_it_with_the_weight() {
        let mut service = tcp();
        assert_eq!(find(&service, KernelSettings::default()), []);
        service.settings.persistence = Some(Persistence::new(60));
        assert_eq!(
            find(&service, KernelSettings::default()),
            [Cause::Persistence]
        );
        let kernel = KernelSettings {
            expire_quiescent_template: true,
            ..KernelSettings::default()
        };
        assert_eq!(find(&service, kernel), []);
    }

    #[test]
    fn clients_of_udp_stay_unless_no_connection_is_kept() {
        let mut service = udp();
        for (expire_nodest_conn, lost_when_removed) in [(false, true), (true, false)] {
            let kernel = KernelSettings {
                expire_nodest_conn,
                ..KernelSettings::default()
            };
            assert_eq!(find(&service, kernel), [Cause::Udp { lost_when_removed }]);
        }
        service.settings.one_packet = true;
        assert_eq!(find(&service, KernelSettings::default()), []);
    }

    #[test]
    fn only_where_replies_pass_the_director_are_connections_counted_for_certain() {
        for (settings, causes) in [
            (DestinationSettings::masquerading(), vec![]),
            (
                DestinationSettings::direct_routing(),
                vec![Cause::OneDirection],
            ),
            (
                DestinationSettings::tunneling(Tunnel::Ipip),
                vec![Cause::OneDirection],
            ),
        ] {
            let found = Cause::find(&tcp(), &settings, WAIT, KernelSettings::default());
            assert_eq!(found, causes);
            let found = Cause::find(&tcp(), &settings, None, KernelSettings::default());
            assert_eq!(found, [], "nothing is counted without waiting");
        }
    }

    #[test]
    fn a_firewall_mark_may_carry_what_is_never_active() {
        let service = service("fwmark 5");
        assert_eq!(find(&service, KernelSettings::default()), [Cause::Fwmark]);
        let settings = DestinationSettings::masquerading();
        let idle = WAIT.map(|wait| WaitForEnd {
            awaited: Awaited::All,
            ..wait
        });
        for wait in [None, idle] {
            let found = Cause::find(&service, &settings, wait, KernelSettings::default());
            assert_eq!(found, []);
        }
    }

    #[test]
    fn a_cause_is_worded_once_with_all_services_that_have_it() {
        let (web, names) = (tcp().id, udp().id);
        let worded = word_once(&[
            (web, vec![Cause::Persistence, Cause::OneDirection]),
            (web, vec![Cause::OneDirection]),
            (names, vec![Cause::OneDirection]),
        ]);
        assert_eq!(worded.len(), 2);
        assert!(worded[0].starts_with("TCP 10.0.0.1:80: clients that"));
        assert!(worded[1].starts_with("TCP 10.0.0.1:80, UDP 10.0.0.1:53: the director"));
    }
}
