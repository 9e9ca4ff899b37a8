// SPDX-License-Identifier: MIT

//! JSON out and in, held against its schema by a validator that is not ours.

use ipvs_lab::{Namespace, http::PORT, wait};
use serde_json::{Value, json};

use crate::{
    cluster_of_one,
    connections::await_connections_counted,
    ipvsadm, namespace,
    program::{RULES, restore},
};

const SCHEMA: &str = include_str!("../../docs/ipvsadm.schema.json");

/// Returns what a command writes with --json, which must be one line that fits the
/// schema.
fn document(director: &Namespace, arguments: &str) -> Value {
    let text = ipvsadm(director, arguments);
    assert_eq!(text.lines().count(), 1, "{text}");
    checked(&text)
}

/// The text as JSON, which must fit the schema.
pub(crate) fn checked(text: &str) -> Value {
    let document: Value = serde_json::from_str(text).unwrap();
    let schema = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let faults: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(faults, [""; 0], "{text}");
    document
}

#[test]
fn a_table_with_something_of_everything_fits_the_schema() {
    let director = namespace("director");
    restore(&director, RULES);
    let table = document(&director, "-L --json");
    assert_eq!(table["ipvs"]["version"], "1.2.1");
    let services = table["services"].as_array().unwrap();
    assert_eq!(
        services.len(),
        RULES.lines().filter(|line| line.starts_with("-A")).count()
    );
    assert_eq!(services[0]["protocol"], "tcp");
    assert_eq!(services[0]["stats"]["connections"], 0);
    assert_eq!(
        services[0]["destinations"][3]["tunnel"],
        json!({"type": "gue", "port": 6080, "checksum": "none"})
    );
    let last = services.last().unwrap();
    assert_eq!(last["fwmark"], 4_294_967_295_u32);
    assert_eq!(last.get("address"), None);
}

#[test]
fn an_id_is_the_word_that_options_take() {
    let director = namespace("director");
    restore(&director, RULES);
    let table = document(&director, "-L --json");
    for service in table["services"].as_array().unwrap() {
        let option = match service["protocol"].as_str() {
            Some("tcp") => "-t",
            Some("udp") => "-u",
            Some("sctp") => "--sctp-service",
            _ => "-f",
        };
        let id = service["id"].as_str().unwrap();
        let is_ipv6_mark = option == "-f" && service["family"] == "ipv6";
        let name = format!("{option} {id}{}", if is_ipv6_mark { " -6" } else { "" });
        assert_eq!(
            document(&director, &format!("-L --json {name}"))["services"],
            json!([service])
        );
        for destination in service["destinations"].as_array().unwrap() {
            let server = destination["id"].as_str().unwrap();
            ipvsadm(&director, &format!("-d {name} -r {server}"));
        }
        ipvsadm(&director, &format!("-D {name}"));
    }
    assert_eq!(ipvsadm(&director, "-S -n"), "");
}

#[test]
fn one_service_is_a_table_of_one() {
    let director = namespace("director");
    restore(&director, RULES);
    let table = document(&director, "-L --json -u [2001:db8::1]:53");
    let services = table["services"].as_array().unwrap();
    assert_eq!(services.len(), 1);
    assert_eq!(
        services[0]["persistence"],
        json!({"timeout": 100, "prefix_length": 64})
    );
}

#[test]
fn what_is_saved_as_json_restores_the_same_table() {
    let director = namespace("director");
    restore(&director, RULES);
    let saved = ipvsadm(&director, "-S --json");
    document(&director, "-S --json");
    assert!(!saved.contains("stats"), "{saved}");
    ipvsadm(&director, "-C");
    restore(&director, &saved);
    assert_eq!(ipvsadm(&director, "-S -n"), RULES);
    assert_eq!(ipvsadm(&director, "-S --json"), saved);
}

#[test]
fn what_a_listing_shows_as_json_can_be_restored_too() {
    let director = namespace("director");
    restore(&director, RULES);
    let listed = ipvsadm(&director, "-L --json");
    ipvsadm(&director, "-C");
    restore(&director, &listed);
    assert_eq!(ipvsadm(&director, "-S -n"), RULES);
}

