// SPDX-License-Identifier: MIT

//! Commands other than changes of services and servers; the defaults are those of
//! ipvsadm 1.31.

use std::{
    net::IpAddr,
    num::{NonZeroU8, NonZeroU16},
    path::PathBuf,
};

use ipvs_client::{Change, DaemonRole, Interface, SyncDaemonSettings, Timeouts};

use super::{parse, request, wrong};
use crate::{
    args::{self, error::UsageError, name},
    command::{
        Command, Compare, Form, ListTable, Metrics, ReportOptions, Request, Restore, TableForm,
        View,
        choice::Colour,
        watch::{Watch, Watched},
    },
};

#[test]
fn no_words_list_the_table_with_names() {
    assert_eq!(
        args::parse(&[]),
        Ok(Request::Run(Command::Table(
            ListTable {
                service: None,
                view: View::Plain,
                numeric: false,
                exact: false,
                sorted: true,
                colour: Colour::Auto,
            },
            TableForm::Classic
        )))
    );
}

#[test]
fn the_first_of_several_views_wins() {
    let view = |line| match parse(line).unwrap() {
        Command::Table(table, _) => table.view,
        other => panic!("{other:?}"),
    };
    for (line, expected) in [
        (
            "-L --tun-info --persistent-conn --thresholds --rate --stats",
            View::Stats,
        ),
        (
            "-L --tun-info --persistent-conn --thresholds --rate",
            View::Rate,
        ),
        (
            "-L --tun-info --persistent-conn --thresholds",
            View::Thresholds,
        ),
        (
            "-L --tun-info --persistent-conn",
            View::PersistentConnections,
        ),
        ("-L --tun-info", View::TunnelInfo),
        // The wide table has a view for two of them.
        ("-L --rate --stats --output wide", View::StatsAndRate),
        ("-L --stats --thresholds --output wide", View::Stats),
        ("-L --stats --rate --output classic", View::Stats),
    ] {
        assert_eq!(view(line), expected, "{line}");
    }
}

/// `-X` is in the original's list of options, but in no document of it.
#[test]
fn numbers_are_exact_by_a_name_and_a_letter() {
    for (line, expected) in [
        ("-L --stats --exact", true),
        ("-L --stats -X", true),
        ("-LXn --stats", true),
        ("-L --stats", false),
    ] {
        match parse(line) {
            Ok(Command::Table(table, _)) => assert_eq!(table.exact, expected, "{line}"),
            other => panic!("{line}: {other:?}"),
        }
    }
}

#[test]
fn timeouts_may_stand_anywhere() {
    for line in [
        "--set 1 2 3",
        "--set 1 2 -- 3",
        "--set 1 --sort 2 3",
        "1 --set 2 3",
        "1 2 3 --set",
    ] {
        assert_eq!(
            parse(line),
            Ok(Command::Change(Change::SetTimeouts(
                Timeouts::default().tcp(1).tcp_fin(2).udp(3)
            ))),
            "{line}"
        );
    }
}

#[test]
fn a_daemon_has_the_original_s_defaults_and_all_its_options() {
    assert_eq!(
        parse("--start-daemon master"),
        Ok(Command::StartDaemon(SyncDaemonSettings::new(
            DaemonRole::Master,
            "eth0"
        )))
    );
    assert_eq!(
        parse(
            "--start-daemon=backup --mcast-interface eth1 --syncid 255 --sync-maxlen 65507 \
             --mcast-group ff02::5 --mcast-port 65535 --mcast-ttl 255"
        ),
        Ok(Command::StartDaemon(
            SyncDaemonSettings::new(DaemonRole::Backup, "eth1")
                .sync_id(255)
                .sync_maxlen(NonZeroU16::new(65507).unwrap())
                .group("ff02::5".parse::<IpAddr>().unwrap())
                .port(NonZeroU16::MAX)
                .ttl(NonZeroU8::MAX)
        ))
    );
    assert_eq!(
        parse("--stop-daemon backup --syncid 7"),
        Ok(Command::StopDaemon(DaemonRole::Backup))
    );
}

