// SPDX-License-Identifier: MIT

//! The examples of metrics in `docs/examples/metrics`, with a real table, a real
//! node_exporter and a real Prometheus.

mod alerts;
mod http;
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

/// Returns what a unit says after this name, once.
fn setting<'a>(unit: &'a str, name: &str) -> &'a str {
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    let mut values = lines.filter(|(of, _)| *of == name);
    let (_, value) = values.next().unwrap();
    assert_eq!(values.next(), None, "{name} in {unit}");
    value
}

/// A process that ends with this value.
struct Running(Child);

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