#[test]
fn rules_in_json_that_are_refused_are_told_by_their_place() {
    let director = namespace("director");
    ipvsadm(&director, "-A -t 10.0.0.1:80 -s rr");
    ipvsadm(&director, "-a -t 10.0.0.1:80 -r 10.0.0.2 -m");
    let saved = ipvsadm(&director, "-S --json");
    for words in [&["-R"][..], &["-R", "--strict"]] {
        let answer = ipvs_lab::ipvsadm_reading(&director, words, &saved).unwrap();
        assert_eq!(
            (answer.stderr.as_str(), answer.status),
            (
                "services[0]: cannot add TCP 10.0.0.1:80: Service already exists\n\
                 services[0].destinations[0]: cannot add 10.0.0.2:80 to TCP 10.0.0.1:80: \
                 Destination already exists\n",
                255
            )
        );
    }
    let answer = ipvs_lab::ipvsadm_reading(&director, ["-R", "--json"], &saved).unwrap();
    assert_eq!((answer.stdout.as_str(), answer.status), ("", 255));
    let objects: Vec<Value> = answer.stderr.lines().map(checked).collect();
    assert_eq!(
        objects,
        [
            json!({
                "operation": "add TCP 10.0.0.1:80",
                "object": {"service": "TCP 10.0.0.1:80"},
                "errno": "EEXIST",
                "message": "Service already exists",
                "place": "services[0]",
            }),
            json!({
                "operation": "add 10.0.0.2:80 to TCP 10.0.0.1:80",
                "object": {"service": "TCP 10.0.0.1:80", "destination": "10.0.0.2:80"},
                "errno": "EEXIST",
                "message": "Destination already exists",
                "place": "services[0].destinations[0]",
            }),
        ]
    );
}

/// The schema of rules and the reader, about the same documents.
#[test]
fn what_the_schema_of_rules_admits_is_read_and_nothing_else() {
    let director = namespace("director");
    let mut schema: Value = serde_json::from_str(SCHEMA).unwrap();
    schema["oneOf"] = json!([{"$ref": "#/$defs/rules"}]);
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    restore(&director, RULES);
    let destination = json!({
        "address": "10.0.0.2", "port": 80, "forwarding_method": "masquerading", "weight": 1
    });
    let service = json!({"fwmark": 1, "scheduler": "rr", "destinations": [destination]});
    let least = json!({"schema_version": 1, "services": [service]});
    let with = |pointer: &str, field: &str, value: Value| {
        let mut document = least.clone();
        document.pointer_mut(pointer).unwrap()[field] = value;
        document
    };
    let server = "/services/0/destinations/0";
    for (right, document) in [
        (true, document(&director, "-S --json")),
        (true, document(&director, "-L --json")),
        (true, least.clone()),
        (true, with("/services/0", "persistence", Value::Null)),
        (
            true,
            with("/services/0", "persistence", json!({"timeout": 1})),
        ),
        (true, with("/services/0", "family", json!("ipv4"))),
        (true, with(server, "forwarding_method", json!(6))),
        (true, with(server, "active_connections", json!("any"))),
        (false, with("", "schema_version", json!(2))),
        (false, with("", "connections", json!([]))),
        (false, with("", "services", json!({}))),
        (false, with("/services/0", "scheduler", Value::Null)),
        (false, with("/services/0", "shceduler", json!("rr"))),
        (
            false,
            with("/services/0", "persistence", json!({"timeout": -1})),
        ),
        (
            false,
            with("/services/0", "scheduler_flags", json!(["flag-4"])),
        ),
        (false, with("/services/0", "fwmark", json!(0))),
        (false, with(server, "wieght", json!(1))),
        (false, with(server, "weight", json!(2_147_483_648_u32))),
        (false, with(server, "forwarding_method", json!("nat"))),
        (false, with(server, "port", json!(65536))),
        (false, with(server, "address", json!("10.1"))),
    ] {
        assert_eq!(validator.is_valid(&document), right, "{document}");
        let words = ["-R", "--check"];
        let answer = ipvs_lab::ipvsadm_reading(&director, words, &document.to_string()).unwrap();
        let wanted = if right { 0 } else { 2 };
        assert_eq!(answer.status, wanted, "{document}: {}", answer.stderr);
    }
}