#[test]
fn restoring_is_strict_only_a_check_or_from_a_file_when_asked_for() {
    let restore = |strict, check, file: Option<&str>| {
        Ok(Request::Restore(Restore {
            strict,
            check,
            file: file.map(Into::into),
            ..Restore::default()
        }))
    };
    for (line, wanted) in [
        ("-R", restore(false, false, None)),
        ("--restore --strict", restore(true, false, None)),
        ("-R --check --json", restore(false, true, None)),
        ("-R -", restore(false, false, None)),
        ("-R --", restore(false, false, None)),
        ("-R rules", restore(false, false, Some("rules"))),
        (
            "-R --strict dir/rules",
            restore(true, false, Some("dir/rules")),
        ),
        ("rules -R", restore(false, false, Some("rules"))),
        ("-R -- -rules", restore(false, false, Some("-rules"))),
    ] {
        assert_eq!(request(line), wanted, "{line}");
    }
    for line in ["-R rules more", "-R - rules"] {
        assert!(request(line).is_err(), "{line}");
    }
}

#[test]
fn the_interface_goes_with_every_command_on_a_table_and_in_no_rule() {
    let interface = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        crate::args::parse_typed(&words).map(|typed| typed.interface)
    };
    for (words, expected) in [
        ("-L", None),
        ("-L --interface netlink", Some(Interface::Netlink)),
        ("-Ln --interface=sockopt", Some(Interface::SocketOptions)),
        ("-C --interface sockopt", Some(Interface::SocketOptions)),
        ("-R --interface sockopt", Some(Interface::SocketOptions)),
        (
            "--set 1 2 3 --interface sockopt",
            Some(Interface::SocketOptions),
        ),
        (
            "--drain -r 10.0.0.2 --interface netlink",
            Some(Interface::Netlink),
        ),
    ] {
        assert_eq!(interface(words), Ok(expected), "{words}");
    }
    for (words, error) in [
        (
            "-L --interface",
            UsageError::MissingValue("--interface".to_owned()),
        ),
        ("-L --interface proc", UsageError::KernelInterface),
        ("--interface sockopt -L", UsageError::NoCommand),
        (
            "-L --interface sockopt --interface sockopt",
            UsageError::Repeated(name::INTERFACE),
        ),
    ] {
        assert_eq!(interface(words), Err(error), "{words}");
    }
    assert_eq!(
        crate::args::parse_rule(&["-C", "--interface", "sockopt"]),
        Err(UsageError::InRule(name::INTERFACE))
    );
}

#[test]
fn every_command_can_answer_in_json() {
    for line in [
        "-A -t 10.0.0.1:80",
        "-E -t 10.0.0.1:80",
        "-D -t 10.0.0.1:80",
        "-C",
        "-R",
        "-S",
        "-a -t 10.0.0.1:80 -r 10.0.0.2",
        "-e -t 10.0.0.1:80 -r 10.0.0.2",
        "-d -t 10.0.0.1:80 -r 10.0.0.2",
        "-L",
        "-Z",
        "--set 1 2 3",
        "--start-daemon master",
        "--stop-daemon backup",
        "--drain -r 10.0.0.2",
        "-v",
    ] {
        let command = request(&format!("{line} --json"));
        assert!(command.is_ok(), "{line}: {command:?}");
    }
}

#[test]
fn help_and_version_are_given_whatever_follows() {
    assert_eq!(request("-h -Q foo"), Ok(Request::Help));
    assert_eq!(request("--version -L"), Ok(Request::Version(Form::Classic)));
    assert_eq!(request("-h --json"), Ok(Request::Help));
    assert_eq!(request("-v -L --json"), Ok(Request::Version(Form::Json)));
}

#[test]
fn timeouts_have_the_forms_that_can_show_them() {
    for (words, form) in [
        ("", Form::Classic),
        ("--output json", Form::Json),
        ("--json", Form::Json),
    ] {
        let line = format!("-L --timeout {words}");
        assert_eq!(parse(&line), Ok(Command::Timeouts(form)), "{line}");
    }
    for words in ["--output wide", "--output openmetrics", "--watch"] {
        let (words, status) = wrong(&format!("-L --timeout {words}"));
        assert!(words.contains("the table"), "{words}");
        assert_eq!(status, 2);
    }
}

