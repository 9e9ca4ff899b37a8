// SPDX-License-Identifier: MIT

//! The facts about a real server to which directors send packets with the virtual address
//! (direct routing and tunneling), which its checks are made of.

pub(super) mod addresses;
pub(super) mod arp;
pub(super) mod listener;
pub(super) mod tunnels;

use std::{collections::BTreeMap, net::IpAddr};

use super::{check::Unknown, machine::Machine};
use crate::{
    command::{doctor::VirtualAddress, spelling::quote},
    system::{
        addresses::InterfaceAddress,
        interfaces::{Interface, InterfaceKind, TunnelDevice},
        routes::Route,
        sockets::ListeningSocket,
    },
};

/// The facts about a real server.
pub(crate) struct RealServer {
    /// The virtual addresses that directors send it packets for.
    pub(crate) asked: Vec<VirtualAddress>,
    pub(crate) machine: Machine,
    /// The ways to the virtual addresses; none for those without a route.
    pub(crate) routes: Result<BTreeMap<IpAddr, Option<Route>>, Unknown>,
    pub(crate) sockets: Result<Vec<ListeningSocket>, Unknown>,
}

/// An address of the machine, and the interface that it is on.
type Place<'a> = (&'a InterfaceAddress, &'a Interface);

impl RealServer {
    /// Returns the virtual addresses without their ports, each once.
    fn virtual_addresses(&self) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        for asked in &self.asked {
            if !addresses.contains(&asked.address) {
                addresses.push(asked.address);
            }
        }
        addresses
    }

    /// Finds the interfaces that have this address.
    fn places(&self, address: IpAddr) -> Result<Vec<Place<'_>>, Unknown> {
        let mut places = Vec::new();
        for own in self.machine.addresses()? {
            if own.address == address
                && let Some(interface) = self.machine.interface(own.interface)?
            {
                places.push((own, interface));
            }
        }
        Ok(places)
    }

    /// Returns true if the kernel takes packets for this address for its own.
    fn is_local(&self, address: IpAddr) -> Result<bool, Unknown> {
        let routes = self.routes.as_ref().map_err(Clone::clone)?;
        let route = routes.get(&address).and_then(Option::as_ref);
        Ok(route.is_some_and(|route| route.local))
    }

    /// Finds the devices that unwrap packets for this virtual address, or are meant to:
    /// those that have it, or if none has, those that take packets of any sender. If there
    /// are none, the director can only use direct routing.
    fn tunnels_for(&self, address: IpAddr) -> Result<Vec<(&Interface, &TunnelDevice)>, Unknown> {
        let interfaces = self.machine.interfaces()?.iter();
        let mut tunnels: Vec<_> = interfaces
            .filter_map(|interface| match &interface.kind {
                InterfaceKind::Tunnel(tunnel) => Some((interface, tunnel)),
                _ => None,
            })
            .filter(|(_, tunnel)| match address {
                IpAddr::V4(_) => tunnel.ipv4,
                IpAddr::V6(_) => tunnel.ipv6,
            })
            .collect();
        let holders = self.places(address)?;
        let has = |interface: &Interface| holders.iter().any(|(_, holder)| *holder == interface);
        if tunnels.iter().any(|(interface, _)| has(interface)) {
            tunnels.retain(|(interface, _)| has(interface));
        } else {
            // The devices that come with the modules are down, until somebody uses them.
            tunnels.retain(|(interface, tunnel)| {
                tunnel.remote.is_none() && (interface.up || tunnel.local.is_some())
            });
        }
        Ok(tunnels)
    }

    /// Returns true if machines on the link of this interface may ask it who has the
    /// virtual address. Where packets come through a tunnel, the address can be of another
    /// network, about which nobody asks here.
    fn is_asked_on(&self, interface: &Interface, address: IpAddr) -> Result<bool, Unknown> {
        if !interface.up || !self.has_neighbours(interface)? {
            return Ok(false);
        }
        let own = self.machine.addresses()?.iter();
        let mut own = own.filter(|own| {
            own.interface == interface.index && own.address.is_ipv4() == address.is_ipv4()
        });
        Ok(match self.tunnels_for(address)?.is_empty() {
            true => own.next().is_some(),
            false => own.any(|own| own.is_in_network_of(address)),
        })
    }

    /// Returns true if an interface asks its neighbours for their hardware addresses, and
    /// answers them. A part of a bridge or bond leaves that to the whole.
    fn has_neighbours(&self, interface: &Interface) -> Result<bool, Unknown> {
        let whole = match interface.master {
            Some(master) => self.machine.interface(master)?,
            None => None,
        };
        let vrf = InterfaceKind::Other("vrf".to_owned());
        Ok(interface.arp && is_a_link(interface) && whole.is_none_or(|whole| whole.kind == vrf))
    }
}

/// Returns true if other machines are on the other side of this interface.
fn is_a_link(interface: &Interface) -> bool {
    matches!(
        interface.kind,
        InterfaceKind::Device | InterfaceKind::Other(_)
    )
}

