// SPDX-License-Identifier: MIT

//! Properties of every message and of all bytes.

mod common;

use std::fmt::Debug;

use common::{decode, encode};
use ipvs_netlink::{
    DaemonAttribute, DaemonState, DestinationAttribute, DestinationRecord, ForwardingMethod,
    InfoAttribute, IpvsAttribute, IpvsCommand, IpvsMessage, ServiceAttribute, ServiceFlags,
    ServiceRecord, StatsAttribute, StatsRecord, TunnelFlags, TunnelType,
};
use netlink_packet_core::{
    DefaultNla, NLA_F_NESTED, NLA_F_NET_BYTEORDER, NLA_TYPE_MASK, NetlinkMessage,
};
use netlink_packet_generic::GenlMessage;
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::{FileFailurePersistence, TestCaseError},
};

/// A failure's seed is kept beside this file; commit it with the repair.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

/// An attribute whose number is 0 or above `known`. A number has one of the two
/// flags or none: netlink forbids both at once.
fn unknown(known: u16) -> impl Strategy<Value = DefaultNla> {
    let number = prop_oneof![Just(0), known + 1..=known + 3, known + 1..=NLA_TYPE_MASK];
    let flag = select(vec![0, NLA_F_NESTED, NLA_F_NET_BYTEORDER]);
    (number, flag, vec(any::<u8>(), 0..40))
        .prop_map(|(number, flag, value)| DefaultNla::new(number | flag, value))
}

/// Text without NUL, also longer than the kernel takes.
fn name() -> impl Strategy<Value = String> {
    "[^\0]{0,40}"
}

fn stats<C: Arbitrary + Clone + Debug + 'static>() -> BoxedStrategy<Vec<StatsAttribute<C>>> {
    let attribute = prop_oneof![
        any::<C>().prop_map(StatsAttribute::Connections),
        any::<C>().prop_map(StatsAttribute::InPackets),
        any::<C>().prop_map(StatsAttribute::OutPackets),
        any::<u64>().prop_map(StatsAttribute::InBytes),
        any::<u64>().prop_map(StatsAttribute::OutBytes),
        any::<C>().prop_map(StatsAttribute::ConnectionsPerSecond),
        any::<C>().prop_map(StatsAttribute::InPacketsPerSecond),
        any::<C>().prop_map(StatsAttribute::OutPacketsPerSecond),
        any::<C>().prop_map(StatsAttribute::InBytesPerSecond),
        any::<C>().prop_map(StatsAttribute::OutBytesPerSecond),
        unknown(10).prop_map(StatsAttribute::Other),
    ];
    vec(attribute, 0..14).boxed()
}

fn service() -> impl Strategy<Value = Vec<ServiceAttribute>> {
    let attribute = prop_oneof![
        any::<u16>().prop_map(ServiceAttribute::AddressFamily),
        any::<u16>().prop_map(ServiceAttribute::Protocol),
        any::<[u8; 16]>().prop_map(ServiceAttribute::Address),
        any::<u16>().prop_map(ServiceAttribute::Port),
        any::<u32>().prop_map(ServiceAttribute::Fwmark),
        name().prop_map(ServiceAttribute::SchedulerName),
        any::<(u32, u32)>().prop_map(|(bits, mask)| ServiceAttribute::Flags {
            flags: ServiceFlags::from_bits_retain(bits),
            mask,
        }),
        any::<u32>().prop_map(ServiceAttribute::Timeout),
        any::<[u8; 4]>().prop_map(ServiceAttribute::Netmask),
        stats().prop_map(ServiceAttribute::Stats),
        name().prop_map(ServiceAttribute::PersistenceEngineName),
        stats().prop_map(ServiceAttribute::Stats64),
        unknown(12).prop_map(ServiceAttribute::Other),
    ];
    vec(attribute, 0..16)
}

