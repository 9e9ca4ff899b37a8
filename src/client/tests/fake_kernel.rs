// SPDX-License-Identifier: MIT

//! A kernel at the byte border: it decodes and checks each request and answers
//! from a script.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use ipvs_netlink::{IpvsAttribute, IpvsCommand, IpvsMessage};
use netlink_packet_core::{
    DefaultNla, Emitable, NLM_F_ACK, NLM_F_DUMP, NLM_F_MULTIPART, NLM_F_REQUEST, NLMSG_DONE,
    NLMSG_ERROR, NetlinkBuffer, NetlinkDeserializable, NetlinkHeader,
};
use netlink_packet_generic::{
    GenlMessage,
    constants::GENL_ID_CTRL,
    ctrl::{GenlCtrl, GenlCtrlCmd, nlas::GenlCtrlAttrs},
};
use rustix::io::Errno;

use crate::{NetworkNamespace, client::Client, kernel::socket::Transport};

/// The number that this kernel gives the IPVS family.
pub(super) const FAMILY: u16 = 0x1c;

/// A request that came whole, with flags that the kernel acts on, to the family's number and in the version of the family.
#[derive(Debug, PartialEq)]
pub(super) enum Request {
    /// To the controller, with `NLM_F_REQUEST | NLM_F_ACK`.
    Controller(GenlCtrl),
    /// To IPVS, with `NLM_F_REQUEST | NLM_F_ACK`.
    Acknowledged(IpvsCommand, Vec<IpvsAttribute>),
    /// To IPVS, with `NLM_F_REQUEST` alone: answered only if refused.
    Unacknowledged(IpvsCommand, Vec<IpvsAttribute>),
    /// To IPVS, with `NLM_F_REQUEST | NLM_F_DUMP`.
    Dump(IpvsCommand, Vec<IpvsAttribute>),
}

/// What one call of receive gives.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// Messages with the sequence number of the last request of a datagram,
    /// unless they say how far before.
    Datagram(Vec<Message>),
    /// A datagram as it is.
    Bytes(Vec<u8>),
    /// The system call fails. `EAGAIN` is the receive timeout.
    Failure(Errno),
}

/// A message to the client.
#[derive(Clone, Debug)]
pub(super) struct Message {
    kind: u16,
    flags: u16,
    payload: Vec<u8>,
    claimed_length: Option<u32>,
    requests_back: u32,
}

impl Message {
    pub(super) fn new(kind: u16, payload: Vec<u8>) -> Self {
        Self {
            kind,
            flags: 0,
            payload,
            claimed_length: None,
            requests_back: 0,
        }
    }

    /// A message of the IPVS family.
    pub(super) fn reply(command: IpvsCommand, attributes: Vec<IpvsAttribute>) -> Self {
        let message = GenlMessage::from_payload(IpvsMessage::new(command, attributes));
        let mut payload = vec![0; message.buffer_len()];
        message.emit(&mut payload);
        Self::new(FAMILY, payload)
    }

    pub(super) fn ack() -> Self {
        Self::error(0)
    }

    pub(super) fn refusal(errno: Errno) -> Self {
        Self::error(-errno.raw_os_error())
    }

    pub(super) fn error(code: i32) -> Self {
        let mut payload = code.to_ne_bytes().to_vec();
        // The kernel repeats the header of the request here.
        payload.extend([0; 16]);
        Self::new(NLMSG_ERROR, payload)
    }

    pub(super) fn done() -> Self {
        Self::done_with(0)
    }

    pub(super) fn done_with(code: i32) -> Self {
        Self::new(NLMSG_DONE, code.to_ne_bytes().to_vec()).with_flags(NLM_F_MULTIPART)
    }

    pub(super) fn with_flags(mut self, flags: u16) -> Self {
        self.flags |= flags;
        self
    }

    /// The header says this length instead of the true one.
    pub(super) fn claiming_length(mut self, length: u32) -> Self {
        self.claimed_length = Some(length);
        self
    }

