// SPDX-License-Identifier: MIT

//! Conversations over TCP, UDP and SCTP in which the server says who it is.
//!
//! A client sends a line, and the server answers each with a line of its own:
//! its name and the address that it saw the client under.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Socket, Type};

use crate::networks::netns::Namespace;

/// The time that a connection or an answer may take before it counts as failed. It is
/// far above what either takes, because a loaded machine can be slow.
const PATIENCE: Duration = Duration::from_secs(20);
/// After this nobody waits any more for an answer that should not come.
const DOUBT: Duration = Duration::from_millis(1500);
/// Words for where they do not matter.
const QUESTION: &str = "who?\n";
/// More than any answer has.
const LINE: usize = 256;

/// The protocol of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// A connection for each conversation.
    Tcp,
    /// A port of the client's for each conversation.
    Udp,
    /// An association for each conversation.
    Sctp,
}

impl Protocol {
    /// The option of `ipvsadm` that names a virtual service of this protocol.
    #[must_use]
    pub fn option(self) -> &'static str {
        match self {
            Self::Tcp => "-t",
            Self::Udp => "-u",
            Self::Sctp => "--sctp-service",
        }
    }

    fn socket(self, address: SocketAddr) -> io::Result<Socket> {
        let (kind, protocol) = match self {
            Self::Tcp => (Type::STREAM, socket2::Protocol::TCP),
            Self::Udp => (Type::DGRAM, socket2::Protocol::UDP),
            Self::Sctp => (Type::STREAM, socket2::Protocol::SCTP),
        };
        Socket::new(Domain::for_address(address), kind, Some(protocol))
    }
}

/// The answer of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The name of its namespace.
    pub server: String,
    /// Whom it saw.
    pub client: SocketAddr,
}

impl Reply {
    fn read(line: &str) -> Result<Self> {
        let words = line.trim_end().split_once(' ');
        let (server, client) = words.with_context(|| format!("no reply: {line:?}"))?;
        Ok(Self {
            server: server.to_owned(),
            client: client.parse()?,
        })
    }
}

