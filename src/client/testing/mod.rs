// SPDX-License-Identifier: MIT

//! A kernel in memory, for tests of programs that use this crate (feature
//! `test-util`): neither root nor IPVS is needed.
//!
//! It takes the bytes that a [`Client`] sends, keeps a table, refuses what Linux
//! refuses, with the same errno, and answers as bytes. There is no traffic in it:
//! a test says how many connections a destination has, which request fails and
//! which answer stays away.
//!
//! ```
//! use ipvs_client::{
//!     Client, DestinationId, DestinationSettings, Errno, Result, ServiceId, ServiceSettings,
//!     testing::FakeKernel,
//! };
//!
//! /// Gives a destination no new connections; true when it has none any more.
//! fn quiesce(client: &mut Client, service: &ServiceId, id: &DestinationId) -> Result<bool> {
//!     let destinations = client.destinations(service)?;
//!     let Some(destination) = destinations.iter().find(|known| known.id == *id) else {
//!         return Ok(true);
//!     };
//!     client.edit_destination(service, id, &destination.settings.weight(0))?;
//!     Ok(destination.active_connections == 0)
//! }
//!
//! # fn main() -> Result<()> {
//! let kernel = FakeKernel::new();
//! let mut client = kernel.client()?;
//! let web = ServiceId::tcp(([192, 0, 2, 1], 80));
//! let server = DestinationId::new([10, 0, 0, 2], 80);
//! client.add_service(&web, &ServiceSettings::new("wrr"))?;
//! client.add_destination(&web, &server, &DestinationSettings::masquerading())?;
//! kernel.set_connections(&web, &server, 7, 0);
//!
//! assert!(!quiesce(&mut client, &web, &server)?);
//! assert_eq!(client.destinations(&web)?[0].settings.weight, 0);
//!
//! kernel.set_connections(&web, &server, 0, 5);
//! assert!(quiesce(&mut client, &web, &server)?);
//!
//! kernel.refuse_next(Errno::NOMEM);
//! let error = quiesce(&mut client, &web, &server).unwrap_err();
//! assert_eq!(error.errno(), Some(Errno::NOMEM));
//! # Ok(())
//! # }
//! ```

mod options;
#[cfg(test)]
pub(crate) mod scripted;
mod table;
pub(crate) mod wire;

