// SPDX-License-Identifier: MIT

//! The connections of one virtual service, real server or client, and how many there
//! are: with every kind of service in one table, and with real traffic.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use ipvs_lab::machine::Machine;
use ipvs_lab::network::{CLIENT, Network, VIRTUAL};
use ipvs_lab::talk::{Conversation, Protocol, Responder};
use ipvs_lab::{Answer, program};
use serde_json::{Value, json};

use super::{Family, PORT, address_of, behind, respond, service};
use crate::{ipvsadm, json as documents, public};

/// The port of the connection that the service of port 0 takes.
const OTHER_PORT: u16 = PORT + 1;
/// The port whose packets are marked.
const MARKED_PORT: u16 = PORT + 2;

/// Connections that stay open, each by the client's end.
struct Scene {
    network: Network,
    _responders: Vec<Responder>,
    _open: Vec<Conversation>,
    /// To the service of an address and port; one at each server.
    web: [SocketAddr; 2],
    other: SocketAddr,
    datagram: SocketAddr,
    six: SocketAddr,
    marked: SocketAddr,
}

impl Scene {
    fn new() -> Self {
        let network = behind(2);
        let director = &network.director;
        let [first, second] = ["server1", "server2"];
        let [v4, v6] = [Family::V4, Family::V6];
        let server = |name, family| address_of(&network, name, family);
        let mut responders = Vec::new();
        for port in [PORT, OTHER_PORT, MARKED_PORT] {
            responders.extend(respond(&network, Protocol::Tcp, port));
        }
        responders.extend(respond(&network, Protocol::Udp, PORT));
        let machine = Machine::new().unwrap();
        let mut mark = machine.command(director, "/usr/sbin/iptables");
        mark.args("-t mangle -A PREROUTING -p tcp -j MARK --set-mark 7 --dport".split(' '));
        mark.arg(MARKED_PORT.to_string());
        let answer = Answer::of(mark, "").unwrap();
        assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));

        let (web, web6) = (service(v4, PORT), service(v6, PORT));
        let any = service(v4, 0);
        let [one, two] = [first, second].map(|name| server(name, v4));
        let six = server(first, v6);
        for rule in [
            format!("-A -t {web} -s rr"),
            format!("-a -t {web} -r {one}:{PORT} -m"),
            format!("-a -t {web} -r {two}:{PORT} -m"),
            format!("-A -t {any} -s rr -p 3000"),
            format!("-a -t {any} -r {one}:0 -m"),
            format!("-A -u {web} -s rr"),
            format!("-a -u {web} -r {one}:{PORT} -m"),
            format!("-A -t {web6} -s rr"),
            format!("-a -t {web6} -r [{six}]:{PORT} -m"),
            "-A -f 7 -s rr -p 3000".to_owned(),
            format!("-a -f 7 -r {two}:0 -m"),
        ] {
            ipvsadm(director, &rule);
        }

        let mut open = Vec::new();
        let mut begin = |protocol, family, port| {
            let to = service(family, port);
            let mut conversation = Conversation::begin(&network.client, protocol, to).unwrap();
            let server = conversation.ask().unwrap().server;
            let end = conversation.local().unwrap();
            open.push(conversation);
            (server, end)
        };
        let mut web = [
            begin(Protocol::Tcp, v4, PORT),
            begin(Protocol::Tcp, v4, PORT),
        ];
        web.sort();
        assert_eq!([web[0].0.as_str(), web[1].0.as_str()], [first, second]);
        let (_, other) = begin(Protocol::Tcp, v4, OTHER_PORT);
        let (_, datagram) = begin(Protocol::Udp, v4, PORT);
        let (_, six) = begin(Protocol::Tcp, v6, PORT);
        let (_, marked) = begin(Protocol::Tcp, v4, MARKED_PORT);
        Self {
            _responders: responders,
            _open: open,
            web: web.map(|(_, end)| end),
            other,
            datagram,
            six,
            marked,
            network,
        }
    }

    fn server(&self, name: &str) -> String {
        address_of(&self.network, name, Family::V4).to_string()
    }
}

/// The clients' ends that a listing shows, in the column of this number.
fn sources(listing: &str, headings: usize, column: usize) -> Vec<SocketAddr> {
    let lines = listing.lines().skip(headings);
    let mut sources: Vec<SocketAddr> = lines
        .map(|line| {
            let word = line.split_whitespace().nth(column);
            word.unwrap().parse().unwrap()
        })
        .collect();
    sources.sort();
    sources
}

