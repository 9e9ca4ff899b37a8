// SPDX-License-Identifier: MIT

//! Listings for callers without any right: as much of the table as everybody may read,
//! and nothing that is not known.

use ipvs_lab::{Answer, Namespace, program};
use serde_json::{Value, json};

use crate::{ipvsadm, namespace, program::restore};

/// User and group "nobody".
const NOBODY: &str = "65534";

const REFUSED: &str = "Can't initialize ipvs: Permission denied (you must be root)\n\
                       Are you sure that IP Virtual Server is built in the kernel or as module?\n";

const RULES: &str = "\
-A -t 10.0.0.1:80 -s wrr -p 360
-a -t 10.0.0.1:80 -r 10.0.0.2 -m -w 3 -x 100 -y 50
-a -t 10.0.0.1:80 -r 10.0.0.3:80 -i -w 0 --tun-type gue --tun-port 6080
-A -u [2001:db8::1]:53 -s rr -o
-a -u [2001:db8::1]:53 -r [2001:db8::2] -g
-A -f 9 -6 -s mh -b mh-port -p 60 -M 64
";

/// Runs this tree's program as a user who has no rights.
pub(crate) fn as_nobody(director: &Namespace, arguments: &str) -> Answer {
    let mut command = director.command("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
    command.arg(program::path().unwrap());
    command.args(arguments.split_ascii_whitespace());
    Answer::of(command, "").unwrap()
}

fn shown(director: &Namespace, arguments: &str) -> String {
    let answer = as_nobody(director, arguments);
    assert_eq!(
        (answer.stderr.as_str(), answer.status),
        ("", 0),
        "{arguments}"
    );
    answer.stdout
}

#[test]
fn the_plain_listing_has_all_that_the_file_has() {
    let director = namespace("director");
    restore(&director, RULES);
    let known = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.0.0.1:80 wrr persistent 360
  -> 10.0.0.2:80                  Masq    3      0          0         
  -> 10.0.0.3:80                  Tunnel  0      0          0         
UDP  [2001:db8::1]:53 rr
  -> [2001:db8::2]:53             Route   1      0          0         
FWM  9 mh persistent 60
";
    assert_eq!(shown(&director, "-L -n"), known);
    // What root sees beyond that: flags, and the family of the mark.
    let more = ipvsadm(&director, "-L -n")
        .replace(" rr ops\n", " rr\n")
        .replace(
            "9 IPv6 mh (mh-port) persistent 60 mask 64",
            "9 mh persistent 60",
        );
    assert_eq!(more, known);
    let web = shown(&director, "-L -n -t 10.0.0.1:80");
    assert_eq!(web, ipvsadm(&director, "-L -n -t 10.0.0.1:80"));
}

#[test]
fn json_has_no_field_that_is_not_known() {
    let director = namespace("director");
    restore(&director, RULES);
    let document: Value = serde_json::from_str(&shown(&director, "-L --json")).unwrap();
    assert_eq!(
        document,
        json!({
            "schema_version": 1,
            "ipvs": {"version": "1.2.1", "connection_table_size": 4096},
            "interface": "proc",
            "services": [
                {
                    "id": "10.0.0.1:80",
                    "family": "ipv4", "protocol": "tcp", "address": "10.0.0.1", "port": 80,
                    "scheduler": "wrr", "one_packet": false,
                    "persistence": {
                        "timeout": 360, "netmask": "255.255.255.255", "prefix_length": 32
                    },
                    "destinations": [
                        {
                            "id": "10.0.0.2:80", "family": "ipv4", "address": "10.0.0.2", "port": 80,
                            "forwarding_method": "masquerading", "weight": 3,
                            "active_connections": 0, "inactive_connections": 0
                        },
                        {
                            "id": "10.0.0.3:80", "family": "ipv4", "address": "10.0.0.3", "port": 80,
                            "forwarding_method": "tunneling", "weight": 0,
                            "active_connections": 0, "inactive_connections": 0
                        }
                    ]
                },
                {
                    "id": "[2001:db8::1]:53",
                    "family": "ipv6", "protocol": "udp", "address": "2001:db8::1", "port": 53,
                    "scheduler": "rr", "persistence": null,
                    "destinations": [
                        {
                            "id": "[2001:db8::2]:53",
                            "family": "ipv6", "address": "2001:db8::2", "port": 53,
                            "forwarding_method": "direct-routing", "weight": 1,
                            "active_connections": 0, "inactive_connections": 0
                        }
                    ]
                },
                {
                    "id": "9", "fwmark": 9, "scheduler": "mh", "one_packet": false,
                    "persistence": {"timeout": 60},
                    "destinations": []
                }
            ]
        })
    );
    let schema = include_str!("../../docs/ipvsadm.schema.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    jsonschema::validate(&schema, &document).unwrap();
    // It is no rules.
    let mut command = director.command(program::path().unwrap());
    command.arg("-R");
    let refused = Answer::of(command, &document.to_string()).unwrap();
    assert!(
        refused.stderr.contains("interface is proc"),
        "{}",
        refused.stderr
    );
    assert_eq!(refused.status, 2);
}

#[test]
fn metrics_have_no_series_that_is_not_known() {
    let director = namespace("director");
    restore(&director, RULES);
    let metrics = shown(&director, "-L --output openmetrics");
    for known in [
        "node_ipvs_connections_total 0\n",
        "node_ipvs_connection_table_size 4096\n",
        "node_ipvs_service_backends{local_address=\"10.0.0.1\",",
        "node_ipvs_backend_weight{local_address=\"10.0.0.1\",",
        "local_mark=\"00000009\",scheduler=\"mh\"}",
    ] {
        assert!(metrics.contains(known), "{known} is not in {metrics}");
    }
    for unknown in [
        "node_ipvs_service_connections_total",
        "node_ipvs_service_backends_usable",
        "node_ipvs_sync_daemon",
        "connections_persistent",
        "threshold{",
        "node_ipvs_backend_incoming_bytes_total",
        "local_mark=\"00000009\",family",
    ] {
        assert!(!metrics.contains(unknown), "{unknown} is in {metrics}");
    }
}

#[test]
fn the_wide_table_does_not_tell_the_kind_of_a_tunnel() {
    let director = namespace("director");
    restore(&director, RULES);
    let wide = shown(&director, "-L -n --output wide");
    assert!(wide.contains("10.0.0.3:80") && !wide.contains("gue") && !wide.contains("ipip"));
    assert!(ipvsadm(&director, "-L -n --output wide").contains("gue"));
}

/// The kernel leaves services out of the file where other namespaces have some.
#[test]
fn the_table_is_whole_although_other_namespaces_have_services() {
    let (director, neighbour) = (namespace("director"), namespace("neighbour"));
    let rules: String = (1..=200)
        .map(|number| {
            format!(
                "-A -t 10.0.0.{number}:{number} -s rr\n\
                 -a -t 10.0.0.{number}:{number} -r 10.0.1.{number} -m\n"
            )
        })
        .collect();
    restore(&director, &rules);
    restore(&neighbour, &rules);
    for order in ["-L -n", "-L -n --nosort"] {
        assert_eq!(shown(&director, order), ipvsadm(&director, order));
    }
}

#[test]
fn what_the_files_have_can_be_watched() {
    let director = namespace("director");
    restore(&director, RULES);
    for listing in [
        "-L -n",
        "-L -n --output wide",
        "-L -n -t 10.0.0.1:80",
        "-L -n -c",
        "-L -n -c --output wide",
        "-L -n -c --summary",
    ] {
        let watched = shown(&director, &format!("{listing} --watch 0.1 --count 2"));
        let once = shown(&director, listing);
        let blocks: Vec<&str> = watched.split("\n\n").collect();
        let of_one = blocks.len() / 2;
        for block in blocks.chunks(of_one) {
            let block = block.join("\n\n");
            // The time stands above it.
            let (_, text) = block.split_once('\n').unwrap();
            assert_eq!(text.trim_end(), once.trim_end(), "{listing}");
        }
    }
    let document = shown(&director, "-L -c --json --watch --count 1");
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["connections"], json!([]));
}

#[test]
fn what_the_files_do_not_have_is_refused() {
    let director = namespace("director");
    restore(&director, RULES);
    for arguments in [
        "-L --stats",
        "-L --rate",
        "-L --thresholds",
        "-L --persistent-conn",
        "-L --tun-info",
        "-L --stats --output wide",
        "-L --timeout",
        "-L --daemon",
        "-S",
        "-S -n",
        "-C",
        "-Z",
        "-A -f 1 -s rr",
        "-L --interface netlink",
        "-L -n --watch --count 1 --interface netlink",
        "-L --stats --watch --count 1",
        "-L --watch --changes --count 1",
    ] {
        let answer = as_nobody(&director, arguments);
        assert_eq!(
            (
                answer.stdout.as_str(),
                answer.stderr.as_str(),
                answer.status
            ),
            ("", REFUSED, 2),
            "{arguments}"
        );
    }
    let document = as_nobody(&director, "-L --watch --count 1 --json");
    assert_eq!((document.stdout.as_str(), document.status), ("", 2));
    let error: Value = serde_json::from_str(&document.stderr).unwrap();
    assert_eq!(error["errno"], "EPERM");
    assert_eq!(
        ipvsadm(&director, "-S -n").lines().count(),
        RULES.lines().count()
    );
}

#[test]
fn a_service_that_is_not_there_is_not_found() {
    let director = namespace("director");
    restore(&director, RULES);
    for arguments in ["-L -t 10.0.0.9:80", "-L -f 10", "-L --json -t 10.0.0.9:80"] {
        let answer = as_nobody(&director, arguments);
        assert!(
            answer.stderr.contains("No such service"),
            "{}",
            answer.stderr
        );
        assert_eq!((answer.stdout.as_str(), answer.status), ("", 1));
    }
}
