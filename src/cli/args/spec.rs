// SPDX-License-Identifier: MIT

//! The form of a row in the table of commands and options.

use super::{
    error::UsageError,
    name::{CommandName, Group},
    raw::RawOptions,
    word_list::WordList,
};

/// A row of the table: a command or an option.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) kind: Kind,
    /// The name after `--`.
    pub(crate) long: &'static str,
    /// The first is shown; the others are accepted too.
    pub(crate) letters: &'static [char],
    pub(crate) value: Value,
    pub(crate) heading: Heading,
    /// The set that the value is from, if it is a fixed one.
    pub(crate) words: Option<&'static WordList>,
    /// It may be given more than once.
    pub(crate) is_repeatable: bool,
    /// It may stand before the command, and then needs none.
    pub(crate) may_lead: bool,
    help: &'static str,
    take: Take,
}

/// The two kinds of row.
#[derive(Debug)]
pub(crate) enum Kind {
    Command {
        command: CommandName,
        /// The name in error messages.
        title: &'static str,
    },
    Option {
        /// `None` for an option that may stand beside anything, itself too.
        group: Option<Group>,
        /// The commands that it goes with.
        commands: Commands,
    },
}

/// The commands that an option goes with.
#[derive(Debug)]
pub(crate) struct Commands {
    /// Those that need it.
    pub(super) compulsory: &'static [CommandName],
    pub(super) optional: &'static [CommandName],
    /// Those that take it, but only one of the options that are so for them.
    pub(super) exclusive: &'static [CommandName],
}

