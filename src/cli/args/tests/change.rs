// SPDX-License-Identifier: MIT

//! Virtual services and real servers that command lines ask for; the defaults are
//! those of ipvsadm 1.31.

use std::num::NonZeroU32;

use ipvs_client::{
    AddressFamily, Change, DestinationId, DestinationSettings, ForwardingMethod, Netmask,
    Persistence, Protocol, SchedulerFlags, ServiceId, ServiceSettings, Tunnel, TunnelChecksum,
};

use super::{parse, wrong};
use crate::command::Command;

fn web() -> ServiceId {
    ServiceId::Address {
        protocol: Protocol::Tcp,
        address: [10, 0, 0, 1].into(),
        port: 80,
    }
}

fn settings(scheduler: &str) -> ServiceSettings {
    ServiceSettings::new(scheduler)
}

fn server(address: [u8; 4], port: u16) -> DestinationId {
    DestinationId {
        address: address.into(),
        port,
    }
}

fn server_settings(forwarding_method: ForwardingMethod) -> DestinationSettings {
    DestinationSettings::new(forwarding_method)
}

/// The netmask that a line gives its service, if clients are not each alone.
fn netmask(line: &str) -> Option<Netmask> {
    match parse(line).unwrap() {
        Command::Change(Change::AddService(_, settings)) => settings.persistence.unwrap().netmask(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_service_has_the_original_s_defaults() {
    assert_eq!(
        parse("-A -t 10.0.0.1:80"),
        Ok(Command::Change(Change::AddService(web(), settings("wlc"))))
    );
    assert_eq!(
        parse("-E -t 10.0.0.1:80 -p"),
        Ok(Command::Change(Change::EditService(
            web(),
            settings("wlc").persistent(360)
        )))
    );
}

#[test]
fn every_option_of_a_service_arrives() {
    assert_eq!(
        parse("-A -u 10.0.0.1:5060 -s sh -b sh-port -p 60 -M 255.255.255.0 --pe sip -o"),
        Ok(Command::Change(Change::AddService(
            ServiceId::Address {
                protocol: Protocol::Udp,
                address: [10, 0, 0, 1].into(),
                port: 5060,
            },
            settings("sh")
                .scheduler_flags(SchedulerFlags::FLAG_2)
                .one_packet()
                .persistence(
                    Persistence::new(60).with_netmask(Netmask::Ipv4([255, 255, 255, 0].into()))
                )
                .persistence_engine("sip")
        )))
    );
}

#[test]
fn firewall_marks_name_services_of_either_family() {
    for (line, family) in [
        ("-D -f 4294967295", AddressFamily::Ipv4),
        ("-D -f 4294967295 -6", AddressFamily::Ipv6),
    ] {
        assert_eq!(
            parse(line),
            Ok(Command::Change(Change::DeleteService(ServiceId::Fwmark {
                mark: NonZeroU32::MAX,
                family,
            })))
        );
    }
    for line in ["-D -6 -f 1", "-D -t 10.0.0.1:80 -6"] {
        assert_eq!(wrong(line), ("-6 used before -f\n".to_owned(), 2));
    }
}

#[test]
fn a_netmask_fits_the_service_wherever_it_stands() {
    for line in [
        "-A -t [2001:db8::1]:80 -p -M 64",
        "-A -M 64 -t [2001:db8::1]:80 -p",
        "-A -f 1 -M 64 -6 -p",
        "-A -f 1 -6 -p -M 64",
    ] {
        assert_eq!(netmask(line), Some(Netmask::Ipv6(64)), "{line}");
    }
    for line in ["-A -t 10.0.0.1:80 -p -M 24", "-A -M 24 -f 1 -p"] {
        assert_eq!(
            netmask(line),
            Some(Netmask::Ipv4([255, 255, 255, 0].into())),
            "{line}"
        );
    }
    assert_eq!(
        wrong("-A -f 1 -6 -M 255.0.0.0"),
        ("illegal ipv6 netmask specified".to_owned(), 2)
    );
}

#[test]
fn a_server_takes_the_port_of_its_service_unless_masquerading_maps_it() {
    for (line, id, method) in [
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -m",
            server([10, 0, 0, 2], 80),
            ForwardingMethod::Masquerading,
        ),
        (
            "-a -r 10.0.0.2 -t 10.0.0.1:80 -m",
            server([10, 0, 0, 2], 80),
            ForwardingMethod::Masquerading,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m",
            server([10, 0, 0, 2], 8080),
            ForwardingMethod::Masquerading,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2:8080",
            server([10, 0, 0, 2], 80),
            ForwardingMethod::DirectRouting,
        ),
        (
            "-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -i",
            server([10, 0, 0, 2], 80),
            ForwardingMethod::Tunneling(Tunnel::Ipip),
        ),
    ] {
        assert_eq!(
            parse(line),
            Ok(Command::Change(Change::AddDestination(
                web(),
                id,
                server_settings(method)
            ))),
            "{line}"
        );
    }
    assert_eq!(
        parse("-d -t 10.0.0.1:80 -r 10.0.0.2:8080"),
        Ok(Command::Change(Change::DeleteDestination(
            web(),
            server([10, 0, 0, 2], 8080)
        ))),
        "which may be masqueraded"
    );
}

#[test]
fn a_server_of_a_firewall_mark_keeps_its_own_port() {
    let mark = ServiceId::Fwmark {
        mark: NonZeroU32::MIN,
        family: AddressFamily::Ipv4,
    };
    for (line, port) in [
        ("-e -f 1 -r 10.0.0.2:8080", 8080),
        ("-e -f 1 -r 10.0.0.2", 0),
    ] {
        assert_eq!(
            parse(line),
            Ok(Command::Change(Change::EditDestination(
                mark,
                server([10, 0, 0, 2], port),
                server_settings(ForwardingMethod::DirectRouting)
            )))
        );
    }
}

#[test]
fn every_tunnel_can_be_described() {
    let gue = |checksum| Tunnel::Gue {
        port: 6080.try_into().unwrap(),
        checksum,
    };
    for (options, tunnel) in [
        ("", Tunnel::Ipip),
        ("--tun-type ipip", Tunnel::Ipip),
        ("--tun-type gue --tun-port 6080", gue(TunnelChecksum::None)),
        (
            "--tun-type gue --tun-port 6080 --tun-csum",
            gue(TunnelChecksum::Full),
        ),
        (
            "--tun-type gue --tun-port 6080 --tun-remcsum",
            gue(TunnelChecksum::Remote),
        ),
        (
            "--tun-type gre --tun-nocsum",
            Tunnel::Gre {
                checksum: TunnelChecksum::None,
            },
        ),
        (
            "--tun-type gre --tun-csum",
            Tunnel::Gre {
                checksum: TunnelChecksum::Full,
            },
        ),
    ] {
        assert_eq!(
            parse(&format!("-a -t 10.0.0.1:80 -r 10.0.0.2 -i {options}")),
            Ok(Command::Change(Change::AddDestination(
                web(),
                server([10, 0, 0, 2], 80),
                server_settings(ForwardingMethod::Tunneling(tunnel))
            ))),
            "{options}"
        );
    }
}
