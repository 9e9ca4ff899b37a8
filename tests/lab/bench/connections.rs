// SPDX-License-Identifier: MIT

//! Many connections at little cost: datagrams with made-up source addresses
//! from the director itself, through a service whose only server is a link that
//! throws everything away.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd as _;

use anyhow::{Context as _, Result};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, socket,
};

use super::floor::Floor;
use super::rules::PORT;
use crate::networks::netns::Namespace;

const SERVICE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(172, 16, 0, 1);
/// Datagrams from each made-up address.
const PORTS: u32 = 1000;
/// For how many seconds the connections stay: longer than a measurement.
const TIMEOUT: u32 = 24 * 60 * 60;

/// Makes a director with so many connections of the service UDP 10.0.0.1:80.
///
/// # Errors
/// When the kernel has no IPVS, or refuses one of the steps.
pub fn director(number: u32) -> Result<Namespace> {
    let floor = Floor::find()?;
    let director = Namespace::new("director")?;
    director.ip("link add sink type dummy
         link set sink up
         address add 192.0.2.1/32 dev sink
         route add default dev sink")?;
    director.run(|| {
        floor.one_way(SERVICE, SERVER, TIMEOUT).send()?;
        send(number)
    })??;
    Ok(director)
}

fn send(number: u32) -> Result<()> {
    // The kernel takes the IP header from a socket of this kind as it is.
    let socket = socket(
        AddressFamily::Inet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::Raw,
    )
    .context("cannot open a raw socket")?;
    let service = SockaddrIn::from(SocketAddrV4::new(SERVICE, 0));
    for connection in 0..number {
        let source = u32::from(Ipv4Addr::new(10, 64, 0, 1)) + connection / PORTS;
        let port = 1024 + u16::try_from(connection % PORTS)?;
        let datagram = datagram(source.into(), port);
        sendto(socket.as_raw_fd(), &datagram, &service, MsgFlags::empty())
            .context("cannot send a datagram")?;
    }
    Ok(())
}

/// An IPv4 header and a UDP header, without data. What is left zero the kernel
/// fills in (identification, length and checksum of the IP header) or does not
/// ask for (the UDP checksum).
fn datagram(source: Ipv4Addr, port: u16) -> [u8; 28] {
    const VERSION_AND_HEADER_LENGTH: u8 = 0x45;
    const TIME_TO_LIVE: u8 = 64;
    const UDP: u8 = 17;
    const UDP_LENGTH: u8 = 8;
    let [a, b, c, d] = source.octets();
    let [e, f, g, h] = SERVICE.octets();
    let [from_high, from_low] = port.to_be_bytes();
    let [to_high, to_low] = PORT.to_be_bytes();
    [
        VERSION_AND_HEADER_LENGTH,
        0,
        0,
        0, //
        0,
        0,
        0,
        0, //
        TIME_TO_LIVE,
        UDP,
        0,
        0, //
        a,
        b,
        c,
        d, //
        e,
        f,
        g,
        h, //
        from_high,
        from_low,
        to_high,
        to_low, //
        0,
        UDP_LENGTH,
        0,
        0,
    ]
}
