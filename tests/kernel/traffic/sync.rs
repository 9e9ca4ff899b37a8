// SPDX-License-Identifier: MIT

//! Two directors, one of which takes over from the other: the sync daemon lets
//! connections outlive the director that they began with.

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipvs_lab::network::{self, BACKUP, CLIENT, DIRECTOR, GATEWAY, Network};
use ipvs_lab::talk::{self, Conversation, Protocol, Responder};
use ipvs_lab::{Namespace, wait};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::{
    FAMILIES, Family, PORT, behind, beside, respond, respond_directly, service, virtual_addresses,
};
use crate::{ipvsadm, json, namespace};

/// What clients talk to, on a network with a second director.
struct Pair {
    network: Network,
    _responders: Vec<Responder>,
}

impl Pair {
    /// Two servers behind both directors, which masquerade to them.
    fn masquerading(service: &str) -> Self {
        Self::new(behind(2), service, "-m")
    }

    /// Two servers beside both directors, which have the virtual address as
    /// well and do not tell anybody.
    fn direct_routing(service: &str) -> Self {
        Self::new(beside(2), service, "-g")
    }

    /// The same virtual services on both directors, of which the first has the
    /// virtual addresses. `service` are the words after the address.
    fn new(mut network: Network, service: &str, method: &str) -> Self {
        network.add_backup().unwrap();
        let mut responders = respond(&network, Protocol::Tcp, PORT);
        if method == "-g" {
            responders.extend(respond_directly(&network, Protocol::Tcp));
        }
        let pair = Self {
            network,
            _responders: responders,
        };
        network::forward(pair.backup()).unwrap();
        for director in [pair.director(), pair.backup()] {
            for family in FAMILIES {
                let address = self::service(family, PORT);
                ipvsadm(director, &format!("-A -t {address} -s rr {service}"));
                for server in &pair.network.servers {
                    let server = SocketAddr::from((family.of(server.addresses), PORT));
                    ipvsadm(director, &format!("-a -t {address} -r {server} {method}"));
                }
            }
        }
        pair
    }

    fn director(&self) -> &Namespace {
        &self.network.director
    }

    fn backup(&self) -> &Namespace {
        self.network.backup.as_ref().unwrap()
    }

    /// Starts the master on the director and the backup on the other one.
    fn start(&self, options: &str) {
        start(self.director(), "master", options);
        start(self.backup(), "backup", options);
    }

    /// Begins a conversation and asks once, which makes it established and
    /// brings it to the third packet: the one that it is told the backup at.
    fn converse(&self, family: Family) -> (Conversation, talk::Reply) {
        let to = service(family, PORT);
        let mut conversation =
            Conversation::begin(&self.network.client, Protocol::Tcp, to).unwrap();
        let reply = conversation.ask().unwrap();
        (conversation, reply)
    }

    /// The director dies and the other one takes its place.
    fn take_over(&self) {
        let director = self.director();
        director
            .ip("link set front down\nlink set back down")
            .unwrap();
        let gateway = format!(
            "addr add {}/24 dev back\naddr add {}/64 dev back nodad",
            GATEWAY.v4, GATEWAY.v6
        );
        let addresses = virtual_addresses("front") + &gateway;
        self.backup().ip(&addresses).unwrap();
        // What a new owner of the addresses tells by gratuitous ARP.
        let servers = self.network.servers.iter();
        let servers = servers.map(|server| &server.namespace);
        for neighbour in servers.chain([&self.network.client]) {
            neighbour.ip("neigh flush dev eth0").unwrap();
        }
    }

    /// The destination of a service at this server.
    fn destination(&self, family: Family, server: &str) -> SocketAddr {
        let mut servers = self.network.servers.iter();
        let server = servers.find(|found| found.namespace.name() == server);
        (family.of(server.unwrap().addresses), PORT).into()
    }
}

fn start(director: &Namespace, role: &str, options: &str) {
    let command = format!("--start-daemon {role} --mcast-interface front {options}");
    ipvsadm(director, &command);
}

fn daemons(director: &Namespace) -> String {
    ipvsadm(director, "-L --daemon")
}

/// A line of `-L -n -c` without the time that is left.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Connection {
    state: String,
    client: SocketAddr,
    service: SocketAddr,
    destination: SocketAddr,
}

/// The connections that a director lists, in order.
fn listed(director: &Namespace) -> Vec<Connection> {
    let listing = ipvsadm(director, "-L -n -c");
    let mut connections: Vec<Connection> = listing.lines().skip(2).map(read_line).collect();
    connections.sort();
    connections
}

/// The same out of JSON.
fn listed_as_json(director: &Namespace) -> Vec<Connection> {
    let document = json::checked(&ipvsadm(director, "-L -n -c --json"));
    let entries = document["connections"].as_array().unwrap();
    let mut connections: Vec<Connection> = entries.iter().map(read_entry).collect();
    connections.sort();
    connections
}

