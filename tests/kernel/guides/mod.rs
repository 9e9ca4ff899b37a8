// SPDX-License-Identifier: MIT

//! The guides of docs/guides and docs/zh-CN, docs/cookbook.md and README.md: every
//! command in them is executed, every file is written, and every output must be as shown.
//!
//! A guide's first line names the network that it is about:
//!
//! ```text
//! <!-- network: behind behind backup -->
//! ```
//!
//! are two servers behind the director and a second director. On each server
//! runs a web server, at ports 80 and 443, whose pages say its name. All else is
//! the guide's to set up. The guide to tests in CI is about one machine (`runner.rs`).

mod blocks;
mod runner;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};

use ipvs_lab::http::Server;
use ipvs_lab::machine::Machine;
use ipvs_lab::network::{Network, Place};
use ipvs_lab::{Answer, Namespace, program, wait};

use self::blocks::{Command, Step};
pub(crate) use self::runner::CONTAINER;
use self::runner::Runner;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides")
}

#[test]
fn readme() {
    execute("../../README");
}

#[test]
fn every_guide_is_executed() {
    for file in fs::read_dir(directory()).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        let name = file.strip_suffix(".md").unwrap();
        // The list of the others.
        if name != "README" {
            let calls = [" execute", " execute_in"].map(|call| format!("{call}(\"{name}\""));
            let is_called = |call: &String| include_str!("mod.rs").contains(call);
            assert!(calls.iter().any(is_called), "{name}");
        }
    }
}

/// The boxes of a guide, each a machine of its own.
pub(crate) struct Scene {
    network: Network,
    machines: BTreeMap<String, Machine>,
    _servers: Vec<Server>,
}

impl Scene {
    /// Sets up what the first line of a guide names.
    pub(crate) fn new(guide: &str) -> Self {
        program::path().unwrap();
        let first = guide.lines().next().unwrap();
        let words = first.strip_prefix("<!-- network: ");
        let words = words.and_then(|words| words.strip_suffix(" -->"));
        let words = words.unwrap_or_else(|| panic!("no network: {first}"));
        let places = words.split(' ').filter(|word| *word != "backup");
        let places = places.map(|word| match word {
            "behind" => Place::Behind,
            "beside" => Place::Beside,
            "away" => Place::Away,
            _ => panic!("{word} is no place"),
        });
        let mut network = Network::new(places).unwrap();
        if words.ends_with("backup") {
            network.add_backup().unwrap();
        }
        let servers = network.servers.iter().flat_map(|server| {
            [80, 443].map(|port| {
                let any = (Ipv6Addr::UNSPECIFIED, port).into();
                Server::start(&server.namespace, any).unwrap()
            })
        });
        Self {
            _servers: servers.collect(),
            network,
            machines: BTreeMap::new(),
        }
    }

    /// Returns the network of one of the boxes.
    pub(crate) fn find(&self, place: &str) -> &Namespace {
        let namespace = self.network.find(place);
        namespace.unwrap_or_else(|| panic!("no box is called {place}"))
    }

    /// Runs a command of the shell in one of the boxes; what it writes to
    /// standard error comes with its output.
    pub(crate) fn run(&mut self, place: &str, command: &str, input: &str) -> Answer {
        let namespace = self.network.find(place);
        let namespace = namespace.unwrap_or_else(|| panic!("no box is called {place}"));
        let machine = self.machines.entry(place.to_owned());
        let machine = machine.or_insert_with(|| Machine::new().unwrap());
        let mut shell = machine.command(namespace, "/bin/sh");
        shell.args(["-c", &format!("exec 2>&1\n{command}")]);
        Answer::of(shell, input).unwrap()
    }
}

/// Runs a command of the guide; what only looks, until it sees what it is to see or
/// patience ends. Returns the last answer.
fn answer(run: &mut Run<'_>, command: &Command) -> Answer {
    let mut answer = None;
    let mut once = || {
        let last = run(&command.place, &command.words, "");
        let right = command.is_answered_by(&last);
        answer = Some(last);
        right
    };
    if command.only_looks() {
        wait::for_value(&true, once);
    } else {
        once();
    }
    answer.unwrap()
}

