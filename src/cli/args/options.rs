// SPDX-License-Identifier: MIT

//! The list of commands and options: the scanner, the rules about what goes
//! together and the help text all read this one table.

/// What the first word of a command line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommandName {
    AddService,
    EditService,
    DeleteService,
    Clear,
    Restore,
    Save,
    AddServer,
    EditServer,
    DeleteServer,
    List,
    Zero,
    SetTimeouts,
    StartDaemon,
    StopDaemon,
    Help,
    Version,
}

impl CommandName {
    /// The name in error messages. It is not always the long option's.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AddService => "add-service",
            Self::EditService => "edit-service",
            Self::DeleteService => "delete-service",
            Self::Clear => "flush",
            Self::Restore => "restore",
            Self::Save => "save",
            Self::AddServer => "add-server",
            Self::EditServer => "edit-server",
            Self::DeleteServer => "delete-server",
            Self::List => "list",
            Self::Zero => "zero",
            Self::SetTimeouts => "set",
            Self::StartDaemon => "start-daemon",
            Self::StopDaemon => "stop-daemon",
            Self::Help => "help",
            Self::Version => "version",
        }
    }
}

/// An option after the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OptionName {
    TcpService,
    UdpService,
    SctpService,
    FwmarkService,
    Ipv6,
    Scheduler,
    SchedulerFlags,
    Persistent,
    Netmask,
    PersistenceEngine,
    OnePacket,
    RealServer,
    Gatewaying,
    Ipip,
    Masquerading,
    TunnelType,
    TunnelPort,
    TunnelNoChecksum,
    TunnelChecksum,
    TunnelRemoteChecksum,
    Weight,
    UpperThreshold,
    LowerThreshold,
    Numeric,
    Connection,
    Timeout,
    Daemon,
    Stats,
    Rate,
    Thresholds,
    PersistentConnections,
    TunnelInfo,
    Exact,
    NoSort,
    Sort,
    McastInterface,
    SyncId,
    SyncMaxlen,
    McastGroup,
    McastPort,
    McastTtl,
    Strict,
    Check,
    Json,
    Output,
    Totals,
    OutputFile,
    Watch,
    Count,
}

/// What the rules about legality know an option as. Options that stand for
/// one another are one kind. The order is the order in which rules are
/// checked, which decides which of several errors is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Numeric,
    Connection,
    ServiceAddress,
    Scheduler,
    Persistent,
    Netmask,
    RealServer,
    ForwardingMethod,
    Weight,
    UpperThreshold,
    LowerThreshold,
    McastInterface,
    Timeout,
    Daemon,
    Stats,
    Rate,
    Thresholds,
    PersistentConnections,
    NoSort,
    SyncId,
    Exact,
    OnePacket,
    PersistenceEngine,
    SchedulerFlags,
    McastGroup,
    McastPort,
    McastTtl,
    SyncMaxlen,
    TunnelInfo,
    TunnelType,
    TunnelPort,
    TunnelNoChecksum,
    TunnelChecksum,
    TunnelRemoteChecksum,
    // Not one of the original's: those come first.
    Strict,
    Check,
    Json,
    Output,
    Totals,
    OutputFile,
    Watch,
    Count,
}

impl Kind {
    /// Every kind, in the order of the checks.
    pub(crate) const ALL: [Self; 42] = [
        Self::Numeric,
        Self::Connection,
        Self::ServiceAddress,
        Self::Scheduler,
        Self::Persistent,
        Self::Netmask,
        Self::RealServer,
        Self::ForwardingMethod,
        Self::Weight,
        Self::UpperThreshold,
        Self::LowerThreshold,
        Self::McastInterface,
        Self::Timeout,
        Self::Daemon,
        Self::Stats,
        Self::Rate,
        Self::Thresholds,
        Self::PersistentConnections,
        Self::NoSort,
        Self::SyncId,
        Self::Exact,
        Self::OnePacket,
        Self::PersistenceEngine,
        Self::SchedulerFlags,
        Self::McastGroup,
        Self::McastPort,
        Self::McastTtl,
        Self::SyncMaxlen,
        Self::TunnelInfo,
        Self::TunnelType,
        Self::TunnelPort,
        Self::TunnelNoChecksum,
        Self::TunnelChecksum,
        Self::TunnelRemoteChecksum,
        Self::Strict,
        Self::Check,
        Self::Json,
        Self::Output,
        Self::Totals,
        Self::OutputFile,
        Self::Watch,
        Self::Count,
    ];

