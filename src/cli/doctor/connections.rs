// SPDX-License-Identifier: MIT

//! Checks of connections whose real server is gone, or is meant to become empty.

use ipvs_client::{Destination, DestinationId, ForwardingMethod, Protocol, ServiceId};

use super::{
    check::{Finding, Unknown},
    commands::set,
    director::Director,
};

/// The setting by which the kernel ends connections whose server is gone.
pub(crate) const EXPIRE_NODEST: &str = "ipv4/vs/expire_nodest_conn";

pub(super) fn find_lost_connections(director: &Director) -> Result<Vec<Finding>, Unknown> {
    director.table()?;
    let mut findings = Vec::new();
    for (&(service, server), count) in director.open_connections.as_ref().map_err(Clone::clone)? {
        let is_asked = director.asked.is_none_or(|asked| takes(&asked, &service));
        if !is_asked || is_in_table(director, &service, &server)? {
            continue;
        }
        // It has learned of connections of another director, which may have the server.
        if director.has_backup_daemon()? {
            return Ok(Vec::new());
        }
        let (plural, verb) = match count {
            1 => ("", "goes"),
            _ => ("s", "go"),
        };
        findings.push(Finding {
            object: format!("server {server} of {service}"),
            message: format!("was removed, and {count} open connection{plural} still {verb} to it"),
            why: "The kernel drops the packets of these connections, so that their clients wait. \
                  With the setting it ends such a connection at its next packet, also one to a \
                  server that would come back soon."
                .to_owned(),
            commands: vec![set(EXPIRE_NODEST, 1)],
        });
    }
    Ok(findings)
}

/// Returns true if a virtual service takes what a client sends to this address and port.
fn takes(service: &ServiceId, asked: &ServiceId) -> bool {
    match (*service, *asked) {
        (
            ServiceId::Address {
                protocol,
                address,
                port: 0,
            },
            ServiceId::Address {
                protocol: other,
                address: same,
                ..
            },
        ) => (protocol, address) == (other, same),
        (service, asked) => service == asked,
    }
}

/// Returns true if the table has the server of a connection. A connection does not tell its
/// virtual service: it may have come to one of its address and port, of all ports, or of a
/// firewall mark. A related connection, such as that for the data of FTP, has a port of its
/// own.
fn is_in_table(
    director: &Director,
    service: &ServiceId,
    server: &DestinationId,
) -> Result<bool, Unknown> {
    let table = director.table()?;
    let has = |servers: &[Destination]| {
        servers.iter().any(|other| {
            let same_port = other.id.port == 0 || other.id.port == server.port;
            other.id.address == server.address && same_port
        })
    };
    if let Some((_, servers)) = table.iter().find(|(found, _)| found.id == *service) {
        return Ok(has(servers));
    }
    Ok(table.iter().any(|(found, servers)| match found.id {
        ServiceId::Fwmark { .. } => has(servers),
        ServiceId::Address {
            protocol, address, ..
        } => {
            let is_near = matches!(
                *service,
                ServiceId::Address { protocol: other, address: same, .. }
                    if (other, same) == (protocol, address)
            );
            let mut addresses = servers.iter().map(|server| server.id.address);
            is_near && addresses.any(|address| address == server.address)
        }
    }))
}

/// The setting that decides about a connection from the address and port of an old one.
const REUSE_MODE: &str = "ipv4/vs/conn_reuse_mode";

