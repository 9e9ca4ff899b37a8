// SPDX-License-Identifier: MIT

//! The examples of metrics that the package has, installed as their README says.

use std::fs;
use std::path::{Path, PathBuf};

use super::debian::Debian;
use crate::{ipvsadm, unit};

const EXAMPLES: &str = "/usr/share/doc/ipvsadm/examples/metrics";
const UNITS: &str = "/etc/systemd/system";

/// The units, as systemd is asked about them.
const NAMES: [&str; 4] = [
    "ipvsadm-metrics.service",
    "ipvsadm-metrics.timer",
    "ipvsadm-metrics-http.socket",
    "ipvsadm-metrics-http@.service",
];

/// Returns the examples of this tree, by their names.
fn examples() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/metrics");
    let files = fs::read_dir(folder).unwrap().map(|file| {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        (name.to_owned(), path)
    });
    files.collect()
}

/// Returns a system on which the commands of the README have put the files in their places.
fn installed() -> Debian {
    let debian = Debian::with_package();
    debian.run(&format!("mkdir -p /etc/prometheus {UNITS}"));
    let readme = debian.read(&format!("{EXAMPLES}/README.md"));
    let commands: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("    # "))
        .filter(|command| command.starts_with("install "))
        .collect();
    assert_eq!(commands.len(), 4, "{readme}");
    for command in commands {
        debian.run(&format!("env --chdir={EXAMPLES} {command}"));
    }
    debian
}

/// Returns what a unit says after this name.
fn setting(debian: &Debian, unit: &str, name: &str) -> String {
    let unit = debian.read(&format!("{UNITS}/{unit}"));
    unit::setting(&unit, name).to_owned()
}

#[test]
fn the_package_has_every_example_as_it_is_in_the_tree() {
    let debian = Debian::with_package();
    let examples = examples();
    assert!(!examples.is_empty());
    for (name, path) in examples {
        let text = fs::read_to_string(path).unwrap();
        assert!(debian.read(&format!("{EXAMPLES}/{name}")) == text, "{name}");
    }
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units_of_the_examples() {
    let debian = installed();
    let faults = |unit: &str| debian.find_faults(&format!("{UNITS}/{unit}"));
    for name in NAMES {
        assert_eq!(faults(name), (vec![], 0), "{name}");
    }
    // It would have found a file that is not there, and a word that it does not know.
    let service = NAMES[3];
    debian.run("chmod -x /usr/local/libexec/ipvsadm-metrics-http");
    assert!(faults(service).0[0].contains("is not executable"));
    let path = format!("{UNITS}/{service}");
    let unit = debian.read(&path);
    debian.write(&path, &unit.replace("DynamicUser=", "DynamicUsers="));
    let (found, _) = faults(service);
    assert!(
        found.iter().any(|line| line.contains("DynamicUsers")),
        "{found:?}"
    );
}

#[test]
fn systemd_sees_how_little_the_services_may_do() {
    let debian = installed();
    // Ten is everything. The limits are what a service can have that needs the network of
    // the machine and this capability; the first writes a file of root's too.
    for (name, limit) in [(NAMES[0], 25), (NAMES[3], 20)] {
        let judge = format!(
            "systemd-analyze security --offline=yes --no-pager --threshold={limit} {UNITS}/{name}"
        );
        let answer = debian.try_run(&judge);
        assert_eq!(answer.status, 0, "{answer:?}");
        let path = format!("{UNITS}/{name}");
        let unit = debian.read(&path);
        debian.write(&path, &unit.replace("CapabilityBoundingSet=", "#"));
        assert_ne!(debian.try_run(&judge).status, 0);
    }
}

#[test]
fn the_timer_writes_the_metrics_with_the_rights_that_it_has() {
    let debian = installed();
    ipvsadm(&debian.network, "-A -t 10.0.0.1:80 -s rr");
    let unit = NAMES[0];
    let folder = setting(&debian, unit, "ReadWritePaths");
    debian.run(&format!("mkdir -p {folder}"));
    // The folder is another user's, as with Debian's package of node_exporter.
    debian.run(&format!("chown 65534:65534 {folder}"));
    let rights = setting(&debian, unit, "CapabilityBoundingSet");
    let rights = rights.to_lowercase().replace("cap_", "+").replace(' ', ",");
    let command = setting(&debian, unit, "ExecStart");
    debian.run(&format!(
        "setpriv --no-new-privs --bounding-set -all,{rights} --inh-caps -all,{rights} {command}"
    ));
    let written = debian.read(&format!("{folder}/ipvs.prom"));
    assert_eq!(written, ipvsadm(&debian.network, "-L --output openmetrics"));
    assert!(written.contains("\nnode_ipvs_service_backends_usable{"));
}
