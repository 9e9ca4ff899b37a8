// SPDX-License-Identifier: MIT

//! Checks that a real server has the virtual addresses, each alone and where nobody asks
//! for it.

use std::net::IpAddr;

use super::{
    super::check::{Finding, Unknown},
    RealServer, add_address, is_a_link,
};
use crate::command::spelling::quote;

/// The value of `arp_ignore` with which no address is answered for.
const IGNORE_ALL: i64 = 8;

pub(in crate::doctor) fn find_missing_addresses(
    server: &RealServer,
) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for address in server.virtual_addresses() {
        let places = server.places(address)?;
        if places.is_empty() {
            // A route can make addresses local that no interface has.
            if !server.is_local(address)? {
                findings.push(describe_missing(server, address)?);
            }
            continue;
        }
        for &(own, interface) in &places {
            let is_answered = is_a_link(interface)
                && server.has_neighbours(interface)?
                && !is_silent(server, address, &interface.name);
            if is_answered {
                let elsewhere = places.iter().any(|(_, other)| !is_a_link(other));
                let mut commands = vec![format!(
                    "ip address del {address}/{} dev {}",
                    own.prefix_length,
                    quote(&interface.name)
                )];
                if !elsewhere {
                    commands.push(add_address(address, choose_interface(server, address)?));
                }
                findings.push(Finding {
                    object: format!("virtual address {address}"),
                    message: format!("is on {}, where neighbours ask for it", interface.name),
                    why: "This server answers them as the director does, and clients come to \
                          it without the director."
                        .to_owned(),
                    commands,
                });
            }
        }
    }
    Ok(findings)
}

/// Describes a virtual address that the machine does not have.
fn describe_missing(server: &RealServer, address: IpAddr) -> Result<Finding, Unknown> {
    Ok(Finding {
        object: format!("virtual address {address}"),
        message: "is not on this server".to_owned(),
        why: "The server drops the packets that the director sends on: they are for this \
              address."
            .to_owned(),
        commands: vec![add_address(address, choose_interface(server, address)?)],
    })
}

/// Returns true if an interface answers for none of its IPv4 addresses.
fn is_silent(server: &RealServer, address: IpAddr, interface: &str) -> bool {
    let settings = &server.machine.settings;
    address.is_ipv4() && settings.greater(interface, "arp_ignore") == Some(IGNORE_ALL)
}

/// Returns the name of the interface that a virtual address belongs on: the device that
/// its packets come out of, or `lo`.
fn choose_interface(server: &RealServer, address: IpAddr) -> Result<&str, Unknown> {
    let tunnels = server.tunnels_for(address)?;
    let best = tunnels.iter().find(|(interface, _)| interface.up);
    let chosen = best.or(tunnels.first());
    Ok(chosen.map_or("lo", |(interface, _)| &interface.name))
}

pub(in crate::doctor) fn find_networks(server: &RealServer) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for address in server.virtual_addresses() {
        for (own, interface) in server.places(address)? {
            // On a link it is in the wrong place anyway.
            if own.is_host() || is_a_link(interface) {
                continue;
            }
            let (length, name) = (own.prefix_length, &interface.name);
            findings.push(Finding {
                object: format!("virtual address {address}"),
                message: format!("is on {name} with a whole network: its prefix is /{length}"),
                why: format!(
                    "The server takes the other machines of this network to be on {name} too, \
                     and its replies do not reach them."
                ),
                commands: vec![
                    format!("ip address del {address}/{length} dev {}", quote(name)),
                    add_address(address, name),
                ],
            });
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{found, local_route, real_server},
        *,
    };
    use crate::doctor::director::tests::told;

    const ASKED: &[&str] = &["192.0.2.9", "[2001:db8::9]:80"];
    const OWN: &[&str] = &["192.0.2.11/24", "2001:db8::11/64"];

    #[test]
    fn a_missing_address_belongs_on_lo_or_on_the_tunnel() {
        let server = real_server(ASKED, &[("lo", &[]), ("eth0", OWN)], []);
        assert_eq!(
            told(find_missing_addresses(&server)),
            [
                found(
                    "virtual address 192.0.2.9 is not on this server",
                    &["ip address add 192.0.2.9/32 dev lo"]
                ),
                found(
                    "virtual address 2001:db8::9 is not on this server",
                    &["ip address add 2001:db8::9/128 dev lo nodad"]
                ),
            ]
        );
        let interfaces: [(&str, &[&str]); 4] =
            [("lo", &[]), ("eth0", OWN), ("ipip1", &[]), ("sit1", &[])];
        let server = real_server(ASKED, &interfaces, []);
        let commands: Vec<_> = told(find_missing_addresses(&server))
            .into_iter()
            .flat_map(|(_, commands)| commands)
            .collect();
        assert_eq!(
            commands,
            [
                "ip address add 192.0.2.9/32 dev ipip1",
                "ip address add 2001:db8::9/128 dev sit1 nodad",
            ]
        );
    }

    #[test]
    fn an_address_that_a_route_makes_local_is_there() {
        let mut server = real_server(&["192.0.2.9"], &[("lo", &[]), ("eth0", OWN)], []);
        let routes = server.routes.as_mut().unwrap();
        routes.insert("192.0.2.9".parse().unwrap(), Some(local_route()));
        assert_eq!(told(find_missing_addresses(&server)), []);
    }

    #[test]
    fn an_address_on_lo_dummy_or_tunnel_is_in_order() {
        for name in ["lo", "dummy1", "gre1"] {
            let has = &["192.0.2.9/32", "2001:db8::9/128"][..];
            let server = real_server(ASKED, &[(name, has), ("eth0", OWN)], []);
            assert_eq!(told(find_missing_addresses(&server)), [], "{name}");
            assert_eq!(told(find_networks(&server)), [], "{name}");
        }
    }

    #[test]
    fn an_address_on_a_link_moves_to_lo() {
        let has = &["192.0.2.11/24", "192.0.2.9/24"][..];
        let message = "virtual address 192.0.2.9 is on eth0, where neighbours ask for it";
        let server = |lo: &[&str], ignore: &str| {
            let interfaces = [("lo", lo), ("eth0", has)];
            let settings = [("ipv4/conf/all/arp_ignore", ignore)];
            real_server(&["192.0.2.9"], &interfaces, settings)
        };
        let (del, add) = (
            "ip address del 192.0.2.9/24 dev eth0",
            "ip address add 192.0.2.9/32 dev lo",
        );
        assert_eq!(
            told(find_missing_addresses(&server(&[], "1"))),
            [found(message, &[del, add])]
        );
        assert_eq!(
            told(find_missing_addresses(&server(&["192.0.2.9/32"], "1"))),
            [found(message, &[del])]
        );
        assert_eq!(told(find_missing_addresses(&server(&[], "8"))), []);
        assert_eq!(told(find_networks(&server(&[], "1"))), []);
    }

    #[test]
    fn a_network_hides_the_machines_in_it() {
        let interfaces = [("lo", &["192.0.2.9/24"][..]), ("eth0", OWN)];
        let server = real_server(&["192.0.2.9"], &interfaces, []);
        assert_eq!(
            told(find_networks(&server)),
            [found(
                "virtual address 192.0.2.9 is on lo with a whole network: its prefix is /24",
                &[
                    "ip address del 192.0.2.9/24 dev lo",
                    "ip address add 192.0.2.9/32 dev lo"
                ]
            )]
        );
    }
}
