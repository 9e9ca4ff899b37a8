// SPDX-License-Identifier: MIT

//! Tables that are made what a file says (`--apply`, `--diff`, `ipvsadm-restore`), by a
//! real kernel.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::{MetadataExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use ipvs_client::NetworkNamespace;
use ipvs_lab::{Answer, Namespace, program};
use serde_json::Value;

use crate::{
    add_sync_interface, ipvsadm, namespace,
    program::{RULES, restore},
    watch::Terminal,
};

/// Every entry of [`RULES`] with other settings, and some entries gone, others new.
fn others() -> String {
    // What is replaced stays in the order in which it is saved.
    RULES
        .replace(" -w ", " -w 1")
        .replace("-s wrr", "-s lc")
        .replace("-b flag-1", "-b flag-2")
        .replace("-p ", "-p 1")
        .replace("10.0.0.9:80", "10.0.0.19:80")
        .replace("-f 4294967295", "-f 4294967294")
}

/// What a command says, and its status.
fn told(director: &Namespace, words: &[&str], rules: &str) -> (String, String, u8) {
    let Answer {
        stdout,
        stderr,
        status,
    } = ipvs_lab::ipvsadm_reading(director, words, rules).unwrap();
    (stdout, stderr, status)
}

fn nothing() -> (String, String, u8) {
    (String::new(), String::new(), 0)
}

#[test]
fn any_table_is_made_the_other_and_back() {
    let director = namespace("director");
    let others = others();
    for rules in [RULES, &others, RULES] {
        let (differences, errors, status) = told(&director, &["--diff"], rules);
        assert_eq!((errors.as_str(), status), ("", 1));
        assert_ne!(differences, "");
        assert_eq!(told(&director, &["--apply"], rules), nothing());
        assert_eq!(ipvsadm(&director, "-S -n"), rules);
        assert_eq!(told(&director, &["--diff"], rules), nothing());
        assert_eq!(told(&director, &["--apply", "--dry-run"], rules), nothing());
    }
}

#[test]
fn the_commands_of_a_dry_run_do_the_same() {
    let director = namespace("director");
    restore(&director, RULES);
    let others = others();
    let (commands, _, _) = told(&director, &["--apply", "--dry-run"], &others);
    assert_eq!(ipvsadm(&director, "-S -n"), RULES, "nothing was done");
    restore(&director, &commands);
    assert_eq!(ipvsadm(&director, "-S -n"), others);
}

#[test]
fn a_saved_document_is_applied_like_rules() {
    let director = namespace("director");
    restore(&director, RULES);
    let document = ipvsadm(&director, "-S --json");
    restore(&director, "-C\n");
    restore(&director, &others());
    assert_eq!(told(&director, &["--diff"], &document).2, 1);
    assert_eq!(told(&director, &["--apply"], &document), nothing());
    assert_eq!(ipvsadm(&director, "-S -n"), RULES);
    assert_eq!(told(&director, &["--diff"], RULES), nothing());
}

#[test]
fn what_the_kernel_refuses_leaves_everything_as_it_was() {
    let director = namespace("director");
    restore(&director, RULES);
    for (rule, words) in [
        (
            "-A -t 10.0.0.77:80 -s nonsense",
            "cannot add TCP 10.0.0.77:80: there is no such scheduler or persistence engine (ENOENT)",
        ),
        (
            "-a -t 10.0.0.1:80 -r 224.0.0.1:80 -m",
            "cannot add 224.0.0.1:80 to TCP 10.0.0.1:80: Invalid argument (EINVAL)",
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.99:80 -m -x 3 -y 5",
            "cannot add 10.0.0.99:80 to TCP 10.0.0.1:80: the weight is out of range, or the lower \
             threshold is above the upper (ERANGE)",
        ),
    ] {
        let others = others();
        // The destination of a service comes after the service.
        let (first, rest) = others.split_once('\n').unwrap();
        let rules = format!("--set 77 0 0\n{first}\n{rule}\n{rest}");
        let (out, errors, status) = told(&director, &["--apply"], &rules);
        assert_eq!(
            (out.as_str(), errors, status),
            (
                "",
                format!("line 3: {words}\nthe table is as it was\n"),
                255
            )
        );
        assert_eq!(ipvsadm(&director, "-S -n"), RULES);
        let timeouts = "Timeout (tcp tcpfin udp): 900 120 300\n";
        assert_eq!(ipvsadm(&director, "-L --timeout"), timeouts);
    }
}

