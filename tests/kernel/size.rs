// SPDX-License-Identifier: MIT

//! Tables, files and documents of a size that nobody has: all of them comes through, and
//! memory stays in a bound.

use std::fs;

use ipvs_lab::machine::Machine;
use ipvs_lab::{Answer, Namespace, Table, director_with_connections, packages, soak};

use crate::namespace;

/// The sizes of a test, and of the soak.
const SERVICES: (usize, usize) = (2_000, 100_000);
const DESTINATIONS: (usize, usize) = (2_000, 60_000);
const CONNECTIONS: (usize, usize) = (2_000, 1_000_000);
/// Millions of bytes.
const COMMENTS: (usize, usize) = (20, 1_000);
const LINE: (usize, usize) = (2, 10);
const DOCUMENT: (usize, usize) = (4, 200);

fn size((quick, long): (usize, usize)) -> usize {
    soak::trials(quick, long)
}

/// Where the program runs, with /usr/bin/time to tell its peak memory.
struct Place {
    machine: Machine,
    director: Namespace,
}

impl Place {
    fn new(director: Namespace) -> Self {
        ipvs_lab::program::path().unwrap();
        let machine = Machine::new().unwrap();
        Self { machine, director }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.machine.run_directory().join(name), text).unwrap();
    }

    /// Runs a script in which `ipvsadm` is the program, called once; it may have this
    /// peak of memory, in KiB. Returns what the script answers.
    fn run(&self, script: &str, most: usize) -> Answer {
        let time = packages::TIME.places.first().unwrap();
        let prelude = format!(
            "set -o pipefail; ipvsadm() {{ {time} -q -f %M -o /run/peak ipvsadm \"$@\"; }}; "
        );
        let mut shell = self.machine.command(&self.director, "bash");
        shell.args(["-c", &format!("{prelude}{script}")]);
        let answer = Answer::of(shell, "").unwrap();
        let peak = fs::read_to_string(self.machine.run_directory().join("peak")).unwrap();
        let peak: usize = peak.trim().parse().unwrap();
        soak::tell(&format!("size: {peak} KiB: {script}"));
        assert!(peak <= most, "{peak} KiB of at most {most}: {script}");
        answer
    }

    /// Runs a script that must succeed without a word on standard error; returns its
    /// standard output.
    fn succeed(&self, script: &str, most: usize) -> String {
        let answer = self.run(script, most);
        let outcome = (answer.stderr.as_str(), answer.status);
        assert_eq!(outcome, ("", 0), "{script}");
        answer.stdout
    }
}

/// KiB of a program that keeps nothing of what it reads.
const STREAMING: usize = 8 * 1024;

/// Puts a table in place in every way and reads it in every way.
fn fill_and_read(table: Table) {
    let place = Place::new(namespace("director"));
    place.write("rules", &table.text());
    let rules = table.rules();
    // KiB for a program that keeps half a kilobyte of each rule.
    let keeping = STREAMING + rules / 2;
    // One that keeps what it is to write, with the counters.
    let writing = STREAMING + rules;
    // And one that keeps the table as well as the file.
    let comparing = STREAMING + rules * 3 / 2;
    // The same of a document, of which more is read before any of it is compared.
    let comparing_document = STREAMING + rules * 2;

    assert_eq!(place.succeed("ipvsadm -R < /run/rules", STREAMING), "");
    let same = "sort | cmp - <(sort /run/rules)";
    for (script, memory) in [
        (format!("ipvsadm -S -n | {same}"), keeping),
        ("ipvsadm -R --check /run/rules".to_owned(), keeping),
        ("ipvsadm --diff /run/rules".to_owned(), comparing),
        ("ipvsadm --apply /run/rules".to_owned(), comparing),
        ("ipvsadm -S --json > /run/table.json".to_owned(), keeping),
        (
            "ipvsadm --diff /run/table.json".to_owned(),
            comparing_document,
        ),
        ("ipvsadm -Z".to_owned(), STREAMING),
    ] {
        assert_eq!(place.succeed(&script, memory), "", "{script}");
    }
    let lines = (rules + 3).to_string();
    let list = place.succeed("ipvsadm -L -n | wc -l", keeping);
    assert_eq!(list.trim(), lines);
    let stats = place.succeed("ipvsadm -L -n --stats | wc -l", keeping);
    assert_eq!(stats.trim(), lines);
    let documents = "grep -o '\"forwarding_method\"' | wc -l";
    let listed = place.succeed(&format!("ipvsadm -L --json | {documents}"), writing);
    let destinations = table.services * table.destinations;
    assert_eq!(listed.trim(), destinations.to_string());
    let script = "ipvsadm -L --output openmetrics | grep -c ^node_ipvs_backend_weight";
    assert_eq!(
        place.succeed(script, keeping).trim(),
        destinations.to_string()
    );

    assert_eq!(place.succeed("ipvsadm -C", STREAMING), "");
    assert_eq!(
        place.succeed("ipvsadm --apply /run/table.json", comparing_document),
        ""
    );
    assert_eq!(
        place.succeed(&format!("ipvsadm -S -n | {same}"), keeping),
        ""
    );
}

