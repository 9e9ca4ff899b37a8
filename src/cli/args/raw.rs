// SPDX-License-Identifier: MIT

//! What the options of a command line say, one after the other.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::{NonZeroU8, NonZeroU16, NonZeroU32},
    time::Duration,
};

use ipvs_client::{AddressFamily, DaemonRole, Protocol, ServiceId};

use crate::{
    args::{
        address,
        error::UsageError,
        netmask::NetmaskText,
        number::{interval, number, number_u16},
        options::{CommandName, Kind, OptionName},
        rules::Kinds,
    },
    command::{TunnelKind, range},
};

/// Seconds, for -p without a number.
const DEFAULT_PERSISTENCE: u32 = 360;
const DEFAULT_WEIGHT: u32 = 1;
/// Between two showings of --watch.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(2);

/// What a command line has given so far.
pub(super) struct RawOptions<'a> {
    pub(super) command: CommandName,
    pub(super) kinds: Kinds,
    pub(super) arguments: Vec<&'a str>,
    pub(super) role: DaemonRole,

    pub(super) service: Option<ServiceId>,
    /// The address and port as they were typed.
    pub(super) service_text: &'a str,
    pub(super) scheduler: &'a str,
    pub(super) scheduler_flags: &'a str,
    pub(super) persistence: Option<u32>,
    pub(super) netmask: Option<NetmaskText>,
    pub(super) persistence_engine: Option<&'a str>,

    pub(super) server: Option<(IpAddr, Option<u16>)>,
    /// The same as it was typed.
    pub(super) server_text: &'a str,
    pub(super) method: OptionName,
    pub(super) tunnel_kind: TunnelKind,
    pub(super) tunnel_port: Option<NonZeroU16>,
    pub(super) weight: u32,
    pub(super) upper_threshold: u32,
    pub(super) lower_threshold: u32,

    pub(super) interface: &'a str,
    pub(super) sync_id: u8,
    pub(super) sync_maxlen: Option<NonZeroU16>,
    pub(super) group: Option<IpAddr>,
    pub(super) port: Option<NonZeroU16>,
    pub(super) ttl: Option<NonZeroU8>,

    pub(super) output: Output,
    pub(super) output_file: Option<&'a str>,
    pub(super) interval: Duration,
    pub(super) count: Option<u32>,
}

/// The forms of --output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    Classic,
    Wide,
    Json,
    OpenMetrics,
}

impl<'a> RawOptions<'a> {
    pub(super) fn new(command: CommandName) -> Self {
        Self {
            command,
            kinds: Kinds::default(),
            arguments: Vec::new(),
            role: DaemonRole::Master,
            service: None,
            service_text: "",
            scheduler: "",
            scheduler_flags: "",
            persistence: None,
            netmask: None,
            persistence_engine: None,
            server: None,
            server_text: "",
            method: OptionName::Gatewaying,
            tunnel_kind: TunnelKind::Ipip,
            tunnel_port: None,
            weight: DEFAULT_WEIGHT,
            upper_threshold: 0,
            lower_threshold: 0,
            interface: "",
            sync_id: 0,
            sync_maxlen: None,
            group: None,
            port: None,
            ttl: None,
            output: Output::Classic,
            output_file: None,
            interval: DEFAULT_INTERVAL,
            count: None,
        }
    }

    pub(super) fn has(&self, kind: Kind) -> bool {
        self.kinds.contains(kind)
    }

    /// Asks for JSON where no rule says whether it may be asked for.
    pub(super) fn write_json(&mut self) {
        self.output = Output::Json;
    }

