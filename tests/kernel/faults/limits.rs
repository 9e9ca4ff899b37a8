// SPDX-License-Identifier: MIT

//! Little memory, few descriptors, a small stack, and a machine with parts missing: the
//! program does all of its work, or says why not and has done it up to some change.

use std::fs;

use ipvs_lab::{Answer, Namespace, soak};
use tempfile::NamedTempFile;

use super::run;
use crate::{ipvsadm, namespace};

/// Services of the table that is put in place.
const SERVICES: usize = 300;

fn rules() -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    let rules = (1..=SERVICES).map(|mark| format!("-A -f {mark} -s rr\n"));
    fs::write(file.path(), rules.collect::<String>()).unwrap();
    file
}

/// Counts of how programs have ended.
#[derive(Debug, Default)]
struct Ends {
    done: usize,
    told: usize,
    in_between: usize,
}

impl Ends {
    /// Runs a command below a limit, and checks the outcome: all of the table and no word,
    /// or some of it and words.
    fn try_one(&mut self, director: &Namespace, script: &str) {
        ipvsadm(director, "-C");
        let Answer { stderr, status, .. } = run(director, script);
        let saved = ipvsadm(director, "-S -n");
        let there = saved.lines().count();
        if status == 0 {
            assert_eq!((stderr.as_str(), there), ("", SERVICES), "{script}");
            self.done += 1;
            return;
        }
        // Linux or the loader of programs can end a program before its first instruction.
        let is_silent = stderr.is_empty();
        assert!(
            !is_silent || (status > 128 && there == 0),
            "{script}: {status}"
        );
        self.told += 1;
        self.in_between += usize::from((1..SERVICES).contains(&there));
    }
}

#[test]
fn with_too_little_memory_the_table_is_as_wanted_or_a_failure_is_told() {
    let director = namespace("director");
    let file = rules();
    let path = file.path().display();
    let mut ends = Ends::default();
    for command in [
        format!("-R < {path}"),
        format!("--apply {path}"),
        format!("--restore --strict < {path}"),
    ] {
        let step = soak::trials(400, 40);
        for kilobytes in (1_000..12_000).step_by(step) {
            let script = format!("ulimit -v {kilobytes}; exec $ipvsadm {command}");
            ends.try_one(&director, &script);
        }
    }
    soak::tell(&format!("faults: memory: {ends:?}"));
    assert!(ends.done > 0 && ends.told > 0, "{ends:?}");
}

#[test]
fn with_too_few_descriptors_the_table_is_as_wanted_or_a_failure_is_told() {
    let director = namespace("director");
    let file = rules();
    let path = file.path().display();
    let mut ends = Ends::default();
    for command in [format!("-R < {path}"), format!("--apply {path}")] {
        for descriptors in 3..12 {
            let script = format!("ulimit -n {descriptors}; exec $ipvsadm {command}");
            ends.try_one(&director, &script);
        }
    }
    soak::tell(&format!("faults: descriptors: {ends:?}"));
    assert!(ends.done > 0 && ends.told > 0, "{ends:?}");
    assert_eq!(ends.in_between, 0, "{ends:?}");
}

/// The smallest that Linux starts a program with, and more.
#[test]
fn with_a_small_stack_the_table_is_as_wanted() {
    let director = namespace("director");
    let file = rules();
    let path = file.path().display();
    let mut ends = Ends::default();
    for kilobytes in [128, 256, 512, 1024] {
        for command in [format!("-R < {path}"), format!("--apply {path}")] {
            let script = format!("ulimit -s {kilobytes}; exec $ipvsadm {command}");
            ends.try_one(&director, &script);
        }
    }
    assert_eq!(ends.told, 0, "{ends:?}");
}

/// Lays an empty folder over another one, for a script alone.
fn without(folder: &str, options: &str, script: &str) -> String {
    format!("unshare -m sh -c 'mount -t tmpfs -o {options} none {folder} && {script}'")
}

#[test]
fn without_proc_the_table_is_changed_listed_and_saved() {
    let director = namespace("director");
    let file = rules();
    let path = file.path().display();
    for command in [format!("-R < {path}"), format!("--apply {path}")] {
        ipvsadm(&director, "-C");
        let answer = run(
            &director,
            &without("/proc", "rw", &format!("$ipvsadm {command}")),
        );
        assert_eq!(
            (answer.stderr.as_str(), answer.status),
            ("", 0),
            "{command}"
        );
        assert_eq!(ipvsadm(&director, "-S -n").lines().count(), SERVICES);
    }
    for list in ["-L -n", "-S -n", "-L --json", "-L -n --stats", "-Z"] {
        let with = run(&director, &format!("$ipvsadm {list}"));
        let without = run(
            &director,
            &without("/proc", "rw", &format!("$ipvsadm {list}")),
        );
        assert_eq!(without.status, 0, "{list}: {}", without.stderr);
        // The heading has the version of IPVS and the size of the table from there.
        let rows = |answer: &Answer| answer.stdout.lines().skip(1).collect::<Vec<_>>().join("\n");
        assert_eq!(rows(&without), rows(&with), "{list}");
    }
    let answer = run(&director, &without("/proc", "rw", "$ipvsadm -L -n -c"));
    assert_ne!(answer.status, 0);
    assert!(
        answer.stderr.contains("/net/ip_vs_conn: No such file"),
        "{}",
        answer.stderr
    );
}

/// The lock is then where that of users without root is (`run/state_folder.rs`).
#[test]
fn without_a_run_folder_to_write_to_the_lock_is_elsewhere_and_without_any_folder_it_is_missed() {
    let director = namespace("director");
    let file = rules();
    let path = file.path().display();
    let apply = "echo \"-A -f 1 -s wrr\" | $ipvsadm --apply -";
    let answer = run(
        &director,
        &without("/run", "ro", &format!("$ipvsadm -R < {path}")),
    );
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    assert_eq!(ipvsadm(&director, "-S -n").lines().count(), SERVICES);

    let read_only = "mount -t tmpfs -o ro none /tmp; ";
    let script = without("/run", "ro", &format!("{read_only}{apply}"));
    let answer = run(&director, &script);
    assert_eq!(answer.status, 2, "{}", answer.stderr);
    assert!(
        answer.stderr.contains("Read-only file system"),
        "{}",
        answer.stderr
    );
    assert_eq!(answer.stderr.lines().count(), 1, "{}", answer.stderr);
    assert_eq!(ipvsadm(&director, "-S -n").lines().count(), SERVICES);

    let answer = run(&director, &without("/run", "ro", apply));
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    assert_eq!(ipvsadm(&director, "-S -n"), "-A -f 1 -s wrr\n");
}
