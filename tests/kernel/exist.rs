// SPDX-License-Identifier: MIT

//! Changes that do not mind what is there already (`--exist`), in a real table.

use std::process::Command;

use ipvs_lab::{Answer, Namespace};

use crate::{
    ipvsadm, namespace,
    program::{RULES, restore},
};

/// What a command says on standard error, and its status.
fn outcome(answer: Answer) -> (String, u8) {
    (answer.stderr, answer.status)
}

fn read(director: &Namespace, words: &[&str], rules: &str) -> (String, u8) {
    outcome(ipvs_lab::ipvsadm_reading(director, words, rules).unwrap())
}

/// Every entry of [`RULES`] with other settings.
fn others() -> String {
    RULES
        .replace(" -w ", " -w 1")
        .replace("-s wrr", "-s lc")
        .replace("-s wlc", "-s nq")
        .replace("-b flag-1", "-b flag-2")
        .replace("-p ", "-p 1")
        .replace("--tun-csum", "--tun-nocsum")
}

#[test]
fn a_saved_table_can_be_restored_again() {
    let director = namespace("director");
    let nothing = (String::new(), 0);
    restore(&director, RULES);
    let json = ipvsadm(&director, "-S --json");
    for rules in [RULES, &json] {
        for words in [&["-R", "--exist"][..], &["-R", "--exist", "--strict"]] {
            assert_eq!(read(&director, words, rules), nothing);
            assert_eq!(ipvsadm(&director, "-S -n"), RULES);
        }
        // What is there becomes what the rules say.
        restore(&director, "-C\n");
        restore(&director, &others());
        assert_ne!(ipvsadm(&director, "-S -n"), RULES);
        assert_eq!(read(&director, &["-R", "--exist"], rules), nothing);
        assert_eq!(ipvsadm(&director, "-S -n"), RULES);
        // What is not there, too.
        ipvsadm(&director, "-D -f 5");
        ipvsadm(&director, "-d -t 10.0.0.1:80 -r 10.0.0.4");
        assert_eq!(read(&director, &["-R", "--exist"], rules), nothing);
        assert_eq!(ipvsadm(&director, "-S -n"), RULES);
    }
}

#[test]
fn restoring_takes_a_table_twice_in_one_file() {
    let director = namespace("director");
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("ipvsadm-restore");
    std::os::unix::fs::symlink(ipvs_lab::program::path().unwrap(), &program).unwrap();
    let twice = format!("{}{RULES}", others());
    let run = |options: &[&str]| {
        let mut command = Command::new(&program);
        command.args(options);
        outcome(director.answer(command, &twice).unwrap())
    };
    assert_eq!(run(&["--exist"]), (String::new(), 0));
    assert_eq!(ipvsadm(&director, "-S -n"), RULES);
    let (told, status) = run(&[]);
    assert_eq!((told.lines().count(), status), (RULES.lines().count(), 255));
}

#[test]
fn each_command_takes_the_option_for_itself() {
    let director = namespace("director");
    for _ in 0..2 {
        ipvsadm(&director, "-A -t 10.0.0.1:80 -s rr --exist");
        ipvsadm(&director, "-a -t 10.0.0.1:80 -r 10.0.0.2 -m -w 3 --exist");
    }
    ipvsadm(&director, "-A -t 10.0.0.1:80 -s wrr -p 60 --exist");
    ipvsadm(&director, "-a -t 10.0.0.1:80 -r 10.0.0.2 -g --exist");
    assert_eq!(
        ipvsadm(&director, "-S -n"),
        "-A -t 10.0.0.1:80 -s wrr -p 60\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -g -w 1\n"
    );
    for _ in 0..2 {
        ipvsadm(&director, "-d -t 10.0.0.1:80 -r 10.0.0.2 --exist");
    }
    for _ in 0..2 {
        ipvsadm(&director, "-D -t 10.0.0.1:80 --exist");
        ipvsadm(&director, "-d -t 10.0.0.1:80 -r 10.0.0.2 --exist");
    }
    assert_eq!(ipvsadm(&director, "-S -n"), "");
    // A server needs its service all the same.
    let words = "-a -t 10.0.0.1:80 -r 10.0.0.2 -m --exist".split(' ');
    let answer = ipvs_lab::ipvsadm(&director, words).unwrap();
    assert_eq!(outcome(answer), ("Service not defined\n".to_owned(), 255));
}