#[test]
fn a_misspelt_field_leaves_the_table_as_it_was() {
    let director = namespace("director");
    restore(&director, RULES);
    let saved = ipvsadm(&director, "-S --json");
    let wrong = saved.replacen("\"weight\"", "\"wieght\"", 1);
    let words = "services[0].destinations[0]: unknown field wieght; did you mean weight?\n";
    let answer = ipvs_lab::ipvsadm_reading(&director, ["-R"], &wrong).unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), (words, 2));
    let answer = ipvs_lab::ipvsadm_reading(&director, ["-R", "--json"], &wrong).unwrap();
    assert_eq!(
        checked(&answer.stderr),
        json!({
            "operation": null,
            "object": null,
            "errno": null,
            "message": "unknown field wieght; did you mean weight?",
            "place": "services[0].destinations[0]",
        })
    );
    assert_eq!(ipvsadm(&director, "-S --json"), saved);
}

#[test]
fn the_other_listings_fit_the_schema() {
    let director = namespace("director");
    crate::add_sync_interface(&director);
    assert_eq!(
        document(&director, "-L --daemon --json")["daemons"],
        json!([])
    );
    ipvsadm(
        &director,
        "--start-daemon backup --mcast-interface sync0 --syncid 5 --mcast-group 224.0.0.82",
    );
    let daemons = document(&director, "-L --daemon --json");
    assert_eq!(daemons["daemons"][0]["role"], "backup");
    assert_eq!(daemons["daemons"][0]["group"], "224.0.0.82");
    ipvsadm(&director, "--set 7200 60 30");
    assert_eq!(
        document(&director, "-L --timeout --json")["timeouts"],
        json!({"tcp": 7200, "tcp_fin": 60, "udp": 30})
    );
    assert_eq!(document(&director, "-v --json")["compatible_with"], "1.31");
    assert_eq!(
        document(&director, "-L -c --json")["connections"],
        json!([])
    );
}

#[test]
fn errors_are_objects_and_the_status_is_the_same() {
    let director = namespace("director");
    ipvsadm(&director, "-A -t 10.0.0.1:80 -s rr");
    for (arguments, object, status) in [
        (
            "-L --json -t 10.0.0.9:80",
            json!({
                "operation": "read TCP 10.0.0.9:80",
                "object": {"service": "TCP 10.0.0.9:80"},
                "errno": "ESRCH",
                "message": "No such service",
            }),
            1,
        ),
        (
            "-L --json --nope",
            json!({
                "operation": null,
                "object": null,
                "errno": null,
                "message": "--nope: unknown option",
            }),
            255,
        ),
        (
            "-A -t 10.0.0.1:80 --json",
            json!({
                "operation": "add TCP 10.0.0.1:80",
                "object": {"service": "TCP 10.0.0.1:80"},
                "errno": "EEXIST",
                "message": "Service already exists",
            }),
            255,
        ),
        (
            "-E -f 9 -6 --json",
            json!({
                "operation": "edit fwmark 9 IPv6",
                "object": {"service": "fwmark 9 IPv6"},
                "errno": "ESRCH",
                "message": "No such service",
            }),
            255,
        ),
        (
            "-d -t 10.0.0.1:80 -r 10.0.0.9 --json",
            json!({
                "operation": "delete 10.0.0.9:80 from TCP 10.0.0.1:80",
                "object": {"service": "TCP 10.0.0.1:80", "destination": "10.0.0.9:80"},
                "errno": "ENOENT",
                "message": "No such destination",
            }),
            255,
        ),
        (
            "--stop-daemon backup --json",
            json!({
                "operation": "stop the backup daemon",
                "object": {"daemon": "backup"},
                "errno": "ESRCH",
                "message": "No daemon is running",
            }),
            255,
        ),
        (
            "-R /no/such/rules --json",
            json!({
                "operation": null,
                "object": null,
                "errno": null,
                "message": "cannot read /no/such/rules: No such file or directory (os error 2)",
            }),
            2,
        ),
    ] {
        let words = arguments.split_ascii_whitespace();
        let answer = ipvs_lab::ipvsadm(&director, words).unwrap();
        assert_eq!((answer.stdout.as_str(), answer.status), ("", status));
        assert_eq!(checked(&answer.stderr), object);
        // Without --json the words are those of the message.
        let plain: Vec<&str> = arguments.split_ascii_whitespace().collect();
        let plain: Vec<&str> = plain.into_iter().filter(|word| *word != "--json").collect();
        let plain = ipvs_lab::ipvsadm(&director, plain).unwrap();
        let message = format!("{}\n", object["message"].as_str().unwrap());
        assert_eq!((plain.stderr, plain.status), (message, status));
    }
}