/// The value that follows a command or option, by its name in the help text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    None,
    Required(&'static str),
    /// It may be left out, and is the next word unless that begins with `-`.
    Optional(&'static str),
    /// It may be left out, and stands behind `=`: the next word can be the name of a file.
    Attached(&'static str),
}

/// The effect of a command or option on what the command line says, beyond being
/// there.
#[derive(Debug)]
enum Take {
    Nothing,
    Flag(fn(&mut RawOptions<'_>) -> Result<(), UsageError>),
    Required(TakeRequired),
    Optional(fn(&mut RawOptions<'_>, Option<&str>) -> Result<(), UsageError>),
}

type TakeRequired = for<'a> fn(&mut RawOptions<'a>, &'a str) -> Result<(), UsageError>;

/// The place of a row in the help text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heading {
    Commands,
    VirtualService,
    ServiceOptions,
    ServerOptions,
    ChangeOptions,
    ListOptions,
    RestoreOptions,
    ApplyOptions,
    DrainOptions,
    ReportOptions,
    WaitOptions,
    ColourOptions,
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
            Self::ChangeOptions => "Options of changes",
            Self::ListOptions => "Options of -L and -S",
            Self::RestoreOptions => "Options of -R",
            Self::ApplyOptions => "Options of --apply and --diff",
            Self::DrainOptions => "Options of --drain",
            Self::ReportOptions => "Option of --report",
            Self::WaitOptions => "Option of --apply and --drain",
            Self::ColourOptions => "Option of -L, --apply, --diff and --doctor",
            Self::DaemonOptions => "Options of --start-daemon",
            Self::AnyCommand => "Options of every command",
        }
    }
}

impl Spec {
    /// Returns the option as it is typed, by its letter if it has one.
    pub(crate) fn spelling(&self) -> String {
        match self.letters.first() {
            Some(letter) => format!("-{letter}"),
            None => format!("--{}", self.long),
        }
    }

    /// Returns the sentence of the help text.
    pub(crate) fn sentence(&self) -> String {
        match self.words {
            Some(words) => words.fill_in(self.help),
            None => self.help.to_owned(),
        }
    }

    /// Returns the command, if the row is one.
    pub(crate) fn command(&self) -> Option<CommandName> {
        match self.kind {
            Kind::Command { command, .. } => Some(command),
            Kind::Option { .. } => None,
        }
    }

    /// Returns the group of the option, if it has one.
    pub(crate) fn group(&self) -> Option<Group> {
        match self.kind {
            Kind::Command { .. } => None,
            Kind::Option { group, .. } => group,
        }
    }

    /// Adds the command or option with its value to those of a command line.
    pub(super) fn apply<'a>(
        &self,
        options: &mut RawOptions<'a>,
        value: Option<&'a str>,
    ) -> Result<(), UsageError> {
        if let Some(group) = self.group()
            && !options.given.insert(group)
            && !self.is_repeatable
        {
            return Err(UsageError::Repeated(group));
        }
        match self.take {
            Take::Nothing => Ok(()),
            Take::Flag(take) => take(options),
            // The scanner gives a value to every option that requires one.
            Take::Required(take) => take(options, value.unwrap_or_default()),
            Take::Optional(take) => take(options, value),
        }
    }

    const fn new(kind: Kind, heading: Heading, long: &'static str) -> Self {
        Self {
            kind,
            long,
            letters: &[],
            value: Value::None,
            heading,
            words: None,
            is_repeatable: false,
            may_lead: false,
            help: "",
            take: Take::Nothing,
        }
    }

    /// Sets the name in error messages, where it is not the one after `--`.
    pub(super) const fn title(mut self, text: &'static str) -> Self {
        if let Kind::Command { title, .. } = &mut self.kind {
            *title = text;
        }
        self
    }

    /// Sets the name after `--`, where it is not that of the group.
    pub(super) const fn long(mut self, long: &'static str) -> Self {
        self.long = long;
        self
    }

    /// Lets the option be given more than once.
    pub(super) const fn repeatable(mut self) -> Self {
        self.is_repeatable = true;
        self
    }

    /// Lets the option stand before the command, too.
    pub(super) const fn leading(mut self) -> Self {
        self.may_lead = true;
        self
    }

    pub(super) const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    pub(super) const fn letters(mut self, letters: &'static [char]) -> Self {
        self.letters = letters;
        self
    }

    /// Sets the words that the value is one of; the help text may have `{or}` or
    /// `{,}` in their place.
    pub(super) const fn words(mut self, words: &'static WordList) -> Self {
        self.words = Some(words);
        self
    }

    pub(super) const fn flag(
        mut self,
        take: fn(&mut RawOptions<'_>) -> Result<(), UsageError>,
    ) -> Self {
        self.take = Take::Flag(take);
        self
    }

    /// Lets a value follow, by this name in the help text.
    pub(super) const fn required(mut self, value: &'static str, take: TakeRequired) -> Self {
        self.value = Value::Required(value);
        self.take = Take::Required(take);
        self
    }

    /// Lets a value follow that may be left out.
    pub(super) const fn optional(
        mut self,
        value: &'static str,
        take: fn(&mut RawOptions<'_>, Option<&str>) -> Result<(), UsageError>,
    ) -> Self {
        self.value = Value::Optional(value);
        self.take = Take::Optional(take);
        self
    }

    /// Lets a value follow behind `=`, or none.
    pub(super) const fn attached(
        mut self,
        value: &'static str,
        take: fn(&mut RawOptions<'_>, Option<&str>) -> Result<(), UsageError>,
    ) -> Self {
        self.value = Value::Attached(value);
        self.take = Take::Optional(take);
        self
    }
}

impl Commands {
    pub(super) const NONE: Self = Self {
        compulsory: &[],
        optional: &[],
        exclusive: &[],
    };

    pub(super) const fn optional(commands: &'static [CommandName]) -> Self {
        Self {
            optional: commands,
            ..Self::NONE
        }
    }
}

/// Begins the row of a command.
pub(super) const fn command(command: CommandName, long: &'static str) -> Spec {
    let kind = Kind::Command {
        command,
        title: long,
    };
    Spec::new(kind, Heading::Commands, long)
}

/// Begins the row of an option of this group.
pub(super) const fn option(heading: Heading, group: Group, commands: Commands) -> Spec {
    let kind = Kind::Option {
        group: Some(group),
        commands,
    };
    Spec::new(kind, heading, group.name)
}

/// Begins the row of an option that may stand beside anything, itself too.
pub(super) const fn ungrouped(heading: Heading, long: &'static str) -> Spec {
    let kind = Kind::Option {
        group: None,
        commands: Commands::NONE,
    };
    Spec::new(kind, heading, long)
}
