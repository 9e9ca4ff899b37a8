// SPDX-License-Identifier: MIT

//! Everything that a command line can ask for, as types.

pub(crate) mod choice;
pub(crate) mod connections;
pub(crate) mod doctor;
pub(crate) mod drain;
pub(crate) mod place;
pub(crate) mod range;
pub(crate) mod scope;
pub(crate) mod spelling;
pub(crate) mod update;
pub(crate) mod watch;

use std::{path::PathBuf, time::Duration};

use ipvs_client::{Change, DaemonRole, ServiceId, SyncDaemonSettings};

use self::{
    choice::{Colour, TUNNELS},
    connections::ListConnections,
    doctor::Doctor,
    drain::Drain,
    scope::Scope,
    update::Update,
    watch::Watch,
};

/// Of a synchronization daemon, without --mcast-interface.
pub(crate) const DEFAULT_INTERFACE: &str = "eth0";

/// A command line of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Help,
    Version(Form),
    /// Commands of a file.
    Restore(Restore),
    /// The table becomes what a file says, or is compared with it.
    Apply(Apply),
    Watch(Watch),
    Drain(Drain),
    Doctor(Doctor),
    /// The connections are compared with those of another director.
    Compare(Compare),
    /// Everything about the director in one document.
    Report(ReportOptions),
    Run(Command),
}

/// One thing to do, which a file of rules may ask for as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// A change to virtual services, real servers, counters or timeouts.
    Change(Change),
    /// The same, but an entry to be added may be there, one to be deleted gone.
    Ensure(Change),
    /// An edit that keeps what it does not name.
    Update(Update),
    StartDaemon(SyncDaemonSettings),
    StopDaemon(DaemonRole),
    Save(Save),
    Table(ListTable, TableForm),
    Connections(ListConnections, TableForm),
    /// The timeouts of connections.
    Timeouts(Form),
    /// The synchronization daemons.
    Daemons(TableForm),
    Metrics(Metrics),
}

/// The time that something may be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    AtMost(Duration),
    WithoutEnd,
}

/// The options of -R and `ipvsadm-restore`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Restore {
    /// Every line that fails counts, by its number.
    pub(crate) strict: bool,
    /// The rules are only checked.
    pub(crate) check: bool,
    /// An entry that a rule adds may be there, one that a rule deletes gone.
    pub(crate) exist: bool,
    /// Standard input if not given.
    pub(crate) file: Option<PathBuf>,
}

/// The options of --apply and --diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Apply {
    /// Standard input if not given.
    pub(crate) file: Option<PathBuf>,
    pub(crate) effect: ApplyEffect,
    pub(crate) scope: Scope,
    /// Real servers that are there keep their weight.
    pub(crate) keep_weights: bool,
    /// Nothing is removed.
    pub(crate) add_only: bool,
    pub(crate) form: Form,
    pub(crate) colour: Colour,
}

/// The use that is made of the differences between the table and a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApplyEffect {
    /// Nothing is compared: the file is read and checked.
    Check,
    /// They are shown as lines.
    Diff,
    /// They are shown as the commands that would be carried out.
    DryRun,
    /// They are removed, when no other program is changing the table.
    Change(Wait),
}

/// The options of --compare-connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compare {
    /// The connections of the other director; standard input if not given.
    pub(crate) file: Option<PathBuf>,
    pub(crate) form: Form,
}

/// The options of --report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReportOptions {
    /// Addresses and names of interfaces are replaced.
    pub(crate) redact: bool,
}

/// The table in a form that -R reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Save {
    Rules { numeric: bool },
    Json,
}

/// The form of an answer other than the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The original's lines.
    Classic,
    Json,
}

/// The form of the table, of connections, or of the synchronization daemons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableForm {
    /// The original's columns.
    Classic,
    /// Columns for people, with nothing cut.
    Wide,
    Json,
}

/// The table as OpenMetrics text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Metrics {
    /// One service, or all.
    pub(crate) service: Option<ServiceId>,
    /// A series for each destination, too.
    pub(crate) destinations: bool,
    /// Instead of standard output.
    pub(crate) file: Option<PathBuf>,
}

/// The virtual services and destinations of a listing, and what of them is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListTable {
    /// One service, or all.
    pub(crate) service: Option<ServiceId>,
    pub(crate) view: View,
    pub(crate) numeric: bool,
    /// All digits of large numbers.
    pub(crate) exact: bool,
    /// By address and port; else in the kernel's order.
    pub(crate) sorted: bool,
    pub(crate) colour: Colour,
}

/// The columns of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Plain,
    Stats,
    Rate,
    /// The columns of both; the original's form has no line for so many.
    StatsAndRate,
    Thresholds,
    PersistentConnections,
    TunnelInfo,
}

impl View {
    /// Returns whether the view shows counters or rates.
    pub(crate) fn has_counters(self) -> bool {
        matches!(self, Self::Stats | Self::Rate | Self::StatsAndRate)
    }

    /// Returns whether the view shows rates.
    pub(crate) fn has_rates(self) -> bool {
        matches!(self, Self::Rate | Self::StatsAndRate)
    }
}

/// The forwarding methods that the command line has names for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forwarding {
    DirectRouting,
    Tunneling,
    Masquerading,
}

/// The encapsulations that the command line has names for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TunnelKind {
    Ipip,
    Gue,
    Gre,
}

impl TunnelKind {
    /// Returns the name on the command line and in listings.
    pub(crate) fn name(self) -> &'static str {
        TUNNELS
            .iter()
            .find(|tunnel| tunnel.value == self)
            .map_or("", |tunnel| tunnel.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_in_the_views_of_counters_and_of_rates() {
        for (view, counters, rates) in [
            (View::Plain, false, false),
            (View::Stats, true, false),
            (View::Rate, true, true),
            (View::StatsAndRate, true, true),
            (View::Thresholds, false, false),
            (View::PersistentConnections, false, false),
            (View::TunnelInfo, false, false),
        ] {
            assert_eq!(view.has_counters(), counters, "{view:?}");
            assert_eq!(view.has_rates(), rates, "{view:?}");
        }
    }
}
