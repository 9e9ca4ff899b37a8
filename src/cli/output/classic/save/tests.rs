// SPDX-License-Identifier: MIT

//! Tests of the rules that -S writes: -R reads each line as what the table had.

use std::{
    net::Ipv4Addr,
    num::{NonZeroU16, NonZeroU32},
};

use ipvs_client::{
    AddressFamily, Change, DestinationId, DestinationSettings, ForwardingMethod, Netmask,
    Persistence, Protocol, SchedulerFlags, ServiceSettings, Tunnel, TunnelChecksum,
};

use super::*;
use crate::{
    args,
    command::{Command, Request},
};

/// Returns the lines that are written, and those that tell of what is not saved.
fn saved(service: &Service, destinations: &[Destination]) -> (Vec<String>, Vec<String>) {
    let mut out = Vec::new();
    let mut writer = SaveWriter::new(&mut out, Names::new(true));
    writer.write_entry(service, destinations).unwrap();
    let unsaved = writer.end().unwrap();
    let text = String::from_utf8(out).unwrap();
    (
        text.lines().map(str::to_owned).collect(),
        unsaved.iter().map(ToString::to_string).collect(),
    )
}

/// Returns the change that -R reads in a line: it splits at these blanks and
/// drops the name of the program.
fn restored(line: &str) -> Change {
    let words: Vec<&str> = line
        .split([' ', '\t', '\r', '\n'])
        .filter(|word| !word.is_empty() && *word != "ipvsadm")
        .collect();
    match args::parse(&words) {
        Ok(Request::Run(Command::Change(change))) => change,
        other => panic!("{line}: {other:?}"),
    }
}

/// Each line is the change, or a comment that is also told.
fn check(service: &Service, destination: &Destination) {
    let (lines, unsaved) = saved(service, std::slice::from_ref(destination));
    let changes = [
        Change::AddService(service.id, service.settings.clone()),
        Change::AddDestination(service.id, destination.id, destination.settings),
    ];
    assert_eq!(lines.len(), changes.len(), "{lines:?}");
    let mut told = unsaved.iter();
    for (line, change) in lines.iter().zip(&changes) {
        if line.starts_with("# cannot be restored: ") {
            assert!(told.next().is_some(), "{lines:?} {unsaved:?}");
        } else {
            assert_eq!(&restored(line), change, "{line}");
        }
    }
    assert_eq!(told.next(), None);
    if lines[0].starts_with('#') {
        assert!(lines[1].starts_with('#'), "{lines:?}");
    }
}

fn service(id: ServiceId) -> Service {
    Service::new(id, ServiceSettings::new("wlc"))
}

fn web(protocol: Protocol, port: u16) -> ServiceId {
    ServiceId::Address {
        protocol,
        address: Ipv4Addr::new(10, 0, 0, 1).into(),
        port,
    }
}

fn destination(address: &str, port: u16) -> Destination {
    let id = DestinationId {
        address: address.parse().unwrap(),
        port,
    };
    Destination::new(id, DestinationSettings::masquerading())
}

fn ids() -> Vec<ServiceId> {
    let mut ids = Vec::new();
    let protocols = [0, 1, 6, 17, 47, 132, 255, u16::MAX].map(Protocol::from);
    for protocol in protocols {
        for address in ["0.0.0.0", "10.0.0.1", "::", "2001:db8::1"] {
            for port in [0, 80, u16::MAX] {
                ids.push(ServiceId::Address {
                    protocol,
                    address: address.parse().unwrap(),
                    port,
                });
            }
        }
    }
    for mark in [1, 1 << 31, u32::MAX] {
        for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
            let mark = NonZeroU32::new(mark).unwrap();
            ids.push(ServiceId::Fwmark { mark, family });
        }
    }
    ids
}

fn persistences(family: AddressFamily) -> Vec<Option<Persistence>> {
    let netmasks = match family {
        AddressFamily::Ipv4 => ["0.0.0.0", "0.0.0.24", "255.0.255.0", "255.255.255.255"]
            .map(|mask| Netmask::Ipv4(mask.parse().unwrap()))
            .to_vec(),
        AddressFamily::Ipv6 => [0, 1, 64, 128, 129, u32::MAX].map(Netmask::Ipv6).to_vec(),
    };
    let mut all = vec![None];
    for timeout in [0, 1, 360, 2_678_400, 2_678_401, u32::MAX] {
        all.extend(
            netmasks
                .iter()
                .map(|&netmask| Some(Persistence::new(timeout).with_netmask(netmask))),
        );
    }
    all
}

