// SPDX-License-Identifier: MIT

//! Failures of this program beside those of the client, the contexts that they
//! get on their way, and the exit status of each.

use std::{
    fmt,
    io::{self, Write},
    path::{Path, PathBuf},
};

use ipvs_client::{
    DestinationId, Errno, Error, Hidden, NameKind, NamespaceError, Operation, ServiceId,
    plan::WantedError,
};

use crate::{
    args::error::{STATUS_USAGE, UsageError},
    command::{Command, drain::ServerName, place::Place},
    json::JsonError,
    output::Unsaved,
};

/// A table, timeout or connection list that cannot be shown.
const STATUS_READ: u8 = 1;
/// IPVS is not there, or not for this user.
const STATUS_UNAVAILABLE: u8 = 2;
/// The kernel refused a change, or would have.
const STATUS_REFUSED: u8 = 255;

/// The program has the rights of another user or group than whoever has started it.
#[derive(Debug, thiserror::Error)]
#[error(
    "ipvsadm must not be set-uid or set-gid: let users of it have sudo, or give a copy of it \
     the capability cap_net_admin (WITHOUT ROOT in ipvsadm(8))"
)]
pub(crate) struct SetIdError;

/// Standard output cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output: {0}")]
pub(crate) struct StdoutError(#[source] pub(crate) io::Error);

/// Adds to a failure that what was to be changed has been changed.
pub(crate) fn after_changes(error: StdoutError) -> anyhow::Error {
    let words = format!("{error}; the changes were made all the same");
    anyhow::Error::from(error).context(words)
}

/// The file of --output-file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {reason}", path.display())]
pub(crate) struct OutputFileError {
    pub(crate) path: PathBuf,
    #[source]
    pub(crate) reason: io::Error,
}

/// There is no server that --drain could mean. The words are those that -d has for
/// it, and so is the exit status.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NothingToDrain {
    #[error("Service not defined: {0}")]
    NoService(ServiceId),
    #[error("No such destination: {0} in {1}")]
    NotInService(ServerName, ServiceId),
    #[error("No such destination: {0} in any virtual service")]
    Nowhere(ServerName),
}

/// The weights that servers had before they were drained are not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoOldWeight {
    /// None is kept of what was named.
    #[error("no old weight is known{}", name_drained(*service, *server))]
    Of {
        service: Option<ServiceId>,
        server: Option<ServerName>,
    },
    /// None can be read, for this reason.
    #[error("{0}")]
    Unreadable(String),
}

fn name_drained(service: Option<ServiceId>, server: Option<ServerName>) -> String {
    let server = server.map_or(String::new(), |server| format!(" of {server}"));
    let service = service.map_or(String::new(), |service| format!(" in {service}"));
    format!("{server}{service}")
}

/// The rules cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {reason}", name_input(file.as_deref()))]
pub(crate) struct InputError {
    /// Standard input if not given.
    pub(crate) file: Option<PathBuf>,
    #[source]
    pub(crate) reason: io::Error,
}

fn name_file(file: Option<&Path>) -> String {
    file.map_or("standard input".to_owned(), |file| {
        file.display().to_string()
    })
}

fn name_input(file: Option<&Path>) -> String {
    file.map_or("from standard input".to_owned(), |file| {
        file.display().to_string()
    })
}

/// A line of a file that describes no table, or not beside those before it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DescriptionError {
    #[error("there is a NUL byte in this line: the file is damaged")]
    Nul,
    #[error("{error}, first in {first}")]
    Repeated { error: WantedError, first: Place },
    #[error("{0} is not added before its server {1}")]
    NoService(ServiceId, DestinationId),
    #[error("only -A, -a, --set and --start-daemon say what should be there, not a command to {0}")]
    Operation(Operation),
    #[error("only -A, -a, --set and --start-daemon say what should be there, not this command")]
    Other,
}

/// A file has no service that the table should have.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NothingDescribed {
    #[error("no virtual service in {}; to clear the table say ipvsadm -C", name_file(.0.as_deref()))]
    InFile(Option<PathBuf>),
    #[error(
        "no virtual service of {} is in the scope; to remove one say ipvsadm -D",
        name_file(.0.as_deref())
    )]
    InScope(Option<PathBuf>),
}

