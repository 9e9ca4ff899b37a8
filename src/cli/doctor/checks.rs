// SPDX-License-Identifier: MIT

//! The lists of checks.

use super::{
    addresses,
    check::Check,
    connections, daemons,
    director::Director,
    firewall, forwarding, kernel,
    real_server::{self, RealServer},
    replies, servers, services, settings, sync_messages, sync_settings,
};

/// The checks of a director, in the order in which they are made.
pub(crate) static DIRECTOR_CHECKS: &[Check<Director>] = &[
    Check {
        name: "module",
        find: kernel::find_missing_module,
    },
    Check {
        name: "service",
        find: services::find_missing_service,
    },
    Check {
        name: "virtual-address",
        find: addresses::find_missing_addresses,
    },
    Check {
        name: "firewall-mark",
        find: firewall::find_missing_marks,
    },
    Check {
        name: "usable-server",
        find: services::find_unusable_servers,
    },
    Check {
        name: "scheduler",
        find: services::find_unfit_schedulers,
    },
    Check {
        name: "ip-forward",
        find: forwarding::find_missing_forwarding,
    },
    Check {
        name: "large-receive",
        find: forwarding::find_large_receive,
    },
    Check {
        name: "server-route",
        find: servers::find_missing_routes,
    },
    Check {
        name: "same-link",
        find: servers::find_routers_before_servers,
    },
    Check {
        name: "server-port",
        find: servers::find_lost_ports,
    },
    Check {
        name: "tunnel-sender",
        find: servers::find_wrong_senders,
    },
    Check {
        name: "local-server",
        find: servers::find_deaf_local_servers,
    },
    Check {
        name: "server-replies",
        find: replies::find_missing_replies,
    },
    Check {
        name: "conntrack",
        find: firewall::find_missing_tracking,
    },
    Check {
        name: "reverse-path",
        find: firewall::find_strict_filters,
    },
    Check {
        name: "sync-daemon",
        find: daemons::find_unreachable_daemons,
    },
    Check {
        name: "sync-id",
        find: sync_messages::find_other_sync_ids,
    },
    Check {
        name: "sync-messages",
        find: sync_messages::find_lost_messages,
    },
    Check {
        name: "sync-settings",
        find: sync_settings::find_unfit_sync_settings,
    },
    Check {
        name: "quiesced-persistence",
        find: settings::find_clients_of_quiesced,
    },
    Check {
        name: "removed-server",
        find: connections::find_lost_connections,
    },
    Check {
        name: "port-reuse",
        find: connections::find_reused_ports,
    },
    Check {
        name: "defence",
        find: settings::find_defences,
    },
    Check {
        name: "conntrack-table",
        find: settings::find_full_tracking,
    },
    Check {
        name: "connection-table",
        find: settings::find_small_table,
    },
];

/// The checks of a real server, in the order in which they are made. What keeps the server
/// from answering for the address comes before the address itself.
pub(crate) static REAL_SERVER_CHECKS: &[Check<RealServer>] = &[
    Check {
        name: "arp-ignore",
        find: real_server::arp::find_answering_interfaces,
    },
    Check {
        name: "arp-announce",
        find: real_server::arp::find_announcing_interfaces,
    },
    Check {
        name: "address-prefix",
        find: real_server::addresses::find_networks,
    },
    Check {
        name: "server-address",
        find: real_server::addresses::find_missing_addresses,
    },
    Check {
        name: "tunnel-device",
        find: real_server::tunnels::find_unfit_devices,
    },
    Check {
        name: "tunnel-rp-filter",
        find: real_server::tunnels::find_filtered_devices,
    },
    Check {
        name: "listener",
        find: real_server::listener::find_missing_listeners,
    },
];

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn names<T>(checks: &[Check<T>]) -> Vec<&str> {
        checks.iter().map(|check| check.name).collect()
    }

    /// Returns what the manual page lists below this sentence.
    fn listed_in_manual(sentence: &str) -> Vec<String> {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/ipvsadm.8");
        let page = fs::read_to_string(page).unwrap();
        let (_, list) = page.split_once(&format!("\n{sentence}\n")).unwrap();
        let (list, _) = list.split_once("\n.El\n").unwrap();
        let items = list.lines().filter_map(|line| line.strip_prefix(".It Cm "));
        items.map(str::to_owned).collect()
    }

    #[test]
    fn the_guide_lists_every_check_of_a_director_in_its_order() {
        let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/doctor.md");
        let guide = fs::read_to_string(guide).unwrap();
        let (_, table) = guide.split_once("\n## The checks of a director\n").unwrap();
        let (table, _) = table.split_once("|\n\n").unwrap();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
        let listed: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
        assert_eq!(listed, names(DIRECTOR_CHECKS));
    }

    #[test]
    fn the_manual_page_lists_every_check_in_its_order() {
        let director = listed_in_manual("The checks of a director:");
        assert_eq!(director, names(DIRECTOR_CHECKS));
        let real_server = listed_in_manual("The checks of a real server:");
        assert_eq!(real_server, names(REAL_SERVER_CHECKS));
    }
}