#[test]
fn a_daemon_that_does_not_start_takes_everything_back() {
    let director = namespace("director");
    let before = "-A -f 1 -s rr\n-a -f 1 -r 10.0.0.2:0 -m -w 1\n";
    restore(&director, before);
    let rules = "-A -f 1 -s lc\n-A -f 2 -s rr\n\
                 --start-daemon master --mcast-interface missing\n";
    let words = "line 3: cannot start the master daemon: there is no such network interface \
                 (ENODEV)\nthe table is as it was\n";
    assert_eq!(
        told(&director, &["--apply"], rules),
        (String::new(), words.to_owned(), 255)
    );
    assert_eq!(ipvsadm(&director, "-S -n"), before);
    assert_eq!(ipvsadm(&director, "-L --daemon"), "");
}

/// Runs this tree's program, which is killed when it has sent so many datagrams.
fn killed(director: &Namespace, datagrams: u32, words: &[&str], rules: &str) -> Answer {
    let library = program::replies().unwrap();
    let (folder, name) = (library.parent().unwrap(), library.file_name().unwrap());
    let mut command = director.command(program::path().unwrap());
    command
        .args(words)
        // Libraries to preload are separated by blanks, which the path may have.
        .current_dir(folder)
        .env("LD_PRELOAD", Path::new(".").join(name))
        .env(program::KILL_AFTER, datagrams.to_string());
    director.answer(command, rules).unwrap()
}

#[test]
fn whichever_request_it_is_killed_after_the_next_one_finishes_the_work() {
    const KILLED: u8 = 128 + 9;
    let director = namespace("director");
    // So many changes take several datagrams.
    let table = |weight: u32, servers: std::ops::Range<u32>| {
        let mut rules = "-A -t 10.0.0.1:80 -s wrr\n".to_owned();
        for server in servers {
            let (high, low) = (server / 250, server % 250 + 1);
            rules.push_str(&format!(
                "-a -t 10.0.0.1:80 -r 10.1.{high}.{low}:80 -m -w {weight}\n"
            ));
        }
        rules
    };
    let (before, after) = (table(1, 0..400), table(2, 200..600));
    let mut halves = 0;
    for datagrams in 1.. {
        restore(&director, &format!("-C\n{before}"));
        let answer = killed(&director, datagrams, &["--apply"], &after);
        if answer.status == 0 {
            assert_eq!(ipvsadm(&director, "-S -n"), after);
            break;
        }
        assert_eq!((answer.stderr.as_str(), answer.status), ("", KILLED));
        let half = ipvsadm(&director, "-S -n");
        halves += u32::from(half != before && half != after);
        // The lock has gone with the program.
        assert_eq!(told(&director, &["--apply"], &after), nothing());
        assert_eq!(
            ipvsadm(&director, "-S -n"),
            after,
            "after {datagrams} datagrams"
        );
    }
    // 600 changes are five datagrams, and the last leaves nothing to do.
    assert_eq!(halves, 4);
}

/// The file that programs lock in this network namespace.
fn lock_file(director: &Namespace) -> PathBuf {
    // It is there when the first program has taken it.
    assert_eq!(told(director, &["--apply"], "-A -f 1\n"), nothing());
    let namespace = director.run(NetworkNamespace::current).unwrap().unwrap();
    PathBuf::from(format!("/run/ipvsadm/net-{}.lock", namespace.inode()))
}

fn hold(path: &Path) -> File {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.lock().unwrap();
    file
}

