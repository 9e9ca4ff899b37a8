// SPDX-License-Identifier: MIT

//! The schedulers of the kernel by name: the one list.

/// Each name, and what the scheduler does.
pub(crate) const SCHEDULERS: [(&str, &str); 14] = [
    ("rr", "Round robin"),
    ("wrr", "Weighted round robin"),
    ("lc", "Least connections"),
    ("wlc", "Weighted least connections"),
    ("lblc", "Locality-based least connections"),
    ("lblcr", "Locality-based least connections with replication"),
    ("dh", "Destination hashing"),
    ("sh", "Source hashing"),
    ("sed", "Shortest expected delay"),
    ("nq", "Never queue"),
    ("fo", "Weighted failover"),
    ("ovf", "Weighted overflow"),
    ("mh", "Maglev hashing"),
    ("twos", "Power of two random choices"),
];