fn sources_of_json(listing: &str) -> Vec<SocketAddr> {
    let document = documents::checked(listing);
    let connections = document["connections"].as_array().unwrap().iter();
    let mut sources: Vec<SocketAddr> = connections
        .map(|connection| {
            let end = &connection["client"];
            let address = end["address"].as_str().unwrap().parse().unwrap();
            let port = u16::try_from(end["port"].as_u64().unwrap()).unwrap();
            SocketAddr::new(address, port)
        })
        .collect();
    sources.sort();
    sources
}

#[test]
fn each_filter_leaves_the_same_connections_in_every_form() {
    let scene = Scene::new();
    let director = &scene.network.director;
    let [first, second] = ["server1", "server2"].map(|name| scene.server(name));
    let (web, any) = (service(Family::V4, PORT), service(Family::V4, 0));
    let template = SocketAddr::new(CLIENT.v4.into(), 0);
    let Scene {
        other,
        datagram,
        six,
        marked,
        ..
    } = scene;
    let [one, two] = scene.web;
    for (filter, wanted) in [
        (format!("-t {web}"), vec![one, two]),
        (format!("-u {web}"), vec![datagram]),
        (format!("-t {any}"), vec![other, template]),
        (format!("-t {}", service(Family::V6, PORT)), vec![six]),
        ("-f 7".to_owned(), vec![marked, template]),
        (format!("-t {web} -r {first}"), vec![one]),
        (format!("-t {web} -r {second}:{PORT}"), vec![two]),
        (format!("-t {web} -r {second}:{OTHER_PORT}"), vec![]),
        (format!("-r {second}"), vec![two, marked, template]),
        (format!("-r {first}:{OTHER_PORT}"), vec![other]),
        (format!("--client {}/64", CLIENT.v6), vec![six]),
        (
            format!("--client {} --protocol tcp -t {web}", CLIENT.v4),
            vec![one, two],
        ),
        ("--client 192.0.2.0/24".to_owned(), vec![]),
        (
            "--state established".to_owned(),
            vec![one, two, other, six, marked],
        ),
        ("--state UDP,FIN_WAIT".to_owned(), vec![datagram]),
        ("--protocol udp".to_owned(), vec![datagram]),
        ("--protocol ip".to_owned(), vec![template]),
        ("--protocol ip,udp".to_owned(), vec![template, datagram]),
    ] {
        let mut wanted = wanted;
        wanted.sort();
        let list = |form: &str| ipvsadm(director, &format!("-L -n -c {filter} {form}"));
        assert_eq!(sources(&list(""), 2, 3), wanted, "{filter}");
        assert_eq!(
            sources(&list("--persistent-conn"), 2, 3),
            wanted,
            "{filter}"
        );
        assert_eq!(sources_of_json(&list("--json")), wanted, "{filter}");
        let wide = list("--output wide");
        match wanted.is_empty() {
            true => assert_eq!(wide, "There are no connections.\n", "{filter}"),
            false => assert_eq!(sources(&wide, 1, 3), wanted, "{filter}"),
        }
        // Everybody may read the files that say so.
        let nobody = public::as_nobody(director, &format!("-L -n -c {filter}"));
        assert_eq!((nobody.stderr.as_str(), nobody.status), ("", 0), "{filter}");
        assert_eq!(sources(&nobody.stdout, 2, 3), wanted, "{filter}");
    }
    // The lines are those of the whole list.
    let all: BTreeSet<String> = without_expiry(&ipvsadm(director, "-L -n -c"));
    let marked = without_expiry(&ipvsadm(director, "-L -n -c -f 7"));
    assert!(marked.is_subset(&all), "{marked:?} {all:?}");
}

fn without_expiry(listing: &str) -> BTreeSet<String> {
    let lines = listing.lines().skip(2);
    let words = lines.map(|line| {
        let words = line.split_whitespace().enumerate();
        let words = words.filter(|(column, _)| *column != 1);
        words.map(|(_, word)| word).collect::<Vec<_>>().join(" ")
    });
    words.collect()
}

