// SPDX-License-Identifier: MIT

//! The check that masquerading servers answer, and do so by way of the director.

use ipvs_client::{ForwardingMethod, Protocol, ServiceId};

use super::{
    check::{Finding, Unknown},
    director::{Director, Way},
    forwarding::find_missing_forwarding,
};

/// The number of packets to a server from which on it should have sent one. The kernel
/// brings the counters up to date at intervals, so that a reply may just be on its way.
const ENOUGH: u64 = 3;

pub(super) fn find_missing_replies(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    let mut is_unknown = false;
    // Then no reply gets as far as where it is counted.
    if !find_missing_forwarding(director)?.is_empty() {
        return Ok(findings);
    }
    for server in director.servers()? {
        // Senders of datagrams need not wait for an answer, and a mark may have some.
        let is_answered = matches!(
            server.service.id,
            ServiceId::Address {
                protocol: Protocol::Tcp | Protocol::Sctp,
                ..
            }
        );
        if !is_answered || server.method() != ForwardingMethod::Masquerading {
            continue;
        }
        let Way::By { route, .. } = director.way_to(server.id().address)? else {
            continue;
        };
        let Some(stats) = server.server.stats else {
            is_unknown = true;
            continue;
        };
        if stats.in_packets < ENOUGH || stats.out_packets > 0 {
            continue;
        }
        let way = match (route.gateway, route.source) {
            (None, Some(own)) => {
                format!(
                    " its default route must lead here (there: ip route replace default via {own})."
                )
            }
            _ => " its route to the clients must lead here.".to_owned(),
        };
        findings.push(Finding {
            object: server.name(),
            message: format!(
                "has got {} packets, and no reply came back through this director",
                stats.in_packets
            ),
            why: format!(
                "Its share of the connections is lost. It may be down, a firewall may drop the \
                 packets, or its replies go another way:{way}"
            ),
            // What is to be done is to be done on the server.
            commands: Vec::new(),
        });
    }
    match is_unknown && findings.is_empty() {
        true => Err(Unknown(
            "only root can see how many packets came from real servers".to_owned(),
        )),
        false => Ok(findings),
    }
}

#[cfg(test)]
mod tests {
    use ipvs_client::{DestinationSettings, Stats};

    use super::*;
    use crate::doctor::{
        director::tests::{director, entry, told},
        machine::tests::machine,
    };

    const MASQUERADING: DestinationSettings = DestinationSettings::masquerading();

    /// A director whose only server has counted these packets in and out.
    fn counted(service: &str, method: DestinationSettings, packets: Option<[u64; 2]>) -> Director {
        let machine = machine(
            &[("back", &["10.0.0.1/24"])],
            [("ipv4/ip_forward", "1"), ("ipv4/conf/back/forwarding", "1")],
        );
        let mut table = vec![entry(service, method, &["10.0.0.2:80"])];
        table[0].1[0].stats = packets.map(|[in_packets, out_packets]| {
            let mut stats = Stats::default();
            (stats.in_packets, stats.out_packets) = (in_packets, out_packets);
            stats
        });
        director(machine, table)
    }

    #[test]
    fn a_server_that_gets_packets_answers_some() {
        let tcp = "TCP 192.0.2.9:80";
        let find = |service, method, packets| {
            let found = find_missing_replies(&counted(service, method, Some(packets)));
            told(found)
                .into_iter()
                .map(|(told, _)| told)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            find(tcp, MASQUERADING, [3, 0]),
            [
                "server 10.0.0.2:80 of TCP 192.0.2.9:80 has got 3 packets, and no reply came back \
                 through this director"
            ]
        );
        let none = Vec::<String>::new();
        assert_eq!(find(tcp, MASQUERADING, [2, 0]), none);
        assert_eq!(find(tcp, MASQUERADING, [3, 1]), none);
        assert_eq!(find("UDP 192.0.2.9:53", MASQUERADING, [3, 0]), none);
        assert_eq!(find("fwmark 1", MASQUERADING, [3, 0]), none);
        let direct = DestinationSettings::direct_routing();
        assert_eq!(find(tcp, direct, [3, 0]), none);
    }

    #[test]
    fn replies_that_are_not_counted_are_not_missed() {
        let director = counted("TCP 192.0.2.9:80", MASQUERADING, None);
        assert!(find_missing_replies(&director).is_err());
        // They arrive, and are not passed on: that is another fault.
        let mut director = counted("TCP 192.0.2.9:80", MASQUERADING, Some([3, 0]));
        director.machine.settings = [("ipv4/ip_forward", "0")].into();
        assert_eq!(told(find_missing_replies(&director)), []);
    }
}