fn destination() -> impl Strategy<Value = Vec<DestinationAttribute>> {
    let attribute = prop_oneof![
        any::<[u8; 16]>().prop_map(DestinationAttribute::Address),
        any::<u16>().prop_map(DestinationAttribute::Port),
        any::<u32>().prop_map(|number| DestinationAttribute::ForwardingMethod(number.into())),
        any::<u32>().prop_map(DestinationAttribute::Weight),
        any::<u32>().prop_map(DestinationAttribute::UpperThreshold),
        any::<u32>().prop_map(DestinationAttribute::LowerThreshold),
        any::<u32>().prop_map(DestinationAttribute::ActiveConnections),
        any::<u32>().prop_map(DestinationAttribute::InactiveConnections),
        any::<u32>().prop_map(DestinationAttribute::PersistentConnections),
        stats().prop_map(DestinationAttribute::Stats),
        any::<u16>().prop_map(DestinationAttribute::AddressFamily),
        stats().prop_map(DestinationAttribute::Stats64),
        any::<u8>().prop_map(|number| DestinationAttribute::TunnelType(number.into())),
        any::<u16>().prop_map(DestinationAttribute::TunnelPort),
        any::<u16>().prop_map(|bits| DestinationAttribute::TunnelFlags(
            TunnelFlags::from_bits_retain(bits)
        )),
        unknown(15).prop_map(DestinationAttribute::Other),
    ];
    vec(attribute, 0..18)
}

fn daemon() -> impl Strategy<Value = Vec<DaemonAttribute>> {
    let attribute = prop_oneof![
        any::<u32>().prop_map(|number| DaemonAttribute::State(number.into())),
        name().prop_map(DaemonAttribute::MulticastInterface),
        any::<u32>().prop_map(DaemonAttribute::SyncId),
        any::<u16>().prop_map(DaemonAttribute::SyncMaxlen),
        any::<[u8; 4]>().prop_map(|octets| DaemonAttribute::MulticastGroup(octets.into())),
        any::<[u8; 16]>().prop_map(|octets| DaemonAttribute::MulticastGroup6(octets.into())),
        any::<u16>().prop_map(DaemonAttribute::MulticastPort),
        any::<u8>().prop_map(DaemonAttribute::MulticastTtl),
        unknown(8).prop_map(DaemonAttribute::Other),
    ];
    vec(attribute, 0..10)
}

fn info() -> impl Strategy<Value = Vec<InfoAttribute>> {
    let attribute = prop_oneof![
        any::<u32>().prop_map(InfoAttribute::Version),
        any::<u32>().prop_map(InfoAttribute::ConnectionTableSize),
        unknown(2).prop_map(InfoAttribute::Other),
    ];
    vec(attribute, 0..4)
}

/// The attributes of every command but SET_INFO.
fn attributes() -> impl Strategy<Value = Vec<IpvsAttribute>> {
    let attribute = prop_oneof![
        service().prop_map(IpvsAttribute::Service),
        destination().prop_map(IpvsAttribute::Destination),
        daemon().prop_map(IpvsAttribute::Daemon),
        any::<u32>().prop_map(IpvsAttribute::TimeoutTcp),
        any::<u32>().prop_map(IpvsAttribute::TimeoutTcpFin),
        any::<u32>().prop_map(IpvsAttribute::TimeoutUdp),
        unknown(6).prop_map(IpvsAttribute::Other),
    ];
    vec(attribute, 0..5)
}

/// The commands of the kernel, those beside them, and any other.
fn command() -> impl Strategy<Value = IpvsCommand> {
    prop_oneof![9 => 0..20_u8, 1 => any::<u8>()].prop_map(IpvsCommand::from)
}

fn message() -> impl Strategy<Value = IpvsMessage> {
    command().prop_flat_map(|command| {
        let attributes = if command == IpvsCommand::SetInfo {
            info()
                .prop_map(|set| set.into_iter().map(IpvsAttribute::Info).collect())
                .boxed()
        } else {
            attributes().boxed()
        };
        attributes.prop_map(move |attributes| IpvsMessage::new(command, attributes))
    })
}

/// Attributes that may stand before a service or destination: none of either.
fn attributes_before() -> impl Strategy<Value = Vec<IpvsAttribute>> {
    vec(any::<u32>().prop_map(IpvsAttribute::TimeoutUdp), 0..2)
}

fn whole(
    command: IpvsCommand,
    mut attributes: Vec<IpvsAttribute>,
    last: IpvsAttribute,
) -> IpvsMessage {
    attributes.push(last);
    IpvsMessage::new(command, attributes)
}

