// SPDX-License-Identifier: MIT

//! Programs that get SIGKILL, SIGINT or SIGTERM before and after each of their requests to
//! the kernel; in the soak, before and after each of their system calls. What they leave
//! is the table as it is between two of their changes, and the next program finishes the
//! work.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::Range,
    os::unix::process::CommandExt as _,
    process::Command,
};

use ipvs_lab::{Namespace, program, soak};
use nix::sys::signal::Signal;

use super::traced::{self, Calls};
use crate::{ipvsadm, namespace, program::restore};

const SIGNALS: [Signal; 3] = [Signal::SIGKILL, Signal::SIGINT, Signal::SIGTERM];

/// The lines of a table: what `-S -n` writes, in any order.
type Table = BTreeSet<String>;

fn lines(rules: &str) -> Table {
    rules.lines().map(str::to_owned).collect()
}

/// Something that is done to a table, and what may come of it on the way.
struct Work<'a> {
    name: &'a str,
    command: &'a dyn Fn() -> Command,
    input: &'a str,
    before: &'a str,
    after: &'a str,
    /// What the table is from the first change to the last.
    states: &'a [Table],
    /// Does what is left to do, in the table that was left.
    finish: &'a dyn Fn(&Namespace, &str),
}

/// Ends the work at each place.
fn end_everywhere(work: &Work<'_>) {
    let is_soak = soak::trials(0, 1) == 1;
    let calls = if is_soak {
        Calls::Every
    } else {
        Calls::Sending
    };
    let director = namespace("director");
    let (mut trials, mut halves) = (0, 0);
    let mut seen = BTreeSet::new();
    // In a soak each signal comes at each place, else they take turns.
    let rounds = if is_soak { SIGNALS.len() } else { 1 };
    for round in 0..rounds {
        for stop in 1.. {
            let signal = SIGNALS[(round + stop) % SIGNALS.len()];
            restore(&director, &format!("-C\n{}", work.before));
            let command = director.enter((work.command)());
            let ended = traced::run(command, work.input, calls, stop, signal);
            let place = format!("{}: {signal} at stop {stop}", work.name);
            assert_eq!(ended.answer.stderr, "", "{place}");
            if !ended.was_sent {
                assert_eq!(ended.answer.status, 0, "{place}");
                assert_eq!(ipvsadm(&director, "-S -n"), work.after, "{place}");
                break;
            }
            let left = ipvsadm(&director, "-S -n");
            match ended.by {
                // It was about to end by itself.
                None => assert_eq!((ended.answer.status, &*left), (0, work.after), "{place}"),
                by => assert_eq!(by, Some(signal), "{place}"),
            }
            let state = work.states.iter().position(|state| *state == lines(&left));
            assert!(state.is_some(), "{place} left:\n{left}");
            seen.insert(state);
            halves += usize::from(left != work.before && left != work.after);
            (work.finish)(&director, &place);
            assert_eq!(ipvsadm(&director, "-S -n"), work.after, "{place}");
            trials += 1;
            if trials % 100 == 0 {
                soak::tell(&format!("{}: {trials} ends so far", work.name));
            }
        }
    }
    let figures = format!(
        "{}: ended {trials} times, {halves} of them between the first change and the last, in {} \
         different tables; 0 that are none of its own, 0 that the next could not finish",
        work.name,
        seen.len()
    );
    println!("{figures}");
    soak::tell(&figures);
    assert!(halves > 0, "{}", work.name);
}

/// Lets this tree's program do the same again, to its end.
fn again<'a>(make: &'a dyn Fn() -> Command, input: &'a str) -> impl Fn(&Namespace, &str) + 'a {
    move |director, place| {
        let answer = director.answer(make(), input).unwrap();
        let told = (
            answer.stdout.as_str(),
            answer.stderr.as_str(),
            answer.status,
        );
        assert_eq!(told, ("", "", 0), "{place}");
    }
}

fn ours(words: &[&str]) -> Command {
    let mut command = Command::new(program::path().unwrap());
    command.args(words);
    command
}

/// A service and so many of its servers, all of this weight.
fn service(address: &str, scheduler: &str, weight: u32, servers: Range<u32>) -> String {
    let mut rules = format!("-A -t {address}:80 -s {scheduler}\n");
    for server in servers {
        let (high, low) = (server / 250, server % 250 + 1);
        rules.push_str(&format!(
            "-a -t {address}:80 -r 10.1.{high}.{low}:80 -m -w {weight}\n"
        ));
    }
    rules
}

/// Two tables with common entries, others with other settings, and some that only one
/// has. From one to the other takes several datagrams.
fn tables() -> (String, String) {
    let stays = service("10.0.0.1", "rr", 1, 0..5);
    let before = stays.clone()
        + &service("10.0.0.2", "wrr", 1, 0..150)
        + &service("10.0.0.3", "rr", 1, 0..20);
    let after =
        stays + &service("10.0.0.2", "wlc", 2, 75..225) + &service("10.0.0.4", "rr", 1, 0..20);
    (before, after)
}

/// Returns what an original is for that ends after each line of `-C` and these rules.
fn line_by_line(before: &str, after: &str) -> Vec<Table> {
    let ends = after.match_indices('\n').map(|(end, _)| &after[..=end]);
    let beginnings = [before, ""].into_iter().chain(ends);
    beginnings.map(lines).collect()
}

