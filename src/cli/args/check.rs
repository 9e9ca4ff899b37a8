// SPDX-License-Identifier: MIT

//! What the options of a command line say when they are taken together.

use std::path::PathBuf;

use ipvs_client::{
    AddressFamily, Change, DestinationId, DestinationSettings, ForwardingMethod, Netmask,
    Persistence, Protocol, SchedulerFlags, ServiceId, ServiceSettings, SyncDaemonSettings,
    Timeouts, Tunnel, TunnelChecksum,
};

use super::{
    Wording, address,
    error::{Subject, UsageError},
    number::number,
    options::{CommandName, Kind, OptionName},
    raw::{Output, RawOptions},
    rules,
};
use crate::{
    command::{
        Command, DEFAULT_INTERFACE, Form, List, ListTable, Metrics, Request, Restore, Save,
        TableForm, TunnelKind, View, Watch, range,
    },
    scheduler_flags,
};

const DEFAULT_SCHEDULER: &str = "wlc";

impl<'a> RawOptions<'a> {
    /// Checks what goes together and puts the command together.
    pub(super) fn check(mut self) -> Result<Request, UsageError> {
        let timeouts = match self.command {
            CommandName::SetTimeouts => Some(self.three_timeouts()?),
            _ => None,
        };
        let file = match self.command {
            CommandName::Restore => self.file_of_rules(),
            _ => None,
        };
        if let Some(word) = self.arguments.first() {
            return Err(UsageError::UnexpectedArgument((*word).to_owned()));
        }
        self.scheduler_flags()?;
        rules::check_command(self.command, self.kinds)?;
        Ok(Request::Run(match self.command {
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
            CommandName::Restore => {
                return Ok(Request::Restore(Restore {
                    strict: self.has(Kind::Strict),
                    check: self.has(Kind::Check),
                    file,
                }));
            }
            CommandName::Save => Command::Save(if self.has(Kind::Json) {
                Save::Json
            } else {
                Save::Rules {
                    numeric: self.has(Kind::Numeric),
                }
            }),
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
            CommandName::List => return self.show(),
            CommandName::Zero => Command::Change(match self.service {
                Some(id) => Change::ZeroService(id),
                None => Change::ZeroAll,
            }),
            CommandName::SetTimeouts => Command::Change(Change::SetTimeouts(
                timeouts.ok_or(UsageError::ThreeTimeouts)?,
            )),
            CommandName::StartDaemon => Command::StartDaemon(self.daemon()),
            CommandName::StopDaemon => Command::StopDaemon(self.role),
            CommandName::Help => return Ok(Request::Help),
            CommandName::Version => return Ok(Request::Version(self.form())),
        }))
    }

    /// The form of an answer other than the table.
    fn form(&self) -> Form {
        match self.output {
            Output::Json => Form::Json,
            Output::Classic | Output::Wide | Output::OpenMetrics => Form::Classic,
        }
    }

    /// Returns the wording of the change.
    pub(super) fn wording(&self) -> Wording {
        Wording {
            named: self.kinds,
            server_port: self.server.and_then(|(_, port)| port),
            service_tail: address::trailing_port(self.service_text),
            server_tail: address::trailing_port(self.server_text),
        }
    }

    fn daemon(&self) -> SyncDaemonSettings {
        let interface = match self.interface {
            "" => DEFAULT_INTERFACE,
            interface => interface,
        };
        let mut daemon = SyncDaemonSettings::new(self.role, interface).sync_id(self.sync_id);
        daemon.sync_maxlen = self.sync_maxlen;
        daemon.group = self.group;
        daemon.port = self.port;
        daemon.ttl = self.ttl;
        daemon
    }

    /// The three arguments of --set; others are left.
    fn three_timeouts(&mut self) -> Result<Timeouts, UsageError> {
        let &[tcp, tcp_fin, udp, ..] = self.arguments.as_slice() else {
            return Err(UsageError::ThreeTimeouts);
        };
        self.arguments.drain(..3);
        let seconds = |text: &str| {
            number(text, range::CONNECTION_TIMEOUT)
                .ok_or_else(|| UsageError::ConnectionTimeout(text.to_owned()))
        };
        Ok(Timeouts::default()
            .tcp(seconds(tcp)?)
            .tcp_fin(seconds(tcp_fin)?)
            .udp(seconds(udp)?))
    }

    /// The one argument of -R, if it is the only one: the name of a file, or `-`
    /// for standard input.
    fn file_of_rules(&mut self) -> Option<PathBuf> {
        let [name] = self.arguments.as_slice() else {
            return None;
        };
        let file = match *name {
            "" => return None,
            "-" => None,
            name => Some(PathBuf::from(name)),
        };
        self.arguments.clear();
        file
    }

    fn compulsory_service(&self) -> Result<ServiceId, UsageError> {
        self.service
            .ok_or_else(|| self.compulsory(Kind::ServiceAddress))
    }

