// SPDX-License-Identifier: MIT

//! `--report`: everything about a director in one document, with and without its
//! addresses.

use std::{collections::BTreeSet, net::IpAddr};

use ipvs_lab::{Answer, Namespace, program};
use serde_json::{Value, json};

use crate::{guides::Scene, ipvsadm, json::checked, namespace};

/// User and group "nobody".
const NOBODY: &str = "65534";

/// A director with traffic, a persistent service, a sync daemon and a fault: a server that
/// another one stands in for.
const SET_UP: &str = "\
director# sysctl -q -w net.ipv4.ip_forward=1
director# ip address add 198.51.100.100/32 dev front
director# ip address add 2001:db8:1::100/128 dev front
director# ipvsadm -A -t 198.51.100.100:80 -s wrr -p 300
director# ipvsadm -a -t 198.51.100.100:80 -r 10.0.0.2:80 -m -x 100 -y 50
director# ipvsadm -A -t [2001:db8:1::100]:443 -s wlc
director# ipvsadm -a -t [2001:db8:1::100]:443 -r [fd00::2]:443 -m -w 0
director# ipvsadm --start-daemon master --mcast-interface back --syncid 9
client# curl -s http://198.51.100.100/
";

fn set_up() -> Scene {
    let mut scene = Scene::new("<!-- network: behind behind -->");
    for line in SET_UP.lines() {
        let (place, command) = line.split_once("# ").unwrap();
        let answer = scene.run(place, command, "");
        assert_eq!(answer.status, 0, "{line}\n{}", answer.stdout);
    }
    scene
}

/// The words of a list of findings, each as its check, object and message.
fn told(findings: &Value) -> Vec<String> {
    let findings = findings.as_array().unwrap().iter();
    findings
        .map(|finding| {
            format!(
                "{} {} {}",
                finding["check"], finding["object"], finding["message"]
            )
        })
        .collect()
}

