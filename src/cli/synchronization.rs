// SPDX-License-Identifier: MIT

//! Brings together everything that can be seen of the synchronization of connections: from
//! facts about the machine to what a listing shows. Nothing here asks the kernel.

use std::{collections::BTreeMap, net::SocketAddr};

use ipvs_client::{DaemonRole, SyncDaemon};
use serde::{Serialize, Serializer};

use crate::system::{
    interfaces::Interface, multicast::MulticastGroup, settings::Settings,
    sync_sockets::GroupSocket, sync_threads::SyncThread,
};

/// The settings of synchronization, by the beginning of their names.
const SETTINGS: &str = "ipv4/vs/sync_";
/// The number of ports, and threads, of a daemon.
const PORTS: &str = "ipv4/vs/sync_ports";

/// The facts about a network namespace. What could not be read is absent.
#[derive(Debug, Default)]
pub(crate) struct SyncFacts {
    pub(crate) daemons: Vec<SyncDaemon>,
    pub(crate) interfaces: Option<Vec<Interface>>,
    pub(crate) groups: Option<Vec<MulticastGroup>>,
    /// Those of all network namespaces.
    pub(crate) threads: Option<Vec<SyncThread>>,
    pub(crate) sockets: Option<Vec<GroupSocket>>,
    pub(crate) settings: Settings,
    pub(crate) received_connections: Option<u64>,
}

/// Everything that can be seen. What cannot is absent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Synchronization {
    pub(crate) daemons: Vec<SeenDaemon>,
    /// The connections that a master has told of, persistence templates among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) received_connections: Option<u64>,
    /// The settings of synchronization by their names, without `net.ipv4.vs.`.
    #[serde(rename = "sync_settings", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) settings: BTreeMap<String, SettingValue>,
}

/// The value of a setting: a number, or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum SettingValue {
    One(i64),
    Several(Vec<i64>),
}

/// A daemon that runs, and what can be seen of it beyond its settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct SeenDaemon {
    #[serde(flatten)]
    pub(crate) daemon: SyncDaemon,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interface_state: Option<InterfaceState>,
    /// The interface takes the messages of the group, which only a backup wants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group_joined: Option<bool>,
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "write_threads"
    )]
    pub(crate) threads: Vec<SyncThread>,
    /// Bytes of messages that wait to be sent, or to be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queued_bytes: Option<u64>,
    /// Messages that a backup has lost because it did not read as fast as they came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dropped_messages: Option<u64>,
}

fn write_threads<S: Serializer>(threads: &[SyncThread], to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct ThreadForm {
        process: u32,
        state: &'static str,
    }
    to.collect_seq(threads.iter().map(|thread| ThreadForm {
        process: thread.process,
        state: thread.state.name(),
    }))
}

/// The states of the interface of a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum InterfaceState {
    Up,
    Down,
    /// It was set up, but what is below it does not work, such as the cable.
    NoCarrier,
    /// There is no interface of this name any more.
    Gone,
}

impl InterfaceState {
    /// Returns the words for people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::NoCarrier => "without carrier",
            Self::Gone => "gone",
        }
    }
}

/// Returns the state of the interface of a daemon.
pub(crate) fn find_state(daemon: &SyncDaemon, interfaces: &[Interface]) -> InterfaceState {
    match find_interface(daemon, interfaces) {
        None => InterfaceState::Gone,
        Some(interface) if !interface.up => InterfaceState::Down,
        Some(interface) if !interface.running => InterfaceState::NoCarrier,
        Some(_) => InterfaceState::Up,
    }
}

/// Returns whether the interface of a daemon takes the messages of its group; none if there
/// is no such interface, or the group is not known.
pub(crate) fn has_joined(
    daemon: &SyncDaemon,
    interfaces: &[Interface],
    groups: &[MulticastGroup],
) -> Option<bool> {
    let wanted = MulticastGroup {
        interface: find_interface(daemon, interfaces)?.index,
        group: daemon.group?,
    };
    Some(groups.contains(&wanted))
}

/// Returns the group and the first port of a daemon. Not every interface of the kernel tells
/// them: socket options do not, and the daemon may have others than the kernel's own.
pub(crate) fn group_of(daemon: &SyncDaemon) -> Option<SocketAddr> {
    Some(SocketAddr::new(daemon.group?, daemon.port?))
}

fn find_interface<'a>(daemon: &SyncDaemon, interfaces: &'a [Interface]) -> Option<&'a Interface> {
    let mut interfaces = interfaces.iter();
    interfaces.find(|interface| interface.name == daemon.interface)
}

impl Synchronization {
    /// Puts the facts together.
    pub(crate) fn of(facts: &SyncFacts) -> Self {
        let seen = facts.daemons.iter().map(|daemon| facts.look_at(daemon));
        Self {
            daemons: seen.collect(),
            received_connections: facts.received_connections,
            settings: facts.settings().collect(),
        }
    }
}

