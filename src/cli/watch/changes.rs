// SPDX-License-Identifier: MIT

//! Tells what has changed in the table, a line for each change.

use std::{io::Write, time::SystemTime};

use ipvs_client::{Client, Consistency, Counters, ServiceId};

use super::{is_absent, schedule::Schedule, terminal};
use crate::{
    command::{Form, watch::Watch},
    json, output,
    output::ListingError,
    table::{Entry, Look, ReadOptions, find_changes, read_entries},
    time::time_stamp,
};

/// Looks at the table again and again, and writes the changes since the look before.
/// There are none at the first.
pub(super) fn follow(
    watch: &Watch,
    service: Option<&ServiceId>,
    form: Form,
    client: &mut Client,
    out: &mut impl Write,
) -> Result<(), ListingError> {
    let mut schedule = Schedule::new(watch);
    let mut before: Option<Look> = None;
    loop {
        let time = time_stamp(SystemTime::now());
        let entries = match read_table(service, client) {
            // It may come back.
            Err(error) if is_absent(service, &error) && !schedule.is_first() => Vec::new(),
            outcome => outcome?,
        };
        let look = Look::new(entries, before.as_ref());
        if let Some(before) = &before {
            for change in find_changes(before, &look) {
                match form {
                    Form::Classic => output::write_change(out, &time, &change)?,
                    Form::Json => json::write_change(&mut *out, &time, &change)?,
                }
                // Whoever reads it acts on it.
                out.flush()?;
            }
        }
        before = Some(look);
        schedule.advance();
        if schedule.was_last() {
            return Ok(());
        }
        terminal::wait_for_reader(schedule.next())?;
    }
}

fn read_table(service: Option<&ServiceId>, client: &mut Client) -> ipvs_client::Result<Vec<Entry>> {
    let options = ReadOptions {
        counters: Counters::Skip,
        // What a look misses would be a change.
        consistency: Consistency::Agreed,
        sorted: false,
    };
    read_entries(client, service, options)?.collect()
}