    /// The name in error messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Numeric => "numeric",
            Self::Connection => "connection",
            Self::ServiceAddress => "service-address",
            Self::Scheduler => "scheduler",
            Self::Persistent => "persistent",
            Self::Netmask => "netmask",
            Self::RealServer => "real-server",
            Self::ForwardingMethod => "forwarding-method",
            Self::Weight => "weight",
            Self::UpperThreshold => "u-threshold",
            Self::LowerThreshold => "l-threshold",
            Self::McastInterface => "mcast-interface",
            Self::Timeout => "timeout",
            Self::Daemon => "daemon",
            Self::Stats => "stats",
            Self::Rate => "rate",
            Self::Thresholds => "thresholds",
            Self::PersistentConnections => "persistent-conn",
            Self::NoSort => "nosort",
            Self::SyncId => "syncid",
            Self::Exact => "exact",
            Self::OnePacket => "ops",
            Self::PersistenceEngine => "pe",
            Self::SchedulerFlags => "sched-flags",
            Self::McastGroup => "mcast-group",
            Self::McastPort => "mcast-port",
            Self::McastTtl => "mcast-ttl",
            Self::SyncMaxlen => "sync-maxlen",
            Self::TunnelInfo => "tun-info",
            Self::TunnelType => "tun-type",
            Self::TunnelPort => "tun-port",
            Self::TunnelNoChecksum => "tun-nocsum",
            Self::TunnelChecksum => "tun-csum",
            Self::TunnelRemoteChecksum => "tun-remcsum",
            Self::Strict => "strict",
            Self::Check => "check",
            Self::Json => "json",
            Self::Output => "output",
            Self::Totals => "totals",
            Self::OutputFile => "output-file",
            Self::Watch => "watch",
            Self::Count => "count",
        }
    }
}

impl OptionName {
    /// What the rules know the option as; `None` for those that may stand
    /// beside anything.
    pub(crate) fn kind(self) -> Option<Kind> {
        Some(match self {
            Self::Ipv6 | Self::Sort => return None,
            Self::TcpService | Self::UdpService | Self::SctpService | Self::FwmarkService => {
                Kind::ServiceAddress
            }
            Self::Scheduler => Kind::Scheduler,
            Self::SchedulerFlags => Kind::SchedulerFlags,
            Self::Persistent => Kind::Persistent,
            Self::Netmask => Kind::Netmask,
            Self::PersistenceEngine => Kind::PersistenceEngine,
            Self::OnePacket => Kind::OnePacket,
            Self::RealServer => Kind::RealServer,
            Self::Gatewaying | Self::Ipip | Self::Masquerading => Kind::ForwardingMethod,
            Self::TunnelType => Kind::TunnelType,
            Self::TunnelPort => Kind::TunnelPort,
            Self::TunnelNoChecksum => Kind::TunnelNoChecksum,
            Self::TunnelChecksum => Kind::TunnelChecksum,
            Self::TunnelRemoteChecksum => Kind::TunnelRemoteChecksum,
            Self::Weight => Kind::Weight,
            Self::UpperThreshold => Kind::UpperThreshold,
            Self::LowerThreshold => Kind::LowerThreshold,
            Self::Numeric => Kind::Numeric,
            Self::Connection => Kind::Connection,
            Self::Timeout => Kind::Timeout,
            Self::Daemon => Kind::Daemon,
            Self::Stats => Kind::Stats,
            Self::Rate => Kind::Rate,
            Self::Thresholds => Kind::Thresholds,
            Self::PersistentConnections => Kind::PersistentConnections,
            Self::TunnelInfo => Kind::TunnelInfo,
            Self::Exact => Kind::Exact,
            Self::NoSort => Kind::NoSort,
            Self::McastInterface => Kind::McastInterface,
            Self::SyncId => Kind::SyncId,
            Self::SyncMaxlen => Kind::SyncMaxlen,
            Self::McastGroup => Kind::McastGroup,
            Self::McastPort => Kind::McastPort,
            Self::McastTtl => Kind::McastTtl,
            Self::Strict => Kind::Strict,
            Self::Check => Kind::Check,
            Self::Json => Kind::Json,
            Self::Output => Kind::Output,
            Self::Totals => Kind::Totals,
            Self::OutputFile => Kind::OutputFile,
            Self::Watch => Kind::Watch,
            Self::Count => Kind::Count,
        })
    }
}

