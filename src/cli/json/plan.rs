// SPDX-License-Identifier: MIT

//! The changes that make a table what a file says, as a JSON document.

use std::{
    io::{self, Write},
    net::IpAddr,
    num::{NonZeroU8, NonZeroU16},
};

use ipvs_client::{
    DaemonRole, Destination, Operation, Service, SyncDaemonSettings,
    json::{Entry, SCHEMA_VERSION, WithoutCounters},
    plan::{Plan, Step},
};
use serde::Serialize;
use serde_json::{Value, json};

/// The document of a plan. Added, edited and removed are counted by virtual services
/// and real servers; those of a service that is removed are not counted.
#[derive(Serialize)]
struct PlanDocument {
    schema_version: u32,
    changed: bool,
    added: usize,
    edited: usize,
    removed: usize,
    changes: Vec<Change>,
}

#[derive(Serialize)]
struct Change {
    operation: String,
    object: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Value>,
}

/// A daemon as it is asked for. What is left to the kernel is not known before it runs.
#[derive(Serialize)]
struct DaemonToStart<'a> {
    role: DaemonRole,
    interface: &'a str,
    sync_id: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    sync_maxlen: Option<NonZeroU16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<NonZeroU16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<NonZeroU8>,
}

impl<'a> From<&'a SyncDaemonSettings> for DaemonToStart<'a> {
    fn from(daemon: &'a SyncDaemonSettings) -> Self {
        Self {
            role: daemon.role,
            interface: &daemon.interface,
            sync_id: daemon.sync_id,
            sync_maxlen: daemon.sync_maxlen,
            group: daemon.group,
            port: daemon.port,
            ttl: daemon.ttl,
        }
    }
}

/// Writes the changes in the order in which they are carried out.
pub(crate) fn write_plan(mut out: impl Write, plan: &Plan) -> io::Result<()> {
    let count =
        |is_counted: fn(&Step) -> bool| plan.steps().filter(|step| is_counted(step)).count();
    let document = PlanDocument {
        schema_version: SCHEMA_VERSION,
        changed: !plan.is_empty(),
        added: count(|step| matches!(step, Step::AddService(..) | Step::AddDestination(..))),
        edited: count(|step| {
            matches!(
                step,
                Step::EditService { .. } | Step::EditDestination { .. }
            )
        }),
        removed: count(|step| {
            matches!(step, Step::DeleteService(..) | Step::DeleteDestination(..))
        }),
        changes: plan.steps().map(describe).collect(),
    };
    serde_json::to_writer(&mut out, &document)?;
    writeln!(out)
}

fn describe(step: &Step) -> Change {
    let (before, after) = match step {
        Step::SetTimeouts { from, to } => (Some(json!(from)), Some(json!(to))),
        Step::AddService(id, settings) => (None, Some(json!(Service::new(*id, settings.clone())))),
        Step::EditService { from, to } => {
            let to = Service::new(from.id, to.clone());
            (Some(json!(from)), Some(json!(to)))
        }
        Step::DeleteService(service, destinations) => {
            (Some(json!(Entry::new(service, destinations))), None)
        }
        Step::AddDestination(_, id, settings) => {
            let added = Destination::new(*id, *settings);
            (None, Some(json!(WithoutCounters(&added))))
        }
        Step::EditDestination { from, to, .. } => {
            let to = Destination::new(from.id, *to);
            (Some(json!(from)), Some(json!(WithoutCounters(&to))))
        }
        Step::DeleteDestination(_, destination) => (Some(json!(destination)), None),
        Step::StopDaemon(daemon) => (Some(json!(daemon)), None),
        Step::StartDaemon(daemon) => (None, Some(json!(DaemonToStart::from(daemon)))),
        _ => (None, None),
    };
    let operation = step.operation();
    Change {
        operation: operation.to_string(),
        object: name_object(operation),
        before: before.map(without_stats),
        after: after.map(without_stats),
    }
}

