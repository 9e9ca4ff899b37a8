// SPDX-License-Identifier: MIT

//! What the options of a command line say, one after the other and then taken
//! together.

use std::{
    net::IpAddr,
    num::{NonZeroU16, NonZeroU32},
    path::PathBuf,
    time::Duration,
};

use ipvs_client::{
    AddressFamily, Change, DaemonRole, DestinationId, DestinationSettings, ForwardingMethod,
    Persistence, Protocol, ServiceId, ServiceSettings, SyncDaemon, Timeouts, Tunnel,
    TunnelChecksum,
};

use super::{Command, Format, List, ListTable, Metrics, View, Watch};
use crate::{
    address,
    legality::{self, Kinds, TunnelKind},
    options::{CommandName, Kind, OptionName},
    usage::{Subject, UsageError},
    values::{self, NetmaskText, number},
};

const DEFAULT_SCHEDULER: &str = "wlc";
/// Seconds, for -p without a number.
const DEFAULT_PERSISTENCE: u32 = 360;
const DEFAULT_INTERFACE: &str = "eth0";
const DEFAULT_WEIGHT: u32 = 1;
/// Between two showings of --watch.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(2);

/// 31 days, in seconds; what the original takes for the longest timeout.
const MAX_TIMEOUT: u32 = 31 * 24 * 60 * 60;
/// The kernel reads these as signed.
const MAX_SIGNED: u32 = i32::MAX as u32;
/// What fits a UDP datagram of IPv4.
const MAX_SYNC_MAXLEN: u32 = 65_535 - 20 - 8;

/// What a command line has given so far.
pub(super) struct Given<'a> {
    command: CommandName,
    kinds: Kinds,
    pub(super) arguments: Vec<&'a str>,
    pub(super) role: DaemonRole,

    service: Option<ServiceId>,
    scheduler: &'a str,
    scheduler_flags: &'a str,
    persistence: Option<u32>,
    netmask: Option<NetmaskText>,
    persistence_engine: Option<&'a str>,

    server: Option<(IpAddr, Option<u16>)>,
    method: OptionName,
    tunnel_kind: TunnelKind,
    tunnel_port: Option<NonZeroU16>,
    weight: u32,
    upper_threshold: u32,
    lower_threshold: u32,

    interface: &'a str,
    sync_id: u32,
    sync_maxlen: Option<u16>,
    group: Option<IpAddr>,
    port: Option<u16>,
    ttl: Option<u8>,

    output: Output,
    output_file: Option<&'a str>,
    interval: Duration,
    count: Option<u32>,
}

/// The forms of --output.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    Classic,
    Wide,
    Json,
    OpenMetrics,
}

