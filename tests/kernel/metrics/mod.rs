// SPDX-License-Identifier: MIT

//! The examples of metrics in `docs/examples/metrics`, with a real table, a real
//! node_exporter and a real Prometheus.

mod alerts;
mod http;

use std::fs;
use std::path::{Path, PathBuf};

fn path(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/metrics");
    folder.join(name).canonicalize().unwrap()
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}
