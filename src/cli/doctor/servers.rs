// SPDX-License-Identifier: MIT

//! Checks of real servers, as the director sees them: they can be reached, in the way
//! that their forwarding method needs.

use std::net::IpAddr;

use ipnet::IpNet;
use ipvs_client::{DestinationId, ForwardingMethod, Protocol, ServiceId};

use super::{
    check::{Finding, Unknown},
    commands::{edit_server, placeholder, set_up},
    director::{Director, Server, Way},
};
use crate::command::spelling::quote;

pub(super) fn find_missing_routes(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for server in director.servers()? {
        let address = server.id().address;
        let way = director.way_to(address)?;
        if matches!(way, Way::Local) {
            continue;
        }
        let down = find_down_interface(director, address)?;
        let lost = "Its share of the connections is lost.";
        let (message, why, commands) = match (down, way) {
            // There may be a default route, which does not lead there.
            (Some(name), _) => (
                format!("is behind {name}, which is down"),
                lost.to_owned(),
                vec![set_up(name)],
            ),
            (None, Way::None) => {
                let (words, command) = add_route(&server);
                let why = format!("{lost} {words}");
                ("has no route".to_owned(), why, vec![command])
            }
            (
                None,
                Way::By {
                    interface: Some(interface),
                    ..
                },
            ) if !interface.running => (
                format!("is behind {}, which is not connected", interface.name),
                lost.to_owned(),
                Vec::new(),
            ),
            (None, Way::By { .. } | Way::Local) => continue,
        };
        findings.push(Finding {
            object: server.name(),
            message,
            why,
            commands,
        });
    }
    Ok(findings)
}

/// Makes the command that adds a route to a server, which takes the place of one that refuses
/// its packets, and says what to fill in. Direct routing cannot pass a router.
fn add_route(server: &Server<'_>) -> (&'static str, String) {
    let (words, way) = match server.method() {
        ForwardingMethod::DirectRouting => (
            "INTERFACE stands for the one that leads to its link.",
            format!("dev {}", placeholder::INTERFACE),
        ),
        _ => (
            "ROUTER stands for the address of the router on the way to it.",
            format!("via {}", placeholder::ROUTER),
        ),
    };
    let host = IpNet::from(server.id().address);
    (words, format!("ip route replace {host} {way}"))
}

/// Returns the interface whose network has the address, if it is down and no other has it.
fn find_down_interface(director: &Director, address: IpAddr) -> Result<Option<&str>, Unknown> {
    let machine = &director.machine;
    let mut down = None;
    for own in machine.addresses()? {
        if !own.is_in_network_of(address) {
            continue;
        }
        match machine.interface(own.interface)? {
            Some(interface) if !interface.up => down = Some(interface.name.as_str()),
            _ => return Ok(None),
        }
    }
    Ok(down)
}

pub(super) fn find_routers_before_servers(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for server in director.servers()? {
        let gateway = match director.way_to(server.id().address)? {
            Way::By { route, .. } if server.method() == ForwardingMethod::DirectRouting => {
                route.gateway
            }
            _ => None,
        };
        if let Some(gateway) = gateway {
            findings.push(Finding {
                object: server.name(),
                message: format!(
                    "is behind the router {gateway}, and direct routing stays on one link"
                ),
                why: "The router gets packets for the virtual address, and sends them back. \
                      Tunneling reaches the server, which needs a tunnel device for it."
                    .to_owned(),
                commands: edit(&server, "-i"),
            });
        }
    }
    Ok(findings)
}

fn edit(server: &Server<'_>, options: &str) -> Vec<String> {
    edit_server(&server.service.id, server.id(), options)
        .into_iter()
        .collect()
}