/// A failure of the client comes from one of the changes that a file or --drain asks
/// for: its context, for whoever words it.
#[derive(Debug, thiserror::Error)]
#[error("a change failed")]
pub(crate) struct StepFailed;

/// The table is not what it was made: lines of what differs follow.
#[derive(Debug, thiserror::Error)]
#[error(
    "the table differs from the file: someone else has changed it meanwhile, or the kernel \
     has not kept a value:{0}"
)]
pub(crate) struct ChangedMeanwhile(pub(crate) String);

/// Changes could not be undone: lines of what has become different follow.
#[derive(Debug, thiserror::Error)]
#[error("the table is not as it was before; these lines differ now:{0}")]
pub(crate) struct StandingChanges(pub(crate) String);

/// The folder with the files that outlive a program cannot be used, or a file in it.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {}: {reason}", path.display())]
pub(crate) struct StateError {
    pub(crate) path: PathBuf,
    #[source]
    pub(crate) reason: io::Error,
}

/// The lock of the table is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// There is no file to lock.
    #[error("cannot lock the table: {0}")]
    State(#[from] StateError),
    /// Another program has it.
    #[error(
        "another ipvsadm is changing the table (it holds {}){}",
        path.display(),
        if *wait_helps { "; --wait waits for it" } else { "" }
    )]
    Held {
        /// The file that is locked.
        path: PathBuf,
        /// The command has an option --wait for this.
        wait_helps: bool,
    },
}

/// The kernel has not loaded IPVS, and it is not loaded for a caller who may only look.
/// The first lines are those of the original for such a caller.
#[derive(Debug, thiserror::Error)]
#[error(
    "Can't initialize ipvs: Permission denied (you must be root)\n\
     Are you sure that IP Virtual Server is built in the kernel or as module?\n\
     IPVS is not loaded: there is no /proc/net/ip_vs, and only root can load it"
)]
pub(crate) struct NotLoaded;

/// A listing does not have these entries, and it has no place to say so.
#[derive(Debug, thiserror::Error)]
#[error("not shown: {0}, which only root in the first user namespace can see")]
pub(crate) struct NotShown(pub(crate) Hidden);

/// A listing may not have everything, and what would tell is not there.
#[derive(Debug, thiserror::Error)]
#[error("not known: whether there are entries of IPv6 too, as there is no /proc/net/ip_vs here")]
pub(crate) struct HiddenUnknown;

/// The table has been saved but for these entries, each of which is told on a
/// line of its own.
#[derive(Debug)]
pub(crate) struct Incomplete(pub(crate) Vec<Unsaved>);

impl std::error::Error for Incomplete {}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            entry.fmt(f)?;
        }
        Ok(())
    }
}

/// The command that a failure of the client comes from: its context, for whoever
/// explains it.
#[derive(Debug, thiserror::Error)]
#[error("the command failed")]
pub(crate) struct FailedCommand(pub(crate) Command);

/// The words that a usage error comes from: its context, for whoever explains
/// it. It reads as the error itself.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub(crate) struct CommandLine {
    pub(super) words: Vec<String>,
    error: UsageError,
}

impl CommandLine {
    /// The error with its words around it.
    pub(crate) fn around(error: UsageError, words: &[&str]) -> anyhow::Error {
        let words = words.iter().map(|&word| word.to_owned()).collect();
        anyhow::Error::from(error.clone()).context(Self { words, error })
    }
}

/// The rule that a failure comes from: its context, for whoever reports it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("a rule failed")]
pub(crate) struct RuleAt {
    /// The file, if it has a name.
    pub(crate) file: Option<PathBuf>,
    /// Not given where the error itself says it.
    pub(crate) place: Option<Place>,
    /// The text names the line. The original's does not.
    pub(crate) names_line: bool,
}

impl RuleAt {
    /// Returns the place as a message begins with it: `rules.txt: line 3: `.
    pub(super) fn prefix(&self) -> String {
        let file = self.file.as_deref().map(Path::display);
        let mut text = file.map_or(String::new(), |file| format!("{file}: "));
        match self.place {
            Some(Place::Line(_)) if !self.names_line => {}
            Some(place) => text.push_str(&format!("{place}: ")),
            None => {}
        }
        text
    }
}

