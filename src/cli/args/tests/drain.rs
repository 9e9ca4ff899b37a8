// SPDX-License-Identifier: MIT

//! The command --drain, which the original does not have.

use std::time::Duration;

use super::{request, wrong};
use crate::command::{
    Form, Request, Wait,
    drain::{Awaited, Drain, DrainTask, Quiesce, ServerName, Undo, WaitForEnd},
};

fn drain(task: DrainTask) -> Request {
    Request::Drain(Drain {
        task,
        form: Form::Classic,
    })
}

fn server(port: Option<u16>) -> ServerName {
    ServerName {
        address: [10, 0, 0, 2].into(),
        port,
    }
}

#[test]
fn a_server_is_meant_in_one_service_or_all_and_at_one_port_or_all() {
    for (line, service, port) in [
        ("--drain -r 10.0.0.2", None, None),
        ("--drain -r 10.0.0.2:80", None, Some(80)),
        ("--drain -r 10.0.0.2:0", None, Some(0)),
        (
            "--drain -t 10.0.0.1:80 -r 10.0.0.2",
            Some("TCP 10.0.0.1:80"),
            None,
        ),
        ("--drain -r 10.0.0.2 -f 5 -6", Some("fwmark 5 IPv6"), None),
    ] {
        let task = DrainTask::Quiesce(Quiesce {
            service: service.map(|service| service.parse().unwrap()),
            server: server(port),
            wait: None,
        });
        assert_eq!(request(line), Ok(drain(task)), "{line}");
    }
    let Ok(Request::Drain(json)) = request("--drain -r 10.0.0.2 --json") else {
        panic!();
    };
    assert_eq!(json.form, Form::Json);
}

#[test]
fn waiting_has_an_end_if_one_is_given_and_removing_waits() {
    for (words, awaited, seconds, remove) in [
        ("--wait", Awaited::Active, None, false),
        ("--wait 30", Awaited::Active, Some(30), false),
        ("--wait=0", Awaited::Active, Some(0), false),
        ("--wait --idle", Awaited::All, None, false),
        ("--remove", Awaited::Active, None, true),
        ("--remove --idle", Awaited::All, None, true),
        ("--remove --wait 5", Awaited::Active, Some(5), true),
    ] {
        let task = DrainTask::Quiesce(Quiesce {
            service: None,
            server: server(None),
            wait: Some(WaitForEnd {
                awaited,
                time: seconds.map_or(Wait::WithoutEnd, |seconds| {
                    Wait::AtMost(Duration::from_secs(seconds))
                }),
                remove,
            }),
        });
        let line = format!("--drain -r 10.0.0.2 {words}");
        assert_eq!(request(&line), Ok(drain(task)), "{line}");
    }
}

#[test]
fn undo_is_of_all_or_of_what_is_named() {
    for (line, service, server) in [
        ("--drain --undo", None, None),
        ("--drain --undo -r 10.0.0.2", None, Some(server(None))),
        (
            "--drain -u 10.0.0.1:53 --undo",
            Some("UDP 10.0.0.1:53"),
            None,
        ),
    ] {
        let service = service.map(|service| service.parse().unwrap());
        let task = DrainTask::Undo(Undo { service, server });
        assert_eq!(request(line), Ok(drain(task)), "{line}");
    }
}

#[test]
fn mistakes_have_the_words_of_the_others() {
    for (line, words) in [
        (
            "--drain",
            "You need to supply the 'real-server' option for the 'drain' command",
        ),
        (
            "--drain -t 10.0.0.1:80 --wait",
            "You need to supply the 'real-server' option for the 'drain' command",
        ),
        (
            "--drain -r 10.0.0.2 --idle",
            "the 'idle' option goes only with --wait and --remove",
        ),
        (
            "--drain --undo --wait",
            "The option 'undo' conflicts with the 'wait' option in the 'drain' command",
        ),
        (
            "--drain --undo -r 10.0.0.2 --remove",
            "The option 'undo' conflicts with the 'remove' option in the 'drain' command",
        ),
        (
            "--drain -r 10.0.0.2 -w 3",
            "Illegal 'weight' option with the 'drain' command",
        ),
        ("-L --undo", "Illegal 'undo' option with the 'list' command"),
        (
            "--drain -r 10.0.0.2 --wait 1.5",
            "illegal wait time specified",
        ),
        ("--drain -r 10.0.0.2 word", "unexpected argument word"),
    ] {
        assert_eq!(wrong(line), (words.to_owned(), 2), "{line}");
    }
}
