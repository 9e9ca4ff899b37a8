// SPDX-License-Identifier: MIT

//! Checks of the devices that unwrap what the director sends through a tunnel.

use std::net::IpAddr;

use super::{
    super::{
        check::{Finding, Unknown},
        commands::{set, set_up},
    },
    RealServer, add_address, is_a_link,
};
use crate::{
    command::spelling::quote,
    system::{
        addresses::Scope,
        interfaces::{Interface, TunnelDevice, TunnelProtocol},
    },
};

pub(in crate::doctor) fn find_unfit_devices(server: &RealServer) -> Result<Vec<Finding>, Unknown> {
    let mut findings: Vec<Finding> = Vec::new();
    for address in server.virtual_addresses() {
        let tunnels = server.tunnels_for(address)?;
        let some_are_up = tunnels.iter().any(|(interface, _)| interface.up);
        for (interface, tunnel) in tunnels {
            if !interface.up && !some_are_up {
                findings.push(Finding {
                    object: interface.name.clone(),
                    message: "is down".to_owned(),
                    why: "It unwraps no packets, and its addresses do not count.".to_owned(),
                    commands: vec![set_up(&interface.name)],
                });
            }
            findings.extend(describe_local(server, interface, tunnel)?);
        }
    }
    // One device can be that of several addresses.
    findings.sort_by(|one, other| one.object.cmp(&other.object));
    findings.dedup();
    Ok(findings)
}

/// Describes a device for packets that are sent to another machine.
fn describe_local(
    server: &RealServer,
    interface: &Interface,
    tunnel: &TunnelDevice,
) -> Result<Option<Finding>, Unknown> {
    let own = server.machine.addresses()?;
    let Some(local) = tunnel.local else {
        return Ok(None);
    };
    if own.iter().any(|own| own.address == local) {
        return Ok(None);
    }
    let name = &interface.name;
    let better = choose_local(server, local)?;
    let command = better.map(|address| {
        let kind = tunnel.protocol.name();
        format!("ip link set {} type {kind} local {address}", quote(name))
    });
    Ok(Some(Finding {
        object: name.clone(),
        message: format!("unwraps packets to {local}, which is no address of this server"),
        why: "The director sends them to an address of the server.".to_owned(),
        commands: command.into_iter().collect(),
    }))
}

/// Returns the address that a tunnel can end at instead of another, if there is only one:
/// of the same family, on a link, and not a virtual address.
fn choose_local(server: &RealServer, instead_of: IpAddr) -> Result<Option<IpAddr>, Unknown> {
    let asked = server.virtual_addresses();
    let mut found = Vec::new();
    for own in server.machine.addresses()? {
        let is_usable = own.address.is_ipv4() == instead_of.is_ipv4()
            && own.scope == Scope::Global
            && !asked.contains(&own.address);
        let interface = server.machine.interface(own.interface)?;
        if is_usable && interface.is_some_and(is_a_link) {
            found.push(own.address);
        }
    }
    Ok(match found.as_slice() {
        [only] => Some(*only),
        _ => None,
    })
}

impl TunnelProtocol {
    /// Returns the name that `ip link` has for it.
    fn name(self) -> &'static str {
        match self {
            Self::Ipip => "ipip",
            Self::Sit => "sit",
            Self::Ip6tnl => "ip6tnl",
            Self::Gre => "gre",
            Self::Ip6gre => "ip6gre",
        }
    }
}

pub(in crate::doctor) fn find_filtered_devices(
    server: &RealServer,
) -> Result<Vec<Finding>, Unknown> {
    let mut findings: Vec<Finding> = Vec::new();
    let addresses = server.virtual_addresses();
    for address in addresses.into_iter().filter(IpAddr::is_ipv4) {
        for (interface, _) in server.tunnels_for(address)? {
            let is_told = |finding: &Finding| finding.object == interface.name;
            if interface.up && !findings.iter().any(is_told) {
                findings.extend(describe_filter(server, interface, address)?);
            }
        }
    }
    Ok(findings)
}

