// SPDX-License-Identifier: MIT

//! Checks that the director can pass packets on: the replies of masquerading servers, and
//! packets as they came.

use std::collections::BTreeMap;

use ipvs_client::{AddressFamily, ForwardingMethod, ServiceId};

use super::{
    check::{Finding, Unknown},
    commands::set,
    director::{Director, Way},
};
use crate::command::spelling::quote;

/// A setting that is off: its object in findings, and its path below `/proc/sys/net`.
type Off = (String, String);

pub(super) fn find_missing_forwarding(director: &Director) -> Result<Vec<Finding>, Unknown> {
    // Every setting that is off, with the services that need it.
    let mut needed: BTreeMap<Off, Vec<ServiceId>> = BTreeMap::new();
    for server in director.servers()? {
        if server.method() != ForwardingMethod::Masquerading {
            continue;
        }
        let Way::By { interface, .. } = director.way_to(server.id().address)? else {
            continue;
        };
        let interface = interface.map(|interface| interface.name.as_str());
        let family = AddressFamily::from(server.id().address);
        if let Some(off) = find_off(director, family, interface)? {
            let services = needed.entry(off).or_default();
            if services.last() != Some(&server.service.id) {
                services.push(server.service.id);
            }
        }
    }
    Ok(needed
        .into_iter()
        .map(|((object, setting), services)| Finding {
            object,
            message: format!("is off, and {} masquerades", name_services(&services)),
            why: "The replies of the real servers arrive at the director and go no further."
                .to_owned(),
            commands: vec![set(&setting, 1)],
        })
        .collect())
}

/// Returns the setting that keeps packets of a family that arrive by an interface from
/// being passed on. For IPv4 that of the interface decides, which a change of the one for
/// all sets too (`devinet_sysctl_forward` in `net/ipv4/devinet.c`); for IPv6 that of all
/// (`ip6_forward` in `net/ipv6/ip6_output.c`).
fn find_off(
    director: &Director,
    family: AddressFamily,
    interface: Option<&str>,
) -> Result<Option<Off>, Unknown> {
    let machine = &director.machine;
    let (name, all) = match family {
        AddressFamily::Ipv4 => ("IPv4", "ipv4/ip_forward"),
        AddressFamily::Ipv6 => ("IPv6", "ipv6/conf/all/forwarding"),
    };
    if machine.setting(all)? == 0 {
        return Ok(Some((format!("{name} forwarding"), all.to_owned())));
    }
    if let (AddressFamily::Ipv4, Some(interface)) = (family, interface) {
        let setting = format!("ipv4/conf/{interface}/forwarding");
        if machine.setting(&setting)? == 0 {
            return Ok(Some((
                format!("{name} forwarding from {interface}"),
                setting,
            )));
        }
    }
    Ok(None)
}

/// `TCP 192.0.2.1:80`, `TCP 192.0.2.1:80 and 2 others`
fn name_services(services: &[ServiceId]) -> String {
    match services {
        [] => String::new(),
        [first] => first.to_string(),
        [first, second] => format!("{first} like {second}"),
        [first, others @ ..] => format!("{first} like {} others", others.len()),
    }
}

