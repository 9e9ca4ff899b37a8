// SPDX-License-Identifier: MIT

//! The check that sync daemons can reach each other, as far as it is seen from here.

use ipvs_client::{DaemonRole, SyncDaemon, SyncDaemonSettings};

use super::{
    check::{Finding, Unknown},
    commands::{placeholder, set_up},
    director::Director,
};
use crate::{
    command::spelling::{quote, start_daemon},
    synchronization::{InterfaceState, find_state, has_joined},
};

/// The reason why nothing is known of the messages of a daemon.
pub(crate) const GROUP_NOT_TOLD: &str =
    "the kernel does not tell the multicast group and port of the daemon here";

pub(super) fn find_unreachable_daemons(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let daemons = director.daemons()?;
    let groups = director.groups.as_ref().map_err(Clone::clone)?;
    let interfaces = director.machine.interfaces()?;
    let mut findings = Vec::new();
    for daemon in daemons {
        let name = &daemon.interface;
        let mut filled_in = "";
        let (message, commands) = match find_state(daemon, interfaces) {
            InterfaceState::Gone => {
                filled_in = " INTERFACE stands for the one that takes its place.";
                (
                    format!("uses {name}, which is gone"),
                    restart_on(daemon, placeholder::INTERFACE),
                )
            }
            InterfaceState::Down => (format!("uses {name}, which is down"), vec![set_up(name)]),
            InterfaceState::NoCarrier => (format!("uses {name}, which has no carrier"), Vec::new()),
            InterfaceState::Up => match daemon.group {
                Some(group)
                    if daemon.role == DaemonRole::Backup
                        && has_joined(daemon, interfaces, groups) == Some(false) =>
                {
                    (
                        format!("does not hear {group} on {name} any more"),
                        restart_on(daemon, &quote(name)),
                    )
                }
                _ => continue,
            },
        };
        findings.push(Finding {
            object: format!("the {} daemon", daemon.role),
            message,
            why: format!("{}{filled_in}", describe_loss(daemon.role)),
            commands,
        });
    }
    let is_unknown =
        |daemon: &SyncDaemon| daemon.role == DaemonRole::Backup && daemon.group.is_none();
    if findings.is_empty() && daemons.iter().any(is_unknown) {
        return Err(Unknown(GROUP_NOT_TOLD.to_owned()));
    }
    Ok(findings)
}

/// Returns the consequence of a daemon that does not do its work.
pub(super) fn describe_loss(role: DaemonRole) -> &'static str {
    match role {
        DaemonRole::Master => {
            "The other director does not learn of the connections, which end when it takes over."
        }
        DaemonRole::Backup => {
            "This director does not learn of the connections of the other one, which end when it \
             takes over."
        }
    }
}

/// Makes the commands that start a daemon anew, on an interface of this name as a shell
/// reads it.
pub(super) fn restart_on(daemon: &SyncDaemon, interface: &str) -> Vec<String> {
    let mut settings = SyncDaemonSettings::from(daemon);
    interface.clone_into(&mut settings.interface);
    restart(&settings)
}

/// Makes the commands that start a daemon anew with these settings, as a shell reads them.
pub(super) fn restart(settings: &SyncDaemonSettings) -> Vec<String> {
    vec![
        format!("ipvsadm --stop-daemon {}", settings.role),
        format!("ipvsadm {}", start_daemon(settings)),
    ]
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::{
        doctor::{
            director::tests::{director, told},
            machine::tests::machine,
        },
        system::multicast::MulticastGroup,
    };

    /// The group that daemons have unless another is asked for.
    const DEFAULT_GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 81));

    pub(in crate::doctor) fn daemon(role: DaemonRole) -> SyncDaemon {
        let settings = SyncDaemonSettings::new(role, "sync0").sync_id(7);
        let mut daemon = SyncDaemon::new(settings.role, settings.interface, 7);
        daemon.group = Some(DEFAULT_GROUP);
        daemon
    }

    /// A director with both daemons on `sync0`, which is interface 2.
    fn both() -> Director {
        let machine = machine(&[("lo", &[]), ("sync0", &["10.0.0.1/24"])], []);
        let mut director = director(machine, Vec::new());
        director.daemons = Ok(vec![daemon(DaemonRole::Master), daemon(DaemonRole::Backup)]);
        director.groups = Ok(vec![MulticastGroup {
            interface: 2,
            group: DEFAULT_GROUP,
        }]);
        director
    }

    fn find(change: impl FnOnce(&mut Director)) -> Vec<(String, Vec<String>)> {
        let mut director = both();
        change(&mut director);
        told(find_unreachable_daemons(&director))
    }

    #[test]
    fn the_interface_of_a_daemon_is_there_and_up() {
        assert_eq!(find(|_| {}), []);
        let expect = |message: &str, commands: &[&str]| {
            ["master", "backup"].map(|role| {
                let commands = commands.iter().map(|&command| command.to_owned());
                (format!("the {role} daemon {message}"), commands.collect())
            })
        };
        let interface = |change: fn(&mut crate::system::interfaces::Interface)| {
            find(|director| change(&mut director.machine.interfaces.as_mut().unwrap()[1]))
        };
        assert_eq!(
            interface(|interface| interface.up = false),
            expect("uses sync0, which is down", &["ip link set sync0 up"])
        );
        assert_eq!(
            interface(|interface| interface.running = false),
            expect("uses sync0, which has no carrier", &[])
        );
        assert_eq!(
            interface(|interface| interface.name = "sync1".to_owned()),
            ["master", "backup"].map(|role| (
                format!("the {role} daemon uses sync0, which is gone"),
                vec![
                    format!("ipvsadm --stop-daemon {role}"),
                    format!(
                        "ipvsadm --start-daemon {role} --mcast-interface INTERFACE --syncid 7 \
                         --mcast-group 224.0.0.81"
                    ),
                ]
            ))
        );
    }

    #[test]
    fn of_a_backup_whose_group_is_not_known_it_is_not_said_that_it_hears_it() {
        let mut director = both();
        for daemon in director.daemons.as_mut().unwrap() {
            daemon.group = None;
        }
        director.groups = Ok(Vec::new());
        let unknown = Err(Unknown(GROUP_NOT_TOLD.to_owned()));
        assert_eq!(find_unreachable_daemons(&director).map(|_| ()), unknown);
        // A fault that is seen all the same comes first.
        director.machine.interfaces.as_mut().unwrap()[1].up = false;
        assert_eq!(told(find_unreachable_daemons(&director)).len(), 2);
    }

    #[test]
    fn a_backup_that_does_not_hear_its_group_is_started_anew() {
        let expected = [(
            "the backup daemon does not hear 224.0.0.81 on sync0 any more".to_owned(),
            vec![
                "ipvsadm --stop-daemon backup".to_owned(),
                "ipvsadm --start-daemon backup --mcast-interface sync0 --syncid 7 --mcast-group 224.0.0.81"
                    .to_owned(),
            ],
        )];
        assert_eq!(find(|director| director.groups = Ok(Vec::new())), expected);
        // The interface of that name is another one now.
        let other = |director: &mut Director| director.groups.as_mut().unwrap()[0].interface = 3;
        assert_eq!(find(other), expected);
    }
}
