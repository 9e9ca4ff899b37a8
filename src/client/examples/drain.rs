// SPDX-License-Identifier: MIT

//! Takes a server out of service without cutting a connection off: gives it no new
//! ones, waits until it has no active ones, and removes it.
//!
//!     drain 'TCP 192.0.2.1:80' 10.0.0.2:80
//!
//! Connections that have ended stay in the table for a while as inactive ones; they
//! do not count. Persistent clients keep coming until their time is over, unless
//! the setting `net.ipv4.vs.expire_quiescent_template` is 1.

use std::{env, error::Error, thread, time::Duration};

use ipvs_client::{Client, Destination, DestinationId, ServiceId};

fn find(
    client: &mut Client,
    service: &ServiceId,
    id: &DestinationId,
) -> Result<Destination, Box<dyn Error>> {
    let destinations = client.agreed_destinations(service)?;
    let found = destinations
        .into_iter()
        .find(|destination| destination.id == *id);
    Ok(found.ok_or_else(|| format!("{service} has no destination {id}"))?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let service: ServiceId = arguments.next().ok_or("which service?")?.parse()?;
    let id: DestinationId = arguments.next().ok_or("which destination?")?.parse()?;

    let mut client = Client::open()?;
    let settings = find(&mut client, &service, &id)?.settings;
    client.edit_destination(&service, &id, &settings.weight(0))?;
    loop {
        let active = find(&mut client, &service, &id)?.active_connections;
        println!("active connections of {id}: {active}");
        if active == 0 {
            break;
        }
        thread::sleep(Duration::from_millis(500));
    }
    client.delete_destination(&service, &id)?;
    Ok(())
}
