// SPDX-License-Identifier: MIT

//! The border to the kernel for datagrams.

#![expect(unsafe_code, reason = "neither rustix nor netlink-sys has recvmmsg")]

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    time::Duration,
};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC};
use rustix::net::sockopt::{Timeout, set_socket_timeout};

/// The time to wait for an answer. The kernel works on a request while it is
/// sent, so that the answer is there, or will never be, when sending returns.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Carries datagrams to the kernel and back.
///
/// An error of the kind [`WouldBlock`](io::ErrorKind::WouldBlock) says that no
/// answer came in time, `ENOBUFS` that one was lost, and
/// [`Interrupted`](io::ErrorKind::Interrupted) that nothing was done yet: it is called
/// again.
#[cfg_attr(
    not(any(test, feature = "test-util")),
    expect(unreachable_pub, reason = "only tests bring another")
)]
pub trait Transport: Send + Sync {
    /// Sends one datagram, which may hold several messages.
    fn send(&mut self, datagram: &[u8]) -> io::Result<()>;

    /// Receives one datagram into the buffer, in place of what is there, and
    /// returns its length. It is above the buffer's capacity when it did not
    /// fit; then its end is lost.
    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize>;

    /// Receives a datagram that is there already, as [`receive`](Self::receive) does.
    /// Where that does not wait anyway, it is the same.
    fn receive_arrived(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.receive(buffer)
    }
}

/// A generic netlink socket.
pub(crate) struct NetlinkSocket {
    socket: Socket,
    /// The datagram after the one that was asked for, if it came with it.
    next: Vec<u8>,
    /// The true length of that datagram.
    next_length: Option<usize>,
}

impl NetlinkSocket {
    /// Opens a socket in the network namespace of the calling thread.
    pub(crate) fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_GENERIC)?;
        // A connected socket takes datagrams from the kernel alone, not from
        // other processes that guess its port.
        socket.connect(&SocketAddr::new(0, 0))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(ANSWER_TIMEOUT))?;
        Ok(Self {
            socket,
            next: Vec::new(),
            next_length: None,
        })
    }
}

impl Transport for NetlinkSocket {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        // Netlink takes a datagram whole or not at all.
        self.socket.send(datagram, 0).map(|_| ())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.receive_with(buffer, 0)
    }

    fn receive_arrived(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.receive_with(buffer, libc::MSG_DONTWAIT)
    }
}

impl NetlinkSocket {
    fn receive_with(&mut self, buffer: &mut Vec<u8>, flags: libc::c_int) -> io::Result<usize> {
        if let Some(length) = self.next_length.take() {
            std::mem::swap(buffer, &mut self.next);
            return Ok(length);
        }
        // They change places: one that had to grow is not to be lost.
        let room = buffer.capacity().max(self.next.capacity());
        for buffer in [&mut *buffer, &mut self.next] {
            buffer.clear();
            // The kernel fills as much as it is offered.
            buffer.reserve_exact(room);
        }
        let [first, second] = receive_two(self.socket.as_fd(), [buffer, &mut self.next], flags)?;
        self.next_length = second;
        // The call returns at least one, or an error.
        first.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }
}

