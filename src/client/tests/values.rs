// SPDX-License-Identifier: MIT

//! Services and destinations that the tests share, in the model and as the
//! kernel sends them.

use std::net::IpAddr;

use ipvs_netlink::{
    DestinationAttribute, IpvsAttribute, ServiceAttribute, ServiceFlags, StatsAttribute,
};
use rustix::io::Errno;

use crate::{
    AddressFamily, DaemonRole, DestinationId, DestinationSettings, Error, ForwardingMethod,
    Operation, Protocol, SchedulerFlags, ServiceId, ServiceSettings, SyncDaemonSettings,
};

pub(super) const AF_INET: u16 = 2;
pub(super) const AF_INET6: u16 = 10;

pub(super) fn address_service(protocol: Protocol, address: &str, port: u16) -> ServiceId {
    ServiceId::Address {
        protocol,
        address: address.parse().unwrap(),
        port,
    }
}

/// TCP 192.0.2.1:80
pub(super) fn web() -> ServiceId {
    address_service(Protocol::Tcp, "192.0.2.1", 80)
}

/// UDP [2001:db8::1]:5060
pub(super) fn sip() -> ServiceId {
    address_service(Protocol::Udp, "2001:db8::1", 5060)
}

pub(super) fn fwmark(mark: u32, family: AddressFamily) -> ServiceId {
    ServiceId::Fwmark {
        mark: mark.try_into().unwrap(),
        family,
    }
}

/// Settings with nothing but the scheduler `wrr`.
pub(super) fn plain() -> ServiceSettings {
    ServiceSettings {
        scheduler: "wrr".to_owned(),
        scheduler_flags: SchedulerFlags::default(),
        one_packet: false,
        persistence: None,
        persistence_engine: None,
    }
}

pub(super) fn destination_id(address: &str, port: u16) -> DestinationId {
    DestinationId {
        address: address.parse().unwrap(),
        port,
    }
}

/// 198.51.100.4:8080
pub(super) fn server() -> DestinationId {
    destination_id("198.51.100.4", 8080)
}

/// Weight 1 and no thresholds.
pub(super) fn forwarded(forwarding_method: ForwardingMethod) -> DestinationSettings {
    DestinationSettings {
        forwarding_method,
        weight: 1,
        upper_threshold: 0,
        lower_threshold: 0,
    }
}

/// A daemon that leaves to the kernel what can be left.
pub(super) fn daemon(role: DaemonRole, interface: &str) -> SyncDaemonSettings {
    SyncDaemonSettings::new(role, interface)
}

/// The address as an attribute has it.
pub(super) fn bytes(address: &str) -> [u8; 16] {
    match address.parse().unwrap() {
        IpAddr::V4(address) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&address.octets());
            bytes
        }
        IpAddr::V6(address) => address.octets(),
    }
}

pub(super) fn identity(
    family: u16,
    protocol: u16,
    address: &str,
    port: u16,
) -> Vec<ServiceAttribute> {
    vec![
        ServiceAttribute::AddressFamily(family),
        ServiceAttribute::Protocol(protocol),
        ServiceAttribute::Address(bytes(address)),
        ServiceAttribute::Port(port),
    ]
}

/// The name of [`web`].
pub(super) fn web_attributes() -> Vec<ServiceAttribute> {
    identity(AF_INET, 6, "192.0.2.1", 80)
}

/// The name of [`sip`].
pub(super) fn sip_attributes() -> Vec<ServiceAttribute> {
    identity(AF_INET6, 17, "2001:db8::1", 5060)
}

pub(super) fn settings_attributes(
    scheduler: &str,
    flags: ServiceFlags,
    timeout: u32,
    netmask: [u8; 4],
) -> Vec<ServiceAttribute> {
    vec![
        ServiceAttribute::SchedulerName(scheduler.to_owned()),
        ServiceAttribute::Flags {
            flags,
            mask: u32::MAX,
        },
        ServiceAttribute::Timeout(timeout),
        ServiceAttribute::Netmask(netmask),
    ]
}

/// A whole service without persistence and without traffic, as the kernel
/// sends it.
pub(super) fn service_reply(identity: Vec<ServiceAttribute>) -> Vec<IpvsAttribute> {
    vec![IpvsAttribute::Service(
        [
            identity,
            settings_attributes("wrr", ServiceFlags::HASHED, 0, [255; 4]),
            vec![ServiceAttribute::Stats(vec![StatsAttribute::Connections(
                0,
            )])],
        ]
        .concat(),
    )]
}

/// A masquerading destination without traffic, as the kernel sends it.
pub(super) fn destination_attributes(address: &str, port: u16) -> Vec<DestinationAttribute> {
    vec![
        DestinationAttribute::Address(bytes(address)),
        DestinationAttribute::Port(port),
        DestinationAttribute::ForwardingMethod(0.into()),
        DestinationAttribute::Weight(1),
        DestinationAttribute::UpperThreshold(0),
        DestinationAttribute::LowerThreshold(0),
        DestinationAttribute::ActiveConnections(0),
        DestinationAttribute::InactiveConnections(0),
        DestinationAttribute::PersistentConnections(0),
        DestinationAttribute::Stats(vec![StatsAttribute::Connections(0)]),
    ]
}

/// The operation that the kernel refused, and its reason.
pub(super) fn refusal<T>(outcome: Result<T, Error>) -> (Operation, Errno) {
    match outcome.err() {
        Some(Error::Kernel { operation, errno }) => (operation, errno),
        other => panic!("not refused by the kernel: {other:?}"),
    }
}

/// The operation whose answer made no sense, and the fault in it.
pub(super) fn malformed<T>(outcome: Result<T, Error>) -> (Operation, String) {
    match outcome.err() {
        Some(Error::Malformed { operation, reason }) => (operation, reason.to_string()),
        other => panic!("not malformed: {other:?}"),
    }
}

pub(super) fn timed_out<T>(outcome: Result<T, Error>) -> Operation {
    match outcome.err() {
        Some(Error::Timeout { operation }) => operation,
        other => panic!("not timed out: {other:?}"),
    }
}

pub(super) fn answer_lost<T>(outcome: Result<T, Error>) -> Operation {
    match outcome.err() {
        Some(Error::AnswerLost { operation }) => operation,
        other => panic!("no answer lost: {other:?}"),
    }
}
