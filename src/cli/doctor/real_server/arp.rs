// SPDX-License-Identifier: MIT

//! Checks that a real server neither answers ARP for the virtual addresses nor asks in
//! their name. IPv6 has no such faults: there, Linux answers only for addresses of the
//! interface that is asked.

use std::net::IpAddr;

use super::{
    super::{
        check::{Finding, Unknown},
        commands::set,
    },
    RealServer, is_a_link,
};
use crate::system::{addresses::Scope, interfaces::Interface};

pub(in crate::doctor) fn find_answering_interfaces(
    server: &RealServer,
) -> Result<Vec<Finding>, Unknown> {
    find(server, "arp_ignore", 1, |server, value, address| {
        Ok(match value {
            1 | 2 | 8 => false,
            // Only addresses of the scope host are not answered for.
            3 => {
                let places = server.places(address)?;
                !places.iter().all(|(own, _)| own.scope == Scope::Host)
            }
            _ => true,
        })
    })
    .map(|faults| {
        let describe = |fault: Fault| Finding {
            object: fault.interface,
            message: format!(
                "answers ARP for {}: arp_ignore is {}",
                fault.addresses, fault.value
            ),
            why: "Only the director may answer, or clients come to this server without it. \
                  Neighbours keep an answer for some time (ip neigh del)."
                .to_owned(),
            commands: fault.commands,
        };
        faults.into_iter().map(describe).collect()
    })
}

pub(in crate::doctor) fn find_announcing_interfaces(
    server: &RealServer,
) -> Result<Vec<Finding>, Unknown> {
    find(server, "arp_announce", 2, |_, value, _| Ok(value != 2)).map(|faults| {
        let describe = |fault: Fault| Finding {
            object: fault.interface,
            message: format!(
                "asks (ARP) in the name of {}: arp_announce is {}",
                fault.addresses, fault.value
            ),
            why: "Whoever hears it takes this server for the owner of the address, and sends \
                  its packets here instead of to the director. Neighbours keep that for some \
                  time (ip neigh del)."
                .to_owned(),
            commands: fault.commands,
        };
        faults.into_iter().map(describe).collect()
    })
}

/// A setting that is wrong on an interface.
struct Fault {
    interface: String,
    /// The virtual addresses that it is wrong for.
    addresses: String,
    /// The value that is in effect.
    value: i64,
    commands: Vec<String>,
}

/// Finds the interfaces on which a setting is wrong for an address that machines there may
/// ask for.
fn find(
    server: &RealServer,
    setting: &str,
    right: i64,
    is_wrong: impl Fn(&RealServer, i64, IpAddr) -> Result<bool, Unknown>,
) -> Result<Vec<Fault>, Unknown> {
    let addresses = server.virtual_addresses();
    let addresses: Vec<_> = addresses.into_iter().filter(IpAddr::is_ipv4).collect();
    let mut faults = Vec::new();
    for interface in server.machine.interfaces()? {
        let mut wrong = Vec::new();
        for &address in &addresses {
            if is_concerned(server, interface, address)? {
                let value = read(server, interface, setting)?;
                if is_wrong(server, value, address)? {
                    wrong.push((address, value));
                }
            }
        }
        if let Some(&(_, value)) = wrong.first() {
            let addresses: Vec<_> = wrong
                .iter()
                .map(|(address, _)| address.to_string())
                .collect();
            faults.push(Fault {
                interface: interface.name.clone(),
                addresses: addresses.join(", "),
                value,
                commands: mend(server, interface, setting, right),
            });
        }
    }
    Ok(faults)
}

/// Returns true if the settings of this interface decide what its neighbours learn about
/// a virtual address. They do not where the address is on a link itself; that is another
/// fault.
fn is_concerned(
    server: &RealServer,
    interface: &Interface,
    address: IpAddr,
) -> Result<bool, Unknown> {
    let places = server.places(address)?;
    let is_on_a_link = places.iter().any(|(_, holder)| is_a_link(holder));
    Ok(!is_on_a_link && server.is_asked_on(interface, address)?)
}

/// Returns the value in effect.
fn read(server: &RealServer, interface: &Interface, setting: &str) -> Result<i64, Unknown> {
    let settings = &server.machine.settings;
    settings.greater(&interface.name, setting).ok_or_else(|| {
        let name = &interface.name;
        Unknown(format!(
            "/proc/sys/net/ipv4/conf/{name}/{setting} cannot be read"
        ))
    })
}

