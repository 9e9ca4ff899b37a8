// SPDX-License-Identifier: MIT

//! JSON of the model: it comes back as it was, and fits the schema.

use std::{num::NonZeroU32, sync::LazyLock};

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use serde_json::{Value, json};

use super::any::{any_daemon, any_destination, any_service, any_stats};
use crate::{
    Change, Connections, Destination, DestinationId, DestinationSettings, Info, Interface, Netmask,
    Persistence, SchedulerFlags, Service, ServiceId, ServiceSettings, SyncDaemon, Timeouts,
    Version,
    json::{Entry, SCHEMA_VERSION, Table},
};

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("ipvsadm.schema.json")).unwrap());

fn validator(schema: &Value) -> jsonschema::Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .unwrap()
}

/// For all that is written.
static WRITTEN: LazyLock<jsonschema::Validator> = LazyLock::new(|| validator(&SCHEMA));

/// For the rules that `-R` reads.
static RULES: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| validator(&json!({"$defs": SCHEMA["$defs"], "$ref": "#/$defs/rules"})));

fn faults(validator: &jsonschema::Validator, document: &Value) -> Vec<String> {
    validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

fn any_table() -> impl Strategy<Value = Table> {
    let services = vec((any_service(), vec(any_destination(), 0..3)), 0..3);
    let interfaces = [
        Interface::Netlink,
        Interface::SocketOptions,
        Interface::Proc,
    ];
    let head = (any::<Option<(u32, u32)>>(), select(interfaces.to_vec()));
    (head, services).prop_map(|((info, interface), services)| Table {
        info: info.map(|(version, size)| Info::new(Version(version & 0x00ff_ffff), size)),
        interface,
        services,
    })
}

/// The table with the numbers that the kernel takes in a request: the schema
/// knows no others there.
fn settable(mut table: Table) -> Table {
    for (service, destinations) in &mut table.services {
        if let Some(persistence) = &mut service.settings.persistence
            && let Some(Netmask::Ipv6(length)) = persistence.netmask()
        {
            let length = length % 128 + 1;
            *persistence =
                Persistence::new(persistence.timeout).with_netmask(Netmask::Ipv6(length));
        }
        for destination in destinations {
            destination.settings.weight &= i32::MAX as u32;
        }
    }
    table
}

/// The service and destination without what only the kernel knows.
fn bare((service, destinations): &(Service, Vec<Destination>)) -> (Service, Vec<Destination>) {
    let destinations = destinations
        .iter()
        .map(|destination| Destination::new(destination.id, destination.settings));
    (
        Service::new(service.id, service.settings.clone()),
        destinations.collect(),
    )
}

/// The text of a table in which a few numbers have another digit, and a few characters are
/// others.
fn any_text() -> impl Strategy<Value = String> {
    let digits = vec((any::<Index>(), b'0'..=b'9'), 0..4);
    let others = vec((any::<Index>(), select(b" \"{}[],:.-atz09".to_vec())), 0..2);
    (any_table(), digits, others).prop_map(|(table, digits, others)| {
        let mut text = serde_json::to_vec(&table).unwrap();
        let numbers = text
            .iter()
            .enumerate()
            .filter(|(_, byte)| byte.is_ascii_digit());
        let numbers: Vec<usize> = numbers.map(|(place, _)| place).collect();
        for (place, digit) in digits {
            text[numbers[place.index(numbers.len())]] = digit;
        }
        for (place, other) in others {
            let place = place.index(text.len());
            text[place] = other;
        }
        String::from_utf8(text).unwrap()
    })
}

proptest! {
    #[test]
    fn what_is_taken_of_any_text_comes_back(text in any_text()) {
        let Ok(table) = serde_json::from_str::<Table>(&text) else {
            return Ok(());
        };
        let again = serde_json::to_string(&table).unwrap();
        prop_assert_eq!(serde_json::from_str::<Table>(&again).unwrap(), table);
    }

    #[test]
    fn a_table_comes_back_as_it_was(table in any_table()) {
        let text = serde_json::to_string(&table).unwrap();
        prop_assert_eq!(serde_json::from_str::<Table>(&text).unwrap(), table);
    }

    #[test]
    fn a_table_without_counters_comes_back_as_it_can_be_set(table in any_table()) {
        let entries: Vec<Entry<'_>> = table
            .services
            .iter()
            .map(|(service, destinations)| Entry::new(service, destinations).without_counters())
            .collect();
        let document = json!({"schema_version": SCHEMA_VERSION, "services": entries});
        prop_assert_eq!(document.to_string().find("_connections"), None);
        let read: Table = serde_json::from_value(document).unwrap();
        let expected: Vec<_> = table.services.iter().map(bare).collect();
        prop_assert_eq!(read.services, expected);
    }

    #[test]
    fn what_is_written_fits_the_schema(table in any_table().prop_map(settable)) {
        let mut document = serde_json::to_value(&table).unwrap();
        document["ipvs"] = json!(Info::new(Version(0x01_02_01), 4096));
        prop_assert_eq!(faults(&WRITTEN, &document), [""; 0], "{}", document);
        prop_assert_eq!(faults(&RULES, &document), [""; 0], "{}", document);
    }

    #[test]
    fn a_service_and_a_destination_come_back_alone(
        service in any_service(),
        destination in any_destination(),
    ) {
        let text = serde_json::to_string(&service).unwrap();
        prop_assert_eq!(serde_json::from_str::<Service>(&text).unwrap(), service);
        let text = serde_json::to_string(&destination).unwrap();
        prop_assert_eq!(serde_json::from_str::<Destination>(&text).unwrap(), destination);
    }

    #[test]
    fn a_daemon_comes_back_as_it_was_and_fits_the_schema(daemon in any_daemon()) {
        let document = json!({"schema_version": SCHEMA_VERSION, "daemons": [daemon]});
        prop_assert_eq!(faults(&WRITTEN, &document), [""; 0], "{}", document);
        let read: SyncDaemon = serde_json::from_value(document["daemons"][0].clone()).unwrap();
        prop_assert_eq!(read, daemon);
    }

    #[test]
    fn timeouts_come_back_as_they_were_and_fit_the_schema(tcp: u32, tcp_fin: u32, udp: u32) {
        let timeouts = Timeouts::default().tcp(tcp).tcp_fin(tcp_fin).udp(udp);
        let document = json!({"schema_version": SCHEMA_VERSION, "timeouts": timeouts});
        prop_assert_eq!(faults(&WRITTEN, &document), [""; 0], "{}", document);
        let read: Timeouts = serde_json::from_value(document["timeouts"].clone()).unwrap();
        prop_assert_eq!(read, timeouts);
    }

    #[test]
    fn counters_have_their_own_names(stats in any_stats()) {
        let document = serde_json::to_value(stats).unwrap();
        prop_assert_eq!(&document["in_packets"], &json!(stats.in_packets));
        prop_assert_eq!(
            &document["out_bytes_per_second"],
            &json!(stats.out_bytes_per_second)
        );
        prop_assert_eq!(document.as_object().unwrap().len(), 10);
    }
}

#[test]
fn a_timeout_that_the_kernel_does_not_know_is_0() {
    let written = serde_json::to_value(Timeouts::default().tcp(900)).unwrap();
    assert_eq!(written, json!({"tcp": 900, "tcp_fin": 0, "udp": 0}));
}

#[test]
fn connections_fit_the_schema() {
    let table = "headings\n\
                 TCP 0A000009 D431 0A000001 0050 0A000002 1F90 ESTABLISHED 899\n\
                 IP  0A000009 0000 00000009 0000 0A000002 0000 NONE 49 sip data\n";
    let mut connections = Connections::new(table.as_bytes()).unwrap();
    let mut list = Vec::new();
    while let Some(connection) = connections.next_connection().unwrap() {
        list.push(serde_json::to_value(connection).unwrap());
    }
    assert_eq!(
        list,
        [
            json!({
                "protocol": "TCP", "state": "ESTABLISHED", "expires": 899,
                "client": {"address": "10.0.0.9", "port": 54321},
                "service": {"address": "10.0.0.1", "port": 80},
                "destination": {"address": "10.0.0.2", "port": 8080},
            }),
            json!({
                "protocol": "IP", "state": "NONE", "expires": 49,
                "client": {"address": "10.0.0.9", "port": 0},
                "service": {"fwmark": 9},
                "destination": {"address": "10.0.0.2", "port": 0},
                "persistence_engine": "sip", "persistence_data": "data",
            }),
        ]
    );
    let document = json!({"schema_version": SCHEMA_VERSION, "connections": list});
    assert_eq!(faults(&WRITTEN, &document), [""; 0]);
}

fn service_with(fields: &str) -> Result<(Service, Vec<Destination>), serde_json::Error> {
    let text = format!("{{\"schema_version\":1,\"services\":[{{{fields}}}]}}");
    serde_json::from_str::<Table>(&text).map(|mut table| table.services.remove(0))
}

/// The defaults of docs/json.md, "Reading it back".
#[test]
fn what_is_left_out_or_null_has_the_default() {
    let id = ServiceId::fwmark(NonZeroU32::MIN, crate::AddressFamily::Ipv4);
    let service = Service::new(id, ServiceSettings::new("rr").persistent(60));
    let destination = Destination::new(
        "10.0.0.2:80".parse().unwrap(),
        DestinationSettings::masquerading(),
    );
    let server = r#""address":"10.0.0.2","port":80,"forwarding_method":"masquerading","weight":1"#;
    for fields in [
        format!(
            r#""fwmark":1,"scheduler":"rr","persistence":{{"timeout":60}},
               "destinations":[{{{server}}}]"#
        ),
        format!(
            r#""id":null,"family":null,"protocol":null,"address":null,"port":null,"fwmark":1,
               "scheduler":"rr","scheduler_flags":null,"one_packet":null,
               "persistence":{{"timeout":60,"netmask":null,"prefix_length":null}},
               "persistence_engine":null,"stats":null,
               "destinations":[{{{server},"id":null,"family":null,"tunnel":null,"upper_threshold":null,
               "lower_threshold":null,"active_connections":null,"inactive_connections":null,
               "persistent_connections":null,"stats":null}}]"#
        ),
    ] {
        let expected = (service.clone(), vec![destination.clone()]);
        assert_eq!(service_with(&fields).unwrap(), expected, "{fields}");
    }
}

#[test]
fn a_netmask_may_be_given_in_both_ways_that_agree() {
    let fields = r#""fwmark":1,"scheduler":"rr",
        "persistence":{"timeout":60,"netmask":"255.0.0.0","prefix_length":8}"#;
    let (service, _) = service_with(fields).unwrap();
    let netmask = service.settings.persistence.unwrap().netmask();
    assert_eq!(netmask, Some(Netmask::Ipv4([255, 0, 0, 0].into())));
}

#[test]
fn the_changes_of_a_table_add_each_service_and_its_destinations_behind_it() {
    let settings = ServiceSettings::new("rr");
    let masquerading = DestinationSettings::masquerading();
    let [first, second] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(|ip| ServiceId::tcp((ip, 80)));
    let id: DestinationId = "10.0.0.3:80".parse().unwrap();
    let table = Table {
        services: vec![
            (
                Service::new(first, settings.clone()),
                vec![Destination::new(id, masquerading)],
            ),
            (Service::new(second, settings.clone()), Vec::new()),
        ],
        ..Table::default()
    };
    assert_eq!(
        table.changes().collect::<Vec<_>>(),
        [
            Change::AddService(first, settings.clone()),
            Change::AddDestination(first, id, masquerading),
            Change::AddService(second, settings),
        ]
    );
}

/// docs/json.md, "The table".
#[test]
fn the_interface_is_told_unless_it_is_netlink() {
    for (interface, expected) in [
        (Interface::Netlink, None),
        (Interface::SocketOptions, Some("sockopt")),
        (Interface::Proc, Some("proc")),
    ] {
        let table = Table {
            interface,
            ..Table::default()
        };
        let document = serde_json::to_value(&table).unwrap();
        let told = document.get("interface").and_then(Value::as_str);
        assert_eq!(told, expected);
    }
}

#[test]
fn what_says_nothing_or_two_things_is_an_error() {
    let address = r#""protocol":"tcp","address":"10.0.0.1","port":80,"scheduler":"rr""#;
    let mark = r#""fwmark":1,"scheduler":"rr""#;
    for (fields, words) in [
        (
            format!(r#"{address},"fwmark":1"#),
            "either protocol, address and port or fwmark",
        ),
        (
            r#""scheduler":"rr""#.to_owned(),
            "either protocol, address and port or fwmark",
        ),
        (r#""fwmark":1"#.to_owned(), "missing field `scheduler`"),
        (
            format!(r#"{address},"family":"ipv6""#),
            "the address is not of that family",
        ),
        (
            format!(r#"{address},"id":"10.0.0.1:8080""#),
            "the id is of another entry than the other fields",
        ),
        (
            format!(r#"{mark},"id":"10.0.0.1:80""#),
            "the id is of another entry than the other fields",
        ),
        (
            format!(
                r#"{mark},"destinations":[{{"id":"10.0.0.3:80","address":"10.0.0.2","port":80,
                   "forwarding_method":"masquerading","weight":1}}]"#
            ),
            "the id is of another entry than the other fields",
        ),
        (
            format!(r#"{mark},"id":"TCP 10.0.0.1:80""#),
            "ADDRESS:PORT, [IPV6-ADDRESS]:PORT or the number of a firewall mark is wanted",
        ),
        (format!(r#"{mark},"weight":1"#), "unknown field `weight`"),
        (
            format!(r#"{mark},"scheduler":"rr""#),
            "duplicate field `scheduler`",
        ),
        (
            format!(r#"{mark},"scheduler_flags":["sh-port"]"#),
            "rr has no flag \"sh-port\"",
        ),
        (
            format!(r#"{mark},"family":"inet""#),
            "expected one of ipv4, ipv6",
        ),
        (
            format!(
                r#"{mark},"persistence":{{"timeout":1,"netmask":"255.0.0.0","prefix_length":9}}"#
            ),
            "netmask and prefix_length say different things",
        ),
        (
            format!(
                r#"{mark},"destinations":[{{"address":"10.0.0.2","port":80,"weight":1,"forwarding_method":"tunneling"}}]"#
            ),
            "tunneling, and nothing else, has a tunnel",
        ),
        (
            format!(
                r#"{mark},"destinations":[{{"address":"10.0.0.2","port":80,"weight":1,"forwarding_method":"nat"}}]"#
            ),
            "expected one of masquerading, direct-routing, tunneling, local-node, bypass or a number",
        ),
        (
            format!(
                r#"{mark},"destinations":[{{"address":"10.0.0.2","port":80,"weight":1,"forwarding_method":"tunneling","tunnel":{{"type":"gue","port":0,"checksum":"none"}}}}]"#
            ),
            "a gue tunnel has a port",
        ),
    ] {
        let error = service_with(&fields).unwrap_err().to_string();
        assert!(error.contains(words), "{fields}: {error}");
    }
    let other = serde_json::from_str::<Table>(r#"{"schema_version":2,"services":[]}"#);
    assert!(
        other
            .unwrap_err()
            .to_string()
            .contains("schema version 2, not 1")
    );
}

#[test]
fn the_schema_names_every_flag_of_a_scheduler() {
    let names: Vec<&str> = SchedulerFlags::NAMES
        .iter()
        .map(|known| known.name)
        .collect();
    let services = &SCHEMA["$defs"]["rules"]["properties"]["services"]["items"];
    let flags = &services["properties"]["scheduler_flags"]["items"]["enum"];
    assert_eq!(*flags, json!(names));
}
