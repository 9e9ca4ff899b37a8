// SPDX-License-Identifier: MIT

//! Requests and their answers, matched by sequence number.

use std::{collections::BTreeMap, io};

use netlink_packet_core::{
    DecodeError, Emitable, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP,
    NLMSG_OVERRUN, NetlinkBuffer, NetlinkHeader, parse_i32,
};
use netlink_packet_generic::{GenlHeader, constants::GENL_HDRLEN};
use rustix::io::Errno;

use super::{super::consistency::MOST_ENTRIES, socket::Transport};
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

/// Room for a datagram at most, however long the kernel says that one is. The longest
/// that it makes have 32 KiB.
const MOST_ROOM: usize = 1024 * 1024;

/// The most receives that bring nothing of an answer, until it is given up. The late
/// answer to an earlier request can be a list: of a million services it comes in 10,000
/// datagrams. In the tests of this crate it is less.
const MOST_OTHERS: usize = if cfg!(test) { 1 << 11 } else { 1 << 16 };

/// The most interruptions by signals of one call, until it is given up.
pub(crate) const MOST_INTERRUPTIONS: usize = 1000;

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

    /// Sends the requests that wait, in one datagram. One that is interrupted has not been
    /// sent, and is sent again.
    pub(crate) fn send(&mut self, operation: Operation) -> Result<()> {
        let mut interruptions = 0;
        let outcome = loop {
            match self.transport.send(&self.requests) {
                Err(error)
                    if error.kind() == io::ErrorKind::Interrupted
                        && interruptions < MOST_INTERRUPTIONS =>
                {
                    interruptions += 1;
                }
                outcome => break outcome,
            }
        };
        self.requests.clear();
        outcome.map_err(|reason| Error::Io { operation, reason })
    }

    /// Takes the answer to the last request: calls `take` with the header and
    /// payload of each message of the family in it until the kernel says that it
    /// is whole. A dump is read to its end though a part of it is lost or makes no sense,
    /// as the kernel takes no other for the socket before that.
    ///
    /// Returns whether the kernel made all of it at one time.
    pub(crate) fn receive(
        &mut self,
        operation: Operation,
        family: u16,
        dump: bool,
        take: impl FnMut(&NetlinkHeader, &[u8]) -> Result<(), DecodeError>,
    ) -> Result<bool> {
        let answers = self.receive_answers(operation, family, dump, false, take);
        let answers = self.leave_nothing(answers)?;
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
        let answers = self.receive_answers(operation, family, dump, true, take);
        self.leave_nothing(answers)
    }

    /// Takes what has arrived of an answer that makes no sense: what cannot be read does
    /// not say whose answer it is.
    fn leave_nothing<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if let Err(Error::Malformed { operation, .. }) = outcome {
            let mut wait = Wait::new(operation);
            while let Ok(Arrival::Datagram(_) | Arrival::Lost) =
                wait.next(&mut *self.transport, &mut self.answer, false)
            {}
        }
        outcome
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
        let mut wait = Wait::new(operation);
        let mut interrupted = false;
        // The first fault of a dump.
        let mut fault = None;
        let mut pieces = 0;
        let mut entries = 0;
        let mut full = false;
        let mut answers = None;
        loop {
            let waits = answers.is_none();
            let datagram = match wait.next(&mut *self.transport, &mut self.answer, waits) {
                Ok(Arrival::Datagram(datagram)) => datagram,
                Ok(Arrival::Lost) if dump => continue,
                Ok(Arrival::Lost) => return Err(Error::AnswerLost { operation }),
                Ok(Arrival::Nothing) => {
                    return answers.ok_or_else(|| fault.unwrap_or_else(|| wait.given_up()));
                }
                Err(error) => return Err(fault.unwrap_or(error)),
            };
            let mut is_piece = false;
            for message in Messages(datagram) {
                let (header, payload) = match message {
                    Ok(message) => message,
                    Err(reason) if dump => {
                        fault.get_or_insert(malformed(reason));
                        continue;
                    }
                    Err(reason) => return Err(malformed(reason)),
                };
                // Counted from the last request back.
                let age = self.sequence.wrapping_sub(header.sequence_number);
                let is_of_change = with_change && age == 0;
                if !is_of_change && age != u32::from(with_change) {
                    // The late answer to a request that was given up.
                    continue;
                }
                interrupted |= header.flags & NLM_F_DUMP_INTR != 0;
                match header.message_type {
                    NLMSG_NOOP => {}
                    NLMSG_OVERRUN => wait.lost = true,
                    NLMSG_ERROR if is_of_change => {
                        let refused = refusal(&header, payload).map_err(malformed)?;
                        change = Some(refused.map_or(Ok(()), Err));
                    }
                    NLMSG_ERROR | NLMSG_DONE if !is_of_change => {
                        reading = Some(match refusal(&header, payload).map_err(malformed)? {
                            Some(errno) => Err(errno),
                            None if fault.is_some() || wait.lost => {
                                return Err(fault.unwrap_or(Error::AnswerLost { operation }));
                            }
                            None if interrupted && with_change => {
                                return Err(Error::AnswerLost { operation });
                            }
                            None if interrupted => return Err(Error::KeptChanging { operation }),
                            None => Ok(pieces + usize::from(is_piece) <= 1 && !full),
                        });
                    }
                    message_type if message_type == family && !is_of_change => {
                        is_piece = true;
                        entries += 1;
                        if entries > MOST_ENTRIES {
                            let reason = io::Error::other("the kernel's list does not end");
                            return Err(failed(operation, reason));
                        }
                        match take(&header, payload) {
                            Ok(()) => {}
                            Err(reason) if dump => {
                                fault.get_or_insert(malformed(reason));
                            }
                            Err(reason) => return Err(malformed(reason)),
                        }
                    }
                    other => {
                        let reason = DecodeError::from(format!("it has a message of type {other}"));
                        if !dump {
                            return Err(malformed(reason));
                        }
                        fault.get_or_insert(malformed(reason));
                    }
                }
                if let (Some(reading), Some(change)) = (reading, change) {
                    let all = Answers { reading, change };
                    if dump || entries > 0 || all.reading.is_err() {
                        return Ok(all);
                    }
                    // What was asked for, if it is anything, may be behind this.
                    answers = Some(all);
                }
            }
            if dump && is_piece && fault.is_none() {
                wait.has_brought();
            }
            pieces += usize::from(is_piece);
            full |= may_be_full(datagram.len());
        }
    }

    /// Takes the answers to the last `count` requests, of which the kernel
    /// answers those that it refuses and the last. Returns the position and the
    /// reason of each that was refused, in order.
    ///
    /// All the answers are there when the requests have been sent. Those behind the last
    /// one's are looked at too, so that it does not matter in which order they come.
    pub(crate) fn receive_refusals(
        &mut self,
        operation: Operation,
        count: usize,
    ) -> Result<BTreeMap<usize, Errno>> {
        let refusals = self.take_refusals(operation, count);
        self.leave_nothing(refusals)
    }

    fn take_refusals(
        &mut self,
        operation: Operation,
        count: usize,
    ) -> Result<BTreeMap<usize, Errno>> {
        let malformed = |reason| Error::Malformed { operation, reason };
        let mut refused = BTreeMap::new();
        let mut wait = Wait::new(operation);
        let mut is_last_answered = false;
        loop {
            let arrival = wait.next(&mut *self.transport, &mut self.answer, !is_last_answered)?;
            let datagram = match arrival {
                Arrival::Datagram(datagram) => datagram,
                Arrival::Lost => continue,
                Arrival::Nothing if is_last_answered && !wait.lost => return Ok(refused),
                Arrival::Nothing => return Err(wait.given_up()),
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
                    refused.entry(count - 1 - age).or_insert(errno);
                }
                is_last_answered |= age == 0;
                if is_last_answered && count == 1 {
                    return Ok(refused);
                }
            }
        }
    }
}

