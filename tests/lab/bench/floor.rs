// SPDX-License-Identifier: MIT

//! The floor: the least that a program can do to fill or list a table.
//!
//! Requests are built before the clock starts. They travel in batches over one
//! socket; of a batch only the last is acknowledged, and what a dump brings is
//! thrown away. No program is started for it, and no family is looked up.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ipvs_netlink::{
    DestinationAttribute, ForwardingMethod, IpvsAttribute, IpvsCommand, IpvsMessage,
    ServiceAttribute, ServiceFlags,
};
use netlink_packet_core::{
    Emitable, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer,
    NetlinkMessage, NlasIterator, parse_i32, parse_u16,
};
use netlink_packet_generic::constants::{CTRL_ATTR_FAMILY_ID, GENL_HDRLEN, GENL_ID_CTRL};
use netlink_packet_generic::ctrl::nlas::GenlCtrlAttrs;
use netlink_packet_generic::ctrl::{GenlCtrl, GenlCtrlCmd};
use netlink_packet_generic::{GenlFamily, GenlMessage};
use netlink_sys::protocols::NETLINK_GENERIC;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;

use super::rules::{PORT, Table};

/// Requests of one batch.
const BATCH: usize = 128;
/// The longest datagram that the kernel sends.
const BUFFER: usize = 32 * 1024;

const AF_INET: u16 = 2;
const IPPROTO_TCP: u16 = 6;
const IPPROTO_UDP: u16 = 17;

/// Encodes requests to the IPVS family of the running kernel.
pub(crate) struct Floor {
    family: u16,
}

/// Datagrams that are ready to be sent, each with one answer.
pub(crate) struct Requests(Vec<Vec<u8>>);

/// The time that sending requests took, and what it brought.
pub(crate) struct Done {
    /// From opening the socket to the end of the last answer.
    pub(crate) took: Duration,
    /// The number of services and destinations that the answers held.
    pub(crate) objects: usize,
}

impl Floor {
    /// Asks the kernel for the family's number.
    ///
    /// # Errors
    /// `ENOENT` when the kernel has no IPVS.
    pub(crate) fn find() -> Result<Self> {
        let request = encode(
            GenlMessage::from_payload(GenlCtrl {
                cmd: GenlCtrlCmd::GetFamily,
                nlas: vec![GenlCtrlAttrs::FamilyName(
                    IpvsMessage::family_name().to_owned(),
                )],
            }),
            GENL_ID_CTRL,
            NLM_F_ACK,
        );
        let mut family = None;
        exchange(&[request], |message| {
            let attributes = message.get(GENL_HDRLEN..).unwrap_or_default();
            for attribute in NlasIterator::new(attributes) {
                let attribute = attribute?;
                if attribute.kind() == CTRL_ATTR_FAMILY_ID {
                    family = Some(parse_u16(attribute.value())?);
                }
            }
            Ok(())
        })
        .context("cannot find IPVS")?;
        let family = family.context("the kernel does not tell the family's number")?;
        Ok(Self { family })
    }

    /// The requests that fill an empty table.
    pub(crate) fn filling(&self, table: Table) -> Requests {
        let mut messages = Vec::new();
        for (number, address) in (0..).zip(table.services()) {
            messages.push(service(address, IPPROTO_TCP));
            for destination in table.destinations(number) {
                messages.push(server(
                    address,
                    IPPROTO_TCP,
                    destination,
                    ForwardingMethod::Masquerading,
                ));
            }
        }
        self.batches(&messages)
    }

    /// The requests that list a table: its services, and then the destinations
    /// of each.
    pub(crate) fn listing(&self, table: Table) -> Requests {
        let services = IpvsMessage::new(IpvsCommand::GetService, Vec::new());
        let mut messages = vec![services];
        messages.extend(table.services().map(|address| {
            IpvsMessage::new(
                IpvsCommand::GetDest,
                vec![IpvsAttribute::Service(identity(address, IPPROTO_TCP))],
            )
        }));
        let dump = |message| self.encode(message, NLM_F_DUMP);
        Requests(messages.into_iter().map(dump).collect())
    }

    /// The requests for one UDP service whose packets go to one server by
    /// direct routing, and whose idle connections stay for so many seconds.
    pub(crate) fn one_way(&self, from: Ipv4Addr, to: Ipv4Addr, seconds: u32) -> Requests {
        self.batches(&[
            service(from, IPPROTO_UDP),
            server(from, IPPROTO_UDP, to, ForwardingMethod::DirectRouting),
            IpvsMessage::new(
                IpvsCommand::SetConfig,
                vec![IpvsAttribute::TimeoutUdp(seconds)],
            ),
        ])
    }

