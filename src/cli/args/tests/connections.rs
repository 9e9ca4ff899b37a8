// SPDX-License-Identifier: MIT

//! The connections that -L -c lists, and their forms.

use ipvs_client::ConnectionFilter;

use super::{parse, wrong};
use crate::command::{
    Command, TableForm,
    connections::{ListConnections, ShownConnections},
};

fn list(line: &str) -> (ListConnections, TableForm) {
    match parse(line).expect(line) {
        Command::Connections(list, form) => (list, form),
        other => panic!("{other:?}"),
    }
}

const EACH: ShownConnections = ShownConnections::Each { engine_data: false };

#[test]
fn without_more_options_all_are_listed_as_the_original_does() {
    for (line, numeric) in [
        ("-Lc", false),
        ("-Lnc", true),
        ("--list --connection", false),
    ] {
        let wanted = ListConnections {
            filter: ConnectionFilter::new(),
            shown: EACH,
            numeric,
        };
        assert_eq!(list(line), (wanted, TableForm::Classic), "{line}");
    }
    let (engines, _) = list("-Lc --persistent-conn");
    assert_eq!(engines.shown, ShownConnections::Each { engine_data: true });
}

#[test]
fn each_option_leaves_fewer_connections() {
    let all = ConnectionFilter::new;
    let of_service = |name: &str| all().service(name.parse().unwrap());
    for (line, filter) in [
        ("-t 10.0.0.1:80", of_service("TCP 10.0.0.1:80")),
        ("-t 10.0.0.1", of_service("TCP 10.0.0.1:0")),
        ("-u [2001:db8::1]:53", of_service("UDP [2001:db8::1]:53")),
        ("--sctp-service 10.0.0.1:9", of_service("SCTP 10.0.0.1:9")),
        ("-f 7", of_service("fwmark 7")),
        ("-f 7 -6", of_service("fwmark 7 IPv6")),
        ("-r 10.0.0.2", all().destination([10, 0, 0, 2].into(), None)),
        (
            "-r 10.0.0.2:0",
            all().destination([10, 0, 0, 2].into(), Some(0)),
        ),
        (
            "-r 10.0.0.2:8080",
            all().destination([10, 0, 0, 2].into(), Some(8080)),
        ),
        (
            "--client 10.0.0.9",
            all().client("10.0.0.9/32".parse().unwrap()),
        ),
        (
            "--client 2001:db8::/32",
            all().client("2001:db8::/32".parse().unwrap()),
        ),
        (
            "--state established,S-Sent",
            all().state("ESTABLISHED").state("S-SENT"),
        ),
        (
            "--protocol udp,TCP,ip",
            all().protocol("UDP").protocol("TCP").protocol("IP"),
        ),
        (
            "-t 10.0.0.1:80 -r 10.0.0.2 --state NONE",
            of_service("TCP 10.0.0.1:80")
                .destination([10, 0, 0, 2].into(), None)
                .state("NONE"),
        ),
    ] {
        for line in [format!("-L -c {line}"), format!("-L {line} -c")] {
            assert_eq!(list(&line).0.filter, filter, "{line}");
        }
    }
}

#[test]
fn a_summary_shows_ten_clients_or_as_many_as_wanted() {
    for (line, clients) in [("", 10), ("--top 3", 3), ("--top 0", 0)] {
        let (summary, _) = list(&format!("-L -c --summary {line}"));
        assert_eq!(summary.shown, ShownConnections::Summary { clients });
    }
}

#[test]
fn connections_have_every_form_but_that_of_metrics() {
    for (line, form) in [
        ("--json", TableForm::Json),
        ("--output json", TableForm::Json),
        ("--output wide", TableForm::Wide),
        ("--output classic", TableForm::Classic),
    ] {
        for summary in ["", "--summary"] {
            assert_eq!(list(&format!("-L -c {summary} {line}")).1, form, "{line}");
        }
    }
    assert_eq!(
        wrong("-L -c --output openmetrics").0,
        "the 'output' option goes only with the table"
    );
}

/// A file of rules ends at such a line in the original.
#[test]
fn a_rule_lists_no_connections_of_one() {
    let refused = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        crate::args::parse_rule(&words)
            .err()
            .map(|error| error.to_string())
    };
    assert_eq!(
        refused("-L -c -t 10.0.0.1:80").as_deref(),
        Some(
            "The option 'service-address' conflicts with the 'connection' option in the 'list' \
             command"
        )
    );
    assert_eq!(
        refused("-L -c -r 10.0.0.2").as_deref(),
        Some("Illegal 'real-server' option with the 'list' command")
    );
    for line in ["-L -c", "-L -t 10.0.0.1:80", "-L -c --summary"] {
        assert_eq!(refused(line), None, "{line}");
    }
}

/// A mistake beside a service has the words that it has without one.
#[test]
fn what_is_no_connection_has_no_such_options() {
    for (line, words) in [
        (
            "-L --client 10.0.0.9",
            "the 'client' option goes only with -c",
        ),
        (
            "-L --timeout --state UDP",
            "the 'state' option goes only with -c",
        ),
        ("-L --summary", "the 'summary' option goes only with -c"),
        ("-L -c --top 3", "the 'top' option goes only with --summary"),
        (
            "-L -r 10.0.0.2",
            "Illegal 'real-server' option with the 'list' command",
        ),
        // It comes before the other, as in the original.
        (
            "-L -r 10.0.0.2 -w 3",
            "Illegal 'real-server' option with the 'list' command",
        ),
        (
            "-L -c -r 10.0.0.2 -w 3",
            "Illegal 'weight' option with the 'list' command",
        ),
        (
            "-L -c -t 10.0.0.1:80 --stats",
            "options conflicts in the list command",
        ),
        (
            "-L -c -t 10.0.0.1:80 --timeout",
            "The option 'timeout' conflicts with the 'connection' option in the 'list' command",
        ),
        (
            "-L -t 10.0.0.1:80 --timeout",
            "The option 'timeout' conflicts with the 'service-address' option in the 'list' \
             command",
        ),
        ("-L -c --client ten", "illegal client specified"),
        ("-L -c --top -1", "illegal number of clients specified"),
        (
            "-L -c --protocol tcp,icmp",
            "illegal protocol specified: tcp, udp, sctp and ip are known",
        ),
    ] {
        assert_eq!(wrong(line), (words.to_owned(), 2), "{line}");
    }
    let (words, status) = wrong("-L -c --state established,OPEN");
    assert!(
        words.starts_with("illegal state specified: ESTABLISHED, SYN_SENT,"),
        "{words}"
    );
    assert_eq!(status, 2);
}