/// Makes the command that gives the machine a virtual address.
fn add_address(address: IpAddr, interface: &str) -> String {
    let interface = quote(interface);
    match address {
        IpAddr::V4(_) => format!("ip address add {address}/32 dev {interface}"),
        // The director has it too, which would be taken for a duplicate.
        IpAddr::V6(_) => format!("ip address add {address}/128 dev {interface} nodad"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        doctor::{checks::REAL_SERVER_CHECKS, machine::tests::machine},
        system::interfaces::TunnelProtocol,
    };

    /// A real server with these interfaces and settings, that is asked about these virtual
    /// addresses, as `--real-server` takes them. Addresses of the machine are local.
    pub(super) fn real_server<const N: usize>(
        asked: &[&str],
        interfaces: &[(&str, &[&str])],
        settings: [(&str, &str); N],
    ) -> RealServer {
        let machine = machine(interfaces, settings);
        let mut server = RealServer {
            asked: asked.iter().map(|asked| ask(asked)).collect(),
            routes: Ok(BTreeMap::new()),
            sockets: Ok(Vec::new()),
            machine,
        };
        for interface in server.machine.interfaces.as_mut().unwrap() {
            interface.kind = kind(&interface.name);
            interface.arp = is_a_link(interface);
        }
        let own = server.machine.addresses.as_ref().unwrap().iter();
        let routes = own.map(|own| (own.address, Some(local_route())));
        server.routes = Ok(routes.collect());
        server
    }

    /// The kind that an interface with such a name has.
    fn kind(name: &str) -> InterfaceKind {
        let protocol = match name.trim_end_matches(char::is_numeric) {
            "lo" => return InterfaceKind::Loopback,
            "dummy" => return InterfaceKind::Dummy,
            "ipip" => TunnelProtocol::Ipip,
            "sit" => TunnelProtocol::Sit,
            "gre" => TunnelProtocol::Gre,
            _ => return InterfaceKind::Device,
        };
        InterfaceKind::Tunnel(TunnelDevice {
            protocol,
            ipv4: protocol != TunnelProtocol::Sit,
            ipv6: protocol != TunnelProtocol::Ipip,
            local: None,
            remote: None,
            checksum: false,
        })
    }

    fn ask(asked: &str) -> VirtualAddress {
        match asked.parse::<std::net::SocketAddr>() {
            Ok(endpoint) => VirtualAddress {
                address: endpoint.ip(),
                port: Some(endpoint.port()),
            },
            Err(_) => VirtualAddress {
                address: asked.parse().unwrap(),
                port: None,
            },
        }
    }

    pub(super) fn local_route() -> Route {
        Route {
            local: true,
            interface: Some(1),
            gateway: None,
            source: None,
        }
    }

    impl RealServer {
        /// The interface with this name, to be changed.
        pub(super) fn interface_mut(&mut self, name: &str) -> &mut Interface {
            let mut interfaces = self.machine.interfaces.as_mut().unwrap().iter_mut();
            interfaces.find(|interface| interface.name == name).unwrap()
        }

        /// The tunnel device with this name, to be changed.
        pub(super) fn tunnel_mut(&mut self, name: &str) -> &mut TunnelDevice {
            match &mut self.interface_mut(name).kind {
                InterfaceKind::Tunnel(tunnel) => tunnel,
                other => panic!("{name} is {other:?}"),
            }
        }
    }

    /// A finding, as `told` of the director's tests gives it.
    pub(super) fn found(sentence: &str, commands: &[&str]) -> (String, Vec<String>) {
        let commands = commands.iter().map(|&command| command.to_owned());
        (sentence.to_owned(), commands.collect())
    }

    #[test]
    fn facts_that_cannot_be_read_are_told_and_not_taken_for_a_fault() {
        let unknown = || Unknown("no right".to_owned());
        let mut server = real_server(&["192.0.2.9:80"], &[], []);
        server.machine.interfaces = Err(unknown());
        server.machine.addresses = Err(unknown());
        server.routes = Err(unknown());
        server.sockets = Err(unknown());
        for check in REAL_SERVER_CHECKS {
            assert_eq!((check.find)(&server), Err(unknown()), "{}", check.name);
        }
    }

    #[test]
    fn tunnels_are_those_with_the_address_or_else_those_for_any_sender() {
        let vip = "192.0.2.9".parse().unwrap();
        let names = |server: &RealServer| {
            let tunnels = server.tunnels_for(vip).unwrap().into_iter();
            tunnels
                .map(|(interface, _)| interface.name.clone())
                .collect::<Vec<_>>()
        };
        let sender = || Some("203.0.113.1".parse().unwrap());
        let server = |has: &[&str]| {
            let tunnels = [
                ("ipip0", &[][..]),
                ("ipip1", &[]),
                ("ipip2", has),
                ("sit1", &[]),
            ];
            let mut server = real_server(&["192.0.2.9"], &tunnels, []);
            server.tunnel_mut("ipip2").remote = sender();
            server
        };
        assert_eq!(names(&server(&["192.0.2.9/32"])), ["ipip2"]);
        let mut server = server(&[]);
        assert_eq!(names(&server), ["ipip0", "ipip1"]);
        // As the module brings it.
        server.interface_mut("ipip0").up = false;
        assert_eq!(names(&server), ["ipip1"]);
        server.tunnel_mut("ipip1").remote = sender();
        assert_eq!(names(&server), [""; 0]);
    }
}
