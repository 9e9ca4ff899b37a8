// SPDX-License-Identifier: MIT

//! The table: read from the kernel and handed to an output, service by service
//! or whole.

use std::io::Write;

use ipvs_client::{Client, Destination, Info, Service, ServiceId};

use crate::{
    command::ListTable,
    failure::Output,
    json,
    names::Names,
    order::{compare_destinations, compare_services},
    output::TableWriter,
};

/// A virtual service with its destinations.
pub(crate) type Entry = (Service, Vec<Destination>);

/// All of what a listing shows, as it was at one time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) info: Info,
    pub(crate) entries: Vec<Entry>,
}

impl Snapshot {
    pub(crate) fn read(table: &ListTable, client: &mut Client) -> ipvs_client::Result<Self> {
        let info = client.info()?;
        let services = services(client, table.service.as_ref(), table.sorted)?;
        Ok(Self {
            info,
            entries: entries(client, services, table.sorted).collect::<Result<_, _>>()?,
        })
    }
}

/// One service, or all.
pub(crate) fn services(
    client: &mut Client,
    service: Option<&ServiceId>,
    sorted: bool,
) -> ipvs_client::Result<Vec<Service>> {
    let mut services = match service {
        Some(id) => vec![client.service(id)?],
        None => client.services()?,
    };
    if sorted {
        services.sort_unstable_by(|a, b| compare_services(&a.id, &b.id));
    }
    Ok(services)
}

pub(crate) fn destinations(
    client: &mut Client,
    service: &ServiceId,
    sorted: bool,
) -> ipvs_client::Result<Vec<Destination>> {
    let mut destinations = client.destinations(service)?;
    if sorted {
        destinations.sort_unstable_by(|a, b| compare_destinations(&a.id, &b.id));
    }
    Ok(destinations)
}

/// The services with their destinations, each read when its turn comes.
pub(crate) fn entries(
    client: &mut Client,
    services: Vec<Service>,
    sorted: bool,
) -> impl Iterator<Item = ipvs_client::Result<Entry>> {
    services.into_iter().map(move |service| {
        let destinations = destinations(client, &service.id, sorted)?;
        Ok((service, destinations))
    })
}

/// The original's columns; without `info`, as for one service, no version.
pub(crate) fn write_classic(
    table: &ListTable,
    names: &mut Names,
    info: Option<&Info>,
    entries: impl IntoIterator<Item = ipvs_client::Result<Entry>>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut writer = TableWriter::new(out, names, table.view, table.exact);
    if let Some(info) = info {
        writer.version(info).map_err(Output)?;
    }
    writer.headings().map_err(Output)?;
    for entry in entries {
        let (service, destinations) = entry?;
        writer.service(&service).map_err(Output)?;
        for destination in &destinations {
            writer
                .destination(&service.id, destination)
                .map_err(Output)?;
        }
    }
    Ok(())
}

pub(crate) fn write_json(
    mut document: json::TableDocument<impl Write>,
    entries: impl IntoIterator<Item = ipvs_client::Result<Entry>>,
) -> anyhow::Result<()> {
    for entry in entries {
        let (service, destinations) = entry?;
        document.service(&service, &destinations).map_err(Output)?;
    }
    Ok(document.end().map_err(Output)?)
}
