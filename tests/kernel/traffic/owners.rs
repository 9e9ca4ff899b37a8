// SPDX-License-Identifier: MIT

//! The virtual service of connections whose port is not the service's: data connections of
//! FTP, whose entries the kernel's module `ip_vs_ftp` makes; and of SCTP, which has services
//! of its own beside those of TCP and UDP.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, ErrorKind, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::Command,
};

use ipvs_lab::Answer;
use ipvs_lab::network::{CLIENT, Network, VIRTUAL};
use ipvs_lab::talk::{Conversation, Protocol};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::{Family, PORT, address_of, behind, respond, service};
use crate::{ipvsadm, json as documents};

/// The ports of FTP.
const CONTROL: u16 = 21;
const DATA: u16 = 20;

/// A client and a server of FTP that say the words about which the director must know.
struct Ftp {
    client: TcpStream,
    server: BufReader<TcpStream>,
    address: Ipv4Addr,
}

impl Ftp {
    fn begin(network: &Network) -> Self {
        let IpAddr::V4(address) = address_of(network, "server1", Family::V4) else {
            panic!("not an IPv4 address");
        };
        let listener = listen(network, address, CONTROL);
        let to = service(Family::V4, CONTROL);
        let client = network.client.run(|| TcpStream::connect(to));
        let client = client.unwrap().unwrap();
        let (server, _) = listener.accept().unwrap();
        Self {
            client,
            server: BufReader::new(server),
            address,
        }
    }

    fn command(&mut self, words: &str) {
        self.client.write_all(words.as_bytes()).unwrap();
        let mut line = String::new();
        self.server.read_line(&mut line).unwrap();
        assert_eq!(line, words);
    }

    /// Opens a data connection from the server to the client, as `PORT` has it.
    fn active(&mut self, network: &Network) -> [TcpStream; 2] {
        let own = SocketAddr::from((CLIENT.v4, 0));
        let listener = network.client.run(|| TcpListener::bind(own));
        let listener = listener.unwrap().unwrap();
        let to = listener.local_addr().unwrap();
        let words = numbers(CLIENT.v4, to.port());
        self.command(&format!("PORT {words}\r\n"));
        let from = SocketAddr::from((self.address, DATA));
        let server = network.servers[0].namespace.run(|| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.set_reuse_address(true)?;
            socket.bind(&from.into())?;
            socket.connect(&to.into())?;
            io::Result::Ok(TcpStream::from(socket))
        });
        let (client, peer) = listener.accept().unwrap();
        assert_eq!(peer, service(Family::V4, DATA));
        [client, server.unwrap().unwrap()]
    }

    /// Tells the client a port of the server's, as the answer to `PASV` has it.
    fn passive(&mut self, network: &Network, port: u16) -> TcpListener {
        let listener = listen(network, self.address, port);
        self.command("PASV\r\n");
        let words = numbers(self.address, port);
        let answer = format!("227 Entering Passive Mode ({words}).\r\n");
        self.server.get_mut().write_all(answer.as_bytes()).unwrap();
        let mut line = String::new();
        let mut client = BufReader::new(&self.client);
        client.read_line(&mut line).unwrap();
        // The module puts the virtual address in.
        let words = numbers(VIRTUAL.v4, port);
        assert_eq!(line, format!("227 Entering Passive Mode ({words}).\r\n"));
        listener
    }
}

fn listen(network: &Network, address: Ipv4Addr, port: u16) -> TcpListener {
    let server = &network.servers[0].namespace;
    server
        .run(|| TcpListener::bind((address, port)))
        .unwrap()
        .unwrap()
}

/// Writes an address and a port as FTP does.
fn numbers(address: Ipv4Addr, port: u16) -> String {
    let [high, low] = port.to_be_bytes();
    let octets = address.octets().map(|octet| octet.to_string());
    format!("{},{high},{low}", octets.join(","))
}

fn load_ftp() {
    let modprobe = fs::read_to_string("/proc/sys/kernel/modprobe").unwrap();
    let mut command = Command::new(modprobe.trim_end());
    command.arg("ip_vs_ftp");
    let answer = Answer::of(command, "").unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
}

/// The ends of the connections of a service: port of the client, virtual port, state.
fn connections(network: &Network, of: &str) -> Vec<(u64, u64, String)> {
    let text = ipvsadm(&network.director, &format!("-L -c {of} --json"));
    let document = documents::checked(&text);
    let connections = document["connections"].as_array().unwrap().iter();
    let mut ends: Vec<_> = connections
        .map(|connection| {
            let port = |end: &str| connection[end]["port"].as_u64().unwrap();
            let state = connection["state"].as_str().unwrap().to_owned();
            (port("client"), port("service"), state)
        })
        .collect();
    ends.sort();
    ends
}

/// Returns the numbers of connections and templates of each service.
fn summary(network: &Network) -> Vec<(Value, Value, Value)> {
    let text = ipvsadm(&network.director, "-L -c --summary --json");
    let mut document = documents::checked(&text);
    let services = document["summary"]["services"].as_array_mut().unwrap();
    let counts = services.iter_mut().map(|counts| {
        let port = counts["service"]["port"].take();
        (
            port,
            counts["connections"].take(),
            counts["templates"].take(),
        )
    });
    counts.collect()
}

