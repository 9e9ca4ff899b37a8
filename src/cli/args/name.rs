// SPDX-License-Identifier: MIT

//! Names that the rules about command lines, the errors and the hints know
//! commands and options by.

/// The commands, one of which begins a command line; in the order of the table of
/// commands and options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommandName {
    AddService,
    EditService,
    DeleteService,
    Clear,
    Restore,
    Save,
    Apply,
    Diff,
    CompareConnections,
    AddServer,
    EditServer,
    DeleteServer,
    List,
    Zero,
    SetTimeouts,
    StartDaemon,
    StopDaemon,
    Drain,
    Doctor,
    Report,
    Help,
    Version,
}

/// An option, or options that stand for one another, of which a command line
/// has at most one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// The turn in which the rules look at it, the lowest first. That decides
    /// which of several errors is reported.
    rank: u8,
    /// The name in error messages. An option that stands for itself alone has
    /// the same name after `--`.
    pub(crate) name: &'static str,
}

impl Group {
    /// Ranks are below this number.
    pub(crate) const LIMIT: usize = u128::BITS as usize;

    const fn new(rank: u8, name: &'static str) -> Self {
        Self { rank, name }
    }

    /// Returns the rank, for a look-up by it.
    pub(crate) const fn index(self) -> usize {
        self.rank as usize
    }

    const fn bit(self) -> u128 {
        1 << self.rank
    }
}

pub(crate) const NUMERIC: Group = Group::new(0, "numeric");
pub(crate) const CONNECTION: Group = Group::new(1, "connection");
pub(crate) const SERVICE_ADDRESS: Group = Group::new(2, "service-address");
pub(crate) const SCHEDULER: Group = Group::new(3, "scheduler");
pub(crate) const PERSISTENT: Group = Group::new(4, "persistent");
pub(crate) const NETMASK: Group = Group::new(5, "netmask");
pub(crate) const REAL_SERVER: Group = Group::new(6, "real-server");
pub(crate) const FORWARDING_METHOD: Group = Group::new(7, "forwarding-method");
pub(crate) const WEIGHT: Group = Group::new(8, "weight");
pub(crate) const UPPER_THRESHOLD: Group = Group::new(9, "u-threshold");
pub(crate) const LOWER_THRESHOLD: Group = Group::new(10, "l-threshold");
pub(crate) const MCAST_INTERFACE: Group = Group::new(11, "mcast-interface");
pub(crate) const TIMEOUT: Group = Group::new(12, "timeout");
pub(crate) const DAEMON: Group = Group::new(13, "daemon");
pub(crate) const STATS: Group = Group::new(14, "stats");
pub(crate) const RATE: Group = Group::new(15, "rate");
pub(crate) const THRESHOLDS: Group = Group::new(16, "thresholds");
pub(crate) const PERSISTENT_CONNECTIONS: Group = Group::new(17, "persistent-conn");
pub(crate) const NO_SORT: Group = Group::new(18, "nosort");
pub(crate) const SYNC_ID: Group = Group::new(19, "syncid");
pub(crate) const EXACT: Group = Group::new(20, "exact");
pub(crate) const ONE_PACKET: Group = Group::new(21, "ops");
pub(crate) const PERSISTENCE_ENGINE: Group = Group::new(22, "pe");
pub(crate) const SCHEDULER_FLAGS: Group = Group::new(23, "sched-flags");
pub(crate) const MCAST_GROUP: Group = Group::new(24, "mcast-group");
pub(crate) const MCAST_PORT: Group = Group::new(25, "mcast-port");
pub(crate) const MCAST_TTL: Group = Group::new(26, "mcast-ttl");
pub(crate) const SYNC_MAXLEN: Group = Group::new(27, "sync-maxlen");
pub(crate) const TUNNEL_INFO: Group = Group::new(28, "tun-info");
pub(crate) const TUNNEL_TYPE: Group = Group::new(29, "tun-type");
pub(crate) const TUNNEL_PORT: Group = Group::new(30, "tun-port");
pub(crate) const TUNNEL_NO_CHECKSUM: Group = Group::new(31, "tun-nocsum");
pub(crate) const TUNNEL_CHECKSUM: Group = Group::new(32, "tun-csum");
pub(crate) const TUNNEL_REMOTE_CHECKSUM: Group = Group::new(33, "tun-remcsum");
// The options that the original does not have come after its own.
pub(crate) const STRICT: Group = Group::new(34, "strict");
pub(crate) const CHECK: Group = Group::new(35, "check");
pub(crate) const JSON: Group = Group::new(36, "json");
pub(crate) const OUTPUT: Group = Group::new(37, "output");
pub(crate) const TOTALS: Group = Group::new(38, "totals");
pub(crate) const OUTPUT_FILE: Group = Group::new(39, "output-file");
pub(crate) const WATCH: Group = Group::new(40, "watch");
pub(crate) const COUNT: Group = Group::new(41, "count");
pub(crate) const WAIT: Group = Group::new(42, "wait");
pub(crate) const IDLE: Group = Group::new(43, "idle");
pub(crate) const REMOVE: Group = Group::new(44, "remove");
pub(crate) const UNDO: Group = Group::new(45, "undo");
pub(crate) const KEEP: Group = Group::new(46, "keep");
pub(crate) const EXIST: Group = Group::new(47, "exist");
pub(crate) const SCOPE: Group = Group::new(48, "scope");
pub(crate) const KEEP_WEIGHTS: Group = Group::new(49, "keep-weights");
pub(crate) const ADD_ONLY: Group = Group::new(50, "add-only");
pub(crate) const DRY_RUN: Group = Group::new(51, "dry-run");
pub(crate) const NETNS: Group = Group::new(52, "netns");
pub(crate) const INTERFACE: Group = Group::new(53, "interface");
pub(crate) const CHANGES: Group = Group::new(54, "changes");
pub(crate) const REDACT: Group = Group::new(55, "redact");
pub(crate) const CLIENT: Group = Group::new(56, "client");
pub(crate) const STATE: Group = Group::new(57, "state");
pub(crate) const PROTOCOL: Group = Group::new(58, "protocol");
pub(crate) const SUMMARY: Group = Group::new(59, "summary");
pub(crate) const TOP: Group = Group::new(60, "top");
pub(crate) const COLOUR: Group = Group::new(61, "color");

/// A set of groups, such as those that a command line has an option of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Groups(u128);

impl Groups {
    pub(crate) const NONE: Self = Self(0);

    /// Adds a group; returns whether it was not there before.
    pub(crate) fn insert(&mut self, group: Group) -> bool {
        let is_new = !self.contains(group);
        *self = self.with(group);
        is_new
    }

    /// Returns the set with this group added.
    pub(crate) const fn with(self, group: Group) -> Self {
        Self(self.0 | group.bit())
    }

    /// Returns the set with this group left out.
    pub(crate) const fn without(self, group: Group) -> Self {
        Self(self.0 & !group.bit())
    }

    pub(crate) const fn contains(self, group: Group) -> bool {
        self.0 & group.bit() != 0
    }

    pub(crate) const fn contains_all(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns those of the set that come before this group.
    pub(crate) const fn before(self, group: Group) -> Self {
        Self(self.0 & (group.bit() - 1))
    }

    pub(crate) const fn len(self) -> u32 {
        self.0.count_ones()
    }
}
