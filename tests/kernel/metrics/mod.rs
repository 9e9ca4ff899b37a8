// SPDX-License-Identifier: MIT

//! The examples of metrics in `docs/examples/metrics`, with a real table, a real
//! node_exporter and a real Prometheus.

mod alerts;
pub(crate) mod http;
mod systemd;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

fn path(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/metrics");
    folder.join(name).canonicalize().unwrap()
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

/// A process that ends with this value.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
