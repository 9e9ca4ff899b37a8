// SPDX-License-Identifier: MIT

//! Requests and their answers, matched by sequence number.

use std::io;

use netlink_packet_core::{
    DecodeError, Emitable, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP,
    NLMSG_OVERRUN, NetlinkBuffer, NetlinkHeader, NetlinkMessage, parse_i32,
};
use netlink_packet_generic::{GenlFamily, GenlMessage};
use rustix::io::Errno;

use crate::{Error, Operation, Result, socket::Transport};

/// The kernel's dump datagrams reach 32,400 bytes.
const RECEIVE_BUFFER: usize = 64 * 1024;

/// `-MAX_ERRNO` in the kernel's `linux/err.h`: an errno is sent negative.
const LOWEST_ERROR_CODE: i32 = -4095;

/// One request at a time, and its answer.
pub(crate) struct Exchange {
    transport: Box<dyn Transport>,
    /// The sequence number of the last request.
    sequence: u32,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Exchange {
    pub(crate) fn new(transport: Box<dyn Transport>) -> Self {
        Self {
            transport,
            sequence: 0,
            request: Vec::new(),
            answer: vec![0; RECEIVE_BUFFER],
        }
    }

    /// Sends a request to the family of this number.
    pub(crate) fn send<F>(
        &mut self,
        operation: Operation,
        mut message: GenlMessage<F>,
        family: u16,
        flags: u16,
    ) -> Result<()>
    where
        F: GenlFamily + Emitable + std::fmt::Debug,
    {
        self.sequence = self.sequence.wrapping_add(1);
        message.set_resolved_family_id(family);
        let mut message = NetlinkMessage::from(message);
        message.header.flags = NLM_F_REQUEST | flags;
        message.header.sequence_number = self.sequence;
        message.finalize();
        self.request.resize(message.buffer_len(), 0);
        message.serialize(&mut self.request);
        self.transport
            .send(&self.request)
            .map_err(|source| Error::Io { operation, source })
    }

    /// Takes the answer to the last request: calls `take` with the header and
    /// payload of each message of the family in it until the kernel says that it
    /// is whole. A lost part of a dump is waited out, as the kernel takes no new
    /// request before its end.
    pub(crate) fn receive(
        &mut self,
        operation: Operation,
        family: u16,
        dump: bool,
        mut take: impl FnMut(&NetlinkHeader, &[u8]) -> Result<(), DecodeError>,
    ) -> Result<()> {
        let mut lost = false;
        loop {
            let length = match self.transport.receive(&mut self.answer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(if lost {
                        Error::AnswerLost { operation }
                    } else {
                        Error::Timeout { operation }
                    });
                }
                Err(error) if error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error()) => {
                    // A dump goes on after a loss, and the kernel takes no new
                    // one before its end.
                    if !dump {
                        return Err(Error::AnswerLost { operation });
                    }
                    lost = true;
                    continue;
                }
                Err(source) => return Err(Error::Io { operation, source }),
            };
            if length > self.answer.len() {
                self.answer.resize(length, 0);
                if !dump {
                    return Err(Error::AnswerLost { operation });
                }
                lost = true;
                continue;
            }

            let malformed = |reason| Error::Malformed { operation, reason };
            let mut datagram = self.answer.get(..length).unwrap_or_default();
            while !datagram.is_empty() {
                let message = NetlinkBuffer::new_checked(datagram).map_err(malformed)?;
                let payload = message.payload();
                let mut header = NetlinkHeader::default();
                header.length = message.length();
                header.message_type = message.message_type();
                header.flags = message.flags();
                header.sequence_number = message.sequence_number();
                header.port_number = message.port_number();
                // Messages are aligned to four bytes; the last may end early.
                let next = (header.length as usize).next_multiple_of(4);
                datagram = datagram.get(next..).unwrap_or_default();

                if header.sequence_number != self.sequence {
                    // The late answer to a request that was given up.
                    continue;
                }
                lost |= header.flags & NLM_F_DUMP_INTR != 0;
                match header.message_type {
                    NLMSG_NOOP => {}
                    NLMSG_OVERRUN => lost = true,
                    NLMSG_ERROR | NLMSG_DONE => {
                        let code = match (header.message_type, payload.get(..4)) {
                            // The end of a dump may come without a code.
                            (NLMSG_DONE, None) => 0,
                            (_, code) => parse_i32(code.unwrap_or_default()).map_err(malformed)?,
                        };
                        return match code {
                            0 if lost => Err(Error::AnswerLost { operation }),
                            0 => Ok(()),
                            // Errno panics at a number outside.
                            LOWEST_ERROR_CODE..0 => Err(Error::Kernel {
                                operation,
                                errno: Errno::from_raw_os_error(-code),
                            }),
                            code => Err(malformed(DecodeError::from(format!(
                                "{code} is not an error code"
                            )))),
                        };
                    }
                    message_type if message_type == family => {
                        take(&header, payload).map_err(malformed)?;
                    }
                    other => {
                        return Err(malformed(DecodeError::from(format!(
                            "it has a message of type {other}"
                        ))));
                    }
                }
            }
        }
    }
}
