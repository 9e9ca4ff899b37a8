// SPDX-License-Identifier: MIT

//! A way to a kernel in memory on which something happens, for tests.

use std::{
    fs::File,
    io::{self, Read},
};

use ipvs_client::{NetworkNamespace, testing::Transport};

/// A way to the kernel on which something happens before a datagram of requests.
pub(super) struct Acting<T, A> {
    pub(super) socket: T,
    /// Datagrams that go before.
    pub(super) before: usize,
    pub(super) act: A,
}

impl<T: Transport, A: FnMut() + Send + Sync> Transport for Acting<T, A> {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        if self.before == 0 {
            (self.act)();
        }
        self.before = self.before.wrapping_sub(1);
        self.socket.send(datagram)
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.socket.receive(buffer)
    }

    fn open_file(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        self.socket.open_file(name)
    }

    fn namespace(&self) -> io::Result<NetworkNamespace> {
        self.socket.namespace()
    }

    fn lock(&self) -> Option<File> {
        self.socket.lock()
    }
}
