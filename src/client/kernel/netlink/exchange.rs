// SPDX-License-Identifier: MIT

//! Requests and their answers, matched by sequence number.

use std::io;

use netlink_packet_core::{
    DecodeError, Emitable, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP,
    NLMSG_OVERRUN, NetlinkBuffer, NetlinkHeader, parse_i32,
};
use netlink_packet_generic::{GenlHeader, constants::GENL_HDRLEN};
use rustix::io::Errno;

use super::socket::Transport;
use crate::{Error, Operation, Result};

/// Room for a datagram at first, at last, and how much it grows at a time. The
/// kernel fills the pieces of a dump up to the largest room that it has been
/// given on the socket, and not beyond 32 KiB.
const SMALLEST_ROOM: usize = 28 * 1024;
const LARGEST_ROOM: usize = 32 * 1024;
const MORE_ROOM: usize = 512;

/// Above what any IPVS message takes, with the bookkeeping that the kernel puts
/// into the same memory.
const MESSAGE_MAX: usize = 1024;

/// `-MAX_ERRNO` in the kernel's `linux/err.h`: an errno is sent negative.
const LOWEST_ERROR_CODE: i32 = -4095;

/// The answers to a reading, and to a change that went out behind it.
pub(crate) struct Answers {
    /// True if the kernel made all of the reading at one time; or why it refused it.
    pub(crate) reading: Result<bool, Errno>,
    pub(crate) change: Result<(), Errno>,
}

/// Requests that go out together, and their answers.
pub(crate) struct Exchange {
    transport: Box<dyn Transport>,
    /// The sequence number of the last request that was queued.
    sequence: u32,
    requests: Vec<u8>,
    answer: Vec<u8>,
}

impl Exchange {
    pub(crate) fn new(transport: Box<dyn Transport>) -> Self {
        Self {
            transport,
            sequence: 0,
            requests: Vec::new(),
            answer: Vec::with_capacity(SMALLEST_ROOM),
        }
    }

    /// Puts a request to the family of this number behind those that wait to be
    /// sent; `append` adds what follows its generic netlink header.
    pub(crate) fn queue(
        &mut self,
        family: u16,
        header: GenlHeader,
        flags: u16,
        append: impl FnOnce(&mut Vec<u8>),
    ) {
        self.sequence = self.sequence.wrapping_add(1);
        let start = self.requests.len();
        let mut netlink = NetlinkHeader::default();
        let payload = start + netlink.buffer_len();
        self.requests.resize(payload + GENL_HDRLEN, 0);
        header.emit(self.requests.get_mut(payload..).unwrap_or_default());
        append(&mut self.requests);
        netlink.length = (self.requests.len() - start) as u32;
        netlink.message_type = family;
        netlink.flags = NLM_F_REQUEST | flags;
        netlink.sequence_number = self.sequence;
        netlink.emit(self.requests.get_mut(start..payload).unwrap_or_default());
    }

    /// Makes the pieces of the dumps to come end elsewhere than those before, as
    /// long as they can grow. The first piece of the next one is made before the
    /// kernel knows, so this is for every one of a row.
    pub(crate) fn shift_pieces(&mut self) {
        let room = self.answer.capacity() + MORE_ROOM;
        if room <= LARGEST_ROOM {
            self.answer.clear();
            self.answer.reserve_exact(room);
        }
    }

    /// Sends the requests that wait, in one datagram.
    pub(crate) fn send(&mut self, operation: Operation) -> Result<()> {
        let outcome = self.transport.send(&self.requests);
        self.requests.clear();
        outcome.map_err(|reason| Error::Io { operation, reason })
    }

    /// Takes the answer to the last request: calls `take` with the header and
    /// payload of each message of the family in it until the kernel says that it
    /// is whole. A lost part of a dump is waited out, as the kernel takes no new
    /// request before its end.
    ///
    /// Returns whether the kernel made all of it at one time.
    pub(crate) fn receive(
        &mut self,
        operation: Operation,
        family: u16,
        dump: bool,
        take: impl FnMut(&NetlinkHeader, &[u8]) -> Result<(), DecodeError>,
    ) -> Result<bool> {
        let answers = self.receive_answers(operation, family, dump, false, take)?;
        match answers.reading {
            Ok(in_one_piece) => Ok(in_one_piece),
            Err(errno) => Err(Error::Kernel { operation, errno }),
        }
    }

    /// Takes the answers to the last two requests: a reading, as
    /// [`receive`](Self::receive) takes it, and a change that went out behind it
    /// and wants an acknowledgement. The kernel answers the change while the later
    /// pieces of the reading are still to come.
    pub(crate) fn receive_with_change(
        &mut self,
        operation: Operation,
        family: u16,
        dump: bool,
        take: impl FnMut(&NetlinkHeader, &[u8]) -> Result<(), DecodeError>,
    ) -> Result<Answers> {
        self.receive_answers(operation, family, dump, true, take)
    }

