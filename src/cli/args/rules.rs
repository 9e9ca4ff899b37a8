// SPDX-License-Identifier: MIT

//! The rules about which options go with which command, and with which tunnel.

use super::{
    error::{Owner, UsageError},
    name::{self, CommandName, Group, Groups},
    options::TABLE,
    spec::{Kind, Spec},
};
use crate::command::TunnelKind;

/// The options that may stand beside a command or tunnel type; every other is
/// illegal.
#[derive(Clone, Copy)]
struct Rules {
    compulsory: Groups,
    optional: Groups,
    /// Legal too, but one of them at a time.
    exclusive: Groups,
}

impl Rules {
    const NONE: Self = Self {
        compulsory: Groups::NONE,
        optional: Groups::NONE,
        exclusive: Groups::NONE,
    };

    fn for_tunnel(kind: TunnelKind) -> Self {
        match kind {
            TunnelKind::Ipip => Self::NONE,
            TunnelKind::Gue => Self {
                compulsory: Groups::NONE.with(name::TUNNEL_PORT),
                exclusive: Groups::NONE
                    .with(name::TUNNEL_NO_CHECKSUM)
                    .with(name::TUNNEL_CHECKSUM)
                    .with(name::TUNNEL_REMOTE_CHECKSUM),
                ..Self::NONE
            },
            TunnelKind::Gre => Self {
                exclusive: Groups::NONE
                    .with(name::TUNNEL_NO_CHECKSUM)
                    .with(name::TUNNEL_CHECKSUM),
                ..Self::NONE
            },
        }
    }

    /// Returns the rules of -L in the original.
    fn of_original_listing(self) -> Self {
        Self {
            optional: self.optional.without(name::REAL_SERVER),
            ..self
        }
    }

    /// Returns the rules of -L, for connections or for another listing.
    fn of_listing(self, given: Groups) -> Self {
        if given.contains(name::CONNECTION) {
            // The connections of one virtual service.
            Self {
                exclusive: self.exclusive.without(name::SERVICE_ADDRESS),
                optional: self.optional.with(name::SERVICE_ADDRESS),
                ..self
            }
        } else {
            self.of_original_listing()
        }
    }

    fn legal(&self) -> Groups {
        self.compulsory.union(self.optional).union(self.exclusive)
    }

    /// Returns whether no rule is broken. Most command lines are right, and a
    /// file of rules has many thousands.
    fn allow(&self, given: Groups) -> bool {
        given.contains_all(self.compulsory)
            && self.legal().contains_all(given)
            && given.intersection(self.exclusive).len() <= 1
    }

    /// Checks the groups in the order of their ranks: the first one that breaks a
    /// rule decides the error.
    fn check(&self, owner: Owner, given: Groups) -> Result<(), UsageError> {
        if self.allow(given) {
            return Ok(());
        }
        for group in GROUPS.into_iter().flatten() {
            if !given.contains(group) {
                if self.compulsory.contains(group) {
                    return Err(UsageError::Compulsory { owner, group });
                }
            } else if self.exclusive.contains(group) {
                let earlier = given.intersection(self.exclusive).before(group);
                let earlier = GROUPS
                    .into_iter()
                    .flatten()
                    .find(|&other| earlier.contains(other));
                if let Some(other) = earlier {
                    return Err(UsageError::Conflict {
                        owner,
                        group,
                        other,
                    });
                }
            } else if !self.legal().contains(group) {
                return Err(UsageError::Illegal { owner, group });
            }
        }
        Ok(())
    }
}

/// The number of commands; they come first in the table.
const COMMANDS: usize = CommandName::Version as usize + 1;

/// The rules of each command, at the place that it has in the table.
#[expect(
    clippy::indexing_slicing,
    reason = "the compiler does it, and would refuse what is out of bounds"
)]
static RULES: [Rules; COMMANDS] = {
    let mut rules = [Rules::NONE; COMMANDS];
    let mut place = 0;
    while place < TABLE.len() {
        if let Kind::Option {
            group: Some(group),
            commands,
        } = &TABLE[place].kind
        {
            let mut command = 0;
            while command < COMMANDS {
                let rules = &mut rules[command];
                if contains(commands.compulsory, command) {
                    rules.compulsory = rules.compulsory.with(*group);
                }
                if contains(commands.optional, command) {
                    rules.optional = rules.optional.with(*group);
                }
                if contains(commands.exclusive, command) {
                    rules.exclusive = rules.exclusive.with(*group);
                }
                command += 1;
            }
        }
        place += 1;
    }
    rules
};

