// SPDX-License-Identifier: MIT

//! Files that are applied to a kernel in memory: what is told, and what is done about
//! a kernel that refuses and about others who change the table.

use std::path::Path;
use std::{io, time::Duration};

use ipvs_client::{
    Errno,
    testing::{FakeKernel, Kernel},
};
use serde_json::Value;

use super::*;
use crate::{
    args,
    command::{Command, Request, Wait},
    names::Names,
    output::{SaveWriter, write_entries},
    run::{
        acting::Acting,
        rule_file::{Mistakes, Parsed},
    },
};

const WEB: &str = "-A -t 10.0.0.1:80 -s wrr\n";

/// The output of a command, on standard output and on standard error, and its status.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    out: String,
    errors: String,
    status: u8,
}

fn told(out: &str, errors: &str, status: u8) -> Told {
    Told {
        out: out.to_owned(),
        errors: errors.to_owned(),
        status,
    }
}

fn kernel_with(rules: &str) -> FakeKernel {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    for line in rules.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match args::parse(&words).unwrap() {
            Request::Run(Command::Change(change)) => client.change(&change).unwrap(),
            other => panic!("{other:?}"),
        }
    }
    kernel
}

fn saved(kernel: &FakeKernel) -> String {
    let mut client = kernel.client().unwrap();
    let options = crate::table::ReadOptions {
        counters: ipvs_client::Counters::Skip,
        consistency: ipvs_client::Consistency::Agreed,
        sorted: true,
    };
    let entries = crate::table::read_entries(&mut client, None, options).unwrap();
    let mut text = Vec::new();
    write_entries(SaveWriter::new(&mut text, Names::new(true)), entries).unwrap();
    String::from_utf8(text).unwrap()
}

/// Makes the options of a command line.
fn options(words: &str) -> Apply {
    match args::parse(&words.split(' ').collect::<Vec<_>>()).unwrap() {
        Request::Apply(apply) => apply,
        other => panic!("{other:?}"),
    }
}

/// Tells what becomes of a file, by the rest of its way when it has been read and the
/// table is locked.
fn apply_over(
    kernel: impl Kernel + 'static,
    words: &str,
    rules: &str,
    is_terminal: fn() -> bool,
) -> Told {
    let mut out = Vec::new();
    let (errors, outcome) = apply_into(&mut out, kernel, words, rules, is_terminal);
    Told {
        out: String::from_utf8(out).unwrap(),
        errors,
        status: outcome.unwrap(),
    }
}

/// Tells the same, but for what it writes to this standard output.
fn apply_into(
    out: &mut impl Write,
    kernel: impl Kernel + 'static,
    words: &str,
    rules: &str,
    is_terminal: fn() -> bool,
) -> (String, anyhow::Result<u8>) {
    let apply = options(words);
    let mut errors = Vec::new();
    let mut messages = Messages::new(&mut errors, is_terminal);
    let mut session = Session::over(Client::with_kernel(kernel).unwrap());
    let parsed = parse_all(None, rules.as_bytes(), Mistakes::Every).unwrap();
    let description = Description::read(None, parsed).unwrap_or_else(|errors| panic!("{errors:?}"));
    let outcome = compare(&apply, description, &mut session, out, &mut messages);
    (String::from_utf8(errors).unwrap(), outcome)
}

fn apply(kernel: &FakeKernel, words: &str, rules: &str) -> Told {
    apply_over(kernel.clone(), words, rules, || false)
}

/// The requests that read a table of one service, and each of its servers, up to the
/// first change.
const READINGS: usize = 2;

#[test]
fn success_is_silent() {
    let kernel = kernel_with(WEB);
    let rules = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1\n";
    assert_eq!(apply(&kernel, "--apply", rules), told("", "", 0));
    assert_eq!(saved(&kernel), rules);
    assert_eq!(apply(&kernel, "--apply", rules), told("", "", 0));
}

