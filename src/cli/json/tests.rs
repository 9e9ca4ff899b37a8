// SPDX-License-Identifier: MIT

//! Tests of reading. The words are this program's own, the ranges those of the
//! command line (`src/cli/args/values.rs`).

use std::{
    collections::BTreeSet,
    num::{NonZeroU16, NonZeroU32},
};

use ipvs_client::{
    AddressFamily, Change, Destination, DestinationSettings, Info, Interface, Netmask, Persistence,
    Service, ServiceId, ServiceSettings, Stats, Tunnel, TunnelChecksum, Version,
    json::{Entry, Table},
};
use serde_json::Value;

use super::*;
use crate::{
    args::parse_command,
    command::{Command, place::Place},
};

const DESTINATION: &str =
    r#""address":"10.0.0.2","port":80,"forwarding_method":"masquerading","weight":1"#;

fn service(fields: &str) -> String {
    format!(r#"{{"schema_version":1,"services":[{{{fields}}}]}}"#)
}

fn destination(fields: &str) -> String {
    let mark = r#""fwmark":1,"scheduler":"rr","destinations""#;
    service(&format!(r#"{mark}:[{{{DESTINATION}}},{{{fields}}}]"#))
}

fn fault(document: &str) -> String {
    changes(document.as_bytes()).unwrap_err().to_string()
}

/// The changes of the document are those of these command lines, to the client as
/// well.
fn assert_means(document: &str, lines: &[&str]) {
    assert_reads_as(document, lines);
    let read = changes(document.as_bytes()).unwrap();
    let table: Table = serde_json::from_str(document).unwrap();
    assert!(
        table
            .changes()
            .eq(read.into_iter().map(|(_, change)| change)),
        "{document}"
    );
}

/// The changes of the document are those of these command lines.
fn assert_reads_as(document: &str, lines: &[&str]) {
    let changes = changes(document.as_bytes()).unwrap();
    let changes: Vec<Command> = changes
        .into_iter()
        .map(|(_, change)| Command::Change(change))
        .collect();
    let commands: Vec<Command> = lines.iter().map(|line| parse_command(line)).collect();
    assert_eq!(changes, commands, "{document}");
}

#[test]
fn what_may_be_left_out_has_the_default_of_the_command_line() {
    assert_means(
        &service(r#""protocol":"tcp","address":"10.0.0.1","port":80,"scheduler":"rr""#),
        &["-A -t 10.0.0.1:80 -s rr"],
    );
    assert_means(
        &service(
            r#""protocol":"udp","address":"2001:db8::1","port":53,"scheduler":"rr",
                    "persistence":{"timeout":60}"#,
        ),
        &["-A -u [2001:db8::1]:53 -s rr -p 60"],
    );
    assert_means(
        &service(&format!(
            r#""fwmark":5,"scheduler":"wlc","destinations":[{{{DESTINATION}}}]"#
        )),
        &["-A -f 5 -s wlc", "-a -f 5 -r 10.0.0.2:80 -m -w 1"],
    );
    assert_means(
        &service(r#""family":"ipv6","fwmark":5,"scheduler":"wlc""#),
        &["-A -f 5 -6 -s wlc"],
    );
}

#[test]
fn one_packet_and_each_tunnel_mean_what_their_options_do() {
    assert_means(
        &service(
            r#""protocol":"udp","address":"10.0.0.1","port":53,"scheduler":"rr","one_packet":true"#,
        ),
        &["-A -u 10.0.0.1:53 -s rr -o"],
    );
    for (tunnel, options) in [
        (r#""type":"ipip""#, ""),
        (
            r#""type":"gue","port":6080,"checksum":"remote""#,
            " --tun-type gue --tun-port 6080 --tun-remcsum",
        ),
        (
            r#""type":"gre","checksum":"full""#,
            " --tun-type gre --tun-csum",
        ),
    ] {
        let destination = format!(
            r#""address":"10.0.0.2","port":0,"forwarding_method":"tunneling","weight":1,"tunnel":{{{tunnel}}}"#
        );
        assert_means(
            &service(&format!(
                r#""fwmark":1,"scheduler":"rr","destinations":[{{{destination}}}]"#
            )),
            &[
                "-A -f 1 -s rr",
                &format!("-a -f 1 -r 10.0.0.2:0 -i{options}"),
            ],
        );
    }
}

#[test]
fn null_is_as_good_as_left_out() {
    assert_means(
        &service(
            r#""family":null,"protocol":null,"address":null,"port":null,"fwmark":5,
               "scheduler":"rr","scheduler_flags":null,"one_packet":null,"persistence":null,
               "persistence_engine":null,"destinations":null"#,
        ),
        &["-A -f 5 -s rr"],
    );
}

#[test]
fn what_only_listings_have_is_not_looked_at() {
    let document = format!(
        r#"{{"schema_version":1,"time":"now","ipvs":7,"services":[{{"fwmark":1,"scheduler":"rr",
            "stats":null,"destinations":[{{{DESTINATION},"active_connections":-1,
            "inactive_connections":"x","persistent_connections":[],"stats":{{"x":1}}}}]}}]}}"#
    );
    assert_reads_as(
        &document,
        &["-A -f 1 -s rr", "-a -f 1 -r 10.0.0.2:80 -m -w 1"],
    );
}

#[test]
fn an_id_says_what_the_other_fields_say() {
    assert_means(
        &service(
            r#""id":"[2001:DB8::1]:80","protocol":"tcp","address":"2001:db8::1","port":80,
               "scheduler":"rr""#,
        ),
        &["-A -t [2001:db8::1]:80 -s rr"],
    );
    assert_eq!(
        fault(&destination(&format!(
            r#"{DESTINATION},"id":"10.0.0.2:81""#
        ))),
        "services[0].destinations[1].id: \"10.0.0.2:80\", as the other fields say, or no id is \
         wanted, not \"10.0.0.2:81\""
    );
}

#[test]
fn every_change_has_its_place() {
    let document = destination(DESTINATION);
    let changes = changes(document.as_bytes()).unwrap();
    let places: Vec<Place> = changes.iter().map(|(place, _)| *place).collect();
    assert_eq!(
        places,
        [
            Place::Service(0),
            Place::Destination(0, 0),
            Place::Destination(0, 1)
        ]
    );
}

#[test]
fn an_unknown_field_is_named_with_its_place_and_the_nearest_one() {
    for (document, words) in [
        (
            destination(r#""wieght":3"#),
            "services[0].destinations[1]: unknown field wieght; did you mean weight?",
        ),
        (
            destination(r#""comment":"x""#),
            "services[0].destinations[1]: unknown field comment",
        ),
        (
            service(r#""shceduler":"rr""#),
            "services[0]: unknown field shceduler; did you mean scheduler?",
        ),
        (
            service(r#""fwmark":1,"scheduler":"rr","persistence":{"time":5}"#),
            "services[0].persistence: unknown field time",
        ),
        (
            destination(&format!(r#"{DESTINATION},"tunnel":{{"kind":"gre"}}"#)),
            "services[0].destinations[1].tunnel: tunneling, and nothing else, has a tunnel",
        ),
        (
            r#"{"schema_version":1,"service":[]}"#.to_owned(),
            "unknown field service; did you mean services?",
        ),
        (
            r#"{"schema_version":1,"connections":[]}"#.to_owned(),
            "unknown field connections",
        ),
    ] {
        assert_eq!(fault(&document), words, "{document}");
    }
}

#[test]
fn a_wrong_value_is_told_with_its_place_and_what_is_wanted() {
    let tcp = r#""protocol":"tcp","address":"10.0.0.1","port":80,"scheduler":"rr""#;
    for (fields, words) in [
        (
            r#""fwmark":0"#,
            "fwmark: a number from 1 to 4294967295 is wanted, not 0",
        ),
        (
            r#""fwmark":"1""#,
            "fwmark: a number from 1 to 4294967295 is wanted, not \"1\"",
        ),
        (
            r#""protocol":"icmp""#,
            "protocol: one of tcp, udp, sctp or a number from 0 to 65535 is wanted, not \"icmp\"",
        ),
        (
            r#""address":"10.0.1""#,
            "address: an IPv4 or IPv6 address is wanted, not \"10.0.1\"",
        ),
        (
            r#""port":65536"#,
            "port: a number from 0 to 65535 is wanted, not 65536",
        ),
        (
            r#""port":-1"#,
            "port: a number from 0 to 65535 is wanted, not -1",
        ),
        (
            r#""port":80.5"#,
            "port: a number from 0 to 65535 is wanted, not 80.5",
        ),
        (
            r#""family":"inet""#,
            "family: one of ipv4, ipv6 is wanted, not \"inet\"",
        ),
        (r#""fwmark":1"#, "the field scheduler is missing"),
        (
            r#""fwmark":1,"scheduler":null"#,
            "the field scheduler is missing",
        ),
        (
            r#""fwmark":1,"scheduler":"rr","id":"2""#,
            "id: \"1\", as the other fields say, or no id is wanted, not \"2\"",
        ),
        (
            r#""fwmark":1,"scheduler":"rr","id":1"#,
            "id: \"1\", as the other fields say, or no id is wanted, not 1",
        ),
        (
            r#""fwmark":1,"scheduler":"rr","one_packet":1"#,
            "one_packet: true or false is wanted, not 1",
        ),
        (
            r#""fwmark":1,"scheduler":"rr","destinations":{}"#,
            "destinations: a list is wanted, not an object",
        ),
        (
            r#""fwmark":1,"scheduler":"rr","scheduler_flags":["flag-1","flag-4"]"#,
            "scheduler_flags[1]: one of sh-fallback, sh-port, mh-fallback, mh-port, flag-1, \
             flag-2, flag-3 is wanted, not \"flag-4\"",
        ),
        (
            r#""fwmark":1,"scheduler":"rr","scheduler_flags":["sh-port"]"#,
            "scheduler_flags[0]: incompatible scheduler flag `sh-port'",
        ),
        (
            r#""fwmark":1,"scheduler":"rr","persistence":60"#,
            "persistence: an object is wanted, not 60",
        ),
        (
            r#""fwmark":1,"scheduler":"rr","persistence":{"timeout":-1}"#,
            "persistence.timeout: a number from 0 to 4294967295 is wanted, not -1",
        ),
        (
            r#""fwmark":1,"scheduler":"rr","persistence":{}"#,
            "persistence: the field timeout is missing",
        ),
        (
            r#""fwmark":1,"scheduler":"rr","persistence":{"timeout":1,"prefix_length":33}"#,
            "persistence.prefix_length: a number from 0 to 32 is wanted, not 33",
        ),
        (
            r#""fwmark":1,"family":"ipv6","scheduler":"rr","persistence":{"timeout":1,"prefix_length":0}"#,
            "persistence.prefix_length: a number from 1 to 128 is wanted, not 0",
        ),
        (
            r#""fwmark":1,"family":"ipv6","scheduler":"rr","persistence":{"timeout":1,"netmask":"255.0.0.0"}"#,
            "persistence.netmask: only IPv4 has a netmask; IPv6 has a prefix length",
        ),
        (
            r#""fwmark":1,"scheduler":"rr","persistence":{"timeout":1,"netmask":"255.0.0.0","prefix_length":9}"#,
            "persistence: netmask and prefix_length say different things",
        ),
    ] {
        let place = if words.starts_with("the field") {
            "services[0]: "
        } else {
            "services[0]."
        };
        assert_eq!(
            fault(&service(fields)),
            format!("{place}{words}"),
            "{fields}"
        );
    }
    assert_eq!(
        fault(&service(&format!(r#"{tcp},"fwmark":1"#))),
        "services[0]: either protocol, address and port or fwmark must be there, and not both"
    );
    let wrong_family = service(&format!(r#"{tcp},"family":"ipv6""#));
    assert_eq!(
        fault(&wrong_family),
        "services[0].family: the address is not of that family"
    );
}

#[test]
fn a_wrong_destination_is_told_with_its_place_and_what_is_wanted() {
    let with = |from: &str, to: &str| destination(&DESTINATION.replace(from, to));
    let tunnel = |fields: &str| {
        with(
            r#""masquerading""#,
            &format!(r#""tunneling","tunnel":{{{fields}}}"#),
        )
    };
    for (document, words) in [
        (
            with(r#""weight":1"#, r#""weight":2147483648"#),
            ".weight: a number from 0 to 2147483647 is wanted, not 2147483648",
        ),
        (with(r#","weight":1"#, ""), ": the field weight is missing"),
        (
            with(
                r#""weight":1"#,
                r#""weight":1,"upper_threshold":4294967296"#,
            ),
            ".upper_threshold: a number from 0 to 4294967295 is wanted, not 4294967296",
        ),
        (
            with(r#""weight":1"#, r#""weight":1,"lower_threshold":true"#),
            ".lower_threshold: a number from 0 to 4294967295 is wanted, not true",
        ),
        (
            with("masquerading", "nat"),
            ".forwarding_method: one of masquerading, direct-routing, tunneling, local-node, \
             bypass or a number from 0 to 4294967295 is wanted, not \"nat\"",
        ),
        (
            with("10.0.0.2", "2001:db8::2"),
            ": Different address family is allowed only for tunneling servers",
        ),
        (
            with("masquerading", "tunneling"),
            ".tunnel: tunneling, and nothing else, has a tunnel",
        ),
        (tunnel(""), ".tunnel: the field type is missing"),
        (
            tunnel(r#""type":"vxlan""#),
            ".tunnel.type: one of ipip, gue, gre or a number from 0 to 255 is wanted, \
             not \"vxlan\"",
        ),
        (
            tunnel(r#""type":"gre","checksum":"half""#),
            ".tunnel.checksum: one of none, full, remote is wanted, not \"half\"",
        ),
        (
            tunnel(r#""type":"gue","port":0,"checksum":"none""#),
            ".tunnel: ipip has neither port nor checksum, gue has both, gre has a checksum",
        ),
    ] {
        assert_eq!(
            fault(&document),
            format!("services[0].destinations[1]{words}"),
            "{document}"
        );
    }
}

/// Of these lists the errors take the field that was probably meant.
#[test]
fn the_known_fields_are_those_that_are_written() {
    let persistent = |netmask| {
        ServiceSettings::new("rr").persistence(Persistence::new(60).with_netmask(netmask))
    };
    let marked = ServiceId::fwmark(NonZeroU32::MIN, AddressFamily::Ipv6);
    let services = [
        (
            ServiceId::tcp(([10, 0, 0, 1], 80)),
            Netmask::Ipv4([255, 0, 0, 0].into()),
        ),
        (marked, Netmask::Ipv6(64)),
    ]
    .map(|(id, netmask)| {
        let mut service = Service::new(id, persistent(netmask));
        service.stats = Some(Stats::default());
        service
    });
    let destinations = [
        Tunnel::Gue {
            port: NonZeroU16::MIN,
            checksum: TunnelChecksum::Full,
        },
        Tunnel::Other {
            kind: 9,
            port: 1,
            flags: 1,
        },
    ]
    .map(|tunnel| {
        let id = "10.0.0.2:80".parse().unwrap();
        let mut destination = Destination::new(id, DestinationSettings::tunneling(tunnel));
        destination.stats = Some(Stats::default());
        destination
    });
    let info = Info::new(Version(1), 1);
    let mut text = Vec::new();
    let origin = Origin {
        ipvs: &info,
        interface: Interface::SocketOptions,
    };
    let mut document = TableDocument::begin(&mut text, origin, Some("now")).unwrap();
    for service in &services {
        document.entry(&Entry::new(service, &destinations)).unwrap();
    }
    document.end().unwrap();
    let document: Value = serde_json::from_slice(&text).unwrap();
    let services = || document["services"].as_array().unwrap().iter();
    let destinations = || services().flat_map(|it| it["destinations"].as_array().unwrap());
    assert_fields([&document], document::DOCUMENT_FIELDS);
    assert_fields(services(), document::SERVICE_FIELDS);
    assert_fields(
        services().map(|it| &it["persistence"]),
        document::PERSISTENCE_FIELDS,
    );
    assert_fields(destinations(), document::DESTINATION_FIELDS);
    assert_fields(
        destinations().map(|it| &it["tunnel"]),
        document::TUNNEL_FIELDS,
    );
}

fn assert_fields<'a>(objects: impl IntoIterator<Item = &'a Value>, known: &[&str]) {
    let written: BTreeSet<&str> = objects
        .into_iter()
        .flat_map(|object| object.as_object().unwrap().keys().map(String::as_str))
        .collect();
    assert_eq!(written, known.iter().copied().collect());
}

/// -S --json writes these for what other programs have set: the kernel decides.
#[test]
fn numbers_stand_for_what_has_no_name() {
    let document = service(
        r#""protocol":47,"address":"10.0.0.1","port":0,"scheduler":"rr","destinations":[
            {"address":"10.0.0.2","port":0,"forwarding_method":6,"weight":1},
            {"address":"10.0.0.3","port":0,"forwarding_method":"tunneling","weight":1,
             "tunnel":{"type":9,"port":7,"flags":3}}]"#,
    );
    let changes = changes(document.as_bytes()).unwrap();
    let methods: Vec<_> = changes
        .iter()
        .filter_map(|(_, change)| match change {
            Change::AddDestination(_, _, settings) => Some(settings.forwarding_method),
            _ => None,
        })
        .collect();
    let tunnel = ipvs_client::Tunnel::Other {
        kind: 9,
        port: 7,
        flags: 3,
    };
    assert_eq!(
        methods,
        [
            ipvs_client::ForwardingMethod::Other(6),
            ipvs_client::ForwardingMethod::Tunneling(tunnel)
        ]
    );
}

#[test]
fn what_is_not_json_is_told_by_line_and_column() {
    for (text, words) in [
        (
            "{\n \"services\": [}",
            "line 2, column 15: the rules begin as JSON, but this is none",
        ),
        (
            "{\"services\": [",
            "line 1, column 14: the JSON ends too early",
        ),
        (
            "{}\n\n{}",
            "line 3, column 1: there is more after the end of the document",
        ),
        (
            "{\"a\":1,\n\"a\":2}",
            "line 2, column 6: the field a stands there twice",
        ),
        (
            "[-A",
            "line 1, column 3: the rules begin as JSON, but this is none",
        ),
    ] {
        assert_eq!(fault(text), words, "{text}");
    }
}

#[test]
fn a_mistake_is_told_apart_from_its_line_or_place() {
    let told = |text: &str| {
        let error = changes(text.as_bytes()).unwrap_err();
        (error.reason(), error.line_or_place())
    };
    assert_eq!(
        told("{\n"),
        ("the JSON ends too early".to_owned(), (Some(2), None))
    );
    assert_eq!(
        told("{}"),
        (
            "the field schema_version is missing".to_owned(),
            (None, None)
        )
    );
    let (reason, place) = told(&service(r#""fwmark":true,"scheduler":"rr""#));
    assert!(reason.contains("true"), "{reason}");
    assert_eq!(place, (None, Some("services[0].fwmark".to_owned())));
}

/// A descriptor of a folder can be opened and not read.
#[test]
fn what_cannot_be_read_is_no_mistake_in_json() {
    let folder = std::fs::File::open("/").unwrap();
    let error = changes(std::io::BufReader::new(folder)).unwrap_err();
    let words = std::io::Error::from(rustix::io::Errno::ISDIR).to_string();
    assert_eq!(error.to_string(), words);
    assert_eq!(
        (error.reason(), error.line_or_place()),
        (words, (None, None))
    );
}

#[test]
fn another_version_is_told_before_its_fields_are_looked_at() {
    assert_eq!(
        fault(r#"{"schema_version":2,"pools":[]}"#),
        "the rules have schema version 2; this program reads version 1"
    );
    assert_eq!(fault("{}"), "the field schema_version is missing");
}