pub(super) fn find_large_receive(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let mut passes_on = false;
    for server in director.servers()? {
        passes_on |= matches!(director.way_to(server.id().address)?, Way::By { .. });
    }
    if !passes_on {
        return Ok(Vec::new());
    }
    let interfaces = director.machine.interfaces()?.iter();
    let large = director.large_receive.as_ref().map_err(Clone::clone)?;
    let found = interfaces.filter(|interface| interface.up && large.contains(&interface.name));
    Ok(found
        .map(|interface| Finding {
            object: interface.name.clone(),
            message: "puts arriving packets together (large receive offload)".to_owned(),
            why: "Such a packet is too large to be passed on, and cannot be taken apart again: \
                  connections are slow or hang. The kernel switches this off when forwarding is \
                  switched on, and not where it is off or for what is switched on later."
                .to_owned(),
            commands: vec![format!("ethtool -K {} lro off", quote(&interface.name))],
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use ipvs_client::DestinationSettings;

    use super::*;
    use crate::doctor::{
        director::tests::{director, entry, told},
        machine::tests::machine,
    };

    const MASQUERADING: DestinationSettings = DestinationSettings::masquerading();

    /// Returns the findings with these settings: forwarding of IPv4, by the interface `back`,
    /// and of IPv6.
    fn find(settings: [&str; 3], method: DestinationSettings) -> Vec<(String, Vec<String>)> {
        let [all, back, v6] = settings;
        let machine = machine(
            &[("lo", &[]), ("back", &["10.0.0.1/24", "fd00::1/64"])],
            [
                ("ipv4/ip_forward", all),
                ("ipv4/conf/back/forwarding", back),
                ("ipv6/conf/all/forwarding", v6),
            ],
        );
        let table = vec![
            entry("TCP 10.0.0.9:80", method, &["10.0.0.2:80", "10.0.0.3:80"]),
            entry("TCP [fd00::9]:80", method, &["[fd00::2]:80"]),
            entry("UDP 10.0.0.9:53", method, &["10.0.0.2:53"]),
        ];
        told(find_missing_forwarding(&director(machine, table)))
    }

    #[test]
    fn masquerading_needs_forwarding_of_its_family_from_the_servers() {
        let found = |sentence: &str, command: &str| (sentence.to_owned(), vec![command.to_owned()]);
        let both = "TCP 10.0.0.9:80 like UDP 10.0.0.9:53 masquerades";
        assert_eq!(find(["1", "1", "1"], MASQUERADING), []);
        assert_eq!(
            find(["0", "0", "0"], MASQUERADING),
            [
                found(
                    &format!("IPv4 forwarding is off, and {both}"),
                    "sysctl -w net.ipv4.ip_forward=1"
                ),
                found(
                    "IPv6 forwarding is off, and TCP [fd00::9]:80 masquerades",
                    "sysctl -w net.ipv6.conf.all.forwarding=1"
                ),
            ]
        );
        assert_eq!(
            find(["1", "0", "1"], MASQUERADING),
            [found(
                &format!("IPv4 forwarding from back is off, and {both}"),
                "sysctl -w net.ipv4.conf.back.forwarding=1"
            )]
        );
    }

    #[test]
    fn packets_that_are_passed_on_may_not_be_put_together() {
        let find = |server: &str, up| {
            let mut machine = machine(&[("back", &["10.0.0.1/24"]), ("it's", &[])], []);
            machine.interfaces.as_mut().unwrap()[1].up = up;
            let table = vec![entry("TCP 10.0.0.9:80", MASQUERADING, &[server])];
            let mut director = director(machine, table);
            director.large_receive = Ok(["it's".to_owned(), "gone".to_owned()].into());
            told(find_large_receive(&director))
        };
        assert_eq!(
            find("10.0.0.2:80", true),
            [(
                "it's puts arriving packets together (large receive offload)".to_owned(),
                vec![r"ethtool -K 'it'\''s' lro off".to_owned()]
            )]
        );
        assert_eq!(find("10.0.0.2:80", false), []);
        assert_eq!(find("10.0.0.1:80", true), []);
    }

    #[test]
    fn other_methods_do_without_forwarding() {
        let direct = DestinationSettings::direct_routing();
        assert_eq!(find(["0", "0", "0"], direct), []);
    }

    #[test]
    fn a_server_on_the_director_itself_does_without_forwarding() {
        let machine = machine(
            &[("back", &["10.0.0.1/24"])],
            [("ipv4/ip_forward", "0"), ("ipv4/conf/back/forwarding", "0")],
        );
        let table = vec![entry("TCP 10.0.0.1:80", MASQUERADING, &["10.0.0.1:8080"])];
        let director = director(machine, table);
        assert_eq!(told(find_missing_forwarding(&director)), []);
    }
}
