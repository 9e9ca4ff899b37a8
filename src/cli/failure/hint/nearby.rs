// SPDX-License-Identifier: MIT

//! Entries of the table that may have been meant where one was not found.

use ipvs_client::{
    Client, Consistency, Counters, DestinationId, Error, ForwardingMethod, Operation, ServiceId,
};

/// Entries that may have been meant. What cannot be read is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Nearby {
    /// All virtual services.
    pub(super) services: Vec<ServiceId>,
    /// The table was read and has none.
    pub(super) is_empty: bool,
    /// The real servers of the service that the operation is about.
    pub(super) servers: Vec<(DestinationId, ForwardingMethod)>,
}

impl Nearby {
    /// Reads it after an operation on the table has failed.
    pub(super) fn read(error: &Error) -> Self {
        error
            .operation()
            .and_then(|operation| read(operation).ok())
            .unwrap_or_default()
    }
}

fn read(operation: Operation) -> ipvs_client::Result<Nearby> {
    use Operation as O;
    let mut client = Client::open()?;
    let services = client
        .map_services(Counters::Skip, Consistency::Once, drop)?
        .into_iter()
        .map(|(id, ())| id)
        .collect::<Vec<_>>();
    let servers = match operation {
        O::EditDestination(service, _) | O::DeleteDestination(service, _) => client
            .destinations_with(&service, Counters::Skip, Consistency::Once)?
            .into_iter()
            .map(|server| (server.id, server.settings.forwarding_method))
            .collect(),
        _ => Vec::new(),
    };
    Ok(Nearby {
        is_empty: services.is_empty(),
        services,
        servers,
    })
}