/// Returns whether the command at this place of the table is among those.
#[expect(
    clippy::indexing_slicing,
    reason = "the compiler does it, and would refuse what is out of bounds"
)]
const fn contains(commands: &[CommandName], place: usize) -> bool {
    let mut index = 0;
    while index < commands.len() {
        if commands[index] as usize == place {
            return true;
        }
        index += 1;
    }
    false
}

/// Every group, at the place of its rank.
#[expect(
    clippy::indexing_slicing,
    reason = "the compiler does it, and would refuse what is out of bounds"
)]
static GROUPS: [Option<Group>; Group::LIMIT] = {
    let mut groups = [None; Group::LIMIT];
    let mut place = 0;
    while place < TABLE.len() {
        if let Kind::Option {
            group: Some(group), ..
        } = TABLE[place].kind
        {
            groups[group.index()] = Some(group);
        }
        place += 1;
    }
    groups
};

fn find_rules(command: CommandName) -> Rules {
    RULES.get(command as usize).copied().unwrap_or(Rules::NONE)
}

/// Returns the command as errors name it.
pub(crate) fn name_owner(command: CommandName) -> Owner {
    let title = match TABLE.get(command as usize).map(|spec| &spec.kind) {
        Some(Kind::Command { title, .. }) => title,
        _ => "",
    };
    Owner::Command { command, title }
}

/// Checks that the options of a command line go with its command.
///
/// # Errors
/// The first group that does not, by rank; then options of -L that ask for two
/// listings.
pub(super) fn check_command(command: CommandName, given: Groups) -> Result<(), UsageError> {
    let mut rules = find_rules(command);
    if command == CommandName::List {
        rules = rules.of_listing(given);
    }
    rules.check(name_owner(command), given)?;

    let has_one_of = |groups: &[Group]| groups.iter().any(|&group| given.contains(group));
    let is_other_listing = has_one_of(&[name::TIMEOUT, name::DAEMON, name::CONNECTION]);
    let has_view = has_one_of(&[name::STATS, name::RATE, name::THRESHOLDS])
        || given.contains(name::PERSISTENT_CONNECTIONS) && !given.contains(name::CONNECTION);
    if is_other_listing && has_view {
        return Err(UsageError::ListConflict);
    }
    Ok(())
}

/// Checks that a listing in a file of rules is one of the original's: such a file ends
/// there at what it refuses.
///
/// # Errors
/// The first group that is refused, by rank.
pub(super) fn check_listing_in_rule(given: Groups) -> Result<(), UsageError> {
    let command = CommandName::List;
    let rules = find_rules(command).of_original_listing();
    rules.check(name_owner(command), given)
}

/// Returns the commands that an option of this group may stand beside.
pub(crate) fn find_commands(group: Group) -> impl Iterator<Item = &'static Spec> {
    TABLE.iter().filter(move |spec| {
        spec.command()
            .is_some_and(|command| find_rules(command).legal().contains(group))
    })
}

/// The options that describe a tunnel.
const TUNNEL_OPTIONS: Groups = Groups::NONE
    .with(name::TUNNEL_PORT)
    .with(name::TUNNEL_NO_CHECKSUM)
    .with(name::TUNNEL_CHECKSUM)
    .with(name::TUNNEL_REMOTE_CHECKSUM);

/// Checks that the tunnel options that are given go with the type of tunnel.
pub(crate) fn check_tunnel(kind: TunnelKind, given: Groups) -> Result<(), UsageError> {
    let owner = Owner::Tunnel(kind.name());
    Rules::for_tunnel(kind).check(owner, given.intersection(TUNNEL_OPTIONS))
}

/// Returns whether a command line has options that only tunneling takes.
pub(super) fn describe_tunnel(given: Groups) -> bool {
    given.contains(name::TUNNEL_TYPE) || given.intersection(TUNNEL_OPTIONS) != Groups::NONE
}
