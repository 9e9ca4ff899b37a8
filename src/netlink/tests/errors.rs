// SPDX-License-Identifier: MIT

//! Errors of decoding, which have the kernel's name of the attribute.

#![expect(clippy::unwrap_used, reason = "a panic fails the test, as it should")]

mod common;

use common::{decode, encode};
use ipvs_netlink::{
    DestinationAttribute, DestinationRecord, IpvsAttribute, IpvsCommand, IpvsMessage,
    ServiceAttribute, ServiceRecord,
};
use netlink_packet_core::{DecodeError, NLA_F_NESTED};

/// The bytes that an attribute must have.
#[derive(Clone, Copy, PartialEq)]
enum Value {
    /// So many bytes.
    Fixed(usize),
    /// Text and a NUL.
    Name,
    /// A set of attributes.
    Set,
}
use Value::{Fixed, Name, Set};

/// The place of a set: the command of its message, and the attributes around
/// it with their names, from the outside in.
type Place = (IpvsCommand, &'static [(u16, &'static str)]);

/// The attributes of a set, from number 1 on.
type Attributes = &'static [(&'static str, Value)];

const TOP: Attributes = &[
    ("IPVS_CMD_ATTR_SERVICE", Set),
    ("IPVS_CMD_ATTR_DEST", Set),
    ("IPVS_CMD_ATTR_DAEMON", Set),
    ("IPVS_CMD_ATTR_TIMEOUT_TCP", Fixed(4)),
    ("IPVS_CMD_ATTR_TIMEOUT_TCP_FIN", Fixed(4)),
    ("IPVS_CMD_ATTR_TIMEOUT_UDP", Fixed(4)),
];

const INFO: Attributes = &[
    ("IPVS_INFO_ATTR_VERSION", Fixed(4)),
    ("IPVS_INFO_ATTR_CONN_TAB_SIZE", Fixed(4)),
];

const SERVICE: Attributes = &[
    ("IPVS_SVC_ATTR_AF", Fixed(2)),
    ("IPVS_SVC_ATTR_PROTOCOL", Fixed(2)),
    ("IPVS_SVC_ATTR_ADDR", Fixed(16)),
    ("IPVS_SVC_ATTR_PORT", Fixed(2)),
    ("IPVS_SVC_ATTR_FWMARK", Fixed(4)),
    ("IPVS_SVC_ATTR_SCHED_NAME", Name),
    ("IPVS_SVC_ATTR_FLAGS", Fixed(8)),
    ("IPVS_SVC_ATTR_TIMEOUT", Fixed(4)),
    ("IPVS_SVC_ATTR_NETMASK", Fixed(4)),
    ("IPVS_SVC_ATTR_STATS", Set),
    ("IPVS_SVC_ATTR_PE_NAME", Name),
    ("IPVS_SVC_ATTR_STATS64", Set),
];

const DESTINATION: Attributes = &[
    ("IPVS_DEST_ATTR_ADDR", Fixed(16)),
    ("IPVS_DEST_ATTR_PORT", Fixed(2)),
    ("IPVS_DEST_ATTR_FWD_METHOD", Fixed(4)),
    ("IPVS_DEST_ATTR_WEIGHT", Fixed(4)),
    ("IPVS_DEST_ATTR_U_THRESH", Fixed(4)),
    ("IPVS_DEST_ATTR_L_THRESH", Fixed(4)),
    ("IPVS_DEST_ATTR_ACTIVE_CONNS", Fixed(4)),
    ("IPVS_DEST_ATTR_INACT_CONNS", Fixed(4)),
    ("IPVS_DEST_ATTR_PERSIST_CONNS", Fixed(4)),
    ("IPVS_DEST_ATTR_STATS", Set),
    ("IPVS_DEST_ATTR_ADDR_FAMILY", Fixed(2)),
    ("IPVS_DEST_ATTR_STATS64", Set),
    ("IPVS_DEST_ATTR_TUN_TYPE", Fixed(1)),
    ("IPVS_DEST_ATTR_TUN_PORT", Fixed(2)),
    ("IPVS_DEST_ATTR_TUN_FLAGS", Fixed(2)),
];

const DAEMON: Attributes = &[
    ("IPVS_DAEMON_ATTR_STATE", Fixed(4)),
    ("IPVS_DAEMON_ATTR_MCAST_IFN", Name),
    ("IPVS_DAEMON_ATTR_SYNC_ID", Fixed(4)),
    ("IPVS_DAEMON_ATTR_SYNC_MAXLEN", Fixed(2)),
    ("IPVS_DAEMON_ATTR_MCAST_GROUP", Fixed(4)),
    ("IPVS_DAEMON_ATTR_MCAST_GROUP6", Fixed(16)),
    ("IPVS_DAEMON_ATTR_MCAST_PORT", Fixed(2)),
    ("IPVS_DAEMON_ATTR_MCAST_TTL", Fixed(1)),
];

