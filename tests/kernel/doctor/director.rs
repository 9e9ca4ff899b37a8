// SPDX-License-Identifier: MIT

//! The checks of a director. The networks are those of the guides.

use super::Patient;

/// Two requests reach both servers of the virtual service with address IPv4.
const BOTH: &str = "for i in 1 2; do curl -s --max-time 2 http://198.51.100.100/ || exit 1; done \
    | sort | uniq | wc -l | grep -qx 2";
/// The same, of IPv6.
const BOTH_V6: &str = "for i in 1 2; do curl -s --max-time 2 'http://[2001:db8:1::100]/' || exit 1; \
    done | sort | uniq | wc -l | grep -qx 2";

/// As in docs/guides/nat.md.
const NAT: &str = "\
    director# sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    director# ip address add 198.51.100.100/32 dev front
    director# ip address add 2001:db8:1::100/128 dev front nodad preferred_lft 0
    director# ipvsadm -A -t 198.51.100.100:80 -s rr
    director# ipvsadm -a -t 198.51.100.100:80 -r 10.0.0.2:80 -m
    director# ipvsadm -a -t 198.51.100.100:80 -r 10.0.0.3:80 -m
    director# ipvsadm -A -t [2001:db8:1::100]:80 -s rr
    director# ipvsadm -a -t [2001:db8:1::100]:80 -r [fd00::2]:80 -m
    director# ipvsadm -a -t [2001:db8:1::100]:80 -r [fd00::3]:80 -m";

fn nat(works: &'static str) -> Patient {
    Patient::new("behind behind", NAT, works)
}

#[test]
fn a_virtual_address_that_is_missing() {
    let mut v4 = nat(BOTH);
    v4.break_and_mend(
        "director# ip address del 198.51.100.100/32 dev front",
        "virtual-address",
        "virtual address 198.51.100.100 of TCP 198.51.100.100:80 is not on this director",
    );
    let mut v6 = nat(BOTH_V6);
    v6.break_and_mend(
        "director# ip address del 2001:db8:1::100/128 dev front",
        "virtual-address",
        "virtual address 2001:db8:1::100 of TCP [2001:db8:1::100]:80 is not on this director",
    );
}

#[test]
fn servers_that_are_all_quiesced() {
    let mut patient = nat(BOTH);
    patient.break_and_mend(
        "director# ipvsadm --drain -r 10.0.0.2
         director# ipvsadm --drain -r 10.0.0.3",
        "usable-server",
        "TCP 198.51.100.100:80 has no real server with a weight above 0",
    );
}

#[test]
fn forwarding_that_is_off() {
    let mut v4 = nat(BOTH);
    v4.break_and_mend(
        "director# sysctl -w net.ipv4.ip_forward=0",
        "ip-forward",
        "IPv4 forwarding is off, and TCP 198.51.100.100:80 masquerades",
    );
    v4.break_and_mend(
        "director# sysctl -w net.ipv4.conf.back.forwarding=0",
        "ip-forward",
        "IPv4 forwarding from back is off, and TCP 198.51.100.100:80 masquerades",
    );
    let mut v6 = nat(BOTH_V6);
    v6.break_and_mend(
        "director# sysctl -w net.ipv6.conf.all.forwarding=0",
        "ip-forward",
        "IPv6 forwarding is off, and TCP [2001:db8:1::100]:80 masquerades",
    );
}