/// Describes a reverse path filter that drops what comes out of a tunnel.
fn describe_filter(
    server: &RealServer,
    interface: &Interface,
    address: IpAddr,
) -> Result<Option<Finding>, Unknown> {
    let name = &interface.name;
    let own = format!("ipv4/conf/{name}/rp_filter");
    let Some(value) = server.machine.settings.greater(name, "rp_filter") else {
        return Err(Unknown(format!("/proc/sys/net/{own} cannot be read")));
    };
    let addresses = server.machine.addresses()?.iter();
    let mut addresses = addresses.filter(|own| own.interface == interface.index);
    let has_address = addresses.any(|own| own.address.is_ipv4());
    let mut commands = Vec::new();
    if value == 1 {
        commands.push(set(&own, 2));
    }
    if value != 0 && !has_address {
        commands.push(add_address(address, name));
    }
    let message = match (value, has_address) {
        (0, _) => return Ok(None),
        (1, _) => "drops what it unwraps: rp_filter is 1 (strict)".to_owned(),
        (_, true) => return Ok(None),
        (_, false) => {
            format!("drops what it unwraps: rp_filter is {value}, and it has no IPv4 address")
        }
    };
    Ok(Some(Finding {
        object: name.clone(),
        message,
        why: "Packets of clients come out of this device, and the route to the clients leads \
              through another interface. Only a loose filter (2) lets them in, and not even \
              that one on a device without an IPv4 address."
            .to_owned(),
        commands,
    }))
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{found, real_server},
        *,
    };
    use crate::doctor::director::tests::told;

    const OWN: &[&str] = &["203.0.113.11/24"];
    const VIRTUAL: &[&str] = &["192.0.2.9/32"];

    fn server(filter: [&str; 2]) -> RealServer {
        let mut server = real_server(
            &["192.0.2.9:80", "192.0.2.9:443"],
            &[("lo", &[]), ("eth0", OWN), ("ipip1", VIRTUAL)],
            [
                ("ipv4/conf/all/rp_filter", filter[0]),
                ("ipv4/conf/ipip1/rp_filter", filter[1]),
            ],
        );
        server.tunnel_mut("ipip1").local = Some("203.0.113.11".parse().unwrap());
        server
    }

    #[test]
    fn a_device_is_up_and_ends_at_an_address_of_the_server() {
        let mut server = server(["0", "0"]);
        assert_eq!(told(find_unfit_devices(&server)), []);
        server.interface_mut("ipip1").up = false;
        assert_eq!(
            told(find_unfit_devices(&server)),
            [found("ipip1 is down", &["ip link set ipip1 up"])]
        );
        server.interface_mut("ipip1").up = true;
        server.tunnel_mut("ipip1").local = Some("203.0.113.12".parse().unwrap());
        let message = "ipip1 unwraps packets to 203.0.113.12, which is no address of this server";
        assert_eq!(
            told(find_unfit_devices(&server)),
            [found(
                message,
                &["ip link set ipip1 type ipip local 203.0.113.11"]
            )]
        );
        // Nobody knows which of two addresses the director has.
        let mut second = server.machine.addresses.as_ref().unwrap()[0].clone();
        second.address = "203.0.113.13".parse().unwrap();
        server.machine.addresses.as_mut().unwrap().push(second);
        assert_eq!(told(find_unfit_devices(&server)), [found(message, &[])]);
    }

    #[test]
    fn one_device_that_is_up_is_enough_if_the_address_is_elsewhere() {
        let interfaces: [(&str, &[&str]); 3] = [("lo", VIRTUAL), ("ipip1", &[]), ("gre1", &[])];
        let mut server = real_server(&["192.0.2.9"], &interfaces, []);
        server.tunnel_mut("gre1").local = Some("192.0.2.9".parse().unwrap());
        server.interface_mut("gre1").up = false;
        assert_eq!(told(find_unfit_devices(&server)), []);
    }

    #[test]
    fn only_a_loose_filter_or_none_lets_in_what_a_tunnel_unwraps() {
        let strict = found(
            "ipip1 drops what it unwraps: rp_filter is 1 (strict)",
            &["sysctl -w net.ipv4.conf.ipip1.rp_filter=2"],
        );
        for (values, expected) in [
            (["0", "0"], None),
            (["2", "0"], None),
            (["1", "2"], None),
            (["1", "0"], Some(&strict)),
            (["0", "1"], Some(&strict)),
        ] {
            let told = told(find_filtered_devices(&server(values)));
            assert_eq!(told.first(), expected, "{values:?}");
            assert_eq!(told.len(), usize::from(expected.is_some()), "{values:?}");
        }
    }

    #[test]
    fn a_filter_drops_everything_on_a_device_without_an_address() {
        let interfaces: [(&str, &[&str]); 2] = [("lo", VIRTUAL), ("ipip1", &[])];
        let told = |value| {
            let settings = [("ipv4/conf/all/rp_filter", value)];
            told(find_filtered_devices(&real_server(
                &["192.0.2.9"],
                &interfaces,
                settings,
            )))
        };
        let add = "ip address add 192.0.2.9/32 dev ipip1";
        assert_eq!(told("0"), []);
        assert_eq!(
            told("1"),
            [found(
                "ipip1 drops what it unwraps: rp_filter is 1 (strict)",
                &["sysctl -w net.ipv4.conf.ipip1.rp_filter=2", add]
            )]
        );
        assert_eq!(
            told("2"),
            [found(
                "ipip1 drops what it unwraps: rp_filter is 2, and it has no IPv4 address",
                &[add]
            )]
        );
    }
}
