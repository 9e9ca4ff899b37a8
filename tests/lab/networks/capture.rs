// SPDX-License-Identifier: MIT

//! Packets as they arrive at a box, before anything is unwrapped.

use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result};
use nix::libc;
use socket2::{Domain, Protocol, Socket, Type};

use crate::networks::netns::Namespace;

/// The largest packet.
const PACKET: usize = 65_536;

/// A packet without its IP header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// The sender.
    pub source: IpAddr,
    /// Whom it is for.
    pub destination: IpAddr,
    /// The kind of what follows the header, as IANA numbers it: the protocol of IPv4, the
    /// next header of IPv6.
    pub protocol: u8,
    /// The bytes that follow the header.
    pub payload: Vec<u8>,
}

impl Packet {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (header, source, destination, protocol) = match bytes.first()? >> 4 {
            4 => (
                usize::from(bytes.first()? & 15) * 4,
                Ipv4Addr::from(*bytes.get(12..)?.first_chunk::<4>()?).into(),
                Ipv4Addr::from(*bytes.get(16..)?.first_chunk::<4>()?).into(),
                *bytes.get(9)?,
            ),
            6 => (
                40,
                Ipv6Addr::from(*bytes.get(8..)?.first_chunk::<16>()?).into(),
                Ipv6Addr::from(*bytes.get(24..)?.first_chunk::<16>()?).into(),
                *bytes.get(6)?,
            ),
            _ => return None,
        };
        Some(Self {
            source,
            destination,
            protocol,
            payload: bytes.get(header..)?.to_owned(),
        })
    }
}

/// Keeps the packets that arrive in a namespace for one of its addresses, some
/// hundreds at most.
#[derive(Debug)]
pub struct Capture {
    socket: Socket,
    address: IpAddr,
}

impl Capture {
    /// Begins to keep packets for this address.
    ///
    /// # Errors
    /// When the caller is not root.
    pub fn start(namespace: &Namespace, address: IpAddr) -> Result<Self> {
        let kind = match address {
            IpAddr::V4(_) => libc::ETH_P_IP,
            IpAddr::V6(_) => libc::ETH_P_IPV6,
        };
        // A socket for one kind sees what arrives and not what leaves.
        let kind = u16::try_from(kind)?.to_be();
        let socket = namespace.run(|| {
            let protocol = Protocol::from(i32::from(kind));
            // Without the frame's header.
            let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(protocol))?;
            socket.set_nonblocking(true)?;
            Ok::<_, io::Error>(socket)
        })?;
        let socket = socket.with_context(|| format!("cannot capture at {}", namespace.name()))?;
        Ok(Self { socket, address })
    }

    /// The packets that have arrived since the last call.
    ///
    /// # Errors
    /// When reading fails.
    pub fn packets(&self) -> Result<Vec<Packet>> {
        let mut packets = Vec::new();
        let mut bytes = vec![0; PACKET];
        loop {
            match (&self.socket).read(&mut bytes) {
                Ok(length) => packets.extend(
                    bytes
                        .get(..length)
                        .and_then(Packet::read)
                        .filter(|packet| packet.destination == self.address),
                ),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(packets),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Packet;

    #[test]
    fn a_packet_is_read_behind_the_options_of_its_header() {
        let mut bytes = vec![0x46, 0, 0, 25, 0, 0, 0, 0, 64, 47, 0, 0];
        bytes.extend([192, 0, 2, 1, 192, 0, 2, 2]);
        bytes.extend([1; 4]);
        bytes.push(7);
        let packet = Packet::read(&bytes).unwrap();
        assert_eq!(packet.source.to_string(), "192.0.2.1");
        assert_eq!(packet.destination.to_string(), "192.0.2.2");
        assert_eq!((packet.protocol, packet.payload), (47, vec![7]));
    }

    #[test]
    fn what_is_no_packet_is_left_out() {
        assert_eq!(Packet::read(&[]), None);
        assert_eq!(Packet::read(&[0x45, 0, 0]), None);
        assert_eq!(Packet::read(&[0; 64]), None);
    }
}