#[test]
fn each_failing_line_of_a_rule_file_is_an_object_with_file_and_line() {
    let director = namespace("director");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules");
    std::fs::write(&file, "-A -f 1\n-A -f 1\n# end\n-A -f 0\n").unwrap();
    let file = file.to_str().unwrap();
    let words = ["-R", "--json", file];
    let answer = ipvs_lab::ipvsadm(&director, words).unwrap();
    assert_eq!((answer.stdout.as_str(), answer.status), ("", 2));
    let objects: Vec<Value> = answer.stderr.lines().map(checked).collect();
    assert_eq!(
        objects,
        [
            json!({
                "operation": "add fwmark 1",
                "object": {"service": "fwmark 1"},
                "errno": "EEXIST",
                "message": "Service already exists",
                "file": file,
                "line": 2,
            }),
            json!({
                "operation": null,
                "object": null,
                "errno": null,
                "message": "invalid fwmark value `0' specified",
                "file": file,
                "line": 4,
            }),
        ]
    );
    assert_eq!(ipvsadm(&director, "-S -n"), "-A -f 1 -s wlc\n");
}

#[test]
fn connections_and_counters_are_those_of_the_classic_views() {
    let cluster = cluster_of_one();
    let server = cluster.servers[0].address;
    cluster.requests(5, || ()).unwrap();
    await_connections_counted(&cluster, 5);

    let connections = document(&cluster.director, "-L -c --json");
    let connections = connections["connections"].as_array().unwrap();
    assert_eq!(connections.len(), 5);
    for connection in connections {
        assert_eq!(connection["protocol"], "TCP");
        assert_eq!(connection["destination"]["address"], server.to_string());
        assert_eq!(connection["destination"]["port"], PORT);
    }

    // Between the two the kernel may bring its counters up to date.
    let mut counters = Vec::new();
    let mut classic = Vec::new();
    wait::for_value(&true, || {
        counters = json_counters(&cluster.director);
        classic = classic_counters(&cluster.director);
        counters == classic
    });
    assert_eq!(counters, classic);
    assert!(!counters.contains(&0), "{counters:?}");
}

/// The counters of the first service, in the order of the columns.
fn json_counters(director: &Namespace) -> Vec<u64> {
    let table = document(director, "-L --json");
    let stats = &table["services"][0]["stats"];
    [
        "connections",
        "in_packets",
        "out_packets",
        "in_bytes",
        "out_bytes",
    ]
    .map(|name| stats[name].as_u64().unwrap())
    .to_vec()
}

/// The same out of a classic listing: the original's, where it is here.
fn classic_counters(director: &Namespace) -> Vec<u64> {
    let words = ["-L", "-n", "--stats", "--exact"];
    let listing = match ipvs_lab::original_available() {
        true => ipvs_lab::original(director, words).unwrap().stdout,
        false => ipvsadm(director, &words.join(" ")),
    };
    let line = listing.lines().find(|line| line.starts_with("TCP"));
    line.unwrap()
        .split_ascii_whitespace()
        .skip(2)
        .map(|column| column.parse().unwrap())
        .collect()
}

