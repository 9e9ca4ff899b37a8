// SPDX-License-Identifier: MIT

//! The synchronization of two directors as it can be seen: the daemons, and the
//! connections that only one of them has.

use ipvs_lab::{Answer, Namespace, wait};
use serde_json::{Value, json};

use super::{Pair, await_entries, established, start};
use crate::traffic::{FAMILIES, Family};
use crate::{ipvsadm, json::checked};

/// Returns everything that is seen of the only daemon of a director, and the number of
/// connections that it has received.
fn look(director: &Namespace) -> (Value, Value) {
    let mut document = checked(&ipvsadm(director, "-L --daemon --json"));
    let settings = &document["sync_settings"];
    assert_eq!(settings["sync_threshold"], json!([3, 50]));
    assert_eq!(settings["sync_ports"], 1);
    let received = document["received_connections"].take();
    let mut daemon = document["daemons"][0].take();
    // Bytes wait only for a moment.
    daemon["queued_bytes"].take();
    (daemon, received)
}

#[test]
fn what_can_be_seen_of_a_daemon_is_shown() {
    let pair = Pair::masquerading("");
    pair.start("--syncid 7");
    let mut wanted = Vec::new();
    let mut conversations = Vec::new();
    for family in FAMILIES {
        let (conversation, reply) = pair.converse(family);
        wanted.push(established(&pair, family, &reply));
        conversations.push(conversation);
    }
    await_entries(pair.backup(), wanted);
    let settings = json!({
        "interface": "front", "sync_id": 7, "sync_maxlen": 1472, "group": "224.0.0.81",
        "port": 8848, "ttl": 1, "queued_bytes": null,
    });
    let with = |more: Value| {
        let mut fields = settings.clone();
        let more = more.as_object().unwrap().clone();
        fields.as_object_mut().unwrap().extend(more);
        fields
    };
    // Threads of namespaces that have just ended may be there yet.
    let is_alone = |director| look(director).0["threads"][0]["state"] == "sleeping";
    for director in [pair.director(), pair.backup()] {
        assert!(wait::for_value(&true, || is_alone(director)));
    }
    let (mut master, received) = look(pair.director());
    master["threads"].take();
    let seen = with(json!({"role": "master", "interface_state": "up", "threads": null}));
    assert_eq!((master, received), (seen, json!(0)));
    let (mut backup, received) = look(pair.backup());
    backup["threads"].take();
    let seen = with(json!({
        "role": "backup", "interface_state": "up", "group_joined": true,
        "dropped_messages": 0, "threads": null,
    }));
    assert_eq!((backup, received), (seen, json!(2)));
    let wide = ipvsadm(pair.backup(), "-L --daemon --output wide");
    for line in [
        "Daemon  Interface  Syncid  Group       Port  Maxlen  TTL  Details\n",
        "backup  front           7  224.0.0.81  8848    1472    1  interface up, group joined, ",
        " 0 messages dropped\n",
        "\nConnections received from a master: 2\n",
        "\nnet.ipv4.vs.sync_threshold = 3 50\n",
    ] {
        assert!(wide.contains(line), "{line}\n{wide}");
    }

    pair.backup().ip("link set front down").unwrap();
    let (backup, _) = look(pair.backup());
    assert_eq!(backup["interface_state"], "down");
    pair.backup().ip("link set front name other").unwrap();
    let (backup, _) = look(pair.backup());
    assert_eq!(backup["interface_state"], "gone");
    assert_eq!(backup.get("group_joined"), None);
}

#[test]
fn without_a_daemon_nothing_is_seen_but_settings() {
    let director = crate::namespace("director");
    let document = checked(&ipvsadm(&director, "-L --daemon --json"));
    assert_eq!(document["daemons"], json!([]));
    assert_eq!(document["received_connections"], 0);
    let wide = ipvsadm(&director, "-L --daemon --output wide");
    assert!(
        wide.starts_with("There are no synchronization daemons.\n"),
        "{wide}"
    );
}

/// Returns the answer of the backup about the connections of the director.
fn compare(pair: &Pair, form: &str) -> Answer {
    let there = ipvsadm(pair.director(), "-L -c --json");
    let words = ["--compare-connections", "-"].into_iter();
    let words = words.chain(form.split_ascii_whitespace());
    ipvs_lab::ipvsadm_reading(pair.backup(), words, &there).unwrap()
}

#[test]
fn directors_that_know_the_same_connections_do_not_differ() {
    let pair = Pair::masquerading("-p 60");
    pair.start("");
    let _conversations = FAMILIES.map(|family| pair.converse(family));
    let told = wait::for_value(&(String::new(), 0), || {
        let answer = compare(&pair, "");
        assert_eq!(answer.stderr, "");
        (answer.stdout, answer.status)
    });
    assert_eq!(told, (String::new(), 0));
    // A template and a connection of each family.
    let answer = compare(&pair, "--json");
    let document = checked(&answer.stdout);
    for (name, wanted) in [
        ("here", json!(4)),
        ("there", json!(4)),
        ("same", json!(4)),
        ("missing_here", json!([])),
        ("missing_there", json!([])),
    ] {
        assert_eq!(document[name], wanted, "{name}");
    }
    assert_eq!(answer.status, 0);
}

#[test]
fn a_connection_that_the_backup_does_not_hear_of_is_missing_there() {
    let pair = Pair::masquerading("");
    start(pair.director(), "master", "--syncid 1");
    // It hears another group of directors.
    start(pair.backup(), "backup", "--syncid 2");
    for family in [Family::V4, Family::V6] {
        let (_conversation, reply) = pair.converse(family);
        let entry = established(&pair, family, &reply);
        let [protocol, state, ends @ ..] = &entry.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{entry}");
        };
        let line = format!("missing here: {protocol} {} {state} ", ends.join(" "));
        let answer = compare(&pair, "");
        assert_eq!((answer.stderr.as_str(), answer.status), ("", 1));
        assert!(answer.stdout.contains(&line), "{line}\n{}", answer.stdout);
        let document = checked(&compare(&pair, "--json").stdout);
        let missing = document["missing_here"].as_array().unwrap();
        let client = json!({"address": reply.client.ip(), "port": reply.client.port()});
        assert!(missing.iter().any(|missing| missing["client"] == client));
        assert_eq!(document["missing_there"], json!([]));
    }
    // At the other side the same are missing there.
    let there = ipvsadm(pair.backup(), "-L -c --json");
    let words = ["--compare-connections"];
    let answer = ipvs_lab::ipvsadm_reading(pair.director(), words, &there).unwrap();
    let lines: Vec<_> = answer.stdout.lines().collect();
    assert_eq!((lines.len(), answer.status), (2, 1), "{}", answer.stdout);
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with("missing there: TCP "))
    );
}

#[test]
fn what_is_no_list_of_connections_cannot_be_compared() {
    let director = crate::namespace("director");
    let table = ipvsadm(&director, "-L --json");
    let words = ["--compare-connections", "-"];
    let answer = ipvs_lab::ipvsadm_reading(&director, words, &table).unwrap();
    assert_eq!((answer.stdout.as_str(), answer.status), ("", 2));
    assert!(
        answer.stderr.contains("the field connections is missing"),
        "{}",
        answer.stderr
    );
    let words = ["--compare-connections", "/nonexistent/file"];
    let answer = ipvs_lab::ipvsadm(&director, words).unwrap();
    assert_eq!(
        (answer.stderr.as_str(), answer.status),
        (
            "cannot read /nonexistent/file: No such file or directory (os error 2)\n",
            2
        )
    );
}
