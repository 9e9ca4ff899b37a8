// SPDX-License-Identifier: MIT

//! Firewall marks that another program has added over the socket options: those give a
//! mark the protocol that the program names, where netlink gives every mark TCP. The
//! kernel compares it in all that is done to the mark over the socket options again.

#![expect(unsafe_code, reason = "nix has no socket options of IPVS")]

use std::{io, net::UdpSocket, os::fd::AsRawFd as _};

use ipvs_lab::Namespace;
use nix::libc;

use super::User;

/// `IP_VS_SO_SET_ADD` of linux/ip_vs.h.
const ADD_SERVICE: i32 = 64 + 1024 + 64 + 2;
const UDP: u16 = 17;
const SCTP: u16 = 132;

/// Adds a mark with a protocol and the scheduler rr.
fn add_mark(namespace: &Namespace, mark: u32, protocol: u16) {
    // struct ip_vs_service_user of linux/ip_vs.h.
    let mut service = [0_u8; 44];
    service[0..2].copy_from_slice(&protocol.to_ne_bytes());
    service[12..16].copy_from_slice(&mark.to_ne_bytes());
    service[16..18].copy_from_slice(b"rr");
    service[40..44].fill(255);
    let add = || {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        // SAFETY: the kernel reads as many bytes as the structure has.
        let outcome = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_IP,
                ADD_SERVICE,
                service.as_ptr().cast(),
                service.len() as libc::socklen_t,
            )
        };
        (outcome, io::Error::last_os_error())
    };
    let (outcome, error) = namespace.run(add).unwrap();
    assert_eq!(outcome, 0, "{error}");
}

#[test]
fn marks_of_any_protocol_are_administered() {
    let user = User::new();
    for (mark, protocol) in [(5, UDP), (6, SCTP)] {
        add_mark(&user.namespace, mark, protocol);
        let added = format!("-A -f {mark} -s rr\n");
        assert_eq!(user.succeed("-S -n"), added);
        for (change, rules) in [
            (
                "-a -r 10.0.0.2 -m -w 5",
                "-s rr\n-a -r 10.0.0.2:0 -m -w 5\n",
            ),
            (
                "-e -r 10.0.0.2 -m -w 7",
                "-s rr\n-a -r 10.0.0.2:0 -m -w 7\n",
            ),
            (
                "-e --keep -r 10.0.0.2 -w 2",
                "-s rr\n-a -r 10.0.0.2:0 -m -w 2\n",
            ),
            (
                "-E -s wrr -p 60",
                "-s wrr -p 60\n-a -r 10.0.0.2:0 -m -w 2\n",
            ),
            ("-E --keep -s sh", "-s sh -p 60\n-a -r 10.0.0.2:0 -m -w 2\n"),
            ("-Z", "-s sh -p 60\n-a -r 10.0.0.2:0 -m -w 2\n"),
            ("-d -r 10.0.0.2", "-s sh -p 60\n"),
        ] {
            let (command, rest) = change.split_once(' ').unwrap_or((change, ""));
            user.succeed(&format!("{command} -f {mark} {rest}"));
            let rules = rules.replace("-a -r", &format!("-a -f {mark} -r"));
            assert_eq!(user.rules(), format!("-A -f {mark} {rules}"), "{change}");
        }
        user.succeed(&format!("-D -f {mark}"));
        assert_eq!(user.rules(), "");
    }
    let missing = user.answer("-D -f 5");
    assert_eq!(
        (missing.stderr.as_str(), missing.status),
        ("No such service\n", 255)
    );
}
