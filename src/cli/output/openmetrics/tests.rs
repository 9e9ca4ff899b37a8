// SPDX-License-Identifier: MIT

//! Tests of the OpenMetrics text.

use std::collections::HashSet;

use ipvs_client::{
    AddressFamily, DaemonRole, DestinationId, DestinationSettings, Service, ServiceSettings,
    Version,
};

use super::*;

fn address(protocol: Protocol, address: &str, port: u16) -> ServiceId {
    ServiceId::Address {
        protocol,
        address: address.parse().unwrap(),
        port,
    }
}

fn fwmark(mark: u32, family: AddressFamily) -> ServiceId {
    ServiceId::Fwmark {
        mark: mark.try_into().unwrap(),
        family,
    }
}

fn service(id: ServiceId) -> Service {
    let mut stats = counters([1, 2, 3, 4, u64::MAX]);
    // Prometheus computes rates.
    stats.connections_per_second = 77;
    stats.in_packets_per_second = 77;
    stats.out_packets_per_second = 77;
    stats.in_bytes_per_second = 77;
    stats.out_bytes_per_second = 77;
    let mut service = Service::new(id, ServiceSettings::new("wrr"));
    service.stats = Some(stats);
    service
}

fn counters(values: [u64; 5]) -> Stats {
    let mut stats = Stats::default();
    [
        stats.connections,
        stats.in_packets,
        stats.out_packets,
        stats.in_bytes,
        stats.out_bytes,
    ] = values;
    stats
}

fn destination(address: &str, port: u16) -> Destination {
    let id = DestinationId {
        address: address.parse().unwrap(),
        port,
    };
    let mut destination = Destination::new(id, DestinationSettings::masquerading().weight(5));
    destination.active_connections = 6;
    destination.inactive_connections = 7;
    destination.persistent_connections = u32::MAX;
    destination.stats = Some(counters([11, 12, 13, 14, 15]));
    destination
}

/// A table whose daemons are known: there are these.
fn whole(stats: Stats, daemons: &[SyncDaemon]) -> WholeTable {
    WholeTable {
        stats,
        info: Info::new(Version(0x0001_0201), 4096),
        daemons: Some(daemons.to_vec()),
    }
}

fn text(whole: Option<&WholeTable>, table: &[Entry], destinations: bool) -> String {
    let mut out = Vec::new();
    write_openmetrics(&mut out, whole, table, destinations, Interface::Netlink).unwrap();
    String::from_utf8(out).unwrap()
}

/// The series, without what describes them.
fn series(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

/// One destination of each kind of service.
fn table() -> Vec<Entry> {
    [
        (address(Protocol::Tcp, "10.0.0.1", 80), "10.0.0.2"),
        (address(Protocol::Udp, "10.0.0.1", 80), "10.0.0.2"),
        (address(Protocol::Sctp, "10.0.0.1", 80), "10.0.0.2"),
        (address(Protocol::Other(47), "10.0.0.1", 0), "10.0.0.2"),
        (address(Protocol::Tcp, "2001:db8::1", 80), "2001:db8::2"),
        (fwmark(80, AddressFamily::Ipv4), "10.0.0.2"),
        (fwmark(80, AddressFamily::Ipv6), "2001:db8::2"),
        // What IPv4 packets go to through a tunnel.
        (fwmark(u32::MAX, AddressFamily::Ipv4), "2001:db8::2"),
        (fwmark(u32::MAX, AddressFamily::Ipv6), "2001:db8::2"),
    ]
    .map(|(id, server)| (service(id), vec![destination(server, 8080)]))
    .into()
}

#[test]
fn a_table_is_one_text_in_the_order_of_metrics() {
    let mut limited = destination("10.0.0.3", 80);
    limited.settings.upper_threshold = 100;
    limited.settings.lower_threshold = 50;
    let table = [(
        service(address(Protocol::Tcp, "10.0.0.1", 80)),
        vec![destination("10.0.0.2", 8080), limited],
    )];
    let whole = whole(
        counters([21, 22, 23, 24, 25]),
        &[SyncDaemon::new(DaemonRole::Backup, "sync0", 7)],
    );
    assert_eq!(text(Some(&whole), &table, true), include_str!("table.txt"));
}

/// The cells of the rows of all tables of the document whose first heading is this, with
/// what stands between the marks of code where there is some.
fn read_document(heading: &str) -> Vec<Vec<&'static str>> {
    let document = include_str!("../../generate/openmetrics.md");
    let begin = format!("\n| {heading} |");
    let tables = document.split(&begin).skip(1);
    let rows = tables.flat_map(|text| text.split("\n\n").next().unwrap().lines().skip(2));
    rows.map(|row| {
        let cells = row.trim_matches(['|', ' ']).split('|');
        cells
            .map(|cell| cell.split('`').nth(1).unwrap_or(cell.trim()))
            .collect()
    })
    .collect()
}

