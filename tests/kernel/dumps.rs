// SPDX-License-Identifier: MIT

//! Listings while the table changes, in the same network namespace and next
//! door.
//!
//! The kernel hands a large table out in pieces, and finds the place where it
//! stopped by counting: services in all network namespaces, destinations in
//! their service. A change between two pieces makes it skip an entry or give
//! one again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use ipvs_client::{
    Change, Client, DestinationId, DestinationSettings, Protocol, ServiceId, ServiceSettings,
};
use ipvs_lab::{Answer, Namespace, ipvsadm, ipvsadm_reading, soak};

use crate::{namespace, program::restore};

const SERVICES: u8 = 200;

/// A service for each port and number. The kernel's table is hashed by the low bits of
/// addresses: they differ.
fn service(port: u16, number: u8) -> ServiceId {
    ServiceId::Address {
        protocol: Protocol::Tcp,
        address: [10, 0, 0, number].into(),
        port,
    }
}

fn settings() -> ServiceSettings {
    ServiceSettings::new("rr")
}

/// Carries out the changes over and over again while `work` is done. Each time
/// all of them must succeed.
pub(crate) fn while_changing<T>(
    network: &Namespace,
    changes: &[&[Change]],
    work: impl FnOnce() -> T,
) -> T {
    let (stop, passes) = (AtomicBool::new(false), AtomicUsize::new(0));
    let change = || {
        let mut client = Client::open().unwrap();
        while !stop.load(Ordering::Relaxed) {
            for changes in changes {
                let refused = client.apply(changes).unwrap();
                assert!(refused.is_empty(), "{refused:?}");
            }
            passes.fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        let changing = scope.spawn(|| network.run(change).unwrap());
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        stop.store(true, Ordering::Relaxed);
        changing.join().unwrap();
        assert!(
            passes.load(Ordering::Relaxed) > 1,
            "nothing changed meanwhile"
        );
        done.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked))
    })
}

/// Counts how often each line stands in a text.
pub(crate) fn counted(text: &str) -> BTreeMap<&str, usize> {
    let mut lines = BTreeMap::new();
    for line in text.lines() {
        *lines.entry(line).or_default() += 1;
    }
    lines
}

/// The rules of 600 services.
fn rules() -> String {
    (1..=3)
        .flat_map(|port| (0..SERVICES).map(move |number| (port, number)))
        .map(|(port, number)| format!("-A -t 10.0.0.{number}:{port} -s rr\n"))
        .collect()
}

/// Adds and removes 400 services in another namespace meanwhile.
fn while_a_neighbour_changes<T>(work: impl FnOnce() -> T) -> T {
    let services: Vec<_> = (1..=2)
        .flat_map(|port| (0..SERVICES).map(move |number| service(port, number)))
        .collect();
    let add: Vec<_> = services
        .iter()
        .map(|id| Change::AddService(*id, settings()))
        .collect();
    let delete: Vec<_> = services.into_iter().map(Change::DeleteService).collect();
    while_changing(&namespace("neighbour"), &[&add, &delete], work)
}

/// What must not lack a service: each says the same as when nothing changes. Files are
/// compared and applied on standard input.
const COMMANDS: [&[&str]; 4] = [&["-S", "-n"], &["-S", "--json"], &["--diff"], &["--apply"]];

#[test]
fn no_service_is_missing_or_comes_twice_while_those_of_another_namespace_come_and_go() {
    let director = namespace("director");
    let rules = rules();
    restore(&director, &rules);
    let say = |command: &[&str]| {
        let answer = ipvsadm_reading(&director, command, &rules).unwrap();
        (answer.stdout, answer.stderr, answer.status)
    };
    let expected = COMMANDS.map(say);
    let mut client = director.run(|| Client::open().unwrap()).unwrap();
    let rounds = soak::trials(6, 125);
    let mut wrong = Vec::new();
    let mut lacking = 0;
    while_a_neighbour_changes(|| {
        for round in 0..rounds {
            for (command, expected) in COMMANDS.iter().zip(&expected) {
                let said = say(command);
                if said != *expected {
                    wrong.push(format!(
                        "round {round}, {command:?}: {}",
                        differ(expected, &said)
                    ));
                }
            }
            soak::tell(&format!("{} commands", (round + 1) * COMMANDS.len()));
        }
        // A single reading is not enough: this kernel leaves services out, and says nothing.
        for _ in 0..2000 {
            let read = client.services().unwrap().len();
            lacking += usize::from(read < 3 * usize::from(SERVICES));
            if lacking == 3 {
                break;
            }
        }
    });
    assert!(wrong.is_empty(), "{} are wrong: {wrong:#?}", wrong.len());
    assert_eq!(lacking, 3, "nothing was left out that had to be found");
}

