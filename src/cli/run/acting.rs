// SPDX-License-Identifier: MIT

//! A kernel in memory on which something happens, for tests.

use std::{
    fs::File,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use ipvs_client::{
    NetworkNamespace,
    testing::{FakeKernel, Kernel, ProcFile, SocketOptions, Transport},
};

/// A kernel on which something happens before a datagram of requests.
pub(super) struct Acting {
    kernel: FakeKernel,
    event: Arc<Mutex<Event>>,
}

/// The event, and its turn.
struct Event {
    /// Datagrams that go before.
    before: usize,
    act: Box<dyn FnMut() + Send>,
}

impl Acting {
    /// Lets that many datagrams pass before it acts, once.
    pub(super) fn new(
        kernel: FakeKernel,
        before: usize,
        act: impl FnMut() + Send + 'static,
    ) -> Self {
        let act = Box::new(act);
        let event = Arc::new(Mutex::new(Event { before, act }));
        Self { kernel, event }
    }
}

impl Kernel for Acting {
    fn open_netlink(&self) -> io::Result<Box<dyn Transport>> {
        Ok(Box::new(ActingSocket {
            socket: self.kernel.open_netlink()?,
            event: Arc::clone(&self.event),
        }))
    }

    fn open_socket_options(&self) -> io::Result<Box<dyn SocketOptions>> {
        self.kernel.open_socket_options()
    }

    fn open_file(&self, name: &str) -> io::Result<Box<dyn ProcFile>> {
        self.kernel.open_file(name)
    }

    fn namespace(&self) -> io::Result<NetworkNamespace> {
        self.kernel.namespace()
    }

    fn lock(&self) -> Option<File> {
        self.kernel.lock()
    }
}

struct ActingSocket {
    socket: Box<dyn Transport>,
    event: Arc<Mutex<Event>>,
}

impl Transport for ActingSocket {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let mut event = self.event.lock().unwrap_or_else(PoisonError::into_inner);
        if event.before == 0 {
            (event.act)();
        }
        event.before = event.before.wrapping_sub(1);
        drop(event);
        self.socket.send(datagram)
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.socket.receive(buffer)
    }
}