const STATS: Attributes = &[
    ("IPVS_STATS_ATTR_CONNS", Fixed(4)),
    ("IPVS_STATS_ATTR_INPKTS", Fixed(4)),
    ("IPVS_STATS_ATTR_OUTPKTS", Fixed(4)),
    ("IPVS_STATS_ATTR_INBYTES", Fixed(8)),
    ("IPVS_STATS_ATTR_OUTBYTES", Fixed(8)),
    ("IPVS_STATS_ATTR_CPS", Fixed(4)),
    ("IPVS_STATS_ATTR_INPPS", Fixed(4)),
    ("IPVS_STATS_ATTR_OUTPPS", Fixed(4)),
    ("IPVS_STATS_ATTR_INBPS", Fixed(4)),
    ("IPVS_STATS_ATTR_OUTBPS", Fixed(4)),
];

const STATS64: Attributes = &[
    ("IPVS_STATS_ATTR_CONNS", Fixed(8)),
    ("IPVS_STATS_ATTR_INPKTS", Fixed(8)),
    ("IPVS_STATS_ATTR_OUTPKTS", Fixed(8)),
    ("IPVS_STATS_ATTR_INBYTES", Fixed(8)),
    ("IPVS_STATS_ATTR_OUTBYTES", Fixed(8)),
    ("IPVS_STATS_ATTR_CPS", Fixed(8)),
    ("IPVS_STATS_ATTR_INPPS", Fixed(8)),
    ("IPVS_STATS_ATTR_OUTPPS", Fixed(8)),
    ("IPVS_STATS_ATTR_INBPS", Fixed(8)),
    ("IPVS_STATS_ATTR_OUTBPS", Fixed(8)),
];

const IN_SERVICE: (u16, &str) = (1, "IPVS_CMD_ATTR_SERVICE");
const IN_DESTINATION: (u16, &str) = (2, "IPVS_CMD_ATTR_DEST");

const ALL: &[(Place, Attributes)] = &[
    ((IpvsCommand::NewService, &[]), TOP),
    ((IpvsCommand::SetInfo, &[]), INFO),
    ((IpvsCommand::NewService, &[IN_SERVICE]), SERVICE),
    ((IpvsCommand::NewDest, &[IN_DESTINATION]), DESTINATION),
    (
        (IpvsCommand::NewDaemon, &[(3, "IPVS_CMD_ATTR_DAEMON")]),
        DAEMON,
    ),
    (
        (
            IpvsCommand::NewService,
            &[IN_SERVICE, (10, "IPVS_SVC_ATTR_STATS")],
        ),
        STATS,
    ),
    (
        (
            IpvsCommand::NewService,
            &[IN_SERVICE, (12, "IPVS_SVC_ATTR_STATS64")],
        ),
        STATS64,
    ),
    (
        (
            IpvsCommand::NewDest,
            &[IN_DESTINATION, (10, "IPVS_DEST_ATTR_STATS")],
        ),
        STATS,
    ),
    (
        (
            IpvsCommand::NewDest,
            &[IN_DESTINATION, (12, "IPVS_DEST_ATTR_STATS64")],
        ),
        STATS64,
    ),
];

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len() + 4).unwrap();
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// The bytes of a message that has one attribute at that place.
fn message_with(place: Place, kind: u16, value: &[u8]) -> Vec<u8> {
    place
        .1
        .iter()
        .rev()
        .fold(attribute(kind, value), |inner, (outer, _)| {
            attribute(*outer | NLA_F_NESTED, &inner)
        })
}

/// Calls `check` with the place, number, name and kind of value of each
/// attribute that the kernel knows.
fn for_every_attribute(check: impl Fn(Place, u16, &str, Value)) {
    for &(place, attributes) in ALL {
        for (kind, &(name, value)) in (1..).zip(attributes) {
            check(place, kind, name, value);
        }
    }
}

/// The error of a service or destination that is read as a record, its counters
/// included.
fn record_error(bytes: &[u8]) -> Option<DecodeError> {
    let service = ServiceRecord::read(bytes).map(|record| record.and_then(|record| record.stats));
    let destination =
        DestinationRecord::read(bytes).map(|record| record.and_then(|record| record.stats));
    [service, destination]
        .into_iter()
        .find_map(|unread| match unread {
            Ok(unread) => unread?.read().err(),
            Err(error) => Some(error),
        })
}

