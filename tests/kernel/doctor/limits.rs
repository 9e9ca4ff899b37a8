// SPDX-License-Identifier: MIT

//! The checks of sync daemons, and of settings and limits of a director.

use ipvs_lab::wait;
use serde_json::Value;

use super::Patient;
use crate::guides::Scene;

/// A director that masquerades, as in docs/guides/nat.md.
const NAT: &str = "\
    director# sysctl -w net.ipv4.ip_forward=1
    director# ip address add 198.51.100.100/32 dev front
    director# ipvsadm -A -t 198.51.100.100:80 -s rr
    director# ipvsadm -a -t 198.51.100.100:80 -r 10.0.0.2:80 -m";

/// The virtual network that sync daemons have for themselves, and a daemon at each end.
const SYNC: &str = "\
    director# ip link add link back name sync0 type vlan id 7
    director# ip address add 10.7.0.1/24 dev sync0
    director# ip link set sync0 up
    backup# ip link add link back name sync0 type vlan id 7
    backup# ip address add 10.7.0.2/24 dev sync0
    backup# ip link set sync0 up
    director# ipvsadm --start-daemon master --mcast-interface sync0 --syncid 7
    backup# ipvsadm --start-daemon backup --mcast-interface sync0 --syncid 7";

/// A client gets an answer.
const ANSWER: &str = "curl -s --max-time 2 http://198.51.100.100/ | grep -q server1";

/// Returns what is found at a box: the checks, and their sentences.
fn look(patient: &mut Patient, place: &str) -> Vec<(String, String, Vec<String>)> {
    let answer = patient.scene.run(place, "ipvsadm --doctor --json", "");
    let report: Value = serde_json::from_str(&answer.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    findings
        .map(|finding| {
            let sentence = format!("{} {}", text(&finding["object"]), text(&finding["message"]));
            let commands = finding["commands"].as_array().unwrap().iter();
            (
                text(&finding["check"]),
                sentence,
                commands.map(text).collect(),
            )
        })
        .collect()
}

/// Makes a request from this port, and sees whether the backup learns of the connection.
fn connect(patient: &mut Patient, port: u16) {
    let command = format!("curl -s --local-port {port} http://198.51.100.100/");
    assert_eq!(patient.scene.run("client", &command, "").status, 0);
}

fn knows(patient: &mut Patient, port: u16) -> bool {
    let listing = patient.scene.run("backup", "ipvsadm -Lnc", "").stdout;
    listing.contains(&format!("198.51.100.2:{port} "))
}

/// Sees the daemons work; breaks them; sees that this is found at one of the boxes, and that
/// they work again after the commands that are printed.
fn break_and_mend(place: &str, breaking: &str, sentence: &str) {
    let mut patient = Patient {
        scene: Scene::new("<!-- network: behind backup -->"),
        place: "director",
        words: "",
        works: ANSWER,
    };
    patient.run(NAT);
    patient.run(SYNC);
    connect(&mut patient, 40001);
    assert!(wait::for_value(&true, || knows(&mut patient, 40001)));
    assert_eq!(look(&mut patient, place), []);

    patient.run(breaking);
    connect(&mut patient, 40002);
    let found = look(&mut patient, place);
    let [(check, told, commands)] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!((check.as_str(), told.as_str()), ("sync-daemon", sentence));
    assert!(!commands.is_empty());
    assert!(!knows(&mut patient, 40002));

    for command in commands {
        let answer = patient.scene.run(place, command, "");
        assert_eq!(answer.status, 0, "{command}: {}", answer.stdout);
    }
    assert_eq!(look(&mut patient, place), []);
    connect(&mut patient, 40003);
    assert!(wait::for_value(&true, || knows(&mut patient, 40003)));
}

#[test]
fn a_sync_daemon_whose_interface_is_down() {
    break_and_mend(
        "director",
        "director# ip link set sync0 down",
        "the master daemon uses sync0, which is down",
    );
}

#[test]
fn a_backup_daemon_whose_interface_was_made_anew() {
    break_and_mend(
        "backup",
        "backup# ip link del sync0
         backup# ip link add link back name sync0 type vlan id 7
         backup# ip address add 10.7.0.2/24 dev sync0
         backup# ip link set sync0 up",
        "the backup daemon does not hear 224.0.0.81 on sync0 any more",
    );
}

#[test]
fn persistent_clients_of_a_server_that_was_quiesced() {
    let mut patient = Patient {
        scene: Scene::new("<!-- network: behind behind -->"),
        place: "director",
        words: "",
        works: "curl -s --max-time 2 http://198.51.100.100/ | grep -q server2",
    };
    patient.run(NAT);
    patient.run(
        "director# ipvsadm -E --keep -t 198.51.100.100:80 -p 600
         client# curl -s http://198.51.100.100/
         director# ipvsadm -a -t 198.51.100.100:80 -r 10.0.0.3:80 -m",
    );
    patient.break_and_mend(
        "director# ipvsadm -e --keep -t 198.51.100.100:80 -r 10.0.0.2:80 -w 0",
        "quiesced-persistence",
        "server 10.0.0.2:80 of TCP 198.51.100.100:80 has weight 0 and keeps 1 persistent client",
    );
}

#[test]
fn packets_that_are_dropped_to_save_memory() {
    let mut patient = Patient::new("behind", NAT, ANSWER);
    // One of one packets.
    patient.run("director# sysctl -w net.ipv4.vs.am_droprate=1 net.ipv4.vs.drop_packet=3");
    // The kernel looks at the setting once in a second.
    assert!(!wait::for_value(&false, || patient.is_working()));
    let finding = patient.find(
        "defence",
        "net.ipv4.vs.drop_packet is 3: IPVS drops packets of new connections, whether memory \
         is low or not",
    );
    for command in finding["commands"].as_array().unwrap() {
        let command = format!("director# {}", command.as_str().unwrap());
        patient.run(&command);
    }
    assert!(wait::for_value(&true, || patient.is_working()));
    patient.expect_health();
}
