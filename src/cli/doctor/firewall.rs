// SPDX-License-Identifier: MIT

//! Checks of the firewall and of filters: they let packets through, with what IPVS needs.

use std::collections::BTreeMap;

use ipvs_client::{AddressFamily, ForwardingMethod, ServiceId};

use super::{
    check::{Finding, Unknown},
    commands::{placeholder, set},
    director::{Director, Way},
};
use crate::system::{firewall::Firewall, interfaces::InterfaceKind};

/// The setting that lets connection tracking see the packets of IPVS.
const CONNTRACK: &str = "ipv4/vs/conntrack";

impl Director {
    fn firewall(&self) -> Result<&Firewall, Unknown> {
        self.firewall.as_ref().map_err(Clone::clone)
    }
}

pub(super) fn find_missing_marks(director: &Director) -> Result<Vec<Finding>, Unknown> {
    // Each mark with the commands for its families.
    let mut marks: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for (service, _) in director.table()? {
        if let ServiceId::Fwmark { mark, family } = service.id {
            let commands = marks.entry(mark).or_default();
            commands.push(set_mark(mark.get(), family));
        }
    }
    let mut findings = Vec::new();
    for (mark, commands) in marks {
        if !director.firewall()?.can_set_mark(mark.get()) {
            findings.push(Finding {
                object: format!("fwmark {mark}"),
                message: "is set by no rule of the firewall".to_owned(),
                why: "No packet has this mark, so that the virtual service gets none. ADDRESS, \
                      PROTOCOL and PORT stand for those of the packets that shall have it."
                    .to_owned(),
                commands,
            });
        }
    }
    Ok(findings)
}

/// Makes the command that gives a mark to packets that only people know.
fn set_mark(mark: u32, family: AddressFamily) -> String {
    let program = match family {
        AddressFamily::Ipv4 => "iptables",
        AddressFamily::Ipv6 => "ip6tables",
    };
    format!(
        "{program} -t mangle -A PREROUTING -d {} -p {} --dport {} -j MARK --set-mark {mark}",
        placeholder::ADDRESS,
        placeholder::PROTOCOL,
        placeholder::PORT
    )
}

pub(super) fn find_missing_tracking(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let mut is_needed = false;
    for server in director.servers()? {
        let is_masquerading = server.method() == ForwardingMethod::Masquerading;
        is_needed |=
            is_masquerading && !matches!(director.way_to(server.id().address)?, Way::Local);
    }
    if !is_needed || director.machine.setting(CONNTRACK)? != 0 {
        return Ok(Vec::new());
    }
    let firewall = director.firewall()?;
    let (message, why) = if firewall.translates_balanced {
        (
            "is 0, and the firewall translates the senders of packets that IPVS forwards",
            "Only packets of tracked connections are translated. So the real servers reply to \
             the clients, and not to the director.",
        )
    } else if firewall.looks_at_states {
        (
            "is 0, and the firewall looks at the states of connections that are forwarded",
            "The replies of masquerading servers are of no connection that it knows.",
        )
    } else {
        return Ok(Vec::new());
    };
    Ok(vec![Finding {
        object: "net.ipv4.vs.conntrack".to_owned(),
        message: message.to_owned(),
        why: why.to_owned(),
        commands: vec![set(CONNTRACK, 1)],
    }])
}

pub(super) fn find_strict_filters(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let machine = &director.machine;
    let drops = director
        .path_drops
        .ok_or_else(|| Unknown("/proc/net/netstat cannot be read".to_owned()))?;
    if director.table()?.is_empty() || drops == 0 {
        return Ok(Vec::new());
    }
    let interfaces = machine.interfaces()?.iter();
    let strict: Vec<&str> = interfaces
        .filter(|interface| interface.up && interface.kind != InterfaceKind::Loopback)
        .map(|interface| interface.name.as_str())
        .filter(|name| machine.settings.greater(name, "rp_filter") == Some(1))
        .collect();
    if strict.is_empty() {
        return Ok(Vec::new());
    }
    let plural = if drops == 1 { "" } else { "s" };
    Ok(vec![Finding {
        object: "the reverse path filter".to_owned(),
        message: format!(
            "is strict on {}, and has dropped {drops} packet{plural}",
            strict.join(", ")
        ),
        why: "It drops packets of clients that the director would answer by another interface."
            .to_owned(),
        // The greater of this and the setting of the interface is in effect.
        commands: vec![set("ipv4/conf/all/rp_filter", 2)],
    }])
}

