// SPDX-License-Identifier: MIT

//! The checks of connections, and of settings and limits of a director.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::process;
use std::time::Duration;

use ipvs_lab::wait;

use super::{NAT_ONE as NAT, Patient, fill_in};
use crate::guides::Scene;

/// A client gets an answer.
const ANSWER: &str = "curl -s --max-time 2 http://198.51.100.100/ | grep -q server1";

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

/// The virtual service.
const SERVICE: &str = "198.51.100.100:80";

/// Asks for a page, and keeps the connection open.
fn ask(connection: &mut TcpStream) -> std::io::Result<usize> {
    connection.set_read_timeout(Some(Duration::from_secs(2)))?;
    connection.write_all(b"GET / HTTP/1.1\r\nHost: server\r\n\r\n")?;
    connection.read(&mut [0; 1024])
}

/// Opens a connection from the client to the virtual service.
fn connect(patient: &Patient) -> std::io::Result<TcpStream> {
    let connect = || {
        let to = SERVICE.parse().unwrap();
        TcpStream::connect_timeout(&to, Duration::from_secs(2))
    };
    patient.scene.find("client").run(connect).unwrap()
}

#[test]
fn connections_to_a_server_that_was_removed() {
    let mut patient = Patient::new("behind behind", NAT, "curl -s --max-time 2 198.51.100.100");
    let mut connection = connect(&patient).unwrap();
    assert!(ask(&mut connection).unwrap() > 0);
    patient.run(
        "director# ipvsadm -a -t 198.51.100.100:80 -r 10.0.0.3:80 -m
         director# ipvsadm -d -t 198.51.100.100:80 -r 10.0.0.2:80",
    );
    // The client waits, and learns nothing.
    let error = ask(&mut connection).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    let finding = patient.find(
        "removed-server",
        "server 10.0.0.2:80 of TCP 198.51.100.100:80 was removed, and 1 open connection still \
         goes to it",
    );
    for command in fill_in(&finding, &[]) {
        patient.run(&format!("director# {command}"));
    }
    // What the client sends again is answered by the director, which knows no connection.
    let reset = wait::for_value(&Some(std::io::ErrorKind::ConnectionReset), || {
        ask(&mut connection).err().map(|error| error.kind())
    });
    assert_eq!(reset, Some(std::io::ErrorKind::ConnectionReset));
    patient.expect_health();
}

#[test]
fn ports_that_are_used_again_while_a_server_is_drained() {
    // The server closes the connection, so that the client may use its port again at once.
    const AGAIN: &str = "python3 -c 'import socket
client = socket.socket()
client.settimeout(2)
client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
client.bind((\"\", 40001))
client.connect((\"198.51.100.100\", 80))
client.sendall(b\"GET / HTTP/1.0\\r\\n\\r\\n\")
print(client.makefile().read())' | grep -q server2";
    let mut patient = Patient {
        scene: Scene::new("<!-- network: behind behind -->"),
        place: "director",
        words: "",
        works: AGAIN,
    };
    patient.run(NAT);
    patient.run("director# sysctl -w net.ipv4.vs.conn_reuse_mode=0");
    assert!(!patient.is_working());
    patient.run("director# ipvsadm -a -t 198.51.100.100:80 -r 10.0.0.3:80 -m");
    patient.break_and_mend(
        "director# ipvsadm -e --keep -t 198.51.100.100:80 -r 10.0.0.2:80 -w 0",
        "port-reuse",
        "server 10.0.0.2:80 of TCP 198.51.100.100:80 has weight 0, and gets new connections from \
         ports that are used again",
    );
}

/// The limit of connection tracking, which the first network namespace has for all: the one
/// in which the tests of an embedded kernel begin.
const MOST_TRACKED: &str = "/proc/sys/net/netfilter/nf_conntrack_max";

/// Gives the limit back that there was before.
struct Limit(String);

impl Limit {
    fn lower(number: u32) -> Self {
        let before = fs::read_to_string(MOST_TRACKED).unwrap();
        fs::write(MOST_TRACKED, number.to_string()).unwrap();
        Self(before)
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        fs::write(MOST_TRACKED, &self.0).unwrap();
    }
}

#[test]
fn connection_tracking_that_is_full() {
    let set_up = format!(
        "{NAT}
         director# sysctl -w net.ipv4.vs.conntrack=1
         director# iptables -P FORWARD DROP
         director# iptables -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
    );
    let mut patient = Patient::new("behind", &set_up, ANSWER);
    let _limit = Limit::lower(20);
    // Those of requests that have ended make room for others, those that are open do not.
    let mut open = Vec::new();
    while let Ok(connection) = connect(&patient) {
        open.push(connection);
        assert!(open.len() < 40, "there is no limit");
    }
    assert!(!patient.is_working());
    let count = "sysctl -n net.netfilter.nf_conntrack_count";
    let count = patient.scene.run("director", count, "").stdout;
    let sentence = format!(
        "the table of connection tracking is nearly full: it has {} of 20 entries",
        count.trim()
    );
    let finding = patient.find("conntrack-table", &sentence);
    // The limit is set in the first network namespace.
    let first = format!("nsenter --net=/proc/{}/ns/net", process::id());
    for command in fill_in(&finding, &[]) {
        patient.run(&format!("director# {first} {command}"));
    }
    patient.expect_health();
}

#[test]
fn a_connection_table_with_too_few_buckets() {
    let mut patient = Patient::new(
        "behind",
        &format!(
            "{NAT}
             director# ipvsadm -A -u 198.51.100.100:9 -s rr
             director# ipvsadm -a -u 198.51.100.100:9 -r 10.0.0.2:9 -m"
        ),
        ANSWER,
    );
    let info = "ipvsadm -L --json | python3 -c \
        'import json, sys; print(json.load(sys.stdin)[\"ipvs\"][\"connection_table_size\"])'";
    let buckets = patient.scene.run("director", info, "").stdout;
    let buckets: u16 = buckets.trim().parse().unwrap();
    let connections = 8 * buckets + 1000;
    // Every datagram from another port is a connection, for five minutes.
    let send = || {
        for port in (1..=connections).map(|number| 1024 + number) {
            let socket = UdpSocket::bind(("0.0.0.0", port)).unwrap();
            socket.send_to(b"?", "198.51.100.100:9").unwrap();
        }
    };
    patient.scene.find("client").run(send).unwrap();
    let number = "ipvsadm -Ln | awk '{ sum += $6 } END { print sum }'";
    let number = patient.scene.run("director", number, "").stdout;
    let number: u32 = number.trim().parse().unwrap();
    assert!(number >= u32::from(connections), "{number} connections");
    let finding = patient.find(
        "connection-table",
        &format!("the connection table has {number} connections in {buckets} buckets"),
    );
    for command in fill_in(&finding, &[]) {
        patient.run(&format!("director# {command}"));
    }
    // It is what the module is told when it is loaded again.
    let bits = number.ilog2();
    patient.run(&format!(
        "director# modprobe --showconfig | grep -x 'options ip_vs conn_tab_bits={bits}'"
    ));
}
