// SPDX-License-Identifier: MIT

//! The table as JSON, out and in.

mod change;
mod connections;
mod document;
mod error;
mod object;
mod plan;
mod read;
mod summary;
mod tree;
mod write;

pub(crate) use self::{
    change::write_change,
    connections::{ReadingError, read_connections},
    error::JsonError,
    plan::{name_object, write_plan},
    read::changes,
    summary::write_summary,
    write::{
        ConnectionsDocument, Origin, TableDocument, describe_public_entry, write_synchronization,
        write_timed, write_timeouts, write_version,
    },
};

#[cfg(test)]
mod tests;
