// SPDX-License-Identifier: MIT

//! The checks of sync daemons, and of the settings that they go by.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use ipvs_lab::wait;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::{NAT_ONE as NAT, Patient, fill_in};
use crate::guides::Scene;
use crate::json::checked;

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

/// Returns what is found at a box.
fn look(patient: &mut Patient, place: &str) -> Vec<Value> {
    let answer = patient.scene.run(place, "ipvsadm --doctor --json", "");
    let report = checked(&answer.stdout);
    report["findings"].as_array().unwrap().clone()
}

/// Sees that this alone is found at a box, and returns it.
#[track_caller]
fn find(patient: &mut Patient, place: &str, check: &str, sentence: &str) -> Value {
    let found = look(patient, place);
    let [finding] = found.as_slice() else {
        panic!("{found:?}");
    };
    let text = |name: &str| finding[name].as_str().unwrap();
    let told = format!("{} {}", text("object"), text("message"));
    assert_eq!((text("check"), told.as_str()), (check, sentence));
    finding.clone()
}

/// Runs the commands of a finding, with these words filled in, and sees that nothing else is
/// found.
#[track_caller]
fn mend(patient: &mut Patient, place: &str, finding: &Value, words: &[(&str, &str)]) {
    for command in fill_in(finding, words) {
        patient.run(&format!("{place}# {command}"));
    }
    assert_eq!(look(patient, place), [] as [Value; 0]);
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

/// Two directors with sync daemons.
fn pair() -> Patient {
    let mut patient = Patient {
        scene: Scene::new("<!-- network: behind backup -->"),
        place: "director",
        words: "",
        works: "true",
    };
    patient.run(NAT);
    patient.run(SYNC);
    patient
}

/// Sees the daemons work; breaks them; sees that this is found at one of the boxes, and that
/// they work again after the commands that are printed, with a word filled in if need be.
fn break_and_mend(
    place: &str,
    breaking: &str,
    check: &str,
    sentence: &str,
    words: &[(&str, &str)],
) {
    let mut patient = pair();
    connect(&mut patient, 40001);
    assert!(wait::for_value(&true, || knows(&mut patient, 40001)));
    assert_eq!(look(&mut patient, place), [] as [Value; 0]);

    patient.run(breaking);
    connect(&mut patient, 40002);
    let finding = find(&mut patient, place, check, sentence);
    assert!(!knows(&mut patient, 40002));

    mend(&mut patient, place, &finding, words);
    connect(&mut patient, 40003);
    assert!(wait::for_value(&true, || knows(&mut patient, 40003)));
}

#[test]
fn a_sync_daemon_whose_interface_is_down() {
    break_and_mend(
        "director",
        "director# ip link set sync0 down",
        "sync-daemon",
        "the master daemon uses sync0, which is down",
        &[],
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
        "sync-daemon",
        "the backup daemon does not hear 224.0.0.81 on sync0 any more",
        &[],
    );
}

#[test]
fn a_sync_daemon_whose_interface_is_gone() {
    break_and_mend(
        "director",
        "director# ip link del sync0
         director# ip link add link back name sync1 type vlan id 7
         director# ip address add 10.7.0.1/24 dev sync1
         director# ip link set sync1 up",
        "sync-daemon",
        "the master daemon uses sync0, which is gone",
        &[("INTERFACE", "sync1")],
    );
}

#[test]
fn a_backup_daemon_that_takes_another_syncid() {
    break_and_mend(
        "backup",
        "backup# ipvsadm --stop-daemon backup
         backup# ipvsadm --start-daemon backup --mcast-interface sync0 --syncid 8",
        "sync-id",
        "the backup daemon only takes messages with syncid 8, and those that come have 7 from \
         10.7.0.1",
        &[],
    );
}

/// Asks for a page, and keeps the connection open.
fn ask(connection: &mut TcpStream) {
    let question = b"GET / HTTP/1.1\r\nHost: server\r\n\r\n";
    connection.write_all(question).unwrap();
    assert!(connection.read(&mut [0; 1024]).unwrap() > 0);
}

/// Opens a connection from this port of the client, and asks once.
fn open(patient: &Patient, port: u16) -> TcpStream {
    let connect = || {
        let from: SocketAddr = ([0; 4], port).into();
        let to: SocketAddr = "198.51.100.100:80".parse().unwrap();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&from.into())?;
        socket.connect(&to.into())?;
        Ok::<_, std::io::Error>(TcpStream::from(socket))
    };
    let connection = patient.scene.find("client").run(connect).unwrap();
    let mut connection = connection.unwrap();
    ask(&mut connection);
    connection
}

