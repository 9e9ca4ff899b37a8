// SPDX-License-Identifier: MIT

//! A kernel that has a table and answers badly: what it says is changed on its way.

use std::{
    collections::VecDeque,
    fs::File,
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use rustix::io::Errno;

use super::{
    behaviours::{Behaviour, Delivery, OptionBehaviour},
    messages,
};
use crate::{
    NetworkNamespace,
    testing::{FakeKernel, Kernel, ProcFile, SocketOptions, Transport},
};

/// The messages in a piece of a list.
const PIECE: usize = 3;

/// The outcome of a receive.
#[derive(Clone, Debug)]
pub(super) enum Arrival {
    Datagram(Vec<u8>),
    /// One of this length, which is more than there is room for.
    Long(usize),
    Failure(Errno),
}

/// The kernel, and what it does to the requests and answers to come.
#[derive(Clone, Debug)]
pub(super) struct HostileKernel {
    pub(super) honest: FakeKernel,
    mood: Arc<Mutex<Mood>>,
}

#[derive(Debug, Default)]
struct Mood {
    behaviour: Option<&'static Behaviour>,
    options: Option<&'static OptionBehaviour>,
    /// The datagrams of requests, or calls, that still meet it.
    times: usize,
    calls: usize,
    largest_room: usize,
}

impl HostileKernel {
    pub(super) fn new(honest: FakeKernel) -> Self {
        Self {
            honest,
            mood: Arc::default(),
        }
    }

    pub(super) fn behave(&self, behaviour: &'static Behaviour) {
        *self.mood() = Mood {
            behaviour: Some(behaviour),
            times: behaviour.times,
            ..Mood::default()
        };
    }

    pub(super) fn behave_with_options(&self, behaviour: &'static OptionBehaviour) {
        *self.mood() = Mood {
            options: Some(behaviour),
            times: behaviour.times,
            ..Mood::default()
        };
    }

    /// Behaves well from now on. Returns the number of calls that received something, or
    /// failed to, and the largest room that there was for an answer.
    pub(super) fn behave_well(&self) -> (usize, usize) {
        let mood = std::mem::take(&mut *self.mood());
        (mood.calls, mood.largest_room)
    }

    fn mood(&self) -> MutexGuard<'_, Mood> {
        self.mood.lock().unwrap()
    }
}

impl Kernel for HostileKernel {
    fn open_netlink(&self) -> io::Result<Box<dyn Transport>> {
        Ok(Box::new(Socket {
            kernel: self.clone(),
            honest: self.honest.open_netlink()?,
            arriving: VecDeque::new(),
            late: Vec::new(),
            endless: None,
            interruptions: 0,
            unsent: Vec::new(),
        }))
    }

    fn open_socket_options(&self) -> io::Result<Box<dyn SocketOptions>> {
        Ok(Box::new(Options {
            kernel: self.clone(),
            honest: self.honest.open_socket_options()?,
        }))
    }

    fn open_file(&self, name: &str) -> io::Result<Box<dyn ProcFile>> {
        self.honest.open_file(name)
    }

    fn namespace(&self) -> io::Result<NetworkNamespace> {
        self.honest.namespace()
    }

    fn lock(&self) -> Option<File> {
        self.honest.lock()
    }
}

struct Socket {
    kernel: HostileKernel,
    honest: Box<dyn Transport>,
    arriving: VecDeque<Arrival>,
    /// What comes with the answer to the next request.
    late: Vec<Arrival>,
    /// What comes again and again when all the rest has come.
    endless: Option<Box<dyn FnMut() -> Arrival + Send + Sync>>,
    /// The times that the request at hand was interrupted.
    interruptions: usize,
    /// The requests that could not be sent. The table has to see their numbers.
    unsent: Vec<u8>,
}

impl Socket {
    /// Gives the requests to the table, and takes its answers. Lists come in pieces of
    /// [`PIECE`] messages.
    fn ask(&mut self, datagram: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        self.honest.send(datagram)?;
        let mut answers = Vec::new();
        loop {
            let mut answer = Vec::with_capacity(64 * 1024);
            match self.honest.receive(&mut answer) {
                Ok(_) => {
                    let messages = messages::split(&answer);
                    answers.extend(messages.chunks(PIECE).map(messages::join));
                }
                Err(_) => return Ok(answers),
            }
        }
    }