    /// Takes one option and its value.
    pub(super) fn take(
        &mut self,
        option: OptionName,
        value: Option<&'a str>,
    ) -> Result<(), UsageError> {
        if let Some(kind) = option.kind()
            && !self.kinds.insert(kind)
        {
            return Err(UsageError::Repeated(kind));
        }
        // The scanner gives a value to every option that requires one.
        let text = value.unwrap_or_default();
        let wrong = |error: fn(String) -> UsageError| error(text.to_owned());
        match option {
            OptionName::TcpService => self.take_service(text, Protocol::Tcp)?,
            OptionName::UdpService => self.take_service(text, Protocol::Udp)?,
            OptionName::SctpService => self.take_service(text, Protocol::Sctp)?,
            OptionName::FwmarkService => {
                let mark = number(text, range::FWMARK).and_then(NonZeroU32::new);
                self.service = Some(ServiceId::Fwmark {
                    mark: mark.ok_or_else(|| UsageError::Fwmark(text.to_owned()))?,
                    family: AddressFamily::Ipv4,
                });
            }
            OptionName::Ipv6 => match &mut self.service {
                Some(ServiceId::Fwmark { family, .. }) => *family = AddressFamily::Ipv6,
                _ => return Err(UsageError::Ipv6BeforeFwmark),
            },
            OptionName::Scheduler => self.scheduler = text,
            OptionName::SchedulerFlags => self.scheduler_flags = text,
            OptionName::Persistent => {
                self.persistence = Some(match value {
                    None => DEFAULT_PERSISTENCE,
                    Some(text) => number(text, range::PERSISTENCE_TIMEOUT)
                        .ok_or_else(|| UsageError::PersistenceTimeout(text.to_owned()))?,
                });
            }
            OptionName::Netmask => {
                // -6 may still follow a firewall mark.
                let family = match self.service {
                    None
                    | Some(ServiceId::Fwmark {
                        family: AddressFamily::Ipv4,
                        ..
                    }) => None,
                    Some(service) => Some(service.family()),
                };
                self.netmask = Some(NetmaskText::parse(text, family)?);
            }
            OptionName::PersistenceEngine => self.persistence_engine = Some(text),
            OptionName::RealServer => {
                let protocol = match self.service {
                    Some(ServiceId::Address { protocol, .. }) => protocol,
                    Some(ServiceId::Fwmark { .. }) => Protocol::Tcp,
                    // Whose names would it be? Only a number will do.
                    None => Protocol::Other(0),
                };
                self.server_text = text;
                self.server =
                    Some(address::endpoint(text, protocol).map_err(UsageError::ServerAddress)?);
            }
            OptionName::Gatewaying | OptionName::Ipip | OptionName::Masquerading => {
                self.method = option;
            }
            OptionName::TunnelType => {
                self.tunnel_kind = TunnelKind::ALL
                    .into_iter()
                    .find(|kind| kind.name() == text)
                    .ok_or_else(|| wrong(UsageError::TunnelType))?;
            }
            OptionName::TunnelPort => {
                self.tunnel_port = Some(
                    number_u16(text, range::TUNNEL_PORT, NonZeroU16::new)
                        .ok_or_else(|| wrong(UsageError::TunnelPort))?,
                );
            }
            OptionName::Weight => {
                self.weight =
                    number(text, range::WEIGHT).ok_or_else(|| wrong(UsageError::Weight))?;
            }
            OptionName::UpperThreshold => {
                self.upper_threshold = number(text, range::THRESHOLD)
                    .ok_or_else(|| wrong(UsageError::UpperThreshold))?;
            }
            OptionName::LowerThreshold => {
                self.lower_threshold = number(text, range::THRESHOLD)
                    .ok_or_else(|| wrong(UsageError::LowerThreshold))?;
            }
            OptionName::McastInterface => self.interface = text,
            OptionName::SyncId => {
                let id = number(text, range::SYNC_ID).and_then(|id| u8::try_from(id).ok());
                self.sync_id = id.ok_or_else(|| wrong(UsageError::SyncId))?;
            }
            OptionName::SyncMaxlen => {
                let length = number_u16(text, range::SYNC_MAXLEN, NonZeroU16::new);
                self.sync_maxlen = Some(length.ok_or_else(|| wrong(UsageError::SyncMaxlen))?);
            }
            OptionName::McastGroup => self.group = Some(multicast_group(text)?),
            OptionName::McastPort => {
                let port = number_u16(text, range::MCAST_PORT, NonZeroU16::new);
                self.port = Some(port.ok_or_else(|| wrong(UsageError::McastPort))?);
            }
            OptionName::McastTtl => {
                let ttl = number(text, range::MCAST_TTL)
                    .and_then(|ttl| NonZeroU8::new(u8::try_from(ttl).ok()?));
                self.ttl = Some(ttl.ok_or_else(|| wrong(UsageError::McastTtl))?);
            }
            OptionName::Json => self.output = Output::Json,
            OptionName::Output => {
                self.output = match text {
                    "classic" => Output::Classic,
                    "wide" => Output::Wide,
                    "json" => Output::Json,
                    "openmetrics" => Output::OpenMetrics,
                    _ => return Err(UsageError::OutputForm),
                };
            }
            OptionName::OutputFile => self.output_file = Some(text),
            OptionName::Watch => {
                if let Some(text) = value {
                    self.interval = interval(text, range::INTERVAL)
                        .ok_or_else(|| wrong(UsageError::WatchInterval))?;
                }
            }
            OptionName::Count => {
                self.count =
                    Some(number(text, range::COUNT).ok_or_else(|| wrong(UsageError::Count))?);
            }
            // That they are there says all.
            OptionName::OnePacket
            | OptionName::TunnelNoChecksum
            | OptionName::TunnelChecksum
            | OptionName::TunnelRemoteChecksum
            | OptionName::Numeric
            | OptionName::Connection
            | OptionName::Timeout
            | OptionName::Daemon
            | OptionName::Stats
            | OptionName::Rate
            | OptionName::Thresholds
            | OptionName::PersistentConnections
            | OptionName::TunnelInfo
            | OptionName::Exact
            | OptionName::NoSort
            | OptionName::Sort
            | OptionName::Strict
            | OptionName::Check
            | OptionName::Totals => {}
        }
        Ok(())
    }

    fn take_service(&mut self, text: &'a str, protocol: Protocol) -> Result<(), UsageError> {
        let (address, port) =
            address::endpoint(text, protocol).map_err(UsageError::ServiceAddress)?;
        self.service_text = text;
        self.service = Some(ServiceId::Address {
            protocol,
            address,
            port: port.unwrap_or(0),
        });
        Ok(())
    }
}

pub(super) fn role(text: Option<&str>) -> Option<DaemonRole> {
    match text? {
        "master" => Some(DaemonRole::Master),
        "backup" => Some(DaemonRole::Backup),
        _ => None,
    }
}

/// A multicast group.
fn multicast_group(text: &str) -> Result<IpAddr, UsageError> {
    if text.contains(':') {
        match text.parse::<Ipv6Addr>() {
            Ok(group) if group.is_multicast() => Ok(group.into()),
            _ => Err(UsageError::McastGroup6(text.to_owned())),
        }
    } else {
        match text.parse::<Ipv4Addr>() {
            Ok(group) if group.is_multicast() => Ok(group.into()),
            _ => Err(UsageError::McastGroup4(text.to_owned())),
        }
    }
}