#[test]
fn the_document_has_every_metric_with_its_type_and_unit_and_no_other() {
    let mut written: Vec<(String, &str, &str)> = Vec::new();
    for line in include_str!("table.txt").lines() {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["#", "TYPE", name, "counter"] => {
                written.push((format!("{name}_total"), "counter", ""));
            }
            ["#", "TYPE", name, kind] => written.push((name.to_owned(), kind, "")),
            ["#", "UNIT", _, unit] => written.last_mut().unwrap().2 = unit,
            _ => {}
        }
    }
    let told: Vec<_> = read_document("metric")
        .iter()
        .map(|row| (row[0].to_owned(), row[1], row[2]))
        .collect();
    assert_eq!(told, written);
}

#[test]
fn the_document_has_every_label_and_no_other() {
    let labels = |metric: &str| -> Vec<&str> {
        let mut lines = include_str!("table.txt").lines();
        let begin = format!("{metric}{{");
        let labels = lines.find_map(|line| line.strip_prefix(&begin)).unwrap();
        let names = labels
            .split('=')
            .map(|part| part.rsplit(',').next().unwrap());
        let mut names: Vec<_> = names.collect();
        // The last value.
        names.pop();
        names
    };
    let told = |object: &str| -> Vec<&str> {
        let rows = read_document(&format!("label of a {object}"));
        rows.iter().map(|row| row[0]).collect()
    };
    let of_service = told("service");
    assert_eq!(labels("node_ipvs_service_backends"), of_service);
    let with_scheduler = [&of_service[..], &["scheduler"]].concat();
    assert_eq!(labels("node_ipvs_service_scheduler"), with_scheduler);
    let of_backend = [of_service, told("destination")].concat();
    assert_eq!(labels("node_ipvs_backend_weight"), of_backend);
    assert_eq!(labels("node_ipvs_sync_daemon"), told("daemon"));
}

#[test]
fn an_empty_table_is_valid_too() {
    let text = text(Some(&whole(Stats::default(), &[])), &[], true);
    assert_eq!(series(&text).len(), COUNTERS.len() + 2);
    assert!(text.ends_with("\n# EOF\n"), "{text}");
}

#[test]
fn daemons_that_are_not_known_are_absent_and_not_0() {
    let mut unknown = whole(Stats::default(), &[]);
    let known = text(Some(&unknown), &[], true);
    assert!(known.contains("\nnode_ipvs_sync_daemons 0\n"), "{known}");
    unknown.daemons = None;
    let unknown = text(Some(&unknown), &[], true);
    assert!(!unknown.contains("daemon"), "{unknown}");
    assert!(unknown.contains("\nnode_ipvs_connection_table_size 4096\n"));
}

#[test]
fn each_daemon_that_runs_has_a_series_with_its_settings() {
    let daemons = [
        SyncDaemon::new(DaemonRole::Master, "sync0", 7),
        SyncDaemon::new(DaemonRole::Backup, "sync\"1", 255),
    ];
    let text = text(Some(&whole(Stats::default(), &daemons)), &[], true);
    let found: Vec<&str> = series(&text)
        .into_iter()
        .filter(|line| line.contains("daemon"))
        .collect();
    assert_eq!(
        found,
        [
            "node_ipvs_sync_daemons 2",
            r#"node_ipvs_sync_daemon{role="master",interface="sync0",sync_id="7"} 1"#,
            r#"node_ipvs_sync_daemon{role="backup",interface="sync\"1",sync_id="255"} 1"#,
        ]
    );
}

#[test]
fn a_destination_is_usable_unless_it_is_quiesced_or_full() {
    let mut quiesced = destination("10.0.0.9", 1);
    quiesced.settings.weight = 0;
    // It has 6 + 7 connections.
    let mut full = destination("10.0.0.10", 1);
    full.settings.upper_threshold = 13;
    let mut nearly = full.clone();
    nearly.settings.upper_threshold = 14;
    let id = address(Protocol::Tcp, "10.0.0.1", 80);
    let usable = |destinations: Vec<Destination>, interface| {
        let mut out = Vec::new();
        let table = [(service(id), destinations)];
        write_openmetrics(&mut out, None, &table, false, interface).unwrap();
        let text = String::from_utf8(out).unwrap();
        let mut lines = text.lines();
        let found = lines.find(|line| line.starts_with("node_ipvs_service_backends_usable"));
        found.map(|line| line.rsplit(' ').next().unwrap().to_owned())
    };
    for (destinations, number) in [
        (vec![quiesced.clone(), full.clone(), nearly.clone()], "1"),
        (vec![nearly], "1"),
        (vec![quiesced, full], "0"),
        (vec![], "0"),
    ] {
        assert_eq!(
            usable(destinations, Interface::Netlink).as_deref(),
            Some(number)
        );
    }
    // The files do not tell thresholds.
    let any = vec![destination("10.0.0.2", 80)];
    assert_eq!(usable(any, Interface::Proc), None);
}

