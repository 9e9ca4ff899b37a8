// SPDX-License-Identifier: MIT

//! Checks that sync daemons can reach each other, as far as it is seen from here, and that they
//! send what the other one needs.

use std::collections::BTreeSet;

use ipvs_client::{DaemonRole, SyncDaemon, SyncDaemonSettings};

use super::{
    check::{Finding, Unknown},
    commands::{placeholder, set, set_up},
    director::Director,
};
use crate::{
    command::spelling::{quote, start_daemon},
    synchronization::{InterfaceState, find_state, group_of, has_joined},
    system::settings::sysctl_name,
};

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
            InterfaceState::Up
                if daemon.role == DaemonRole::Backup
                    && has_joined(daemon, interfaces, groups) == Some(false) =>
            {
                (
                    format!("does not hear {} on {name} any more", group_of(daemon)),
                    restart_on(daemon, &quote(name)),
                )
            }
            InterfaceState::Up => continue,
        };
        findings.push(Finding {
            object: format!("the {} daemon", daemon.role),
            message,
            why: format!("{}{filled_in}", describe_loss(daemon.role)),
            commands,
        });
    }
    Ok(findings)
}

/// Returns the consequence of a daemon that does not do its work.
fn describe_loss(role: DaemonRole) -> &'static str {
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
fn restart_on(daemon: &SyncDaemon, interface: &str) -> Vec<String> {
    let mut settings = SyncDaemonSettings::from(daemon);
    interface.clone_into(&mut settings.interface);
    restart(&settings)
}

fn restart(settings: &SyncDaemonSettings) -> Vec<String> {
    vec![
        format!("ipvsadm --stop-daemon {}", settings.role),
        format!("ipvsadm {}", start_daemon(settings)),
    ]
}

/// Finds a backup that hears other directors, but none with its syncid. If it hears nobody,
/// there may be no connections to tell of.
pub(super) fn find_other_sync_ids(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let heard = director.heard.as_ref().map_err(Clone::clone)?;
    let mut findings = Vec::new();
    for daemon in director.daemons()? {
        let own = daemon.sync_id;
        let has_own = heard.iter().any(|heard| u32::from(heard.sync_id) == own);
        // A backup with 0 takes the messages of all.
        if daemon.role != DaemonRole::Backup || own == 0 || heard.is_empty() || has_own {
            continue;
        }
        let others: Vec<_> = heard
            .iter()
            .map(|heard| format!("{} from {}", heard.sync_id, heard.sender))
            .collect();
        let ids: BTreeSet<u8> = heard.iter().map(|heard| heard.sync_id).collect();
        let commands = match (ids.first(), ids.len()) {
            (Some(&only), 1) => {
                let mut settings = SyncDaemonSettings::from(daemon);
                settings.interface = quote(&settings.interface);
                settings.sync_id = only;
                restart(&settings)
            }
            _ => Vec::new(),
        };
        findings.push(Finding {
            object: format!("the {} daemon", daemon.role),
            message: format!(
                "only takes messages with syncid {own}, and those that come have {}",
                others.join(", ")
            ),
            why: format!(
                "{} Both need the same syncid, which the other one could be given too.",
                describe_loss(daemon.role)
            ),
            commands,
        });
    }
    Ok(findings)
}

/// The packet of a connection after which the master first tells of it, and the number of
/// packets until it does again (`ipvs-sysctl.rst`).
const THRESHOLD: &str = "ipv4/vs/sync_threshold";
/// The kernel's own values of these two.
const DEFAULT_THRESHOLD: &str = "3 50";
/// The seconds until the master tells of a connection again.
const REFRESH: &str = "ipv4/vs/sync_refresh_period";
/// The setting by which a director with a backup daemon only listens.
const BACKUP_ONLY: &str = "ipv4/vs/backup_only";

