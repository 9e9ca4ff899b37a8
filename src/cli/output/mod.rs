// SPDX-License-Identifier: MIT

//! The model as text: byte for byte as ipvsadm 1.31 prints it, or in forms of
//! our own. Nothing here asks the kernel.

mod changes;
mod classic;
mod columns;
mod comparison;
mod connections;
mod daemons;
mod doctor;
mod entries;
pub(crate) mod file;
mod graph;
mod grid;
mod json;
mod line;
mod notice;
mod number;
mod openmetrics;
mod overview;
mod plan;
#[cfg(test)]
mod sample;
mod summary;
mod table_grid;
mod text;
mod wide;
mod words;

#[cfg(test)]
pub(crate) use self::line::Tone;
pub(crate) use self::{
    changes::write_change,
    classic::{ClassicWriter, ConnectionWriter, SaveWriter, Unsaved, write_daemon, write_timeouts},
    comparison::{write_missing, write_missing_json},
    connections::WideConnectionWriter,
    daemons::describe_synchronization,
    doctor::{write_report, write_report_json},
    entries::{ListingError, write_entries, write_list},
    grid::{Grid, GridColumn, GridRow},
    json::JsonWriter,
    line::{Line, Style, Subject, has_colour, lines_to_text, paint},
    openmetrics::{WholeTable, write_openmetrics},
    overview::{
        ConnectionCounts, KernelVersion, Overview, Services, StateCount, Unread, write_overview,
    },
    plan::{write_commands, write_differences},
    summary::{write_summary, write_wide_summary},
    table_grid::{RecentRates, append_graphs, make_table_grid, sort_columns, sort_entries},
    wide::WideWriter,
};
