// SPDX-License-Identifier: MIT

//! The check that a master tells other directors what they need, and forwards packets itself.

use ipvs_client::DaemonRole;

use super::{
    check::{Finding, Unknown},
    commands::set,
    director::Director,
};
use crate::system::settings::sysctl_name;

/// The packet of a connection after which the master first tells of it, and the number of
/// packets until it does again (`ipvs-sysctl.rst`).
const THRESHOLD: &str = "ipv4/vs/sync_threshold";
/// The kernel's own values of these two.
const DEFAULT_THRESHOLD: &str = "3 50";
/// The seconds until the master tells of a connection again.
const REFRESH: &str = "ipv4/vs/sync_refresh_period";
/// The setting by which a director with a backup daemon only listens.
const BACKUP_ONLY: &str = "ipv4/vs/backup_only";

pub(super) fn find_unfit_sync_settings(director: &Director) -> Result<Vec<Finding>, Unknown> {
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
    use crate::doctor::{
        daemons::tests::daemon,
        director::tests::{director, told},
        machine::tests::machine,
    };

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
        told(find_unfit_sync_settings(&director))
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
