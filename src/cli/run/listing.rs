// SPDX-License-Identifier: MIT

//! Reads what a listing, or -S, is to show and hands it to the output.

use std::io::{self, Write};

use ipvs_client::{Client, Consistency, Counters, ServiceId};

use crate::{
    command::{ListTable, Metrics, TableForm, View},
    failure::{self, Incomplete, OutputFileError, StdoutError},
    json::Origin,
    names::Names,
    output::{
        ClassicWriter, JsonWriter, ListingError, SaveWriter, Unsaved, WholeTable, WideWriter, file,
        has_colour, lines_to_text, write_entries, write_openmetrics,
    },
    table::{ReadOptions, read_entries, read_plain_entries},
};

/// Tells an output that cannot be written from a table that cannot be read.
pub(super) fn explain(error: ListingError) -> anyhow::Error {
    match error {
        ListingError::Read(error) => error.into(),
        ListingError::Write(error) => StdoutError(error).into(),
    }
}

/// Lists the table in one of its forms.
pub(super) fn write_table(
    table: &ListTable,
    form: TableForm,
    client: &mut Client,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match form {
        TableForm::Classic => write_classic(table, client, out).map_err(explain),
        TableForm::Wide => write_wide(table, client, out).map_err(explain),
        TableForm::Json => {
            let service = table.service.as_ref();
            write_json(service, Counters::Read, table.sorted, client, out)
        }
    }
}

/// Lists the table in the original's columns, each service as soon as it has been
/// read.
fn write_classic(
    table: &ListTable,
    client: &mut Client,
    out: &mut impl Write,
) -> Result<(), ListingError> {
    let info = match table.service {
        Some(_) => None,
        None => Some(client.info()?),
    };
    let mut names = Names::new(table.numeric);
    if table.service.is_none() && table.view == View::Plain {
        let entries = read_plain_entries(client, table.sorted)?;
        let writer = ClassicWriter::begin(out, &mut names, info.as_ref(), table)?;
        return write_entries(writer, entries);
    }
    let options = ReadOptions {
        counters: if table.view.has_counters() {
            Counters::Read
        } else {
            Counters::Skip
        },
        consistency: Consistency::Once,
        sorted: table.sorted,
    };
    let entries = read_entries(client, table.service.as_ref(), options)?;
    let writer = ClassicWriter::begin(out, &mut names, info.as_ref(), table)?;
    write_entries(writer, entries)
}

/// Lists the table in the columns for people.
fn write_wide(
    table: &ListTable,
    client: &mut Client,
    out: &mut impl Write,
) -> Result<(), ListingError> {
    let info = client.info()?;
    let options = ReadOptions {
        counters: Counters::Read,
        consistency: Consistency::Once,
        sorted: table.sorted,
    };
    let interface = client.interface();
    let entries = read_entries(client, table.service.as_ref(), options)?;
    let mut names = Names::new(table.numeric);
    let lines = write_entries(
        WideWriter::new(&info, table, &mut names, interface),
        entries,
    )?;
    let text = lines_to_text(&lines, has_colour(table.colour));
    Ok(out.write_all(text.as_bytes())?)
}

/// Writes one service or all as a JSON document: with counters, or without for
/// -S. All of it or, when it cannot be read, nothing.
pub(super) fn write_json(
    service: Option<&ServiceId>,
    counters: Counters,
    sorted: bool,
    client: &mut Client,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    write_whole(out, |text| {
        let info = client.info()?;
        let origin = Origin {
            ipvs: &info,
            interface: client.interface(),
        };
        let options = ReadOptions {
            counters,
            consistency: Consistency::Agreed,
            sorted,
        };
        let writer = JsonWriter::begin(text, origin, counters)?;
        let unsaved = write_entries(writer, read_entries(client, service, options)?)?;
        if counters == Counters::Skip {
            client.check_all_shown(|_| true)?;
        }
        Ok(unsaved)
    })
}

/// Writes the table as rules: all of it or, when it cannot be read, nothing.
pub(super) fn write_rules(
    numeric: bool,
    client: &mut Client,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    write_whole(out, |text| {
        let options = ReadOptions {
            counters: Counters::Skip,
            consistency: Consistency::Agreed,
            sorted: true,
        };
        let writer = SaveWriter::new(text, Names::new(numeric));
        let unsaved = write_entries(writer, read_entries(client, None, options)?)?;
        // What is not in it would be lost when it is restored.
        client.check_all_shown(|_| true)?;
        Ok(unsaved)
    })
}

/// Puts the table into a text, and writes that once there is all of it: half of a
/// table looks as good as a whole one. Makes an error of what was not saved, after
/// what was.
fn write_whole(
    out: &mut impl Write,
    write: impl FnOnce(&mut Vec<u8>) -> Result<Vec<Unsaved>, ListingError>,
) -> anyhow::Result<()> {
    let mut text = Vec::new();
    let unsaved = write(&mut text).map_err(explain)?;
    out.write_all(&text).map_err(StdoutError)?;
    failure::flush(out)?;
    if unsaved.is_empty() {
        Ok(())
    } else {
        Err(Incomplete(unsaved).into())
    }
}

/// Writes the table as OpenMetrics text, to standard output or into a file.
pub(super) fn write_metrics(
    metrics: &Metrics,
    client: &mut Client,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let whole = match metrics.service {
        Some(_) => None,
        None => Some(WholeTable {
            stats: client.total_stats()?,
            info: client.info()?,
            daemons: Some(client.daemons()?),
        }),
    };
    let options = ReadOptions {
        counters: Counters::Read,
        consistency: Consistency::Once,
        sorted: true,
    };
    let table = read_entries(client, metrics.service.as_ref(), options)?
        .collect::<ipvs_client::Result<Vec<_>>>()?;
    let interface = client.interface();
    write_metrics_text(metrics, out, |out| {
        write_openmetrics(out, whole.as_ref(), &table, metrics.destinations, interface)
    })
}

/// Writes the text to standard output or into a file.
pub(super) fn write_metrics_text(
    metrics: &Metrics,
    out: &mut impl Write,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    match &metrics.file {
        None => write(out).map_err(StdoutError)?,
        Some(path) => file::replace(path, write).map_err(|reason| OutputFileError {
            path: path.clone(),
            reason,
        })?,
    }
    Ok(())
}
