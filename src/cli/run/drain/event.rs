// SPDX-License-Identifier: MIT

//! The events while servers are drained and brought back, as lines and as JSON
//! objects.

use std::{fmt, time::Duration};

use ipvs_client::{DestinationId, ServiceId, json::SCHEMA_VERSION};
use serde_json::{Value, json};

use super::cause::Cause;
use crate::command::{drain::Awaited, spelling::name_service};

/// A real server in a virtual service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ServerId {
    pub(super) service: ServiceId,
    pub(super) destination: DestinationId,
}

impl ServerId {
    /// Returns the command that gives the server this weight; `None` where no option
    /// names the service.
    pub(super) fn bring_back(&self, weight: u32) -> Option<String> {
        let service = name_service(&self.service)?;
        let server = self.destination;
        Some(format!(
            "ipvsadm -e --keep {service} -r {server} -w {weight}"
        ))
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.service, self.destination)
    }
}

/// The weight that a server had before it was drained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OldWeight {
    /// It has been drained now.
    Now(u32),
    /// It had been drained already, at this time.
    Earlier { weight: u32, since: String },
    /// It had weight 0 already, and what it had before is not known.
    Unknown,
}

/// Connections of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Connections {
    pub(super) active: u32,
    pub(super) inactive: u32,
    /// Those of them that are waited for.
    pub(super) awaited: Awaited,
}

impl Connections {
    /// Returns the number of those that are waited for.
    pub(super) fn count(self) -> u64 {
        match self.awaited {
            Awaited::Active => self.active.into(),
            Awaited::All => u64::from(self.active) + u64::from(self.inactive),
        }
    }
}

/// `1 active connection`, `3 connections`
impl fmt::Display for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.count();
        let kind = match self.awaited {
            Awaited::Active => "active ",
            Awaited::All => "",
        };
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{count} {kind}connection{plural}")
    }
}

/// The reason why a server does not get its old weight back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeptBack {
    /// The service or the server is not there any more.
    Gone,
    /// It has this weight, which somebody else has given it.
    Weight(u32),
}

/// Something that has happened.
#[derive(Debug)]
pub(super) enum Event {
    /// A server has weight 0.
    Drained {
        server: ServerId,
        old: OldWeight,
        /// The command that brings it back, if there is one.
        undo: Option<String>,
        causes: Vec<Cause>,
    },
    /// A server has connections that are waited for.
    Waiting {
        server: ServerId,
        connections: Connections,
    },
    /// The connections that were waited for have ended.
    Empty { server: ServerId, awaited: Awaited },
    /// A server is not there any more, and nobody here has removed it.
    Gone { server: ServerId },
    /// A drained server has a weight, which somebody else has given it.
    Revived { server: ServerId, weight: u32 },
    /// A server has been removed.
    Removed { server: ServerId },
    /// The time is over.
    OverTime { after: Duration, left: String },
    /// A signal ends the program.
    Interrupted { signal: &'static str, undo: String },
    /// A server has its old weight again.
    Restored { server: ServerId, weight: u32 },
    /// A server does not get its old weight.
    NotRestored {
        server: ServerId,
        weight: u32,
        reason: KeptBack,
    },
    /// The old weights cannot be kept.
    NotKept { reason: String },
}

impl Event {
    /// Returns whether it is progress or trouble, and not a result.
    pub(super) fn is_aside(&self) -> bool {
        matches!(
            self,
            Self::Waiting { .. }
                | Self::OverTime { .. }
                | Self::Interrupted { .. }
                | Self::NotRestored { .. }
                | Self::NotKept { .. }
        )
    }

