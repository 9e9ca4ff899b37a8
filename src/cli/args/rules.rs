// SPDX-License-Identifier: MIT

//! Which options go with which command, and with which tunnel.

use crate::{
    args::{
        error::{Subject, UsageError},
        options::{CommandName, Kind, Name, Spec, TABLE},
    },
    command::TunnelKind,
};

/// The kinds of option that a command line has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds(u64);

impl Kinds {
    /// Whether it was not there before.
    pub(crate) fn insert(&mut self, kind: Kind) -> bool {
        let new = !self.contains(kind);
        self.0 |= 1 << kind as u32;
        new
    }

    pub(crate) fn contains(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u32 != 0
    }

    fn of(kinds: &[Kind]) -> Self {
        Self(kinds.iter().fold(0, |bits, &kind| bits | 1 << kind as u32))
    }
}

/// What may stand beside a command or tunnel type; every other kind is
/// illegal.
struct Rules {
    compulsory: &'static [Kind],
    optional: &'static [Kind],
    /// Legal too, but one of them at a time.
    exclusive: &'static [Kind],
}

impl Rules {
    const NONE: Self = Self {
        compulsory: &[],
        optional: &[],
        exclusive: &[],
    };

    fn of_command(command: CommandName) -> Self {
        use CommandName as C;
        match command {
            C::AddService | C::EditService => Self {
                compulsory: &[Kind::ServiceAddress],
                optional: &[
                    Kind::Scheduler,
                    Kind::Persistent,
                    Kind::Netmask,
                    Kind::OnePacket,
                    Kind::PersistenceEngine,
                    Kind::SchedulerFlags,
                    Kind::Json,
                ],
                ..Self::NONE
            },
            C::DeleteService => Self {
                compulsory: &[Kind::ServiceAddress],
                optional: &[Kind::Json],
                ..Self::NONE
            },
            C::AddServer | C::EditServer => Self {
                compulsory: &[Kind::ServiceAddress, Kind::RealServer],
                optional: &[
                    Kind::ForwardingMethod,
                    Kind::Weight,
                    Kind::UpperThreshold,
                    Kind::LowerThreshold,
                    Kind::TunnelType,
                    Kind::TunnelPort,
                    Kind::TunnelNoChecksum,
                    Kind::TunnelChecksum,
                    Kind::TunnelRemoteChecksum,
                    Kind::Json,
                ],
                ..Self::NONE
            },
            C::DeleteServer => Self {
                compulsory: &[Kind::ServiceAddress, Kind::RealServer],
                optional: &[Kind::Json],
                ..Self::NONE
            },
            C::List => Self {
                optional: &[
                    Kind::Numeric,
                    Kind::Stats,
                    Kind::Rate,
                    Kind::Thresholds,
                    Kind::PersistentConnections,
                    Kind::NoSort,
                    Kind::SyncId,
                    Kind::Exact,
                    Kind::TunnelInfo,
                    Kind::Json,
                    Kind::Output,
                    Kind::Totals,
                    Kind::OutputFile,
                    Kind::Watch,
                    Kind::Count,
                ],
                exclusive: &[
                    Kind::Connection,
                    Kind::ServiceAddress,
                    Kind::Timeout,
                    Kind::Daemon,
                ],
                ..Self::NONE
            },
            C::Save => Self {
                optional: &[Kind::Numeric, Kind::Json],
                ..Self::NONE
            },
            C::Restore => Self {
                optional: &[Kind::Strict, Kind::Check, Kind::Json],
                ..Self::NONE
            },
            C::Zero => Self {
                optional: &[Kind::ServiceAddress, Kind::Json],
                ..Self::NONE
            },
            C::StartDaemon => Self {
                optional: &[
                    Kind::McastInterface,
                    Kind::SyncId,
                    Kind::SyncMaxlen,
                    Kind::McastGroup,
                    Kind::McastPort,
                    Kind::McastTtl,
                    Kind::Json,
                ],
                ..Self::NONE
            },
            C::StopDaemon => Self {
                optional: &[Kind::SyncId, Kind::Json],
                ..Self::NONE
            },
            C::Clear | C::SetTimeouts => Self {
                optional: &[Kind::Json],
                ..Self::NONE
            },
            C::Help | C::Version => Self::NONE,
        }
    }