/// Returns the exit status of a program that ends with the error.
pub(crate) fn exit_status(error: &anyhow::Error) -> u8 {
    if is_closed_pipe(error) {
        return 0;
    }
    if let Some(error) = error.downcast_ref::<UsageError>() {
        return error.status();
    }
    if error.is::<JsonError>()
        || error.is::<InputError>()
        || error.is::<DescriptionError>()
        || error.is::<NothingDescribed>()
        || error.is::<NamespaceError>()
        || matches!(error.downcast_ref(), Some(NoOldWeight::Unreadable(_)))
    {
        return STATUS_USAGE;
    }
    if error.is::<NothingToDrain>() {
        return STATUS_REFUSED;
    }
    if error.is::<SetIdError>()
        || error.is::<StateError>()
        || error.is::<NotLoaded>()
        || matches!(error.downcast_ref(), Some(LockError::State(_)))
    {
        return STATUS_UNAVAILABLE;
    }
    match error.downcast_ref::<Error>() {
        Some(error) if is_unavailable(error) => STATUS_UNAVAILABLE,
        Some(Error::NeedsNetlink { .. } | Error::Hidden { .. }) => STATUS_UNAVAILABLE,
        Some(error) if is_change(error) => STATUS_REFUSED,
        _ => STATUS_READ,
    }
}

/// Tells a pipe that its reader has closed from other outputs that cannot be
/// written. SIGPIPE is ignored then, or it would have ended the program. Whoever
/// closed the pipe has seen enough, so that this is no failure.
pub(super) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<StdoutError>()
        .is_some_and(|error| error.0.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes what an output still holds. A closed pipe is no failure.
pub(crate) fn flush(out: &mut impl Write) -> Result<(), StdoutError> {
    match out.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(StdoutError(error)),
        _ => Ok(()),
    }
}

/// Finds the operation that the kernel refused, and its reason. The kernel is not
/// asked for names that it cannot have; what it would answer is that there is no
/// such thing.
pub(super) fn find_refusal(error: &Error) -> Option<(Operation, Errno)> {
    match *error {
        Error::Kernel { operation, errno } => Some((operation, errno)),
        Error::ImpossibleName { operation, kind } => {
            let errno = match kind {
                NameKind::Interface => Errno::NODEV,
                _ => Errno::NOENT,
            };
            Some((operation, errno))
        }
        _ => None,
    }
}

/// Names an errno that IPVS answers with as C does; any other by its number.
pub(super) fn name_errno(errno: Errno) -> String {
    let name = match errno {
        Errno::PERM => "EPERM",
        Errno::NOENT => "ENOENT",
        Errno::SRCH => "ESRCH",
        Errno::NOMEM => "ENOMEM",
        Errno::BUSY => "EBUSY",
        Errno::EXIST => "EEXIST",
        Errno::NODEV => "ENODEV",
        Errno::INVAL => "EINVAL",
        Errno::RANGE => "ERANGE",
        Errno::OPNOTSUPP => "EOPNOTSUPP",
        Errno::AFNOSUPPORT => "EAFNOSUPPORT",
        Errno::ADDRNOTAVAIL => "EADDRNOTAVAIL",
        Errno::NETUNREACH => "ENETUNREACH",
        other => return other.raw_os_error().to_string(),
    };
    name.to_owned()
}

/// Tells whether no command can work: there is no IPVS, or not for this user.
pub(crate) fn is_unavailable(error: &Error) -> bool {
    matches!(error, Error::Unavailable { .. }) || error.errno() == Some(Errno::PERM)
}

/// Tells whether the operation would have changed something.
pub(crate) fn is_change(error: &Error) -> bool {
    let operation = error.operation();
    operation.is_some_and(|operation| operation.is_change())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_change_and_a_failed_reading_have_different_statuses() {
        let refused = Error::Kernel {
            operation: Operation::Flush,
            errno: Errno::NOMEM,
        };
        let unread = Error::Kernel {
            operation: Operation::ListServices,
            errno: Errno::NOMEM,
        };
        assert_eq!(exit_status(&refused.into()), 255);
        assert_eq!(exit_status(&unread.into()), 1);
    }
}