fn read_line(line: &str) -> Connection {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, _, state, client, service, destination] = words[..] else {
        panic!("{line}");
    };
    Connection {
        state: state.to_owned(),
        client: client.parse().unwrap(),
        service: service.parse().unwrap(),
        destination: destination.parse().unwrap(),
    }
}

fn read_entry(entry: &Value) -> Connection {
    let end = |name: &str| {
        let address: IpAddr = entry[name]["address"].as_str().unwrap().parse().unwrap();
        let port = entry[name]["port"].as_u64().unwrap();
        (address, u16::try_from(port).unwrap()).into()
    };
    Connection {
        state: entry["state"].as_str().unwrap().to_owned(),
        client: end("client"),
        service: end("service"),
        destination: end("destination"),
    }
}

/// Waits until a director has these connections and no other.
fn await_connections(director: &Namespace, mut wanted: Vec<Connection>) {
    wanted.sort();
    let seen = wait::for_value(&wanted, || listed(director));
    assert_eq!(seen, wanted, "{}", director.name());
    let seen = wait::for_value(&wanted, || listed_as_json(director));
    assert_eq!(seen, wanted, "{}", director.name());
}

/// The entry of a conversation.
fn established(pair: &Pair, family: Family, reply: &talk::Reply) -> Connection {
    Connection {
        state: "ESTABLISHED".to_owned(),
        client: reply.client,
        service: service(family, PORT),
        destination: pair.destination(family, &reply.server),
    }
}

/// Makes connections of both families and awaits them on both directors, with
/// the daemons started with these options; each must say this of itself after
/// its role and before the end of the line.
fn connections_get_across(options: &str, says: &str) {
    let pair = Pair::masquerading("");
    pair.start(options);
    for (director, role) in [(pair.director(), "master"), (pair.backup(), "backup")] {
        let line = format!("{role} sync daemon (mcast=front, {says})\n");
        assert_eq!(daemons(director), line);
        if ipvs_lab::original_available() {
            let answer = ipvs_lab::original(director, ["-L", "--daemon"]).unwrap();
            assert_eq!(answer.stdout, line);
        }
    }
    let mut wanted = Vec::new();
    let mut conversations = Vec::new();
    for family in FAMILIES.into_iter().cycle().take(6) {
        let (conversation, reply) = pair.converse(family);
        wanted.push(established(&pair, family, &reply));
        conversations.push(conversation);
    }
    await_connections(pair.director(), wanted.clone());
    await_connections(pair.backup(), wanted);
}

#[test]
fn connections_get_across_with_the_defaults() {
    connections_get_across(
        "",
        "syncid=0, maxlen=1472, group=224.0.0.81, port=8848, ttl=1",
    );
}

#[test]
fn connections_get_across_by_another_group_port_and_length() {
    connections_get_across(
        "--syncid 255 --sync-maxlen 1100 --mcast-group 239.1.2.3 --mcast-port 9000 --mcast-ttl 7",
        "syncid=255, maxlen=1100, group=239.1.2.3, port=9000, ttl=7",
    );
}

#[test]
fn connections_get_across_by_an_ipv6_group_of_the_link() {
    connections_get_across(
        "--syncid 1 --mcast-group ff02::81",
        "syncid=1, maxlen=1452, group=ff02::81, port=8848, ttl=1",
    );
}

#[test]
fn connections_get_across_by_an_ipv6_group_of_the_site() {
    connections_get_across(
        "--syncid 2 --sync-maxlen 1200 --mcast-group ff05::1:2 --mcast-port 9001 --mcast-ttl 3",
        "syncid=2, maxlen=1200, group=ff05::1:2, port=9001, ttl=3",
    );
}

/// A conversation of each family begins with the director, is known to the
/// backup, and goes on with it.
fn conversations_outlive_the_director(pair: &Pair) {
    pair.start("--syncid 9");
    let mut begun: Vec<_> = FAMILIES
        .into_iter()
        .map(|family| (family, pair.converse(family)))
        .collect();
    let wanted: Vec<_> = begun
        .iter()
        .map(|(family, (_, reply))| established(pair, *family, reply))
        .collect();
    await_connections(pair.backup(), wanted.clone());
    pair.take_over();
    for (family, (conversation, before)) in &mut begun {
        for _ in 0..5 {
            assert_eq!(conversation.ask().unwrap(), *before, "{family:?}");
        }
    }
    await_connections(pair.backup(), wanted);
}

#[test]
fn masqueraded_conversations_go_on_through_the_backup() {
    conversations_outlive_the_director(&Pair::masquerading(""));
}

#[test]
fn directly_routed_conversations_go_on_through_the_backup() {
    conversations_outlive_the_director(&Pair::direct_routing(""));
}

