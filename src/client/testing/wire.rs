// SPDX-License-Identifier: MIT

//! Requests and answers as the bytes that travel, on the kernel's side.

use ipvs_netlink::{IpvsAttribute, IpvsCommand, IpvsMessage};
use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, NLM_F_ACK, NLM_F_DUMP, NLM_F_MULTIPART, NLM_F_REQUEST,
    NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer, NetlinkDeserializable, NetlinkHeader,
};
use netlink_packet_generic::{
    GenlMessage,
    constants::GENL_ID_CTRL,
    ctrl::{GenlCtrl, GenlCtrlCmd, nlas::GenlCtrlAttrs},
};
use rustix::io::Errno;

/// The number that this kernel gives the IPVS family.
pub(crate) const FAMILY: u16 = 0x1c;

/// A request that came whole, with flags that the kernel acts on, to the family's
/// number and in the version of the family.
#[derive(Debug, PartialEq)]
pub(crate) enum Request {
    /// To the controller, with `NLM_F_REQUEST | NLM_F_ACK`.
    Controller(GenlCtrl),
    /// To IPVS, with `NLM_F_REQUEST | NLM_F_ACK`.
    Acknowledged(IpvsCommand, Vec<IpvsAttribute>),
    /// To IPVS, with `NLM_F_REQUEST` alone: answered only if refused.
    Unacknowledged(IpvsCommand, Vec<IpvsAttribute>),
    /// To IPVS, with `NLM_F_REQUEST | NLM_F_DUMP`.
    Dump(IpvsCommand, Vec<IpvsAttribute>),
}

/// A message to the client.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    kind: u16,
    flags: u16,
    pub(super) payload: Vec<u8>,
    pub(super) claimed_length: Option<u32>,
    requests_back: u32,
}

impl Message {
    pub(crate) fn new(kind: u16, payload: Vec<u8>) -> Self {
        Self {
            kind,
            flags: 0,
            payload,
            claimed_length: None,
            requests_back: 0,
        }
    }

    /// A message of the IPVS family.
    pub(crate) fn reply(command: IpvsCommand, attributes: Vec<IpvsAttribute>) -> Self {
        let message = GenlMessage::from_payload(IpvsMessage::new(command, attributes));
        let mut payload = vec![0; message.buffer_len()];
        message.emit(&mut payload);
        Self::new(FAMILY, payload)
    }

    pub(crate) fn ack() -> Self {
        Self::error(0)
    }

    pub(crate) fn refusal(errno: Errno) -> Self {
        Self::error(-errno.raw_os_error())
    }

    pub(crate) fn error(code: i32) -> Self {
        let mut payload = code.to_ne_bytes().to_vec();
        // The kernel repeats the header of the request here.
        payload.extend([0; 16]);
        Self::new(NLMSG_ERROR, payload)
    }

    pub(crate) fn done() -> Self {
        Self::done_with(0)
    }

    pub(crate) fn done_with(code: i32) -> Self {
        Self::new(NLMSG_DONE, code.to_ne_bytes().to_vec()).with_flags(NLM_F_MULTIPART)
    }

    pub(crate) fn with_flags(mut self, flags: u16) -> Self {
        self.flags |= flags;
        self
    }

    /// Answers a request that many before the last.
    pub(crate) fn for_earlier(mut self, requests_back: u32) -> Self {
        self.requests_back = requests_back;
        self
    }

    /// The bytes that it takes in a datagram.
    pub(crate) fn length(&self) -> usize {
        let mut datagram = Vec::new();
        self.append_to(&mut datagram, u32::MAX);
        datagram.len()
    }

    pub(crate) fn append_to(&self, datagram: &mut Vec<u8>, sequence: u32) {
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

/// A message of a dump.
pub(crate) fn part(command: IpvsCommand, attributes: Vec<IpvsAttribute>) -> Message {
    Message::reply(command, attributes).with_flags(NLM_F_MULTIPART)
}

/// The reply of the controller that has the IPVS family, with these attributes
/// after the usual ones.
pub(crate) fn family(more: &[DefaultNla]) -> Message {
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
    more.emit(payload.get_mut(known..).unwrap_or_default());
    Message::new(GENL_ID_CTRL, payload)
}

/// Decodes the requests of a datagram and checks what the kernel does not: their
/// sequence numbers follow each other, and nothing is between them.
///
/// # Errors
/// When a request is not one that this crate should make.
pub(crate) fn decode(datagram: &[u8], sequence: &mut u32) -> Result<Vec<Request>, DecodeError> {
    let mut requests = Vec::new();
    let mut rest = datagram;
    while !rest.is_empty() {
        let message = NetlinkBuffer::new_checked(rest)?;
        check(message.length() % 4 == 0, "its length is not aligned")?;
        check(message.port_number() == 0, "it has a port")?;
        let expected = sequence.wrapping_add(1);
        check(
            message.sequence_number() == expected,
            "it is out of sequence",
        )?;
        *sequence = expected;
        requests.push(decode_request(&message)?);
        rest = rest.get(message.length() as usize..).unwrap_or_default();
    }
    Ok(requests)
}

fn check(holds: bool, otherwise: &str) -> Result<(), DecodeError> {
    if holds {
        Ok(())
    } else {
        Err(DecodeError::from(otherwise.to_owned()))
    }
}

fn decode_request(message: &NetlinkBuffer<&[u8]>) -> Result<Request, DecodeError> {
    const ACKNOWLEDGED: u16 = NLM_F_REQUEST | NLM_F_ACK;
    const DUMP: u16 = NLM_F_REQUEST | NLM_F_DUMP;

    let mut header = NetlinkHeader::default();
    header.message_type = message.message_type();
    match message.message_type() {
        GENL_ID_CTRL => {
            let request = GenlMessage::<GenlCtrl>::deserialize(&header, message.payload())?;
            check(message.flags() == ACKNOWLEDGED, "it has other flags")?;
            Ok(Request::Controller(request.payload))
        }
        FAMILY => {
            let request = GenlMessage::<IpvsMessage>::deserialize(&header, message.payload())?;
            check(request.header.version == 1, "it has another version")?;
            let IpvsMessage {
                command,
                attributes,
            } = request.payload;
            match message.flags() {
                ACKNOWLEDGED => Ok(Request::Acknowledged(command, attributes)),
                NLM_F_REQUEST => Ok(Request::Unacknowledged(command, attributes)),
                DUMP => Ok(Request::Dump(command, attributes)),
                flags => Err(DecodeError::from(format!(
                    "{command:?} has the flags {flags:#x}"
                ))),
            }
        }
        other => Err(DecodeError::from(format!(
            "it is for the family {other:#x}"
        ))),
    }
}