#[test]
fn one_applies_at_a_time_in_a_network_namespace() {
    let director = namespace("director");
    let other = namespace("other");
    let path = lock_file(&director);
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.mode() & 0o777, metadata.uid()), (0o600, 0));
    let held = hold(&path);
    let hint = "; --wait waits for it";
    for (words, hint) in [
        (&["--apply"][..], hint),
        (&["--apply", "--wait", "0"], hint),
        (&["--apply", "--wait", "1"], ""),
    ] {
        let words_told = format!(
            "another ipvsadm is changing the table (it holds {}){hint}\n",
            path.display()
        );
        assert_eq!(
            told(&director, words, "-A -f 2\n"),
            (String::new(), words_told, 1)
        );
    }
    // Whoever changes nothing needs no lock.
    assert_eq!(told(&director, &["--diff"], "-A -f 1\n"), nothing());
    assert_eq!(
        told(&director, &["--apply", "--dry-run"], "-A -f 1\n"),
        nothing()
    );
    assert_eq!(told(&other, &["--apply"], "-A -f 3\n"), nothing());
    assert_eq!(ipvsadm(&director, "-S -n"), "-A -f 1 -s wlc\n");

    let command = format!(
        "echo -A -f 4 | '{}' --apply --wait; echo status=$?",
        program::path().unwrap().display()
    );
    let mut terminal = Terminal::start(&director, &command);
    terminal.await_text("waiting for another ipvsadm that is changing the table");
    drop(held);
    terminal.await_text("status=0");
    terminal.end();
    assert_eq!(ipvsadm(&director, "-S -n"), "-A -f 4 -s wlc\n");
}

#[test]
fn the_commands_of_the_original_do_without_the_lock_when_they_cannot_have_it() {
    let director = namespace("director");
    let _held = hold(&lock_file(&director));
    restore(&director, "-A -f 5 -s rr\n");
    assert_eq!(
        ipvsadm(&director, "-S -n"),
        "-A -f 1 -s wlc\n-A -f 5 -s rr\n"
    );
    ipvsadm(&director, "-C");
    assert_eq!(ipvsadm(&director, "-S -n"), "");
}

#[test]
fn two_owners_share_a_director_each_with_a_file() {
    let director = namespace("director");
    let first = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 1\n";
    let second = "-A -t 198.51.100.1:80 -s rr\n-A -u 198.51.100.2:53 -s rr\n";
    let third = "-A -f 7 -s sh\n";
    let apply = |scope: &[&str], rules: &str| {
        let words = [&["--apply"], scope].concat();
        assert_eq!(told(&director, &words, rules), nothing());
    };
    apply(&["--scope", "192.0.2.0/24"], first);
    apply(
        &["--scope", "198.51.100.1", "--scope", "198.51.100.2"],
        second,
    );
    // Timeouts are the whole table's.
    apply(&["-f", "7"], &format!("--set 1 2 3\n{third}"));
    let all = format!("{first}{second}{third}");
    assert_eq!(ipvsadm(&director, "-S -n"), all);
    let timeouts = "Timeout (tcp tcpfin udp): 900 120 300\n";
    assert_eq!(ipvsadm(&director, "-L --timeout"), timeouts);
    // What one removes is not the other's.
    apply(
        &["--scope", "198.51.100.0/24"],
        "-A -u 198.51.100.2:53 -s lc\n",
    );
    let rest = "-A -u 198.51.100.2:53 -s lc\n";
    assert_eq!(ipvsadm(&director, "-S -n"), format!("{first}{rest}{third}"));
    // A part of a file that has more.
    apply(&["-t", "192.0.2.1:80"], &all.replace("-w 1", "-w 9"));
    let changed = first.replace("-w 1", "-w 9");
    assert_eq!(
        ipvsadm(&director, "-S -n"),
        format!("{changed}{rest}{third}")
    );
    // By default everything is one's own.
    apply(&[], third);
    assert_eq!(ipvsadm(&director, "-S -n"), third);
}

#[test]
fn daemons_run_on_unless_they_should_run_otherwise() {
    let director = namespace("director");
    add_sync_interface(&director);
    let table = "-A -f 1 -s rr\n";
    let apply = |daemons: &str| -> Value {
        let rules = format!("{table}{daemons}");
        let (out, errors, status) = told(&director, &["--apply", "--json"], &rules);
        assert_eq!((errors.as_str(), status), ("", 0), "{daemons}");
        assert_eq!(told(&director, &["--diff"], &rules), nothing(), "{daemons}");
        let document: Value = serde_json::from_str(&out).unwrap();
        let changes = document["changes"].as_array().unwrap();
        changes
            .iter()
            .map(|change| change["operation"].clone())
            .collect()
    };
    let start = "--start-daemon master --mcast-interface sync0 --syncid 3";
    apply("");
    assert_eq!(apply(start), serde_json::json!(["start the master daemon"]));
    let running = ipvsadm(&director, "-L --daemon");
    assert_eq!(apply(start), serde_json::json!([]));
    // Not to be named is not to be stopped.
    assert_eq!(apply(""), serde_json::json!([]));
    let named = format!(
        "{start} --mcast-group 224.0.0.81 --mcast-port 8848 --mcast-ttl 1\n\
         --start-daemon backup --mcast-interface sync0 --sync-maxlen 100"
    );
    assert_eq!(
        apply(&named),
        serde_json::json!(["start the backup daemon"])
    );
    assert!(ipvsadm(&director, "-L --daemon").starts_with(&running));
    let other = format!("{start} --mcast-port 8850");
    assert_eq!(
        apply(&other),
        serde_json::json!(["stop the master daemon", "start the master daemon"])
    );
    assert!(ipvsadm(&director, "-L --daemon").contains("port=8850"));
    // The headers of IPv6 take twenty bytes more of the largest packet.
    let large = format!("{start} --mcast-group ff02::99 --sync-maxlen 65507");
    apply(&large);
    assert!(ipvsadm(&director, "-L --daemon").contains("maxlen=65487"));
    assert_eq!(apply(&large), serde_json::json!([]));
}