/// Says in what two answers differ.
fn differ(expected: &(String, String, u8), said: &(String, String, u8)) -> String {
    let [all, there] = [expected, said].map(|(stdout, _, _)| counted(stdout));
    let missing = all
        .keys()
        .filter(|line| !there.contains_key(**line))
        .count();
    let more = there
        .iter()
        .filter(|(line, count)| all.get(**line) < Some(count))
        .count();
    let (_, stderr, status) = said;
    format!("{missing} missing, {more} more, status {status}, {stderr:?}")
}

#[test]
fn no_view_shows_a_service_twice_while_those_of_another_namespace_come_and_go() {
    let director = namespace("director");
    restore(&director, &rules());
    while_a_neighbour_changes(|| {
        for view in [
            "-L -n",
            "-L -n --nosort",
            "-L -n --stats",
            "-L -n --output wide",
            "-L --output openmetrics",
        ] {
            for round in 0..soak::trials(5, 20) {
                let shown = crate::ipvsadm(&director, view);
                let twice: Vec<_> = counted(&shown)
                    .into_iter()
                    .filter(|(_, count)| *count > 1)
                    .collect();
                assert!(twice.is_empty(), "{view}, round {round}: {twice:?}");
            }
        }
    });
}

/// Here it is the list itself that changes, which may not let two readings
/// agree. Then nothing is written.
#[test]
fn no_server_that_stays_is_missing_or_saved_twice_while_others_of_its_service_change() {
    const STAYING: u8 = 200;
    let director = namespace("director");
    let web = service(80, 1);
    let server = |port: u16, number: u8| DestinationId {
        address: [10, 0, 1, number].into(),
        port,
    };
    let rules: String = (0..STAYING)
        .map(|number| format!("-a -t 10.0.0.1:80 -r 10.0.1.{number}:80 -m -w 1\n"))
        .collect();
    let rules = format!("-A -t 10.0.0.1:80 -s rr\n{rules}");
    restore(&director, &rules);
    let settings = DestinationSettings::masquerading();
    let others = (0..100).map(|number| server(81, number));
    let add: Vec<_> = others
        .clone()
        .map(|id| Change::AddDestination(web, id, settings))
        .collect();
    let delete: Vec<_> = others
        .map(|id| Change::DeleteDestination(web, id))
        .collect();
    let (mut whole, mut refused) = (0, 0);
    while_changing(&director, &[&add, &delete], || {
        for round in 0..soak::trials(30, 500) {
            let Answer {
                stdout,
                stderr,
                status,
            } = ipvsadm(&director, ["-S", "-n"]).unwrap();
            if status == 1 {
                assert_eq!(stdout, "");
                assert_eq!(
                    stderr,
                    "cannot list the destinations of TCP 10.0.0.1:80: the table kept changing \
                     while it was read, so that entries may be missing; try again when less is \
                     added and removed\nNothing of it was written.\n"
                );
                refused += 1;
                continue;
            }
            assert_eq!((stderr.as_str(), status), ("", 0));
            let saved = counted(&stdout);
            let missing: Vec<_> = rules
                .lines()
                .filter(|line| !saved.contains_key(line))
                .collect();
            assert!(
                missing.is_empty(),
                "round {round}: {missing:#?} in {stdout}"
            );
            let twice: Vec<_> = saved.iter().filter(|(_, count)| **count > 1).collect();
            assert!(twice.is_empty(), "round {round}: {twice:#?}");
            whole += 1;
        }
    });
    println!("{whole} were saved, {refused} not");
    crate::ipvsadm(&director, "-S -n");
    assert!(whole > 0);
}
