// SPDX-License-Identifier: MIT

//! The ways to forward: where packets and replies go.

use ipvs_lab::network::CLIENT;
use ipvs_lab::talk::{self, Protocol};

use super::{Family, PORT, behind, respond, service};
use crate::ipvsadm;

#[test]
fn masquerading_reaches_servers_in_another_network_over_every_protocol() {
    let network = behind(2);
    for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Sctp] {
        let _responders = respond(&network, protocol, PORT);
        for family in [Family::V4, Family::V6] {
            let service = service(family, PORT);
            let option = protocol.option();
            ipvsadm(&network.director, &format!("-A {option} {service} -s rr"));
            for server in &network.servers {
                let address = std::net::SocketAddr::from((family.of(server.addresses), PORT));
                ipvsadm(
                    &network.director,
                    &format!("-a {option} {service} -r {address} -m"),
                );
            }
            let mut servers = Vec::new();
            for _ in 0..4 {
                let reply = talk::ask(&network.client, protocol, service).unwrap();
                assert_eq!(reply.client.ip(), family.of(CLIENT), "{protocol:?}");
                servers.push(reply.server);
            }
            servers.sort();
            let wanted = ["server1", "server1", "server2", "server2"];
            assert_eq!(servers, wanted, "{protocol:?} {family:?}");
        }
    }
}
