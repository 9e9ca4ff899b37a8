// SPDX-License-Identifier: MIT

//! The facts about a machine that its checks have in common, whatever its role.

use std::net::IpAddr;

use ipnet::IpNet;

use super::check::Unknown;
use crate::system::{
    addresses::InterfaceAddress, interfaces::Interface, modules::Modules, settings::Settings,
};

/// The facts about a machine. What could not be read has the reason in its place.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) settings: Settings,
    pub(crate) modules: Modules,
    pub(crate) interfaces: Result<Vec<Interface>, Unknown>,
    pub(crate) addresses: Result<Vec<InterfaceAddress>, Unknown>,
}

impl Machine {
    pub(super) fn interfaces(&self) -> Result<&[Interface], Unknown> {
        self.interfaces.as_deref().map_err(Clone::clone)
    }

    pub(super) fn addresses(&self) -> Result<&[InterfaceAddress], Unknown> {
        self.addresses.as_deref().map_err(Clone::clone)
    }

    /// Returns the interface with this number; none if it is gone.
    pub(super) fn interface(&self, index: u32) -> Result<Option<&Interface>, Unknown> {
        let interfaces = self.interfaces()?;
        Ok(interfaces.iter().find(|interface| interface.index == index))
    }

    /// Returns the number of a setting, by its path below `/proc/sys/net`.
    ///
    /// # Errors
    /// When the kernel does not have it, or it may not be read.
    pub(super) fn setting(&self, name: &str) -> Result<i64, Unknown> {
        self.settings
            .number(name)
            .ok_or_else(|| Unknown(format!("/proc/sys/net/{name} cannot be read")))
    }
}

impl InterfaceAddress {
    /// Returns true if the interface takes this address to be on its link.
    pub(super) fn is_in_network_of(&self, other: IpAddr) -> bool {
        IpNet::new(self.address, self.prefix_length).is_ok_and(|network| network.contains(&other))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::system::{addresses::Scope, interfaces::InterfaceKind};

    /// A machine with interfaces of these names, numbered from 1 on, with these
    /// addresses as `ip address add` takes them, and these settings.
    pub(in crate::doctor) fn machine<const N: usize>(
        interfaces: &[(&str, &[&str])],
        settings: [(&str, &str); N],
    ) -> Machine {
        let numbered = || (1..).zip(interfaces);
        let addresses = numbered().flat_map(|(index, (_, addresses))| {
            addresses.iter().map(move |text| {
                let network: IpNet = text.parse().unwrap();
                InterfaceAddress {
                    address: network.addr(),
                    prefix_length: network.prefix_len(),
                    interface: index,
                    scope: Scope::Global,
                    deprecated: false,
                    unusable: false,
                }
            })
        });
        let addresses = addresses.collect();
        let interfaces = numbered().map(|(index, (name, _))| Interface {
            index,
            name: (*name).to_owned(),
            kind: match *name {
                "lo" => InterfaceKind::Loopback,
                _ => InterfaceKind::Device,
            },
            up: true,
            running: true,
            arp: true,
            mtu: 1500,
            master: None,
        });
        Machine {
            settings: settings.into(),
            modules: Modules::made_up(&["ip_vs"], &[], &[]),
            interfaces: Ok(interfaces.collect()),
            addresses: Ok(addresses),
        }
    }

    #[test]
    fn a_fact_that_is_not_there_is_told_by_its_name() {
        let machine = machine(&[("lo", &[])], [("ipv4/ip_forward", "0")]);
        assert_eq!(machine.setting("ipv4/ip_forward"), Ok(0));
        assert_eq!(
            machine.setting("ipv4/vs/conntrack"),
            Err(Unknown(
                "/proc/sys/net/ipv4/vs/conntrack cannot be read".to_owned()
            ))
        );
        assert_eq!(machine.interface(1).unwrap().unwrap().name, "lo");
        assert_eq!(machine.interface(2), Ok(None));
    }
}