/// A server. It ends with this value, with all its connections.
#[derive(Debug)]
pub struct Responder {
    /// The server ends when this does.
    life: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Responder {
    /// Starts a server on this address of the namespace.
    ///
    /// The address must not be unspecified: then UDP would answer from another
    /// address than it was asked at.
    ///
    /// # Errors
    /// When the address is not the namespace's, or the port is taken.
    pub fn start(namespace: &Namespace, protocol: Protocol, address: SocketAddr) -> Result<Self> {
        let name = namespace.name().to_owned();
        // A socket belongs to the namespace that it was made in for good.
        let socket = namespace.run(|| listen(protocol, address))?;
        let socket = socket.with_context(|| format!("{name} cannot listen on {address}"))?;
        let (life, end) = UnixStream::pair()?;
        let thread = thread::spawn(move || match protocol {
            Protocol::Tcp | Protocol::Sctp => accept(&socket, &name, &end),
            Protocol::Udp => answer_datagrams(&socket.into(), &name, &end),
        });
        Ok(Self {
            life: Some(life),
            thread: Some(thread),
        })
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        drop(self.life.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits for something to read; false when the server is to end. (To shut the
/// socket down from elsewhere does not wake a listener of SCTP.)
fn readable(socket: &impl AsFd, end: &UnixStream) -> bool {
    let mut files = [socket.as_fd(), end.as_fd()].map(|file| PollFd::new(file, PollFlags::POLLIN));
    loop {
        match poll(&mut files, PollTimeout::NONE) {
            Err(Errno::EINTR) => (),
            Ok(_) => return files.last().and_then(PollFd::any) == Some(false),
            Err(_) => return false,
        }
    }
}

fn listen(protocol: Protocol, address: SocketAddr) -> io::Result<Socket> {
    let socket = protocol.socket(address)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    if protocol != Protocol::Udp {
        socket.listen(128)?;
    }
    Ok(socket)
}

fn accept(socket: &Socket, name: &str, end: &UnixStream) {
    let mut connections: Vec<(TcpStream, JoinHandle<_>)> = Vec::new();
    while readable(socket, end) {
        let Ok((connection, _)) = socket.accept() else {
            continue;
        };
        // What reads and writes a stream does not mind which protocol it is.
        let connection = TcpStream::from(OwnedFd::from(connection));
        let Ok(theirs) = connection.try_clone() else {
            break;
        };
        let name = name.to_owned();
        // It ends when the client or the server closes the connection.
        let thread = thread::spawn(move || answer_lines(&theirs, &name));
        connections.retain(|(_, thread)| !thread.is_finished());
        connections.push((connection, thread));
    }
    for (connection, _) in connections {
        let _ = connection.shutdown(Shutdown::Both);
    }
}

fn answer_lines(connection: &TcpStream, name: &str) -> io::Result<()> {
    let client = connection.peer_addr()?;
    let mut lines = BufReader::new(connection);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        line.clear();
        let mut connection = connection;
        connection.write_all(format!("{name} {client}\n").as_bytes())?;
    }
    connection.shutdown(Shutdown::Both)
}

fn answer_datagrams(socket: &UdpSocket, name: &str, end: &UnixStream) {
    let mut datagram = [0; LINE];
    while readable(socket, end) {
        // An error tells of an earlier answer that nobody wanted.
        if let Ok((_, client)) = socket.recv_from(&mut datagram) {
            let _ = socket.send_to(format!("{name} {client}\n").as_bytes(), client);
        }
    }
}

/// A client's side of a conversation; it ends with this value.
#[derive(Debug)]
pub struct Conversation {
    stream: TcpStream,
    to: SocketAddr,
}

impl Conversation {
    /// Begins a conversation with the server at `to`.
    ///
    /// # Errors
    /// When there is no connection.
    pub fn begin(client: &Namespace, protocol: Protocol, to: SocketAddr) -> Result<Self> {
        let any = match to {
            SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        Self::begin_from(client, (any, 0).into(), protocol, to)
    }

    /// As [`Conversation::begin`], from this address of the client's; port 0 is
    /// any.
    ///
    /// # Errors
    /// When there is no connection, or the client does not have the address.
    pub fn begin_from(
        client: &Namespace,
        from: SocketAddr,
        protocol: Protocol,
        to: SocketAddr,
    ) -> Result<Self> {
        let socket = client.run(|| connect(from, protocol, to))?;
        let socket = socket.with_context(|| format!("cannot connect {from} to {to}"))?;
        Ok(Self {
            // What reads and writes a stream does not mind which protocol it is.
            stream: TcpStream::from(OwnedFd::from(socket)),
            to,
        })
    }

    /// The client's address and port.
    ///
    /// # Errors
    /// When the connection has ended.
    pub fn local(&self) -> Result<SocketAddr> {
        Ok(self.stream.local_addr()?)
    }

    /// Waits until the server ends the connection.
    ///
    /// # Errors
    /// When it does not, or says something else before.
    pub fn await_end(&mut self) -> Result<()> {
        self.stream.set_read_timeout(Some(PATIENCE))?;
        let read = self.stream.read(&mut [0; LINE]);
        let read = read.with_context(|| format!("{} does not end the connection", self.to))?;
        ensure!(read == 0, "the server says something");
        Ok(())
    }

    /// Sends a line and returns the answer to it.
    ///
    /// # Errors
    /// When the connection has ended, or none comes.
    pub fn ask(&mut self) -> Result<Reply> {
        self.say(QUESTION)
    }

    /// As [`Conversation::ask`], where no answer is expected: gives up soon.
    ///
    /// # Errors
    /// When the connection has ended, or none comes.
    pub fn doubt(&mut self) -> Result<Reply> {
        self.say_within(QUESTION, DOUBT)
    }

    /// As [`Conversation::ask`], with these words: over UDP a datagram, otherwise
    /// a line with its end.
    ///
    /// # Errors
    /// When the connection has ended, or none comes.
    pub fn say(&mut self, words: &str) -> Result<Reply> {
        self.say_within(words, PATIENCE)
    }

    fn say_within(&mut self, words: &str, patience: Duration) -> Result<Reply> {
        self.stream.set_read_timeout(Some(patience))?;
        self.exchange(words)
            .with_context(|| format!("{} does not answer", self.to))
    }

    fn exchange(&mut self, words: &str) -> Result<Reply> {
        self.stream.write_all(words.as_bytes())?;
        let mut line = String::new();
        // One datagram, or what there is of a stream: there is one line under
        // way at most.
        let mut reader = BufReader::with_capacity(LINE, &self.stream);
        let read = reader.read_line(&mut line)?;
        ensure!(read > 0, "the server closed the connection");
        Reply::read(&line)
    }
}

fn connect(from: SocketAddr, protocol: Protocol, to: SocketAddr) -> io::Result<Socket> {
    let socket = protocol.socket(to)?;
    if from.port() != 0 {
        socket.set_reuse_address(true)?;
    }
    if from.port() != 0 || !from.ip().is_unspecified() {
        socket.bind(&from.into())?;
    }
    socket.connect_timeout(&to.into(), PATIENCE)?;
    Ok(socket)
}

/// Has one conversation of one line.
///
/// # Errors
/// When there is no answer.
pub fn ask(client: &Namespace, protocol: Protocol, to: SocketAddr) -> Result<Reply> {
    Conversation::begin(client, protocol, to)?.ask()
}