    fn of_tunnel(kind: TunnelKind) -> Self {
        match kind {
            TunnelKind::Ipip => Self::NONE,
            TunnelKind::Gue => Self {
                compulsory: &[Kind::TunnelPort],
                exclusive: &[
                    Kind::TunnelNoChecksum,
                    Kind::TunnelChecksum,
                    Kind::TunnelRemoteChecksum,
                ],
                ..Self::NONE
            },
            TunnelKind::Gre => Self {
                exclusive: &[Kind::TunnelNoChecksum, Kind::TunnelChecksum],
                ..Self::NONE
            },
        }
    }

    /// Whether no rule is broken. Most command lines are right, and a file of
    /// rules has many thousands.
    fn allow(&self, given: Kinds) -> bool {
        let [compulsory, optional, exclusive] =
            [self.compulsory, self.optional, self.exclusive].map(|kinds| Kinds::of(kinds).0);
        given.0 & compulsory == compulsory
            && given.0 & !(compulsory | optional | exclusive) == 0
            && (given.0 & exclusive).count_ones() <= 1
    }

    /// The first kind that breaks a rule decides the error.
    fn check(&self, subject: Subject, kinds: &[Kind], given: Kinds) -> Result<(), UsageError> {
        if self.allow(given) {
            return Ok(());
        }
        for &kind in kinds {
            if !given.contains(kind) {
                if self.compulsory.contains(&kind) {
                    return Err(UsageError::Compulsory { subject, kind });
                }
            } else if self.exclusive.contains(&kind) {
                let earlier = self
                    .exclusive
                    .iter()
                    .take_while(|&&other| other != kind)
                    .find(|&&other| given.contains(other));
                if let Some(&other) = earlier {
                    return Err(UsageError::Conflict {
                        subject,
                        kind,
                        other,
                    });
                }
            } else if !self.compulsory.contains(&kind) && !self.optional.contains(&kind) {
                return Err(UsageError::Illegal { subject, kind });
            }
        }
        Ok(())
    }
}

/// Whether the options of a command line go with its command.
pub(crate) fn check_command(command: CommandName, given: Kinds) -> Result<(), UsageError> {
    Rules::of_command(command).check(Subject::Command(command), &Kind::ALL, given)?;

    let special = [Kind::Timeout, Kind::Daemon, Kind::Connection]
        .into_iter()
        .any(|kind| given.contains(kind));
    let view = [Kind::Stats, Kind::Rate, Kind::Thresholds]
        .into_iter()
        .any(|kind| given.contains(kind))
        || given.contains(Kind::PersistentConnections) && !given.contains(Kind::Connection);
    if special && view {
        return Err(UsageError::ListConflict);
    }
    Ok(())
}

/// The commands that an option of this kind may stand beside.
pub(crate) fn commands_with(kind: Kind) -> impl Iterator<Item = &'static Spec> {
    TABLE.iter().filter(move |spec| match spec.name {
        Name::Command(command) => {
            let rules = Rules::of_command(command);
            [rules.compulsory, rules.optional, rules.exclusive]
                .iter()
                .any(|kinds| kinds.contains(&kind))
        }
        Name::Option(_) => false,
    })
}

/// The options that describe a tunnel, in the order of their checks.
const TUNNEL_KINDS: [Kind; 4] = [
    Kind::TunnelPort,
    Kind::TunnelNoChecksum,
    Kind::TunnelChecksum,
    Kind::TunnelRemoteChecksum,
];

/// Whether the tunnel options of a command line go with its type of tunnel.
pub(crate) fn check_tunnel(kind: TunnelKind, given: Kinds) -> Result<(), UsageError> {
    Rules::of_tunnel(kind).check(Subject::Tunnel(kind.name()), &TUNNEL_KINDS, given)
}

/// Whether a command line has options that only tunneling takes.
pub(crate) fn describes_tunnel(given: Kinds) -> bool {
    given.contains(Kind::TunnelType) || TUNNEL_KINDS.iter().any(|&kind| given.contains(kind))
}
