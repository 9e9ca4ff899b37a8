// SPDX-License-Identifier: MIT

//! The changes of the table between two looks, as JSON documents.

use std::io::{self, Write};

use ipvs_client::json::{SCHEMA_VERSION, WithoutCounters};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::plan::without_stats;
use crate::table::TableChange;

/// The document of one change.
#[derive(Serialize)]
struct ChangeDocument<'a> {
    schema_version: u32,
    time: &'a str,
    event: &'static str,
    service: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
    /// All that it was, or of an edit the fields that are other now.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upper_threshold: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lower_threshold: Option<u32>,
}

/// Writes a change as one line.
pub(crate) fn write_change(
    mut out: impl Write,
    time: &str,
    change: &TableChange<'_>,
) -> io::Result<()> {
    let (service, destination) = change.subject();
    let mut document = ChangeDocument {
        schema_version: SCHEMA_VERSION,
        time,
        event: change.event(),
        service: service.to_string(),
        destination: destination.map(|id| id.to_string()),
        before: None,
        after: None,
        connections: None,
        upper_threshold: None,
        lower_threshold: None,
    };
    (document.before, document.after) = match change {
        TableChange::ServiceAdded(service) => (None, Some(without_stats(json!(service)))),
        TableChange::ServiceRemoved(service) => (Some(without_stats(json!(service))), None),
        TableChange::ServiceEdited { before, after } => keep_different(json!(before), json!(after)),
        TableChange::DestinationAdded(_, destination) => {
            (None, Some(json!(WithoutCounters(destination))))
        }
        TableChange::DestinationRemoved(_, destination) => {
            (Some(json!(WithoutCounters(destination))), None)
        }
        TableChange::DestinationEdited { before, after, .. } => keep_different(
            json!(WithoutCounters(before)),
            json!(WithoutCounters(after)),
        ),
        TableChange::ThresholdReached(_, destination)
        | TableChange::ThresholdLeft(_, destination) => {
            document.connections = Some(destination.present_connections());
            document.upper_threshold = Some(destination.settings.upper_threshold);
            document.lower_threshold = Some(destination.settings.lower_threshold);
            (None, None)
        }
    };
    serde_json::to_writer(&mut out, &document)?;
    writeln!(out)
}

/// Keeps the fields of two objects that differ, counters aside.
fn keep_different(before: Value, after: Value) -> (Option<Value>, Option<Value>) {
    let (Value::Object(before), Value::Object(after)) =
        (without_stats(before), without_stats(after))
    else {
        return (None, None);
    };
    let keep = |object: &Map<String, Value>, other: &Map<String, Value>| {
        let different = object
            .iter()
            .filter(|(name, value)| other.get(*name) != Some(*value))
            .map(|(name, value)| (name.clone(), value.clone()));
        Some(Value::Object(different.collect()))
    };
    (keep(&before, &after), keep(&after, &before))
}

#[cfg(test)]
mod tests {
    use ipvs_client::{Destination, DestinationId, DestinationSettings, ServiceId};

    use super::*;

    #[test]
    fn an_edit_has_the_fields_that_differ_as_they_were_and_as_they_are() {
        let id = DestinationId::new([10, 0, 0, 2], 80);
        let settings = DestinationSettings::masquerading();
        let before = Destination::new(id, settings.weight(3));
        let after = Destination::new(id, settings.weight(0).upper_threshold(9));
        let change = TableChange::DestinationEdited {
            service: ServiceId::tcp(([192, 0, 2, 1], 80)),
            before: &before,
            after: &after,
        };
        let mut out = Vec::new();
        write_change(&mut out, "2026-11-20T16:43:52.661Z", &change).unwrap();
        let document: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            document,
            json!({
                "schema_version": 1,
                "time": "2026-11-20T16:43:52.661Z",
                "event": "quiesced",
                "service": "TCP 192.0.2.1:80",
                "destination": "10.0.0.2:80",
                "before": {"weight": 3, "upper_threshold": 0},
                "after": {"weight": 0, "upper_threshold": 9},
            })
        );
        assert_eq!(out.last(), Some(&b'\n'));
    }
}
