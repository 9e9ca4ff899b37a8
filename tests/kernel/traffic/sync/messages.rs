// SPDX-License-Identifier: MIT

//! The messages of masters, and the backups that listen to them.

use std::io::Read as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipvs_lab::network::CLIENT;
use ipvs_lab::{Namespace, wait};
use socket2::{Domain, Socket, Type};

use super::{Pair, await_entries, established, start};
use crate::ipvsadm;
use crate::traffic::{Family, listing};

/// A datagram of a master.
#[derive(Debug, PartialEq, Eq)]
struct Message {
    /// Hops that it may go.
    ttl: u8,
    /// Bytes in it.
    length: usize,
    sync_id: u8,
    connections: u8,
}

/// Hears what masters send to a group and port on the front network.
struct Listener {
    socket: Socket,
    port: u16,
}

impl Listener {
    fn new(client: &Namespace, group: Ipv4Addr, port: u16) -> Self {
        // It is given whole packets.
        let protocol = Some(socket2::Protocol::UDP);
        let socket = client
            .run(|| Socket::new(Domain::IPV4, Type::RAW, protocol))
            .unwrap()
            .unwrap();
        socket.join_multicast_v4(&group, &CLIENT.v4).unwrap();
        let patience = Duration::from_secs(60);
        socket.set_read_timeout(Some(patience)).unwrap();
        Self { socket, port }
    }

    /// The messages up to the one that completes so many connections.
    fn hear(&mut self, connections: usize) -> Vec<Message> {
        let mut messages: Vec<Message> = Vec::new();
        let mut heard = 0;
        while heard < connections {
            let mut packet = [0; 65536];
            let length = self.socket.read(&mut packet).unwrap();
            // The headers of IPv4, UDP and synchronization, the last of which
            // begins with a byte of no meaning, the syncid, two bytes of length
            // and the number of connections.
            let (packet, ttl) = (&packet[20..length], packet[8]);
            if packet[2..4] != self.port.to_be_bytes() {
                continue;
            }
            let packet = &packet[8..];
            heard += usize::from(packet[4]);
            messages.push(Message {
                ttl,
                length: packet.len(),
                sync_id: packet[1],
                connections: packet[4],
            });
        }
        messages
    }
}

#[test]
fn messages_have_the_length_hops_and_syncid_that_the_master_was_given() {
    let pair = Pair::masquerading("");
    let group = Ipv4Addr::new(239, 1, 2, 3);
    let mut listener = Listener::new(&pair.network.client, group, 9000);
    start(
        pair.director(),
        "master",
        "--syncid 77 --sync-maxlen 100 --mcast-group 239.1.2.3 --mcast-port 9000 --mcast-ttl 7",
    );
    let _conversations = [(); 6].map(|()| pair.converse(Family::V4));
    let messages = listener.hear(6);
    for message in &messages {
        assert_eq!((message.ttl, message.sync_id), (7, 77), "{message:?}");
        assert!(message.length <= 100, "{message:?}");
    }
    assert!(messages.len() >= 3, "{messages:?}");
}

#[test]
fn a_backup_ignores_masters_of_another_syncid_unless_it_has_none() {
    let pair = Pair::masquerading("");
    let group = Ipv4Addr::new(224, 0, 0, 81);
    let mut listener = Listener::new(&pair.network.client, group, 8848);
    start(pair.director(), "master", "--syncid 5");
    start(pair.backup(), "backup", "--syncid 6");
    let (_ignored, _) = pair.converse(Family::V4);
    // Now it has been sent, and is not sent again.
    listener.hear(1);
    let mut wanted = Vec::new();
    let mut conversations = Vec::new();
    for sync_id in [5, 0] {
        ipvsadm(pair.backup(), "--stop-daemon backup");
        start(pair.backup(), "backup", &format!("--syncid {sync_id}"));
        let (conversation, reply) = pair.converse(Family::V4);
        conversations.push(conversation);
        wanted.push(established(&pair, Family::V4, &reply));
        await_entries(pair.backup(), wanted.clone());
    }
}

#[test]
fn a_backup_that_comes_late_hears_of_connections_when_they_are_refreshed() {
    let pair = Pair::masquerading("");
    let group = Ipv4Addr::new(224, 0, 0, 81);
    let mut listener = Listener::new(&pair.network.client, group, 8848);
    for (name, value) in [("sync_threshold", "3 0"), ("sync_refresh_period", "1")] {
        let path = format!("ipv4/vs/{name}");
        pair.director().sysctl(&path, value).unwrap();
    }
    start(pair.director(), "master", "");
    let (mut conversation, reply) = pair.converse(Family::V4);
    listener.hear(1);
    start(pair.backup(), "backup", "");
    // It is told again when it has packets, but not for their number.
    let wanted = [established(&pair, Family::V4, &reply)];
    let seen = wait::for_value(&wanted.to_vec(), || {
        assert_eq!(conversation.ask().unwrap(), reply);
        listing::entries(pair.backup())
    });
    assert_eq!(seen, wanted);
}