#[test]
fn differences_are_coloured_on_a_terminal() {
    let director = namespace("director");
    ipvsadm(&director, "-A -f 1 -s rr");
    let program = program::path().unwrap();
    let show = |environment: &str| {
        let command = format!(
            "echo -A -f 2 -s rr | {environment} '{}' --diff; true",
            program.display()
        );
        Terminal::start(&director, &command).end()
    };
    let lines = ["- -A -f 1 -s rr", "+ -A -f 2 -s rr"];
    assert_eq!(
        show(""),
        format!(
            "\x1b[31m{}\x1b[0m\r\n\x1b[32m{}\x1b[0m\r\n",
            lines[0], lines[1]
        )
    );
    assert_eq!(
        show("NO_COLOR=1"),
        format!("{}\r\n{}\r\n", lines[0], lines[1])
    );
}

#[test]
fn restoring_a_description_changes_what_differs_and_other_rules_clear_the_table() {
    let director = namespace("director");
    let folder = tempfile::tempdir().unwrap();
    let restoring = folder.path().join("ipvsadm-restore");
    symlink(program::path().unwrap(), &restoring).unwrap();
    let run = |words: &[&str], rules: &str| {
        let mut command = Command::new(&restoring);
        command.args(words);
        let answer = director.answer(command, rules).unwrap();
        (answer.stdout, answer.stderr, answer.status)
    };
    let others = others();
    for rules in [RULES, &others] {
        assert_eq!(run(&[], rules), nothing());
        assert_eq!(ipvsadm(&director, "-S -n"), rules);
    }
    let document = ipvsadm(&director, "-S --json");
    assert_eq!(run(&[], RULES), nothing());
    assert_eq!(run(&[], &document), nothing());
    assert_eq!(ipvsadm(&director, "-S -n"), others);

    // A refusal is told as before, and does not keep the other rules from taking
    // effect.
    let rules = "-A -f 1 -s nonsense\n-a -f 1 -r 10.0.0.2 -m\n-A -f 2 -s rr\n";
    let words = "Scheduler or persistence engine not found\nService not defined\n";
    assert_eq!(run(&[], rules), (String::new(), words.to_owned(), 0));
    let words = "line 1: Scheduler or persistence engine not found\nline 2: Service not defined\n";
    assert_eq!(
        run(&["--strict"], rules),
        (String::new(), words.to_owned(), 255)
    );
    assert_eq!(ipvsadm(&director, "-S -n"), "-A -f 2 -s rr\n");

    let drained = "-A -f 2 -s rr\n-a -f 2 -r 10.0.0.2:0 -m -w 0\n";
    let wanted = drained.replace("-w 0", "-w 3");
    assert_eq!(run(&[], drained), nothing());
    assert_eq!(run(&["--keep-weights"], &wanted), nothing());
    assert_eq!(ipvsadm(&director, "-S -n"), drained);
    let more = format!("{wanted}-Z\n");
    let words = "these rules do more than describe a table, or none: weights are not kept\n";
    assert_eq!(
        run(&["--keep-weights"], &more),
        (String::new(), words.to_owned(), 0)
    );
    assert_eq!(ipvsadm(&director, "-S -n"), wanted);
    assert_eq!(run(&[], ""), nothing());
    assert_eq!(ipvsadm(&director, "-S -n"), "");
}
