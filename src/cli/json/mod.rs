// SPDX-License-Identifier: MIT

//! The table as JSON, out and in.

mod document;
mod error;
mod object;
mod plan;
mod read;
mod tree;
mod write;

pub(crate) use self::{
    error::JsonError,
    plan::{name_object, write_plan},
    read::changes,
    write::{
        ConnectionsDocument, Origin, TableDocument, write_daemons, write_timeouts, write_version,
    },
};

#[cfg(test)]
mod tests;
