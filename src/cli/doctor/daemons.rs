// SPDX-License-Identifier: MIT

//! The check that sync daemons can reach each other, as far as it is seen from here.

use ipvs_client::{DaemonRole, SyncDaemon};

use super::{
    check::{Finding, Unknown},
    director::Director,
};
use crate::{command::spelling::start_daemon, synchronization::DEFAULT_GROUP};

pub(super) fn find_unreachable_daemons(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let daemons = director.daemons.as_ref().map_err(Clone::clone)?;
    let groups = director.groups.as_ref().map_err(Clone::clone)?;
    let interfaces = director.machine.interfaces()?;
    let mut findings = Vec::new();
    for daemon in daemons {
        let name = &daemon.interface;
        let interface = interfaces.iter().find(|interface| interface.name == *name);
        let (message, commands) = match interface {
            None => (format!("uses {name}, which is gone"), Vec::new()),
            Some(interface) if !interface.up => (
                format!("uses {name}, which is down"),
                vec![format!("ip link set {name} up")],
            ),
            Some(interface) if !interface.running => {
                (format!("uses {name}, which has no carrier"), Vec::new())
            }
            Some(interface) if daemon.role == DaemonRole::Backup => {
                let wanted = daemon.group.unwrap_or(DEFAULT_GROUP);
                let has_joined = groups
                    .iter()
                    .any(|group| group.interface == interface.index && group.group == wanted);
                if has_joined {
                    continue;
                }
                (
                    format!("does not hear {wanted} on {name} any more"),
                    restart(daemon),
                )
            }
            Some(_) => continue,
        };
        findings.push(Finding {
            object: format!("the {} daemon", daemon.role),
            message,
            why: match daemon.role {
                DaemonRole::Master => {
                    "The other director does not learn of the connections, which end when it \
                     takes over."
                }
                DaemonRole::Backup => {
                    "This director does not learn of the connections of the other one, which \
                     end when it takes over."
                }
            }
            .to_owned(),
            commands,
        });
    }
    Ok(findings)
}

/// Makes the commands that start a daemon anew.
fn restart(daemon: &SyncDaemon) -> Vec<String> {
    let start = start_daemon(&daemon.into());
    vec![
        format!("ipvsadm --stop-daemon {}", daemon.role),
        format!("ipvsadm {start}"),
    ]
}

#[cfg(test)]
mod tests {
    use ipvs_client::SyncDaemonSettings;

    use super::*;
    use crate::{
        doctor::{
            director::tests::{director, told},
            machine::tests::machine,
        },
        system::multicast::MulticastGroup,
    };

    fn daemon(role: DaemonRole) -> SyncDaemon {
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
            expect("uses sync0, which is gone", &[])
        );
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
