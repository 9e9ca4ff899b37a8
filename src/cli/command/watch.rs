// SPDX-License-Identifier: MIT

//! Looking at a listing again and again.

use std::time::Duration;

use ipvs_client::ServiceId;

use super::{Form, ListTable, TableForm, connections::ListConnections};

/// The option `--watch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watch {
    pub(crate) watched: Watched,
    pub(crate) interval: Duration,
    /// Number of looks; without end if not given.
    pub(crate) count: Option<u32>,
}

/// The thing that is looked at, and the form in which it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    /// The table, each time all of it.
    Table(ListTable, TableForm),
    Connections(WatchConnections),
    /// The changes in the table of one service, or of all.
    Changes(Option<ServiceId>, Form),
}

/// Connections, or counts of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WatchConnections {
    pub(crate) list: ListConnections,
    pub(crate) form: TableForm,
}

impl Watched {
    /// Returns the service that is watched, if it is only one.
    pub(crate) fn service(&self) -> Option<&ServiceId> {
        match self {
            Self::Table(table, _) => table.service.as_ref(),
            Self::Connections(connections) => connections.list.filter.wanted_service(),
            Self::Changes(service, _) => service.as_ref(),
        }
    }
}
