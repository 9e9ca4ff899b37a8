// SPDX-License-Identifier: MIT

//! The byte border to the kernel.

use std::{io, time::Duration};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC};
use rustix::net::sockopt::{Timeout, set_socket_timeout};

/// How long to wait for an answer. The kernel works on a request while it is
/// sent, so that the answer is there, or will never be, when sending returns.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Carries datagrams to the kernel and back.
pub(crate) trait Transport: Send {
    /// Sends one datagram, which may hold several messages.
    fn send(&mut self, datagram: &[u8]) -> io::Result<()>;

    /// Receives one datagram and returns its length. It is longer than the
    /// buffer when it did not fit; then its end is lost.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
}

/// A generic netlink socket of the current network namespace.
pub(crate) struct NetlinkSocket(Socket);

impl NetlinkSocket {
    pub(crate) fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_GENERIC)?;
        // A connected socket takes datagrams from the kernel alone, not from
        // other processes that guess its port.
        socket.connect(&SocketAddr::new(0, 0))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(ANSWER_TIMEOUT))?;
        Ok(Self(socket))
    }
}

impl Transport for NetlinkSocket {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        // Netlink takes a datagram whole or not at all.
        retry_interrupted(|| self.0.send(datagram, 0)).map(|_| ())
    }

    fn receive(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
        const MSG_TRUNC: i32 = rustix::net::RecvFlags::TRUNC.bits() as i32;
        retry_interrupted(|| self.0.recv(&mut buffer, MSG_TRUNC))
    }
}

fn retry_interrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_call_is_made_again() {
        let mut outcomes = [
            Err(io::ErrorKind::Interrupted.into()),
            Err(io::ErrorKind::Interrupted.into()),
            Ok(7),
        ]
        .into_iter();
        assert_eq!(retry_interrupted(|| outcomes.next().unwrap()).unwrap(), 7);
        assert!(outcomes.next().is_none());
    }

    #[test]
    fn any_other_failure_is_final() {
        let mut calls = 0;
        let outcome: io::Result<()> = retry_interrupted(|| {
            calls += 1;
            Err(io::ErrorKind::WouldBlock.into())
        });
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(calls, 1);
    }
}
