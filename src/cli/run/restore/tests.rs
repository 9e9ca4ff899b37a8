// SPDX-License-Identifier: MIT

//! Files of rules, carried out by stand-ins for the kernel.

use std::io;

use ipvs_client::{Change, Client, Errno, Error};

use super::{
    replace::{Replace, replace_table},
    runner::{Executor, Runner},
    *,
};
use crate::{command::Command, failure::StdoutError, run::rule_file::split_line};

/// The outcome of a file of rules: the exit status, what was printed and what
/// was reported, and how many commands were carried out.
struct Outcome {
    status: u8,
    printed: String,
    reported: String,
    executed: usize,
}

/// Has no service to delete, and loses IPVS at --zero.
#[derive(Default)]
struct StandIn {
    executed: usize,
    ensured: usize,
}

impl Executor for StandIn {
    fn apply(&mut self, changes: &[Change]) -> ipvs_client::Result<Vec<(usize, Error)>> {
        let mut refused = Vec::new();
        for (index, change) in changes.iter().enumerate() {
            let errno = match change {
                Change::DeleteService(_) => Errno::SRCH,
                Change::ZeroAll => Errno::PERM,
                _ => continue,
            };
            let operation = change.operation();
            refused.push((index, Error::Kernel { operation, errno }));
        }
        self.executed += changes.len();
        Ok(refused)
    }

    fn ensure(&mut self, changes: &[Change]) -> ipvs_client::Result<Vec<(usize, Error)>> {
        self.ensured += changes.len();
        let refused = self.apply(changes)?.into_iter();
        let missing = |error: &Error| error.errno() == Some(Errno::SRCH);
        Ok(refused.filter(|(_, error)| !missing(error)).collect())
    }

    fn execute(&mut self, _command: &Command, out: &mut impl Write) -> anyhow::Result<()> {
        self.executed += 1;
        Ok(writeln!(out, "listed after {}", self.executed).map_err(StdoutError)?)
    }
}

fn run(rules: &str, strict: bool) -> Outcome {
    run_from(None, rules, strict)
}

/// Runs rules as if they had been read from a file of that name.
fn run_from(file: Option<&str>, rules: &str, strict: bool) -> Outcome {
    let options = Restore {
        strict,
        file: file.map(Into::into),
        ..Restore::default()
    };
    let mut printed = Vec::new();
    let mut reported = Vec::new();
    let mut stand_in = StandIn::default();
    let mut messages = Messages::new(&mut reported, || false);
    let outcome = Runner::new(&mut stand_in, &options, &mut printed, &mut messages)
        .read_and_run(rules.as_bytes());
    // As the program ends.
    let status = outcome.unwrap_or_else(|error| {
        messages.report(&error);
        failure::exit_status(&error)
    });
    let executed = stand_in.executed;
    Outcome {
        status,
        printed: String::from_utf8(printed).unwrap(),
        reported: String::from_utf8(reported).unwrap(),
        executed,
    }
}

/// Runs --check on a text; returns what it says, and its exit status.
fn check_text(text: &str, is_terminal: fn() -> bool) -> (String, u8) {
    let mut reported = Vec::new();
    let mut messages = Messages::new(&mut reported, is_terminal);
    let status = check_only(&Restore::default(), text.as_bytes(), &mut messages).unwrap();
    (String::from_utf8(reported).unwrap(), status)
}

#[test]
fn a_refusal_is_reported_and_the_last_line_decides_the_status() {
    let outcome = run("-D -f 1\n-L\n-D -f 2\n", false);
    assert_eq!(outcome.status, 255);
    assert_eq!(outcome.reported, "No such service\nNo such service\n");
    let outcome = run("-D -f 1\n-C\n\n# end\n", false);
    assert_eq!(outcome.status, 0, "blank lines and comments are none");
    assert_eq!(outcome.reported, "No such service\n");
}

#[test]
fn what_the_option_library_would_refuse_does_not_end_it() {
    for (line, words) in [
        ("-A -t", "-t: missing argument"),
        ("-LQ", "-LQ: unknown option"),
        ("-L -n=5", "-n=5: option does not take an argument"),
    ] {
        let outcome = run(&format!("-C\n{line}\n-C\n"), false);
        assert_eq!(outcome.status, 0, "{line}");
        assert_eq!(outcome.reported, format!("{words}\n"));
        assert_eq!(outcome.executed, 2);
        assert_eq!(run(line, false).status, 255, "{line}");
    }
    assert_eq!(run("-C\n-Q\n-C\n", false).executed, 1, "no command");
}