/// Makes an error of a socket that fails when the request has been sent.
fn failed(operation: Operation, reason: io::Error) -> Error {
    if operation.is_change() {
        Error::Unanswered { operation, reason }
    } else {
        Error::Io { operation, reason }
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

/// The outcome of one receive.
enum Arrival<'a> {
    Datagram(&'a [u8]),
    /// There was no room for one in the kernel, or it did not fit the buffer, which
    /// then has grown.
    Lost,
    /// None has come in time.
    Nothing,
}

/// The wait for an answer. It is over at some time, whatever else comes meanwhile.
struct Wait {
    operation: Operation,
    /// A part of the answer is lost, so that nothing more may come.
    lost: bool,
    interruptions: usize,
    /// The receives since the last one that has brought a part of a list.
    others: usize,
}

impl Wait {
    fn new(operation: Operation) -> Self {
        Self {
            operation,
            lost: false,
            interruptions: 0,
            others: 0,
        }
    }

    /// Notes that the last datagram has brought a part of a list.
    fn has_brought(&mut self) {
        self.others = 0;
    }

    /// Makes the error of an answer that has not come.
    fn given_up(&self) -> Error {
        let operation = self.operation;
        if self.lost {
            Error::AnswerLost { operation }
        } else {
            Error::Timeout { operation }
        }
    }

    /// Receives the next datagram; waits for it, or takes one that is there already.
    fn next<'a>(
        &mut self,
        transport: &mut dyn Transport,
        buffer: &'a mut Vec<u8>,
        waits: bool,
    ) -> Result<Arrival<'a>> {
        loop {
            self.others += 1;
            if self.others > MOST_OTHERS {
                return Err(self.given_up());
            }
            let outcome = if waits {
                transport.receive(buffer)
            } else {
                transport.receive_arrived(buffer)
            };
            match outcome {
                Ok(length) if length > buffer.len() => {
                    if (buffer.capacity()..=MOST_ROOM).contains(&length) {
                        buffer.clear();
                        buffer.reserve(length);
                    }
                    self.lost = true;
                    return Ok(Arrival::Lost);
                }
                Ok(_) => return Ok(Arrival::Datagram(buffer)),
                Err(error) if error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error()) => {
                    self.lost = true;
                    return Ok(Arrival::Lost);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Arrival::Nothing);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    self.interruptions += 1;
                    if self.interruptions > MOST_INTERRUPTIONS {
                        return Ok(Arrival::Nothing);
                    }
                }
                Err(reason) => return Err(failed(self.operation, reason)),
            }
        }
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

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    /// Fails in the same way at every call, and counts them.
    struct AlwaysFails(Errno, Arc<AtomicUsize>);

    impl Transport for AlwaysFails {
        fn send(&mut self, _: &[u8]) -> io::Result<()> {
            self.1.fetch_add(1, Ordering::Relaxed);
            Err(self.0.into())
        }

        fn receive(&mut self, _: &mut Vec<u8>) -> io::Result<usize> {
            self.send(&[]).map(|()| 0)
        }
    }

    /// Returns the error of a call, and how often the transport was called for it.
    fn count_calls<T>(
        errno: Errno,
        call: impl FnOnce(&mut Exchange) -> Result<T>,
    ) -> (Error, usize) {
        let calls = Arc::default();
        let transport = AlwaysFails(errno, Arc::clone(&calls));
        let error = call(&mut Exchange::new(Box::new(transport))).err();
        (error.unwrap(), calls.load(Ordering::Relaxed))
    }

    const OPERATION: Operation = Operation::ListServices;

    fn receive_list(exchange: &mut Exchange) -> Result<bool> {
        exchange.receive(OPERATION, 1, true, |_, _| Ok(()))
    }

    /// docs/reliability.md, "Bounds".
    #[test]
    fn a_call_is_given_up_after_a_thousand_interruptions() {
        let (error, calls) = count_calls(Errno::INTR, |exchange| exchange.send(OPERATION));
        assert!(matches!(
            error,
            Error::Io {
                operation: OPERATION,
                ..
            }
        ));
        assert_eq!(calls, 1 + 1000);
        let (error, calls) = count_calls(Errno::INTR, receive_list);
        assert!(matches!(
            error,
            Error::Timeout {
                operation: OPERATION
            }
        ));
        assert_eq!(calls, 1 + 1000);
    }

    #[test]
    fn an_answer_is_given_up_when_nothing_but_losses_comes() {
        let (error, calls) = count_calls(Errno::NOBUFS, receive_list);
        assert!(matches!(
            error,
            Error::AnswerLost {
                operation: OPERATION
            }
        ));
        assert_eq!(calls, MOST_OTHERS);
    }

    /// A page, twice that, and the room that is given, each but for the longest message.
    #[test]
    fn a_piece_may_be_full_where_another_message_might_have_had_no_room() {
        for (length, is_full) in [
            (3071, false),
            (3072, true),
            (4096, true),
            (4097, false),
            (7167, false),
            (7168, true),
            (8192, true),
            (8193, false),
            (27_648, false),
            (27_649, true),
            (32_768, true),
        ] {
            assert_eq!(may_be_full(length), is_full, "{length}");
        }
    }
}