use std::{
    collections::{HashMap, VecDeque},
    fs::File,
    io::{self, Cursor},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ipvs_netlink::IpvsAttribute;
use rustix::io::Errno;

use self::{
    options::OptionSocket,
    table::Table,
    wire::{Message, Request},
};
pub use crate::kernel::{
    access::{Kernel, ProcFile},
    netlink::socket::Transport,
    sockopt::socket::SocketOptions,
};
use crate::{Client, DestinationId, Interface, NetworkNamespace, Result, ServiceId};

/// The most bytes in a datagram of a dump; the rest follows in others.
const PIECE: usize = 16 * 1024;

/// A kernel in memory. Its clones are the same kernel.
#[derive(Clone, Debug, Default)]
pub struct FakeKernel(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    table: Table,
    files: HashMap<String, String>,
    /// The fates of the requests to come, which stand above the table.
    next: VecDeque<Fate>,
    /// The interfaces that the caller has no right to.
    denied: Vec<Interface>,
    #[cfg(test)]
    script: Option<VecDeque<Vec<scripted::Answer>>>,
    #[cfg(test)]
    requests: Vec<Request>,
    /// The number of requests in each datagram.
    #[cfg(test)]
    datagrams: Vec<usize>,
    /// For each datagram of requests, the room that there was for an answer.
    #[cfg(test)]
    rooms: Vec<usize>,
}

/// The fate of a request to IPVS.
#[derive(Clone, Copy, Debug)]
enum Fate {
    LeftToTable,
    Refused(Errno),
    Unanswered,
}

impl FakeKernel {
    /// A kernel with an empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a client of it.
    ///
    /// # Errors
    /// None, unless it has been told to.
    pub fn client(&self) -> Result<Client> {
        Client::with_kernel(self.clone())
    }

    /// Opens a client of it over this interface.
    ///
    /// # Errors
    /// None, unless it has been told to.
    pub fn client_over(&self, interface: Interface) -> Result<Client> {
        Client::over(Box::new(self.clone()), Some(interface), [])
    }

    /// Refuses the next request to IPVS that is not decided yet, a single change
    /// as well as a list.
    ///
    /// A client goes over to the other interface when one refuses it with `EPERM`:
    /// [`deny`](Self::deny) both where that is to stand.
    pub fn refuse_next(&self, errno: Errno) {
        self.state().next.push_back(Fate::Refused(errno));
    }

    /// Refuses every request to IPVS over this interface, as Linux does where the caller
    /// has not the right to it.
    pub fn deny(&self, interface: Interface) {
        self.state().denied.push(interface);
    }

    /// Leaves the next requests that are not decided yet to the table, so that what
    /// is told after this is for one that comes later.
    pub fn leave_to_table(&self, requests: usize) {
        let fates = std::iter::repeat_n(Fate::LeftToTable, requests);
        self.state().next.extend(fates);
    }

    /// Does what the next request asks that is not decided yet, but does not answer
    /// it: the client waits no time and returns
    /// [`Error::Timeout`](crate::Error::Timeout).
    pub fn leave_next_unanswered(&self) {
        self.state().next.push_back(Fate::Unanswered);
    }

    /// Gives a destination connections, as if clients had come; false if there is no
    /// such destination.
    pub fn set_connections(
        &self,
        service: &ServiceId,
        destination: &DestinationId,
        active: u32,
        inactive: u32,
    ) -> bool {
        let mut state = self.state();
        match state.table.destination_mut(service, destination) {
            Some(destination) => {
                destination.active_connections = active;
                destination.inactive_connections = inactive;
                true
            }
            None => false,
        }
    }

    /// Gives a service flags that this crate has no name for
    /// ([`Service::unknown_flags`](crate::Service::unknown_flags)), as other programs
    /// do; false if there is no such service.
    pub fn set_unknown_flags(&self, service: &ServiceId, flags: u32) -> bool {
        let mut state = self.state();
        match state.table.service_mut(service) {
            Some(service) => {
                service.unknown_flags = flags;
                true
            }
            None => false,
        }
    }

    /// Sets the text of a file of `/proc/net`: `ip_vs_conn` is what
    /// [`Client::connections`] reads, `ip_vs_stats` what [`Client::total_stats`]
    /// does. There are none at first.
    pub fn set_file(&self, name: &str, text: &str) {
        let mut state = self.state();
        state.files.insert(name.to_owned(), text.to_owned());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns what becomes of a request over this interface.
    fn next_fate(&mut self, interface: Interface) -> Fate {
        if self.denied.contains(&interface) {
            return Fate::Refused(Errno::PERM);
        }
        self.next.pop_front().unwrap_or(Fate::LeftToTable)
    }

    /// The datagrams of messages that answer a request.
    fn answer(&mut self, request: Request) -> Vec<Vec<Message>> {
        let (command, attributes, acknowledged, dump) = match request {
            Request::Controller(_) => return vec![vec![wire::family(&[])], vec![Message::ack()]],
            Request::Acknowledged(command, attributes) => (command, attributes, true, false),
            Request::Unacknowledged(command, attributes) => (command, attributes, false, false),
            Request::Dump(command, attributes) => (command, attributes, false, true),
        };
        let fate = self.next_fate(Interface::Netlink);
        let outcome = match fate {
            Fate::Refused(errno) => Err(errno),
            _ => self.table.handle(command, attributes, dump),
        };
        if let Fate::Unanswered = fate {
            return Vec::new();
        }
        match outcome {
            Err(errno) => vec![vec![Message::refusal(errno)]],
            Ok(replies) if dump => pieces(replies),
            Ok(replies) => {
                let replies = replies
                    .into_iter()
                    .map(|(command, reply)| vec![Message::reply(command, reply)]);
                let ack = acknowledged.then(|| vec![Message::ack()]);
                replies.chain(ack).collect()
            }
        }
    }
}

/// A reply of the kernel: its command and attributes.
type Reply = (ipvs_netlink::IpvsCommand, Vec<IpvsAttribute>);

/// The pieces of a dump, and its end.
fn pieces(replies: Vec<Reply>) -> Vec<Vec<Message>> {
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    let mut length = 0;
    for (command, reply) in replies {
        let message = wire::part(command, reply);
        if length + message.length() > PIECE {
            pieces.push(std::mem::take(&mut piece));
            length = 0;
        }
        length += message.length();
        piece.push(message);
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces.push(vec![Message::done()]);
    pieces
}

/// One way to a kernel.
#[derive(Debug)]
struct Socket {
    kernel: FakeKernel,
    /// Answers under way.
    sent: VecDeque<Result<Vec<u8>, Errno>>,
    /// The number of the last request.
    sequence: u32,
}

impl Socket {
    /// Puts a datagram on its way.
    fn put(&mut self, messages: Vec<Message>) {
        let mut datagram = Vec::new();
        for message in messages {
            message.append_to(&mut datagram, self.sequence);
        }
        self.sent.push_back(Ok(datagram));
    }
}

impl Transport for Socket {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let requests = wire::decode(datagram, &mut self.sequence)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        let kernel = self.kernel.clone();
        let mut state = kernel.state();
        #[cfg(test)]
        if state.script.is_some() {
            self.act_out(&mut state, requests);
            return Ok(());
        }
        let count = requests.len();
        #[cfg(test)]
        state.datagrams.push(count);
        for (request, number) in requests.into_iter().zip(1..) {
            let requests_back = (count - number) as u32;
            for messages in state.answer(request) {
                let messages = messages.into_iter();
                let messages = messages.map(|message| message.for_earlier(requests_back));
                self.put(messages.collect());
            }
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        #[cfg(test)]
        if let Some(room) = self.kernel.state().rooms.last_mut() {
            *room = buffer.capacity();
        }
        let datagram = self.sent.pop_front().unwrap_or(Err(Errno::AGAIN))?;
        let fits = datagram.len().min(buffer.capacity());
        buffer.clear();
        buffer.extend_from_slice(datagram.get(..fits).unwrap_or_default());
        Ok(datagram.len())
    }
}

impl Kernel for FakeKernel {
    fn open_netlink(&self) -> io::Result<Box<dyn Transport>> {
        Ok(Box::new(Socket {
            kernel: self.clone(),
            sent: VecDeque::new(),
            sequence: 0,
        }))
    }

    fn open_socket_options(&self) -> io::Result<Box<dyn SocketOptions>> {
        Ok(Box::new(OptionSocket(self.clone())))
    }

    fn open_file(&self, name: &str) -> io::Result<Box<dyn ProcFile>> {
        let text = self.state().files.get(name).cloned();
        let text = text.ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(text)))
    }

    fn namespace(&self) -> io::Result<NetworkNamespace> {
        // It is in none.
        Err(io::ErrorKind::Unsupported.into())
    }

    fn lock(&self) -> Option<File> {
        None
    }
}