#[test]
fn a_hundred_thousand_services_are_added_listed_saved_compared_and_put_back() {
    fill_and_read(Table {
        services: u32::try_from(size(SERVICES)).unwrap(),
        destinations: 1,
    });
}

#[test]
fn sixty_thousand_destinations_of_one_service_likewise() {
    fill_and_read(Table {
        services: 1,
        destinations: u32::try_from(size(DESTINATIONS)).unwrap(),
    });
}

/// A director with many connections, and their number. Linux takes half an hour of a
/// processor or more to list a million of them once, so that each listing is a test of its own.
fn with_connections() -> (Place, usize) {
    let number = size(CONNECTIONS);
    let director = director_with_connections(u32::try_from(number).unwrap()).unwrap();
    (Place::new(director), number)
}

/// Lists all of them with these options and counts the lines, two of which are the heading.
fn all_are_listed(options: &str) {
    let (place, number) = with_connections();
    let lines = place.succeed(&format!("ipvsadm -L -n -c{options} | wc -l"), STREAMING);
    assert_eq!(lines.trim(), (number + 2).to_string());
}

#[test]
fn a_million_connections_are_listed() {
    all_are_listed("");
}

#[test]
fn a_million_connections_are_filtered() {
    all_are_listed(" -u 10.0.0.1:80");
}

#[test]
fn a_million_connections_are_summed() {
    let (place, number) = with_connections();
    let summary = place.succeed("ipvsadm -L -n -c --summary", STREAMING);
    // Each client has a thousand of them.
    let clients = number / 1000;
    let heading =
        format!("IPVS connection summary (connections={number} templates=0 clients={clients})");
    assert_eq!(summary.lines().next(), Some(heading.as_str()));
}

#[test]
fn a_gigabyte_of_comments_takes_no_memory() {
    let place = Place::new(namespace("director"));
    let bytes = size(COMMENTS) * 1_000_000;
    let rule = "-A -f 1 -s rr";
    let file = format!("(yes '# comment' | head -c {bytes}; echo; echo {rule})");
    for command in ["-R", "--diff -", "-R --check", "--apply -"] {
        let answer = place.run(&format!("{file} | ipvsadm {command}"), STREAMING);
        let outcome = (
            answer.stdout.as_str(),
            answer.stderr.as_str(),
            answer.status,
        );
        assert_eq!(outcome, ("", "", 0), "{command}");
    }
    assert_eq!(place.succeed("ipvsadm -S -n", STREAMING).trim(), rule);
}

#[test]
fn a_line_of_megabytes_is_one_mistake() {
    let place = Place::new(namespace("director"));
    let bytes = size(LINE) * 1_000_000;
    // The line and its text.
    let most = STREAMING + bytes * 8 / 1024;
    for command in ["-R", "-R --check", "--apply -"] {
        let line = format!("(printf -- '-A -t '; head -c {bytes} /dev/zero | tr '\\0' 1; echo)");
        let answer = place.run(&format!("{line} | ipvsadm {command}"), most);
        assert_eq!(answer.status, 2, "{command}");
        let first = answer.stderr.lines().next().unwrap();
        assert!(
            first.ends_with("illegal virtual server address[:port] specified"),
            "{command}: {first:.200}"
        );
    }
}

#[test]
fn a_document_of_hundreds_of_megabytes_takes_memory_in_proportion() {
    let place = Place::new(namespace("director"));
    let services = size(DOCUMENT) * 1_000_000 / 172;
    let service = r#"{"protocol":"tcp","address":"10.%d.%d.%d","port":80,"scheduler":"rr","destinations":[{"address":"172.16.0.1","port":80,"forwarding_method":"masquerading","weight":1}]}"#;
    let script = format!(
        "BEGIN {{ printf \"{{\\\"schema_version\\\":1,\\\"services\\\":[\"; \
         for (i = 0; i < {services}; i++) printf \"%s{}\", i ? \",\" : \"\", \
         i / 65536, i / 256 % 256, i % 256; print \"]}}\" }}",
        service.replace('"', "\\\"")
    );
    place.write("document.awk", &script);
    let make = "awk -f /run/document.awk";
    // The text and one entry for each service and destination.
    let most = STREAMING + services * 172 * 5 / 1024;
    let check = place.succeed(&format!("{make} | ipvsadm -R --check"), most);
    assert_eq!(check, "");
    // Cut in the middle of a service.
    let script = format!("{make} | head -c -100 | ipvsadm --apply -");
    let answer = place.run(&script, most);
    assert_eq!(answer.status, 2);
    assert!(
        answer.stderr.starts_with("line 1, column ") && answer.stderr.lines().count() == 1,
        "{}",
        answer.stderr
    );
}
