// SPDX-License-Identifier: MIT

//! The same kernel as this crate's own tests use it: each answer is written down,
//! and each request is looked at.

use std::collections::VecDeque;

use ipvs_netlink::{IpvsAttribute, IpvsCommand};
use netlink_packet_core::DefaultNla;
use rustix::io::Errno;

use super::{
    FakeKernel, Socket, State,
    wire::{self, Message, Request, part},
};
use crate::{Interface, ServiceId, Stats};

/// The outcome of one call of receive.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Messages with the sequence number of the last request of a datagram,
    /// unless they say how far before.
    Datagram(Vec<Message>),
    /// A datagram as it is.
    Bytes(Vec<u8>),
    /// The system call fails. `EAGAIN` is the receive timeout.
    Failure(Errno),
}

/// The answer to a request that was obeyed.
pub(crate) fn acknowledged() -> Vec<Answer> {
    vec![Answer::Datagram(vec![Message::ack()])]
}

/// The answer to a request that was refused.
pub(crate) fn refused(errno: Errno) -> Vec<Answer> {
    vec![Answer::Datagram(vec![Message::refusal(errno)])]
}

/// The answer to a request for one thing.
pub(crate) fn replied(command: IpvsCommand, attributes: Vec<IpvsAttribute>) -> Vec<Answer> {
    vec![
        Answer::Datagram(vec![Message::reply(command, attributes)]),
        Answer::Datagram(vec![Message::ack()]),
    ]
}

/// The answer to a dump: all its messages in one datagram, the end in another.
pub(crate) fn dumped(command: IpvsCommand, items: Vec<Vec<IpvsAttribute>>) -> Vec<Answer> {
    vec![
        Answer::Datagram(
            items
                .into_iter()
                .map(|attributes| part(command, attributes))
                .collect(),
        ),
        Answer::Datagram(vec![Message::done()]),
    ]
}

/// No answer comes.
pub(crate) fn swallowed() -> Vec<Answer> {
    vec![Answer::Failure(Errno::AGAIN)]
}

/// The answer of the controller that has the IPVS family, with these attributes
/// after the usual ones.
pub(crate) fn family_found(more: &[DefaultNla]) -> Vec<Answer> {
    vec![
        Answer::Datagram(vec![wire::family(more)]),
        Answer::Datagram(vec![Message::ack()]),
    ]
}

impl Message {
    /// The header says this length instead of the true one.
    pub(crate) fn claiming_length(mut self, length: u32) -> Self {
        self.claimed_length = Some(length);
        self
    }

    pub(crate) fn payload_mut(&mut self) -> &mut Vec<u8> {
        &mut self.payload
    }
}

impl FakeKernel {
    /// A kernel without a table, which answers each datagram of requests by the
    /// script.
    pub(crate) fn scripted(script: Vec<Vec<Answer>>) -> Self {
        let kernel = Self::new();
        // The script is about netlink alone.
        kernel.deny(Interface::SocketOptions);
        kernel.state().script = Some(script.into());
        kernel
    }

    /// Every request since they were forgotten, in order. The script must have been
    /// used up.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let mut state = self.state();
        let left = state.script.as_ref().map_or(0, VecDeque::len);
        assert_eq!(left, 0, "requests that were never made");
        std::mem::take(&mut state.requests)
    }

    /// Takes the numbers of requests in the datagrams that have come without a script.
    pub(crate) fn count_datagrams(&self) -> Vec<usize> {
        std::mem::take(&mut self.state().datagrams)
    }

    /// Makes another kernel with the same table and files.
    pub(crate) fn copy(&self) -> Self {
        let state = self.state();
        let copy = Self::new();
        copy.state().table = state.table.clone();
        copy.state().files = state.files.clone();
        copy
    }

    /// Gives a service counters; it must be there.
    pub(crate) fn count(&self, service: &ServiceId, stats: Stats) {
        let mut state = self.state();
        let service = state.table.service_mut(service);
        service.expect("the service is there").stats = Some(stats);
    }

    pub(crate) fn forget_requests(&self) {
        self.state().requests.clear();
    }

    /// The room that there was for an answer to each datagram of requests, the one
    /// for the family first.
    pub(crate) fn rooms(&self) -> Vec<usize> {
        self.state().rooms.clone()
    }
}

impl Socket {
    /// Answers the requests of a datagram by the script.
    pub(super) fn act_out(&mut self, state: &mut State, requests: Vec<Request>) {
        let answers = match state.script.as_mut().and_then(VecDeque::pop_front) {
            Some(answers) => answers,
            None => panic!("the script has no answer to {requests:?}"),
        };
        state.requests.extend(requests);
        state.rooms.push(0);
        for answer in answers {
            match answer {
                Answer::Datagram(messages) => self.put(messages),
                Answer::Bytes(bytes) => self.sent.push_back(Ok(bytes)),
                Answer::Failure(errno) => self.sent.push_back(Err(errno)),
            }
        }
    }
}
