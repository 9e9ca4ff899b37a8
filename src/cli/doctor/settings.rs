// SPDX-License-Identifier: MIT

//! Checks of settings and limits that make IPVS behave in a way that surprises people.

use ipvs_client::Destination;

use super::{
    check::{Finding, Unknown},
    commands::set,
    director::Director,
};
use crate::system::settings::sysctl_name;

/// Files below `/proc/sys/net`, with what the kernel does while they are in force.
const DEFENCES: [(&str, &str); 2] = [
    ("ipv4/vs/drop_packet", "drops packets of new connections"),
    ("ipv4/vs/drop_entry", "drops connections from its table"),
];

/// The values of a defence that is in force (`ipvs-sysctl.rst` of the kernel): since memory
/// is low, and always. With 1 it waits for memory to get low.
const IN_FORCE: [i64; 2] = [2, 3];

pub(super) fn find_defences(director: &Director) -> Result<Vec<Finding>, Unknown> {
    if director.table()?.is_empty() {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    for (setting, effect) in DEFENCES {
        let value = director.machine.setting(setting)?;
        if !IN_FORCE.contains(&value) {
            continue;
        }
        let name = sysctl_name(setting);
        let (reason, commands) = match value {
            2 => ("because memory is low", Vec::new()),
            _ => ("whether memory is low or not", vec![set(setting, 1)]),
        };
        findings.push(Finding {
            object: name,
            message: format!("is {value}: IPVS {effect}, {reason}"),
            why: "Clients that are unlucky wait, and some try again.".to_owned(),
            commands,
        });
    }
    Ok(findings)
}

/// The setting that lets persistent clients leave a server of weight 0.
const EXPIRE_QUIESCENT: &str = "ipv4/vs/expire_quiescent_template";

pub(super) fn find_clients_of_quiesced(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for (service, servers) in director.table()? {
        let is_quiesced = |server: &Destination| server.settings.weight == 0;
        // Where no other server takes them, that is the fault.
        if service.settings.persistence.is_none() || servers.iter().all(is_quiesced) {
            continue;
        }
        let keep_clients = servers
            .iter()
            .filter(|server| is_quiesced(server) && server.persistent_connections > 0);
        for server in keep_clients {
            if director.machine.setting(EXPIRE_QUIESCENT)? != 0 {
                return Ok(Vec::new());
            }
            let clients = server.persistent_connections;
            let plural = if clients == 1 { "" } else { "s" };
            findings.push(Finding {
                object: format!("server {} of {}", server.id, service.id),
                message: format!("has weight 0 and keeps {clients} persistent client{plural}"),
                why: "New connections of these clients still go to it. That is right while it \
                      is drained, and wrong if it has failed."
                    .to_owned(),
                commands: vec![set(EXPIRE_QUIESCENT, 1)],
            });
        }
    }
    Ok(findings)
}

const TRACKED: &str = "netfilter/nf_conntrack_count";
const MOST_TRACKED: &str = "netfilter/nf_conntrack_max";

/// Finds a table of connection tracking that is at least nine tenths full. Without the
/// module there is none.
pub(super) fn find_full_tracking(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let settings = &director.machine.settings;
    let (Some(count), Some(most)) = (settings.number(TRACKED), settings.number(MOST_TRACKED))
    else {
        return Ok(Vec::new());
    };
    // No limit is 0.
    if most <= 0 || count.saturating_mul(10) < most.saturating_mul(9) {
        return Ok(Vec::new());
    }
    Ok(vec![Finding {
        object: "the table of connection tracking".to_owned(),
        message: format!("is nearly full: it has {count} of {most} entries"),
        why: "When it is full, the kernel drops the packets of new connections. (The limit is \
              set in the first network namespace, for all of them.)"
            .to_owned(),
        commands: vec![set(MOST_TRACKED, most.saturating_mul(2))],
    }])
}

/// The average number of connections in a bucket of the connection table from which on
/// looking for one takes noticeably longer.
const FULL_BUCKET: u64 = 8;

pub(super) fn find_small_table(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let buckets = *director.buckets.as_ref().map_err(Clone::clone)?;
    let servers = director.table()?.iter().flat_map(|(_, servers)| servers);
    let connections: u64 = servers.map(Destination::present_connections).sum();
    if buckets == 0 || connections < FULL_BUCKET * u64::from(buckets) {
        return Ok(Vec::new());
    }
    // One or two connections a bucket.
    let bits = connections.ilog2().min(MOST_BITS);
    Ok(vec![Finding {
        object: "the connection table".to_owned(),
        message: format!("has {connections} connections in {buckets} buckets"),
        why: format!(
            "For every packet, all connections of a bucket are looked at. The number of buckets \
             is decided when the module is loaded: it will be {} at the next start of the machine.",
            1_u32 << bits
        ),
        commands: vec![format!(
            "echo options ip_vs conn_tab_bits={bits} > /etc/modprobe.d/ip_vs.conf"
        )],
    }])
}

/// The largest value of `conn_tab_bits` that Linux 6.1 takes (`ip_vs_conn.c`).
const MOST_BITS: u32 = 20;

#[cfg(test)]
mod tests {
    use ipvs_client::{DestinationSettings, Persistence};

    use super::*;
    use crate::{
        doctor::{
            director::tests::{director, entry, told},
            machine::tests::machine,
        },
        table::Entry,
    };

    const MASQUERADING: DestinationSettings = DestinationSettings::masquerading();

    fn table() -> Vec<Entry> {
        let servers = ["10.0.0.2:80", "10.0.0.3:80"];
        vec![entry("TCP 192.0.2.9:80", MASQUERADING, &servers)]
    }

    #[test]
    fn a_defence_is_in_force_since_memory_is_low_or_always() {
        let find = |packet, entry, table| {
            let settings = [
                ("ipv4/vs/drop_packet", packet),
                ("ipv4/vs/drop_entry", entry),
            ];
            told(find_defences(&director(machine(&[], settings), table)))
        };
        assert_eq!(find("1", "0", table()), []);
        assert_eq!(find("3", "3", Vec::new()), []);
        assert_eq!(
            find("3", "2", table()),
            [
                (
                    "net.ipv4.vs.drop_packet is 3: IPVS drops packets of new connections, \
                     whether memory is low or not"
                        .to_owned(),
                    vec!["sysctl -w net.ipv4.vs.drop_packet=1".to_owned()]
                ),
                (
                    "net.ipv4.vs.drop_entry is 2: IPVS drops connections from its table, \
                     because memory is low"
                        .to_owned(),
                    Vec::new()
                ),
            ]
        );
    }

    #[test]
    fn persistent_clients_stay_with_a_quiesced_server_unless_a_setting_lets_them_go() {
        let find = |persistent, weights: [u32; 2], clients, expire| {
            let mut table = table();
            let (service, servers) = &mut table[0];
            service.settings.persistence = Some(Persistence::new(600)).filter(|_| persistent);
            for (server, weight) in servers.iter_mut().zip(weights) {
                server.settings.weight = weight;
            }
            servers[0].persistent_connections = clients;
            let machine = machine(&[], [(EXPIRE_QUIESCENT, expire)]);
            told(find_clients_of_quiesced(&director(machine, table)))
        };
        assert_eq!(
            find(true, [0, 1], 2, "0"),
            [(
                "server 10.0.0.2:80 of TCP 192.0.2.9:80 has weight 0 and keeps 2 persistent \
                 clients"
                    .to_owned(),
                vec!["sysctl -w net.ipv4.vs.expire_quiescent_template=1".to_owned()]
            )]
        );
        assert_eq!(find(true, [0, 1], 2, "1"), []);
        assert_eq!(find(true, [0, 1], 0, "0"), []);
        assert_eq!(find(true, [1, 1], 2, "0"), []);
        assert_eq!(find(true, [0, 0], 2, "0"), []);
        assert_eq!(find(false, [0, 1], 2, "0"), []);
    }

    #[test]
    fn connection_tracking_is_nearly_full_from_nine_tenths_on() {
        let find = |count, most| {
            let machine = machine(&[], [(TRACKED, count), (MOST_TRACKED, most)]);
            told(find_full_tracking(&director(machine, Vec::new())))
        };
        assert_eq!(find("899", "1000"), []);
        assert_eq!(find("5", "0"), []);
        assert_eq!(
            find("900", "1000"),
            [(
                "the table of connection tracking is nearly full: it has 900 of 1000 entries"
                    .to_owned(),
                vec!["sysctl -w net.netfilter.nf_conntrack_max=2000".to_owned()]
            )]
        );
        let without = director(machine(&[], []), Vec::new());
        assert_eq!(told(find_full_tracking(&without)), []);
    }

    #[test]
    fn eight_connections_a_bucket_are_many() {
        let find = |connections: u32| {
            let mut table = table();
            table[0].1[0].active_connections = 1;
            table[0].1[1].inactive_connections = connections - 1;
            let mut director = director(machine(&[], []), table);
            director.buckets = Ok(4096);
            told(find_small_table(&director))
        };
        assert_eq!(find(8 * 4096 - 1), []);
        assert_eq!(
            find(100_000),
            [(
                "the connection table has 100000 connections in 4096 buckets".to_owned(),
                vec!["echo options ip_vs conn_tab_bits=16 > /etc/modprobe.d/ip_vs.conf".to_owned()]
            )]
        );
    }
}
