// SPDX-License-Identifier: MIT

//! Listings while there is traffic.

use std::net::{IpAddr, SocketAddr};

use ipvs_lab::Namespace;
use serde_json::Value;

use crate::{ipvsadm, json};

/// The lines of `-L -n -c --persistent-conn`, sorted, with one space between
/// columns and without the time that runs down.
pub(super) fn entries(director: &Namespace) -> Vec<String> {
    let listing = ipvsadm(director, "-L -n -c --persistent-conn");
    let mut entries: Vec<_> = listing
        .lines()
        .skip(2)
        .map(|line| {
            let mut words: Vec<_> = line.split_ascii_whitespace().collect();
            words.remove(1);
            words.join(" ")
        })
        .collect();
    entries.sort();
    entries
}

/// The same out of JSON, as far as every entry has it.
pub(super) fn entries_of_json(director: &Namespace) -> Vec<String> {
    let listing = json::checked(&ipvsadm(director, "-L -n -c --json"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut entries: Vec<_> = listing["connections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let ends = ["client", "service", "destination"].map(|end| {
                let address: IpAddr = text(&entry[end]["address"]).parse().unwrap();
                let port = entry[end]["port"].as_u64().unwrap();
                SocketAddr::from((address, u16::try_from(port).unwrap())).to_string()
            });
            let protocol = text(&entry["protocol"]).to_uppercase();
            format!("{protocol} {} {}", text(&entry["state"]), ends.join(" "))
        })
        .collect();
    entries.sort();
    entries
}

/// Of [`entries`], the templates: they have no client's port.
pub(super) fn templates(director: &Namespace) -> Vec<String> {
    let mut entries = entries(director);
    entries.retain(|entry| is_template(entry));
    entries
}

/// Of [`entries`], the connections.
pub(super) fn connections(director: &Namespace) -> Vec<String> {
    let mut entries = entries(director);
    entries.retain(|entry| !is_template(entry));
    entries
}

fn is_template(entry: &str) -> bool {
    entry.split(' ').nth(2).unwrap().ends_with(":0")
}

/// The seconds that the templates have yet, in the kernel's order.
pub(super) fn template_seconds(director: &Namespace) -> Vec<u64> {
    let listing = json::checked(&ipvsadm(director, "-L -c --json"));
    let entries = listing["connections"].as_array().unwrap().iter();
    entries
        .filter(|entry| entry["client"]["port"] == 0)
        .map(|entry| entry["expires"].as_u64().unwrap())
        .collect()
}

/// The service of each template of the client, out of JSON.
pub(super) fn template_services_of_json(director: &Namespace, client: &str) -> Vec<Value> {
    let listing = json::checked(&ipvsadm(director, "-L -c --json"));
    let entries = listing["connections"].as_array().unwrap().iter();
    entries
        .filter(|entry| entry["client"] == serde_json::json!({"address": client, "port": 0}))
        .map(|entry| entry["service"].clone())
        .collect()
}

/// A virtual service, named as `-t ADDRESS`, as `-L --json` shows it.
pub(super) fn service(director: &Namespace, service: &str) -> Value {
    let listing = ipvsadm(director, &format!("-L --json {service}"));
    json::checked(&listing)["services"][0].take()
}

/// A number of each destination of the service, in the listing's order.
pub(super) fn destinations(director: &Namespace, service: &str, field: &str) -> Vec<u64> {
    let service = self::service(director, service);
    let destinations = service["destinations"].as_array().unwrap().iter();
    destinations
        .map(|destination| destination[field].as_u64().unwrap())
        .collect()
}