impl<'a> Given<'a> {
    pub(super) fn new(command: CommandName) -> Self {
        Self {
            command,
            kinds: Kinds::default(),
            arguments: Vec::new(),
            role: DaemonRole::Master,
            service: None,
            scheduler: "",
            scheduler_flags: "",
            persistence: None,
            netmask: None,
            persistence_engine: None,
            server: None,
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

    fn has(&self, kind: Kind) -> bool {
        self.kinds.contains(kind)
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
        match option {
            OptionName::TcpService => self.service = Some(service(text, Protocol::Tcp)?),
            OptionName::UdpService => self.service = Some(service(text, Protocol::Udp)?),
            OptionName::SctpService => self.service = Some(service(text, Protocol::Sctp)?),
            OptionName::FwmarkService => {
                let mark = number(text, 1..=u32::MAX).and_then(NonZeroU32::new);
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
                    Some(text) => number(text, 1..=MAX_TIMEOUT)
                        .ok_or_else(|| UsageError::Timeout(text.to_owned()))?,
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
                self.server =
                    Some(address::endpoint(text, protocol).ok_or(UsageError::ServerAddress)?);
            }
            OptionName::Gatewaying | OptionName::Ipip | OptionName::Masquerading => {
                self.method = option;
            }
            OptionName::TunnelType => {
                self.tunnel_kind = TunnelKind::ALL
                    .into_iter()
                    .find(|kind| kind.name() == text)
                    .ok_or(UsageError::TunnelType)?;
            }
            OptionName::TunnelPort => {
                self.tunnel_port =
                    Some(number_u16(text, 1, NonZeroU16::new).ok_or(UsageError::TunnelPort)?);
            }
            OptionName::Weight => {
                self.weight = number(text, 0..=MAX_SIGNED).ok_or(UsageError::Weight)?;
            }
            OptionName::UpperThreshold => {
                self.upper_threshold =
                    number(text, 0..=MAX_SIGNED).ok_or(UsageError::UpperThreshold)?;
            }
            OptionName::LowerThreshold => {
                self.lower_threshold =
                    number(text, 0..=MAX_SIGNED).ok_or(UsageError::LowerThreshold)?;
            }
            OptionName::McastInterface => self.interface = text,
            OptionName::SyncId => self.sync_id = number(text, 0..=255).ok_or(UsageError::SyncId)?,
            OptionName::SyncMaxlen => {
                let length = number(text, 1..=MAX_SYNC_MAXLEN);
                self.sync_maxlen = Some(
                    length
                        .and_then(|length| u16::try_from(length).ok())
                        .ok_or(UsageError::SyncMaxlen)?,
                );
            }
            OptionName::McastGroup => self.group = Some(values::multicast_group(text)?),
            OptionName::McastPort => {
                self.port = Some(number_u16(text, 1, Some).ok_or(UsageError::McastPort)?);
            }
            OptionName::McastTtl => {
                let ttl = number(text, 1..=255).and_then(|ttl| u8::try_from(ttl).ok());
                self.ttl = Some(ttl.ok_or(UsageError::McastTtl)?);
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
                    self.interval = values::interval(text).ok_or(UsageError::WatchInterval)?;
                }
            }
            OptionName::Count => {
                self.count = Some(number(text, 1..=u32::MAX).ok_or(UsageError::Count)?);
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
            | OptionName::Totals => {}
        }
        Ok(())
    }

    /// Checks what goes together and puts the command together.
    pub(super) fn finish(mut self) -> Result<Command, UsageError> {
        let timeouts = match self.command {
            CommandName::SetTimeouts => Some(self.three_timeouts()?),
            _ => None,
        };
        if let Some(word) = self.arguments.first() {
            return Err(UsageError::UnexpectedArgument((*word).to_owned()));
        }
        values::scheduler_flags(self.scheduler_flags, self.scheduler())?;
        legality::check_command(self.command, self.kinds)?;
        Ok(match self.command {
            CommandName::AddService => {
                let (id, settings) = self.service_settings()?;
                Command::Change(Change::AddService(id, settings))
            }
            CommandName::EditService => {
                let (id, settings) = self.service_settings()?;
                Command::Change(Change::EditService(id, settings))
            }
            CommandName::DeleteService => {
                Command::Change(Change::DeleteService(self.compulsory_service()?))
            }
            CommandName::Clear => Command::Change(Change::Flush),
            CommandName::Restore => Command::Restore {
                strict: self.has(Kind::Strict),
            },
            CommandName::Save => Command::Save {
                numeric: self.has(Kind::Numeric),
                format: if self.has(Kind::Json) {
                    Format::Json
                } else {
                    Format::Classic
                },
            },
            CommandName::AddServer => {
                let (service, id, settings) = self.server_settings()?;
                Command::Change(Change::AddDestination(service, id, settings))
            }
            CommandName::EditServer => {
                let (service, id, settings) = self.server_settings()?;
                Command::Change(Change::EditDestination(service, id, settings))
            }
            CommandName::DeleteServer => {
                let (service, id) = self.compulsory_server()?;
                Command::Change(Change::DeleteDestination(service, id))
            }
            CommandName::List => self.show()?,
            CommandName::Zero => Command::Change(match self.service {
                Some(id) => Change::ZeroService(id),
                None => Change::ZeroAll,
            }),
            CommandName::SetTimeouts => Command::Change(Change::SetTimeouts(
                timeouts.ok_or(UsageError::ThreeTimeouts)?,
            )),
            CommandName::StartDaemon => Command::StartDaemon(SyncDaemon {
                role: self.role,
                interface: if self.interface.is_empty() {
                    DEFAULT_INTERFACE.to_owned()
                } else {
                    self.interface.to_owned()
                },
                sync_id: self.sync_id,
                sync_maxlen: self.sync_maxlen,
                group: self.group,
                port: self.port,
                ttl: self.ttl,
            }),
            CommandName::StopDaemon => Command::StopDaemon(self.role),
            CommandName::Help => Command::Help,
            CommandName::Version => Command::Version(Format::Classic),
        })
    }

    /// The three arguments of --set; others are left.
    fn three_timeouts(&mut self) -> Result<Timeouts, UsageError> {
        let &[tcp, tcp_fin, udp, ..] = self.arguments.as_slice() else {
            return Err(UsageError::ThreeTimeouts);
        };
        self.arguments.drain(..3);
        let seconds = |text: &str| {
            number(text, 0..=MAX_TIMEOUT).ok_or_else(|| UsageError::Timeout(text.to_owned()))
        };
        Ok(Timeouts {
            tcp: seconds(tcp)?,
            tcp_fin: seconds(tcp_fin)?,
            udp: seconds(udp)?,
        })
    }

    fn compulsory_service(&self) -> Result<ServiceId, UsageError> {
        self.service.ok_or(UsageError::ServiceAddress)
    }

    fn scheduler(&self) -> &'a str {
        if self.scheduler.is_empty() {
            DEFAULT_SCHEDULER
        } else {
            self.scheduler
        }
    }

    fn service_settings(&self) -> Result<(ServiceId, ServiceSettings), UsageError> {
        let id = self.compulsory_service()?;
        let scheduler = self.scheduler();
        let scheduler_flags = values::scheduler_flags(self.scheduler_flags, scheduler)?;
        if let ServiceId::Address { protocol, port, .. } = id {
            if port == 0 && self.persistence.is_none() {
                return Err(UsageError::ZeroPort);
            }
            if self.has(Kind::OnePacket) && protocol != Protocol::Udp {
                return Err(UsageError::OnePacketNotUdp);
            }
        }
        let netmask = match self.netmask {
            Some(netmask) => netmask.of(id.family())?,
            None => ipvs_client::Netmask::host(id.family()),
        };
        let settings = ServiceSettings {
            scheduler: scheduler.to_owned(),
            scheduler_flags,
            one_packet: self.has(Kind::OnePacket),
            // -M without -p has always been taken and left alone.
            persistence: self
                .persistence
                .map(|timeout| Persistence { timeout, netmask }),
            persistence_engine: self
                .persistence_engine
                .filter(|name| !name.is_empty())
                .map(str::to_owned),
        };
        Ok((id, settings))
    }

    /// The service and the server, whose port is the service's unless given.
    fn compulsory_server(&self) -> Result<(ServiceId, DestinationId), UsageError> {
        let service = self.compulsory_service()?;
        let (address, port) = self.server.ok_or(UsageError::ServerAddress)?;
        let port = port.unwrap_or(match service {
            ServiceId::Address { port, .. } => port,
            ServiceId::Fwmark { .. } => 0,
        });
        Ok((service, DestinationId { address, port }))
    }

    fn server_settings(
        &self,
    ) -> Result<(ServiceId, DestinationId, DestinationSettings), UsageError> {
        let (service, mut id) = self.compulsory_server()?;
        let tunneling = self.method == OptionName::Ipip;
        if AddressFamily::from(id.address) != service.family() && !tunneling {
            return Err(UsageError::FamiliesDiffer);
        }
        if !tunneling && legality::describes_tunnel(self.kinds) {
            return Err(UsageError::NotTunneling);
        }
        let forwarding_method = match self.method {
            OptionName::Masquerading => ForwardingMethod::Masquerading,
            OptionName::Ipip => ForwardingMethod::Tunneling(self.tunnel()?),
            _ => ForwardingMethod::DirectRouting,
        };
        // Only masquerading can rewrite the port.
        if let ServiceId::Address { port, .. } = service
            && forwarding_method != ForwardingMethod::Masquerading
        {
            id.port = port;
        }
        let settings = DestinationSettings {
            forwarding_method,
            weight: self.weight,
            upper_threshold: self.upper_threshold,
            lower_threshold: self.lower_threshold,
        };
        Ok((service, id, settings))
    }

    fn tunnel(&self) -> Result<Tunnel, UsageError> {
        legality::check_tunnel(self.tunnel_kind, self.kinds)?;
        let checksum = if self.has(Kind::TunnelRemoteChecksum) {
            TunnelChecksum::Remote
        } else if self.has(Kind::TunnelChecksum) {
            TunnelChecksum::Full
        } else {
            TunnelChecksum::None
        };
        Ok(match self.tunnel_kind {
            TunnelKind::Ipip => Tunnel::Ipip,
            TunnelKind::Gue => Tunnel::Gue {
                port: self.tunnel_port.ok_or(UsageError::TunnelPort)?,
                checksum,
            },
            TunnelKind::Gre => Tunnel::Gre { checksum },
        })
    }

    /// The command that shows what the options of -L ask for.
    fn show(self) -> Result<Command, UsageError> {
        if self.has(Kind::Json) && self.has(Kind::Output) {
            return Err(UsageError::Conflict {
                subject: Subject::Command(CommandName::List),
                kind: Kind::Output,
                other: Kind::Json,
            });
        }
        let only_with = |kind, with, fits: bool| {
            if self.has(kind) && !fits {
                Err(UsageError::OnlyWith { kind, with })
            } else {
                Ok(())
            }
        };
        let list = self.list();
        let metrics = self.output == Output::OpenMetrics;
        only_with(Kind::Totals, "--output openmetrics", metrics)?;
        only_with(Kind::OutputFile, "--output openmetrics", metrics)?;
        only_with(Kind::Count, "--watch", self.has(Kind::Watch))?;
        let table = match list {
            List::Table(table) => table,
            list => {
                only_with(Kind::Watch, "the table", false)?;
                only_with(Kind::Output, "the table", self.output == Output::Json)?;
                let json = self.output == Output::Json;
                let format = if json { Format::Json } else { Format::Classic };
                return Ok(Command::List(list, format));
            }
        };
        let format = match self.output {
            Output::Classic => Format::Classic,
            Output::Wide => Format::Wide,
            Output::Json => Format::Json,
            Output::OpenMetrics => {
                only_with(Kind::Watch, "other forms than openmetrics", false)?;
                return Ok(Command::Metrics(Metrics {
                    service: table.service,
                    destinations: !self.has(Kind::Totals),
                    file: self.output_file.map(PathBuf::from),
                }));
            }
        };
        if self.has(Kind::Watch) {
            let (interval, count) = (self.interval, self.count);
            return Ok(Command::Watch(table, format, Watch { interval, count }));
        }
        Ok(Command::List(List::Table(table), format))
    }

    fn list(&self) -> List {
        let numeric = self.has(Kind::Numeric);
        if self.has(Kind::Connection) {
            return List::Connections {
                numeric,
                engine_data: self.has(Kind::PersistentConnections),
            };
        }
        if self.has(Kind::Timeout) {
            return List::Timeouts;
        }
        if self.has(Kind::Daemon) {
            return List::Daemons;
        }
        // The first one wins where several are asked for.
        let view = [
            (Kind::Stats, View::Stats),
            (Kind::Rate, View::Rate),
            (Kind::Thresholds, View::Thresholds),
            (Kind::PersistentConnections, View::PersistentConnections),
            (Kind::TunnelInfo, View::TunnelInfo),
        ]
        .into_iter()
        .find(|&(kind, _)| self.has(kind))
        .map_or(View::Plain, |(_, view)| view);
        List::Table(ListTable {
            service: self.service,
            view,
            numeric,
            exact: self.has(Kind::Exact),
            sorted: !self.has(Kind::NoSort),
        })
    }
}

fn service(text: &str, protocol: Protocol) -> Result<ServiceId, UsageError> {
    let (address, port) = address::endpoint(text, protocol).ok_or(UsageError::ServiceAddress)?;
    Ok(ServiceId::Address {
        protocol,
        address,
        port: port.unwrap_or(0),
    })
}

pub(super) fn role(text: Option<&str>) -> Option<DaemonRole> {
    match text? {
        "master" => Some(DaemonRole::Master),
        "backup" => Some(DaemonRole::Backup),
        _ => None,
    }
}

/// A number from `least` up that fits 16 bits, made into a type for it.
fn number_u16<T>(text: &str, least: u32, make: fn(u16) -> Option<T>) -> Option<T> {
    make(u16::try_from(number(text, least..=u16::MAX.into())?).ok()?)
}