    /// Answers a request that many before the last.
    pub(super) fn for_earlier(mut self, requests_back: u32) -> Self {
        self.requests_back = requests_back;
        self
    }

    /// The bytes that it takes in a datagram.
    pub(super) fn length(&self) -> usize {
        let mut datagram = Vec::new();
        self.append_to(&mut datagram, u32::MAX);
        datagram.len()
    }

    pub(super) fn payload_mut(&mut self) -> &mut Vec<u8> {
        &mut self.payload
    }

    fn append_to(&self, datagram: &mut Vec<u8>, sequence: u32) {
        let mut header = NetlinkHeader::default();
        header.length = self
            .claimed_length
            .unwrap_or((header.buffer_len() + self.payload.len()) as u32);
        header.message_type = self.kind;
        header.flags = self.flags;
        header.sequence_number = sequence - self.requests_back;
        header.port_number = 4711;
        let mut bytes = vec![0; header.buffer_len()];
        header.emit(&mut bytes);
        datagram.extend(bytes);
        datagram.extend(&self.payload);
        datagram.resize(datagram.len().next_multiple_of(4), 0);
    }
}

/// The answer to a request that was obeyed.
pub(super) fn acknowledged() -> Vec<Answer> {
    vec![Answer::Datagram(vec![Message::ack()])]
}

/// The answer to a request that was refused.
pub(super) fn refused(errno: Errno) -> Vec<Answer> {
    vec![Answer::Datagram(vec![Message::refusal(errno)])]
}

/// The answer to a request for one thing.
pub(super) fn replied(command: IpvsCommand, attributes: Vec<IpvsAttribute>) -> Vec<Answer> {
    vec![
        Answer::Datagram(vec![Message::reply(command, attributes)]),
        Answer::Datagram(vec![Message::ack()]),
    ]
}