/// What an entry of the table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Command(CommandName),
    Option(OptionName),
}

/// Whether a value follows; the text names it in help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    None,
    Required(&'static str),
    Optional(&'static str),
}

/// Where help shows an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heading {
    Commands,
    VirtualService,
    ServiceOptions,
    ServerOptions,
    ListOptions,
    RestoreOptions,
    DaemonOptions,
    AnyCommand,
}

impl Heading {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Commands => "Commands (the first word; one of)",
            Self::VirtualService => "Virtual service",
            Self::ServiceOptions => "Options of -A and -E",
            Self::ServerOptions => "Options of -a, -e and -d",
            Self::ListOptions => "Options of -L and -S",
            Self::RestoreOptions => "Options of -R",
            Self::DaemonOptions => "Options of --start-daemon",
            Self::AnyCommand => "Option of every command",
        }
    }
}

/// An entry of the table.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) name: Name,
    pub(crate) long: &'static str,
    /// The first is shown; the others are accepted too.
    pub(crate) short: &'static [char],
    pub(crate) value: Value,
    pub(crate) heading: Heading,
    pub(crate) help: &'static str,
}

impl Spec {
    /// The option as it is typed, by its letter if it has one.
    pub(crate) fn spelling(&self) -> String {
        match self.short.first() {
            Some(letter) => format!("-{letter}"),
            None => format!("--{}", self.long),
        }
    }

    /// The kind of the option; `None` for a command.
    pub(crate) fn kind(&self) -> Option<Kind> {
        match self.name {
            Name::Command(_) => None,
            Name::Option(option) => option.kind(),
        }
    }
}

const fn command(
    name: CommandName,
    long: &'static str,
    short: &'static [char],
    value: Value,
    help: &'static str,
) -> Spec {
    Spec {
        name: Name::Command(name),
        long,
        short,
        value,
        heading: Heading::Commands,
        help,
    }
}

const fn option(
    heading: Heading,
    name: OptionName,
    long: &'static str,
    short: &'static [char],
    value: Value,
    help: &'static str,
) -> Spec {
    Spec {
        name: Name::Option(name),
        long,
        short,
        value,
        heading,
        help,
    }
}

use CommandName as C;
use Heading as H;
use OptionName as O;
use Value::{None as NoValue, Optional, Required};

