// SPDX-License-Identifier: MIT

//! Warnings after a change that has done more than its words, for a person who
//! may have meant something else.

use ipvs_client::{
    Change, Client, Consistency, Counters, Destination, DestinationId, DestinationSettings,
    ForwardingMethod, Protocol, Service, ServiceId, ServiceSettings, Tunnel,
};

use super::endpoint;
use crate::{
    args::{Wording, name},
    command::Command,
    names::Names,
};

/// An entry as it was before a command that replaces all its settings.
#[derive(Debug)]
pub(crate) enum Before {
    Service(ServiceSettings),
    Destination(DestinationSettings),
    /// It was not read, or is not there.
    Unknown,
}

impl Before {
    /// Reads what the command is about to replace.
    pub(crate) fn read(command: &Command, client: &mut Client) -> Self {
        match command {
            Command::Change(Change::EditService(id, _)) => match client.service(id) {
                Ok(Service { settings, .. }) => Self::Service(settings),
                Err(_) => Self::Unknown,
            },
            Command::Change(Change::EditDestination(service, id, _)) => {
                let servers = client.destinations_with(service, Counters::Skip, Consistency::Once);
                servers
                    .unwrap_or_default()
                    .into_iter()
                    .find(|server| server.id == *id)
                    .map_or(Self::Unknown, |Destination { settings, .. }| {
                        Self::Destination(settings)
                    })
            }
            _ => Self::Unknown,
        }
    }

    /// Says what the command, once carried out, has done beyond its words: a
    /// line each.
    pub(crate) fn compare(&self, command: &Command, wording: &Wording) -> Vec<String> {
        let Command::Change(change) = command else {
            return Vec::new();
        };
        let mut lines = match (self, change) {
            (Self::Service(before), Change::EditService(id, after)) => {
                compare_service_settings(id, before, after, wording)
            }
            (Self::Destination(before), Change::EditDestination(_, id, after)) => {
                compare_destination_settings(id, before, after, wording)
            }
            _ => Vec::new(),
        };
        lines.extend(explain_replaced_port(change, wording));
        lines.extend(explain_swallowed_port(change, wording));
        lines
    }
}

fn compare_service_settings(
    id: &ServiceId,
    before: &ServiceSettings,
    after: &ServiceSettings,
    wording: &Wording,
) -> Vec<String> {
    let is_silent = |group| !wording.given.contains(group);
    let mut lines = Vec::new();
    if is_silent(name::SCHEDULER) && before.scheduler != after.scheduler {
        let (was, is) = (&before.scheduler, &after.scheduler);
        lines.push(format!(
            "{id} had the scheduler {was}, has now {is}; say -s {was} or --keep to keep it"
        ));
    }
    let flags = before.scheduler_flags.names(&before.scheduler).join(",");
    if is_silent(name::SCHEDULER_FLAGS) && !flags.is_empty() && before.scheduler == after.scheduler
    {
        lines.push(format!(
            "{id} had the flags {flags}, has none now; say -b {flags} or --keep to keep them"
        ));
    }
    match (before.persistence, after.persistence) {
        (Some(was), None) => {
            let timeout = was.timeout;
            lines.push(format!(
                "{id} was persistent, is not any more; say -p {timeout} or --keep to keep it"
            ));
        }
        (Some(was), Some(is)) if is_silent(name::NETMASK) && was.netmask() != is.netmask() => {
            lines.extend(was.netmask().map(|mask| {
                format!(
                    "{id} had the mask {mask}, has none now; say -M {mask} or --keep to keep it"
                )
            }));
        }
        _ => {}
    }
    if let Some(engine) = &before.persistence_engine
        && after.persistence_engine.is_none()
        && is_silent(name::PERSISTENCE_ENGINE)
    {
        lines.push(format!(
            "{id} had the persistence engine {engine}, has none now; say --pe {engine} or --keep to keep it"
        ));
    }
    if before.one_packet && !after.one_packet {
        lines.push(format!(
            "{id} scheduled each datagram by itself, does not any more; say -o or --keep to keep it"
        ));
    }
    lines
}