/// Finds servers of weight 0 to which new connections come because their clients use a port
/// again. Persistent services are not about it: there the client alone decides
/// (`is_new_conn_expected` in `ip_vs_core.c`).
pub(super) fn find_reused_ports(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for (service, servers) in director.table()? {
        let is_datagrams = matches!(
            service.id,
            ServiceId::Address { protocol, .. } if protocol == Protocol::Udp
        );
        if is_datagrams || service.settings.persistence.is_some() {
            continue;
        }
        if !servers.iter().any(Destination::is_usable) {
            continue;
        }
        let is_left =
            |server: &&Destination| server.settings.weight == 0 && server.inactive_connections > 0;
        for server in servers.iter().filter(is_left) {
            // Of a server of weight 0, connections that are used again are chosen anew where
            // connections to a missing server end.
            if director.machine.setting(REUSE_MODE)? != 0
                || director.machine.setting(EXPIRE_NODEST)? != 0
            {
                return Ok(Vec::new());
            }
            // Without the replies, the kernel sees the end of a connection only with the
            // second bit (`ipvs-sysctl.rst`).
            let mode = match server.settings.forwarding_method {
                ForwardingMethod::Masquerading => 1,
                _ => 3,
            };
            findings.push(Finding {
                object: format!("server {} of {}", server.id, service.id),
                message: "has weight 0, and gets new connections from ports that are used again"
                    .to_owned(),
                why: "net.ipv4.vs.conn_reuse_mode is 0: while the kernel remembers a connection, \
                      another one of the same client and port goes to the same server."
                    .to_owned(),
                commands: vec![set(REUSE_MODE, mode)],
            });
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use ipvs_client::{DaemonRole, DestinationSettings, Persistence, SyncDaemon};

    use super::*;
    use crate::doctor::{
        director::tests::{director, entry, told},
        machine::tests::machine,
    };

    const MASQUERADING: DestinationSettings = DestinationSettings::masquerading();

    fn with_open(services: &[(&str, &[&str])], service: &str, server: &str) -> Director {
        let table = services
            .iter()
            .map(|(service, servers)| entry(service, MASQUERADING, servers));
        let mut director = director(machine(&[], []), table.collect());
        let flow = (service.parse().unwrap(), server.parse().unwrap());
        director.open_connections = Ok([(flow, 2)].into());
        director
    }

    #[test]
    fn open_connections_need_their_server_in_the_table() {
        let service = "TCP 192.0.2.9:80";
        let lost = |services: &[(&str, &[&str])]| {
            let director = with_open(services, service, "10.0.0.2:8080");
            !told(find_lost_connections(&director)).is_empty()
        };
        assert!(!lost(&[(service, &["10.0.0.2:8080"])]));
        assert!(lost(&[(service, &["10.0.0.3:8080"])]));
        assert!(lost(&[(service, &["10.0.0.2:80"])]));
        assert!(lost(&[]));
        assert!(lost(&[("TCP 192.0.2.8:80", &["10.0.0.2:8080"])]));
        // The service of all ports, or of a mark, may have taken it.
        assert!(!lost(&[("TCP 192.0.2.9:0", &["10.0.0.2:0"])]));
        assert!(!lost(&[("fwmark 1", &["10.0.0.2:8080"])]));
        assert!(lost(&[("fwmark 1", &["10.0.0.3:0"])]));
        // The data of FTP.
        assert!(!lost(&[("TCP 192.0.2.9:21", &["10.0.0.2:21"])]));
    }

    #[test]
    fn lost_connections_are_counted_and_ended_by_a_setting() {
        let mut director = with_open(&[], "TCP 192.0.2.9:80", "10.0.0.2:8080");
        let wanted = [(
            "server 10.0.0.2:8080 of TCP 192.0.2.9:80 was removed, and 2 open connections still \
             go to it"
                .to_owned(),
            vec!["sysctl -w net.ipv4.vs.expire_nodest_conn=1".to_owned()],
        )];
        assert_eq!(told(find_lost_connections(&director)), wanted);
        for (asked, is_about) in [
            ("TCP 192.0.2.9:80", true),
            ("TCP 192.0.2.9:0", true),
            ("TCP 192.0.2.9:443", false),
            ("UDP 192.0.2.9:80", false),
            ("fwmark 1", false),
        ] {
            director.asked = Some(asked.parse().unwrap());
            let found = told(find_lost_connections(&director));
            assert_eq!(!found.is_empty(), is_about, "{asked}");
        }
        director.asked = None;
        let backup = SyncDaemon::new(DaemonRole::Backup, "eth0", 0);
        director.daemons = Ok(vec![backup]);
        assert_eq!(told(find_lost_connections(&director)), []);
    }

    #[test]
    fn ports_that_are_used_again_matter_where_a_server_is_to_become_empty() {
        let find = |reuse, expire, service: &str, method, weights: [u32; 2], change: fn(&mut _)| {
            let mut entry = entry(service, method, &["10.0.0.2:80", "10.0.0.3:80"]);
            for (server, weight) in entry.1.iter_mut().zip(weights) {
                server.settings.weight = weight;
                server.inactive_connections = 1;
            }
            change(&mut entry.0);
            let machine = machine(&[], [(REUSE_MODE, reuse), (EXPIRE_NODEST, expire)]);
            told(find_reused_ports(&director(machine, vec![entry])))
        };
        let found = |mode| {
            [(
                "server 10.0.0.2:80 of TCP 192.0.2.9:80 has weight 0, and gets new connections \
                 from ports that are used again"
                    .to_owned(),
                vec![format!("sysctl -w net.ipv4.vs.conn_reuse_mode={mode}")],
            )]
        };
        let tcp = "TCP 192.0.2.9:80";
        let plain = |_: &mut ipvs_client::Service| {};
        assert_eq!(find("0", "0", tcp, MASQUERADING, [0, 1], plain), found(1));
        let direct = DestinationSettings::direct_routing();
        assert_eq!(find("0", "0", tcp, direct, [0, 1], plain), found(3));
        assert_eq!(find("1", "0", tcp, MASQUERADING, [0, 1], plain), []);
        assert_eq!(find("0", "1", tcp, MASQUERADING, [0, 1], plain), []);
        assert_eq!(find("0", "0", tcp, MASQUERADING, [1, 1], plain), []);
        assert_eq!(find("0", "0", tcp, MASQUERADING, [0, 0], plain), []);
        let udp = "UDP 192.0.2.9:53";
        assert_eq!(find("0", "0", udp, MASQUERADING, [0, 1], plain), []);
        let persistent = |service: &mut ipvs_client::Service| {
            service.settings.persistence = Some(Persistence::new(600));
        };
        assert_eq!(find("0", "0", tcp, MASQUERADING, [0, 1], persistent), []);
    }
}
