// SPDX-License-Identifier: MIT

//! Lists the virtual services with their destinations, of this network namespace or
//! of another:
//!
//!     list
//!     list /run/netns/director

use std::{env, error::Error, fs::File};

use ipvs_client::Client;

fn main() -> Result<(), Box<dyn Error>> {
    let mut client = match env::args().nth(1) {
        Some(namespace) => Client::open_in(File::open(namespace)?)?,
        None => Client::open()?,
    };
    for service in client.services()? {
        println!("{}, scheduler {}", service.id, service.settings.scheduler);
        for destination in client.destinations(&service.id)? {
            println!(
                "    {}, {:?}, weight {}, {} active and {} inactive connections",
                destination.id,
                destination.settings.forwarding_method,
                destination.settings.weight,
                destination.active_connections,
                destination.inactive_connections,
            );
        }
    }
    Ok(())
}