/// Waits for a datagram, and takes the one behind it if it is there already;
/// returns their true lengths. The end of a dump is made while the part before
/// it is received: so it comes in the same system call, of which a listing
/// makes two for each service instead of three.
///
/// The buffers get what their capacities hold. They are written by the kernel
/// alone, so that memory that no datagram reaches is never touched.
fn receive_two(
    socket: BorrowedFd<'_>,
    buffers: [&mut Vec<u8>; 2],
    flags: libc::c_int,
) -> io::Result<[Option<usize>; 2]> {
    let mut buffers = buffers;
    let mut parts = buffers.each_mut().map(|buffer| {
        buffer.clear();
        let free = buffer.spare_capacity_mut();
        libc::iovec {
            iov_base: free.as_mut_ptr().cast(),
            iov_len: free.len(),
        }
    });
    let mut headers = parts.each_mut().map(|part| {
        // SAFETY: the structure is plain numbers and pointers, for which zeros
        // say that there is no address and no control data.
        let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        header.msg_hdr.msg_iov = part;
        header.msg_hdr.msg_iovlen = 1;
        header
    });
    // The C libraries do not agree on the type: it is signed in glibc, unsigned in
    // musl. These bits mean the same in both.
    let flags = (libc::MSG_WAITFORONE | libc::MSG_TRUNC | flags) as _;
    // SAFETY: the headers, and the buffers that they point to through `parts`,
    // live and are not otherwise used until the call returns; the count is
    // theirs. No timeout is given: the socket has its own.
    let count = unsafe {
        libc::recvmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            2,
            flags,
            std::ptr::null_mut(),
        )
    };
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    let mut lengths = [None; 2];
    for ((length, buffer), header) in lengths.iter_mut().zip(buffers).zip(headers).take(count) {
        let received = header.msg_len as usize;
        // SAFETY: the kernel has written the datagram from the beginning of the
        // buffer on, up to its end or that of the capacity.
        unsafe { buffer.set_len(received.min(buffer.capacity())) };
        *length = Some(received);
    }
    Ok(lengths)
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::{
        NLM_F_ACK, NLM_F_REQUEST, NLMSG_ERROR, NetlinkBuffer, NetlinkMessage,
    };
    use netlink_packet_generic::{
        GenlMessage,
        constants::GENL_ID_CTRL,
        ctrl::{GenlCtrl, GenlCtrlCmd, nlas::GenlCtrlAttrs},
    };

    use super::*;

    /// Asks for the family that is there on every Linux, and for which no right is needed:
    /// the reply and its acknowledgement are two datagrams.
    fn ask(socket: &mut NetlinkSocket, sequence: u32) {
        let mut message = NetlinkMessage::from(GenlMessage::from_payload(GenlCtrl {
            cmd: GenlCtrlCmd::GetFamily,
            nlas: vec![GenlCtrlAttrs::FamilyName("nlctrl".to_owned())],
        }));
        message.header.flags = NLM_F_REQUEST | NLM_F_ACK;
        message.header.sequence_number = sequence;
        message.finalize();
        let mut datagram = vec![0; message.buffer_len()];
        message.serialize(&mut datagram);
        socket.send(&datagram).unwrap();
    }

    fn kind_and_sequence(datagram: &[u8]) -> (u16, u32) {
        let message = NetlinkBuffer::new_checked(datagram).unwrap();
        (message.message_type(), message.sequence_number())
    }

    #[test]
    fn the_datagrams_of_an_answer_come_one_after_the_other() {
        let mut socket = NetlinkSocket::open().unwrap();
        let mut buffer = Vec::with_capacity(4096);
        for sequence in [7, 8] {
            ask(&mut socket, sequence);
            for (kind, receive) in [
                (
                    GENL_ID_CTRL,
                    NetlinkSocket::receive as fn(&mut NetlinkSocket, &mut Vec<u8>) -> _,
                ),
                (NLMSG_ERROR, NetlinkSocket::receive_arrived),
            ] {
                let length: usize = receive(&mut socket, &mut buffer).unwrap();
                assert_eq!(length, buffer.len());
                assert_eq!(kind_and_sequence(&buffer), (kind, sequence));
            }
            let nothing = socket.receive_arrived(&mut buffer).unwrap_err();
            assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        }
    }

    #[test]
    fn of_a_datagram_that_does_not_fit_the_true_length_is_told() {
        let mut socket = NetlinkSocket::open().unwrap();
        let mut buffer = Vec::with_capacity(20);
        ask(&mut socket, 7);
        let length = socket.receive(&mut buffer).unwrap();
        assert!(length > 20, "{length}");
        assert_eq!(buffer.len(), 20);
    }
}