pub(super) fn find_unfit_settings(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let daemons = director.daemons()?;
    let runs = |role| daemons.iter().any(|daemon| daemon.role == role);
    if !runs(DaemonRole::Master) {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    if runs(DaemonRole::Backup) && director.machine.setting(BACKUP_ONLY)? != 0 {
        findings.push(Finding {
            object: sysctl_name(BACKUP_ONLY),
            message: "is on, and the daemon of a backup runs beside that of the master".to_owned(),
            why: "IPVS forwards nothing while a backup daemon runs, although this director is \
                  a master."
                .to_owned(),
            commands: vec![set(BACKUP_ONLY, 0)],
        });
    }
    let unknown = || Unknown(format!("/proc/sys/net/{THRESHOLD} cannot be read"));
    let text = director.machine.settings.text(THRESHOLD);
    let (threshold, period) = text.and_then(read_pair).ok_or_else(unknown)?;
    let refresh = director.machine.setting(REFRESH)?;
    if let Some((effect, why)) = describe_threshold(threshold, period, refresh) {
        findings.push(Finding {
            object: sysctl_name(THRESHOLD),
            message: format!("is {threshold} {period}: the master tells of {effect}"),
            why: why.to_owned(),
            commands: vec![set(THRESHOLD, DEFAULT_THRESHOLD)],
        });
    }
    Ok(findings)
}

fn read_pair(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace();
    let pair = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    Some(pair)
}

/// Describes what a master tells the others, where that is too little
/// (`ip_vs_sync_conn_needed` in `ip_vs_sync.c`).
fn describe_threshold(threshold: u32, period: u32, refresh: i64) -> Option<(String, &'static str)> {
    match (threshold, period) {
        (0, 0) if refresh == 0 => Some((
            "no connection before it ends".to_owned(),
            "All connections end when another director takes over.",
        )),
        (_, 0) if refresh == 0 => Some((
            "each connection once".to_owned(),
            "The other director forgets a connection when its timeout is over, although it goes \
             on, and it ends when that director takes over.",
        )),
        (0, 2..) => Some((
            format!("a connection from packet {period} on"),
            "Connections with fewer packets end when another director takes over. 0 does not \
             mean at once, but a multiple of the second number.",
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        doctor::{
            director::tests::{director, told},
            machine::tests::machine,
        },
        synchronization::DEFAULT_GROUP,
        system::{multicast::MulticastGroup, sync_messages::Heard},
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

    #[test]
    fn a_backup_hears_its_own_syncid_or_any() {
        let find = |own, heard: &[(u8, &str)]| {
            let heard = heard.iter().map(|&(sync_id, sender)| Heard {
                sync_id,
                sender: sender.parse().unwrap(),
            });
            let mut director = both();
            director.heard = Ok(heard.collect());
            for daemon in director.daemons.as_mut().unwrap() {
                daemon.sync_id = own;
            }
            told(find_other_sync_ids(&director))
        };
        assert_eq!(find(7, &[]), []);
        assert_eq!(find(7, &[(7, "10.0.0.2")]), []);
        assert_eq!(find(7, &[(8, "10.0.0.3"), (7, "10.0.0.2")]), []);
        assert_eq!(find(0, &[(8, "10.0.0.2")]), []);
        let message = "the backup daemon only takes messages with syncid 7, and those that come \
                       have";
        let commands = [
            "ipvsadm --stop-daemon backup",
            "ipvsadm --start-daemon backup --mcast-interface sync0 --syncid 8 --mcast-group \
             224.0.0.81",
        ];
        assert_eq!(
            find(7, &[(8, "10.0.0.2")]),
            [(
                format!("{message} 8 from 10.0.0.2"),
                commands.map(str::to_owned).to_vec()
            )]
        );
        // Nobody knows which of them is meant.
        assert_eq!(
            find(7, &[(8, "10.0.0.2"), (9, "10.0.0.3")]),
            [(
                format!("{message} 8 from 10.0.0.2, 9 from 10.0.0.3"),
                Vec::new()
            )]
        );
    }

    /// Returns what is found with these settings where daemons of these roles run.
    fn find_settings(roles: &[DaemonRole], settings: [&str; 3]) -> Vec<(String, Vec<String>)> {
        let [threshold, refresh, backup_only] = settings;
        let machine = machine(
            &[],
            [
                (THRESHOLD, threshold),
                (REFRESH, refresh),
                (BACKUP_ONLY, backup_only),
            ],
        );
        let mut director = director(machine, Vec::new());
        director.daemons = Ok(roles.iter().map(|&role| daemon(role)).collect());
        told(find_unfit_settings(&director))
    }

    #[test]
    fn a_master_tells_of_connections_soon_and_again() {
        let master = &[DaemonRole::Master];
        for (threshold, refresh, effect) in [
            ("3\t50", "0", None),
            ("0\t1", "0", None),
            ("3\t0", "10", None),
            ("0\t0", "10", None),
            (
                "0\t0",
                "0",
                Some("0 0: the master tells of no connection before it ends"),
            ),
            (
                "3\t0",
                "0",
                Some("3 0: the master tells of each connection once"),
            ),
            (
                "0\t50",
                "0",
                Some("0 50: the master tells of a connection from packet 50 on"),
            ),
            (
                "0\t50",
                "10",
                Some("0 50: the master tells of a connection from packet 50 on"),
            ),
        ] {
            let wanted = effect.map(|effect| {
                (
                    format!("net.ipv4.vs.sync_threshold is {effect}"),
                    vec!["sysctl -w 'net.ipv4.vs.sync_threshold=3 50'".to_owned()],
                )
            });
            let found = find_settings(master, [threshold, refresh, "0"]);
            assert_eq!(found, wanted.into_iter().collect::<Vec<_>>());
        }
        let backup = &[DaemonRole::Backup];
        assert_eq!(find_settings(backup, ["0\t0", "0", "0"]), []);
    }

    #[test]
    fn a_master_that_hears_others_too_goes_on_forwarding() {
        let (master, backup) = (DaemonRole::Master, DaemonRole::Backup);
        assert_eq!(
            find_settings(&[master, backup], ["3\t50", "0", "1"]),
            [(
                "net.ipv4.vs.backup_only is on, and the daemon of a backup runs beside that of \
                 the master"
                    .to_owned(),
                vec!["sysctl -w net.ipv4.vs.backup_only=0".to_owned()]
            )]
        );
        assert_eq!(find_settings(&[master, backup], ["3\t50", "0", "0"]), []);
        assert_eq!(find_settings(&[master], ["3\t50", "0", "1"]), []);
        assert_eq!(find_settings(&[backup], ["3\t50", "0", "1"]), []);
    }
}
