// SPDX-License-Identifier: MIT

//! The check that the director has the virtual addresses.

use std::{collections::BTreeMap, net::IpAddr};

use ipvs_client::ServiceId;

use super::{
    check::{Finding, Unknown},
    commands::set_up,
    director::{Director, Way},
};
use crate::{command::spelling::quote, system::interfaces::InterfaceKind};

pub(super) fn find_missing_addresses(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let mut addresses: BTreeMap<IpAddr, ServiceId> = BTreeMap::new();
    for (service, _) in director.table()? {
        if let ServiceId::Address { address, .. } = service.id {
            addresses.entry(address).or_insert(service.id);
        }
    }
    let mut findings = Vec::new();
    for (address, service) in addresses {
        // Another interface than that of the address may be asked for it, and a route
        // can make addresses local that no interface has.
        if address.is_unspecified() || matches!(director.way_to(address)?, Way::Local) {
            continue;
        }
        if let Some(reason) = &director.standby {
            let missing = format!("{address} is not on this director, and {reason}");
            return Err(Unknown(missing));
        }
        findings.push(describe(director, address, &service)?);
    }
    Ok(findings)
}

/// Describes a virtual address that is not local.
fn describe(director: &Director, address: IpAddr, service: &ServiceId) -> Result<Finding, Unknown> {
    let machine = &director.machine;
    let own = machine.addresses()?;
    let own = own.iter().find(|own| own.address == address);
    let interface = match own {
        Some(own) => machine.interface(own.interface)?,
        None => None,
    };
    let (message, command) = match interface {
        Some(interface) if !interface.up => (
            format!("is on {}, which is down", interface.name),
            Some(set_up(&interface.name)),
        ),
        Some(interface) => (
            format!("is on {}, but not in use", interface.name),
            Some(add_address(address, &interface.name)),
        ),
        None => (
            "is not on this director".to_owned(),
            choose_interface(director, address)?.map(|name| add_address(address, &name)),
        ),
    };
    Ok(Finding {
        object: format!("virtual address {address} of {service}"),
        message,
        why: "Packets for it do not reach the director, or are passed on without IPVS.".to_owned(),
        commands: command.into_iter().collect(),
    })
}

/// Makes the command that puts a virtual address on an interface: of IPv6, usable at once
/// and not chosen as the sender of the director's own packets.
fn add_address(address: IpAddr, interface: &str) -> String {
    let interface = quote(interface);
    match address {
        IpAddr::V4(_) => format!("ip address add {address}/32 dev {interface}"),
        IpAddr::V6(_) => {
            format!("ip address replace {address}/128 dev {interface} nodad preferred_lft 0")
        }
    }
}

/// Returns the interface that a virtual address belongs to: the one by which packets to
/// it would leave, or else the first that is up.
fn choose_interface(director: &Director, address: IpAddr) -> Result<Option<String>, Unknown> {
    if let Way::By {
        interface: Some(interface),
        ..
    } = director.way_to(address)?
    {
        return Ok(Some(interface.name.clone()));
    }
    let interfaces = director.machine.interfaces()?.iter();
    let mut usable =
        interfaces.filter(|interface| interface.up && interface.kind != InterfaceKind::Loopback);
    Ok(usable.next().map(|interface| interface.name.clone()))
}

#[cfg(test)]
mod tests {
    use ipvs_client::DestinationSettings;

    use super::*;
    use crate::doctor::{
        director::tests::{director, entry, told},
        machine::{Machine, tests::machine},
    };

    fn find(machine: Machine, services: &[&str]) -> Vec<(String, Vec<String>)> {
        let plain = DestinationSettings::masquerading();
        let table = services.iter().map(|service| entry(service, plain, &[]));
        told(find_missing_addresses(&director(machine, table.collect())))
    }

    fn found(sentence: &str, command: &str) -> (String, Vec<String>) {
        (sentence.to_owned(), vec![command.to_owned()])
    }

    #[test]
    fn a_virtual_address_belongs_on_the_interface_that_packets_to_it_leave_by() {
        let has = |front: &[&str]| {
            let back = &["10.0.0.1/24"][..];
            machine(&[("lo", &[]), ("back", back), ("front", front)], [])
        };
        let services = [
            "TCP 192.0.2.9:80",
            "TCP 192.0.2.9:443",
            "TCP [2001:db8::9]:80",
            "fwmark 1",
        ];
        assert_eq!(
            find(has(&["192.0.2.1/24", "2001:db8::1/64"]), &services),
            [
                found(
                    "virtual address 192.0.2.9 of TCP 192.0.2.9:80 is not on this director",
                    "ip address add 192.0.2.9/32 dev front"
                ),
                found(
                    "virtual address 2001:db8::9 of TCP [2001:db8::9]:80 is not on this director",
                    "ip address replace 2001:db8::9/128 dev front nodad preferred_lft 0"
                ),
            ]
        );
        let own = ["192.0.2.1/24", "192.0.2.9/32", "2001:db8::9/128"];
        assert_eq!(find(has(&own), &services), []);
    }

    #[test]
    fn an_address_on_an_interface_that_is_down_is_not_there() {
        let mut machine = machine(
            &[("back", &["10.0.0.1/24"]), ("front", &["192.0.2.9/24"])],
            [],
        );
        machine.interfaces.as_mut().unwrap()[1].up = false;
        assert_eq!(
            find(machine, &["TCP 192.0.2.9:80"]),
            [found(
                "virtual address 192.0.2.9 of TCP 192.0.2.9:80 is on front, which is down",
                "ip link set front up"
            )]
        );
    }

    #[test]
    fn a_director_that_stands_by_need_not_have_the_addresses() {
        let plain = DestinationSettings::masquerading();
        let machine = machine(&[("front", &["192.0.2.1/24"])], []);
        let table = vec![entry("TCP 192.0.2.9:80", plain, &[])];
        let mut director = director(machine, table);
        director.standby = Some("it takes part in VRRP".to_owned());
        assert_eq!(
            find_missing_addresses(&director),
            Err(Unknown(
                "192.0.2.9 is not on this director, and it takes part in VRRP".to_owned()
            ))
        );
    }
}
