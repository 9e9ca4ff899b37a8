// SPDX-License-Identifier: MIT

//! The listing that the options of -L ask for, once or again and again.

use std::{path::PathBuf, time::Duration};

use ipvs_client::ConnectionFilter;

use crate::{
    args::{
        error::UsageError,
        name::{self, CommandName, Group},
        raw::RawOptions,
        rules,
    },
    command::{
        Command, Form, ListTable, Metrics, Request, TableForm, View,
        choice::OutputForm,
        connections::{DEFAULT_TOP, ListConnections, ShownConnections},
        watch::{Watch, WatchConnections, Watched},
    },
};

/// Between two showings of --watch.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(2);

/// The views of the table by their options; the first that is given wins, unless there
/// is a view for several.
const VIEWS: [(Group, View); 5] = [
    (name::STATS, View::Stats),
    (name::RATE, View::Rate),
    (name::THRESHOLDS, View::Thresholds),
    (name::PERSISTENT_CONNECTIONS, View::PersistentConnections),
    (name::TUNNEL_INFO, View::TunnelInfo),
];

impl RawOptions<'_> {
    pub(super) fn make_listing(&self) -> Result<Request, UsageError> {
        if self.has(name::JSON) && self.has(name::OUTPUT) {
            return Err(UsageError::Conflict {
                owner: rules::name_owner(CommandName::List),
                group: name::OUTPUT,
                other: name::JSON,
            });
        }
        let only_with = |group, with, fits: bool| {
            if self.has(group) && !fits {
                Err(UsageError::OnlyWith { group, with })
            } else {
                Ok(())
            }
        };
        let form = self.choose_output_form();
        let is_metrics = form == OutputForm::OpenMetrics;
        only_with(name::TOTALS, "--output openmetrics", is_metrics)?;
        only_with(name::OUTPUT_FILE, "--output openmetrics", is_metrics)?;
        only_with(name::COUNT, "--watch", self.has(name::WATCH))?;
        only_with(name::CHANGES, "--watch", self.has(name::WATCH))?;
        let is_connections = self.has(name::CONNECTION);
        for group in [name::CLIENT, name::STATE, name::PROTOCOL, name::SUMMARY] {
            only_with(group, "-c", is_connections)?;
        }
        only_with(name::TOP, "--summary", self.has(name::SUMMARY))?;
        if is_connections {
            only_with(name::CHANGES, "the table", false)?;
            let form = match form {
                OutputForm::Classic => TableForm::Classic,
                OutputForm::Wide => TableForm::Wide,
                OutputForm::Json => TableForm::Json,
                OutputForm::OpenMetrics => {
                    return Err(UsageError::OnlyWith {
                        group: name::OUTPUT,
                        with: "the table",
                    });
                }
            };
            let list = self.make_connections();
            if self.has(name::WATCH) {
                let connections = WatchConnections { list, form };
                return Ok(Request::Watch(
                    self.make_watch(Watched::Connections(connections)),
                ));
            }
            return Ok(Request::Run(Command::Connections(list, form)));
        }
        if self.has(name::TIMEOUT) {
            only_with(name::WATCH, "the table", false)?;
            only_with(name::OUTPUT, "the table", form == OutputForm::Json)?;
            return Ok(Request::Run(Command::Timeouts(self.choose_form())));
        }
        if self.has(name::DAEMON) {
            only_with(name::WATCH, "the table", false)?;
            only_with(name::OUTPUT, "the table", !is_metrics)?;
            return Ok(Request::Run(Command::Daemons(match form {
                OutputForm::Wide => TableForm::Wide,
                OutputForm::Json => TableForm::Json,
                OutputForm::Classic | OutputForm::OpenMetrics => TableForm::Classic,
            })));
        }
        if self.has(name::CHANGES) {
            return self.make_watch_of_changes(form).map(Request::Watch);
        }
        let table = self.make_table(form);
        let form = match form {
            OutputForm::Classic => TableForm::Classic,
            OutputForm::Wide => TableForm::Wide,
            OutputForm::Json => TableForm::Json,
            OutputForm::OpenMetrics => {
                only_with(name::WATCH, "other forms than openmetrics", false)?;
                return Ok(Request::Run(Command::Metrics(Metrics {
                    service: table.service,
                    destinations: !self.has(name::TOTALS),
                    file: self.output_file.map(PathBuf::from),
                })));
            }
        };
        Ok(if self.has(name::WATCH) {
            Request::Watch(self.make_watch(Watched::Table(table, form)))
        } else {
            Request::Run(Command::Table(table, form))
        })
    }

    fn make_watch(&self, watched: Watched) -> Watch {
        Watch {
            watched,
            interval: self.interval.unwrap_or(DEFAULT_INTERVAL),
            count: self.count,
        }
    }

    /// Makes the request for the changes of the table, which have no columns to choose.
    fn make_watch_of_changes(&self, form: OutputForm) -> Result<Watch, UsageError> {
        let mut views = VIEWS.iter().map(|(group, _)| *group);
        if let Some(group) = views.find(|group| self.has(*group)) {
            return Err(UsageError::Conflict {
                owner: rules::name_owner(CommandName::List),
                group,
                other: name::CHANGES,
            });
        }
        let form = match form {
            OutputForm::Classic => Form::Classic,
            OutputForm::Json => Form::Json,
            OutputForm::Wide | OutputForm::OpenMetrics => {
                return Err(UsageError::OnlyWith {
                    group: name::CHANGES,
                    with: "--output classic and json",
                });
            }
        };
        let service = self.service.as_ref().map(|service| service.value);
        Ok(self.make_watch(Watched::Changes(service, form)))
    }

    /// Returns the connections that are asked for.
    fn make_connections(&self) -> ListConnections {
        let mut filter = ConnectionFilter::new();
        if let Some(service) = &self.service {
            filter = filter.service(service.value);
        }
        if let Some(server) = &self.server {
            let (address, port) = server.value;
            filter = filter.destination(address, port);
        }
        if let Some(client) = self.client {
            filter = filter.client(client);
        }
        for state in &self.states {
            filter = filter.state(*state);
        }
        for protocol in &self.protocols {
            filter = filter.protocol(*protocol);
        }
        let shown = if self.has(name::SUMMARY) {
            ShownConnections::Summary {
                clients: self.top.unwrap_or(DEFAULT_TOP),
            }
        } else {
            ShownConnections::Each {
                engine_data: self.has(name::PERSISTENT_CONNECTIONS),
            }
        };
        ListConnections {
            filter,
            shown,
            numeric: self.has(name::NUMERIC),
        }
    }

    /// Returns the table with the columns that its form can have.
    fn make_table(&self, form: OutputForm) -> ListTable {
        let view = VIEWS.iter().find(|(group, _)| self.has(*group));
        let view = view.map_or(View::Plain, |(_, view)| *view);
        let has_both = self.has(name::STATS) && self.has(name::RATE);
        ListTable {
            service: self.service.as_ref().map(|service| service.value),
            view: match form {
                OutputForm::Wide if has_both => View::StatsAndRate,
                _ => view,
            },
            numeric: self.has(name::NUMERIC),
            exact: self.has(name::EXACT),
            sorted: !self.has(name::NO_SORT),
            colour: self.colour,
        }
    }
}