/// The counters of a set, in the order of their numbers.
fn stats_record<C: Copy + Into<u64>>(set: Vec<StatsAttribute<C>>) -> [u64; 10] {
    let mut numbers = [0; 10];
    for attribute in set {
        match attribute {
            StatsAttribute::Connections(value) => numbers[0] = value.into(),
            StatsAttribute::InPackets(value) => numbers[1] = value.into(),
            StatsAttribute::OutPackets(value) => numbers[2] = value.into(),
            StatsAttribute::InBytes(value) => numbers[3] = value,
            StatsAttribute::OutBytes(value) => numbers[4] = value,
            StatsAttribute::ConnectionsPerSecond(value) => numbers[5] = value.into(),
            StatsAttribute::InPacketsPerSecond(value) => numbers[6] = value.into(),
            StatsAttribute::OutPacketsPerSecond(value) => numbers[7] = value.into(),
            StatsAttribute::InBytesPerSecond(value) => numbers[8] = value.into(),
            StatsAttribute::OutBytesPerSecond(value) => numbers[9] = value.into(),
            _ => {}
        }
    }
    numbers
}

/// The counters of a record, in the order of their numbers.
fn numbers(record: StatsRecord) -> [u64; 10] {
    [
        record.connections,
        record.in_packets,
        record.out_packets,
        record.in_bytes,
        record.out_bytes,
        record.connections_per_second,
        record.in_packets_per_second,
        record.out_packets_per_second,
        record.in_bytes_per_second,
        record.out_bytes_per_second,
    ]
}

/// The message of an attribute that stands in it alone.
fn comes_back(command: IpvsCommand, attribute: IpvsAttribute) -> Result<(), TestCaseError> {
    let message = IpvsMessage::new(command, vec![attribute]);
    let again = decode(command, &encode(&message))
        .map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(again, message);
    Ok(())
}

/// Decodes; what can be decoded can be encoded.
fn returns(command: u8, bytes: &[u8]) {
    if let Ok(message) = decode(command, bytes) {
        encode(&message);
    }
    let mut buffer = Vec::new();
    let service = ServiceRecord::read(bytes).ok().flatten();
    service.inspect(|record| record.append_to(&mut buffer));
    let destination = DestinationRecord::read(bytes).ok().flatten();
    destination.inspect(|record| record.append_to(&mut buffer));
    let unread = [
        service.and_then(|record| record.stats),
        destination.and_then(|record| record.stats),
    ];
    for unread in unread.into_iter().flatten() {
        let _ = unread.read();
    }
}