/// Makes the commands after which the right value is in effect: the greater of that for
/// all interfaces and that of the interface counts.
fn mend(server: &RealServer, interface: &Interface, setting: &str, right: i64) -> Vec<String> {
    let all = format!("ipv4/conf/all/{setting}");
    let own = format!("ipv4/conf/{}/{setting}", interface.name);
    let value = |name: &str| server.machine.settings.number(name);
    let mut commands = Vec::new();
    if value(&all) != Some(right) {
        commands.push(set(&all, right));
    }
    if value(&own).is_some_and(|value| value > right) {
        commands.push(set(&own, right));
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{found, real_server},
        *,
    };
    use crate::doctor::director::tests::told;

    const OWN: &[&str] = &["192.0.2.11/24"];
    const VIRTUAL: &[&str] = &["127.0.0.1/8", "192.0.2.9/32"];

    fn server(ignore: [&str; 2], announce: [&str; 2]) -> RealServer {
        real_server(
            &["192.0.2.9:80", "192.0.2.9:443", "2001:db8::9"],
            &[("lo", VIRTUAL), ("eth0", OWN), ("dummy1", &[])],
            [
                ("ipv4/conf/all/arp_ignore", ignore[0]),
                ("ipv4/conf/eth0/arp_ignore", ignore[1]),
                ("ipv4/conf/all/arp_announce", announce[0]),
                ("ipv4/conf/eth0/arp_announce", announce[1]),
            ],
        )
    }

    #[test]
    fn the_greater_setting_decides_and_each_fault_is_told_with_its_commands() {
        let all = "sysctl -w net.ipv4.conf.all.arp_ignore=1";
        let own = "sysctl -w net.ipv4.conf.eth0.arp_ignore=1";
        for (values, expected) in [
            (["0", "0"], Some((0, &[all][..]))),
            (["1", "0"], None),
            (["0", "1"], None),
            (["2", "0"], None),
            (["8", "1"], None),
            (["3", "0"], Some((3, &[all]))),
            (["0", "3"], Some((3, &[all, own]))),
            (["1", "4"], Some((4, &[own]))),
        ] {
            let server = server(values, ["2", "2"]);
            let expected = expected.map(|(value, commands)| {
                let sentence = format!("eth0 answers ARP for 192.0.2.9: arp_ignore is {value}");
                found(&sentence, commands)
            });
            let told = told(find_answering_interfaces(&server));
            assert_eq!(told, expected.into_iter().collect::<Vec<_>>(), "{values:?}");
        }
    }

    #[test]
    fn only_the_best_address_may_ask() {
        let all = "sysctl -w net.ipv4.conf.all.arp_announce=2";
        let own = "sysctl -w net.ipv4.conf.eth0.arp_announce=2";
        for (values, expected) in [
            (["0", "0"], Some((0, &[all][..]))),
            (["1", "0"], Some((1, &[all]))),
            (["2", "0"], None),
            (["0", "2"], None),
            (["2", "3"], Some((3, &[own]))),
        ] {
            let server = server(["1", "1"], values);
            let expected = expected.map(|(value, commands)| {
                let sentence =
                    format!("eth0 asks (ARP) in the name of 192.0.2.9: arp_announce is {value}");
                found(&sentence, commands)
            });
            let told = told(find_announcing_interfaces(&server));
            assert_eq!(told, expected.into_iter().collect::<Vec<_>>(), "{values:?}");
        }
    }

    #[test]
    fn an_address_of_the_scope_host_is_not_answered_for_with_3() {
        let mut server = server(["3", "0"], ["2", "2"]);
        for own in server.machine.addresses.as_mut().unwrap() {
            own.scope = Scope::Host;
        }
        assert_eq!(told(find_answering_interfaces(&server)), []);
    }

    #[test]
    fn interfaces_without_neighbours_do_not_matter() {
        let is_found = |change: fn(&mut Interface)| {
            let mut server = server(["0", "0"], ["2", "2"]);
            change(server.interface_mut("eth0"));
            !told(find_answering_interfaces(&server)).is_empty()
        };
        assert!(is_found(|_| {}));
        assert!(!is_found(|interface| interface.up = false));
        assert!(!is_found(|interface| interface.arp = false));
        // A part of what, for this test, is a bridge.
        assert!(!is_found(|interface| interface.master = Some(3)));
        assert!(is_found(|interface| interface.master = Some(99)));
    }

    #[test]
    fn behind_a_tunnel_only_the_network_of_the_address_asks_for_it() {
        let told = |own: &[&str]| {
            let interfaces = [("ipip1", &["192.0.2.9/32"][..]), ("eth0", own)];
            let settings = [
                ("ipv4/conf/all/arp_ignore", "0"),
                ("ipv4/conf/eth0/arp_ignore", "0"),
            ];
            let server = real_server(&["192.0.2.9"], &interfaces, settings);
            told(find_answering_interfaces(&server)).len()
        };
        assert_eq!(told(&["203.0.113.11/24"]), 0);
        assert_eq!(told(&["192.0.2.11/24"]), 1);
    }

    #[test]
    fn an_address_that_is_on_the_link_itself_is_another_fault() {
        let interfaces = [("eth0", &["192.0.2.11/24", "192.0.2.9/32"][..])];
        let server = real_server(&["192.0.2.9"], &interfaces, []);
        assert_eq!(told(find_answering_interfaces(&server)), []);
        assert_eq!(told(find_announcing_interfaces(&server)), []);
    }
}
