// SPDX-License-Identifier: MIT

//! Which virtual service a connection belongs to, which connections are wanted, and
//! how many there are.
//!
//! The lines are in the form of /proc/net/ip_vs_conn. What belongs together is what
//! `ip_vs_service_find` and `ip_vs_sched_persist` of Linux 6.1 do.

use std::{
    io::{BufReader, Read},
    net::IpAddr,
};

use proptest::prelude::*;

use crate::{
    ConnectionFilter, ConnectionOwner, ConnectionServices, ConnectionSummary, Connections,
    DestinationId, Service, ServiceId, ServiceSettings,
};

/// A table in which every kind of service is: each with its destinations, and with a
/// star if it is persistent.
const TABLE: &[(&str, &[&str])] = &[
    ("TCP 10.0.0.1:80", &["10.0.1.1:8080", "10.0.1.2:8080"]),
    ("TCP 10.0.0.1:443 *", &["10.0.1.1:443"]),
    ("UDP 10.0.0.1:80", &["10.0.1.1:80"]),
    ("TCP 10.0.0.2:0 *", &["10.0.1.1:0", "10.0.1.2:0"]),
    ("TCP 10.0.0.2:22", &["10.0.1.9:22"]),
    ("TCP 10.0.0.3:21 *", &["10.0.1.1:21", "10.0.1.2:21"]),
    ("TCP 10.0.0.3:0 *", &["10.0.1.3:0"]),
    ("TCP [2001:db8::1]:80", &["[2001:db8:1::1]:80"]),
    ("fwmark 1", &["10.0.1.3:0", "10.0.1.4:0"]),
    ("fwmark 2", &["10.0.1.4:0", "10.0.1.5:8080"]),
    ("fwmark 3 *", &["10.0.1.6:8080"]),
    ("fwmark 1 IPv6", &["[2001:db8:1::2]:0"]),
    ("SCTP 10.0.0.6:80", &["10.0.1.1:80"]),
    ("fwmark 4", &["10.0.1.7:0"]),
    ("fwmark 5", &["10.0.1.7:0"]),
];

fn services(table: &[(&str, &[&str])]) -> ConnectionServices {
    ConnectionServices::new(table.iter().map(|(name, destinations)| {
        let mut settings = ServiceSettings::new("rr");
        if name.ends_with(" *") {
            settings = settings.persistent(360);
        }
        let id: ServiceId = name.trim_end_matches(" *").parse().unwrap();
        let destinations = destinations.iter().map(|one| one.parse().unwrap());
        (
            Service::new(id, settings),
            destinations.collect::<Vec<DestinationId>>(),
        )
    }))
}

/// The end of a connection as the kernel writes it.
fn end(text: &str) -> String {
    let DestinationId { address, port } = text.parse().unwrap();
    match address {
        IpAddr::V4(address) => format!("{:08X} {port:04X}", address.to_bits()),
        IpAddr::V6(address) => {
            let groups = address.segments().map(|group| format!("{group:04x}"));
            format!("{} {port:04X}", groups.join(":"))
        }
    }
}

/// The line of `TCP 10.0.0.9:1024 10.0.0.1:80 10.0.1.1:80 ESTABLISHED`.
fn line(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let [protocol, client, service, destination, state] = words[..] else {
        panic!("{text}");
    };
    let [client, service, destination] = [client, service, destination].map(end);
    format!("{protocol:<3} {client} {service} {destination} {state:<11}     899\n")
}

fn file(lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|text| line(text)).collect();
    format!(
        "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n{lines}"
    )
}