/// Sets services of FTP and of every other port up.
fn ftp_beside_any_port() -> Network {
    load_ftp();
    let network = behind(1);
    let server = address_of(&network, "server1", Family::V4);
    for (port, options) in [(CONTROL, ""), (0, "-p 600")] {
        let service = service(Family::V4, port);
        ipvsadm(
            &network.director,
            &format!("-A -t {service} -s rr {options}"),
        );
        ipvsadm(
            &network.director,
            &format!("-a -t {service} -r {server}:{port} -m"),
        );
    }
    network
}

#[test]
fn data_connections_of_ftp_belong_to_its_service() {
    let network = ftp_beside_any_port();
    let mut ftp = Ftp::begin(&network);
    let control = ftp.client.local_addr().unwrap().port();
    let _active = ftp.active(&network);
    let active = _active[0].local_addr().unwrap().port();
    let listener = ftp.passive(&network, 40_000);
    let ftp_service = format!("-t {}", service(Family::V4, CONTROL));
    let established =
        |client: u16, port: u16| (client.into(), port.into(), "ESTABLISHED".to_owned());
    let mut wanted = vec![
        established(control, CONTROL),
        established(active, DATA),
        // It waits for the client.
        (0, 40_000, "LISTEN".to_owned()),
    ];
    wanted.sort();
    assert_eq!(connections(&network, &ftp_service), wanted);
    assert_eq!(
        summary(&network),
        [(Value::from(CONTROL), Value::from(3), Value::from(0))]
    );

    let to = service(Family::V4, 40_000);
    let client = network.client.run(|| TcpStream::connect(to));
    let client = client.unwrap().unwrap();
    let _server = listener.accept().unwrap();
    let passive = client.local_addr().unwrap().port();
    let mut wanted = [
        established(control, CONTROL),
        established(active, DATA),
        established(passive, 40_000),
    ];
    wanted.sort();
    assert_eq!(connections(&network, &ftp_service), wanted);
    let any = format!("-t {}", service(Family::V4, 0));
    assert_eq!(connections(&network, &any), []);
}

/// The kernel asks the namespace for which ports a right is needed: the others may be those
/// of FTP's data, and a persistent service of FTP takes their packets.
#[test]
fn ports_of_ftps_data_begin_where_no_right_is_needed() {
    let network = behind(1);
    let server = address_of(&network, "server1", Family::V4);
    let ftp = service(Family::V4, CONTROL);
    let director = &network.director;
    ipvsadm(director, &format!("-A -t {ftp} -s rr -p 600"));
    ipvsadm(director, &format!("-a -t {ftp} -r {server}:{CONTROL} -m"));
    director
        .sysctl("ipv4/ip_unprivileged_port_start", "600")
        .unwrap();
    let _listeners = [599, 600].map(|port| {
        let listen = || TcpListener::bind((server, port));
        network.servers[0].namespace.run(listen).unwrap().unwrap()
    });
    let connect = |port| {
        let to = service(Family::V4, port);
        network.client.run(|| TcpStream::connect(to)).unwrap()
    };
    let refused = connect(599).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let client = connect(600).unwrap();
    let connection = (
        client.local_addr().unwrap().port().into(),
        600,
        "ESTABLISHED".to_owned(),
    );
    let seen = connections(&network, &format!("-t {ftp}"));
    let (template, seen) = seen.split_first().unwrap();
    assert_eq!((template.0, template.1), (0, 0));
    assert_eq!(seen, [connection]);
    let counts = (Value::from(CONTROL), Value::from(1), Value::from(1));
    assert_eq!(summary(&network), [counts]);
}

#[test]
fn associations_of_sctp_belong_to_its_service() {
    let network = behind(2);
    let mut responders = Vec::new();
    let mut open = Vec::new();
    for protocol in [Protocol::Tcp, Protocol::Sctp] {
        responders.extend(respond(&network, protocol, PORT));
        for family in super::FAMILIES {
            let to = service(family, PORT);
            super::balance(
                &network,
                &format!("{} {to}", protocol.option()),
                "",
                PORT,
                "-m",
            );
            let mut conversation = Conversation::begin(&network.client, protocol, to).unwrap();
            conversation.ask().unwrap();
            open.push((
                protocol,
                family,
                conversation.local().unwrap().port(),
                conversation,
            ));
        }
    }
    for (protocol, family, client, _) in &open {
        let of = format!("{} {}", protocol.option(), service(*family, PORT));
        let wanted = [(
            u64::from(*client),
            u64::from(PORT),
            "ESTABLISHED".to_owned(),
        )];
        assert_eq!(connections(&network, &of), wanted, "{of}");
    }
    let one = (Value::from(PORT), Value::from(1), Value::from(0));
    assert_eq!(summary(&network), vec![one; 4]);
}