pub(super) fn find_lost_ports(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for server in director.servers()? {
        let method = match server.method() {
            ForwardingMethod::DirectRouting => "direct routing",
            ForwardingMethod::Tunneling(_) => "tunneling",
            _ => continue,
        };
        // A mark, and a service of every port, leave the port as it is too, but it may
        // be the one that the packets have.
        let port = match server.service.id {
            ServiceId::Address { port, .. } if port != 0 => port,
            _ => continue,
        };
        if port != server.id().port {
            findings.push(Finding {
                object: server.name(),
                message: format!("gets packets for port {port}, because {method} keeps the port"),
                why: "Connections are refused if nothing listens there. Masquerading can \
                      change the port."
                    .to_owned(),
                commands: edit(&server, "-m"),
            });
        }
    }
    Ok(findings)
}

pub(super) fn find_wrong_senders(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let mut findings: Vec<Finding> = Vec::new();
    for server in director.servers()? {
        let (ServiceId::Address { address, .. }, ForwardingMethod::Tunneling(_)) =
            (server.service.id, server.method())
        else {
            continue;
        };
        let sender = match director.way_to(server.id().address)? {
            Way::By { route, .. } => route.source,
            _ => None,
        };
        if sender != Some(address) {
            continue;
        }
        findings.push(Finding {
            object: server.name(),
            message: format!("is sent tunnel packets from {address}, the virtual address"),
            why: "The real server has that address too, and drops packets that seem to come \
                  from itself."
                .to_owned(),
            commands: deprecate(director, address)?,
        });
    }
    Ok(findings)
}

pub(super) fn find_deaf_local_servers(director: &Director) -> Result<Vec<Finding>, Unknown> {
    let mut findings = Vec::new();
    for server in director.servers()? {
        let id = server.id();
        let ServiceId::Address {
            protocol: protocol @ (Protocol::Tcp | Protocol::Udp),
            address,
            port,
        } = server.service.id
        else {
            continue;
        };
        // Only masquerading changes where packets go.
        let target = match server.method() {
            ForwardingMethod::Masquerading => *id,
            _ => DestinationId::new(address, port),
        };
        // Port 0 is every port, and a server of weight 0 gets no new connections.
        if target.port == 0
            || server.server.settings.weight == 0
            || !matches!(director.way_to(id.address)?, Way::Local)
        {
            continue;
        }
        let sockets = director.sockets.as_ref().map_err(Clone::clone)?;
        let is_heard = sockets.iter().any(|socket| {
            socket.protocol == protocol
                && socket.port == target.port
                && socket.is_reached_at(target.address)
        });
        if !is_heard {
            findings.push(Finding {
                object: server.name(),
                message: format!("is this director, and nothing listens at {target}"),
                why: "Its share of the connections is refused. Start the program, or keep new \
                      connections away from the server while it does not run."
                    .to_owned(),
                commands: match has_another(director, &server)? {
                    true => edit(&server, "-w 0"),
                    false => Vec::new(),
                },
            });
        }
    }
    Ok(findings)
}

/// Returns true if another server of the same virtual service takes new connections.
fn has_another(director: &Director, server: &Server<'_>) -> Result<bool, Unknown> {
    let mut others = director.servers()?.filter(|other| {
        other.service.id == server.service.id && other.server.id != server.server.id
    });
    Ok(others.any(|other| other.server.is_usable()))
}

/// Makes the commands after which an address is not chosen as a sender. Of IPv4 there are
/// none: the interface needs another address before it.
///
/// A change of the address would not do: IPVS keeps the sender that it has chosen until a
/// route changes.
fn deprecate(director: &Director, address: IpAddr) -> Result<Vec<String>, Unknown> {
    let machine = &director.machine;
    let mut own = machine.addresses()?.iter();
    let own = own.find(|own| own.address == address && address.is_ipv6());
    let Some(own) = own else {
        return Ok(Vec::new());
    };
    let Some(interface) = machine.interface(own.interface)? else {
        return Ok(Vec::new());
    };
    let (length, name) = (own.prefix_length, quote(&interface.name));
    let place = format!("{address}/{length} dev {name}");
    Ok(vec![
        format!("ip address del {place}"),
        format!("ip address add {place} nodad preferred_lft 0"),
    ])
}

#[cfg(test)]
mod tests {
    use ipvs_client::{DestinationSettings, Tunnel};