/// Something that goes wrong on the way.
#[derive(Clone, Debug)]
enum Damage {
    Replace(Index, u8),
    Remove(Index),
    Insert(Index, u8),
    BreakOff(Index),
    Append(Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => any::<(Index, u8)>().prop_map(|(at, byte)| Damage::Replace(at, byte)),
        1 => any::<Index>().prop_map(Damage::Remove),
        1 => any::<(Index, u8)>().prop_map(|(at, byte)| Damage::Insert(at, byte)),
        1 => any::<Index>().prop_map(Damage::BreakOff),
        1 => vec(any::<u8>(), 1..9).prop_map(Damage::Append),
    ]
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        match damage {
            Damage::Append(more) => bytes.extend(more),
            Damage::Insert(at, byte) => bytes.insert(at.index(bytes.len() + 1), *byte),
            _ if bytes.is_empty() => {}
            Damage::Replace(at, byte) => {
                *at.get_mut(&mut bytes) = *byte;
            }
            Damage::Remove(at) => {
                bytes.remove(at.index(bytes.len()));
            }
            Damage::BreakOff(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
    bytes
}

/// Attributes inside attributes whose numbers, flags and lengths are all right
/// and whose values are anything.
fn tree() -> impl Strategy<Value = Vec<u8>> {
    let value = vec(any::<u8>(), 0..20);
    value.prop_recursive(3, 64, 8, |inner| {
        vec((0..20_u16, any::<bool>(), inner), 0..8).prop_map(|attributes| {
            let mut bytes = Vec::new();
            for (number, nested, value) in attributes {
                let kind = number | if nested { NLA_F_NESTED } else { 0 };
                // A tree has 64 leaves of 20 bytes, far below the limit.
                let length = value.len() as u16 + 4;
                bytes.extend(length.to_ne_bytes());
                bytes.extend(kind.to_ne_bytes());
                bytes.extend(value);
                bytes.resize(bytes.len().next_multiple_of(4), 0);
            }
            bytes
        })
    })
}

#[test]
fn every_number_of_a_command_comes_back() {
    for number in 0..=u8::MAX {
        let command = IpvsCommand::from(number);
        assert_eq!(u8::from(command), number);
        let named = !matches!(command, IpvsCommand::Other(_));
        assert_eq!(named, (1..=17).contains(&number), "{command:?}");
    }
}

/// The numbers are those of the kernel's `linux/ip_vs.h`.
#[test]
fn numbers_have_the_names_of_the_kernel_and_all_come_back() {
    for (number, method) in (0..).zip([
        ForwardingMethod::Masquerading,
        ForwardingMethod::LocalNode,
        ForwardingMethod::Tunneling,
        ForwardingMethod::DirectRouting,
        ForwardingMethod::Bypass,
        ForwardingMethod::Other(5),
        ForwardingMethod::Other(6),
        ForwardingMethod::Other(7),
        ForwardingMethod::Other(8),
    ]) {
        assert_eq!(ForwardingMethod::from(number), method);
        assert_eq!(u32::from(method), number);
    }
    for number in 0..=u8::MAX {
        let tunnel_type = TunnelType::from(number);
        assert_eq!(u8::from(tunnel_type), number);
        let expected = match number {
            0 => TunnelType::Ipip,
            1 => TunnelType::Gue,
            2 => TunnelType::Gre,
            number => TunnelType::Other(number),
        };
        assert_eq!(tunnel_type, expected);
    }
    for (number, state) in (0..).zip([
        DaemonState::None,
        DaemonState::Master,
        DaemonState::Backup,
        DaemonState::Other(3),
    ]) {
        assert_eq!(DaemonState::from(number), state);
        assert_eq!(u32::from(state), number);
    }
    assert_eq!(TunnelFlags::CHECKSUM.bits(), 1);
    assert_eq!(TunnelFlags::REMOTE_CHECKSUM.bits(), 2);
}

/// The kernel takes `conn_flags & IP_VS_CONN_F_FWD_MASK`, three bits.
#[test]
fn a_masked_method_is_what_the_low_three_bits_say() {
    for (number, method) in [
        (0x103, ForwardingMethod::DirectRouting),
        (8, ForwardingMethod::Masquerading),
        (u32::MAX, ForwardingMethod::Other(7)),
    ] {
        let whole = ForwardingMethod::from(number);
        assert_eq!(whole, ForwardingMethod::Other(number));
        assert_eq!(whole.masked(), method);
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_message_comes_back(message in message()) {
        let again = decode(message.command, &encode(&message));
        let again = again.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(again, message);
    }

    #[test]
    fn a_service_record_has_the_last_attribute_of_each_number(
        set in service(),
        before in attributes_before(),
    ) {
        let bytes = encode(&whole(IpvsCommand::NewService, before, IpvsAttribute::Service(set.clone())));
        let record = ServiceRecord::read(&bytes).unwrap().unwrap();
        let last = |find: fn(&ServiceAttribute) -> bool| set.iter().rfind(|one| find(one)).cloned();
        use ServiceAttribute as A;
        prop_assert_eq!(
            record.address_family.map(A::AddressFamily),
            last(|one| matches!(one, A::AddressFamily(_)))
        );
        prop_assert_eq!(record.protocol.map(A::Protocol), last(|one| matches!(one, A::Protocol(_))));
        prop_assert_eq!(record.address.map(A::Address), last(|one| matches!(one, A::Address(_))));
        prop_assert_eq!(record.port.map(A::Port), last(|one| matches!(one, A::Port(_))));
        prop_assert_eq!(record.fwmark.map(A::Fwmark), last(|one| matches!(one, A::Fwmark(_))));
        prop_assert_eq!(
            record.scheduler_name.map(|name| A::SchedulerName(name.to_owned())),
            last(|one| matches!(one, A::SchedulerName(_)))
        );
        prop_assert_eq!(
            record.flags.map(|(flags, mask)| A::Flags { flags, mask }),
            last(|one| matches!(one, A::Flags { .. }))
        );
        prop_assert_eq!(record.timeout.map(A::Timeout), last(|one| matches!(one, A::Timeout(_))));
        prop_assert_eq!(record.netmask.map(A::Netmask), last(|one| matches!(one, A::Netmask(_))));
        prop_assert_eq!(
            record.persistence_engine_name.map(|name| A::PersistenceEngineName(name.to_owned())),
            last(|one| matches!(one, A::PersistenceEngineName(_)))
        );
        let expected = match (last(|one| matches!(one, A::Stats(_))), last(|one| matches!(one, A::Stats64(_)))) {
            (_, Some(A::Stats64(wide))) => Some(stats_record(wide)),
            (Some(A::Stats(narrow)), _) => Some(stats_record(narrow)),
            _ => None,
        };
        prop_assert_eq!(record.stats.map(|unread| numbers(unread.read().unwrap())), expected);
        prop_assert!(DestinationRecord::read(&bytes).unwrap().is_none());
    }

    #[test]
    fn a_destination_record_has_the_last_attribute_of_each_number(
        set in destination(),
        before in attributes_before(),
    ) {
        let bytes = encode(&whole(IpvsCommand::NewDest, before, IpvsAttribute::Destination(set.clone())));
        let record = DestinationRecord::read(&bytes).unwrap().unwrap();
        let last = |find: fn(&DestinationAttribute) -> bool| set.iter().rfind(|one| find(one)).cloned();
        use DestinationAttribute as A;
        prop_assert_eq!(
            record.address_family.map(A::AddressFamily),
            last(|one| matches!(one, A::AddressFamily(_)))
        );
        prop_assert_eq!(record.address.map(A::Address), last(|one| matches!(one, A::Address(_))));
        prop_assert_eq!(record.port.map(A::Port), last(|one| matches!(one, A::Port(_))));
        prop_assert_eq!(
            record.forwarding_method.map(A::ForwardingMethod),
            last(|one| matches!(one, A::ForwardingMethod(_)))
        );
        prop_assert_eq!(record.weight.map(A::Weight), last(|one| matches!(one, A::Weight(_))));
        prop_assert_eq!(
            record.upper_threshold.map(A::UpperThreshold),
            last(|one| matches!(one, A::UpperThreshold(_)))
        );
        prop_assert_eq!(
            record.lower_threshold.map(A::LowerThreshold),
            last(|one| matches!(one, A::LowerThreshold(_)))
        );
        prop_assert_eq!(
            record.active_connections.map(A::ActiveConnections),
            last(|one| matches!(one, A::ActiveConnections(_)))
        );
        prop_assert_eq!(
            record.inactive_connections.map(A::InactiveConnections),
            last(|one| matches!(one, A::InactiveConnections(_)))
        );
        prop_assert_eq!(
            record.persistent_connections.map(A::PersistentConnections),
            last(|one| matches!(one, A::PersistentConnections(_)))
        );
        prop_assert_eq!(
            record.tunnel_type.map(A::TunnelType),
            last(|one| matches!(one, A::TunnelType(_)))
        );
        prop_assert_eq!(
            record.tunnel_port.map(A::TunnelPort),
            last(|one| matches!(one, A::TunnelPort(_)))
        );
        prop_assert_eq!(
            record.tunnel_flags.map(A::TunnelFlags),
            last(|one| matches!(one, A::TunnelFlags(_)))
        );
        let expected = match (last(|one| matches!(one, A::Stats(_))), last(|one| matches!(one, A::Stats64(_)))) {
            (_, Some(A::Stats64(wide))) => Some(stats_record(wide)),
            (Some(A::Stats(narrow)), _) => Some(stats_record(narrow)),
            _ => None,
        };
        prop_assert_eq!(record.stats.map(|unread| numbers(unread.read().unwrap())), expected);
        prop_assert!(ServiceRecord::read(&bytes).unwrap().is_none());
    }

    /// The message has each attribute of the record once, and what the record
    /// does not have (counters, unknown attributes) not at all.
    #[test]
    fn records_are_written_as_the_message_that_has_their_attributes(
        service in service(),
        destination in destination(),
        before in vec(any::<u8>(), 0..3),
    ) {
        let read = |attribute| encode(&IpvsMessage::new(IpvsCommand::NewDest, vec![attribute]));
        let service = read(IpvsAttribute::Service(service));
        let service = ServiceRecord::read(&service).unwrap().unwrap();
        let destination = read(IpvsAttribute::Destination(destination));
        let destination = DestinationRecord::read(&destination).unwrap().unwrap();

        let mut bytes = before.clone();
        service.append_to(&mut bytes);
        destination.append_to(&mut bytes);
        let (start, bytes) = bytes.split_at(before.len());
        prop_assert_eq!(start, before);

        let message = decode(IpvsCommand::NewDest, bytes).unwrap();
        prop_assert_eq!(&encode(&message), bytes);
        let [IpvsAttribute::Service(services), IpvsAttribute::Destination(destinations)] =
            message.attributes.as_slice()
        else {
            return Err(TestCaseError::fail(format!("{message:?}")));
        };
        prop_assert!(!services.iter().any(|one| matches!(
            one,
            ServiceAttribute::Stats(_) | ServiceAttribute::Stats64(_) | ServiceAttribute::Other(_)
        )));
        prop_assert!(!destinations.iter().any(|one| matches!(
            one,
            DestinationAttribute::Stats(_)
                | DestinationAttribute::Stats64(_)
                | DestinationAttribute::Other(_)
        )));
        let (mut again, mut expected) = (ServiceRecord::read(bytes).unwrap().unwrap(), service);
        (again.stats, expected.stats) = (None, None);
        prop_assert_eq!(again, expected);
        let (mut again, mut expected) =
            (DestinationRecord::read(bytes).unwrap().unwrap(), destination);
        (again.stats, expected.stats) = (None, None);
        prop_assert_eq!(again, expected);
    }

    #[test]
    fn a_service_comes_back(set in service()) {
        comes_back(IpvsCommand::NewService, IpvsAttribute::Service(set))?;
    }

    #[test]
    fn a_destination_comes_back(set in destination()) {
        comes_back(IpvsCommand::NewDest, IpvsAttribute::Destination(set))?;
    }

    #[test]
    fn a_daemon_comes_back(set in daemon()) {
        comes_back(IpvsCommand::NewDaemon, IpvsAttribute::Daemon(set))?;
    }

    #[test]
    fn counters_of_both_widths_come_back(narrow in stats(), wide in stats()) {
        comes_back(IpvsCommand::NewService, IpvsAttribute::Service(vec![
            ServiceAttribute::Stats(narrow.clone()),
            ServiceAttribute::Stats64(wide.clone()),
        ]))?;
        comes_back(IpvsCommand::NewDest, IpvsAttribute::Destination(vec![
            DestinationAttribute::Stats(narrow),
            DestinationAttribute::Stats64(wide),
        ]))?;
    }

    #[test]
    fn an_attribute_of_info_comes_back(set in info()) {
        for attribute in set {
            comes_back(IpvsCommand::SetInfo, IpvsAttribute::Info(attribute))?;
        }
    }

    #[test]
    fn decoding_any_bytes_returns(command in 0..20_u8, bytes in vec(any::<u8>(), 0..600)) {
        returns(command, &bytes);
    }

    #[test]
    fn decoding_any_attributes_returns(command in 0..20_u8, bytes in tree()) {
        returns(command, &bytes);
    }

    #[test]
    fn decoding_a_damaged_message_returns(
        message in message(),
        damages in vec(damage(), 1..6),
    ) {
        returns(message.command.into(), &damaged(encode(&message), &damages));
    }

    #[test]
    fn decoding_a_damaged_datagram_returns(
        message in message(),
        damages in vec(damage(), 1..6),
    ) {
        let mut packet = NetlinkMessage::from(GenlMessage::from_payload(message));
        packet.finalize();
        let mut bytes = vec![0; packet.buffer_len()];
        packet.serialize(&mut bytes);
        let _ = NetlinkMessage::<GenlMessage<IpvsMessage>>::deserialize(&damaged(bytes, &damages));
    }
}
