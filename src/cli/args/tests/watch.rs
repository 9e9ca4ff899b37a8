// SPDX-License-Identifier: MIT

//! Command lines with --watch.

use std::time::Duration;

use ipvs_client::ServiceId;

use super::{request, wrong};
use crate::command::{
    Command, Form, Request, TableForm,
    watch::{Watch, WatchConnections, Watched},
};

fn watch(line: &str) -> Watch {
    match request(line) {
        Ok(Request::Watch(watch)) => watch,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn changes_of_one_service_or_all_are_watched_as_lines_or_json() {
    let service = ServiceId::tcp(([10, 0, 0, 1], 80));
    for (line, watched) in [
        (
            "-L --watch --changes",
            Watched::Changes(None, Form::Classic),
        ),
        (
            "-L -n --changes --watch",
            Watched::Changes(None, Form::Classic),
        ),
        (
            "-L -t 10.0.0.1:80 --watch --changes --json",
            Watched::Changes(Some(service), Form::Json),
        ),
        (
            "-L --watch --changes --output json",
            Watched::Changes(None, Form::Json),
        ),
    ] {
        assert_eq!(watch(line).watched, watched, "{line}");
    }
    let watch = watch("-L --watch 0.5 --changes --count 7");
    assert_eq!(watch.interval, Duration::from_millis(500));
    assert_eq!(watch.count, Some(7));
}

#[test]
fn changes_go_with_nothing_that_chooses_columns() {
    for (line, words) in [
        (
            "-L --changes",
            "the 'changes' option goes only with --watch",
        ),
        (
            "-L --watch --changes --output wide",
            "the 'changes' option goes only with --output classic and json",
        ),
        (
            "-L --watch --changes --stats",
            "The option 'stats' conflicts with the 'changes' option in the 'list' command",
        ),
    ] {
        let (message, status) = wrong(line);
        assert!(message.contains(words), "{line}: {message}");
        assert_eq!(status, 2, "{line}");
    }
}

#[test]
fn connections_are_watched_as_they_are_listed() {
    for (line, form) in [
        ("-L -n -c --watch", TableForm::Classic),
        ("-L -n -c --watch --output wide", TableForm::Wide),
        ("-L -n -c --json --watch", TableForm::Json),
        ("-L -n -c --watch --summary", TableForm::Classic),
    ] {
        let once = line.replace(" --watch", "");
        let Ok(Request::Run(Command::Connections(list, _))) = request(&once) else {
            panic!("{once}");
        };
        let connections = WatchConnections { list, form };
        assert_eq!(
            watch(line).watched,
            Watched::Connections(connections),
            "{line}"
        );
    }
    let (message, status) = wrong("-L -c --watch --changes");
    assert_eq!(
        (message.as_str(), status),
        ("the 'changes' option goes only with the table", 2)
    );
}

#[test]
fn one_service_is_watched_where_one_is_named() {
    for (line, service) in [
        ("-L --watch", None),
        ("-L --watch -t 10.0.0.1:80", Some("TCP 10.0.0.1:80")),
        ("-L --watch --changes -f 7", Some("fwmark 7")),
        ("-L --watch --changes", None),
        ("-L -c --watch -u 10.0.0.1:53", Some("UDP 10.0.0.1:53")),
    ] {
        let watched = watch(line).watched.service().map(ToString::to_string);
        assert_eq!(watched.as_deref(), service, "{line}");
    }
}
