// SPDX-License-Identifier: MIT

//! The exit statuses of ipvsadm(8), section EXIT STATUS: scripts depend on them, so that
//! none changes without another major version.

use ipvs_lab::Namespace;

use crate::{namespace, program::restore};

/// What is in the table before each command.
const TABLE: &str = "\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1
";

/// The words of a command, its standard input, and its status.
const PROMISED: &[(&str, &str, u8)] = &[
    ("-L -n", "", 0),
    ("-h", "", 0),
    // Words.
    ("-A -t 10.0.0.3:80 -w 1", "", 2),
    ("-A -t 10.0.0.3:80 -s rr -M nonsense", "", 2),
    ("nonsense", "", 255),
    ("-A -t 10.0.0.3:80 --nonsense", "", 255),
    ("-A -t", "", 255),
    ("--netns nonsense -L -n", "", 2),
    // Changes of one entry.
    ("-A -t 10.0.0.3:80 -s rr", "", 0),
    ("-A -t 10.0.0.1:80 -s rr", "", 255),
    ("-E -t 10.0.0.3:80 -s rr", "", 255),
    ("-D -t 10.0.0.3:80", "", 255),
    ("-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m", "", 255),
    ("-e -t 10.0.0.1:80 -r 10.0.0.3:80 -m", "", 255),
    ("-d -t 10.0.0.1:80 -r 10.0.0.3:80", "", 255),
    ("-Z -t 10.0.0.3:80", "", 255),
    ("--start-daemon master --mcast-interface nonsense", "", 255),
    ("--stop-daemon master", "", 255),
    // Listings.
    ("-L -n -t 10.0.0.1:80", "", 0),
    ("-L -n -t 10.0.0.3:80", "", 1),
    ("-S -n", "", 0),
    // Rules.
    ("-R", "-D -t 10.0.0.3:80\n-D -t 10.0.0.1:80\n", 0),
    ("-R", "-D -t 10.0.0.1:80\n-D -t 10.0.0.3:80\n", 255),
    ("-R", "-D -t 10.0.0.1:nonsense\n", 2),
    ("-R --strict", "-D -t 10.0.0.3:80\n-D -t 10.0.0.1:80\n", 255),
    ("-R --check", TABLE, 0),
    ("-R --check", "# nothing\n", 1),
    ("-R --check", "-A -t 10.0.0.1:80 -s rr -w 1\n", 2),
    ("-R nonsense/nowhere", "", 2),
    // Whole tables.
    ("--diff", TABLE, 0),
    ("--diff", "-A -t 10.0.0.1:80 -s wlc\n", 1),
    ("--diff", "-A -t 10.0.0.1:80 -w 1\n", 2),
    ("--apply", "-A -t 10.0.0.1:80 -s wlc\n", 0),
    ("--apply", "-A -t 10.0.0.1:80 -w 1\n", 2),
    ("--apply", "-A -t 10.0.0.1:80 -s nonsense\n", 255),
    // Real servers.
    ("--drain -t 10.0.0.1:80 -r 10.0.0.2:80 --wait 1", "", 0),
    ("--drain -t 10.0.0.1:80 -r 10.0.0.3:80 --wait 1", "", 255),
    // The real server cannot be reached.
    ("--doctor", "", 1),
];

fn status(director: &Namespace, words: &str, input: &str) -> u8 {
    let words = words.split(' ');
    ipvs_lab::ipvsadm_reading(director, words, input)
        .unwrap()
        .status
}

#[test]
fn every_command_ends_with_the_status_that_is_promised() {
    let director = namespace("director");
    for (words, input, promised) in PROMISED {
        restore(&director, "-C\n");
        restore(&director, TABLE);
        let status = status(&director, words, input);
        assert_eq!(status, *promised, "ipvsadm {words} of {input:?}");
    }
}