/// The error that a value at that place gives names the attribute and all
/// attributes around it. A record says the same as a message; of counters, which
/// it reads by themselves, without what is around them.
fn check_error(place: Place, kind: u16, name: &str, value: &[u8]) {
    let bytes = message_with(place, kind, value);
    let error = match decode(place.0, &bytes) {
        Ok(message) => unreachable!("{name} with {value:02x?} is {message:?}"),
        Err(error) => error.to_string(),
    };
    let outermost = place.1.first().map_or(name, |(_, name)| name);
    if ["IPVS_CMD_ATTR_SERVICE", "IPVS_CMD_ATTR_DEST"].contains(&outermost) {
        let of_record = record_error(&bytes).unwrap().to_string();
        assert!(error.ends_with(&of_record), "{of_record} is not of {error}");
        let of_counters = place.1.len() == 2 || name.contains("_STATS");
        assert!(
            of_counters || error == of_record,
            "{of_record} is not {error}"
        );
    }
    for name in place.1.iter().map(|(_, name)| *name).chain([name]) {
        assert!(
            error.contains(&format!("invalid {name} value")),
            "{name} with {value:02x?}: {error}"
        );
    }
}

#[test]
fn the_right_length_is_accepted_and_comes_back() {
    for_every_attribute(|place, kind, name, value| {
        let (kind, value) = match value {
            Fixed(length) => (kind, (1..).take(length).collect()),
            Name => (kind, b"wrr\0".to_vec()),
            Set => (kind | NLA_F_NESTED, Vec::new()),
        };
        let bytes = message_with(place, kind, &value);
        let message = decode(place.0, &bytes).unwrap();
        assert!(
            !format!("{message:?}").contains("DefaultNla"),
            "{name} is not known: {message:?}"
        );
        assert_eq!(encode(&message), bytes, "{name}");
    });
}

#[test]
fn every_wrong_length_of_a_number_or_address_names_the_attribute() {
    for_every_attribute(|place, kind, name, value| {
        let Fixed(right) = value else { return };
        for wrong in (0..40).filter(|&length| length != right) {
            check_error(place, kind, name, &vec![1; wrong]);
        }
    });
}

#[test]
fn a_name_without_nul_or_not_in_utf8_names_the_attribute() {
    for_every_attribute(|place, kind, name, value| {
        if value == Name {
            check_error(place, kind, name, b"");
            check_error(place, kind, name, b"wrr");
            check_error(place, kind, name, b"w\xffr\0");
        }
    });
}

#[test]
fn a_set_that_breaks_off_or_lies_about_a_length_names_the_attribute() {
    let too_short = [3_u16.to_ne_bytes(), 1_u16.to_ne_bytes()].concat();
    let too_long = [9_u16.to_ne_bytes(), 1_u16.to_ne_bytes(), [0; 2], [0; 2]].concat();
    for_every_attribute(|place, kind, name, value| {
        if value == Set {
            for part_of_a_header in 1..4 {
                check_error(place, kind, name, &vec![0; part_of_a_header]);
            }
            check_error(place, kind, name, &too_short);
            check_error(place, kind, name, &too_long);
        }
    });
}

#[test]
fn a_message_that_breaks_off_is_an_error() {
    let bytes = message_with((IpvsCommand::NewService, &[IN_SERVICE]), 5, &[1, 2, 3, 4]);
    for length in 1..bytes.len() {
        let error = decode(IpvsCommand::NewService, &bytes[..length]).unwrap_err();
        assert!(
            error.to_string().contains("IPVS top-level attribute"),
            "{length} bytes: {error}"
        );
    }
}

#[test]
fn what_follows_the_nul_of_a_name_is_not_part_of_it() {
    let bytes = message_with((IpvsCommand::NewService, &[IN_SERVICE]), 6, b"rr\0xyz\0\0");
    let message = decode(IpvsCommand::NewService, &bytes).unwrap();
    assert_eq!(
        message.attributes,
        [IpvsAttribute::Service(vec![
            ServiceAttribute::SchedulerName("rr".to_owned())
        ])]
    );
}

#[test]
fn a_name_far_too_long_is_cut_and_still_too_long_for_the_kernel() {
    let message = IpvsMessage::new(
        IpvsCommand::NewService,
        vec![IpvsAttribute::Service(vec![
            ServiceAttribute::SchedulerName("w".repeat(100_000)),
        ])],
    );
    let message = decode(IpvsCommand::NewService, &encode(&message)).unwrap();
    assert_eq!(
        message.attributes,
        [IpvsAttribute::Service(vec![
            ServiceAttribute::SchedulerName("w".repeat(255))
        ])]
    );
}

#[test]
fn the_command_decides_what_a_top_level_number_means() {
    let bytes = attribute(2, &attribute(4, &[3, 0, 0, 0]));
    let destination =
        IpvsAttribute::Destination(vec![DestinationAttribute::Weight(u32::from_ne_bytes([
            3, 0, 0, 0,
        ]))]);
    let message = decode(IpvsCommand::NewDest, &bytes).unwrap();
    assert_eq!(message.attributes, [destination]);
    let error = decode(IpvsCommand::SetInfo, &bytes).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("invalid IPVS_INFO_ATTR_CONN_TAB_SIZE value"),
        "{error}"
    );
}