    /// Returns whether a list has not been received to its end, before which Linux makes
    /// no other for the socket.
    fn is_list_running(&self) -> bool {
        self.arriving.iter().any(|arrival| match arrival {
            Arrival::Datagram(datagram) => messages::is_of_list(datagram),
            _ => false,
        })
    }

    /// Gives the requests to a table that refuses each, so that nothing is done.
    fn refuse(&mut self, datagram: &[u8], errno: Errno) -> io::Result<Vec<Vec<u8>>> {
        let requests = messages::split(datagram);
        let is_to_ipvs = |message: &&messages::Message| message.is_of_family();
        for _ in requests.iter().filter(is_to_ipvs) {
            self.kernel.honest.refuse_next(errno);
        }
        self.ask(datagram)
    }
}

impl Transport for Socket {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let behaviour = {
            let mut mood = self.kernel.mood();
            match mood.times.checked_sub(1) {
                Some(times) => {
                    mood.times = times;
                    mood.behaviour
                }
                None => None,
            }
        };
        self.endless = None;
        let unsent = std::mem::take(&mut self.unsent);
        if !unsent.is_empty() && unsent != datagram {
            self.refuse(&unsent, Errno::IO)?;
        }
        let Some(behaviour) = behaviour else {
            let answers = if self.is_list_running() && messages::is_for_list(datagram) {
                self.refuse(datagram, Errno::BUSY)?
            } else {
                self.ask(datagram)?
            };
            self.arriving.extend(self.late.drain(..));
            self.arriving
                .extend(answers.into_iter().map(Arrival::Datagram));
            return Ok(());
        };
        let answers = match behaviour.delivery {
            Delivery::Interrupted(times) if self.interruptions < times => {
                self.interruptions += 1;
                // The same request comes again.
                self.kernel.mood().times += 1;
                self.unsent = datagram.to_vec();
                return Err(Errno::INTR.into());
            }
            Delivery::Fails(errno) => {
                self.refuse(datagram, errno)?;
                return Err(errno.into());
            }
            Delivery::Ignored => {
                self.refuse(datagram, Errno::IO)?;
                Vec::new()
            }
            Delivery::Refused(errno) => self.refuse(datagram, errno)?,
            Delivery::Interrupted(_) | Delivery::Done => self.ask(datagram)?,
        };
        self.interruptions = 0;
        self.arriving.extend(self.late.drain(..));
        let endless = behaviour.endless;
        if let Some(endless) = endless {
            self.endless = Some(endless(&answers, datagram));
        }
        let arrivals = (behaviour.answers)(answers);
        if behaviour.is_late {
            self.late = arrivals;
        } else {
            self.arriving.extend(arrivals);
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        {
            let mut mood = self.kernel.mood();
            mood.calls += 1;
            mood.largest_room = mood.largest_room.max(buffer.capacity());
        }
        let next = self.arriving.pop_front();
        let next = next.or_else(|| self.endless.as_mut().map(|next| next()));
        match next.unwrap_or(Arrival::Failure(Errno::AGAIN)) {
            Arrival::Datagram(datagram) => {
                let fits = datagram.len().min(buffer.capacity());
                buffer.clear();
                buffer.extend_from_slice(&datagram[..fits]);
                Ok(datagram.len())
            }
            Arrival::Long(length) => {
                buffer.resize(buffer.capacity(), 0);
                Ok(length)
            }
            Arrival::Failure(errno) => Err(errno.into()),
        }
    }
}

struct Options {
    kernel: HostileKernel,
    honest: Box<dyn SocketOptions>,
}

impl Options {
    fn behaviour(&self) -> Option<&'static OptionBehaviour> {
        let mut mood = self.kernel.mood();
        mood.calls += 1;
        mood.times = mood.times.checked_sub(1)?;
        mood.options
    }
}

impl SocketOptions for Options {
    fn get(&mut self, option: i32, value: &mut [u8]) -> Result<(), Errno> {
        match self.behaviour() {
            Some(behaviour) => (behaviour.get)(&mut *self.honest, option, value),
            None => self.honest.get(option, value),
        }
    }

    fn set(&mut self, option: i32, value: &[u8]) -> Result<(), Errno> {
        match self.behaviour() {
            Some(behaviour) => (behaviour.set)(&mut *self.honest, option, value),
            None => self.honest.set(option, value),
        }
    }
}
