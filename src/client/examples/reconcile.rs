// SPDX-License-Identifier: MIT

//! Makes the table what a file says, with as few changes as possible, and prints
//! each. A line that begins with a blank is a destination of the service above it:
//!
//!     TCP 192.0.2.1:80 wrr
//!         10.0.0.2:80 3
//!         10.0.0.3:80 1
//!
//! Entries that are right already are not touched, so that their connections and
//! counters stay.
//! Whatever takes something away comes last: no service is without a server on the
//! way that has one before and after.

use std::{
    collections::{HashMap, HashSet},
    env,
    error::Error,
    fs,
    process::ExitCode,
};

use ipvs_client::{Change, Client, DestinationId, DestinationSettings, ServiceId, ServiceSettings};

type Destinations = HashMap<DestinationId, DestinationSettings>;
type Table = HashMap<ServiceId, (ServiceSettings, Destinations)>;

fn parse(text: &str) -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new();
    let mut last = None;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (name, value) = line
            .trim()
            .rsplit_once(' ')
            .ok_or_else(|| format!("{line} has one word"))?;
        if line.starts_with(char::is_whitespace) {
            let (_, destinations) = last
                .and_then(|id| table.get_mut(&id))
                .ok_or("the first line is not a service")?;
            let settings = DestinationSettings::masquerading().weight(value.parse()?);
            destinations.insert(name.trim().parse()?, settings);
        } else {
            let id: ServiceId = name.trim().parse()?;
            table.insert(id, (ServiceSettings::new(value), Destinations::new()));
            last = Some(id);
        }
    }
    Ok(table)
}

/// The table as it is. An entry that is missing from it would be added, in vain; so
/// lists are read until they are sure.
fn read(client: &mut Client) -> ipvs_client::Result<Table> {
    let mut table = Table::new();
    for service in client.agreed_services()? {
        let destinations = client.agreed_destinations(&service.id)?;
        let destinations = destinations
            .into_iter()
            .map(|destination| (destination.id, destination.settings));
        table.insert(service.id, (service.settings, destinations.collect()));
    }
    Ok(table)
}

/// The changes from one table to another.
fn changes(from: &Table, to: &Table) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut removals = Vec::new();
    for (&id, (settings, destinations)) in to {
        let known = match from.get(&id) {
            Some((known, _)) if known == settings => from.get(&id),
            Some(_) => {
                changes.push(Change::EditService(id, settings.clone()));
                from.get(&id)
            }
            None => {
                changes.push(Change::AddService(id, settings.clone()));
                None
            }
        };
        let none = Destinations::new();
        let known = known.map_or(&none, |(_, destinations)| destinations);
        for (&server, &settings) in destinations {
            match known.get(&server) {
                Some(known) if *known == settings => {}
                Some(_) => changes.push(Change::EditDestination(id, server, settings)),
                None => changes.push(Change::AddDestination(id, server, settings)),
            }
        }
        let wanted: HashSet<_> = destinations.keys().collect();
        let surplus = known.keys().filter(|server| !wanted.contains(server));
        removals.extend(surplus.map(|&server| Change::DeleteDestination(id, server)));
    }
    let gone = from.keys().filter(|id| !to.contains_key(id));
    removals.extend(gone.map(|&id| Change::DeleteService(id)));
    changes.extend(removals);
    changes
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let file = env::args().nth(1).ok_or("which file?")?;
    let wanted = parse(&fs::read_to_string(file)?)?;

    let mut client = Client::open()?;
    let changes = changes(&read(&mut client)?, &wanted);
    let refused = client.apply(&changes)?;
    for (index, change) in changes.iter().enumerate() {
        match refused.iter().find(|(refused, _)| *refused == index) {
            Some((_, error)) => eprintln!("{error}"),
            None => println!("{}", change.operation()),
        }
    }
    Ok(if refused.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
