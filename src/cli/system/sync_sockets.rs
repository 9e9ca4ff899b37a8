// SPDX-License-Identifier: MIT

//! The sockets of sync daemons, which the kernel lists among those of programs.

use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
    path::Path,
};

use ipvs_client::DaemonRole;

use super::sockets::decode_address;

/// A UDP socket that is bound to a multicast group, as that of a backup is, or sends to
/// one, as that of a master does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupSocket {
    pub(crate) role: DaemonRole,
    /// The group and the port.
    pub(crate) group: SocketAddr,
    /// Bytes that wait: to be sent by a master, to be read by a backup.
    pub(crate) queued: u64,
    /// Messages that arrived when there was no room for them; they are lost.
    pub(crate) dropped: u64,
}

/// Reads those of the network namespace of the calling thread.
pub(crate) fn read() -> io::Result<Vec<GroupSocket>> {
    read_below(Path::new("/proc/thread-self/net"))
}

fn read_below(folder: &Path) -> io::Result<Vec<GroupSocket>> {
    let mut sockets = Vec::new();
    for file in ["udp", "udp6"] {
        let text = match fs::read_to_string(folder.join(file)) {
            // A kernel without IPv6.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            outcome => outcome?,
        };
        // The first line has headings.
        sockets.extend(text.lines().skip(1).filter_map(decode));
    }
    Ok(sockets)
}

/// Reads a line: number, own end, other end, state, bytes to send and to read, five more,
/// and after the pointer the dropped datagrams. None for a socket of no group.
fn decode(line: &str) -> Option<GroupSocket> {
    let mut words = line.split_whitespace().skip(1);
    let own = decode_end(words.next()?)?;
    let other = decode_end(words.next()?)?;
    let (to_send, to_read) = words.nth(1)?.split_once(':')?;
    let (role, group, queued) = if own.ip().is_multicast() {
        (DaemonRole::Backup, own, to_read)
    } else if other.ip().is_multicast() {
        (DaemonRole::Master, other, to_send)
    } else {
        return None;
    };
    Some(GroupSocket {
        role,
        group,
        queued: u64::from_str_radix(queued, 16).ok()?,
        dropped: words.last()?.parse().ok()?,
    })
}

fn decode_end(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let address: IpAddr = decode_address(address)?;
    Some((address, u16::from_str_radix(port, 16).ok()?).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn sockets_of_groups_are_those_of_daemons() {
        // Linux 6.1.176 with both daemons; the bytes and drops of the backup, the line of a
        // program and that of IPv6 are made up.
        const UDP: &str = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
   96: 510000E0:2290 00000000:0000 07 00000000:00000340 00:00000000 00000000     0        0 64 2 000000007a5bcc51 7
  500: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 61 2 000000007a5bcc52 1
  702: 0100000A:D8EE 510000E0:2290 01 00000100:00000000 00:00000000 00000000     0        0 60 2 000000003a0f7b0f 0
";
        const UDP6: &str = "\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
   96: 000002FF000000000000000081000000:2290 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 65 2 000000007a5bcc53 0
";
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("udp"), UDP).unwrap();
        let socket = |role, group: &str, queued, dropped| GroupSocket {
            role,
            group: group.parse().unwrap(),
            queued,
            dropped,
        };
        let mut expected = vec![
            socket(DaemonRole::Backup, "224.0.0.81:8848", 0x340, 7),
            socket(DaemonRole::Master, "224.0.0.81:8848", 0x100, 0),
        ];
        assert_eq!(read_below(folder.path()).unwrap(), expected);
        fs::write(folder.path().join("udp6"), UDP6).unwrap();
        expected.push(socket(DaemonRole::Backup, "[ff02::81]:8848", 0, 0));
        assert_eq!(read_below(folder.path()).unwrap(), expected);
    }
}