#[test]
fn a_report_has_what_the_single_commands_say() {
    let scene = set_up();
    let director = scene.find("director");
    let report = checked(&ipvsadm(director, "--report"));
    assert_eq!(report["not_read"], json!([]));
    assert_eq!(report["redacted"], false);
    let ask = |words: &str| checked(&ipvsadm(director, words));
    // Counters come late, and other numbers stay.
    let without_counters = |services: &Value| {
        let mut services = services.clone();
        for service in services.as_array_mut().unwrap() {
            assert!(service["stats"].take().is_object());
            for destination in service["destinations"].as_array_mut().unwrap() {
                assert!(destination["stats"].take().is_object());
            }
        }
        services
    };
    let table = ask("-L --json");
    assert_eq!(report["ipvs"], table["ipvs"]);
    let services = without_counters(&report["services"]);
    assert_eq!(services, without_counters(&table["services"]));
    assert_eq!(services[0]["destinations"][0]["upper_threshold"], 100);
    assert_eq!(report["timeouts"], ask("-L --timeout --json")["timeouts"]);
    let daemon = &report["daemons"][0];
    assert_eq!(
        (
            &daemon["role"],
            &daemon["sync_id"],
            &daemon["interface_state"]
        ),
        (&json!("master"), &json!(9), &json!("up"))
    );
    let connections = ask("-L -c --json");
    let connections = connections["connections"].as_array().unwrap();
    let counts = &report["connections"];
    assert_eq!((connections.len(), &counts["total"]), (2, &json!(1)));
    assert_eq!(
        (&counts["persistence_templates"], &counts["received"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(counts["states"].as_array().unwrap().len(), 1);
    assert_eq!(counts["states"][0]["protocol"], "TCP");
    let mut doctor = director.command(program::path().unwrap());
    doctor.args(["--doctor", "--json"]);
    let doctor = checked(&Answer::of(doctor, "").unwrap().stdout);
    assert_eq!(report["findings"], doctor["findings"]);
    assert!(
        told(&report["findings"])
            .iter()
            .any(|told| told.contains("usable-server") && told.contains("2001:db8:1::100")),
        "{}",
        report["findings"]
    );
    let settings = &report["settings"];
    assert_eq!(settings["net.ipv4.ip_forward"], "1");
    assert_eq!(settings["net.ipv4.vs.sync_threshold"], "3 50");
    assert!(settings["net.ipv4.conf.front.rp_filter"].is_string());
    assert_eq!(report["modules"]["ip_vs"], "loaded");
    assert_eq!(report["modules"]["ip_vs_wrr"], "loaded");
    assert!(
        report["kernel"]["release"]
            .as_str()
            .unwrap()
            .starts_with(['6', '7'])
    );
    assert_eq!(report["program"], {
        let mut version = ask("-v --json");
        version.as_object_mut().unwrap().remove("schema_version");
        version
    });
}

/// The words of a text that are addresses, with or without a port or a prefix length.
fn addresses(text: &str) -> BTreeSet<IpAddr> {
    let is_other = |letter: char| !letter.is_ascii_hexdigit() && letter != '.' && letter != ':';
    let words = text.split(is_other);
    let words = words.flat_map(|word| {
        let before_port = word.rsplit_once(':').map(|(address, _)| address);
        [Some(word), before_port].into_iter().flatten()
    });
    words.filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn a_redacted_report_says_the_same_with_other_addresses_and_names() {
    let scene = set_up();
    let director = scene.find("director");
    let plain_text = ipvsadm(director, "--report");
    let redacted_text = ipvsadm(director, "--report --redact");
    let (plain, redacted) = (checked(&plain_text), checked(&redacted_text));
    assert_eq!(
        (&plain["redacted"], &redacted["redacted"]),
        (&json!(false), &json!(true))
    );
    // The default group of daemons tells nothing, and a netmask is no address.
    let kept = ["224.0.0.81", "255.255.255.255"].map(|text| text.parse::<IpAddr>().unwrap());
    let theirs = addresses(&plain_text);
    for address in ["198.51.100.100", "10.0.0.2", "2001:db8:1::100", "fd00::2"] {
        assert!(
            theirs.contains(&address.parse().unwrap()),
            "{address}: {theirs:?}"
        );
    }
    let ours = addresses(&redacted_text);
    let both: Vec<_> = theirs.intersection(&ours).collect();
    let both: Vec<_> = both
        .into_iter()
        .filter(|both| !kept.contains(both))
        .collect();
    assert_eq!(both, [&kept[0]; 0], "{redacted_text}");
    for name in ["front", "back"] {
        let has_name = |text: &str| {
            let mut words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            words.any(|word| word == name)
        };
        assert!(has_name(&plain_text), "{name}");
        assert!(!has_name(&redacted_text), "{name}: {redacted_text}");
    }

    let service = |report: &Value, number: usize| -> (IpAddr, Value, IpAddr) {
        let service = &report["services"][number];
        let address = |entry: &Value| entry["address"].as_str().unwrap().parse().unwrap();
        let server = &service["destinations"][0];
        (address(service), service["port"].clone(), address(server))
    };
    for number in [0, 1] {
        let (address, port, server) = service(&plain, number);
        let (other, other_port, other_server) = service(&redacted, number);
        assert_eq!(port, other_port);
        assert_eq!(
            (address.is_ipv6(), server.is_ipv6()),
            (other.is_ipv6(), other_server.is_ipv6())
        );
        // 10.0.0.0/8 and fc00::/7 are networks of nobody else's.
        match other_server {
            IpAddr::V4(server) => assert!(server.is_private(), "{server}"),
            IpAddr::V6(server) => assert!(server.is_unique_local(), "{server}"),
        }
    }
    // Sentences and commands have the same replacement.
    let replace = |text: String| {
        let pairs = [0, 1].map(|number| (service(&plain, number), service(&redacted, number)));
        pairs
            .into_iter()
            .fold(text, |text, ((from, _, server), (to, _, other))| {
                text.replace(&from.to_string(), &to.to_string())
                    .replace(&server.to_string(), &other.to_string())
            })
    };
    let wanted: Vec<_> = told(&plain["findings"]).into_iter().map(replace).collect();
    assert_eq!(told(&redacted["findings"]), wanted);
    assert!(!wanted.is_empty());
    for part in [
        "modules", "kernel", "timeouts", "ipvs", "skipped", "not_read",
    ] {
        assert_eq!(plain[part], redacted[part], "{part}");
    }
    let daemon = &redacted["daemons"][0];
    assert_eq!(
        (&daemon["interface_state"], &daemon["group"]),
        (&json!("up"), &json!("224.0.0.81"))
    );
    let setting = format!(
        "net.ipv4.conf.{}.rp_filter",
        daemon["interface"].as_str().unwrap()
    );
    assert_eq!(
        redacted["settings"][setting],
        plain["settings"]["net.ipv4.conf.back.rp_filter"]
    );
}

#[test]
fn a_caller_without_rights_gets_what_everybody_may_read() {
    let director: Namespace = namespace("director");
    ipvsadm(&director, "-A -t 10.0.0.1:80 -s rr");
    ipvsadm(&director, "-a -t 10.0.0.1:80 -r 10.0.0.2 -m");
    let mut command = director.command("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
    command.arg(program::path().unwrap()).arg("--report");
    let answer = Answer::of(command, "").unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    let report = checked(&answer.stdout);
    assert_eq!(report["interface"], "proc");
    assert_eq!(report["services"][0]["address"], "10.0.0.1");
    assert_eq!(report["services"][0].get("stats"), None);
    assert_eq!(report["ipvs"]["version"], "1.2.1");
    assert_eq!(report["connections"]["total"], 0);
    assert!(report["totals"].is_object());
    let unread: Vec<_> = report["not_read"].as_array().unwrap().iter().collect();
    let parts: Vec<_> = unread.iter().map(|unread| &unread["part"]).collect();
    assert_eq!(parts, ["timeouts", "daemons"]);
    for part in ["timeouts", "daemons"] {
        assert_eq!(report.get(part), None, "{part}");
    }
}