#[test]
fn differences_are_lines_in_the_order_of_a_listing_with_the_connections_that_end() {
    let kernel = kernel_with(
        "-A -t 10.0.0.1:80 -s wrr\n\
         -a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1\n\
         -a -t 10.0.0.1:80 -r 10.0.0.3:80 -m -w 1\n\
         -A -u 10.0.0.1:53 -s rr\n\
         -a -u 10.0.0.1:53 -r 10.0.0.2:53 -m -w 1",
    );
    let [web, names] = ["TCP 10.0.0.1:80", "UDP 10.0.0.1:53"].map(|id| id.parse().unwrap());
    let servers = ["10.0.0.3:80", "10.0.0.2:53"].map(|id| id.parse().unwrap());
    assert!(kernel.set_connections(&web, &servers[0], 12, 3));
    let rules = "--set 100 0 0\n\
                 -A -f 5 -s sh\n\
                 -A -t 10.0.0.1:80 -s wlc\n\
                 -a -t 10.0.0.1:80 -r 10.0.0.1:80 -m\n\
                 -a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 7\n";
    let differences = "- --set 900 120 300\n\
                       + --set 100 120 300\n\
                       - -A -t 10.0.0.1:80 -s wrr\n\
                       + -A -t 10.0.0.1:80 -s wlc\n\
                       + -a -t 10.0.0.1:80 -r 10.0.0.1:80 -m -w 1\n\
                       - -a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1\n\
                       + -a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 7\n\
                       - -a -t 10.0.0.1:80 -r 10.0.0.3:80 -m -w 1  # cuts 12 active and 3 inactive connections\n\
                       - -A -u 10.0.0.1:53 -s rr\n\
                       - -a -u 10.0.0.1:53 -r 10.0.0.2:53 -m -w 1  # no connections\n\
                       + -A -f 5 -s sh\n";
    assert_eq!(apply(&kernel, "--diff", rules), told(differences, "", 1));
    assert!(
        kernel.set_connections(&names, &servers[1], 0, 0),
        "nothing was done"
    );
    let commands = "--set 100 120 300\n\
                    -A -f 5 -s sh\n\
                    -E -t 10.0.0.1:80 -s wlc\n\
                    -a -t 10.0.0.1:80 -r 10.0.0.1:80 -m -w 1\n\
                    -e -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 7\n\
                    -d -t 10.0.0.1:80 -r 10.0.0.3:80\n\
                    -D -u 10.0.0.1:53\n";
    let before = saved(&kernel);
    let dry = apply(&kernel, "--apply --dry-run", rules);
    assert_eq!(dry, told(commands, "", 0));
    assert_eq!(saved(&kernel), before);
    assert_eq!(apply(&kernel, "--apply", rules), told("", "", 0));
    assert_eq!(apply(&kernel, "--diff", rules), told("", "", 0));
}

#[test]
fn as_json_the_changes_are_counted_and_described() {
    let kernel = kernel_with("-A -t 10.0.0.1:80 -s wrr\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1");
    let rules = "-A -t 10.0.0.1:80 -s wrr\n-a -t 10.0.0.1:80 -r 10.0.0.3:80 -m -w 5\n";
    for (words, status) in [
        ("--diff --json", 1),
        ("--apply --dry-run --json", 0),
        ("--apply --json", 0),
    ] {
        let answer = apply(&kernel, words, rules);
        assert_eq!((answer.errors.as_str(), answer.status), ("", status));
        let document: Value = serde_json::from_str(&answer.out).unwrap();
        assert_eq!(
            (
                &document["changed"],
                &document["added"],
                &document["edited"],
                &document["removed"]
            ),
            (&true.into(), &1.into(), &0.into(), &1.into())
        );
        let [added, removed] = document["changes"].as_array().unwrap().as_slice() else {
            panic!("{document}");
        };
        assert_eq!(added["operation"], "add 10.0.0.3:80 to TCP 10.0.0.1:80");
        assert_eq!(added["object"]["destination"], "10.0.0.3:80");
        assert_eq!(added["after"]["weight"], 5);
        assert!(added.get("before").is_none());
        assert!(
            added["after"].get("active_connections").is_none(),
            "nobody has counted"
        );
        assert_eq!(removed["before"]["active_connections"], 0);
        assert!(removed.get("after").is_none());
    }
    let answer = apply(&kernel, "--apply --json", rules);
    let document: Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(
        (&document["changed"], &document["changes"]),
        (&false.into(), &Vec::<Value>::new().into())
    );
}

#[test]
fn a_refusal_names_line_operation_object_and_errno_and_leaves_the_table_as_it_was() {
    let kernel = kernel_with(WEB);
    let rules = "-A -t 10.0.0.1:80 -s rr\n\n-A -t 10.0.0.9:80 -s nonsense\n-a -t 10.0.0.9:80 -r 10.0.0.2 -m\n";
    assert_eq!(
        apply(&kernel, "--apply", rules),
        told(
            "",
            "line 3: cannot add TCP 10.0.0.9:80: there is no such scheduler or persistence engine (ENOENT)\n\
             the table is as it was\n",
            255
        )
    );
    assert_eq!(saved(&kernel), WEB);
    let document = r#"{"schema_version":1,"services":[{"protocol":"tcp","address":"10.0.0.9","port":80,"scheduler":"nonsense","destinations":[]}]}"#;
    let answer = apply(&kernel, "--apply --add-only", document);
    assert!(
        answer
            .errors
            .starts_with("services[0]: cannot add TCP 10.0.0.9:80: there"),
        "{answer:?}"
    );
}

