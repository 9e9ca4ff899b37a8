// SPDX-License-Identifier: MIT

//! The listing that -L -c asks for.

use ipvs_client::ConnectionFilter;

/// The number of clients of a summary, without --top.
pub(crate) const DEFAULT_TOP: u32 = 10;

/// A listing of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListConnections {
    pub(crate) filter: ConnectionFilter,
    pub(crate) shown: ShownConnections,
    pub(crate) numeric: bool,
}

/// The part of the connections that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShownConnections {
    /// Each of them.
    Each {
        /// Shows by which data persistence engines know the clients, in the original's columns.
        engine_data: bool,
    },
    /// Counts them, and shows so many of the clients that have the most.
    Summary { clients: u32 },
}