/// Does something with each connection.
fn for_each<T>(lines: &[&str], mut act: impl FnMut(&crate::Connection<'_>) -> T) -> Vec<T> {
    let file = file(lines);
    let mut connections = Connections::new(file.as_bytes()).unwrap();
    let mut results = Vec::new();
    while let Some(connection) = connections.next_connection().unwrap() {
        results.push(act(&connection));
    }
    results
}

fn owner(services: &ConnectionServices, connection: &str) -> String {
    let owners = for_each(&[connection], |connection| {
        match services.find(connection) {
            ConnectionOwner::Service(id) => id.to_string(),
            ConnectionOwner::OneOf(marks) => {
                let marks = marks.iter().map(ServiceId::to_string);
                marks.collect::<Vec<_>>().join(" or ")
            }
            ConnectionOwner::Gone => "none".to_owned(),
        }
    });
    owners.concat()
}

#[test]
fn a_connection_belongs_to_the_service_that_the_kernel_would_find() {
    let services = services(TABLE);
    for (connection, service) in [
        // The address and port themselves.
        (
            "TCP 10.9.0.1:1024 10.0.0.1:80 10.0.1.1:8080 ESTABLISHED",
            "TCP 10.0.0.1:80",
        ),
        (
            "UDP 10.9.0.1:1024 10.0.0.1:80 10.0.1.1:80 UDP",
            "UDP 10.0.0.1:80",
        ),
        (
            "TCP [2001:db8::9]:1024 [2001:db8::1]:80 [2001:db8:1::1]:80 CLOSE",
            "TCP [2001:db8::1]:80",
        ),
        (
            "SCTP 10.9.0.1:1024 10.0.0.6:80 10.0.1.1:80 ESTABLISHED",
            "SCTP 10.0.0.6:80",
        ),
        // Its destination was removed.
        (
            "TCP 10.9.0.1:1024 10.0.0.1:80 10.0.1.77:8080 ESTABLISHED",
            "TCP 10.0.0.1:80",
        ),
        // Port 0 takes what no other service has.
        (
            "TCP 10.9.0.1:1024 10.0.0.2:22 10.0.1.9:22 ESTABLISHED",
            "TCP 10.0.0.2:22",
        ),
        (
            "TCP 10.9.0.1:1024 10.0.0.2:23 10.0.1.1:23 ESTABLISHED",
            "TCP 10.0.0.2:0",
        ),
        ("UDP 10.9.0.1:1024 10.0.0.2:23 10.0.1.1:23 UDP", "none"),
        // FTP comes before port 0 for what may be its data.
        (
            "TCP 10.9.0.1:1024 10.0.0.3:21 10.0.1.1:21 ESTABLISHED",
            "TCP 10.0.0.3:21",
        ),
        (
            "TCP 10.9.0.1:1024 10.0.0.3:20 10.0.1.1:20 ESTABLISHED",
            "TCP 10.0.0.3:21",
        ),
        (
            "TCP 10.9.0.1:1024 10.0.0.3:1024 10.0.1.1:1024 ESTABLISHED",
            "TCP 10.0.0.3:21",
        ),
        (
            "TCP 10.9.0.1:1024 10.0.0.3:1023 10.0.1.3:1023 ESTABLISHED",
            "TCP 10.0.0.3:0",
        ),
        // It waits for a client, so that it has no port of it.
        (
            "TCP 10.9.0.1:0 10.0.0.3:5000 10.0.1.1:5000 LISTEN",
            "TCP 10.0.0.3:21",
        ),
        // The service was removed.
        (
            "TCP 10.9.0.1:1024 10.0.0.1:8443 10.0.1.1:8443 FIN_WAIT",
            "none",
        ),
        (
            "SCTP 10.9.0.1:1024 10.0.0.1:80 10.0.1.1:80 ESTABLISHED",
            "none",
        ),
        ("IP_47 10.9.0.1:0 10.0.0.1:0 10.0.1.1:0 ERR!", "none"),
    ] {
        assert_eq!(owner(&services, connection), service, "{connection}");
    }
}

/// `ip_vs_service_find` asks whether the namespace wants a right for the port.
#[test]
fn data_of_ftp_have_ports_for_which_no_right_is_needed() {
    let ftp_or_any = [TABLE[5], TABLE[6]];
    for (first, port, service) in [
        (None, 1023, "TCP 10.0.0.3:0"),
        (None, 1024, "TCP 10.0.0.3:21"),
        (Some(600), 599, "TCP 10.0.0.3:0"),
        (Some(600), 600, "TCP 10.0.0.3:21"),
        (Some(5000), 4999, "TCP 10.0.0.3:0"),
        (Some(5000), 20, "TCP 10.0.0.3:21"),
    ] {
        let mut services = services(&ftp_or_any);
        if let Some(first) = first {
            services = services.first_unprivileged_port(first);
        }
        let connection = format!("TCP 10.9.0.1:1024 10.0.0.3:{port} 10.0.1.1:{port} CLOSE");
        assert_eq!(owner(&services, &connection), service, "{first:?} {port}");
    }
}

#[test]
fn a_template_belongs_to_the_persistent_service_that_made_it() {
    let services = services(TABLE);
    for (template, service) in [
        (
            "TCP 10.9.0.1:0 10.0.0.1:443 10.0.1.1:443 ASSURED",
            "TCP 10.0.0.1:443",
        ),
        (
            "TCP 10.9.0.1:0 10.0.0.2:0 10.0.1.1:0 NONE",
            "TCP 10.0.0.2:0",
        ),
        // The template of FTP is for all ports, as that of port 0; the destination
        // tells them apart.
        (
            "TCP 10.9.0.1:0 10.0.0.3:0 10.0.1.2:0 NONE",
            "TCP 10.0.0.3:21",
        ),
        (
            "TCP 10.9.0.1:0 10.0.0.3:0 10.0.1.3:0 NONE",
            "TCP 10.0.0.3:0",
        ),
        // In the place of the address stands the mark.
        ("IP 10.9.0.1:0 0.0.0.1:0 10.0.1.3:0 NONE", "fwmark 1"),
        ("IP 10.9.0.1:0 0.0.0.9:0 10.0.1.3:0 NONE", "none"),
        (
            "IP [2001:db8::9]:0 [0:1::]:0 [2001:db8:1::2]:0 NONE",
            "fwmark 1 IPv6",
        ),
        // Those of a mark say so: this one is none.
        ("TCP 10.9.0.1:0 10.0.0.5:0 10.0.1.3:0 NONE", "none"),
    ] {
        assert_eq!(owner(&services, template), service, "{template}");
    }
    let ftp = [TABLE[5]];
    assert_eq!(
        owner(
            &self::services(&ftp),
            "TCP 10.9.0.1:0 10.0.0.3:0 10.0.1.77:0 NONE"
        ),
        "TCP 10.0.0.3:21"
    );
}

#[test]
fn the_destination_tells_the_mark_of_a_connection_where_only_it_can() {
    let services = services(TABLE);
    for (connection, service) in [
        (
            "TCP 10.9.0.1:1024 10.0.0.5:80 10.0.1.3:80 ESTABLISHED",
            "fwmark 1",
        ),
        ("UDP 10.9.0.1:1024 10.0.0.5:80 10.0.1.3:80 UDP", "fwmark 1"),
        (
            "TCP 10.9.0.1:1024 10.0.0.5:80 10.0.1.4:80 ESTABLISHED",
            "fwmark 1 or fwmark 2",
        ),
        (
            "TCP 10.9.0.1:1024 10.0.0.5:80 10.0.1.7:80 ESTABLISHED",
            "fwmark 4 or fwmark 5",
        ),
        // A destination without a port leaves the port as it is.
        (
            "TCP 10.9.0.1:1024 10.0.0.5:80 10.0.1.3:81 ESTABLISHED",
            "none",
        ),
        // One with a port changes it, unless the mark is persistent.
        (
            "TCP 10.9.0.1:1024 10.0.0.5:80 10.0.1.5:8080 ESTABLISHED",
            "fwmark 2",
        ),
        (
            "TCP 10.9.0.1:1024 10.0.0.5:80 10.0.1.5:80 ESTABLISHED",
            "none",
        ),
        (
            "TCP 10.9.0.1:1024 10.0.0.5:80 10.0.1.6:80 ESTABLISHED",
            "fwmark 3",
        ),
        (
            "TCP 10.9.0.1:1024 10.0.0.5:80 10.0.1.6:8080 ESTABLISHED",
            "none",
        ),
        // The families of a mark are two services.
        (
            "TCP [2001:db8::9]:1024 [2001:db8::5]:80 [2001:db8:1::2]:80 CLOSE",
            "fwmark 1 IPv6",
        ),
        // A service of the address has the connection if it has the destination.
        (
            "TCP 10.9.0.1:1024 10.0.0.3:80 10.0.1.3:80 ESTABLISHED",
            "TCP 10.0.0.3:0",
        ),
        (
            "TCP 10.9.0.1:1024 10.0.0.1:80 10.0.1.3:80 ESTABLISHED",
            "fwmark 1",
        ),
    ] {
        assert_eq!(owner(&services, connection), service, "{connection}");
    }
}

const CONNECTIONS: &[&str] = &[
    "TCP 10.9.0.1:1024 10.0.0.1:80 10.0.1.1:8080 ESTABLISHED",
    "TCP 10.9.0.1:1025 10.0.0.1:80 10.0.1.2:8080 FIN_WAIT",
    "TCP 10.9.0.2:1024 10.0.0.2:23 10.0.1.1:23 ESTABLISHED",
    "TCP 10.9.0.2:0 10.0.0.2:0 10.0.1.1:0 ASSURED",
    "UDP 10.9.1.3:1024 10.0.0.1:80 10.0.1.1:80 UDP",
    "TCP 10.9.1.3:1024 10.0.0.5:80 10.0.1.4:80 TIME_WAIT",
    "TCP [2001:db8::9]:1024 [2001:db8::1]:80 [2001:db8:1::1]:80 ESTABLISHED",
    "TCP 10.9.1.3:1025 10.0.0.7:80 10.0.1.1:80 ESTABLISHED",
];

/// The places of those that a filter wants.
fn wanted(filter: &ConnectionFilter) -> Vec<usize> {
    let services = services(TABLE);
    let wanted = for_each(CONNECTIONS, |connection| {
        filter.wants(connection, &services)
    });
    (0..)
        .zip(wanted)
        .filter_map(|(place, is_wanted)| is_wanted.then_some(place))
        .collect()
}

#[test]
fn a_filter_tells_the_service_that_it_wants() {
    let id: ServiceId = "TCP 10.0.0.1:80".parse().unwrap();
    assert_eq!(ConnectionFilter::new().wanted_service(), None);
    let filter = ConnectionFilter::new().service(id);
    assert_eq!(filter.wanted_service(), Some(&id));
}

#[test]
fn a_filter_leaves_those_that_are_all_that_was_asked() {
    let all = ConnectionFilter::new;
    let service = |name: &str| all().service(name.parse().unwrap());
    let client = |text: &str| all().client(text.parse().unwrap());
    let server = |address: &str, port| all().destination(address.parse().unwrap(), port);
    for (filter, places) in [
        (all(), &[0, 1, 2, 3, 4, 5, 6, 7][..]),
        (service("TCP 10.0.0.1:80"), &[0, 1]),
        (service("TCP 10.0.0.2:0"), &[2, 3]),
        (service("fwmark 1"), &[5]),
        (service("fwmark 2"), &[5]),
        (service("fwmark 2 IPv6"), &[]),
        (service("TCP [2001:db8::1]:80"), &[6]),
        (server("10.0.1.1", None), &[0, 2, 3, 4, 7]),
        (server("10.0.1.1", Some(8080)), &[0]),
        (client("10.9.0.2/32"), &[2, 3]),
        (client("10.9.0.99/24"), &[0, 1, 2, 3]),
        (client("::/0"), &[6]),
        (all().state("ESTABLISHED"), &[0, 2, 6, 7]),
        (all().state("FIN_WAIT").state("TIME_WAIT"), &[1, 5]),
        (all().protocol("UDP"), &[4]),
        (all().protocol("UDP").protocol("SCTP"), &[4]),
        (
            service("TCP 10.0.0.1:80")
                .destination("10.0.1.1".parse().unwrap(), None)
                .client("10.9.0.0/16".parse().unwrap())
                .state("ESTABLISHED")
                .protocol("TCP"),
            &[0],
        ),
    ] {
        assert_eq!(wanted(&filter), places, "{filter:?}");
    }
}

proptest! {
    /// Filters one after the other leave what both leave.
    #[test]
    fn a_filter_of_two_wants_is_both_filters(
        prefix in 0_u8..=32,
        state in prop::sample::select(vec!["ESTABLISHED", "FIN_WAIT", "UDP", "ASSURED"]),
        port in prop::option::of(prop::sample::select(vec![0_u16, 23, 80, 8080])),
    ) {
        let network = ipnet::Ipv4Net::new([10, 9, 0, 2].into(), prefix).unwrap().into();
        let server: IpAddr = [10, 0, 1, 1].into();
        let all = ConnectionFilter::new;
        let alone = [all().client(network), all().state(state), all().destination(server, port)];
        let together = all().client(network).state(state).destination(server, port);
        let alone = alone.map(|filter| wanted(&filter));
        let mut both = alone[0].clone();
        both.retain(|place| alone[1].contains(place) && alone[2].contains(place));
        prop_assert_eq!(wanted(&together), both);
    }
}

#[test]
fn a_summary_counts_by_service_server_and_state_and_templates_apart() {
    let services = services(TABLE);
    let mut summary = ConnectionSummary::new(&services);
    let twice = [CONNECTIONS, &CONNECTIONS[..4]].concat();
    for_each(&twice, |connection| summary.add(connection));
    assert_eq!((summary.connections(), summary.templates()), (10, 2));
    let groups: Vec<String> = summary
        .groups()
        .iter()
        .map(|group| {
            let owner = match group.owner {
                ConnectionOwner::Service(id) => id.to_string(),
                ConnectionOwner::OneOf(marks) => format!("one of {}", marks.len()),
                ConnectionOwner::Gone => "none".to_owned(),
            };
            let template = if group.is_template { " template" } else { "" };
            let crate::ConnectionGroup {
                destination,
                state,
                count,
                ..
            } = group;
            format!("{owner}, {destination}, {state}{template}: {count}")
        })
        .collect();
    assert_eq!(
        groups,
        [
            "TCP 10.0.0.1:80, 10.0.1.1:8080, ESTABLISHED: 2",
            "TCP 10.0.0.1:80, 10.0.1.2:8080, FIN_WAIT: 2",
            "UDP 10.0.0.1:80, 10.0.1.1:80, UDP: 1",
            // As the table has the destination.
            "TCP 10.0.0.2:0, 10.0.1.1:0, ESTABLISHED: 2",
            "TCP 10.0.0.2:0, 10.0.1.1:0, ASSURED template: 2",
            "TCP [2001:db8::1]:80, [2001:db8:1::1]:80, ESTABLISHED: 1",
            "one of 2, 10.0.1.4:0, TIME_WAIT: 1",
            "none, 10.0.1.1:0, ESTABLISHED: 1",
        ]
    );
}

#[test]
fn a_group_has_the_port_of_a_destination_where_the_table_does_or_the_service_has_one() {
    let services = services(TABLE);
    for (connection, destination) in [
        // A destination of the table, of a service and of a mark.
        (
            "TCP 10.9.0.1:1024 10.0.0.1:80 10.0.1.1:8080 ESTABLISHED",
            "10.0.1.1:8080",
        ),
        (
            "TCP 10.9.0.1:1024 10.0.0.5:80 10.0.1.5:8080 ESTABLISHED",
            "10.0.1.5:8080",
        ),
        // It was removed.
        (
            "TCP 10.9.0.1:1024 10.0.0.1:80 10.0.1.77:8080 ESTABLISHED",
            "10.0.1.77:8080",
        ),
        (
            "TCP 10.9.0.1:1024 10.0.0.2:23 10.0.1.77:23 ESTABLISHED",
            "10.0.1.77:0",
        ),
        // Data of FTP, which have any port.
        (
            "TCP 10.9.0.1:1024 10.0.0.3:5000 10.0.1.1:5000 ESTABLISHED",
            "10.0.1.1:0",
        ),
    ] {
        let mut summary = ConnectionSummary::new(&services);
        for_each(&[connection], |connection| summary.add(connection));
        let group = summary.groups().remove(0);
        assert_eq!(group.destination.to_string(), destination, "{connection}");
    }
}

#[test]
fn the_busiest_clients_come_first_and_equals_by_address() {
    let services = services(TABLE);
    let mut summary = ConnectionSummary::new(&services);
    for_each(CONNECTIONS, |connection| summary.add(connection));
    assert_eq!(summary.clients(), 4);
    let clients = |most| {
        let clients = summary.busiest_clients(most).into_iter();
        clients
            .map(|(client, count)| format!("{client} {count}"))
            .collect::<Vec<_>>()
    };
    // The template of the second is none of its connections.
    let all = ["10.9.1.3 3", "10.9.0.1 2", "10.9.0.2 1", "2001:db8::9 1"];
    assert_eq!(clients(10), all);
    assert_eq!(clients(3), all[..3]);
    assert_eq!(clients(0), [""; 0]);
}

/// Lines that are made while they are read, so that nothing holds them.
struct ManyLines {
    left: u32,
    line: Vec<u8>,
}

impl Read for ManyLines {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.line.is_empty() && self.left > 0 {
            self.left -= 1;
            let (client, port) = (self.left / 100, self.left % 100);
            self.line = format!(
                "TCP {:08X} {:04X} 0A000001 0050 0A000101 1F90 ESTABLISHED     899\n",
                0x0a09_0000 + client,
                1024 + port
            )
            .into_bytes();
        }
        let length = self.line.as_slice().read(buffer)?;
        self.line.drain(..length);
        Ok(length)
    }
}

#[test]
fn many_connections_leave_no_more_behind_than_their_groups_and_clients() {
    let services = services(TABLE);
    let lines = ManyLines {
        left: 100_000,
        line: b"headings\n".to_vec(),
    };
    let mut connections = Connections::new(BufReader::new(lines)).unwrap();
    let filter = ConnectionFilter::new().client("10.9.0.0/23".parse().unwrap());
    let mut summary = ConnectionSummary::new(&services);
    let mut wanted = 0;
    while let Some(connection) = connections.next_connection().unwrap() {
        if filter.wants(&connection, &services) {
            wanted += 1;
        }
        summary.add(&connection);
    }
    assert_eq!((wanted, summary.connections()), (51_200, 100_000));
    assert_eq!((summary.groups().len(), summary.clients()), (1, 1000));
    // The buffer for lines has held one.
    assert!(connections.held() < 200, "{}", connections.held());
}