#[test]
fn chinese() {
    execute("../zh-CN/guide");
}

#[test]
fn cookbook() {
    execute("../cookbook");
}

#[test]
fn nat() {
    execute("nat");
}

#[test]
fn direct_routing() {
    execute("direct-routing");
}

#[test]
fn tunneling() {
    execute("tunneling");
}

#[test]
fn full_nat() {
    execute("full-nat");
}

#[test]
fn persistence() {
    execute("persistence");
}

#[test]
fn failover() {
    execute("failover");
}

#[test]
fn health_checks() {
    execute("health-checks");
}

#[test]
fn moving_from_ipvsadm() {
    execute("moving-from-ipvsadm");
}

#[test]
fn changing_a_live_director() {
    execute("changing-a-live-director");
}

#[test]
fn doctor() {
    execute("doctor");
}

#[test]
fn connections() {
    execute("connections");
}

#[test]
fn watching() {
    execute("watching");
}

#[test]
fn schedulers() {
    execute("schedulers");
}

#[test]
fn ci() {
    let guide = read("ci");
    let runner = Runner::new();
    let shown = execute_in("ci", &guide, &mut |place, words, input| {
        runner.run(place, words, input)
    });
    runner::assert_jobs_run(&guide, &shown);
}

/// Shows what the director came to, for whoever looks why a guide is wrong.
const STATE: &str = "ipvsadm -Ln --stats; ipvsadm -Lnc; ip neigh; ip -s link; dmesg | tail";

/// Runs a command at a place with some input.
type Run<'a> = dyn FnMut(&str, &str, &str) -> Answer + 'a;

fn read(name: &str) -> String {
    fs::read_to_string(directory().join(format!("{name}.md"))).unwrap()
}

/// The guides at whose end nothing is wrong with the director.
const HEALTHY: [&str; 6] = [
    "nat",
    "direct-routing",
    "tunneling",
    "full-nat",
    "failover",
    "persistence",
];

fn execute(name: &str) {
    let guide = read(name);
    let mut scene = Scene::new(&guide);
    execute_in(name, &guide, &mut |place, words, input| {
        scene.run(place, words, input)
    });
    if HEALTHY.contains(&name) {
        // The kernel's counters are up to two seconds old: a server that was not reached
        // before the last command has no reply in them yet.
        let healthy = (String::new(), 0);
        let seen = wait::for_value(&healthy, || {
            let answer = scene.run("director", "ipvsadm --doctor", "");
            (answer.stdout, answer.status)
        });
        assert_eq!(seen, healthy, "{name}");
    }
}

/// Executes a guide and returns the commands that it shows.
fn execute_in(name: &str, guide: &str, run: &mut Run<'_>) -> BTreeSet<String> {
    let steps = blocks::read(guide);
    assert!(!steps.is_empty(), "{name} shows no command");
    let mut shown = BTreeSet::new();
    for step in steps {
        match step {
            Step::Write { place, path, text } => {
                let command = format!("mkdir -p \"$(dirname '{path}')\" && cat > '{path}'");
                let answer = run(&place, &command, &text);
                assert_eq!((answer.stdout.as_str(), answer.status), ("", 0), "{path}");
            }
            Step::Run(command) => {
                let answer = answer(run, &command);
                if !command.is_answered_by(&answer) {
                    let director = match command.place.as_str() {
                        "runner" | "user" | "container" => "runner",
                        _ => "director",
                    };
                    panic!(
                        "{name}.md:{}: {}# {}\nwanted:\n{}\ngot (exit status {}):\n{}\n{director}:\n{}",
                        command.line,
                        command.place,
                        command.words,
                        command.wanted(),
                        answer.status,
                        answer.stdout,
                        run(director, STATE, "").stdout
                    );
                }
                shown.insert(command.words);
            }
        }
    }
    shown
}