    use super::*;
    use crate::doctor::{
        director::tests::{director, entry, told},
        machine::{Machine, tests::machine},
    };
    use crate::system::sockets::ListeningSocket;

    const MASQUERADING: DestinationSettings = DestinationSettings::masquerading();
    const DIRECT: DestinationSettings = DestinationSettings::direct_routing();
    const TUNNELING: DestinationSettings = DestinationSettings::tunneling(Tunnel::Ipip);

    fn two_networks() -> Machine {
        machine(
            &[
                ("front", &["192.0.2.1/24", "2001:db8::1/64"]),
                ("back", &["10.0.0.1/24"]),
            ],
            [],
        )
    }

    fn found(sentence: &str, command: &str) -> (String, Vec<String>) {
        (sentence.to_owned(), vec![command.to_owned()])
    }

    #[test]
    fn a_server_needs_a_route_by_an_interface_that_is_connected() {
        let table = || {
            vec![entry(
                "TCP 192.0.2.9:80",
                MASQUERADING,
                &["10.0.0.2:80", "192.0.2.1:81"],
            )]
        };
        let find = |machine| told(find_missing_routes(&director(machine, table())));
        assert_eq!(find(two_networks()), []);

        let mut machine = two_networks();
        machine.interfaces.as_mut().unwrap()[1].running = false;
        assert_eq!(
            find(machine),
            [(
                "server 10.0.0.2:80 of TCP 192.0.2.9:80 is behind back, which is not connected"
                    .to_owned(),
                vec![]
            )]
        );

        let mut machine = two_networks();
        machine.interfaces.as_mut().unwrap()[1].up = false;
        assert_eq!(
            find(machine),
            [found(
                "server 10.0.0.2:80 of TCP 192.0.2.9:80 is behind back, which is down",
                "ip link set back up"
            )]
        );

        let mut without = director(two_networks(), table());
        let server = [10, 0, 0, 2].into();
        without.routes.as_mut().unwrap().insert(server, None);
        assert_eq!(
            told(find_missing_routes(&without)),
            [(
                "server 10.0.0.2:80 of TCP 192.0.2.9:80 has no route".to_owned(),
                vec!["ip route replace 10.0.0.2/32 via ROUTER".to_owned()]
            )]
        );
    }

    #[test]
    fn only_direct_routing_cannot_pass_a_router() {
        let find = |method| {
            let servers = ["192.0.2.3:80", "203.0.113.2:80"];
            let table = vec![entry("TCP 192.0.2.9:80", method, &servers)];
            told(find_routers_before_servers(&director(
                two_networks(),
                table,
            )))
        };
        assert_eq!(find(MASQUERADING), []);
        assert_eq!(find(TUNNELING), []);
        assert_eq!(
            find(DIRECT),
            [found(
                "server 203.0.113.2:80 of TCP 192.0.2.9:80 is behind the router 192.0.2.1, and \
                 direct routing stays on one link",
                "ipvsadm -e --keep -t 192.0.2.9:80 -r 203.0.113.2:80 -i"
            )]
        );
    }

    #[test]
    fn only_masquerading_changes_the_port() {
        let find = |service: &str, method| {
            let table = vec![entry(service, method, &["10.0.0.2:80", "10.0.0.3:81"])];
            told(find_lost_ports(&director(two_networks(), table)))
        };
        assert_eq!(find("TCP 192.0.2.9:80", MASQUERADING), []);
        assert_eq!(find("TCP 192.0.2.9:0", DIRECT), []);
        assert_eq!(find("fwmark 1", DIRECT), []);
        for (method, name) in [(DIRECT, "direct routing"), (TUNNELING, "tunneling")] {
            let sentence = format!(
                "server 10.0.0.3:81 of TCP 192.0.2.9:80 gets packets for port 80, because {name} \
                 keeps the port"
            );
            let command = "ipvsadm -e --keep -t 192.0.2.9:80 -r 10.0.0.3:81 -m";
            let wanted = [found(&sentence, command)];
            assert_eq!(find("TCP 192.0.2.9:80", method), wanted);
        }
    }