#[test]
fn what_cannot_be_undone_is_told_with_the_lines_that_stand() {
    let kernel = kernel_with(WEB);
    let rules =
        "-A -t 10.0.0.1:80 -s rr\n-A -t 10.0.0.2:80 -s rr\n-a -t 10.0.0.1:80 -r 10.0.0.3:80 -m\n";
    // The new service and the edit are done; the new server is refused, and so is the
    // end of the new service.
    kernel.leave_to_table(READINGS + 2);
    kernel.refuse_next(Errno::INVAL);
    kernel.leave_to_table(1);
    kernel.refuse_next(Errno::NOMEM);
    let answer = apply(&kernel, "--apply", rules);
    assert_eq!(
        answer.errors,
        "line 3: cannot add 10.0.0.3:80 to TCP 10.0.0.1:80: Invalid argument (EINVAL)\n\
         cannot delete TCP 10.0.0.2:80: Cannot allocate memory (ENOMEM)\n\
         the table is not as it was before; these lines differ now:\n\
         + -A -t 10.0.0.2:80 -s rr\n"
    );
    assert_eq!(answer.status, 255);
    assert_eq!(saved(&kernel), format!("{WEB}-A -t 10.0.0.2:80 -s rr\n"));
    // The same command does the rest.
    assert_eq!(apply(&kernel, "--apply", rules), told("", "", 0));
}

#[test]
fn a_file_with_nul_bytes_is_damaged() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let rules = "-A -f 1 -s rr\n-a -f 1 -r 10.0.0.2 -m\0\n-a -f 1\0\n\0\0\0";
    std::fs::write(&file, rules).unwrap();
    let mut apply = options("--apply --check");
    apply.file = Some(file.path().to_owned());
    let mut errors = Vec::new();
    let mut messages = Messages::new(&mut errors, || false);
    let status = run(
        &apply,
        &mut Session::default(),
        &mut io::sink(),
        &mut messages,
    );
    assert_eq!(status.unwrap(), 2);
    let name = file.path().display();
    let words = "there is a NUL byte in this line: the file is damaged";
    let errors = String::from_utf8(errors).unwrap();
    for line in [2, 3, 4] {
        assert!(
            errors.contains(&format!("{name}: line {line}: {words}\n")),
            "{errors}"
        );
    }
}

/// No request sets a flag without a name.
#[test]
fn flags_that_undoing_cannot_give_back_are_told() {
    let kernel = kernel_with(&format!("{WEB}-A -f 5 -s rr"));
    let flagged = "TCP 10.0.0.1:80".parse().unwrap();
    assert!(kernel.set_unknown_flags(&flagged, 0x40));
    let rules = format!("{WEB}-A -f 5 -s rr\n-A -f 6 -s nonsense\n");
    // What is not edited keeps its flags, also where the kernel refuses the edit.
    // Another service is read before, and the new one comes first.
    kernel.leave_to_table(READINGS + 2);
    kernel.refuse_next(Errno::NOMEM);
    let answer = apply(&kernel, "--apply", &rules);
    assert!(
        answer.errors.ends_with("\nthe table is as it was\n"),
        "{answer:?}"
    );

    let answer = apply(&kernel, "--apply", &rules);
    assert_eq!(
        answer.errors,
        "line 3: cannot add fwmark 6: there is no such scheduler or persistence engine (ENOENT)\n\
         the table is not as it was before; these lines differ now:\n\
         - # virtual service TCP 10.0.0.1:80, wrr, flags 0x40 (no option sets these flags)\n\
         + -A -t 10.0.0.1:80 -s wrr\n"
    );
    assert_eq!(answer.status, 255);
}

/// A standard output that takes nothing.
struct Unwritable(io::ErrorKind);

