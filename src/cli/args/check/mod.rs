// SPDX-License-Identifier: MIT

//! The options of a command line taken together: the rules between them, the
//! defaults, and the command that they make.

mod apply;
mod change;
mod doctor;
mod drain;
mod listing;
mod update;

use std::path::PathBuf;

use ipvs_client::{Change, SchedulerFlags, SyncDaemonSettings, Timeouts};

use super::{
    error::UsageError,
    name::{self, CommandName, Group},
    number::parse_number,
    raw::RawOptions,
    rules,
};
use crate::{
    command::{
        Command, Compare, DEFAULT_INTERFACE, Form, ReportOptions, Request, Restore, Save,
        choice::OutputForm, range,
    },
    scheduler_flags,
};

const DEFAULT_SCHEDULER: &str = "wlc";

/// Checks that the options go together and makes the request.
pub(super) fn make_request(
    command: CommandName,
    options: &mut RawOptions<'_>,
) -> Result<Request, UsageError> {
    let timeouts = match command {
        CommandName::SetTimeouts => Some(options.take_timeouts()?),
        _ => None,
    };
    let file = match command {
        CommandName::Restore
        | CommandName::Apply
        | CommandName::Diff
        | CommandName::CompareConnections => options.take_file(),
        _ => None,
    };
    if let Some(word) = options.arguments.first() {
        return Err(UsageError::UnexpectedArgument((*word).to_owned()));
    }
    let flags = match options.has(name::KEEP) {
        // The scheduler may be known only from the table.
        true => SchedulerFlags::default(),
        false => options.parse_scheduler_flags()?,
    };
    rules::check_command(command, options.given)?;
    let change = match options.has(name::EXIST) {
        true => Command::Ensure,
        false => Command::Change,
    };
    Ok(Request::Run(match command {
        CommandName::EditService if options.has(name::KEEP) => {
            Command::Update(options.make_service_update(command)?)
        }
        CommandName::EditServer if options.has(name::KEEP) => {
            Command::Update(options.make_server_update(command)?)
        }
        CommandName::AddService => {
            let (id, settings) = options.make_service(command, flags)?;
            change(Change::AddService(id, settings))
        }
        CommandName::EditService => {
            let (id, settings) = options.make_service(command, flags)?;
            Command::Change(Change::EditService(id, settings))
        }
        CommandName::DeleteService => {
            change(Change::DeleteService(options.require_service(command)?))
        }
        CommandName::Clear => Command::Change(Change::Flush),
        CommandName::Restore => {
            return Ok(Request::Restore(Restore {
                strict: options.has(name::STRICT),
                check: options.has(name::CHECK),
                exist: options.has(name::EXIST),
                file,
            }));
        }
        CommandName::Apply => return Ok(Request::Apply(options.make_apply(file)?)),
        CommandName::Diff => return Ok(Request::Apply(options.make_diff(file))),
        CommandName::Save => Command::Save(match options.choose_form() {
            Form::Json => Save::Json,
            Form::Classic => Save::Rules {
                numeric: options.has(name::NUMERIC),
            },
        }),
        CommandName::AddServer => {
            let (service, id, settings) = options.make_server(command)?;
            change(Change::AddDestination(service, id, settings))
        }
        CommandName::EditServer => {
            let (service, id, settings) = options.make_server(command)?;
            Command::Change(Change::EditDestination(service, id, settings))
        }
        CommandName::DeleteServer => {
            let (service, id) = options.require_server(command)?;
            change(Change::DeleteDestination(service, id))
        }
        CommandName::List => return options.make_listing(),
        CommandName::Zero => Command::Change(match &options.service {
            Some(service) => Change::ZeroService(service.value),
            None => Change::ZeroAll,
        }),
        CommandName::SetTimeouts => Command::Change(Change::SetTimeouts(
            timeouts.ok_or(UsageError::ThreeTimeouts)?,
        )),
        CommandName::StartDaemon => Command::StartDaemon(options.make_daemon()?),
        CommandName::StopDaemon => Command::StopDaemon(options.role.ok_or(UsageError::StopRole)?),
        CommandName::Drain => return options.make_drain(),
        CommandName::CompareConnections => {
            return Ok(Request::Compare(Compare {
                file,
                form: options.choose_form(),
            }));
        }
        CommandName::Report => {
            return Ok(Request::Report(ReportOptions {
                redact: options.has(name::REDACT),
            }));
        }
        CommandName::Doctor => return Ok(options.make_doctor()),
        CommandName::Help => return Ok(Request::Help),
        CommandName::Version => return Ok(Request::Version(options.choose_form())),
    }))
}

/// Makes the error of a command that lacks an option which it needs.
fn make_compulsory(command: CommandName, group: Group) -> UsageError {
    UsageError::Compulsory {
        owner: rules::name_owner(command),
        group,
    }
}

/// The methods of the files here make parts of a request from the options,
/// with defaults for those that were not given.
impl<'a> RawOptions<'a> {
    fn has(&self, group: Group) -> bool {
        self.given.contains(group)
    }

    /// Returns the form of an answer other than the table.
    fn choose_form(&self) -> Form {
        match self.choose_output_form() {
            OutputForm::Json => Form::Json,
            OutputForm::Classic | OutputForm::Wide | OutputForm::OpenMetrics => Form::Classic,
        }
    }

    fn choose_output_form(&self) -> OutputForm {
        if self.has(name::JSON) {
            OutputForm::Json
        } else {
            self.form.unwrap_or(OutputForm::Classic)
        }
    }

    /// Takes the three arguments of --set; others are left.
    fn take_timeouts(&mut self) -> Result<Timeouts, UsageError> {
        let &[tcp, tcp_fin, udp, ..] = self.arguments.as_slice() else {
            return Err(UsageError::ThreeTimeouts);
        };
        self.arguments.drain(..3);
        let seconds = |text: &str| {
            parse_number(text, range::CONNECTION_TIMEOUT)
                .ok_or_else(|| UsageError::ConnectionTimeout(text.to_owned()))
        };
        Ok(Timeouts::default()
            .tcp(seconds(tcp)?)
            .tcp_fin(seconds(tcp_fin)?)
            .udp(seconds(udp)?))
    }

    /// Takes the argument of -R, --apply, --diff and --compare-connections, if it is the only
    /// one: the name of a file, or `-` for standard input.
    fn take_file(&mut self) -> Option<PathBuf> {
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

    fn choose_scheduler(&self) -> &'a str {
        self.scheduler
            .filter(|name| !name.is_empty())
            .unwrap_or(DEFAULT_SCHEDULER)
    }

    /// Reads the flags of -b, which must be the scheduler's whatever the command
    /// is.
    fn parse_scheduler_flags(&self) -> Result<SchedulerFlags, UsageError> {
        let flags = self.scheduler_flags.unwrap_or_default();
        Ok(scheduler_flags::parse_flags(
            flags,
            self.choose_scheduler(),
        )?)
    }

    fn make_daemon(&self) -> Result<SyncDaemonSettings, UsageError> {
        let role = self.role.ok_or(UsageError::StartRole)?;
        let interface = self.interface.filter(|name| !name.is_empty());
        let mut daemon = SyncDaemonSettings::new(role, interface.unwrap_or(DEFAULT_INTERFACE))
            .sync_id(self.sync_id.unwrap_or(0));
        daemon.sync_maxlen = self.sync_maxlen;
        daemon.group = self.mcast_group;
        daemon.port = self.mcast_port;
        daemon.ttl = self.mcast_ttl;
        Ok(daemon)
    }
}
