// SPDX-License-Identifier: MIT

//! Balances a port over some servers by weight, with masquerading:
//!
//!     balance 'TCP 192.0.2.1:80' 10.0.0.2:80=3 10.0.0.3:80=1
//!
//! All of it goes to the kernel in one system call. What the kernel refuses is told
//! and does not stop the rest; the exit status is 1 then.

use std::{env, error::Error, process::ExitCode};

use ipvs_client::{Change, Client, DestinationSettings, ServiceId, ServiceSettings};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let service = arguments.next().ok_or("which service?")?;
    let service: ServiceId = service.parse()?;

    let mut changes = vec![Change::AddService(service, ServiceSettings::new("wrr"))];
    for argument in arguments {
        let (server, weight) = argument
            .split_once('=')
            .ok_or_else(|| format!("{argument} is not ADDRESS:PORT=WEIGHT"))?;
        let settings = DestinationSettings::masquerading().weight(weight.parse()?);
        changes.push(Change::AddDestination(service, server.parse()?, settings));
    }

    let refused = Client::open()?.apply(&changes)?;
    for (_, error) in &refused {
        eprintln!("{error}");
    }
    Ok(if refused.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