impl SyncFacts {
    fn look_at(&self, daemon: &SyncDaemon) -> SeenDaemon {
        let is_backup = daemon.role == DaemonRole::Backup;
        let sockets = self.sockets_of(daemon);
        let sum = |count: fn(&GroupSocket) -> u64| Some(sockets.as_ref()?.iter().map(count).sum());
        let interfaces = self.interfaces.as_deref();
        SeenDaemon {
            daemon: daemon.clone(),
            interface_state: interfaces.map(|interfaces| find_state(daemon, interfaces)),
            group_joined: match (interfaces, self.groups.as_deref()) {
                (Some(interfaces), Some(groups)) if is_backup => {
                    has_joined(daemon, interfaces, groups)
                }
                _ => None,
            },
            threads: self.threads_of(daemon.role),
            queued_bytes: sum(|socket| socket.queued),
            dropped_messages: sum(|socket| socket.dropped).filter(|_| is_backup),
        }
    }

    /// Returns the threads of the daemon of this role. Their names tell their network
    /// namespace only by a number that the kernel tells nowhere else: there are none where
    /// several namespaces have such a daemon.
    fn threads_of(&self, role: DaemonRole) -> Vec<SyncThread> {
        let threads = self.threads.iter().flatten();
        let threads: Vec<_> = threads.filter(|thread| thread.role == role).collect();
        let namespace = threads.first().map(|thread| thread.namespace);
        match threads
            .iter()
            .all(|thread| Some(thread.namespace) == namespace)
        {
            true => threads.into_iter().cloned().collect(),
            false => Vec::new(),
        }
    }

    /// Returns the sockets of a daemon, one for each port; none where there is not one, or it
    /// is not known where its messages go.
    fn sockets_of(&self, daemon: &SyncDaemon) -> Option<Vec<GroupSocket>> {
        let group = group_of(daemon)?;
        let ports = self.settings.number(PORTS).unwrap_or(1);
        let ports = u16::try_from(ports).unwrap_or(1).max(1);
        let ports = group.port()..group.port().saturating_add(ports);
        let sockets = self.sockets.as_ref()?.iter().copied();
        let own = sockets.filter(|socket| {
            socket.role == daemon.role
                && socket.group.ip() == group.ip()
                && ports.contains(&socket.group.port())
        });
        Some(own.collect()).filter(|own: &Vec<_>| !own.is_empty())
    }

