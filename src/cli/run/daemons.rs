// SPDX-License-Identifier: MIT

//! `-L --daemon`: reads the synchronization daemons, and for forms other than the
//! original's what else can be seen of them.

use std::io::Write;

use ipvs_client::{Client, SyncDaemon};

use crate::{
    command::TableForm,
    failure::StdoutError,
    json,
    output::{describe_synchronization, write_daemon},
    synchronization::{SyncFacts, Synchronization},
    system::{
        interfaces, multicast, route_netlink::RouteSocket, settings::Settings, sync_sockets,
        sync_threads,
    },
};

/// Lists the daemons in one of the forms.
pub(super) fn write_daemons(
    form: TableForm,
    client: &mut Client,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let daemons = client.daemons()?;
    match form {
        TableForm::Classic => daemons
            .iter()
            .try_for_each(|daemon| write_daemon(out, daemon)),
        TableForm::Wide => {
            let text = describe_synchronization(&look_at(daemons, client));
            out.write_all(text.as_bytes())
        }
        TableForm::Json => {
            let interface = client.interface();
            json::write_synchronization(out, &look_at(daemons, client), interface)
        }
    }
    .map_err(|error| StdoutError(error).into())
}

/// Reads what can be seen of these daemons. What cannot be read is absent.
fn look_at(daemons: Vec<SyncDaemon>, client: &Client) -> Synchronization {
    let mut socket = RouteSocket::open();
    let interfaces = socket.as_mut().ok().map(interfaces::read);
    Synchronization::of(&SyncFacts {
        daemons,
        interfaces: interfaces.and_then(Result::ok),
        groups: multicast::read().ok(),
        threads: sync_threads::read().ok(),
        sockets: sync_sockets::read().ok(),
        settings: Settings::read(),
        received_connections: client.received_connections().ok(),
    })
}