#[test]
fn every_service_is_saved_as_it_is_or_as_a_comment() {
    let names = [
        "rr", "sh", "none", "", "a b", "a\nb", "ipvsadm", "-A", "#x", "\u{a0}", "é",
    ];
    for id in ids() {
        for persistence in persistences(id.family()) {
            for one_packet in [false, true] {
                for name in names {
                    let mut service = service(id);
                    service.settings.persistence = persistence;
                    service.settings.one_packet = one_packet;
                    service.settings.scheduler = name.to_owned();
                    service
                        .settings
                        .scheduler_flags
                        .set(SchedulerFlags::FLAG_2, one_packet);
                    check(&service, &destination("10.0.0.2", 80));
                    service.settings.scheduler = "mh".to_owned();
                    let engine = (!name.is_empty()).then(|| name.into());
                    service.settings.persistence_engine = engine;
                    check(&service, &destination("2001:db8::2", 0));
                }
            }
        }
    }
}

fn methods() -> Vec<ForwardingMethod> {
    let mut methods = vec![
        ForwardingMethod::Masquerading,
        ForwardingMethod::LocalNode,
        ForwardingMethod::DirectRouting,
        ForwardingMethod::Bypass,
        ForwardingMethod::Other(5),
        ForwardingMethod::Other(7),
        ForwardingMethod::Tunneling(Tunnel::Ipip),
    ];
    let port = NonZeroU16::new(6080).unwrap();
    for checksum in [
        TunnelChecksum::None,
        TunnelChecksum::Full,
        TunnelChecksum::Remote,
    ] {
        methods.extend([
            ForwardingMethod::Tunneling(Tunnel::Gue { port, checksum }),
            ForwardingMethod::Tunneling(Tunnel::Gre { checksum }),
        ]);
    }
    for (kind, port, flags) in [(1, 0, 0), (1, 6080, 3), (2, 0, 4), (3, 0, 0), (255, 1, 1)] {
        let tunnel = Tunnel::Other { kind, port, flags };
        methods.push(ForwardingMethod::Tunneling(tunnel));
    }
    methods
}

