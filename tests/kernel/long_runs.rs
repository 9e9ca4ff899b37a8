// SPDX-License-Identifier: MIT

//! Programs that go on for as long as a director does: they do not grow.

use std::fs;
use std::net::UdpSocket;
use std::process::{Child, Stdio};
use std::time::Duration;

use ipvs_lab::{Namespace, soak};

use crate::chance::Chance;
use crate::ipvsadm;
use crate::metrics::http::Endpoint;
use crate::tables::{LASTING, compare, rules};
use crate::watch::{Output, Terminal, program, value};

/// Changes of the table in one test. Each is waited for.
const ROUNDS: usize = 20;
/// The time that the soak takes.
const LONG: Duration = Duration::from_secs(2 * 60 * 60);
/// Seconds between two looks.
const INTERVAL: &str = "0.5";

/// KiB of memory that a program may have more in the second half than in the first. The
/// tables are random, so that the largest one can be in either. In the soak this is 50
/// bytes or less for a change.
const TOLERANCE: u64 = 128;

/// The memory and descriptors of a process, at one time or in one half of the rounds.
#[derive(Debug, Clone, Copy)]
struct Use {
    /// KiB of memory that is its own.
    memory: u64,
    descriptors: usize,
}

impl Use {
    /// Returns that of a process; `RssAnon` is in proc_pid_status(5).
    fn of(process: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let memory = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"))
            .and_then(|rest| rest.trim().strip_suffix(" kB"))
            .unwrap();
        let descriptors = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
        Self {
            memory: memory.parse().unwrap(),
            descriptors: descriptors.count(),
        }
    }

    /// Returns the most memory and the fewest descriptors: a look may fall into the moment
    /// in which a file of the kernel is open, and one that is never closed is seen each time.
    fn with(self, other: Self) -> Self {
        Self {
            memory: self.memory.max(other.memory),
            descriptors: self.descriptors.min(other.descriptors),
        }
    }
}

/// A program that goes on, and what it has had in each half of the rounds.
struct Watched {
    name: &'static str,
    process: u32,
    halves: [Option<Use>; 2],
}

impl Watched {
    fn new(name: &'static str, process: u32) -> Self {
        let halves = [None; 2];
        Self {
            name,
            process,
            halves,
        }
    }

    fn look(&mut self, is_second_half: bool) {
        let half = &mut self.halves[usize::from(is_second_half)];
        let seen = Use::of(self.process);
        *half = Some(half.map_or(seen, |half| half.with(seen)));
    }

    fn check(&self) {
        let [first, second] = self.halves.map(Option::unwrap);
        let name = self.name;
        assert_eq!(first.descriptors, second.descriptors, "{name}");
        assert!(
            second.memory <= first.memory + TOLERANCE,
            "{name}: {:?}",
            self.halves
        );
    }
}

/// Starts the program with its output into a pipe.
fn start(director: &Namespace, arguments: &str) -> (Child, Output) {
    let mut child = director
        .command(ipvs_lab::program::path().unwrap())
        .args(arguments.split_ascii_whitespace())
        .args(["--watch", INTERVAL])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = Output::of(child.stdout.take().unwrap());
    (child, output)
}

/// Sends a datagram to the service that all tables have; returns the client's port.
fn send(director: &Namespace) -> u16 {
    let send = || {
        let client = UdpSocket::bind("10.0.0.9:0").unwrap();
        client.send_to(b"?", "10.0.0.9:9").unwrap();
        client.local_addr().unwrap().port()
    };
    director.run(send).unwrap()
}

#[test]
fn watching_and_scraping_take_no_more_memory_or_descriptors_as_time_goes() {
    let endpoint = Endpoint::start(LASTING);
    let director = &endpoint.director;
    director.ip("addr add 10.0.0.9 dev lo").unwrap();
    // A connection is forgotten after five minutes: the next look comes earlier, also on a
    // machine that stands still for a while.
    ipvsadm(director, "--set 0 0 300");

    let mut screen = Terminal::start(
        director,
        &format!(
            "stty rows 200 cols 200; {} -L -n --output wide --watch {INTERVAL} & \
             echo pid=$!=; wait $!",
            program()
        ),
    );
    let process = value(&screen.await_text("q quits"), "pid").parse().unwrap();
    let (mut changing, mut changes) = start(director, "-L --changes");
    let (mut documenting, mut documents) = start(director, "-L --json");
    let (mut connecting, mut connections) = start(director, "-L -n -c");
    let mut all = [
        Watched::new("--watch", process),
        Watched::new("--watch --changes", changing.id()),
        Watched::new("--watch --json", documenting.id()),
        Watched::new("-c --watch", connecting.id()),
        Watched::new("the listener of the metrics", endpoint.listener.0.id()),
    ];
    documents.await_text("\n");

    let mut chance = Chance::new(1, 0);
    let mut span = soak::Span::new(ROUNDS, LONG);
    while let Some(round) = span.next_round() {
        // The first weight is 1.
        let (before, weight) = (round, round + 1);
        let table = rules(&mut chance).replacen("-w 1", &format!("-w {weight}"), 1);
        assert_eq!(compare(director, "--apply", &table), (String::new(), 0));
        let port = send(director);
        changes.await_text(&format!("weight {before} -> {weight}\n"));
        screen.await_text(&format!("\x1b[0;7m{weight}\x1b[0m"));
        documents.await_text(&format!("\"weight\":{weight},"));
        connections.await_text(&format!("10.0.0.9:{port} "));
        let answer = endpoint.curl(&["--fail", "/metrics"]);
        assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));

        for watched in &mut all {
            watched.look(span.is_second_half());
        }
        if round == 1 || round.is_multiple_of(600) {
            soak::tell(&format!("long: {round} changes"));
            for watched in &all {
                let Use {
                    memory,
                    descriptors,
                } = Use::of(watched.process);
                let name = watched.name;
                soak::tell(&format!(
                    "long: {name}: {memory} KiB, {descriptors} descriptors"
                ));
            }
        }
    }
    for watched in &all {
        watched.check();
    }
    screen.press("q");
    screen.end();
    for child in [&mut changing, &mut documenting, &mut connecting] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
