// SPDX-License-Identifier: MIT

//! The table as JSON, in the form that `ipvsadm --json` writes and `ipvsadm -R`
//! reads.
//!
//! Services, destinations, counters, timeouts, running daemons and connections are
//! [`Serialize`](serde::Serialize) with the feature `serde`, and all but
//! connections, which borrow a line of a file, are
//! [`Deserialize`](serde::Deserialize) too. What is not there is absent or null,
//! never a zero that nobody counted. An unknown field of a service or destination
//! is an error.
//!
//! ```
//! use ipvs_client::json::Table;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // As `ipvsadm -S --json` writes it, or shorter.
//! let saved = r#"{"schema_version": 1, "services": [
//!     {"protocol": "tcp", "address": "192.0.2.1", "port": 80, "scheduler": "wrr",
//!      "destinations": [{"address": "10.0.0.2", "port": 80,
//!                        "forwarding_method": "masquerading", "weight": 3}]}]}"#;
//! let table: Table = serde_json::from_str(saved)?;
//! let (service, destinations) = &table.services[0];
//! assert_eq!(service.id.to_string(), "TCP 192.0.2.1:80");
//! assert_eq!(destinations[0].settings.weight, 3);
//! // The changes that put it into the kernel, for `Client::apply`.
//! assert_eq!(table.changes().count(), 2);
//! # Ok(())
//! # }
//! ```

mod destination;
mod id;
mod names;
mod service;
mod table;
mod values;

pub use self::{
    destination::WithoutCounters,
    id::OptionWord,
    names::{CHECKSUMS, FAMILIES, METHODS, PROTOCOLS},
    service::Entry,
    table::{SCHEMA_VERSION, Table},
};