#[test]
fn a_line_that_is_wrong_in_itself_ends_it_unless_strict() {
    let rules = "-C\n-A -t 10.0.0.1:-1\n-C\n";
    let outcome = run(rules, false);
    assert_eq!(outcome.status, 2);
    assert_eq!(
        outcome.reported,
        "illegal virtual server address[:port] specified\n"
    );
    assert_eq!(outcome.executed, 1);
    assert_eq!(run(rules, true).executed, 2);
}

#[test]
fn strict_numbers_every_line_that_fails_and_the_first_decides_the_status() {
    let outcome = run(
        "# rules\n-C\n\n-A -t 10.0.0.1:-1\r\n-D -f 1\n-Q\n-6\n-D -6\n-h\n-L\n-C",
        true,
    );
    assert_eq!(outcome.status, 2);
    assert_eq!(
        outcome.reported,
        "line 4: illegal virtual server address[:port] specified\n\
         line 5: No such service\n\
         line 6: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n\
         line 7: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n\
         line 8: -6 used before -f\n\
         line 9: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n"
    );
    assert_eq!(outcome.printed, "listed after 3\n");
    assert_eq!(run("-D -f 1\n-A\n", true).status, 255);
}

#[test]
fn strict_succeeds_in_silence_when_no_line_fails() {
    for rules in ["", "# nothing\n", "-C\nipvsadm -A -f 1\n"] {
        let outcome = run(rules, true);
        assert_eq!(outcome.status, 0, "{rules:?}");
        assert_eq!(outcome.reported, "", "{rules:?}");
    }
}

#[test]
fn without_ipvs_the_lines_that_follow_are_not_tried() {
    for strict in [false, true] {
        let outcome = run("-C\n-Z\n-L\n-C\n-Q\n", strict);
        assert_eq!(outcome.status, 2, "strict: {strict}");
        assert_eq!(outcome.executed, 2, "strict: {strict}");
    }
}

#[test]
fn changes_are_applied_before_a_command_that_may_show_them() {
    let outcome = run("-C\n-C\n-L\n-C\n-L\n", false);
    assert_eq!(outcome.printed, "listed after 3\nlisted after 5\n");
}

#[test]
fn more_changes_than_travel_together_keep_their_lines() {
    let mut rules = "-C\n".repeat(3 * Client::BATCH);
    rules.push_str("-D -f 1\n");
    let outcome = run(&rules, true);
    assert_eq!(
        outcome.reported,
        format!("line {}: No such service\n", 3 * Client::BATCH + 1)
    );
    assert_eq!(outcome.status, 255);
    assert_eq!(outcome.executed, 3 * Client::BATCH + 1);
}

#[test]
fn a_change_that_is_refused_before_others_does_not_decide_the_status() {
    let outcome = run("-D -f 1\n-C\n", false);
    assert_eq!(
        (outcome.status, outcome.reported.as_str()),
        (0, "No such service\n")
    );
    assert_eq!(run("-C\n-D -f 1\n", false).status, 255);
}

#[test]
fn a_document_is_told_by_its_first_character_and_applied_in_order() {
    let service = r#"{"family":"ipv4","fwmark":1,"scheduler":"rr","destinations":[
        {"family":"ipv4","address":"10.0.0.2","port":80,
         "forwarding_method":"masquerading","weight":1}]}"#;
    let document = format!(" \n{{\"schema_version\":1,\"services\":[{service}]}}\n");
    let outcome = run(&document, false);
    assert_eq!((outcome.status, outcome.executed), (0, 2));
}

#[test]
fn a_document_that_is_wrong_anywhere_is_not_applied() {
    for (document, words) in [
        ("{", "line 1, column 1: the JSON ends too early\n"),
        (
            r#"{"schema_version":1,"services":[
                {"fwmark":1,"scheduler":"rr"},
                {"scheduler":"rr"}]}"#,
            "services[1]: either protocol, address and port or fwmark must be there, and not \
             both\n",
        ),
        (
            "\n[]",
            "the rules are JSON of the wrong form: the object that -S --json writes is \
             wanted, not a list\n",
        ),
    ] {
        let outcome = run(document, false);
        assert_eq!((outcome.reported.as_str(), outcome.status), (words, 2));
        assert_eq!(outcome.executed, 0);
        let outcome = run_from(Some("dir/rules"), document, false);
        assert_eq!(outcome.reported, format!("dir/rules: {words}"));
    }
}