/// A table, and rules that take every kind of change to get to.
const BEFORE: &str = "\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.0.0.3:80 -m -w 1
-A -u 10.0.0.1:53 -s rr
-a -u 10.0.0.1:53 -r 10.0.0.2:53 -m -w 1
--start-daemon master --mcast-interface sync0 --syncid 5
";
const WANTED: &str = "\
--set 7200 60 30
-A -f 1 -6 -s sh -b sh-port -p 600 -M 64
-a -f 1 -6 -r [fd00::4]:0 -i --tun-type gue --tun-port 6080
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 3
--start-daemon master --mcast-interface sync0 --syncid 6 --mcast-group 224.0.0.82
";

#[test]
fn every_kind_of_change_fits_the_schema_and_is_told_the_same_before_and_after() {
    let director = namespace("director");
    crate::add_sync_interface(&director);
    let answer = ipvs_lab::ipvsadm_reading(&director, ["-R"], BEFORE).unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    let run = |words: &[&str], status: u8| {
        let answer = ipvs_lab::ipvsadm_reading(&director, words, WANTED).unwrap();
        assert_eq!((answer.stderr.as_str(), answer.status), ("", status));
        assert_eq!(answer.stdout.lines().count(), 1, "{}", answer.stdout);
        checked(&answer.stdout)
    };
    let shown = run(&["--diff", "--json"], 1);
    assert_eq!(shown, run(&["--apply", "--dry-run", "--json"], 0));
    assert_eq!(shown, run(&["--apply", "--json"], 0));
    assert_eq!(
        [
            &shown["changed"],
            &shown["added"],
            &shown["edited"],
            &shown["removed"]
        ],
        [&json!(true), &json!(2), &json!(2), &json!(2)]
    );
    let change = |operation: &str| {
        let changes = shown["changes"].as_array().unwrap();
        let found = changes.iter().find(|it| it["operation"] == operation);
        found.unwrap_or_else(|| panic!("no {operation} in {shown}"))
    };
    assert_eq!(shown["changes"].as_array().unwrap().len(), 9);
    assert_eq!(
        change("set the timeouts"),
        &json!({
            "operation": "set the timeouts",
            "object": null,
            "before": {"tcp": 900, "tcp_fin": 120, "udp": 300},
            "after": {"tcp": 7200, "tcp_fin": 60, "udp": 30},
        })
    );
    let added = change("add fwmark 1 IPv6");
    assert_eq!(added.get("before"), None);
    assert_eq!(added["after"]["scheduler_flags"], json!(["sh-port"]));
    assert_eq!(added["after"].get("destinations"), None);
    let edited = change("edit TCP 10.0.0.1:80");
    assert_eq!(edited["before"]["scheduler"], "rr");
    assert_eq!(edited["after"]["scheduler"], "wrr");
    let removed = change("delete UDP 10.0.0.1:53");
    assert_eq!(removed.get("after"), None);
    assert_eq!(removed["before"]["destinations"][0]["address"], "10.0.0.2");
    let started = change("start the master daemon");
    assert_eq!(
        started["after"],
        json!({"role": "master", "interface": "sync0", "sync_id": 6, "group": "224.0.0.82"})
    );
    assert_eq!(change("stop the master daemon")["before"]["sync_id"], 5);
    let none = json!({
        "schema_version": 1,
        "changed": false,
        "added": 0,
        "edited": 0,
        "removed": 0,
        "changes": [],
    });
    assert_eq!(run(&["--diff", "--json"], 0), none);
}

#[test]
fn the_examples_of_the_page_are_what_is_written() {
    let page = include_str!("../../docs/json.md");
    let director = namespace("director");
    let words = "-L --json -t 10.0.0.9:80".split_ascii_whitespace();
    let answer = ipvs_lab::ipvsadm(&director, words).unwrap();
    assert!(
        page.contains(&format!("    {}", answer.stderr)),
        "{}",
        answer.stderr
    );

    ipvsadm(&director, "-A -t 10.0.0.1:80 -s rr");
    ipvsadm(&director, "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m");
    let wanted = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 3\n";
    let answer = ipvs_lab::ipvsadm_reading(&director, ["--diff", "--json"], wanted).unwrap();
    let (_, example) = page.split_once("```json\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    assert_eq!(checked(example), checked(&answer.stdout));
}