#[test]
fn one_service_comes_without_the_counters_of_the_whole_table() {
    let text = text(None, &table()[..1], true);
    assert!(!text.contains("node_ipvs_connections"), "{text}");
    assert!(text.starts_with("# HELP node_ipvs_service_scheduler "));
}

#[test]
fn totals_have_no_series_of_a_destination_but_the_sums() {
    let mut table = table();
    let more = destination("10.0.0.9", 1);
    table[0].1.push(more);
    let text = text(None, &table[..1], false);
    assert!(!text.contains("backend_"), "{text}");
    assert!(!text.contains("remote_"), "{text}");
    let values: Vec<&str> = series(&text)
        .into_iter()
        .filter(|line| !line.contains("_total"))
        .map(|line| line.rsplit(' ').next().unwrap())
        .collect();
    // The scheduler's 1, the number of destinations and of those that are usable, and
    // what they have.
    assert_eq!(values, ["1", "2", "2", "12", "14", "8589934590"]);
}

#[test]
fn services_are_told_apart_by_protocol_family_and_mark() {
    let text = text(None, &table(), false);
    let names: Vec<&str> = series(&text)
        .into_iter()
        .filter_map(|line| line.strip_prefix("node_ipvs_service_backends{"))
        .map(|line| line.strip_suffix("} 1").unwrap())
        .collect();
    assert_eq!(
        names,
        [
            r#"local_address="10.0.0.1",local_port="80",proto="TCP",local_mark="",family="ipv4""#,
            r#"local_address="10.0.0.1",local_port="80",proto="UDP",local_mark="",family="ipv4""#,
            r#"local_address="10.0.0.1",local_port="80",proto="SCTP",local_mark="",family="ipv4""#,
            r#"local_address="10.0.0.1",local_port="0",proto="IP_47",local_mark="",family="ipv4""#,
            r#"local_address="2001:db8::1",local_port="80",proto="TCP",local_mark="",family="ipv6""#,
            r#"local_address="",local_port="0",proto="FWM",local_mark="00000050",family="ipv4""#,
            r#"local_address="",local_port="0",proto="FWM",local_mark="00000050",family="ipv6""#,
            r#"local_address="",local_port="0",proto="FWM",local_mark="FFFFFFFF",family="ipv4""#,
            r#"local_address="",local_port="0",proto="FWM",local_mark="FFFFFFFF",family="ipv6""#,
        ]
    );
}

#[test]
fn no_series_is_there_twice_and_those_of_a_metric_stand_together() {
    let daemon = SyncDaemon::new(DaemonRole::Master, "sync0", 7);
    let text = text(Some(&whole(Stats::default(), &[daemon])), &table(), true);
    let mut seen = HashSet::new();
    let mut metrics = HashSet::new();
    let mut metric = "";
    for line in text.lines() {
        if let Some(described) = line.strip_prefix("# HELP ") {
            metric = described.split(' ').next().unwrap();
            assert!(metrics.insert(metric), "{metric} begins twice");
        } else if !line.starts_with('#') {
            let (name, _) = line.rsplit_once(' ').unwrap();
            assert!(seen.insert(name), "{name} is there twice");
            let of = name.split('{').next().unwrap();
            assert_eq!(of.strip_suffix("_total").unwrap_or(of), metric);
        }
    }
    let of_backends = BACKEND_GAUGES.len() - 2 + COUNTERS.len();
    let of_services = 1 + SERVICE_GAUGES.len() + COUNTERS.len();
    assert_eq!(
        seen.len(),
        COUNTERS.len() + 3 + table().len() * (of_services + of_backends)
    );
}

#[test]
fn every_label_is_escaped() {
    let mut labels = Labels::new(Interface::Netlink);
    labels.push("first", "a\"b\\c\nd");
    labels.push("second", "\\\"\n");
    assert_eq!(
        labels.to_string(),
        r#"{first="a\"b\\c\nd",second="\\\"\n"}"#
    );
    let mut odd = service(fwmark(1, AddressFamily::Ipv4));
    odd.settings.scheduler = "w\"\n\\rr".to_owned();
    let text = text(None, &[(odd, vec![])], true);
    assert!(text.contains(r#",scheduler="w\"\n\\rr"} 1"#), "{text}");
}
