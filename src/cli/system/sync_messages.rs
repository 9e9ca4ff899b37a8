// SPDX-License-Identifier: MIT

//! The messages of sync daemons, as far as some come while this program listens. A second
//! socket gets a copy of each; the daemon misses none.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket},
    time::{Duration, Instant},
};

use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};

/// The place where a backup daemon hears others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) group: IpAddr,
    pub(crate) port: u16,
    /// The number of the interface.
    pub(crate) interface: u32,
}

/// The sender of messages, and the syncid in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Heard {
    pub(crate) sync_id: u8,
    pub(crate) sender: IpAddr,
}

/// The longest datagram, in bytes.
const LONGEST: usize = 65536;

/// Listens for so long, or until a message with the wanted syncid comes.
pub(crate) fn listen(place: Place, wanted: u8, time: Duration) -> io::Result<BTreeSet<Heard>> {
    let socket = open(place)?;
    let end = Instant::now() + time;
    let mut heard = BTreeSet::new();
    let mut datagram = vec![0; LONGEST];
    loop {
        let rest = end.saturating_duration_since(Instant::now());
        // Zero would be no limit.
        if rest.is_zero() {
            return Ok(heard);
        }
        socket.set_read_timeout(Some(rest))?;
        let (length, sender) = match socket.recv_from(&mut datagram) {
            Ok(received) => received,
            Err(error) if is_nothing_yet(&error) => continue,
            Err(error) => return Err(error),
        };
        let Some(sync_id) = datagram.get(..length).and_then(read_sync_id) else {
            continue;
        };
        let sender = sender.ip();
        heard.insert(Heard { sync_id, sender });
        if sync_id == wanted {
            return Ok(heard);
        }
    }
}

fn is_nothing_yet(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

/// Opens a socket beside that of the daemon. It need not join the group, which the daemon
/// has joined for the interface.
fn open(place: Place) -> io::Result<UdpSocket> {
    let (family, address) = match place.group {
        IpAddr::V4(_) => (
            AddressFamily::INET,
            SocketAddr::new(place.group, place.port),
        ),
        IpAddr::V6(group) => {
            // A group of the link needs to be told which.
            let address = SocketAddrV6::new(group, place.port, 0, place.interface);
            (AddressFamily::INET6, address.into())
        }
    };
    let flags = SocketFlags::CLOEXEC;
    let socket = net::socket_with(family, SocketType::DGRAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    net::bind(&socket, &address)?;
    Ok(socket.into())
}

/// Reads the syncid of a message; none where it is another datagram. Both versions of
/// messages (`ip_vs_sync.c`) have it in the second byte, and their length in the two bytes
/// after it.
fn read_sync_id(message: &[u8]) -> Option<u8> {
    match message {
        [_, sync_id, high, low, ..] => {
            let length = u16::from_be_bytes([*high, *low]);
            (usize::from(length) == message.len()).then_some(*sync_id)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_its_syncid_and_its_length() {
        // The head of a message without connections, as `struct ip_vs_sync_mesg` has it.
        let message = [0, 7, 0, 8, 0, 1, 0, 0];
        assert_eq!(read_sync_id(&message), Some(7));
        assert_eq!(read_sync_id(&message[..7]), None);
        assert_eq!(read_sync_id(b"who"), None);
        assert_eq!(read_sync_id(b"who?\n"), None);
    }
}
