// SPDX-License-Identifier: MIT

//! The columns and lines of ipvsadm 1.31, byte for byte.

mod connections;
mod daemon;
mod save;
mod table;
mod timeouts;
mod unsayable;

pub(crate) use self::{
    connections::ConnectionWriter,
    daemon::write_daemon,
    save::{RuleWriter, SaveWriter},
    table::ClassicWriter,
    timeouts::write_timeouts,
    unsayable::{Unsaved, describe_unsayable_destination, describe_unsayable_service},
};