#[test]
fn a_master_that_does_not_tell_of_open_connections() {
    for (threshold, effect) in [
        ("0 50", "a connection from packet 50 on"),
        ("0 0", "no connection before it ends"),
    ] {
        let mut patient = pair();
        let _first = open(&patient, 40001);
        assert!(wait::for_value(&true, || knows(&mut patient, 40001)));
        patient.run(&format!(
            "director# sysctl -w 'net.ipv4.vs.sync_threshold={threshold}'"
        ));
        let _second = open(&patient, 40002);
        // The end of a connection is told of in any case, and later.
        connect(&mut patient, 40003);
        assert!(wait::for_value(&true, || knows(&mut patient, 40003)));
        assert!(!knows(&mut patient, 40002), "{threshold}");
        let sentence =
            format!("net.ipv4.vs.sync_threshold is {threshold}: the master tells of {effect}");
        let finding = find(&mut patient, "director", "sync-settings", &sentence);
        mend(&mut patient, "director", &finding, &[]);
        let _fourth = open(&patient, 40004);
        assert!(wait::for_value(&true, || knows(&mut patient, 40004)));
    }
}

#[test]
fn a_master_that_tells_of_a_connection_once() {
    let mut patient = pair();
    patient.run(
        "director# sysctl -w 'net.ipv4.vs.sync_threshold=3 0'
         director# ipvsadm --set 10 0 0",
    );
    let mut connection = open(&patient, 40001);
    // The timeout has gone with the message; the director's own is longer from now on.
    patient.run("director# ipvsadm --set 900 0 0");
    ask(&mut connection);
    assert!(wait::for_value(&true, || knows(&mut patient, 40001)));
    // It goes on, and the backup forgets it.
    let is_known = wait::for_value(&false, || {
        ask(&mut connection);
        knows(&mut patient, 40001)
    });
    assert!(!is_known);
    let finding = find(
        &mut patient,
        "director",
        "sync-settings",
        "net.ipv4.vs.sync_threshold is 3 0: the master tells of each connection once",
    );
    mend(&mut patient, "director", &finding, &[]);
    assert!(wait::for_value(&true, || {
        for _ in 0..10 {
            ask(&mut connection);
        }
        knows(&mut patient, 40001)
    }));
}

/// Messages that fit together into the buffer that sockets have without a setting: 208 KiB,
/// of which a message takes about 2.3.
const FITTING: u32 = 60;
/// Messages of which some are lost where the buffer takes one: the daemon reads between
/// them, so that of 60 it lost 3 to 55.
const TOO_MANY: u32 = 600;

/// Sends the backup messages at once, and returns the number that it has lost since it was
/// started. They tell of no connections.
fn flood(patient: &mut Patient, messages: u32) -> u32 {
    // What is delayed arrives nearly together.
    let send = format!(
        "tc qdisc replace dev sync0 root netem delay 200ms limit 1000
python3 -c 'import socket
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(\"10.7.0.1\"))
for _ in range({messages}): sender.sendto(bytes(1000), (\"224.0.0.81\", 8848))'
sleep 1
tc qdisc del dev sync0 root"
    );
    let answer = patient.scene.run("director", &send, "");
    assert_eq!(answer.status, 0, "{}", answer.stdout);
    let drops = "awk '$2 == \"510000E0:2290\" { print $NF }' /proc/net/udp";
    let drops = patient.scene.run("backup", drops, "").stdout;
    drops.trim().parse().unwrap()
}

#[test]
fn a_backup_that_loses_messages() {
    let mut patient = pair();
    assert_eq!(flood(&mut patient, FITTING), 0);
    patient.run(
        "backup# sysctl -w net.ipv4.vs.sync_sock_size=1
         backup# ipvsadm --stop-daemon backup
         backup# ipvsadm --start-daemon backup --mcast-interface sync0 --syncid 7",
    );
    let lost = flood(&mut patient, TOO_MANY);
    assert!(lost > 1, "{lost}");
    let sentence =
        format!("the backup daemon has lost {lost} messages, for which its buffer had no room");
    let finding = find(&mut patient, "backup", "sync-messages", &sentence);
    mend(&mut patient, "backup", &finding, &[]);
    assert_eq!(flood(&mut patient, FITTING), 0);
}

#[test]
fn a_master_that_listens_only() {
    let set_up = format!(
        "{NAT}
         director# ipvsadm --start-daemon master --mcast-interface back
         director# ipvsadm --start-daemon backup --mcast-interface back"
    );
    let works = "curl -s --max-time 2 http://198.51.100.100/ | grep -q server1";
    let mut patient = Patient::new("behind", &set_up, works);
    patient.break_and_mend(
        "director# sysctl -w net.ipv4.vs.backup_only=1",
        "sync-settings",
        "net.ipv4.vs.backup_only is on, and the daemon of a backup runs beside that of the master",
    );
}