#[cfg(test)]
mod tests {
    use ipvs_client::DestinationSettings;

    use super::*;
    use crate::doctor::{
        director::tests::{director, entry, told},
        machine::{Machine, tests::machine},
    };

    const MASQUERADING: DestinationSettings = DestinationSettings::masquerading();

    fn with_settings(conntrack: &str, all: &str, front: &str) -> Machine {
        machine(
            &[("lo", &[]), ("front", &["192.0.2.1/24"])],
            [
                (CONNTRACK, conntrack),
                ("ipv4/conf/all/rp_filter", all),
                ("ipv4/conf/front/rp_filter", front),
            ],
        )
    }

    #[test]
    fn a_mark_needs_a_rule_that_sets_it() {
        let table = vec![
            entry("fwmark 1", MASQUERADING, &[]),
            entry("fwmark 1 IPv6", MASQUERADING, &[]),
            entry("TCP 192.0.2.1:80", MASQUERADING, &[]),
        ];
        let director = director(with_settings("0", "0", "0"), table);
        assert_eq!(
            told(find_missing_marks(&director)),
            [(
                "fwmark 1 is set by no rule of the firewall".to_owned(),
                ["iptables", "ip6tables"]
                    .map(|program| format!(
                        "{program} -t mangle -A PREROUTING -d ADDRESS -p PROTOCOL --dport PORT \
                         -j MARK --set-mark 1"
                    ))
                    .to_vec()
            )]
        );
    }

    #[test]
    fn rules_that_cannot_be_read_matter_to_marks_only() {
        let unknown = || Err(Unknown("it takes root".to_owned()));
        let find = |service: &str| {
            let table = vec![entry(service, MASQUERADING, &[])];
            let mut director = director(with_settings("0", "0", "0"), table);
            director.firewall = unknown();
            find_missing_marks(&director)
        };
        assert_eq!(find("TCP 192.0.2.1:80"), Ok(Vec::new()));
        assert_eq!(find("fwmark 1"), Err(Unknown("it takes root".to_owned())));
    }

    #[test]
    fn what_the_firewall_does_with_masquerading_needs_connection_tracking() {
        let find = |conntrack, method, server: &str, translates, looks| {
            let table = vec![entry("TCP 192.0.2.1:80", method, &[server])];
            let mut director = director(with_settings(conntrack, "0", "0"), table);
            let mut firewall = Firewall::default();
            firewall.translates_balanced = translates;
            firewall.looks_at_states = looks;
            director.firewall = Ok(firewall);
            told(find_missing_tracking(&director))
        };
        let server = "192.0.2.3:80";
        for (translates, looks, message) in [
            (
                true,
                false,
                "is 0, and the firewall translates the senders of packets that IPVS forwards",
            ),
            (
                false,
                true,
                "is 0, and the firewall looks at the states of connections that are forwarded",
            ),
        ] {
            assert_eq!(
                find("0", MASQUERADING, server, translates, looks),
                [(
                    format!("net.ipv4.vs.conntrack {message}"),
                    vec!["sysctl -w net.ipv4.vs.conntrack=1".to_owned()]
                )]
            );
            assert_eq!(find("1", MASQUERADING, server, translates, looks), []);
            let direct = DestinationSettings::direct_routing();
            assert_eq!(find("0", direct, server, translates, looks), []);
            let local = "192.0.2.1:8080";
            assert_eq!(find("0", MASQUERADING, local, translates, looks), []);
        }
        assert_eq!(find("0", MASQUERADING, server, false, false), []);
    }

    #[test]
    fn a_strict_filter_is_a_fault_once_it_has_dropped_packets() {
        let find = |drops, all, front| {
            let table = vec![entry("TCP 192.0.2.1:80", MASQUERADING, &[])];
            let mut director = director(with_settings("0", all, front), table);
            director.path_drops = Some(drops);
            told(find_strict_filters(&director))
        };
        for (all, front, is_strict) in [
            ("1", "0", true),
            ("0", "1", true),
            ("2", "1", false),
            ("1", "2", false),
            ("0", "0", false),
        ] {
            assert_eq!(find(0, all, front), []);
            let found = find(3, all, front);
            let wanted = is_strict.then(|| {
                (
                    "the reverse path filter is strict on front, and has dropped 3 packets"
                        .to_owned(),
                    vec!["sysctl -w net.ipv4.conf.all.rp_filter=2".to_owned()],
                )
            });
            assert_eq!(found, wanted.into_iter().collect::<Vec<_>>());
        }
    }
}