    fn settings(&self) -> impl Iterator<Item = (String, SettingValue)> {
        self.settings.below(SETTINGS).filter_map(|(name, text)| {
            let numbers: Result<Vec<i64>, _> = text.split_whitespace().map(str::parse).collect();
            let value = match numbers.ok()?.as_slice() {
                [] => return None,
                [one] => SettingValue::One(*one),
                several => SettingValue::Several(several.to_vec()),
            };
            let (_, name) = name.rsplit_once('/')?;
            Some((name.to_owned(), value))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::system::{interfaces::InterfaceKind, sync_threads::ThreadState};

    /// The group and port that daemons have unless others are asked for (`ip_vs_sync.c`).
    const DEFAULT_GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 81));
    const DEFAULT_PORT: u16 = 8848;
    const ROLES: [DaemonRole; 2] = [DaemonRole::Master, DaemonRole::Backup];

    fn daemon(role: DaemonRole) -> SyncDaemon {
        let mut daemon = SyncDaemon::new(role, "sync0", 7);
        (daemon.group, daemon.port) = (Some(DEFAULT_GROUP), Some(DEFAULT_PORT));
        daemon
    }

    fn thread(role: DaemonRole, namespace: u32, process: u32) -> SyncThread {
        SyncThread {
            process,
            state: ThreadState::Sleeping,
            namespace,
            role,
        }
    }

    fn socket(role: DaemonRole, port: u16, queued: u64, dropped: u64) -> GroupSocket {
        GroupSocket {
            role,
            group: SocketAddr::from((DEFAULT_GROUP, port)),
            queued,
            dropped,
        }
    }

    /// Both daemons on `sync0`, which is interface 2, and nothing is wrong.
    fn facts() -> SyncFacts {
        let interface = Interface {
            index: 2,
            name: "sync0".to_owned(),
            kind: InterfaceKind::Device,
            up: true,
            running: true,
            arp: true,
            mtu: 1500,
            master: None,
        };
        let group = MulticastGroup {
            interface: 2,
            group: DEFAULT_GROUP,
        };
        SyncFacts {
            daemons: ROLES.map(daemon).into(),
            interfaces: Some(vec![interface]),
            groups: Some(vec![group]),
            threads: Some(vec![
                thread(DaemonRole::Master, 0, 70),
                thread(DaemonRole::Backup, 0, 71),
            ]),
            sockets: Some(vec![
                socket(DaemonRole::Master, DEFAULT_PORT, 100, 0),
                socket(DaemonRole::Backup, DEFAULT_PORT, 200, 3),
            ]),
            settings: Settings::from([
                ("ipv4/vs/sync_threshold", "3\t50"),
                ("ipv4/vs/sync_ports", "1"),
                ("ipv4/vs/conntrack", "0"),
            ]),
            received_connections: Some(5),
        }
    }

    fn seen(facts: &SyncFacts) -> [SeenDaemon; 2] {
        Synchronization::of(facts).daemons.try_into().unwrap()
    }

    #[test]
    fn what_is_seen_stands_beside_the_settings_of_each_daemon() {
        let document = serde_json::to_value(Synchronization::of(&facts())).unwrap();
        let own = serde_json::json!({
            "interface": "sync0", "sync_id": 7, "sync_maxlen": null,
            "group": "224.0.0.81", "port": 8848, "ttl": null,
        });
        let with = |mut fields: serde_json::Value| {
            let more = own.as_object().unwrap().clone();
            fields.as_object_mut().unwrap().extend(more);
            fields
        };
        assert_eq!(
            document,
            serde_json::json!({
                "daemons": [
                    with(serde_json::json!({
                        "role": "master", "interface_state": "up", "queued_bytes": 100,
                        "threads": [{"process": 70, "state": "sleeping"}],
                    })),
                    with(serde_json::json!({
                        "role": "backup", "interface_state": "up", "group_joined": true,
                        "queued_bytes": 200, "dropped_messages": 3,
                        "threads": [{"process": 71, "state": "sleeping"}],
                    })),
                ],
                "received_connections": 5,
                "sync_settings": {"sync_ports": 1, "sync_threshold": [3, 50]},
            })
        );
    }

    #[test]
    fn what_could_not_be_read_is_absent() {
        let facts = SyncFacts {
            daemons: vec![daemon(DaemonRole::Backup)],
            ..SyncFacts::default()
        };
        let document = serde_json::to_value(Synchronization::of(&facts)).unwrap();
        let own = serde_json::to_value(daemon(DaemonRole::Backup)).unwrap();
        assert_eq!(document, serde_json::json!({ "daemons": [own] }));
    }

    #[test]
    fn of_a_daemon_whose_group_is_not_known_nothing_is_said_of_a_group() {
        let mut facts = facts();
        for daemon in &mut facts.daemons {
            (daemon.group, daemon.port) = (None, None);
        }
        for seen in seen(&facts) {
            assert_eq!(seen.interface_state, Some(InterfaceState::Up));
            assert_eq!(
                (seen.group_joined, seen.queued_bytes, seen.dropped_messages),
                (None, None, None)
            );
        }
    }

    #[test]
    fn the_interface_is_up_down_without_carrier_or_gone() {
        let state = |change: fn(&mut Interface)| {
            let mut facts = facts();
            facts
                .interfaces
                .as_mut()
                .unwrap()
                .iter_mut()
                .for_each(change);
            let [master, backup] = seen(&facts);
            (master.interface_state, backup.group_joined)
        };
        assert_eq!(state(|_| {}), (Some(InterfaceState::Up), Some(true)));
        assert_eq!(
            state(|interface| interface.up = false),
            (Some(InterfaceState::Down), Some(true))
        );
        assert_eq!(
            state(|interface| interface.running = false),
            (Some(InterfaceState::NoCarrier), Some(true))
        );
        // The interface that had joined is another one.
        assert_eq!(
            state(|interface| interface.index = 3),
            (Some(InterfaceState::Up), Some(false))
        );
        assert_eq!(
            state(|interface| interface.name = "sync1".to_owned()),
            (Some(InterfaceState::Gone), None)
        );
    }

    #[test]
    fn threads_that_may_be_of_another_network_namespace_are_not_shown() {
        let mut facts = facts();
        let threads = facts.threads.as_mut().unwrap();
        threads.push(thread(DaemonRole::Master, 4, 90));
        let [master, backup] = seen(&facts);
        assert_eq!(master.threads, []);
        assert_eq!(backup.threads, [thread(DaemonRole::Backup, 0, 71)]);
    }

    #[test]
    fn each_port_has_a_socket_and_other_groups_are_of_others() {
        let mut facts = facts();
        facts.settings = Settings::from([("ipv4/vs/sync_ports", "2")]);
        let sockets = facts.sockets.as_mut().unwrap();
        sockets.push(socket(DaemonRole::Backup, DEFAULT_PORT + 1, 1, 1));
        sockets.push(socket(DaemonRole::Backup, DEFAULT_PORT + 2, 1, 1));
        let mut other = socket(DaemonRole::Backup, DEFAULT_PORT, 1, 1);
        other.group.set_ip([224, 0, 0, 82].into());
        sockets.push(other);
        let [_, backup] = seen(&facts);
        assert_eq!(
            (backup.queued_bytes, backup.dropped_messages),
            (Some(201), Some(4))
        );
    }
}