impl Write for Unwritable {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_diff_that_cannot_be_read_or_written_does_not_look_like_a_difference() {
    let kernel = kernel_with(WEB);
    kernel.refuse_next(Errno::NOMEM);
    let answer = apply(&kernel, "--diff", WEB);
    assert_eq!(answer, told("", "Memory allocation problem\n", 2));
    let other = "-A -t 10.0.0.1:80 -s rr\n";
    for (kind, rules, status) in [
        (io::ErrorKind::StorageFull, WEB, 2),
        (io::ErrorKind::StorageFull, other, 2),
        // What has been found out is the status when nobody reads on, too.
        (io::ErrorKind::BrokenPipe, WEB, 0),
        (io::ErrorKind::BrokenPipe, other, 1),
    ] {
        let mut out = Unwritable(kind);
        let (errors, outcome) =
            apply_into(&mut out, kernel.clone(), "--diff --json", rules, || false);
        assert_eq!(outcome.unwrap(), status, "{kind} {rules}");
        assert_eq!(errors.is_empty(), status != 2, "{errors}");
    }
}

#[test]
fn what_others_change_meanwhile_is_told() {
    let kernel = kernel_with(WEB);
    let rules = "-A -t 10.0.0.1:80 -s wrr\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m\n";
    let mut other = kernel.client().unwrap();
    let web = "TCP 10.0.0.1:80".parse().unwrap();
    let server = "10.0.0.2:80".parse().unwrap();
    // One finds the family, two read, one changes.
    let acting = Acting::new(kernel, 4, move || {
        let settings = other.destinations(&web).unwrap().remove(0).settings;
        other
            .edit_destination(&web, &server, &settings.weight(9))
            .unwrap();
    });
    assert_eq!(
        apply_over(acting, "--apply", rules, || false),
        told(
            "",
            "the table differs from the file: someone else has changed it meanwhile, or the kernel \
             has not kept a value:\n\
             - -a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 9\n\
             + -a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1\n",
            1
        )
    );
}

#[test]
fn a_terminal_is_warned_of_servers_that_get_a_weight_again() {
    let rules = "-A -t 10.0.0.1:80 -s wrr\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 3\n";
    let drained = rules.replace("-w 3", "-w 0");
    for (words, is_terminal, errors, after) in [
        (
            "--apply",
            (|| true) as fn() -> bool,
            "warning: 10.0.0.2:80 of TCP 10.0.0.1:80 has weight 0 and gets 3; --keep-weights leaves it\n",
            rules,
        ),
        ("--apply", || false, "", rules),
        ("--apply --keep-weights", || true, "", drained.as_str()),
    ] {
        let kernel = kernel_with(drained.trim_end());
        let answer = apply_over(kernel.clone(), words, rules, is_terminal);
        assert_eq!(answer, told("", errors, 0), "{words}");
        assert_eq!(saved(&kernel), after, "{words}");
    }
}

/// Returns what is wrong with a file that should describe a table.
fn mistakes(rules: &str) -> String {
    let file = Path::new("wanted.rules");
    let parsed = parse_all(Some(file), rules.as_bytes(), Mistakes::Every).unwrap();
    let mut text = Vec::new();
    for error in Description::read(Some(file), parsed).err().unwrap() {
        assert_eq!(failure::exit_status(&error), 2);
        Messages::new(&mut text, || false).report(&error);
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn every_mistake_of_a_file_is_told_by_its_line() {
    let rules = "-a -t 10.0.0.9:80 -r 10.0.0.8 -m\n\
                 -A -t 10.0.0.1:80\n\
                 -A -t 10.0.0.1:80 -s rr\n\
                 -a -t 10.0.0.1:80 -r 10.0.0.2 -m\n\
                 -a -t 10.0.0.1:80 -r 10.0.0.2 -m\n\
                 -E -t 10.0.0.1:80\n\
                 -A -t 10.0.0.2:80 -w 3\n\
                 -a -t 10.0.0.2:80 -r 10.0.0.2 -m\n\
                 -C\n\
                 --set 1 2 3\n\
                 --set 1 2 3\n\
                 --start-daemon master\n\
                 --start-daemon master\n\
                 --stop-daemon backup\n\
                 -L\n";
    assert_eq!(
        mistakes(rules),
        "wanted.rules: line 1: TCP 10.0.0.9:80 is not added before its server 10.0.0.8:80\n\
         wanted.rules: line 3: TCP 10.0.0.1:80 is there twice, first in line 2\n\
         wanted.rules: line 5: 10.0.0.2:80 is there twice in TCP 10.0.0.1:80, first in line 4\n\
         wanted.rules: line 6: only -A, -a, --set and --start-daemon say what should be there, not a command to edit TCP 10.0.0.1:80\n\
         wanted.rules: line 7: Illegal 'weight' option with the 'add-service' command\n\
         wanted.rules: line 9: only -A, -a, --set and --start-daemon say what should be there, not a command to clear the table\n\
         wanted.rules: line 11: the timeouts are there twice, first in line 10\n\
         wanted.rules: line 13: the master daemon is there twice, first in line 12\n\
         wanted.rules: line 14: only -A, -a, --set and --start-daemon say what should be there, not this command\n\
         wanted.rules: line 15: only -A, -a, --set and --start-daemon say what should be there, not this command\n"
    );
    let document = r#"{"schema_version":1,"services":[
        {"fwmark":5,"scheduler":"rr","destinations":[]},
        {"fwmark":5,"scheduler":"rr","destinations":[]}]}"#;
    assert_eq!(
        mistakes(document),
        "wanted.rules: services[1]: fwmark 5 is there twice, first in services[0]\n"
    );
}

/// No unit test has a kernel, which would be complained of.
#[test]
fn checking_a_file_needs_neither_root_nor_ipvs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wanted.rules");
    let check = |rules: &str| {
        std::fs::write(&file, rules).unwrap();
        let apply = options(&format!("--apply --check {}", file.display()));
        let mut told = Vec::new();
        let mut messages = Messages::new(&mut told, || true);
        let mut session = Session::default();
        let status = run(&apply, &mut session, &mut io::sink(), &mut messages).unwrap();
        (String::from_utf8(told).unwrap(), status)
    };
    assert_eq!(check(WEB), ("nothing wrong\n".to_owned(), 0));
    let words = format!(
        "{}: line 2: TCP 10.0.0.1:80 is there twice, first in line 1\n",
        file.display()
    );
    assert_eq!(check(&format!("{WEB}{WEB}")), (words, 2));
}

