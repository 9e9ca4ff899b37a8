// SPDX-License-Identifier: MIT

//! The changes of the table between two looks, as lines.

use std::io::{self, Write};

use ipvs_client::{Destination, Service};

use super::words::{method_name, persistence_text, quoted, tunnel_text};
use crate::table::TableChange;

/// A setting of a service or destination in words.
struct Field {
    name: &'static str,
    value: String,
    /// It need not be mentioned of what is new.
    is_usual: bool,
}

impl Field {
    /// A setting that is always mentioned.
    fn new(name: &'static str, value: String) -> Self {
        Self {
            name,
            value,
            is_usual: false,
        }
    }

    /// A setting that usually is not there.
    fn optional(name: &'static str, value: Option<String>) -> Self {
        Self {
            name,
            is_usual: value.is_none(),
            value: value.unwrap_or_else(|| "none".to_owned()),
        }
    }
}

/// Writes a change as one line: when it was seen, what has happened and to what, and
/// the settings.
pub(crate) fn write_change(
    out: &mut impl Write,
    time: &str,
    change: &TableChange<'_>,
) -> io::Result<()> {
    let (service, destination) = change.subject();
    write!(out, "{time} {} {service}", change.event())?;
    if let Some(destination) = destination {
        write!(out, ": {destination}")?;
    }
    let details = match change {
        TableChange::ServiceAdded(service) => describe_new(service_fields(service)),
        TableChange::ServiceEdited { before, after } => {
            describe_difference(service_fields(before), service_fields(after))
        }
        TableChange::DestinationAdded(_, destination) => {
            describe_new(destination_fields(destination))
        }
        TableChange::DestinationEdited { before, after, .. } => {
            describe_difference(destination_fields(before), destination_fields(after))
        }
        TableChange::ThresholdReached(_, destination)
        | TableChange::ThresholdLeft(_, destination) => describe_load(destination),
        TableChange::ServiceRemoved(_) | TableChange::DestinationRemoved(..) => Vec::new(),
    };
    for detail in details {
        write!(out, ", {detail}")?;
    }
    writeln!(out)
}

fn describe_new(fields: Vec<Field>) -> Vec<String> {
    fields
        .into_iter()
        .filter(|field| !field.is_usual)
        .map(|field| format!("{} {}", field.name, field.value))
        .collect()
}

fn describe_difference(before: Vec<Field>, after: Vec<Field>) -> Vec<String> {
    before
        .into_iter()
        .zip(after)
        .filter(|(before, after)| before.value != after.value)
        .map(|(before, after)| format!("{} {} -> {}", before.name, before.value, after.value))
        .collect()
}

fn describe_load(destination: &Destination) -> Vec<String> {
    let settings = &destination.settings;
    let connections = destination.present_connections();
    let mut details = vec![
        format!("connections {connections}"),
        format!("upper threshold {}", settings.upper_threshold),
    ];
    if settings.lower_threshold > 0 {
        details.push(format!("lower threshold {}", settings.lower_threshold));
    }
    details
}

fn service_fields(service: &Service) -> Vec<Field> {
    let settings = &service.settings;
    let flags = settings.scheduler_flags.names(&settings.scheduler);
    let engine = settings.persistence_engine.as_deref();
    vec![
        Field::new("scheduler", quoted(&settings.scheduler)),
        Field::optional(
            "scheduler flags",
            (!flags.is_empty()).then(|| flags.join("+")),
        ),
        Field::optional("persistence", settings.persistence.map(persistence_text)),
        Field::optional("persistence engine", engine.map(quoted)),
        Field::optional("one-packet", settings.one_packet.then(|| "on".to_owned())),
    ]
}

fn destination_fields(destination: &Destination) -> Vec<Field> {
    let settings = &destination.settings;
    let method = method_name(settings.forwarding_method);
    let method = match tunnel_text(settings.forwarding_method) {
        Some(tunnel) => format!("{method} ({tunnel})"),
        None => method,
    };
    let threshold = |number: u32| (number > 0).then(|| number.to_string());
    vec![
        Field::new("forwarding method", method),
        Field::new("weight", settings.weight.to_string()),
        Field::optional("upper threshold", threshold(settings.upper_threshold)),
        Field::optional("lower threshold", threshold(settings.lower_threshold)),
    ]
}

#[cfg(test)]
mod tests {
    use ipvs_client::{
        DestinationId, DestinationSettings, Netmask, Persistence, ServiceId, ServiceSettings,
        Tunnel,
    };

    use super::*;

    fn line(change: &TableChange<'_>) -> String {
        let mut out = Vec::new();
        write_change(&mut out, "NOW", change).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_change_of_a_service_names_each_setting_that_differs() {
        let id = ServiceId::tcp(([192, 0, 2, 1], 80));
        let plain = Service::new(id, ServiceSettings::new("rr"));
        let mut other = Service::new(id, ServiceSettings::new("wrr"));
        let persistence = Persistence::new(360).with_netmask(Netmask::Ipv4([255, 0, 0, 0].into()));
        other.settings.persistence = Some(persistence);
        for (change, text) in [
            (
                TableChange::ServiceAdded(&plain),
                "NOW added TCP 192.0.2.1:80, scheduler rr\n",
            ),
            (
                TableChange::ServiceAdded(&other),
                "NOW added TCP 192.0.2.1:80, scheduler wrr, persistence 360 s mask 255.0.0.0\n",
            ),
            (
                TableChange::ServiceEdited {
                    before: &other,
                    after: &plain,
                },
                "NOW edited TCP 192.0.2.1:80, scheduler wrr -> rr, \
                 persistence 360 s mask 255.0.0.0 -> none\n",
            ),
            (
                TableChange::ServiceRemoved(&plain),
                "NOW removed TCP 192.0.2.1:80\n",
            ),
        ] {
            assert_eq!(line(&change), text);
        }
    }

    #[test]
    fn a_change_of_a_server_names_each_setting_that_differs() {
        let service = ServiceId::tcp(([192, 0, 2, 1], 80));
        let id = DestinationId::new([10, 0, 0, 2], 80);
        let plain = Destination::new(id, DestinationSettings::masquerading().weight(3));
        let settings = DestinationSettings::tunneling(Tunnel::Ipip).weight(0);
        let mut other = Destination::new(id, settings.upper_threshold(10));
        other.active_connections = 4;
        other.inactive_connections = 6;
        let mut both = other.clone();
        both.settings.lower_threshold = 5;
        for (change, text) in [
            (
                TableChange::DestinationAdded(service, &plain),
                "NOW added TCP 192.0.2.1:80: 10.0.0.2:80, forwarding method masquerading, \
                 weight 3\n",
            ),
            (
                TableChange::DestinationEdited {
                    service,
                    before: &plain,
                    after: &other,
                },
                "NOW quiesced TCP 192.0.2.1:80: 10.0.0.2:80, forwarding method masquerading -> \
                 tunneling (ipip), weight 3 -> 0, upper threshold none -> 10\n",
            ),
            (
                TableChange::DestinationRemoved(service, &plain),
                "NOW removed TCP 192.0.2.1:80: 10.0.0.2:80\n",
            ),
            (
                TableChange::ThresholdReached(service, &other),
                "NOW threshold-reached TCP 192.0.2.1:80: 10.0.0.2:80, connections 10, \
                 upper threshold 10\n",
            ),
            (
                TableChange::ThresholdReached(service, &both),
                "NOW threshold-reached TCP 192.0.2.1:80: 10.0.0.2:80, connections 10, \
                 upper threshold 10, lower threshold 5\n",
            ),
        ] {
            assert_eq!(line(&change), text);
        }
    }
}