    #[test]
    fn a_server_on_the_director_itself_needs_a_program_that_listens() {
        let find = |method, sockets: &[(Protocol, &str)]| {
            let table = vec![
                entry("TCP 192.0.2.1:80", method, &["192.0.2.1:80", "10.0.0.2:80"]),
                entry("TCP 192.0.2.1:0", method, &["192.0.2.1:0"]),
                entry("fwmark 1", method, &["192.0.2.1:80"]),
            ];
            let sockets = sockets.iter().map(|(protocol, address)| {
                let address: std::net::SocketAddr = address.parse().unwrap();
                ListeningSocket {
                    protocol: *protocol,
                    address: address.ip(),
                    port: address.port(),
                }
            });
            let sockets = Ok(sockets.collect());
            told(find_deaf_local_servers(&Director {
                sockets,
                ..director(two_networks(), table)
            }))
        };
        let sentence = "server 192.0.2.1:80 of TCP 192.0.2.1:80 is this director, and nothing \
                        listens at 192.0.2.1:80";
        for method in [MASQUERADING, DIRECT] {
            assert_eq!(find(method, &[(Protocol::Tcp, "0.0.0.0:80")]), []);
            assert_eq!(find(method, &[(Protocol::Tcp, "192.0.2.1:80")]), []);
            for other in [
                (Protocol::Udp, "0.0.0.0:80"),
                (Protocol::Tcp, "0.0.0.0:8080"),
                (Protocol::Tcp, "127.0.0.1:80"),
            ] {
                let command = "ipvsadm -e --keep -t 192.0.2.1:80 -r 192.0.2.1:80 -w 0";
                assert_eq!(find(method, &[other]), [found(sentence, command)]);
            }
        }
    }

    #[test]
    fn packets_for_a_local_server_keep_their_address_but_for_masquerading() {
        let find = |method| {
            let mut machine = two_networks();
            let addresses = machine.addresses.as_mut().unwrap();
            let mut virtual_address = addresses[0].clone();
            virtual_address.address = [192, 0, 2, 9].into();
            addresses.push(virtual_address);
            let table = vec![entry("UDP 192.0.2.9:53", method, &["192.0.2.1:5353"])];
            let found = told(find_deaf_local_servers(&director(machine, table)));
            found[0].0.rsplit(' ').next().unwrap().to_owned()
        };
        assert_eq!(find(MASQUERADING), "192.0.2.1:5353");
        assert_eq!(find(DIRECT), "192.0.2.9:53");
    }

    #[test]
    fn the_virtual_address_may_not_be_the_sender_of_a_tunnel() {
        let find = |method, own: &[&str], service: &str, server: &str| {
            let machine = machine(&[("front", own)], []);
            let table = vec![entry(service, method, &[server])];
            told(find_wrong_senders(&director(machine, table)))
        };
        let (service, server) = ("TCP [2001:db8::9]:80", "[2001:db8::2]:80");
        // The first address is the sender.
        let wrong = ["2001:db8::9/64", "2001:db8::1/64"];
        let right = ["2001:db8::1/64", "2001:db8::9/128"];
        assert_eq!(find(TUNNELING, &right, service, server), []);
        assert_eq!(find(MASQUERADING, &wrong, service, server), []);
        let sentence = |server: &str, service: &str, address: &str| {
            format!(
                "server {server} of {service} is sent tunnel packets from {address}, the virtual \
                 address"
            )
        };
        assert_eq!(
            find(TUNNELING, &wrong, service, server),
            [(
                sentence(server, service, "2001:db8::9"),
                vec![
                    "ip address del 2001:db8::9/64 dev front".to_owned(),
                    "ip address add 2001:db8::9/64 dev front nodad preferred_lft 0".to_owned(),
                ]
            )]
        );
        let (service, server) = ("TCP 192.0.2.9:80", "192.0.2.2:80");
        assert_eq!(
            find(TUNNELING, &["192.0.2.9/24"], service, server),
            [(sentence(server, service, "192.0.2.9"), vec![])]
        );
    }
}
