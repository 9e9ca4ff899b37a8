// SPDX-License-Identifier: MIT

//! A server that an ordinary user drains while a client talks to it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::Stdio;

use ipvs_lab::network::{self, Network, Place, VIRTUAL};
use ipvs_lab::talk::{Conversation, Protocol, Responder};

use super::User;

const PORT: u16 = 8000;

#[test]
fn a_connection_through_masquerading_is_counted_and_waited_for() {
    let user = User::new();
    let network = Network::around(
        user.namespace.try_clone().unwrap(),
        [Place::Behind, Place::Behind],
    )
    .unwrap();
    user.namespace
        .ip(&format!("addr add {}/32 dev front", VIRTUAL.v4))
        .unwrap();
    network::forward(&user.namespace).unwrap();
    let service = SocketAddr::from((VIRTUAL.v4, PORT));
    user.succeed(&format!("-A -t {service} -s rr"));
    let mut responders = Vec::new();
    for server in &network.servers {
        let address = SocketAddr::from((server.addresses.v4, PORT));
        user.succeed(&format!("-a -t {service} -r {address} -m"));
        responders.push(Responder::start(&server.namespace, Protocol::Tcp, address).unwrap());
    }

    let mut held = Conversation::begin(&network.client, Protocol::Tcp, service).unwrap();
    let name = held.ask().unwrap().server;
    let mut servers = network.servers.iter();
    let server = servers.find(|one| one.namespace.name() == name).unwrap();
    let server = SocketAddr::from((server.addresses.v4, PORT));

    let arguments = format!("--drain -t {service} -r {server} --wait --remove");
    let mut child = user
        .command(&arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    errors.read_line(&mut line).unwrap();
    assert_eq!(
        line,
        format!("TCP {service}: {server} has 1 active connection\n")
    );
    for _ in 0..4 {
        let mut other = Conversation::begin(&network.client, Protocol::Tcp, service).unwrap();
        assert_ne!(
            other.ask().unwrap().server,
            name,
            "it gets no new connections"
        );
    }
    held.ask().unwrap();
    drop(held);
    let mut output = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut output)
        .unwrap();
    line.clear();
    errors.read_to_string(&mut line).unwrap();
    assert_eq!((line.as_str(), child.wait().unwrap().code()), ("", Some(0)));
    assert!(
        output.ends_with(&format!("TCP {service}: {server} has been removed\n")),
        "{output}"
    );
    assert!(
        !user.rules().contains(&server.to_string()),
        "{}",
        user.rules()
    );
}

#[test]
fn old_weights_are_kept_for_the_user() {
    let user = User::new();
    user.succeed("-A -f 5 -s rr");
    user.succeed("-a -f 5 -r 10.0.0.2 -m -w 8");
    user.succeed("--drain -r 10.0.0.2");
    assert!(user.rules().ends_with("-r 10.0.0.2:0 -m -w 0\n"));
    user.succeed("--drain --undo");
    assert!(user.rules().ends_with("-r 10.0.0.2:0 -m -w 8\n"));
}