    /// Makes the JSON object.
    pub(super) fn to_json(&self) -> Value {
        let about = |event: &str, server: &ServerId, fields: Value| {
            let about = json!({
                "service": server.service.to_string(),
                "destination": server.destination.to_string(),
            });
            join([make_head(event), about, fields])
        };
        match self {
            Self::Drained {
                server,
                old,
                undo,
                causes,
            } => {
                let (weight, since) = match old {
                    OldWeight::Now(weight) => (Some(*weight), None),
                    OldWeight::Earlier { weight, since } => (Some(*weight), Some(since)),
                    OldWeight::Unknown => (None, None),
                };
                let warnings: Vec<_> = causes
                    .iter()
                    .map(|cause| json!({"cause": cause.name(), "message": cause.to_string()}))
                    .collect();
                let fields = json!({
                    "old_weight": weight,
                    "drained_since": since,
                    "undo": undo,
                    "warnings": warnings,
                });
                about("drained", server, fields)
            }
            Self::Waiting {
                server,
                connections,
            } => {
                let fields = json!({
                    "active_connections": connections.active,
                    "inactive_connections": connections.inactive,
                    "awaited": connections.count(),
                });
                about("waiting", server, fields)
            }
            Self::Empty { server, .. } => about("empty", server, json!({})),
            Self::Gone { server } => about("gone", server, json!({})),
            Self::Revived { server, weight } => {
                about("weight-changed", server, json!({"weight": weight}))
            }
            Self::Removed { server } => about("removed", server, json!({})),
            Self::OverTime { .. } => self.to_json_message("over-time"),
            Self::Interrupted { .. } => self.to_json_message("interrupted"),
            Self::Restored { server, weight } => {
                about("restored", server, json!({"weight": weight}))
            }
            Self::NotRestored {
                server,
                weight,
                reason,
            } => {
                let now = match reason {
                    KeptBack::Gone => None,
                    KeptBack::Weight(weight) => Some(weight),
                };
                let fields = json!({"old_weight": weight, "weight": now});
                about("not-restored", server, fields)
            }
            Self::NotKept { .. } => self.to_json_message("not-kept"),
        }
    }

    /// Makes the JSON object of what is told by its words alone.
    fn to_json_message(&self, event: &str) -> Value {
        join([make_head(event), json!({"message": self.to_string()})])
    }
}

fn make_head(event: &str) -> Value {
    json!({"schema_version": SCHEMA_VERSION, "event": event})
}

/// Makes one object of several.
fn join(parts: impl IntoIterator<Item = Value>) -> Value {
    let fields = parts.into_iter().filter_map(|part| match part {
        Value::Object(fields) => Some(fields),
        _ => None,
    });
    Value::Object(fields.flatten().collect())
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drained {
                server, old, undo, ..
            } => {
                match old {
                    OldWeight::Now(weight) => write!(f, "{server} had weight {weight}")?,
                    OldWeight::Earlier { weight, since } => {
                        write!(f, "{server} has weight 0 since {since}, and had {weight}")?;
                    }
                    OldWeight::Unknown => write!(f, "{server} had weight 0 already")?,
                }
                match undo {
                    Some(command) => write!(f, "; to bring it back: {command}"),
                    None => Ok(()),
                }
            }
            Self::Waiting {
                server,
                connections,
            } => write!(f, "{server} has {connections}"),
            Self::Empty {
                server,
                awaited: Awaited::Active,
            } => write!(f, "{server} has no active connections"),
            Self::Empty {
                server,
                awaited: Awaited::All,
            } => write!(f, "{server} has no connections"),
            Self::Gone { server } => write!(f, "{server} is not there any more"),
            Self::Revived { server, weight } => write!(
                f,
                "{server} has weight {weight} again: it is not drained any more"
            ),
            Self::Removed { server } => write!(f, "{server} has been removed"),
            Self::OverTime { after, left } => {
                let seconds = after.as_secs();
                let plural = if seconds == 1 { "" } else { "s" };
                write!(
                    f,
                    "not empty after {seconds} second{plural}: {left}; the weight stays 0"
                )
            }
            Self::Interrupted { signal, undo } => write!(
                f,
                "ended by {signal}: the weight stays 0; the same command waits again; to undo it: \
                 {undo}"
            ),
            Self::Restored { server, weight } => write!(f, "{server} has weight {weight} again"),
            Self::NotRestored {
                server,
                weight,
                reason: KeptBack::Gone,
            } => write!(
                f,
                "{server} is not there any more: its weight {weight} is forgotten"
            ),
            Self::NotRestored {
                server,
                weight,
                reason: KeptBack::Weight(now),
            } => write!(
                f,
                "{server} has weight {now} by now: its weight {weight} is forgotten"
            ),
            Self::NotKept { reason } => write!(
                f,
                "the old weights are not kept, --drain --undo will not know them: {reason}"
            ),
        }
    }
}