#[test]
fn what_the_kernel_refuses_of_a_document_is_told_by_its_place() {
    let document = r#"{"schema_version":1,"services":[{"fwmark":9,"scheduler":"rr"}]}"#;
    let mut stand_in = Full;
    for strict in [false, true] {
        let options = Restore {
            strict,
            ..Restore::default()
        };
        let mut reported = Vec::new();
        let mut messages = Messages::new(&mut reported, || false);
        let status = Runner::new(&mut stand_in, &options, &mut io::sink(), &mut messages)
            .read_and_run(document.as_bytes());
        assert_eq!(status.unwrap(), 255);
        assert_eq!(
            String::from_utf8(reported).unwrap(),
            "services[0]: cannot add fwmark 9: Service already exists\n"
        );
    }
}

/// Has every service already.
struct Full;

impl Executor for Full {
    fn apply(&mut self, changes: &[Change]) -> ipvs_client::Result<Vec<(usize, Error)>> {
        let refuse = |(index, change): (usize, &Change)| {
            let (operation, errno) = (change.operation(), Errno::EXIST);
            (index, Error::Kernel { operation, errno })
        };
        Ok(changes.iter().enumerate().map(refuse).collect())
    }

    fn ensure(&mut self, changes: &[Change]) -> ipvs_client::Result<Vec<(usize, Error)>> {
        panic!("{changes:?}")
    }

    fn execute(&mut self, command: &Command, _: &mut impl Write) -> anyhow::Result<()> {
        panic!("{command:?}")
    }
}

#[test]
fn of_a_named_file_every_failure_tells_file_and_line() {
    let rules = "-C\n-D -f 1\n-D -6\n";
    let words = "rules.txt: line 2: No such service\nrules.txt: line 3: -6 used before -f\n";
    for strict in [false, true] {
        let outcome = run_from(Some("rules.txt"), rules, strict);
        assert_eq!(outcome.reported, words, "strict: {strict}");
    }
}

#[test]
fn as_json_each_failure_is_an_object_with_its_line() {
    let mut reported = Vec::new();
    let mut messages = Messages::new(&mut reported, || true);
    messages.become_json();
    let options = Restore::default();
    let status = Runner::new(
        &mut StandIn::default(),
        &options,
        &mut io::sink(),
        &mut messages,
    )
    .read_and_run(&b"-C\n-D -f 1\n\n-A -t\n"[..]);
    assert_eq!(status.unwrap(), 255);
    let reported = String::from_utf8(reported).unwrap();
    let objects: Vec<serde_json::Value> = reported
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        objects,
        [
            serde_json::json!({
                "operation": "delete fwmark 1", "object": {"service": "fwmark 1"},
                "errno": "ESRCH", "message": "No such service", "line": 2,
            }),
            serde_json::json!({
                "operation": null, "object": null, "errno": null,
                "message": "-t: missing argument", "line": 4,
            }),
        ]
    );
}

#[test]
fn checking_tells_every_line_that_is_wrong_and_carries_nothing_out() {
    let (reported, status) = check_text("-C\n-A\n\n-A -t\n-A -f 1\n-Q", || false);
    assert_eq!(
        reported,
        "line 2: You need to supply the 'service-address' option for the 'add-service' \
         command\n\
         line 4: -t: missing argument\n\
         line 6: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n"
    );
    assert_eq!(status, 2);
}

#[test]
fn checking_counts_the_rules_for_a_terminal() {
    let document = r#"{"schema_version":1,"services":[{"fwmark":9,"scheduler":"rr"}]}"#;
    for (text, count) in [
        ("# two\n-A -f 1\n-C\n", "2 rules, nothing wrong\n"),
        (document, "1 rule, nothing wrong\n"),
    ] {
        assert_eq!(check_text(text, || true), (count.to_owned(), 0));
        assert_eq!(check_text(text, || false), (String::new(), 0));
    }
}

#[test]
fn checking_takes_no_rules_for_a_mistake_of_its_own_kind() {
    for text in [
        "",
        "\n \n# -A -f 1\n",
        r#"{"schema_version":1,"services":[]}"#,
    ] {
        let words = "no rules in standard input; to clear the table say ipvsadm -C\n";
        assert_eq!(check_text(text, || false), (words.to_owned(), 1), "{text}");
    }
}