/// Every command and option, in the order of the help text.
#[rustfmt::skip]
pub(crate) static TABLE: &[Spec] = &[
    command(C::AddService, "add-service", &['A'], NoValue, "Add a virtual service"),
    command(C::EditService, "edit-service", &['E'], NoValue, "Replace all settings of a virtual service"),
    command(C::DeleteService, "delete-service", &['D'], NoValue, "Remove a virtual service and its real servers"),
    command(C::Clear, "clear", &['C'], NoValue, "Remove all virtual services"),
    command(C::Restore, "restore", &['R'], NoValue, "Read commands from a file or standard input, one a line"),
    command(C::Save, "save", &['S'], NoValue, "Write the table as commands that -R reads"),
    command(C::AddServer, "add-server", &['a'], NoValue, "Add a real server to a virtual service"),
    command(C::EditServer, "edit-server", &['e'], NoValue, "Replace all settings of a real server"),
    command(C::DeleteServer, "delete-server", &['d'], NoValue, "Remove a real server from a virtual service"),
    command(C::List, "list", &['L', 'l'], NoValue, "Show the table, or one virtual service"),
    command(C::Zero, "zero", &['Z'], NoValue, "Set the counters of one or all virtual services to zero"),
    command(C::SetTimeouts, "set", &[], NoValue, "Set the timeouts of connections: three numbers of seconds, for TCP, TCP after FIN, and UDP; 0 leaves one as it is"),
    command(C::StartDaemon, "start-daemon", &[], Required("ROLE"), "Start a connection synchronization daemon: master or backup"),
    command(C::StopDaemon, "stop-daemon", &[], Required("ROLE"), "Stop a connection synchronization daemon: master or backup"),
    command(C::Help, "help", &['h'], NoValue, "Show this help"),
    command(C::Version, "version", &['v'], NoValue, "Show the version"),

    option(H::VirtualService, O::TcpService, "tcp-service", &['t'], Required("ADDRESS:PORT"), "TCP to this address and port"),
    option(H::VirtualService, O::UdpService, "udp-service", &['u'], Required("ADDRESS:PORT"), "UDP to this address and port"),
    option(H::VirtualService, O::SctpService, "sctp-service", &[], Required("ADDRESS:PORT"), "SCTP to this address and port"),
    option(H::VirtualService, O::FwmarkService, "fwmark-service", &['f'], Required("MARK"), "Packets with this firewall mark, 1 to 4294967295"),
    option(H::VirtualService, O::Ipv6, "ipv6", &['6'], NoValue, "After -f: the IPv6 packets with the mark"),

    option(H::ServiceOptions, O::Scheduler, "scheduler", &['s'], Required("NAME"), "How to choose a real server: rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos [default: wlc]"),
    option(H::ServiceOptions, O::SchedulerFlags, "sched-flags", &['b'], Required("FLAG,..."), "Flags of the scheduler: sh-fallback, sh-port, mh-fallback, mh-port, or flag-1 to flag-3"),
    option(H::ServiceOptions, O::Persistent, "persistent", &['p'], Optional("SECONDS"), "Keep each client with its real server for so long [default: 360]"),
    option(H::ServiceOptions, O::Netmask, "netmask", &['M'], Required("MASK"), "Clients that persistence takes for one: a mask or a prefix length"),
    option(H::ServiceOptions, O::PersistenceEngine, "pe", &[], Required("NAME"), "What persistence tells clients apart by, instead of their address: sip"),
    option(H::ServiceOptions, O::OnePacket, "ops", &['o'], NoValue, "Schedule each UDP datagram by itself"),

    option(H::ServerOptions, O::RealServer, "real-server", &['r'], Required("ADDRESS[:PORT]"), "The real server [default port: the virtual service's]"),
    option(H::ServerOptions, O::Gatewaying, "gatewaying", &['g'], NoValue, "Forward by direct routing (the default)"),
    option(H::ServerOptions, O::Ipip, "ipip", &['i'], NoValue, "Forward by tunneling"),
    option(H::ServerOptions, O::Masquerading, "masquerading", &['m'], NoValue, "Forward by masquerading (NAT)"),
    option(H::ServerOptions, O::TunnelType, "tun-type", &[], Required("TYPE"), "Tunnel: ipip, gue or gre [default: ipip]"),
    option(H::ServerOptions, O::TunnelPort, "tun-port", &[], Required("PORT"), "UDP port of a gue tunnel"),
    option(H::ServerOptions, O::TunnelNoChecksum, "tun-nocsum", &[], NoValue, "No checksum on a gue or gre tunnel (the default)"),
    option(H::ServerOptions, O::TunnelChecksum, "tun-csum", &[], NoValue, "Checksum on a gue or gre tunnel"),
    option(H::ServerOptions, O::TunnelRemoteChecksum, "tun-remcsum", &[], NoValue, "Remote checksum offload on a gue tunnel"),
    option(H::ServerOptions, O::Weight, "weight", &['w'], Required("NUMBER"), "Share of new connections; 0 quiesces [default: 1]"),
    option(H::ServerOptions, O::UpperThreshold, "u-threshold", &['x'], Required("NUMBER"), "Connections from which on it gets no new ones; 0 is no limit"),
    option(H::ServerOptions, O::LowerThreshold, "l-threshold", &['y'], Required("NUMBER"), "Connections below which it gets new ones again"),

    option(H::ListOptions, O::Numeric, "numeric", &['n'], NoValue, "Addresses and ports as numbers, without looking up names"),
    option(H::ListOptions, O::Connection, "connection", &['c'], NoValue, "Show the current connections"),
    option(H::ListOptions, O::Timeout, "timeout", &[], NoValue, "Show the timeouts of connections"),
    option(H::ListOptions, O::Daemon, "daemon", &[], NoValue, "Show the synchronization daemons"),
    option(H::ListOptions, O::Stats, "stats", &[], NoValue, "Show connections, packets and bytes"),
    option(H::ListOptions, O::Rate, "rate", &[], NoValue, "Show connections, packets and bytes a second"),
    option(H::ListOptions, O::Thresholds, "thresholds", &[], NoValue, "Show the thresholds of real servers"),
    option(H::ListOptions, O::PersistentConnections, "persistent-conn", &[], NoValue, "Show persistent connections"),
    option(H::ListOptions, O::TunnelInfo, "tun-info", &[], NoValue, "Show the tunnels to real servers"),
    option(H::ListOptions, O::Output, "output", &[], Required("FORM"), "How to show the table: classic, wide, json or openmetrics [default: classic]"),
    option(H::ListOptions, O::Totals, "totals", &[], NoValue, "OpenMetrics without a series for each real server"),
    option(H::ListOptions, O::OutputFile, "output-file", &[], Required("PATH"), "OpenMetrics into a file, which changes in one step"),
    option(H::ListOptions, O::Watch, "watch", &[], Optional("SECONDS"), "Show the table again and again [default: every 2 seconds]"),
    option(H::ListOptions, O::Count, "count", &[], Required("NUMBER"), "How often --watch shows it"),
    option(H::ListOptions, O::Exact, "exact", &[], NoValue, "Show large numbers with all digits"),
    option(H::ListOptions, O::NoSort, "nosort", &[], NoValue, "Show entries in the kernel's order"),
    option(H::ListOptions, O::Sort, "sort", &[], NoValue, "Nothing; entries are sorted anyway"),

    option(H::RestoreOptions, O::Strict, "strict", &[], NoValue, "Number the lines that fail, go on after every one, and exit with the status of the first"),
    option(H::RestoreOptions, O::Check, "check", &[], NoValue, "Read and check the rules, change nothing"),

    option(H::DaemonOptions, O::McastInterface, "mcast-interface", &[], Required("INTERFACE"), "Network interface [default: eth0]"),
    option(H::DaemonOptions, O::SyncId, "syncid", &[], Required("NUMBER"), "Group of directors, 0 to 255; a backup with 0 hears all [default: 0]"),
    option(H::DaemonOptions, O::SyncMaxlen, "sync-maxlen", &[], Required("BYTES"), "Largest message [default: 1472]"),
    option(H::DaemonOptions, O::McastGroup, "mcast-group", &[], Required("ADDRESS"), "Multicast group [default: 224.0.0.81]"),
    option(H::DaemonOptions, O::McastPort, "mcast-port", &[], Required("PORT"), "UDP port [default: 8848]"),
    option(H::DaemonOptions, O::McastTtl, "mcast-ttl", &[], Required("NUMBER"), "Time to live [default: 1]"),

    option(H::AnyCommand, O::Json, "json", &[], NoValue, "Listings as one JSON document, errors as one JSON object a line"),
];

