// SPDX-License-Identifier: MIT

//! The synchronization daemons for people, with everything that can be seen of them.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::{
    synchronization::{SeenDaemon, SettingValue, Synchronization},
    system::sync_threads::SyncThread,
};

/// Blanks between two columns.
const GAP: u16 = 2;

/// The columns: heading, alignment, and the text of a daemon.
type Column = (&'static str, CellAlignment, fn(&SeenDaemon) -> String);

#[rustfmt::skip]
const COLUMNS: [Column; 8] = [
    ("Daemon", CellAlignment::Left, |seen| seen.daemon.role.to_string()),
    ("Interface", CellAlignment::Left, |seen| seen.daemon.interface.clone()),
    ("Syncid", CellAlignment::Right, |seen| seen.daemon.sync_id.to_string()),
    ("Group", CellAlignment::Left, |seen| known(seen.daemon.group)),
    ("Port", CellAlignment::Right, |seen| known(seen.daemon.port)),
    ("Maxlen", CellAlignment::Right, |seen| known(seen.daemon.sync_maxlen)),
    ("TTL", CellAlignment::Right, |seen| known(seen.daemon.ttl)),
    ("Details", CellAlignment::Left, |seen| details(seen).join(", ")),
];

/// Returns the daemons as a table, and below it the connections that were received and the
/// settings, as `sysctl` writes them.
pub(crate) fn describe_synchronization(synchronization: &Synchronization) -> String {
    let mut text = String::new();
    if synchronization.daemons.is_empty() {
        text.push_str("There are no synchronization daemons.\n");
    } else {
        for line in make_table(&synchronization.daemons).lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    if let Some(number) = synchronization.received_connections {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "\nConnections received from a master: {number}");
    }
    if !synchronization.settings.is_empty() {
        text.push('\n');
    }
    for (name, value) in &synchronization.settings {
        let value = match value {
            SettingValue::One(number) => number.to_string(),
            SettingValue::Several(numbers) => {
                let numbers: Vec<_> = numbers.iter().map(i64::to_string).collect();
                numbers.join(" ")
            }
        };
        let _ = writeln!(text, "net.ipv4.vs.{name} = {value}");
    }
    text
}

fn make_table(daemons: &[SeenDaemon]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(COLUMNS.map(|(heading, ..)| heading));
    for (cells, (number, (_, alignment, _))) in table.column_iter_mut().zip((1..).zip(COLUMNS)) {
        let gap = if number == COLUMNS.len() { 0 } else { GAP };
        cells.set_padding((0, gap));
        cells.set_cell_alignment(alignment);
    }
    for seen in daemons {
        table.add_row(COLUMNS.map(|(_, _, text)| text(seen)));
    }
    table
}

/// Returns the text of a value, or a hyphen where the kernel does not tell it.
fn known(value: Option<impl ToString>) -> String {
    value.map_or("-".to_owned(), |value| value.to_string())
}

fn details(seen: &SeenDaemon) -> Vec<String> {
    let mut details = Vec::new();
    if let Some(state) = seen.interface_state {
        details.push(format!("interface {}", state.words()));
    }
    match seen.group_joined {
        Some(true) => details.push("group joined".to_owned()),
        Some(false) => details.push("group not joined".to_owned()),
        None => {}
    }
    if !seen.threads.is_empty() {
        details.push(describe_threads(&seen.threads));
    }
    if let Some(bytes) = seen.queued_bytes {
        details.push(format!("{bytes} bytes queued"));
    }
    if let Some(messages) = seen.dropped_messages {
        details.push(format!("{messages} messages dropped"));
    }
    details
}

fn describe_threads(threads: &[SyncThread]) -> String {
    let plural = if threads.len() == 1 { "" } else { "s" };
    let states: Vec<_> = threads.iter().map(|thread| thread.state.name()).collect();
    format!("thread{plural} {}", states.join(" and "))
}

#[cfg(test)]
mod tests {
    use ipvs_client::{DaemonRole, SyncDaemon};

    use super::*;
    use crate::{synchronization::InterfaceState, system::sync_threads::ThreadState};

    fn seen(role: DaemonRole) -> SeenDaemon {
        SeenDaemon {
            daemon: SyncDaemon::new(role, "sync0", 7),
            interface_state: None,
            group_joined: None,
            threads: Vec::new(),
            queued_bytes: None,
            dropped_messages: None,
        }
    }

    #[test]
    fn everything_that_is_seen_is_told_and_nothing_else() {
        let mut backup = seen(DaemonRole::Backup);
        backup.daemon.group = Some([224, 0, 0, 81].into());
        (backup.daemon.port, backup.daemon.ttl) = (Some(8848), Some(1));
        backup.daemon.sync_maxlen = Some(1472);
        backup.interface_state = Some(InterfaceState::NoCarrier);
        backup.group_joined = Some(false);
        let thread = |state| SyncThread {
            process: 1,
            state,
            namespace: 0,
            role: DaemonRole::Backup,
        };
        backup.threads = [ThreadState::Sleeping, ThreadState::Running]
            .map(thread)
            .into();
        (backup.queued_bytes, backup.dropped_messages) = (Some(832), Some(0));
        let synchronization = Synchronization {
            daemons: vec![seen(DaemonRole::Master), backup],
            received_connections: Some(12),
            settings: [
                ("sync_ports".to_owned(), SettingValue::One(2)),
                (
                    "sync_threshold".to_owned(),
                    SettingValue::Several(vec![3, 50]),
                ),
            ]
            .into(),
        };
        assert_eq!(
            describe_synchronization(&synchronization),
            "\
Daemon  Interface  Syncid  Group       Port  Maxlen  TTL  Details
master  sync0           7  -              -       -    -
backup  sync0           7  224.0.0.81  8848    1472    1  interface without carrier, group not \
             joined, threads sleeping and running, 832 bytes queued, 0 messages dropped

Connections received from a master: 12

net.ipv4.vs.sync_ports = 2
net.ipv4.vs.sync_threshold = 3 50
"
        );
    }

    #[test]
    fn without_a_daemon_only_what_is_known_is_told() {
        let nothing = Synchronization {
            daemons: Vec::new(),
            received_connections: None,
            settings: Default::default(),
        };
        assert_eq!(
            describe_synchronization(&nothing),
            "There are no synchronization daemons.\n"
        );
    }
}