/// The answer to a dump: all its messages in one datagram, the end in another.
pub(super) fn dumped(command: IpvsCommand, items: Vec<Vec<IpvsAttribute>>) -> Vec<Answer> {
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

/// A message of a dump.
pub(super) fn part(command: IpvsCommand, attributes: Vec<IpvsAttribute>) -> Message {
    Message::reply(command, attributes).with_flags(NLM_F_MULTIPART)
}

/// No answer comes.
pub(super) fn swallowed() -> Vec<Answer> {
    vec![Answer::Failure(Errno::AGAIN)]
}

/// The answer of the controller that has the IPVS family, with these attributes
/// after the usual ones.
pub(super) fn family_found(more: &[DefaultNla]) -> Vec<Answer> {
    let message = GenlMessage::from_payload(GenlCtrl {
        cmd: GenlCtrlCmd::NewFamily,
        nlas: vec![
            GenlCtrlAttrs::FamilyName("IPVS".to_owned()),
            GenlCtrlAttrs::FamilyId(FAMILY),
            GenlCtrlAttrs::Version(1),
            GenlCtrlAttrs::HdrSize(0),
            GenlCtrlAttrs::MaxAttr(6),
        ],
    });
    let mut payload = vec![0; message.buffer_len()];
    message.emit(&mut payload);
    let known = payload.len();
    payload.resize(known + more.buffer_len(), 0);
    more.emit(&mut payload[known..]);
    vec![
        Answer::Datagram(vec![Message::new(GENL_ID_CTRL, payload)]),
        Answer::Datagram(vec![Message::ack()]),
    ]
}

/// A client that has found its family, and the kernel that has answers for
/// that many more requests.
pub(super) fn client_with<const N: usize>(answers: [Vec<Answer>; N]) -> (Client, FakeKernel) {
    let kernel = FakeKernel::new([vec![family_found(&[])], answers.to_vec()].concat());
    let client = Client::over(Box::new(kernel.clone()), []).unwrap();
    kernel.state().requests.clear();
    (client, kernel)
}

#[derive(Clone)]
pub(super) struct FakeKernel(Arc<Mutex<State>>);

struct State {
    /// The answers to the requests to come, one entry a datagram.
    script: VecDeque<Vec<Answer>>,
    /// Answers under way, with their sequence numbers.
    sent: VecDeque<Result<Vec<u8>, Errno>>,
    requests: Vec<Request>,
    /// For each datagram of requests, the room that there was for an answer.
    rooms: Vec<usize>,
    sequence: u32,
}

impl FakeKernel {
    pub(super) fn new(script: Vec<Vec<Answer>>) -> Self {
        Self(Arc::new(Mutex::new(State {
            script: script.into(),
            sent: VecDeque::new(),
            requests: Vec::new(),
            rooms: Vec::new(),
            sequence: 0,
        })))
    }

    /// Every request since the family was found, in order. The script must
    /// have been used up.
    pub(super) fn requests(&self) -> Vec<Request> {
        let mut state = self.state();
        assert_eq!(state.script.len(), 0, "requests that were never made");
        std::mem::take(&mut state.requests)
    }

    /// The room that there was for an answer to each datagram of requests, the
    /// one for the family first.
    pub(super) fn rooms(&self) -> Vec<usize> {
        self.state().rooms.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Transport for FakeKernel {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let mut requests = Vec::new();
        let mut rest = datagram;
        while !rest.is_empty() {
            let message = NetlinkBuffer::new_checked(rest).unwrap();
            assert_eq!(message.length() % 4, 0);
            assert_eq!(message.port_number(), 0);
            assert_eq!(message.sequence_number(), state.sequence + 1);
            state.sequence = message.sequence_number();
            requests.push(decode(&message));
            rest = &rest[message.length() as usize..];
        }
        let answers = match state.script.pop_front() {
            Some(answers) => answers,
            None => panic!("the script has no answer to {requests:?}"),
        };
        state.requests.extend(requests);
        state.rooms.push(0);
        for answer in answers {
            let sequence = state.sequence;
            state.sent.push_back(match answer {
                Answer::Datagram(messages) => {
                    let mut datagram = Vec::new();
                    for message in messages {
                        message.append_to(&mut datagram, sequence);
                    }
                    Ok(datagram)
                }
                Answer::Bytes(bytes) => Ok(bytes),
                Answer::Failure(errno) => Err(errno),
            });
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let mut state = self.state();
        if let Some(room) = state.rooms.last_mut() {
            *room = buffer.capacity();
        }
        let datagram = state.sent.pop_front().unwrap_or(Err(Errno::AGAIN))?;
        let fits = datagram.len().min(buffer.capacity());
        buffer.clear();
        buffer.extend_from_slice(&datagram[..fits]);
        Ok(datagram.len())
    }

    fn open_file(&self, _name: &str) -> io::Result<Box<dyn io::Read + Send>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn namespace(&self) -> io::Result<NetworkNamespace> {
        Err(io::ErrorKind::NotFound.into())
    }
}

fn decode(message: &NetlinkBuffer<&[u8]>) -> Request {
    const ACKNOWLEDGED: u16 = NLM_F_REQUEST | NLM_F_ACK;
    const DUMP: u16 = NLM_F_REQUEST | NLM_F_DUMP;

    let mut header = NetlinkHeader::default();
    header.message_type = message.message_type();
    match message.message_type() {
        GENL_ID_CTRL => {
            let request = GenlMessage::<GenlCtrl>::deserialize(&header, message.payload()).unwrap();
            assert_eq!(message.flags(), ACKNOWLEDGED);
            Request::Controller(request.payload)
        }
        FAMILY => {
            let request =
                GenlMessage::<IpvsMessage>::deserialize(&header, message.payload()).unwrap();
            assert_eq!(request.header.version, 1);
            let IpvsMessage {
                command,
                attributes,
            } = request.payload;
            match message.flags() {
                ACKNOWLEDGED => Request::Acknowledged(command, attributes),
                NLM_F_REQUEST => Request::Unacknowledged(command, attributes),
                DUMP => Request::Dump(command, attributes),
                flags => panic!("{command:?} with flags {flags:#x}"),
            }
        }
        other => panic!("a request to family {other:#x}"),
    }
}