#[test]
fn every_destination_is_saved_as_it_is_or_as_a_comment() {
    let limits = [0, 1, (1 << 31) - 1, 1 << 31, u32::MAX];
    for id in ids() {
        let service = service(id);
        for address in ["10.0.0.2", "0.0.0.0", "2001:db8::2"] {
            for port in [0, 80, u16::MAX] {
                for forwarding_method in methods() {
                    for limit in limits {
                        for (weight, upper_threshold, lower_threshold) in
                            [(limit, 0, 0), (1, limit, 0), (1, 0, limit), (1, limit, 5)]
                        {
                            let mut destination = destination(address, port);
                            destination.settings = DestinationSettings::new(forwarding_method)
                                .weight(weight)
                                .upper_threshold(upper_threshold)
                                .lower_threshold(lower_threshold);
                            check(&service, &destination);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn what_the_options_can_say_is_never_a_comment() {
    for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Sctp] {
        let service = service(web(protocol, 80));
        let mut destinations = vec![destination("10.0.0.2", 8080)];
        for method in methods() {
            let said = match method {
                ForwardingMethod::DirectRouting
                | ForwardingMethod::Tunneling(Tunnel::Ipip | Tunnel::Gue { .. }) => true,
                ForwardingMethod::Tunneling(Tunnel::Gre { checksum }) => {
                    checksum != TunnelChecksum::Remote
                }
                _ => false,
            };
            if said {
                let mut destination = destination("10.0.0.3", 80);
                destination.settings.forwarding_method = method;
                destination.settings.weight = i32::MAX as u32;
                destinations.push(destination);
            }
        }
        assert_eq!(destinations.len(), 8);
        assert_eq!(saved(&service, &destinations).1, Vec::<String>::new());
    }
}

#[test]
fn a_comment_says_what_is_known_and_stays_on_its_line() {
    let mut gre = service(web(Protocol::Other(47), 0));
    gre.settings.scheduler = "a\nb".to_owned();
    gre.settings.persistence =
        Some(Persistence::new(300).with_netmask(Netmask::Ipv4([255, 255, 255, 0].into())));
    let mut server = destination("10.0.0.2", 0);
    server.settings.upper_threshold = 9;
    let (lines, unsaved) = saved(&gre, &[server]);
    assert_eq!(
        lines,
        [
            "# cannot be restored: virtual service protocol 47 10.0.0.1:0, \"a\\nb\", \
             persistent 300 s, mask 255.255.255.0 (no option has this protocol)",
            "# cannot be restored: real server 10.0.0.2:0 of protocol 47 10.0.0.1:0, \
             masquerading, weight 1, thresholds 9 and 0 (its virtual service cannot be saved)",
        ]
    );
    assert_eq!(
        unsaved,
        [
            "cannot save virtual service protocol 47 10.0.0.1:0: no option has this protocol",
            "cannot save real server 10.0.0.2:0 of protocol 47 10.0.0.1:0: its virtual \
             service cannot be saved",
        ]
    );
}

#[test]
fn the_services_after_one_that_cannot_be_saved_are_saved() {
    let mut out = Vec::new();
    let mut writer = SaveWriter::new(&mut out, Names::new(true));
    let good = service(web(Protocol::Tcp, 80));
    let bad = service(web(Protocol::Tcp, 0));
    writer.write_entry(&bad, &[]).unwrap();
    let server = destination("10.0.0.2", 80);
    writer.write_entry(&good, &[server]).unwrap();
    assert_eq!(writer.end().unwrap().len(), 1);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(
        text.lines().skip(1).collect::<Vec<_>>(),
        [
            "-A -t 10.0.0.1:80 -s wlc",
            "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1",
        ]
    );
}

#[test]
fn a_service_with_flags_that_no_option_sets_is_a_comment() {
    let mut strange = service(web(Protocol::Tcp, 80));
    strange.unknown_flags = 0x140;
    let (lines, unsaved) = saved(&strange, &[]);
    assert_eq!(
        lines,
        [
            "# cannot be restored: virtual service TCP 10.0.0.1:80, wlc, flags 0x140 \
             (no option sets these flags)"
        ]
    );
    assert_eq!(unsaved.len(), 1);
}

#[test]
fn both_thresholds_are_saved_as_soon_as_one_is_set() {
    let service = service(web(Protocol::Tcp, 80));
    for (upper, lower, options) in [
        (0, 0, ""),
        (7, 0, " -x 7 -y 0"),
        (0, 5, " -x 0 -y 5"),
        (7, 5, " -x 7 -y 5"),
    ] {
        let mut server = destination("10.0.0.2", 80);
        server.settings.upper_threshold = upper;
        server.settings.lower_threshold = lower;
        let (lines, _) = saved(&service, &[server]);
        let wanted = format!("-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1{options}");
        assert_eq!(lines[1], wanted);
    }
}

/// The lines are those of ipvsadm 1.31 (tests/kernel/compat/recorded/servers.txt).
#[test]
fn each_tunnel_is_saved_with_its_kind_and_what_belongs_to_it() {
    let port = 6080.try_into().unwrap();
    let full = TunnelChecksum::Full;
    for (tunnel, options) in [
        (Tunnel::Ipip, "--tun-type ipip"),
        (
            Tunnel::Gue {
                port,
                checksum: full,
            },
            "--tun-type gue --tun-port 6080 --tun-csum",
        ),
        (Tunnel::Gre { checksum: full }, "--tun-type gre --tun-csum"),
    ] {
        let mut server = destination("10.0.0.2", 80);
        server.settings = DestinationSettings::tunneling(tunnel);
        let (lines, _) = saved(&service(web(Protocol::Tcp, 80)), &[server]);
        assert_eq!(
            lines[1],
            format!("-a -t 10.0.0.1:80 -r 10.0.0.2:80 -i -w 1 {options}")
        );
    }
}
