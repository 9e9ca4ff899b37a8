// SPDX-License-Identifier: MIT

//! The units of the examples under a real systemd, which is the first process of a process
//! namespace.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use ipvs_lab::machine::Machine;
use ipvs_lab::{Namespace, wait};

use super::{Running, path, read};
use crate::program::{RULES, restore};
use crate::unit::setting;
use crate::{ipvsadm, namespace};

/// Installs the examples as their README says, and becomes systemd. Nothing that it
/// writes is seen outside, except /run of the machine. The units do without those of the
/// whole machine that they would wait for.
const BECOME_SYSTEMD: &str = r#"
set -e
for place in /tmp /var/tmp /var/lib /usr/local; do mount -t tmpfs none "$place"; done
mount -t proc proc /proc
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /run/node-exporter /var/lib/prometheus/node-exporter
mount --bind /run/node-exporter /var/lib/prometheus/node-exporter
rm -rf /etc/systemd/system
mkdir -p /etc/systemd/system /etc/prometheus
cd "$EXAMPLES"
sed -n 's/^    # \(install \)/\1/p' README.md > /run/commands
. /run/commands
cd /etc/systemd/system
for unit in ipvsadm-*; do
    mkdir "$unit.d"
    printf '[Unit]\nDefaultDependencies=no\n' > "$unit.d/alone.conf"
done
printf '[Unit]\nDefaultDependencies=no\nRequires=%s\n' \
    'ipvsadm-metrics.timer ipvsadm-metrics-http.socket' > metrics.target
exec /usr/lib/systemd/systemd --system --unit=metrics.target --show-status=no
"#;

/// A director whose first process is systemd, which has the units of the examples.
struct Booted {
    machine: Machine,
    director: Namespace,
    _systemd: Running,
}

impl Booted {
    fn start() -> Self {
        let director = namespace("director");
        restore(&director, RULES);
        let machine = Machine::new().unwrap();
        let mut command = machine.command(&director, "unshare");
        command.args(["--mount", "--pid", "--cgroup", "--fork", "--kill-child"]);
        command.args(["sh", "-c", BECOME_SYSTEMD]);
        // It tells systemd that the machine is not its own.
        command.env("container", "lab");
        command.env("EXAMPLES", path(""));
        Self {
            _systemd: Running::start(command),
            machine,
            director,
        }
    }

    /// Connects to the socket that systemd listens on.
    fn connect(&self) -> Option<TcpStream> {
        let socket = read("ipvsadm-metrics-http.socket");
        let address = setting(&socket, "ListenStream");
        self.director
            .run(|| TcpStream::connect(address))
            .unwrap()
            .ok()
    }

    /// Returns the metrics that the socket answers with.
    fn ask(&self) -> Option<String> {
        let mut stream = self.connect()?;
        let mut answer = String::new();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: lvs1\r\n\r\n")
            .ok()?;
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        Some(body.to_owned())
    }
}

/// Returns what `/proc` says about the processes of the endpoint, each as its lines.
fn endpoints() -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let status = processes.filter_map(|one| fs::read_to_string(one.path().join("status")).ok());
    // Names have 15 letters at most.
    let endpoints = status.filter(|status| status.starts_with("Name:\tipvsadm-metrics\n"));
    endpoints.collect()
}

#[test]
fn systemd_starts_the_endpoint_for_each_connection_with_one_right() {
    let booted = Booted::start();
    let table = Some(ipvsadm(&booted.director, "-L --output openmetrics"));
    assert_eq!(wait::for_value(&table, || booted.ask()), table);
    assert_eq!(booted.ask(), table);
    assert_eq!(wait::for_value(&vec![], endpoints), [""; 0]);

    // One that is asked nothing yet can be looked at.
    let waiting = booted.connect();
    assert!(wait::for_value(&true, || endpoints().len() == 1));
    let status = endpoints().remove(0);
    let line = |name: &str| {
        let mut lines = status.lines().filter_map(|line| line.split_once(":\t"));
        lines.find(|(of, _)| *of == name).unwrap().1
    };
    let users: Vec<u32> = line("Uid")
        .split('\t')
        .map(|id| id.parse().unwrap())
        .collect();
    assert!(users.iter().all(|user| *user != 0), "{status}");
    // CAP_NET_ADMIN is 12 (`linux/capability.h`).
    for set in ["CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(line(set), format!("{:016x}", 1 << 12), "{status}");
    }
    assert_eq!(line("NoNewPrivs"), "1", "{status}");
    // With a filter of system calls (`proc(5)`).
    assert_eq!(line("Seccomp"), "2", "{status}");
    drop(waiting);
    assert_eq!(wait::for_value(&vec![], endpoints), [""; 0]);
}

#[test]
fn the_timer_has_systemd_write_the_file_again_and_again() {
    let booted = Booted::start();
    let file = booted
        .machine
        .run_directory()
        .join("node-exporter/ipvs.prom");
    let written = || fs::read_to_string(&file).ok();
    let table = Some(ipvsadm(&booted.director, "-L --output openmetrics"));
    assert_eq!(wait::for_value(&table, written), table);
    ipvsadm(&booted.director, "-C");
    let table = Some(ipvsadm(&booted.director, "-L --output openmetrics"));
    assert_eq!(wait::for_value(&table, written), table);
}