#[test]
fn metrics_have_each_destination_unless_totals_are_enough() {
    for (words, destinations) in [("", true), (" --totals", false)] {
        assert_eq!(
            parse(&format!("-L --output openmetrics{words}")),
            Ok(Command::Metrics(Metrics {
                service: None,
                destinations,
                file: None,
            }))
        );
    }
}

#[test]
fn daemons_have_the_forms_that_can_show_them() {
    for (words, form) in [
        ("", TableForm::Classic),
        ("--output classic", TableForm::Classic),
        ("--output wide", TableForm::Wide),
        ("--output json", TableForm::Json),
        ("--json", TableForm::Json),
    ] {
        let line = format!("-L --daemon {words}");
        assert_eq!(parse(&line), Ok(Command::Daemons(form)), "{line}");
    }
    for line in ["-L --daemon --output openmetrics", "-L --daemon --watch"] {
        let (words, status) = wrong(line);
        assert!(words.contains("the table"), "{words}");
        assert_eq!(status, 2, "{line}");
    }
}

#[test]
fn the_connections_of_another_director_are_in_a_file_or_on_standard_input() {
    for (words, file, form) in [
        ("", None, Form::Classic),
        ("-", None, Form::Classic),
        ("there.json", Some("there.json"), Form::Classic),
        ("--json -", None, Form::Json),
    ] {
        let file = file.map(PathBuf::from);
        let line = format!("--compare-connections {words}");
        let wanted = Request::Compare(Compare { file, form });
        assert_eq!(request(&line), Ok(wanted), "{line}");
    }
    assert_eq!(
        wrong("--compare-connections one two"),
        ("unexpected argument one".to_owned(), 2)
    );
}

#[test]
fn a_report_is_redacted_only_if_that_is_asked_for() {
    let report = |redact| Ok(Request::Report(ReportOptions { redact }));
    assert_eq!(request("--report"), report(false));
    assert_eq!(request("--report --json"), report(false));
    assert_eq!(request("--report --redact"), report(true));
    for line in [
        "--doctor --redact",
        "--report file",
        "--report -t 10.0.0.1:80",
    ] {
        assert_eq!(request(line).unwrap_err().status(), 2, "{line}");
    }
}

#[test]
fn colours_are_wished_for_by_a_word_behind_an_equals_sign_or_without_one() {
    let wish = |line: &str| match request(line).unwrap() {
        Request::Run(Command::Table(table, _)) => table.colour,
        Request::Watch(Watch {
            watched: Watched::Table(table, _),
            ..
        }) => table.colour,
        Request::Apply(apply) => apply.colour,
        Request::Doctor(doctor) => doctor.colour,
        other => panic!("{line}: {other:?}"),
    };
    for command in [
        "-L",
        "-L -n --output wide",
        "-L --watch",
        "--diff",
        "--apply",
        "--doctor",
    ] {
        for (words, colour) in [
            ("", Colour::Auto),
            (" --color=auto", Colour::Auto),
            (" --color=always", Colour::Always),
            (" --color", Colour::Always),
            (" --color=never", Colour::Never),
        ] {
            let line = format!("{command}{words}");
            assert_eq!(wish(&line), colour, "{line}");
        }
    }
    // The next word is the file of --diff.
    let Ok(Request::Apply(diff)) = request("--diff --color never") else {
        panic!();
    };
    assert_eq!(diff.file, Some(PathBuf::from("never")));
    assert_eq!(diff.colour, Colour::Always);
}

#[test]
fn colours_are_for_what_has_some() {
    let unknown = "illegal colour specified: auto, always and never are known";
    let illegal = |command: &str| format!("Illegal 'color' option with the '{command}' command");
    for (line, words) in [
        ("-L --color=yes", unknown.to_owned()),
        ("-L --color=", unknown.to_owned()),
        ("-L --color always", "unexpected argument always".to_owned()),
        (
            "-L --color --color=never",
            "multiple 'color' options specified".to_owned(),
        ),
        ("-S --color", illegal("save")),
        ("--report --color", illegal("report")),
        ("--drain -r 10.0.0.2 --color", illegal("drain")),
    ] {
        assert_eq!(wrong(line), (words, 2), "{line}");
    }
}