/// Returns the tables after each of the changes that `--apply --dry-run` tells.
fn change_by_change(before: &str, after: &str) -> Vec<Table> {
    let director = namespace("plan");
    restore(&director, before);
    let words = ["--apply", "--dry-run"];
    let changes = ipvs_lab::ipvsadm_reading(&director, words, after).unwrap();
    assert_eq!((changes.stderr.as_str(), changes.status), ("", 0));
    // The words that name an entry.
    let key = |line: &str| -> Vec<String> {
        let words = line.split(' ').skip(1);
        let words = words.take_while(|word| !["-s", "-m"].contains(word));
        words.map(str::to_owned).collect()
    };
    let mut entries: BTreeMap<_, _> = before
        .lines()
        .map(|line| (key(line), line.to_owned()))
        .collect();
    let mut states = vec![lines(before)];
    for line in changes.stdout.lines() {
        let (command, words) = line.split_once(' ').unwrap();
        match command {
            "-d" => drop(entries.remove(&key(line))),
            "-D" => entries.retain(|entry, _| !entry.starts_with(&key(line))),
            "-A" | "-E" => drop(entries.insert(key(line), format!("-A {words}"))),
            "-a" | "-e" => drop(entries.insert(key(line), format!("-a {words}"))),
            other => panic!("{other}"),
        }
        states.push(entries.values().cloned().collect());
    }
    assert_eq!(states.last(), Some(&lines(after)));
    states
}

#[test]
fn rules_that_end_early_are_those_up_to_a_line() {
    let (before, after) = tables();
    let rules = format!("-C\n{after}");
    let command = || ours(&["-R"]);
    end_everywhere(&Work {
        name: "-R",
        command: &command,
        input: &rules,
        before: &before,
        after: &after,
        states: &line_by_line(&before, &after),
        finish: &again(&command, &rules),
    });
}

#[test]
fn so_are_those_of_the_original() {
    // It has a system call for each rule.
    let (before, after) = (
        service("10.0.0.1", "rr", 1, 0..2),
        service("10.0.0.1", "rr", 2, 0..4),
    );
    let rules = format!("-C\n{after}");
    let command = || {
        let original = program::find_original().unwrap();
        let mut command = Command::new(&original.program);
        command.arg("-R");
        original.add_libraries(&mut command);
        command
    };
    end_everywhere(&Work {
        name: "-R of ipvsadm 1.31",
        command: &command,
        input: &rules,
        before: &before,
        after: &after,
        states: &line_by_line(&before, &after),
        finish: &again(&|| ours(&["-R"]), &rules),
    });
}

#[test]
fn a_table_that_is_replaced_is_between_two_changes() {
    let (before, after) = tables();
    let states = change_by_change(&before, &after);
    let apply = || ours(&["--apply"]);
    let restore = || {
        let mut command = ours(&[]);
        // Installed, it is a link to the program of this name.
        command.arg0("ipvsadm-restore");
        command
    };
    for (name, command) in [
        ("--apply", &apply as &dyn Fn() -> Command),
        ("ipvsadm-restore", &restore),
    ] {
        end_everywhere(&Work {
            name,
            command,
            input: &after,
            before: &before,
            after: &after,
            states: &states,
            finish: &again(command, &after),
        });
    }
}

/// A table of three services with a common server, of which the first have been drained.
fn drained(services: usize) -> String {
    let rules = (0..3).map(|service| {
        let weight = if service < services { 0 } else { 3 + service };
        let name = format!("-t 10.0.0.{service}:80");
        format!(
            "-A {name} -s wrr\n-a {name} -r 10.1.0.1:80 -m -w {weight}\n\
             -a {name} -r 10.1.0.2:80 -m -w 9\n"
        )
    });
    rules.collect()
}

#[test]
fn a_drain_that_ends_early_has_kept_the_weights() {
    let states: Vec<Table> = (0..=3).map(|services| lines(&drained(services))).collect();
    let (before, after) = (drained(0), drained(3));
    let drain = || ours(&["--drain", "-r", "10.1.0.1"]);
    let undo = |director: &Namespace, place: &str| {
        let answer = director.answer(ours(&["--drain", "--undo"]), "").unwrap();
        assert_eq!(answer.status, 0, "{place}: {}", answer.stderr);
        assert_eq!(ipvsadm(director, "-S -n"), before, "{place}: undone");
    };
    let drain_all = |director: &Namespace, place: &str| {
        let drained = director.answer(drain(), "").unwrap();
        assert_eq!(
            (drained.stderr.as_str(), drained.status),
            ("", 0),
            "{place}"
        );
    };
    let finish = |director: &Namespace, place: &str| {
        // What was drained so far comes back,
        undo(director, place);
        // and the next drain keeps the weights as well.
        drain_all(director, place);
        undo(director, place);
        drain_all(director, place);
    };
    end_everywhere(&Work {
        name: "--drain",
        command: &drain,
        input: "",
        before: &before,
        after: &after,
        states: &states,
        finish: &finish,
    });
}

#[test]
fn a_file_of_metrics_is_the_old_or_the_new() {
    // A table to change from trial to trial is not needed: the file is.
    let director = namespace("director");
    restore(&director, &drained(0));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ipvs.prom");
    let words = [
        "-L",
        "--output",
        "openmetrics",
        "--output-file",
        path.to_str().unwrap(),
    ];
    assert_eq!(director.answer(ours(&words), "").unwrap().status, 0);
    let new = fs::read_to_string(&path).unwrap();
    let mut trials = 0;
    for stop in 1.. {
        fs::write(&path, "old").unwrap();
        let signal = SIGNALS[stop % SIGNALS.len()];
        let calls = if soak::trials(0, 1) == 1 {
            Calls::Every
        } else {
            Calls::Sending
        };
        let ended = traced::run(director.enter(ours(&words)), "", calls, stop, signal);
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text == "old" || text == new,
            "{signal} at stop {stop}: {text}"
        );
        if !ended.was_sent {
            break;
        }
        trials += 1;
    }
    println!("--output-file: ended {trials} times, 0 files that are neither the old nor the new");
}
