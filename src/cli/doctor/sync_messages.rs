// SPDX-License-Identifier: MIT

//! Checks of the messages that come to the daemon of a backup: it takes them, and loses none.

use std::collections::BTreeSet;

use ipvs_client::{DaemonRole, SyncDaemonSettings};

use super::{
    check::{Finding, Unknown},
    commands::set,
    daemons::{describe_loss, restart, restart_on},
    director::Director,
};
use crate::command::spelling::quote;

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

/// The size of the buffers of daemons that start, in bytes; 0 leaves it to the kernel.
const BUFFER: &str = "ipv4/vs/sync_sock_size";
/// A size that is much more than the kernel's own. It takes at most `net.core.rmem_max`.
const LARGE_BUFFER: i64 = 8 << 20;

pub(super) fn find_lost_messages(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let lost = *director.lost_messages.as_ref().map_err(Clone::clone)?;
    if lost == 0 {
        return Ok(Vec::new());
    }
    let mut daemons = director.daemons()?.iter();
    let Some(daemon) = daemons.find(|daemon| daemon.role == DaemonRole::Backup) else {
        return Ok(Vec::new());
    };
    let plural = if lost == 1 { "" } else { "s" };
    let mut commands = vec![set(BUFFER, LARGE_BUFFER)];
    commands.extend(restart_on(daemon, &quote(&daemon.interface)));
    Ok(vec![Finding {
        object: format!("the {} daemon", daemon.role),
        message: format!("has lost {lost} message{plural}, for which its buffer had no room"),
        why: format!(
            "{} The buffer gets its size when the daemon starts, and at most net.core.rmem_max.",
            describe_loss(daemon.role)
        ),
        commands,
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        doctor::{
            daemons::tests::daemon,
            director::tests::{director, told},
            machine::tests::machine,
        },
        system::sync_messages::Heard,
    };

    fn with_backup() -> Director {
        let mut director = director(machine(&[], []), Vec::new());
        director.daemons = Ok(vec![daemon(DaemonRole::Master), daemon(DaemonRole::Backup)]);
        director
    }

    #[test]
    fn a_backup_hears_its_own_syncid_or_any() {
        let find = |own, heard: &[(u8, &str)]| {
            let heard = heard.iter().map(|&(sync_id, sender)| Heard {
                sync_id,
                sender: sender.parse().unwrap(),
            });
            let mut director = with_backup();
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

    #[test]
    fn a_backup_that_loses_messages_needs_a_larger_buffer() {
        let find = |lost| {
            let mut director = with_backup();
            director.lost_messages = Ok(lost);
            told(find_lost_messages(&director))
        };
        assert_eq!(find(0), []);
        assert_eq!(
            find(2),
            [(
                "the backup daemon has lost 2 messages, for which its buffer had no room"
                    .to_owned(),
                vec![
                    "sysctl -w net.ipv4.vs.sync_sock_size=8388608".to_owned(),
                    "ipvsadm --stop-daemon backup".to_owned(),
                    "ipvsadm --start-daemon backup --mcast-interface sync0 --syncid 7 \
                     --mcast-group 224.0.0.81"
                        .to_owned(),
                ]
            )]
        );
    }
}