/// Runs ipvsadm-restore on rules that are wrong; returns what it says, and its
/// exit status. It must not have asked for the kernel, which no unit test has.
fn replace_text(text: &str, strict: bool) -> (String, u8) {
    let mut options = Replace::default();
    options.restore.strict = strict;
    let mut reported = Vec::new();
    let mut messages = Messages::new(&mut reported, || false);
    let status = replace_table(
        &options,
        text.as_bytes(),
        &mut Session::default(),
        &mut io::sink(),
        &mut messages,
    );
    let status = status.unwrap();
    (String::from_utf8(reported).unwrap(), status)
}

#[test]
fn a_wrong_rule_leaves_the_table_as_it_was() {
    for (text, words, status) in [
        (
            "-A -f 1\n-A -f 0\n-Q\n",
            "invalid fwmark value `0' specified\nline 2 is wrong: the table is as it was\n",
            2,
        ),
        (
            "-A -f 1\n\n-A -f\n",
            "-f: missing argument\nline 3 is wrong: the table is as it was\n",
            255,
        ),
        (
            "{}",
            "the field schema_version is missing\nthe table is as it was\n",
            2,
        ),
    ] {
        assert_eq!(replace_text(text, false), (words.to_owned(), status));
    }
    assert_eq!(
        replace_text("-A -f 0\n-A -f 1\n-Q\n", true),
        (
            "line 1: invalid fwmark value `0' specified\n\
             line 3: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n\
             the table is as it was\n"
                .to_owned(),
            2
        )
    );
}

#[test]
fn a_line_is_split_at_blanks_and_the_programs_name_is_left_out() {
    let rule = ["-A", "-t", "10.0.0.1:80"];
    for line in [
        "-A -t 10.0.0.1:80\n",
        "ipvsadm -A -t 10.0.0.1:80\n",
        "ipvsadm ipvsadm -A ipvsadm -t ipvsadm 10.0.0.1:80\n",
        "\t-A\t-t  10.0.0.1:80 \r\n",
        "-A\r-t 10.0.0.1:80",
        "-A\0-E -t 10.0.0.1:80\0:90\n",
    ] {
        assert_eq!(split_line(line).as_deref(), Some(&rule[..]), "{line:?}");
    }
    assert_eq!(
        split_line("-A\x0c-t\x0b").as_deref(),
        Some(&["-A\x0c-t\x0b"][..])
    );
}

#[test]
fn blank_lines_and_comments_hold_nothing() {
    for line in ["", "\n", " \t\r\n", "# rules\n", "  #-C\n", "ipvsadm\n"] {
        assert_eq!(split_line(line), None, "{line:?}");
    }
}

/// Runs rules; returns the status, what was reported, and how many changes were
/// made whatever was there.
fn run_exist(rules: &str, exist: bool) -> (u8, String, usize) {
    let options = Restore {
        exist,
        ..Restore::default()
    };
    let mut reported = Vec::new();
    let mut stand_in = StandIn::default();
    let mut messages = Messages::new(&mut reported, || false);
    let status = Runner::new(&mut stand_in, &options, &mut io::sink(), &mut messages)
        .read_and_run(rules.as_bytes())
        .unwrap();
    let reported = String::from_utf8(reported).unwrap();
    (status, reported, stand_in.ensured)
}

#[test]
fn what_is_gone_may_be_deleted_by_every_line_or_by_those_that_say_so() {
    let refused = "No such service\n".to_owned();
    for (rules, exist, wanted) in [
        ("-D -f 1\n-A -f 2\n", false, (0, refused.clone(), 0)),
        ("-D -f 1\n-A -f 2\n", true, (0, String::new(), 2)),
        (
            "-D -f 1 --exist\n-D -f 2 --exist\n",
            false,
            (0, String::new(), 2),
        ),
        ("-D -f 1 --exist\n-C\n-D -f 2\n", false, (255, refused, 1)),
        (
            "-D -f 1 --exist\n-C\n-D -f 2\n",
            true,
            (0, String::new(), 3),
        ),
    ] {
        assert_eq!(run_exist(rules, exist), wanted, "{rules:?}, {exist}");
    }
    let document = r#"{"schema_version": 1, "services": [
        {"fwmark": 1, "scheduler": "rr"}, {"fwmark": 2, "scheduler": "rr"}]}"#;
    assert_eq!(run_exist(document, true), (0, String::new(), 2));
}

#[test]
fn an_edit_that_keeps_the_rest_has_its_turn_between_the_lines_around_it() {
    let outcome = run("-C\n-E -f 1 -s rr --keep\n-C\n", false);
    assert_eq!(outcome.printed, "listed after 2\n");
    assert_eq!((outcome.status, outcome.executed), (0, 3));
}