/// The backup does not know the conversation, and so its own TCP answers.
fn conversations_end_with_the_director(pair: &Pair) {
    let begun = FAMILIES.map(|family| (family, pair.converse(family).0));
    pair.take_over();
    for (family, mut conversation) in begun {
        let error = conversation.doubt().unwrap_err();
        let cause = error.root_cause().to_string();
        assert_eq!(cause, "Connection reset by peer (os error 104)");
        // It is only the old ones that cannot go on.
        pair.converse(family);
    }
}

#[test]
fn without_the_daemon_masqueraded_conversations_end_with_the_director() {
    conversations_end_with_the_director(&Pair::masquerading(""));
}

#[test]
fn without_the_daemon_directly_routed_conversations_end_with_the_director() {
    conversations_end_with_the_director(&Pair::direct_routing(""));
}

#[test]
fn a_client_stays_with_its_persistent_server_after_the_director() {
    let pair = Pair::masquerading("-p 300");
    pair.start("");
    let (family, to) = (Family::V4, service(Family::V4, PORT));
    let (_conversation, reply) = pair.converse(family);
    let connection = established(&pair, family, &reply);
    let template = Connection {
        state: "ASSURED".to_owned(),
        client: (CLIENT.v4, 0).into(),
        ..connection.clone()
    };
    await_connections(pair.backup(), vec![connection, template]);
    // Whoever is not known gets the other server.
    let server = pair.destination(family, &reply.server);
    let quiesce = format!("-e -t {to} -r {server} -m -w 0");
    ipvsadm(pair.backup(), &quiesce);
    pair.take_over();
    for _ in 0..3 {
        assert_eq!(pair.converse(family).1.server, reply.server);
    }
    let another = "addr add 198.51.100.9/24 dev eth0";
    pair.network.client.ip(another).unwrap();
    let from = SocketAddr::from(([198, 51, 100, 9], 0));
    let other = Conversation::begin_from(&pair.network.client, from, Protocol::Tcp, to);
    assert_ne!(other.unwrap().ask().unwrap().server, reply.server);
}

/// A datagram of a master.
#[derive(Debug, PartialEq, Eq)]
struct Message {
    /// Hops that it may go.
    ttl: u8,
    /// Bytes in it.
    length: usize,
    sync_id: u8,
    connections: u8,
}

/// Hears what masters send to a group and port on the front network.
struct Listener {
    socket: Socket,
    port: u16,
}

impl Listener {
    fn new(client: &Namespace, group: Ipv4Addr, port: u16) -> Self {
        // It is given whole packets.
        let protocol = Some(socket2::Protocol::UDP);
        let socket = client
            .run(|| Socket::new(Domain::IPV4, Type::RAW, protocol))
            .unwrap()
            .unwrap();
        socket.join_multicast_v4(&group, &CLIENT.v4).unwrap();
        let patience = Duration::from_secs(60);
        socket.set_read_timeout(Some(patience)).unwrap();
        Self { socket, port }
    }

    /// The messages up to the one that completes so many connections.
    fn hear(&mut self, connections: usize) -> Vec<Message> {
        let mut messages: Vec<Message> = Vec::new();
        let mut heard = 0;
        while heard < connections {
            let mut packet = [0; 65536];
            let length = self.socket.read(&mut packet).unwrap();
            // The headers of IPv4, UDP and synchronization, the last of which
            // begins with a byte of no meaning, the syncid, two bytes of length
            // and the number of connections.
            let (packet, ttl) = (&packet[20..length], packet[8]);
            if packet[2..4] != self.port.to_be_bytes() {
                continue;
            }
            let packet = &packet[8..];
            heard += usize::from(packet[4]);
            messages.push(Message {
                ttl,
                length: packet.len(),
                sync_id: packet[1],
                connections: packet[4],
            });
        }
        messages
    }
}

#[test]
fn messages_have_the_length_hops_and_syncid_that_the_master_was_given() {
    let pair = Pair::masquerading("");
    let group = Ipv4Addr::new(239, 1, 2, 3);
    let mut listener = Listener::new(&pair.network.client, group, 9000);
    start(
        pair.director(),
        "master",
        "--syncid 77 --sync-maxlen 100 --mcast-group 239.1.2.3 --mcast-port 9000 --mcast-ttl 7",
    );
    let _conversations = [(); 6].map(|()| pair.converse(Family::V4));
    let messages = listener.hear(6);
    for message in &messages {
        assert_eq!((message.ttl, message.sync_id), (7, 77), "{message:?}");
        assert!(message.length <= 100, "{message:?}");
    }
    assert!(messages.len() >= 3, "{messages:?}");
}

