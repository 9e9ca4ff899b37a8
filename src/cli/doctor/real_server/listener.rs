// SPDX-License-Identifier: MIT

//! The check that a program of the real server waits for the clients of a virtual address.

use std::net::SocketAddr;

use super::{
    super::check::{Finding, Unknown},
    RealServer,
};

pub(in crate::doctor) fn find_missing_listeners(
    server: &RealServer,
) -> Result<Vec<Finding>, Unknown> {
    let sockets = server.sockets.as_ref().map_err(Clone::clone)?;
    let mut findings = Vec::new();
    for asked in &server.asked {
        let Some(port) = asked.port else {
            continue;
        };
        let on_port = || sockets.iter().filter(|socket| socket.port == port);
        if on_port().any(|socket| socket.is_reached_at(asked.address)) {
            continue;
        }
        let mut elsewhere: Vec<_> = on_port()
            .map(|socket| format!("{} {}", socket.protocol, socket.address))
            .collect();
        elsewhere.sort();
        elsewhere.dedup();
        let message = match elsewhere.is_empty() {
            true => "is an address at which nothing listens on this port".to_owned(),
            false => format!(
                "is not where the program of this port listens: {}",
                elsewhere.join(", ")
            ),
        };
        findings.push(Finding {
            object: SocketAddr::new(asked.address, port).to_string(),
            message,
            why: "Connections are refused. The program must listen on the virtual address or on \
                  all addresses, and on the port that clients connect to."
                .to_owned(),
            commands: Vec::new(),
        });
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use ipvs_client::Protocol;

    use super::{
        super::tests::{found, real_server},
        *,
    };
    use crate::doctor::director::tests::told;
    use crate::system::sockets::ListeningSocket;

    fn find(asked: &str, sockets: &[(Protocol, &str, u16)]) -> Vec<(String, Vec<String>)> {
        let mut server = real_server(&[asked], &[], []);
        let sockets = sockets.iter();
        let sockets = sockets.map(|&(protocol, address, port)| ListeningSocket {
            protocol,
            address: address.parse().unwrap(),
            port,
        });
        server.sockets = Ok(sockets.collect());
        told(find_missing_listeners(&server))
    }

    #[test]
    fn a_program_listens_at_the_address_or_at_all() {
        use Protocol::{Tcp, Udp};
        for (asked, sockets) in [
            ("192.0.2.9:80", &[(Tcp, "192.0.2.9", 80)][..]),
            ("192.0.2.9:80", &[(Tcp, "0.0.0.0", 80)]),
            ("192.0.2.9:53", &[(Udp, "::", 53)]),
            ("[2001:db8::9]:80", &[(Tcp, "::", 80)]),
            // No port, no question.
            ("192.0.2.9", &[]),
        ] {
            assert_eq!(find(asked, sockets), [], "{asked}");
        }
        assert_eq!(
            find("192.0.2.9:80", &[(Tcp, "0.0.0.0", 8080)]),
            [found(
                "192.0.2.9:80 is an address at which nothing listens on this port",
                &[]
            )]
        );
        assert_eq!(
            find(
                "[2001:db8::9]:80",
                &[(Tcp, "0.0.0.0", 80), (Udp, "::1", 80)]
            ),
            [found(
                "[2001:db8::9]:80 is not where the program of this port listens: TCP 0.0.0.0, UDP ::1",
                &[]
            )]
        );
    }
}