fn compare_destination_settings(
    id: &DestinationId,
    before: &DestinationSettings,
    after: &DestinationSettings,
    wording: &Wording,
) -> Vec<String> {
    let is_silent = |group| !wording.given.contains(group);
    let mut lines = Vec::new();
    if is_silent(name::FORWARDING_METHOD)
        && let Some((was, how)) = name_method(before.forwarding_method)
        && after.forwarding_method == ForwardingMethod::DirectRouting
    {
        lines.push(format!(
            "{id} was {was}, is now direct routing; say {how} to keep it"
        ));
    }
    let numbers = [
        (
            name::WEIGHT,
            "the weight",
            "-w",
            before.weight,
            after.weight,
        ),
        (
            name::UPPER_THRESHOLD,
            "the upper threshold",
            "-x",
            before.upper_threshold,
            after.upper_threshold,
        ),
        (
            name::LOWER_THRESHOLD,
            "the lower threshold",
            "-y",
            before.lower_threshold,
            after.lower_threshold,
        ),
    ];
    for (group, setting, option, was, is) in numbers {
        if is_silent(group) && was != is {
            lines.push(format!(
                "{id} had {setting} {was}, has now {is}; say {option} {was} or --keep to keep it"
            ));
        }
    }
    lines
}

/// The methods that options have, but for the default, and how an edit keeps them.
fn name_method(method: ForwardingMethod) -> Option<(&'static str, &'static str)> {
    match method {
        ForwardingMethod::Masquerading => Some(("masquerading", "-m or --keep")),
        ForwardingMethod::Tunneling(Tunnel::Ipip) => Some(("tunneling", "-i or --keep")),
        // Its options are several.
        ForwardingMethod::Tunneling(Tunnel::Gue { .. } | Tunnel::Gre { .. }) => {
            Some(("tunneling", "--keep"))
        }
        _ => None,
    }
}

/// A port of -r that gave way to the service's.
fn explain_replaced_port(change: &Change, wording: &Wording) -> Option<String> {
    let (Change::AddDestination(service, id, settings)
    | Change::EditDestination(service, id, settings)) = change
    else {
        return None;
    };
    let port = wording.server_port?;
    if port == id.port || settings.forwarding_method == ForwardingMethod::Masquerading {
        return None;
    }
    Some(format!(
        "{id} has the port of {service}, not {port}: only masquerading (-m) has ports of its own"
    ))
}