#[test]
fn lines_of_a_file_keep_their_order() {
    let director = namespace("director");
    ipvsadm(&director, "-A -t 10.0.0.1:80 -s lc");
    ipvsadm(&director, "-a -t 10.0.0.1:80 -r 10.0.0.9 -m");
    let rules = "-A -t 10.0.0.1:80 -s rr\n\
                 -a -t 10.0.0.1:80 -r 10.0.0.2 -m\n\
                 -D -t 10.0.0.1:80\n\
                 -D -t 10.0.0.1:80\n\
                 -A -t 10.0.0.1:80 -s wrr\n\
                 -a -t 10.0.0.1:80 -r 10.0.0.3 -m\n\
                 -e -t 10.0.0.1:80 -r 10.0.0.3 --keep -w 7\n\
                 -a -t 10.0.0.1:80 -r 10.0.0.4 -m\n";
    for _ in 0..2 {
        let nothing = (String::new(), 0);
        assert_eq!(read(&director, &["-R", "--exist"], rules), nothing);
        assert_eq!(
            ipvsadm(&director, "-S -n"),
            "-A -t 10.0.0.1:80 -s wrr\n\
             -a -t 10.0.0.1:80 -r 10.0.0.3:80 -m -w 7\n\
             -a -t 10.0.0.1:80 -r 10.0.0.4:80 -m -w 1\n"
        );
    }
    // A line that has the option among those that have not.
    let rules = "-A -t 10.0.0.1:80\n-A -t 10.0.0.1:80 -s lc --exist\n-D -t 10.0.0.9:80\n";
    let told = "Service already exists\nNo such service\n".to_owned();
    assert_eq!(read(&director, &["-R"], rules), (told, 255));
    assert!(ipvsadm(&director, "-S -n").starts_with("-A -t 10.0.0.1:80 -s lc\n"));
}

#[test]
fn a_refusal_is_told_once_with_its_line() {
    let director = namespace("director");
    ipvsadm(&director, "-A -t 10.0.0.1:80 -s rr");
    let rules = "-A -t 10.0.0.1:80 -s nosuch\n\
                 -A -t 10.0.0.2:80 -s nosuch\n\
                 -a -t 10.0.0.1:80 -r 10.0.0.2 -m -y 5\n\
                 -a -t 10.0.0.3:80 -r 10.0.0.2 -m\n\
                 -E -t 10.0.0.3:80\n";
    let told = "line 1: Scheduler or persistence engine not found\n\
                line 2: Scheduler or persistence engine not found\n\
                line 3: Numerical result out of range\n\
                line 4: Service not defined\n\
                line 5: No such service\n";
    assert_eq!(
        read(&director, &["-R", "--exist", "--strict"], rules),
        (told.to_owned(), 255)
    );
    assert_eq!(ipvsadm(&director, "-S -n"), "-A -t 10.0.0.1:80 -s rr\n");
    for (service, operation) in [("10.0.0.1:80", "edit"), ("10.0.0.2:80", "add")] {
        let words = format!("-A -t {service} -s nosuch --exist --json");
        let answer = ipvs_lab::ipvsadm(&director, words.split(' ')).unwrap();
        let object: serde_json::Value = serde_json::from_str(&answer.stderr).unwrap();
        assert_eq!(object["operation"], format!("{operation} TCP {service}"));
        assert_eq!(object["errno"], "ENOENT");
    }
}
