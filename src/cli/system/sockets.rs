// SPDX-License-Identifier: MIT

//! The sockets of the network namespace that wait for clients.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

use ipvs_client::Protocol;

/// A socket that connections or datagrams of any sender reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListeningSocket {
    pub(crate) protocol: Protocol,
    /// The address that it is bound to; 0.0.0.0 or :: is every address.
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
}

impl ListeningSocket {
    /// Returns true if clients of this address reach the socket. One that is bound to `::`
    /// is taken to accept IPv4 too, as most do: its file does not tell (`IPV6_V6ONLY`).
    pub(crate) fn is_reached_at(&self, address: IpAddr) -> bool {
        match (self.address.to_canonical(), address) {
            (IpAddr::V6(bound), _) if bound.is_unspecified() => true,
            (IpAddr::V4(bound), IpAddr::V4(_)) if bound.is_unspecified() => true,
            (bound, address) => bound == address,
        }
    }
}

/// A table of sockets below `/proc/net`.
struct Table {
    file: &'static str,
    protocol: Protocol,
    /// The state of a socket that waits (`net/tcp_states.h`): listening, or for UDP not
    /// connected.
    state: &'static str,
}

const TABLES: [Table; 4] = [
    Table {
        file: "tcp",
        protocol: Protocol::Tcp,
        state: "0A",
    },
    Table {
        file: "tcp6",
        protocol: Protocol::Tcp,
        state: "0A",
    },
    Table {
        file: "udp",
        protocol: Protocol::Udp,
        state: "07",
    },
    Table {
        file: "udp6",
        protocol: Protocol::Udp,
        state: "07",
    },
];

/// The endpoints of SCTP, below `/proc/net`; not there without the module.
const SCTP: &str = "sctp/eps";

/// Reads them for the network namespace of the calling thread.
pub(crate) fn read() -> io::Result<Vec<ListeningSocket>> {
    read_below(Path::new("/proc/thread-self/net"))
}

fn read_below(folder: &Path) -> io::Result<Vec<ListeningSocket>> {
    let read = |file| match fs::read_to_string(folder.join(file)) {
        // A kernel without IPv6 or SCTP.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        outcome => outcome,
    };
    let mut sockets = Vec::new();
    for table in TABLES {
        let text = read(table.file)?;
        // The first line has headings.
        sockets.extend(text.lines().skip(1).filter_map(|line| table.decode(line)));
    }
    let text = read(SCTP)?;
    sockets.extend(text.lines().skip(1).flat_map(decode_sctp));
    Ok(sockets)
}

impl Table {
    /// Reads a line; none for a socket in another state.
    fn decode(&self, line: &str) -> Option<ListeningSocket> {
        let mut words = line.split_whitespace().skip(1);
        let (address, port) = words.next()?.split_once(':')?;
        let state = words.nth(1)?;
        (state == self.state).then_some(())?;
        Some(ListeningSocket {
            protocol: self.protocol,
            address: decode_address(address)?,
            port: u16::from_str_radix(port, 16).ok()?,
        })
    }
}

/// Reads an address that the kernel has written as numbers of 32 bits in its own byte
/// order: one for IPv4, four for IPv6.
pub(super) fn decode_address(text: &str) -> Option<IpAddr> {
    let number = |index: usize| {
        let digits = text.get(index * 8..index * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    match text.len() {
        8 => Some(Ipv4Addr::from(number(0)?).into()),
        32 => {
            let parts = [number(0)?, number(1)?, number(2)?, number(3)?];
            let octets: [u8; 16] = parts.concat().try_into().ok()?;
            Some(Ipv6Addr::from(octets).into())
        }
        _ => None,
    }
}

/// Reads the line of an endpoint, which has its addresses behind the port, the user and
/// the inode.
fn decode_sctp(line: &str) -> Vec<ListeningSocket> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [_, _, _, state, _, port, _, _, addresses @ ..] = words.as_slice() else {
        return Vec::new();
    };
    // Listening, in decimal.
    let Some(port) = (*state == "10").then(|| port.parse().ok()).flatten() else {
        return Vec::new();
    };
    let addresses = addresses.iter().filter_map(|word| word.parse().ok());
    addresses
        .map(|address| ListeningSocket {
            protocol: Protocol::Sctp,
            address,
            port,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Files of Linux 6.1.176 on a little-endian machine, in which python3 has bound
    // sockets; `ss -lntu` showed those of TCP and UDP.
    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0050 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 109 2 000000004ac1fab3 100 0 0 10 0
   1: 0100007F:0050 0100007F:E6C0 01 00000000:00000000 00:00000000 00000000     0        0 0 1 00000000e2a0e8a8 21 0 0 10 -1
   2: 0100007F:E6C0 0100007F:0050 01 00000000:00000000 00:00000000 00000000     0        0 110 2 0000000053013168 21 0 0 10 -1
";
    const TCP6: &str = "\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 00000000f16fc3f1 100 0 0 10 0
";
    const UDP6: &str = "\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  246: B80D0120000001000000000000010000:0035 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 112 2 00000000b3cd4788 0
";
    // The last of them does not listen.
    const SCTP_ENDPOINTS: &str = "\
 ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS
a11f6588 3b92ad96 2   10  10   9         0   113 10.0.0.1 10.0.1.1
 f9f2438 6165747d 2   10  11   10        0   114 0000:0000:0000:0000:0000:0000:0000:0000
3f157ac1  2b1eae6 0   7   13   12        0   116 10.0.0.1
";

    fn socket(protocol: Protocol, address: &str, port: u16) -> ListeningSocket {
        ListeningSocket {
            protocol,
            address: address.parse().unwrap(),
            port,
        }
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn sockets_that_wait_are_found_and_connections_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
        write("tcp", TCP);
        write("tcp6", TCP6);
        write("udp6", UDP6);
        fs::create_dir(folder.path().join("sctp")).unwrap();
        write("sctp/eps", SCTP_ENDPOINTS);
        assert_eq!(
            read_below(folder.path()).unwrap(),
            [
                socket(Protocol::Tcp, "127.0.0.1", 80),
                socket(Protocol::Tcp, "::", 443),
                socket(Protocol::Udp, "2001:db8:1::100", 53),
                socket(Protocol::Sctp, "10.0.0.1", 9),
                socket(Protocol::Sctp, "10.0.1.1", 9),
                socket(Protocol::Sctp, "::", 10),
            ]
        );
    }

    #[test]
    fn a_socket_is_reached_at_its_address_or_at_all() {
        let reached = |bound, address: &str| {
            socket(Protocol::Tcp, bound, 80).is_reached_at(address.parse().unwrap())
        };
        assert!(reached("10.0.0.1", "10.0.0.1"));
        assert!(!reached("10.0.0.1", "10.0.0.2"));
        assert!(reached("0.0.0.0", "10.0.0.1"));
        assert!(!reached("0.0.0.0", "2001:db8::1"));
        assert!(reached("::", "2001:db8::1"));
        assert!(reached("::", "10.0.0.1"));
        assert!(reached("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(!reached("2001:db8::2", "2001:db8::1"));
    }
}