    fn receive_answers(
        &mut self,
        operation: Operation,
        family: u16,
        dump: bool,
        with_change: bool,
        mut take: impl FnMut(&NetlinkHeader, &[u8]) -> Result<(), DecodeError>,
    ) -> Result<Answers> {
        let malformed = |reason| Error::Malformed { operation, reason };
        let mut reading = None;
        let mut change = (!with_change).then_some(Ok(()));
        let mut lost = false;
        let mut pieces = 0;
        let mut full = false;
        loop {
            let Some(datagram) =
                next_datagram(&mut *self.transport, &mut self.answer, operation, lost)?
            else {
                if !dump {
                    return Err(Error::AnswerLost { operation });
                }
                lost = true;
                continue;
            };
            let mut is_piece = false;
            for message in Messages(datagram) {
                let (header, payload) = message.map_err(malformed)?;
                // Counted from the last request back.
                let age = self.sequence.wrapping_sub(header.sequence_number);
                let is_of_change = with_change && age == 0;
                if !is_of_change && age != u32::from(with_change) {
                    // The late answer to a request that was given up.
                    continue;
                }
                lost |= header.flags & NLM_F_DUMP_INTR != 0;
                match header.message_type {
                    NLMSG_NOOP => {}
                    NLMSG_OVERRUN => lost = true,
                    NLMSG_ERROR if is_of_change => {
                        let refused = refusal(&header, payload).map_err(malformed)?;
                        change = Some(refused.map_or(Ok(()), Err));
                    }
                    NLMSG_ERROR | NLMSG_DONE if !is_of_change => {
                        reading = Some(match refusal(&header, payload).map_err(malformed)? {
                            Some(errno) => Err(errno),
                            None if lost => return Err(Error::AnswerLost { operation }),
                            None => Ok(pieces + usize::from(is_piece) <= 1 && !full),
                        });
                    }
                    message_type if message_type == family && !is_of_change => {
                        is_piece = true;
                        take(&header, payload).map_err(malformed)?;
                    }
                    other => {
                        return Err(malformed(DecodeError::from(format!(
                            "it has a message of type {other}"
                        ))));
                    }
                }
                if let (Some(reading), Some(change)) = (reading, change) {
                    return Ok(Answers { reading, change });
                }
            }
            pieces += usize::from(is_piece);
            full |= may_be_full(datagram.len());
        }
    }

    /// Takes the answers to the last `count` requests, of which the kernel
    /// answers those that it refuses and the last. Returns the position and the
    /// reason of each that was refused.
    pub(crate) fn receive_refusals(
        &mut self,
        operation: Operation,
        count: usize,
    ) -> Result<Vec<(usize, Errno)>> {
        let malformed = |reason| Error::Malformed { operation, reason };
        let mut refused = Vec::new();
        let mut lost = false;
        loop {
            let Some(datagram) =
                next_datagram(&mut *self.transport, &mut self.answer, operation, lost)?
            else {
                lost = true;
                continue;
            };
            for message in Messages(datagram) {
                let (header, payload) = message.map_err(malformed)?;
                // Counted from the last request back.
                let age = self.sequence.wrapping_sub(header.sequence_number) as usize;
                if age >= count || header.message_type == NLMSG_NOOP {
                    continue;
                }
                if header.message_type != NLMSG_ERROR {
                    return Err(malformed(DecodeError::from(format!(
                        "it has a message of type {}",
                        header.message_type
                    ))));
                }
                if let Some(errno) = refusal(&header, payload).map_err(malformed)? {
                    refused.push((count - 1 - age, errno));
                }
                if age == 0 {
                    return if lost {
                        Err(Error::AnswerLost { operation })
                    } else {
                        Ok(refused)
                    };
                }
            }
        }
    }
}

/// Returns whether a piece of a dump of this length may have ended for want of
/// room. Then something was to follow, and if nothing does it has been skipped.
fn may_be_full(length: usize) -> bool {
    // When the kernel is short of memory a piece gets a page, or 8 KiB of a
    // larger one.
    let ends = |room: usize| (room - MESSAGE_MAX..=room).contains(&length);
    length > SMALLEST_ROOM - MESSAGE_MAX || ends(4096) || ends(8192)
}

/// The next datagram, or `None` when one is lost: there was no room for it in
/// the kernel, or it did not fit the buffer, which then grows. `lost` says that
/// one was lost already, so that nothing more may come.
fn next_datagram<'a>(
    transport: &mut dyn Transport,
    buffer: &'a mut Vec<u8>,
    operation: Operation,
    lost: bool,
) -> Result<Option<&'a [u8]>> {
    match transport.receive(buffer) {
        Ok(length) if length > buffer.len() => {
            buffer.clear();
            buffer.reserve(length);
            Ok(None)
        }
        Ok(_) => Ok(Some(buffer)),
        Err(error) if error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error()) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(if lost {
            Error::AnswerLost { operation }
        } else {
            Error::Timeout { operation }
        }),
        Err(reason) => Err(Error::Io { operation, reason }),
    }
}

/// The messages of a datagram, each with its header taken off.
struct Messages<'a>(&'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = Result<(NetlinkHeader, &'a [u8]), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let message = match NetlinkBuffer::new_checked(self.0) {
            Ok(message) => message,
            Err(error) => {
                self.0 = &[];
                return Some(Err(error));
            }
        };
        let mut header = NetlinkHeader::default();
        header.length = message.length();
        header.message_type = message.message_type();
        header.flags = message.flags();
        header.sequence_number = message.sequence_number();
        header.port_number = message.port_number();
        // Messages are aligned to four bytes; the last may end early.
        let next = (header.length as usize).next_multiple_of(4);
        self.0 = self.0.get(next..).unwrap_or_default();
        Some(Ok((header, message.payload())))
    }
}

/// The reason in a message that ends an answer, if the kernel refused.
fn refusal(header: &NetlinkHeader, payload: &[u8]) -> Result<Option<Errno>, DecodeError> {
    let code = match (header.message_type, payload.get(..4)) {
        // The end of a dump may come without a code.
        (NLMSG_DONE, None) => 0,
        (_, code) => parse_i32(code.unwrap_or_default())?,
    };
    match code {
        0 => Ok(None),
        // Errno panics at a number outside.
        LOWEST_ERROR_CODE..0 => Ok(Some(Errno::from_raw_os_error(-code))),
        code => Err(DecodeError::from(format!("{code} is not an error code"))),
    }
}