#[test]
fn the_wide_list_names_the_service_of_each_connection() {
    let scene = Scene::new();
    let wide = ipvsadm(&scene.network.director, "-L -n -c --output wide");
    let (web, any) = (service(Family::V4, PORT), service(Family::V4, 0));
    let line = |source: SocketAddr, protocol: &str| {
        let mut lines = wide.lines();
        let found =
            lines.find(|line| line.contains(&format!(" {source} ")) && line.starts_with(protocol));
        found
            .unwrap_or_else(|| panic!("{source} is not in\n{wide}"))
            .to_owned()
    };
    for (line, end) in [
        (line(scene.web[0], "TCP"), format!("  TCP {web}")),
        (line(scene.datagram, "UDP"), format!("  UDP {web}")),
        (line(scene.other, "TCP"), format!("  TCP {any}")),
        (
            line(scene.six, "TCP"),
            format!("  TCP {}", service(Family::V6, PORT)),
        ),
        (line(scene.marked, "TCP"), "  FWM 7".to_owned()),
        (line((CLIENT.v4, 0).into(), "IP"), "template".to_owned()),
    ] {
        assert!(line.ends_with(&end), "{line} does not end in {end}");
    }
}

#[test]
fn a_summary_counts_what_the_list_has() {
    let scene = Scene::new();
    let director = &scene.network.director;
    let summary = |options: &str| {
        let text = ipvsadm(director, &format!("-L -c --summary --json {options}"));
        documents::checked(&text)["summary"].take()
    };
    let all = summary("");
    assert_eq!(
        [&all["connections"], &all["templates"], &all["clients"]],
        [&json!(6), &json!(2), &json!(2)]
    );
    assert_eq!(all["states"], json!({"ESTABLISHED": 5, "UDP": 1}));
    assert_eq!(
        all["busiest_clients"],
        json!([
            {"address": CLIENT.v4, "connections": 5},
            {"address": CLIENT.v6, "connections": 1}
        ])
    );
    let counts = |summary: &Value| {
        let services = summary["services"].as_array().unwrap().iter();
        let counts = services.map(|counts| {
            let service = &counts["service"];
            let name = match service["fwmark"].as_u64() {
                Some(mark) => format!("fwmark {mark}"),
                None => format!("{} {}", service["protocol"], service["port"]).replace('"', ""),
            };
            let family = service["family"].as_str().unwrap();
            let numbers = [&counts["connections"], &counts["templates"]];
            let servers = counts["destinations"].as_array().unwrap().len();
            format!(
                "{family} {name}: {} and {} at {servers}",
                numbers[0], numbers[1]
            )
        });
        counts.collect::<Vec<_>>()
    };
    assert_eq!(
        counts(&all),
        [
            "ipv4 tcp 0: 1 and 1 at 1",
            "ipv4 tcp 8000: 2 and 0 at 2",
            "ipv4 udp 8000: 1 and 0 at 1",
            "ipv6 tcp 8000: 1 and 0 at 1",
            "ipv4 fwmark 7: 1 and 1 at 1",
        ]
    );
    // Filters come first.
    let second = scene.server("server2");
    assert_eq!(
        counts(&summary(&format!("-r {second}"))),
        ["ipv4 tcp 8000: 1 and 0 at 1", "ipv4 fwmark 7: 1 and 1 at 1"]
    );
    assert_eq!(
        summary("--top 1")["busiest_clients"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let lines = ipvsadm(director, "-L -n -c --summary");
    assert!(lines.starts_with("IPVS connection summary (connections=6 templates=2 clients=2)\n"));
    let words: Vec<Vec<&str>> = lines
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let marked = ["FWM", "ESTABLISHED", "7", &format!("{second}:0"), "1", "0"];
    assert!(words.iter().any(|line| *line == marked), "{lines}");
    assert!(
        words.contains(&vec![&CLIENT.v4.to_string(), "5"]),
        "{lines}"
    );
    let wide = ipvsadm(director, "-L -n -c --summary --output wide");
    assert!(
        wide.starts_with("6 connections of 2 clients, 2 persistence templates\n"),
        "{wide}"
    );

    // Connections outlive their service.
    ipvsadm(director, &format!("-D -u {}", service(Family::V4, PORT)));
    let all = summary("");
    let gone = all["services"].as_array().unwrap().last().unwrap();
    assert_eq!(gone["service"], Value::Null);
    assert_eq!(gone["states"], json!({"UDP": 1}));
}

#[test]
fn the_connections_of_a_service_that_is_not_there_are_an_error() {
    let network = behind(1);
    let arguments = format!("-L -c -t {}", SocketAddr::from((VIRTUAL.v4, PORT)));
    let mut command = network.director.command(program::path().unwrap());
    command.args(arguments.split(' '));
    let root = Answer::of(command, "").unwrap();
    let nobody = public::as_nobody(&network.director, &arguments);
    for answer in [root, nobody] {
        let Answer {
            stdout,
            stderr,
            status,
        } = answer;
        assert_eq!((stdout.as_str(), status), ("", 1));
        assert!(stderr.starts_with("No such service\n"), "{stderr}");
    }
}