#[test]
fn a_first_clearing_and_entries_that_may_exist_describe_a_table() {
    let rules = "ipvsadm -C\n-A -t 10.0.0.1:80 -s wrr --exist\n";
    let kernel = kernel_with("-A -f 5 -s rr");
    assert_eq!(apply(&kernel, "--apply", rules), told("", "", 0));
    assert_eq!(saved(&kernel), WEB);
}

#[test]
fn a_file_without_a_service_is_refused() {
    let nothing = |words: &str, rules: &str| {
        let apply = options(words);
        let Parsed { rules, .. } = parse_all(None, rules.as_bytes(), Mistakes::Every).unwrap();
        let (mut description, _) = Description::take(&rules);
        let mut notes = Vec::new();
        let mut messages = Messages::new(&mut notes, || true);
        let error = narrow(&mut description.wanted, &apply, &mut messages);
        let error = error.err().map(anyhow::Error::from);
        let status = error.as_ref().map(failure::exit_status);
        (
            error.map(|error| error.to_string()),
            status,
            String::from_utf8(notes).unwrap(),
        )
    };
    for rules in ["", "-C\n", "--set 1 2 3\n", "# nothing\n"] {
        let words = "no virtual service in standard input; to clear the table say ipvsadm -C";
        assert_eq!(
            nothing("--apply", rules),
            (Some(words.to_owned()), Some(2), String::new())
        );
    }
    let words =
        "no virtual service of standard input is in the scope; to remove one say ipvsadm -D";
    assert_eq!(
        nothing("--apply --scope 192.0.2.0/24", WEB),
        (Some(words.to_owned()), Some(2), String::new())
    );
    let note = "1 service of the file outside of the scope\n";
    assert_eq!(
        nothing("--apply --scope 10.0.0.0/31", &format!("{WEB}-A -f 5\n")),
        (None, None, note.to_owned())
    );
}

#[test]
fn waiting_goes_with_applying_alone() {
    let effect = |words: &str| options(words).effect;
    assert_eq!(
        effect("--apply --wait"),
        ApplyEffect::Change(Wait::WithoutEnd)
    );
    assert_eq!(
        effect("--apply --wait 3"),
        ApplyEffect::Change(Wait::AtMost(Duration::from_secs(3)))
    );
    assert_eq!(
        effect("--apply"),
        ApplyEffect::Change(Wait::AtMost(Duration::ZERO))
    );
    for words in [
        "--apply --check --dry-run",
        "--apply --wait --check",
        "--apply --dry-run --wait",
        "--diff --wait",
        "--diff --check",
        "--apply --scope nonsense",
        "--apply one two",
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        assert_eq!(args::parse(&words).unwrap_err().status(), 2, "{words:?}");
    }
}
