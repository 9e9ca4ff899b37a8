// SPDX-License-Identifier: MIT

//! What holds for every message and for all bytes.

mod common;

use std::fmt::Debug;

use common::{decode, encode};
use ipvs_netlink::{
    DaemonAttribute, DaemonState, DestinationAttribute, ForwardingMethod, InfoAttribute,
    IpvsAttribute, IpvsCommand, IpvsMessage, ServiceAttribute, ServiceFlags, StatsAttribute,
    TunnelFlags, TunnelType, read_destination, read_service,
};
use netlink_packet_core::{
    DefaultNla, NLA_F_NESTED, NLA_F_NET_BYTEORDER, NLA_TYPE_MASK, NetlinkMessage,
};
use netlink_packet_generic::GenlMessage;
use proptest::{
    collection::vec,
    option,
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
    for unread in [read_service(bytes, drop), read_destination(bytes, drop)] {
        if let Ok(Some(unread)) = unread {
            unread.stats().map(Iterator::count);
            unread.stats64().map(Iterator::count);
        }
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
    fn appending_a_message_adds_the_bytes_that_emitting_it_writes(
        message in message(),
        before in vec(any::<u8>(), 0..3),
    ) {
        let mut bytes = before.clone();
        message.append_to(&mut bytes);
        prop_assert_eq!(bytes, [before, encode(&message)].concat());
    }

    #[test]
    fn a_service_is_read_without_its_counters_and_they_are_read_when_asked_for(
        set in service(),
        narrow in stats(),
        wide in option::of(stats()),
    ) {
        let mut set = set;
        set.retain(|attribute| {
            !matches!(attribute, ServiceAttribute::Stats(_) | ServiceAttribute::Stats64(_))
        });
        let mut whole = set.clone();
        whole.insert(0, ServiceAttribute::Stats(narrow.clone()));
        whole.extend(wide.clone().map(ServiceAttribute::Stats64));
        let message = IpvsMessage::new(IpvsCommand::NewService, vec![
            IpvsAttribute::TimeoutUdp(5),
            IpvsAttribute::Service(whole),
        ]);
        let bytes = encode(&message);
        let mut read = Vec::new();
        let unread = read_service(&bytes, |attribute| read.push(attribute)).unwrap().unwrap();
        prop_assert_eq!(read, set);
        let stats: Vec<_> = unread.stats().unwrap().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(stats, narrow);
        let stats = unread.stats64().map(|each| each.collect::<Result<Vec<_>, _>>().unwrap());
        prop_assert_eq!(stats, wide);
        prop_assert!(read_destination(&bytes, |_| ()).unwrap().is_none());
    }

    #[test]
    fn a_destination_is_read_without_its_counters_and_they_are_read_when_asked_for(
        set in destination(),
        narrow in option::of(stats()),
        wide in stats(),
    ) {
        let mut set = set;
        set.retain(|attribute| {
            !matches!(
                attribute,
                DestinationAttribute::Stats(_) | DestinationAttribute::Stats64(_)
            )
        });
        let mut whole = set.clone();
        whole.extend(narrow.clone().map(DestinationAttribute::Stats));
        whole.push(DestinationAttribute::Stats64(wide.clone()));
        let message =
            IpvsMessage::new(IpvsCommand::NewDest, vec![IpvsAttribute::Destination(whole)]);
        let bytes = encode(&message);
        let mut read = Vec::new();
        let unread = read_destination(&bytes, |attribute| read.push(attribute)).unwrap().unwrap();
        prop_assert_eq!(read, set);
        let stats = unread.stats().map(|each| each.collect::<Result<Vec<_>, _>>().unwrap());
        prop_assert_eq!(stats, narrow);
        let stats: Vec<_> = unread.stats64().unwrap().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(stats, wide);
        prop_assert!(read_service(&bytes, |_| ()).unwrap().is_none());
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
