// SPDX-License-Identifier: MIT

//! The kernel's answers about interfaces, addresses and routes, by rtnetlink.

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader,
    NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// Size of the receive buffer. The kernel makes no larger pieces of a dump, and one
/// interface with many virtual functions can fill most of it.
const BUFFER_SIZE: usize = 64 * 1024;

/// The most readings of a list that changes while it is read.
const READINGS: usize = 8;

/// A socket for questions about the network namespace in which it was opened.
pub(crate) struct RouteSocket {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

impl RouteSocket {
    /// Opens a socket in the network namespace of the calling thread.
    pub(crate) fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_ROUTE)?;
        // A connected socket takes datagrams from the kernel alone.
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self {
            socket,
            sequence: 0,
            buffer: vec![0; BUFFER_SIZE],
        })
    }

    /// Asks for a list. One that the kernel says has changed meanwhile is read again; the
    /// last of several such readings is taken as it is.
    pub(super) fn list(
        &mut self,
        request: &RouteNetlinkMessage,
    ) -> io::Result<Vec<RouteNetlinkMessage>> {
        let mut answer = Answer::default();
        for _ in 0..READINGS {
            answer = self.exchange(request, NLM_F_DUMP)?;
            if !answer.changed {
                break;
            }
        }
        Ok(answer.messages)
    }

    /// Asks one question, to which there is at most one answer.
    ///
    /// # Errors
    /// The answer of the kernel in place of one, by its number.
    pub(super) fn ask(
        &mut self,
        request: RouteNetlinkMessage,
    ) -> io::Result<Option<RouteNetlinkMessage>> {
        // The acknowledgement ends the answer.
        Ok(self.exchange(&request, NLM_F_ACK)?.messages.pop())
    }

    fn exchange(&mut self, request: &RouteNetlinkMessage, flags: u16) -> io::Result<Answer> {
        self.sequence += 1;
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut message =
            NetlinkMessage::new(header, NetlinkPayload::InnerMessage(request.clone()));
        message.finalize();
        let mut datagram = vec![0; message.buffer_len()];
        message.serialize(&mut datagram);
        self.socket.send(&datagram, 0)?;
        let mut answer = Answer::default();
        loop {
            // The kernel works on a request while it is sent, and on each further piece of
            // a list while the one before is received: there is nothing to wait for. The
            // length is the true one, also where the buffer was too small.
            let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
            let length = self.socket.recv(&mut self.buffer.as_mut_slice(), flags)?;
            let datagram = self
                .buffer
                .get(..length)
                .ok_or_else(|| invalid("an answer that is too long"))?;
            if answer.read(datagram, self.sequence)? {
                return Ok(answer);
            }
        }
    }
}

/// The answer to one request.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) messages: Vec<RouteNetlinkMessage>,
    /// The list has changed while the kernel went through it.
    pub(super) changed: bool,
}

impl Answer {
    /// Reads one datagram; returns true if it ends the answer to this request.
    pub(super) fn read(&mut self, datagram: &[u8], sequence: u32) -> io::Result<bool> {
        let mut rest = datagram;
        while !rest.is_empty() {
            let packet = NetlinkBuffer::new_checked(rest).map_err(invalid)?;
            let length = packet.length() as usize;
            if packet.sequence_number() == sequence {
                self.changed |= packet.flags() & NLM_F_DUMP_INTR != 0;
                let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest);
                match message.map_err(invalid)?.payload {
                    NetlinkPayload::InnerMessage(message) => self.messages.push(message),
                    NetlinkPayload::Done(_) => return Ok(true),
                    NetlinkPayload::Error(error) => match error.code {
                        // An acknowledgement.
                        None => return Ok(true),
                        Some(_) => return Err(error.to_io()),
                    },
                    _ => {}
                }
            }
            // Messages begin at multiples of four.
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(false)
    }
}

fn invalid(reason: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTE: &[u8] = include_bytes!("captures/route_gateway");
    const NO_ROUTE: &[u8] = include_bytes!("captures/route_none");

    #[test]
    fn an_answer_ends_with_the_acknowledgement_of_its_request() {
        let mut answer = Answer::default();
        // The route, and the acknowledgement behind it.
        assert!(answer.read(ROUTE, 1).unwrap());
        assert_eq!(answer.messages.len(), 1);
        let mut other = Answer::default();
        assert!(!other.read(ROUTE, 2).unwrap());
        assert_eq!(other.messages, []);
    }

    #[test]
    fn a_refusal_is_an_error_with_its_number() {
        let error = Answer::default().read(NO_ROUTE, 1).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENETUNREACH));
    }

    #[test]
    fn a_list_that_changed_while_it_was_read_says_so() {
        let mut list = include_bytes!("captures/addresses").to_vec();
        let mut answer = Answer::default();
        answer.read(&list, 1).unwrap();
        assert!(!answer.changed);
        // The flags of the first message are behind its length and type.
        list[6] |= 16;
        answer.read(&list, 1).unwrap();
        assert!(answer.changed);
    }

    #[test]
    fn a_damaged_answer_is_an_error() {
        for length in 1..ROUTE.len() - 1 {
            let outcome = Answer::default().read(&ROUTE[..length], 1);
            assert!(!matches!(outcome, Ok(true)), "{length} bytes");
        }
        let mut damaged = ROUTE.to_vec();
        damaged[0] = 3;
        assert!(Answer::default().read(&damaged, 1).is_err());
    }
}
