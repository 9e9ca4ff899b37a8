// SPDX-License-Identifier: MIT

//! Makes the table what a file says, with as few changes as possible, and prints
//! each. A line that begins with a blank is a destination of the service above it:
//!
//!     TCP 192.0.2.1:80 wrr
//!         10.0.0.2:80 3
//!         10.0.0.3:80 1
//!
//! Entries that are right already are not touched, so that their connections and
//! counters stay. When the kernel refuses a change, those before it are undone.

use std::{env, error::Error, fs};

use ipvs_client::{
    Change, Client, DestinationSettings, ServiceId, ServiceSettings,
    plan::{Plan, PlanOptions, Wanted},
};

fn parse(text: &str) -> Result<Wanted, Box<dyn Error>> {
    let mut wanted = Wanted::default();
    let mut last: Option<ServiceId> = None;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (name, value) = line
            .trim()
            .rsplit_once(' ')
            .ok_or_else(|| format!("{line} has one word"))?;
        let name = name.trim();
        let change = if line.starts_with(char::is_whitespace) {
            let service = last.ok_or("the first line is not a service")?;
            let settings = DestinationSettings::masquerading().weight(value.parse()?);
            Change::AddDestination(service, name.parse()?, settings)
        } else {
            let service = name.parse()?;
            last = Some(service);
            Change::AddService(service, ServiceSettings::new(value))
        };
        wanted.add(&change)?;
    }
    Ok(wanted)
}

fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args().nth(1).ok_or("which file?")?;
    let wanted = parse(&fs::read_to_string(file)?)?;

    let mut client = Client::open()?;
    let current = client.read_current(&wanted, |_| true)?;
    let plan = Plan::new(&current, &wanted, PlanOptions::default());
    client.carry_out(&plan)?;
    for step in plan.steps() {
        println!("{}", step.operation());
    }
    Ok(())
}