    /// The request that empties the table.
    pub(crate) fn emptying(&self) -> Requests {
        self.batches(&[IpvsMessage::new(IpvsCommand::Flush, Vec::new())])
    }

    fn batches(&self, messages: &[IpvsMessage]) -> Requests {
        let datagram = |batch: &[IpvsMessage]| {
            let last = batch.len().saturating_sub(1);
            let messages = batch.iter().cloned().enumerate();
            messages
                .flat_map(|(number, message)| {
                    self.encode(message, if number == last { NLM_F_ACK } else { 0 })
                })
                .collect()
        };
        Requests(messages.chunks(BATCH).map(datagram).collect())
    }

    fn encode(&self, message: IpvsMessage, flags: u16) -> Vec<u8> {
        encode(GenlMessage::from_payload(message), self.family, flags)
    }
}

impl Requests {
    /// Sends them to the table of the network namespace that this thread is in.
    ///
    /// # Errors
    /// When the kernel refuses one of them.
    pub(crate) fn send(&self) -> Result<Done> {
        let begin = Instant::now();
        let mut objects = 0;
        exchange(&self.0, |_| {
            objects += 1;
            Ok(())
        })?;
        let took = begin.elapsed();
        Ok(Done { took, objects })
    }
}

/// Sends every datagram and takes its answer, up to the message that ends it;
/// `take` gets the payloads of all before that one.
fn exchange(datagrams: &[Vec<u8>], mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let socket = Socket::new(NETLINK_GENERIC).context("cannot open a netlink socket")?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut buffer = vec![0; BUFFER];
    for datagram in datagrams {
        socket.send(datagram, 0).context("cannot send requests")?;
        loop {
            let mut free = buffer.as_mut_slice();
            let length = socket.recv(&mut free, 0).context("no answer")?;
            if is_last(buffer.get(..length).unwrap_or_default(), &mut take)? {
                break;
            }
        }
    }
    Ok(())
}

/// Returns whether a datagram of the kernel ends its answer.
fn is_last(mut datagram: &[u8], take: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<bool> {
    while !datagram.is_empty() {
        let message = NetlinkBuffer::new_checked(datagram)?;
        match message.message_type() {
            NLMSG_DONE | NLMSG_ERROR => {
                let code = parse_i32(message.payload().get(..4).unwrap_or_default())?;
                ensure!(code == 0, "the kernel says {}", Errno::from_raw(-code));
                return Ok(true);
            }
            _ => take(message.payload())?,
        }
        let length = (message.length() as usize).next_multiple_of(4);
        datagram = datagram.get(length..).unwrap_or_default();
    }
    Ok(false)
}

fn encode<F>(mut message: GenlMessage<F>, family: u16, flags: u16) -> Vec<u8>
where
    F: GenlFamily + Emitable + std::fmt::Debug,
{
    message.set_resolved_family_id(family);
    let mut message = NetlinkMessage::from(message);
    message.header.flags = NLM_F_REQUEST | flags;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

fn identity(address: Ipv4Addr, protocol: u16) -> Vec<ServiceAttribute> {
    vec![
        ServiceAttribute::AddressFamily(AF_INET),
        ServiceAttribute::Protocol(protocol),
        ServiceAttribute::Address(padded(address)),
        ServiceAttribute::Port(PORT),
    ]
}

fn service(address: Ipv4Addr, protocol: u16) -> IpvsMessage {
    let mut attributes = identity(address, protocol);
    attributes.extend([
        ServiceAttribute::SchedulerName("rr".to_owned()),
        ServiceAttribute::Flags {
            flags: ServiceFlags::empty(),
            mask: u32::MAX,
        },
        ServiceAttribute::Timeout(0),
        ServiceAttribute::Netmask([255; 4]),
    ]);
    IpvsMessage::new(
        IpvsCommand::NewService,
        vec![IpvsAttribute::Service(attributes)],
    )
}

fn server(
    service: Ipv4Addr,
    protocol: u16,
    address: Ipv4Addr,
    method: ForwardingMethod,
) -> IpvsMessage {
    IpvsMessage::new(
        IpvsCommand::NewDest,
        vec![
            IpvsAttribute::Service(identity(service, protocol)),
            IpvsAttribute::Destination(vec![
                DestinationAttribute::AddressFamily(AF_INET),
                DestinationAttribute::Address(padded(address)),
                DestinationAttribute::Port(PORT),
                DestinationAttribute::ForwardingMethod(method),
                DestinationAttribute::Weight(1),
                DestinationAttribute::UpperThreshold(0),
                DestinationAttribute::LowerThreshold(0),
            ]),
        ],
    )
}

fn padded(address: Ipv4Addr) -> [u8; 16] {
    let [a, b, c, d] = address.octets();
    [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}