/// A port that is part of an IPv6 address because there are no brackets, if it
/// is one that may well be meant: the service's, or one that has a name.
fn explain_swallowed_port(change: &Change, wording: &Wording) -> Option<String> {
    let is_port = |port: u16, protocol| Names::new(false).service(port, protocol).is_some();
    let (text, meant) = match *change {
        Change::AddService(service, _) | Change::EditService(service, _) => {
            let ServiceId::Address {
                address, protocol, ..
            } = service
            else {
                return None;
            };
            let meant = wording.service_tail?;
            (address, is_port(meant.1, protocol).then_some(meant)?)
        }
        Change::AddDestination(service, id, _) | Change::EditDestination(service, id, _) => {
            let meant = wording.server_tail?;
            let (protocol, of_service) = match service {
                ServiceId::Address { protocol, port, .. } => (protocol, Some(port)),
                ServiceId::Fwmark { .. } => (Protocol::Tcp, None),
            };
            let fits = |port| of_service == Some(port) || is_port(port, protocol);
            (id.address, fits(meant.1).then_some(meant)?)
        }
        _ => return None,
    };
    Some(format!(
        "{text} was taken for an address without a port; {}",
        endpoint::explain_trailing_port(meant)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{self, parse_command};

    /// The settings that a command line gives.
    fn settings(line: &str) -> Before {
        match parse_command(line) {
            Command::Change(Change::AddService(_, settings)) => Before::Service(settings),
            Command::Change(Change::AddDestination(_, _, settings)) => {
                Before::Destination(settings)
            }
            other => panic!("{other:?}"),
        }
    }

    /// Returns what a person is told of a change; the first line has added what the
    /// second changes, if it does.
    fn told(before: Option<&str>, line: &str) -> Vec<String> {
        let words: Vec<_> = line.split(' ').collect();
        let wording = args::parse_typed(&words).unwrap().wording;
        before
            .map_or(Before::Unknown, settings)
            .compare(&parse_command(line), &wording)
    }

    const SERVER: &str = "-a -t 10.0.0.1:80 -r 10.0.0.2";

    #[test]
    fn an_edit_that_takes_the_forwarding_method_away_says_how_to_keep_it() {
        let edit = "-e -t 10.0.0.1:80 -r 10.0.0.2";
        for (method, was, how) in [
            ("-m", "masquerading", "-m or --keep"),
            ("-i", "tunneling", "-i or --keep"),
            ("-i --tun-type gue --tun-port 6080", "tunneling", "--keep"),
        ] {
            let before = format!("{SERVER} {method}");
            assert_eq!(
                told(Some(&before), edit),
                [format!(
                    "10.0.0.2:80 was {was}, is now direct routing; say {how} to keep it"
                )]
            );
            assert_eq!(told(Some(&before), &format!("{edit} -g")), [""; 0]);
        }
        assert_eq!(told(Some(&format!("{SERVER} -g")), edit), [""; 0]);
    }

    #[test]
    fn an_edit_that_resets_numbers_says_how_to_keep_them() {
        let before = format!("{SERVER} -w 3 -x 10 -y 5");
        assert_eq!(
            told(Some(&before), "-e -t 10.0.0.1:80 -r 10.0.0.2 -x 7"),
            [
                "10.0.0.2:80 had the weight 3, has now 1; say -w 3 or --keep to keep it",
                "10.0.0.2:80 had the lower threshold 5, has now 0; say -y 5 or --keep to keep it",
            ]
        );
        let all = "-e -t 10.0.0.1:80 -r 10.0.0.2 -w 1 -x 0 -y 0";
        assert_eq!(told(Some(&before), all), [""; 0]);
    }

    #[test]
    fn an_edit_of_a_service_that_resets_it_says_how_to_keep_its_settings() {
        let before = "-A -u 10.0.0.1:53 -s rr -p 60 --pe sip -o";
        assert_eq!(
            told(Some(before), "-E -u 10.0.0.1:53"),
            [
                "UDP 10.0.0.1:53 had the scheduler rr, has now wlc; say -s rr or --keep to keep it",
                "UDP 10.0.0.1:53 was persistent, is not any more; say -p 60 or --keep to keep it",
                "UDP 10.0.0.1:53 had the persistence engine sip, has none now; say --pe sip or \
                 --keep to keep it",
                "UDP 10.0.0.1:53 scheduled each datagram by itself, does not any more; say -o or \
                 --keep to keep it",
            ]
        );
        for line in [
            "-E -u 10.0.0.1:53 -s wlc -p 60 --pe sip -o",
            "-E -u 10.0.0.1:53 -s wrr -p 300 --pe sip -o",
        ] {
            assert_eq!(told(Some(before), line), [""; 0], "{line}");
        }
        assert_eq!(told(Some("-A -f 1"), "-E -f 1"), [""; 0]);
        let before = "-A -t 10.0.0.1:80 -s sh -b sh-port,sh-fallback -p 60 -M 255.255.255.0";
        assert_eq!(
            told(Some(before), "-E -t 10.0.0.1:80 -s sh -p 60"),
            [
                "TCP 10.0.0.1:80 had the flags sh-fallback,sh-port, has none now; say -b \
                 sh-fallback,sh-port or --keep to keep them",
                "TCP 10.0.0.1:80 had the mask 255.255.255.0, has none now; say -M 255.255.255.0 \
                 or --keep to keep it",
            ]
        );
        for line in [
            "-E -t 10.0.0.1:80 -s rr -p 60 -M 255.255.255.0",
            "-E -t 10.0.0.1:80 -s sh -p 60 -b sh-port -M 255.0.0.0",
        ] {
            assert_eq!(told(Some(before), line), [""; 0], "{line}");
        }
    }

    #[test]
    fn a_port_that_gives_way_to_the_services_is_said_to() {
        for line in [
            "-a -t 10.0.0.1:80 -r 10.0.0.2:8080",
            "-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -i",
            "-e -t 10.0.0.1:80 -r 10.0.0.2:8080 -g",
        ] {
            assert_eq!(
                told(None, line),
                [
                    "10.0.0.2:80 has the port of TCP 10.0.0.1:80, not 8080: only masquerading (-m) \
                  has ports of its own"
                ]
            );
        }
        for line in [
            "-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m",
            "-a -t 10.0.0.1:80 -r 10.0.0.2:80",
            "-a -t 10.0.0.1:80 -r 10.0.0.2",
            "-a -f 1 -r 10.0.0.2:8080",
        ] {
            assert_eq!(told(None, line), [""; 0], "{line}");
        }
    }

    #[test]
    fn a_port_that_became_part_of_an_ipv6_address_is_asked_about() {
        // Port 6789 has no name: it is the service's.
        assert_eq!(
            told(None, "-a -t [2001:db8::1]:6789 -r 2001:db8::2:6789"),
            [
                "2001:db8::2:6789 was taken for an address without a port; if 6789 is the port, \
                 the address stands in brackets: [2001:db8::2]:6789"
            ]
        );
        for line in [
            "-A -t [2001:db8::1:80] -p",
            "-A -t 2001:db8::80 -p",
            "-A -t 2001:db8::1:4 -p",
            "-a -t [2001:db8::1]:80 -r 2001:db8::2:4",
            "-D -t 2001:db8::1:80",
        ] {
            assert_eq!(told(None, line), [""; 0], "{line}");
        }
    }
}
