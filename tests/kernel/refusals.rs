// SPDX-License-Identifier: MIT

//! Mistakes get one clear line and a status, and leave the table alone.

use ipvs_lab::{Answer, Namespace};

use crate::{ipvsadm, namespace};

const NOT_UNICAST: &str =
    "Invalid operation.  Possibly wrong module version, address not unicast, ...";

/// Standard error and status of a command that must fail without a word on
/// standard output.
fn refused(director: &Namespace, arguments: &str) -> (String, u8) {
    let words = arguments.split_ascii_whitespace();
    let Answer {
        stdout,
        stderr,
        status,
    } = ipvs_lab::ipvsadm(director, words).unwrap();
    assert_eq!(stdout, "", "ipvsadm {arguments}");
    (stderr, status)
}

#[test]
fn what_the_kernel_refuses_has_words_of_its_own_and_changes_nothing() {
    let director = namespace("director");
    ipvsadm(&director, "-A -t 10.0.0.1:80 -s rr");
    ipvsadm(&director, "-a -t 10.0.0.1:80 -r 10.0.0.2 -m");
    let before = ipvsadm(&director, "-S -n");
    for (arguments, words) in [
        ("-A -t 10.0.0.1:80", "Service already exists"),
        (
            "-A -t 10.0.0.9:80 -s nosuch",
            "Scheduler or persistence engine not found",
        ),
        (
            "-A -t 10.0.0.9:80 -s a-name-of-more-than-15",
            "Scheduler or persistence engine not found",
        ),
        (
            "-A -u 10.0.0.9:80 -p --pe nosuch",
            "Scheduler or persistence engine not found",
        ),
        (
            "-E -t 10.0.0.1:80 -s nosuch",
            "Scheduler or persistence engine not found",
        ),
        ("-E -t 10.0.0.9:80", "No such service"),
        ("-D -t 10.0.0.9:80", "No such service"),
        ("-D -f 7 -6", "No such service"),
        ("-Z -t 10.0.0.9:80", "No such service"),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -m",
            "Destination already exists",
        ),
        ("-a -t 10.0.0.9:80 -r 10.0.0.2 -m", "Service not defined"),
        ("-e -t 10.0.0.1:80 -r 10.0.0.3 -m", "No such destination"),
        ("-d -t 10.0.0.1:80 -r 10.0.0.3", "No such destination"),
        ("-d -t 10.0.0.9:80 -r 10.0.0.2", "Service not defined"),
        (
            "-e -t 10.0.0.1:80 -r 10.0.0.2 -m -y 5",
            "Numerical result out of range",
        ),
        ("-a -t 10.0.0.1:80 -r 224.0.0.1 -m", NOT_UNICAST),
        (
            "--start-daemon master --mcast-interface no0",
            "No such device",
        ),
        (
            "--start-daemon master --mcast-interface a-name-of-more-than-15",
            "No such device",
        ),
        ("--stop-daemon master", "No daemon is running"),
    ] {
        assert_eq!(
            refused(&director, arguments),
            (format!("{words}\n"), 255),
            "ipvsadm {arguments}"
        );
    }
    assert_eq!(ipvsadm(&director, "-S -n"), before);
}

#[test]
fn a_listing_of_a_service_that_is_not_there_has_status_1() {
    let director = namespace("director");
    for arguments in ["-L -t 10.0.0.9:80", "-L -n -f 7"] {
        assert_eq!(
            refused(&director, arguments),
            ("No such service\n".to_owned(), 1)
        );
    }
}

#[test]
fn a_wrong_command_line_is_refused_before_the_kernel_is_asked() {
    let director = namespace("director");
    ipvsadm(&director, "-A -t 10.0.0.1:80 -s rr");
    let before = ipvsadm(&director, "-S -n");
    for (arguments, words, status) in [
        ("-C -Q", "-Q: unknown option", 255),
        ("-C -t", "-t: missing argument", 255),
        ("-C foo", "unexpected argument foo", 2),
        (
            "-C -n",
            "Illegal 'numeric' option with the 'flush' command",
            2,
        ),
        (
            "-D -t 10.0.0.1:99999",
            "illegal virtual server address[:port] specified",
            2,
        ),
        ("-D -f 0", "invalid fwmark value `0' specified", 2),
        (
            "-A -t 10.0.0.9",
            "Zero port specified for non-persistent service",
            2,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -w x",
            "illegal weight specified",
            2,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2:x -m",
            "illegal real server address[:port] specified",
            2,
        ),
        (
            "-a -t 10.0.0.1:80 -r 2001:db8::2 -m",
            "Different address family is allowed only for tunneling servers",
            2,
        ),
    ] {
        assert_eq!(
            refused(&director, arguments),
            (format!("{words}\n"), status),
            "ipvsadm {arguments}"
        );
    }
    assert_eq!(ipvsadm(&director, "-S -n"), before);
}

#[test]
fn whoever_is_not_root_is_told_so() {
    let director = namespace("director");
    ipvsadm(&director, "-A -t 10.0.0.1:80 -s rr");
    // Without capabilities in the first user namespace, which a process in
    // another one does not have.
    let mut command = director.command("unshare");
    command.args(["--user", "--map-root-user"]);
    command.arg(ipvs_lab::program::path().unwrap()).arg("-C");
    let answer = Answer::of(command, "").unwrap();
    assert_eq!(
        answer,
        Answer {
            stdout: String::new(),
            stderr: "Can't initialize ipvs: Permission denied (you must be root)\n\
                     Are you sure that IP Virtual Server is built in the kernel or as module?\n"
                .to_owned(),
            status: 2,
        }
    );
    assert_eq!(ipvsadm(&director, "-S -n"), "-A -t 10.0.0.1:80 -s rr\n");
}

#[test]
fn whoever_may_not_use_the_folder_of_the_lock_is_told_of_root_too() {
    let director = namespace("director");
    let mut command = director.command("setpriv");
    command.args(["--reuid", "65534", "--clear-groups"]);
    command
        .arg(ipvs_lab::program::path().unwrap())
        .arg("--apply");
    let answer = Answer::of(command, "-A -t 10.0.0.1:80 -s rr\n").unwrap();
    assert_eq!(
        (answer.stderr.as_str(), answer.status),
        (
            "Can't initialize ipvs: Permission denied (you must be root)\n\
             Are you sure that IP Virtual Server is built in the kernel or as module?\n",
            2
        )
    );
}