/// The entry with this short option.
pub(crate) fn by_letter(letter: char) -> Option<&'static Spec> {
    let place = *BY_LETTER.get(letter as usize)?;
    TABLE.get(usize::from(place))
}

/// The place in the table of each letter, as every line of a rule file asks for
/// several; one past its end for those that are no option. All are ASCII.
#[expect(
    clippy::indexing_slicing,
    reason = "the compiler does it, and would refuse what is out of bounds"
)]
static BY_LETTER: [u8; 128] = {
    let mut places = [TABLE.len() as u8; 128];
    let mut place = 0;
    while place < TABLE.len() {
        let letters = TABLE[place].short;
        let mut index = 0;
        while index < letters.len() {
            places[letters[index] as usize] = place as u8;
            index += 1;
        }
        place += 1;
    }
    places
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_entries_share_a_name() {
        let mut longs: Vec<_> = TABLE.iter().map(|spec| spec.long).collect();
        let mut shorts: Vec<_> = TABLE.iter().flat_map(|spec| spec.short).collect();
        let (long, short) = (longs.len(), shorts.len());
        longs.sort_unstable();
        longs.dedup();
        shorts.sort_unstable();
        shorts.dedup();
        assert_eq!((longs.len(), shorts.len()), (long, short));
    }

    #[test]
    fn every_short_option_is_found_by_its_letter_and_no_other() {
        for letter in ('\0'..='\u{ff}').chain(['５']) {
            let found = by_letter(letter).map(|spec| spec.long);
            let spec = TABLE.iter().find(|spec| spec.short.contains(&letter));
            assert_eq!(found, spec.map(|spec| spec.long), "{letter:?}");
        }
    }

    #[test]
    fn kinds_are_listed_in_the_order_of_their_checks() {
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index, "{kind:?}");
        }
    }
}