/// Leaves out the counters of a service or destination, which a plan does not read:
/// `null` would say that they are not known.
pub(super) fn without_stats(mut value: serde_json::Value) -> serde_json::Value {
    if let Some(object) = value.as_object_mut() {
        object.remove("stats");
        let destinations = object.get_mut("destinations");
        for destination in destinations
            .and_then(|list| list.as_array_mut())
            .into_iter()
            .flatten()
        {
            *destination = without_stats(destination.take());
        }
    }
    value
}

/// Names the virtual service, real server or daemon that an operation is about.
pub(crate) fn name_object(operation: Operation) -> Option<serde_json::Value> {
    use Operation as O;
    Some(match operation {
        O::ReadService(service)
        | O::AddService(service)
        | O::EditService(service)
        | O::DeleteService(service)
        | O::ListDestinations(service)
        | O::ZeroService(service) => serde_json::json!({"service": service.to_string()}),
        O::AddDestination(service, destination)
        | O::EditDestination(service, destination)
        | O::DeleteDestination(service, destination) => serde_json::json!({
            "service": service.to_string(),
            "destination": destination.to_string(),
        }),
        O::StartDaemon(role) | O::StopDaemon(role) => {
            serde_json::json!({"daemon": role.to_string()})
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::tests::plan::plan_of_every_step;

    /// The parts are those that docs/json.md has for each operation.
    #[test]
    fn each_change_has_what_it_is_about_as_it_is_and_as_it_should_be() {
        let plan = plan_of_every_step();
        let mut text = Vec::new();
        write_plan(&mut text, &plan).unwrap();
        let document: Value = serde_json::from_slice(&text).unwrap();
        let web = "TCP 10.0.0.1:80";
        let of_web = |destination: &str| json!({"service": web, "destination": destination});
        let service = |name: &str| json!({"service": name});
        let master = json!({"daemon": "master"});
        // What it does and to what; a field that it has, as it was and as it will be.
        let expected = [
            ("set the timeouts", Value::Null, "/tcp", json!([900, 1])),
            (
                "add UDP 10.0.0.1:53",
                service("UDP 10.0.0.1:53"),
                "/port",
                json!([null, 53]),
            ),
            (
                "edit TCP 10.0.0.1:80",
                service(web),
                "/scheduler",
                json!(["rr", "wlc"]),
            ),
            (
                "edit 10.0.0.2:80 of TCP 10.0.0.1:80",
                of_web("10.0.0.2:80"),
                "/weight",
                json!([1, 5]),
            ),
            (
                "add 10.0.0.5:80 to TCP 10.0.0.1:80",
                of_web("10.0.0.5:80"),
                "/weight",
                json!([null, 1]),
            ),
            (
                "stop the master daemon",
                master.clone(),
                "/interface",
                json!(["eth0", null]),
            ),
            (
                "start the master daemon",
                master,
                "/interface",
                json!([null, "eth1"]),
            ),
            (
                "delete 10.0.0.3:80 from TCP 10.0.0.1:80",
                of_web("10.0.0.3:80"),
                "/weight",
                json!([1, null]),
            ),
            (
                "delete fwmark 7",
                service("fwmark 7"),
                "/destinations/0/address",
                json!(["10.0.0.4", null]),
            ),
        ];
        let changes = document.get("changes").and_then(Value::as_array).unwrap();
        assert_eq!(changes.len(), expected.len());
        for (change, (operation, object, place, values)) in changes.iter().zip(expected) {
            let part = |side: &str| change.get(side)?.pointer(place);
            assert_eq!(change.get("operation"), Some(&json!(operation)));
            assert_eq!(change.get("object"), Some(&object), "{operation}");
            assert_eq!(
                json!([part("before"), part("after")]),
                values,
                "{operation}"
            );
        }
        let counts = ["changed", "added", "edited", "removed"].map(|name| document.get(name));
        assert_eq!(json!(counts), json!([true, 2, 2, 2]));
    }
}
