// SPDX-License-Identifier: MIT

//! A table with something in every column, and listings of it, for the tests of what is
//! shown of it.

use ipvs_client::{
    Destination, DestinationSettings, Service, ServiceSettings, Stats, Tunnel, TunnelChecksum,
};

use crate::{
    args::parse_command,
    command::{Command, ListTable},
    table::Entry,
};

/// Two services, of which the first has a real server that is full and one that is
/// quiesced, and the second has none.
pub(super) fn entries() -> Vec<Entry> {
    let mut first = Service::new(
        "TCP 10.0.0.1:80".parse().unwrap(),
        ServiceSettings::new("wrr").persistent(60),
    );
    first.stats = Some(counters(1000, 40));
    let gue = Tunnel::Gue {
        port: 6080.try_into().unwrap(),
        checksum: TunnelChecksum::None,
    };
    let masquerading = DestinationSettings::masquerading().weight(3);
    let destinations = vec![
        destination("10.0.0.2:8080", masquerading, [6, 10, 1], (750, 30)),
        destination(
            "10.0.0.3:80",
            DestinationSettings::direct_routing()
                .upper_threshold(8)
                .lower_threshold(4),
            [2, 6, 0],
            (250, 10),
        ),
        destination(
            "10.0.0.4:80",
            DestinationSettings::tunneling(gue).weight(0),
            [0, 0, 0],
            (0, 0),
        ),
    ];
    let mut second = Service::new("fwmark 5".parse().unwrap(), ServiceSettings::new("rr"));
    second.stats = Some(counters(2_500_000, 20));
    vec![(first, destinations), (second, Vec::new())]
}

/// The listing that a command line asks for.
pub(super) fn listing(line: &str) -> ListTable {
    match parse_command(line) {
        Command::Table(listing, _) => listing,
        other => panic!("{other:?}"),
    }
}

/// Counters of so many connections, and so many a second: with each come two packets in,
/// three out, 100 bytes in and 1000 out.
pub(super) fn counters(connections: u64, per_second: u64) -> Stats {
    let mut stats = Stats::default();
    stats.connections = connections;
    stats.in_packets = connections * 2;
    stats.out_packets = connections * 3;
    stats.in_bytes = connections * 100;
    stats.out_bytes = connections * 1000;
    stats.connections_per_second = per_second;
    stats.in_packets_per_second = per_second * 2;
    stats.out_packets_per_second = per_second * 3;
    stats.in_bytes_per_second = per_second * 100;
    stats.out_bytes_per_second = per_second * 1000;
    stats
}

/// A real server with numbers of active and inactive connections and of templates, and
/// with counters.
fn destination(
    id: &str,
    settings: DestinationSettings,
    [active, inactive, persistent]: [u32; 3],
    (connections, per_second): (u64, u64),
) -> Destination {
    let mut destination = Destination::new(id.parse().unwrap(), settings);
    destination.active_connections = active;
    destination.inactive_connections = inactive;
    destination.persistent_connections = persistent;
    destination.stats = Some(counters(connections, per_second));
    destination
}
