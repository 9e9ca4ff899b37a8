// SPDX-License-Identifier: MIT

//! `--doctor`: reads the facts about this machine, has them looked at, and tells what
//! was found. It changes nothing and loads no module.

use std::{io::Write, path::Path};

use ipvs_client::{Consistency, Counters, ServiceId};

use super::session::Session;
use crate::{
    command::{
        Form,
        doctor::{Doctor, Role},
    },
    doctor::{DIRECTOR_CHECKS, Director, Report, Unknown, examine},
    failure::{Messages, StdoutError},
    output::{colour_on_terminal, write_report, write_report_json},
    table::{Entry, ReadOptions, read_entries},
};

/// The exit status when something was found.
const STATUS_FOUND: u8 = 1;

/// Looks at this machine; returns the exit status.
pub(super) fn run(
    doctor: &Doctor,
    session: &mut Session,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    let mut report = Report::default();
    for role in &doctor.roles {
        report.append(match role {
            Role::Director { service } => {
                examine(DIRECTOR_CHECKS, &read_director(*service, session)?)
            }
            Role::RealServer(_) => Report::default(),
        });
    }
    match doctor.form {
        Form::Classic => write_report(out, &report, colour_on_terminal()),
        Form::Json => write_report_json(&mut *out, &report),
    }
    .map_err(StdoutError)?;
    if !report.findings.is_empty() {
        return Ok(STATUS_FOUND);
    }
    let plural = if report.looked == 1 { "" } else { "s" };
    messages.note_to_terminal(&format!(
        "{} check{plural} made, nothing found",
        report.looked
    ));
    Ok(0)
}

fn read_director(service: Option<ServiceId>, session: &mut Session) -> anyhow::Result<Director> {
    Ok(Director {
        asked: service,
        table: read_table(service, session)?,
    })
}

/// Reads the virtual services to look at; a service that does not exist is none.
///
/// # Errors
/// When the table is there and cannot be read.
fn read_table(
    service: Option<ServiceId>,
    session: &mut Session,
) -> anyhow::Result<Result<Vec<Entry>, Unknown>> {
    // To ask for IPVS would load its module.
    if !session.is_open() && !Path::new("/proc/thread-self/net/ip_vs").exists() {
        return Ok(Err(Unknown("IPVS is not in this kernel now".to_owned())));
    }
    let options = ReadOptions {
        counters: Counters::Skip,
        consistency: Consistency::Agreed,
        sorted: true,
    };
    let entries = read_entries(session.client()?, None, options)?;
    let is_looked_at = |entry: &Entry| service.is_none_or(|service| entry.0.id == service);
    Ok(Ok(entries
        .filter(|entry| entry.as_ref().map_or(true, is_looked_at))
        .collect::<Result<_, _>>()?))
}
