// SPDX-License-Identifier: MIT

//! The SIP persistence engine: calls instead of clients.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use ipvs_lab::network::CLIENT;
use ipvs_lab::talk::Conversation;

use super::*;
use crate::traffic::listing::{connections, templates};
use crate::traffic::{beside, kind, respond_directly};

/// The port of SIP.
const SIP: u16 = 5060;

/// A request of a call.
fn options(call: &str) -> String {
    format!(
        "OPTIONS sip:service@example.org SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.5:5060;branch=z9hG4bK776asdhds\r\n\
         From: <sip:a@example.org>;tag=1928301774\r\n\
         To: <sip:service@example.org>\r\n\
         Call-ID: {call}\r\n\
         CSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// Returns the server that answers a request of this call from a new port of this address.
fn call(network: &Network, from: IpAddr, to: SocketAddr, call: &str) -> String {
    let from = (from, 0).into();
    let begun = Conversation::begin_from(&network.client, from, Protocol::Udp, to);
    begun.unwrap().say(&options(call)).unwrap().server
}

#[test]
fn a_call_stays_with_its_server_and_another_of_the_same_client_has_another() {
    let network = behind(SERVERS);
    let _responders = respond(&network, Protocol::Udp, SIP);
    let to = service(Family::V4, SIP);
    balance(
        &network,
        &format!("-u {to}"),
        &format!("{LONG} --pe sip"),
        SIP,
        "-m",
    );
    let from = IpAddr::from(CLIENT.v4);
    let first = call(&network, from, to, "first@example.org");
    let second = call(&network, from, to, "second@example.org");
    assert_ne!(first, second);
    for _ in 0..3 {
        assert_eq!(call(&network, from, to, "first@example.org"), first);
    }
    assert_eq!(call(&network, from, to, "second@example.org"), second);
    let mut data: Vec<_> = templates(&network.director)
        .iter()
        .map(|template| template.split(' ').skip(5).collect::<Vec<_>>().join(" "))
        .collect();
    data.sort();
    assert_eq!(data, ["sip first@example.org", "sip second@example.org"]);
    // Connections are those of ports, as without the engine.
    let connections = connections(&network.director);
    assert_eq!(connections.len(), 6);
    for connection in connections {
        let words: Vec<_> = connection.split(' ').collect();
        assert_eq!(
            (words.len(), words[3]),
            (5, to.to_string().as_str()),
            "{connection}"
        );
    }
}

#[test]
fn a_call_from_another_address_is_another_unless_the_netmask_covers_both() {
    let network = behind(SERVERS);
    let clients = addresses(&["192.0.2.5", "192.0.2.6", "192.0.3.5"]);
    add_clients(&network, &clients);
    let ports = [SIP, SIP + 1];
    let _responders = ports.map(|port| respond(&network, Protocol::Udp, port));
    let [narrow, wide] = ports.map(|port| service(Family::V4, port));
    let options = format!("{LONG} --pe sip");
    balance(&network, &format!("-u {narrow}"), &options, SIP, "-m");
    let options = format!("{options} -M 255.255.255.0");
    balance(&network, &format!("-u {wide}"), &options, SIP + 1, "-m");
    let id = "moving@example.org";
    let servers = |to| -> Vec<_> {
        let clients = clients.iter();
        clients
            .map(|client| call(&network, *client, to, id))
            .collect()
    };
    let separate = servers(narrow);
    assert_ne!(separate[0], separate[1]);
    let joined = servers(wide);
    assert_eq!(joined[0], joined[1]);
    assert_ne!(joined[0], joined[2]);
}

#[test]
fn a_port_stays_with_the_server_of_its_first_call_unless_scheduled_packet_by_packet() {
    let network = beside(SERVERS);
    let _responders = respond_directly(&network, Protocol::Udp);
    let to = service(Family::V4, PORT);
    let name = format!("-u {to}");
    balance(&network, &name, &format!("{LONG} --pe sip"), PORT, "-g");
    let ask = |calls: [&str; 3]| {
        let mut port = Conversation::begin(&network.client, Protocol::Udp, to).unwrap();
        calls.map(|call| port.say(&options(call)).unwrap().server)
    };
    let [a, b, c] = ask(["one@example.org", "two@example.org", "one@example.org"]);
    assert_eq!((&a, &a), (&b, &c));
    crate::ipvsadm(&network.director, "-C");
    balance(&network, &name, &format!("{LONG} --pe sip -o"), PORT, "-g");
    let [a, b, c] = ask(["three@example.org", "four@example.org", "three@example.org"]);
    assert_ne!(a, b);
    assert_eq!(a, c);
}

#[test]
fn packet_by_packet_answers_with_a_call_id_are_translated_under_masquerading() {
    let network = behind(1);
    let to = service(Family::V4, SIP);
    let name = format!("-u {to}");
    balance(&network, &name, &format!("{LONG} --pe sip -o"), SIP, "-m");
    let socket = |namespace: &ipvs_lab::Namespace, address: SocketAddr| {
        let socket = namespace.run(|| UdpSocket::bind(address)).unwrap().unwrap();
        let patience = Some(Duration::from_secs(20));
        socket.set_read_timeout(patience).unwrap();
        socket
    };
    let server = &network.servers[0];
    let own = SocketAddr::from((server.addresses.v4, SIP));
    let server = socket(&server.namespace, own);
    let client = socket(&network.client, (CLIENT.v4, 0).into());
    let ask = |answer: &str| {
        let question = options("call@example.org");
        client.send_to(question.as_bytes(), to).unwrap();
        let mut datagram = [0; 512];
        let (_, from) = server.recv_from(&mut datagram).unwrap();
        server.send_to(answer.as_bytes(), from).unwrap();
        client.recv_from(&mut datagram).unwrap().1
    };
    assert_eq!(
        ask("SIP/2.0 200 OK\r\nCall-ID: call@example.org\r\n\r\n"),
        to
    );
    assert_eq!(ask("SIP/2.0 200 OK\r\n\r\n"), own);
}

#[test]
fn what_has_no_call_id_is_dropped() {
    let network = behind(SERVERS);
    let _responders = respond(&network, Protocol::Udp, SIP);
    let to = service(Family::V4, SIP);
    let name = format!("-u {to}");
    balance(&network, &name, &format!("{LONG} --pe sip"), SIP, "-m");
    let mut port = Conversation::begin(&network.client, Protocol::Udp, to).unwrap();
    let error = port.doubt().unwrap_err();
    assert_eq!(kind(&error), io::ErrorKind::WouldBlock, "{error:#}");
    // Its short form will do.
    port.say("OPTIONS sip:a@example.org SIP/2.0\r\ni: at-last@example.org\r\n\r\n")
        .unwrap();
    let templates = templates(&network.director);
    assert_eq!(templates.len(), 1, "{templates:?}");
    assert!(
        templates[0].ends_with(" sip at-last@example.org"),
        "{templates:?}"
    );
}