#[test]
fn a_backup_ignores_masters_of_another_syncid_unless_it_has_none() {
    let pair = Pair::masquerading("");
    let group = Ipv4Addr::new(224, 0, 0, 81);
    let mut listener = Listener::new(&pair.network.client, group, 8848);
    start(pair.director(), "master", "--syncid 5");
    start(pair.backup(), "backup", "--syncid 6");
    let (_ignored, _) = pair.converse(Family::V4);
    // Now it has been sent, and is not sent again.
    listener.hear(1);
    let mut wanted = Vec::new();
    let mut conversations = Vec::new();
    for sync_id in [5, 0] {
        ipvsadm(pair.backup(), "--stop-daemon backup");
        start(pair.backup(), "backup", &format!("--syncid {sync_id}"));
        let (conversation, reply) = pair.converse(Family::V4);
        conversations.push(conversation);
        wanted.push(established(&pair, Family::V4, &reply));
        await_connections(pair.backup(), wanted.clone());
    }
}

#[test]
fn a_backup_that_comes_late_hears_of_connections_when_they_are_refreshed() {
    let pair = Pair::masquerading("");
    let group = Ipv4Addr::new(224, 0, 0, 81);
    let mut listener = Listener::new(&pair.network.client, group, 8848);
    for (name, value) in [("sync_threshold", "3 0"), ("sync_refresh_period", "1")] {
        let path = format!("ipv4/vs/{name}");
        pair.director().sysctl(&path, value).unwrap();
    }
    start(pair.director(), "master", "");
    let (mut conversation, reply) = pair.converse(Family::V4);
    listener.hear(1);
    start(pair.backup(), "backup", "");
    // It is told again when it has packets, but not for their number.
    let wanted = [established(&pair, Family::V4, &reply)];
    let seen = wait::for_value(&wanted.to_vec(), || {
        assert_eq!(conversation.ask().unwrap(), reply);
        listed(pair.backup())
    });
    assert_eq!(seen, wanted);
}

#[test]
fn two_directors_are_each_others_backup() {
    let mut network = behind(2);
    network.add_backup().unwrap();
    let _responders = respond(&network, Protocol::Tcp, PORT);
    let [first, second] = [&network.director, network.backup.as_ref().unwrap()];
    network::forward(second).unwrap();
    // Each has a service of its own and a server that replies by way of it.
    let back = "route replace default via 10.0.0.251";
    network.servers[1].namespace.ip(back).unwrap();
    let ends = [DIRECTOR, BACKUP]
        .map(|addresses| SocketAddr::from((addresses.v4, PORT)))
        .into_iter()
        .zip(&network.servers)
        .map(|(to, server)| (to, SocketAddr::from((server.addresses.v4, PORT))));
    let ends: Vec<_> = ends.collect();
    for (director, own, other) in [(first, 1, 2), (second, 2, 1)] {
        for (to, server) in &ends {
            ipvsadm(director, &format!("-A -t {to} -s rr"));
            ipvsadm(director, &format!("-a -t {to} -r {server} -m"));
        }
        start(director, "master", &format!("--syncid {own}"));
        start(director, "backup", &format!("--syncid {other}"));
        let rest = "maxlen=1472, group=224.0.0.81, port=8848, ttl=1";
        let lines = format!(
            "master sync daemon (mcast=front, syncid={own}, {rest})\n\
             backup sync daemon (mcast=front, syncid={other}, {rest})\n"
        );
        assert_eq!(daemons(director), lines);
    }
    let mut wanted = Vec::new();
    let mut conversations = Vec::new();
    for (to, server) in ends {
        let mut conversation = Conversation::begin(&network.client, Protocol::Tcp, to).unwrap();
        let reply = conversation.ask().unwrap();
        conversations.push(conversation);
        wanted.push(Connection {
            state: "ESTABLISHED".to_owned(),
            client: reply.client,
            service: to,
            destination: server,
        });
    }
    for director in [first, second] {
        await_connections(director, wanted.clone());
    }
}

#[test]
fn daemons_that_are_stopped_as_soon_as_they_are_started_are_stopped() {
    let director = namespace("director");
    director
        .ip("link add sync0 type dummy\naddr add 10.0.0.1/24 dev sync0\nlink set sync0 up")
        .unwrap();
    // The kernel loses the answer to some of these.
    let rounds: String = ["master", "backup"]
        .map(|role| {
            format!("--start-daemon {role} --mcast-interface sync0\n--stop-daemon {role}\n")
        })
        .concat()
        .repeat(25);
    let words = ["-R", "--strict"];
    let answer = ipvs_lab::ipvsadm_reading(&director, words, &rounds).unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    assert_eq!(daemons(&director), "");
    for _ in 0..25 {
        for role in ["master", "backup"] {
            ipvsadm(
                &director,
                &format!("--start-daemon {role} --mcast-interface sync0"),
            );
            ipvsadm(&director, &format!("--stop-daemon {role}"));
        }
        assert_eq!(daemons(&director), "");
    }
}