    /// The error that a command without this option is.
    fn compulsory(&self, kind: Kind) -> UsageError {
        UsageError::Compulsory {
            subject: Subject::Command(self.command),
            kind,
        }
    }

    fn scheduler(&self) -> &'a str {
        if self.scheduler.is_empty() {
            DEFAULT_SCHEDULER
        } else {
            self.scheduler
        }
    }

    /// The flags of -b, which must be the scheduler's whatever the command is.
    fn scheduler_flags(&self) -> Result<SchedulerFlags, UsageError> {
        Ok(scheduler_flags::parse_flags(
            self.scheduler_flags,
            self.scheduler(),
        )?)
    }

    fn service_settings(&self) -> Result<(ServiceId, ServiceSettings), UsageError> {
        let id = self.compulsory_service()?;
        let scheduler = self.scheduler();
        let scheduler_flags = self.scheduler_flags()?;
        if let ServiceId::Address { protocol, port, .. } = id {
            if port == 0 && self.persistence.is_none() {
                return Err(UsageError::ZeroPort(self.service_text.to_owned()));
            }
            if self.has(Kind::OnePacket) && protocol != Protocol::Udp {
                return Err(UsageError::OnePacketNotUdp);
            }
        }
        let netmask = match self.netmask {
            Some(netmask) => netmask.of(id.family())?,
            None => Netmask::host(id.family()),
        };
        let mut settings = ServiceSettings::new(scheduler).scheduler_flags(scheduler_flags);
        settings.one_packet = self.has(Kind::OnePacket);
        // -M without -p has always been taken and left alone.
        settings.persistence = self
            .persistence
            .map(|timeout| Persistence::new(timeout).with_netmask(netmask));
        settings.persistence_engine = self
            .persistence_engine
            .filter(|name| !name.is_empty())
            .map(Into::into);
        Ok((id, settings))
    }

    /// The service and the server, whose port is the service's unless given.
    fn compulsory_server(&self) -> Result<(ServiceId, DestinationId), UsageError> {
        let service = self.compulsory_service()?;
        let (address, port) = self
            .server
            .ok_or_else(|| self.compulsory(Kind::RealServer))?;
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
        if !tunneling && rules::describes_tunnel(self.kinds) {
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
        let settings = DestinationSettings::new(forwarding_method)
            .weight(self.weight)
            .upper_threshold(self.upper_threshold)
            .lower_threshold(self.lower_threshold);
        Ok((service, id, settings))
    }

    fn tunnel(&self) -> Result<Tunnel, UsageError> {
        rules::check_tunnel(self.tunnel_kind, self.kinds)?;
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
                port: self
                    .tunnel_port
                    .ok_or_else(|| self.compulsory(Kind::TunnelPort))?,
                checksum,
            },
            TunnelKind::Gre => Tunnel::Gre { checksum },
        })
    }

    /// Makes the request that the options of -L ask for.
    fn show(self) -> Result<Request, UsageError> {
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
        let metrics = self.output == Output::OpenMetrics;
        only_with(Kind::Totals, "--output openmetrics", metrics)?;
        only_with(Kind::OutputFile, "--output openmetrics", metrics)?;
        only_with(Kind::Count, "--watch", self.has(Kind::Watch))?;
        if let Some(list) = self.list() {
            only_with(Kind::Watch, "the table", false)?;
            only_with(Kind::Output, "the table", self.output == Output::Json)?;
            return Ok(Request::Run(Command::List(list, self.form())));
        }
        let table = self.table();
        let form = match self.output {
            Output::Classic => TableForm::Classic,
            Output::Wide => TableForm::Wide,
            Output::Json => TableForm::Json,
            Output::OpenMetrics => {
                only_with(Kind::Watch, "other forms than openmetrics", false)?;
                return Ok(Request::Run(Command::Metrics(Metrics {
                    service: table.service,
                    destinations: !self.has(Kind::Totals),
                    file: self.output_file.map(PathBuf::from),
                })));
            }
        };
        Ok(if self.has(Kind::Watch) {
            Request::Watch(Watch {
                table,
                form,
                interval: self.interval,
                count: self.count,
            })
        } else {
            Request::Run(Command::Table(table, form))
        })
    }

    /// The listing that is asked for, if it is not the table.
    fn list(&self) -> Option<List> {
        if self.has(Kind::Connection) {
            Some(List::Connections {
                numeric: self.has(Kind::Numeric),
                engine_data: self.has(Kind::PersistentConnections),
            })
        } else if self.has(Kind::Timeout) {
            Some(List::Timeouts)
        } else if self.has(Kind::Daemon) {
            Some(List::Daemons)
        } else {
            None
        }
    }

    fn table(&self) -> ListTable {
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
        ListTable {
            service: self.service,
            view,
            numeric: self.has(Kind::Numeric),
            exact: self.has(Kind::Exact),
            sorted: !self.has(Kind::NoSort),
        }
    }
}
