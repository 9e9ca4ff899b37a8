// SPDX-License-Identifier: MIT

//! What a failure says and which exit status it is. The words and statuses are
//! those of ipvsadm 1.31: scripts and tools match on them.

use std::io::{self, IsTerminal, Write};

use ipvs_client::{Errno, Error, Operation};

use crate::usage::UsageError;

/// A table, timeout or connection list that cannot be shown.
const STATUS_READ: u8 = 1;
/// IPVS is not there, or not for this user.
const STATUS_UNAVAILABLE: u8 = 2;
/// The kernel refused a change.
const STATUS_REFUSED: u8 = 255;

/// Standard output cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output: {0}")]
pub(crate) struct Output(#[source] pub(crate) io::Error);

/// Standard input cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read from standard input: {0}")]
pub(crate) struct Input(#[source] pub(crate) io::Error);

/// The exit status of a program that ends with the error.
pub(crate) fn status(error: &anyhow::Error) -> u8 {
    if let Some(error) = error.downcast_ref::<UsageError>() {
        return error.status();
    }
    match error.downcast_ref::<Error>() {
        Some(error) if is_unavailable(error) => STATUS_UNAVAILABLE,
        Some(error) if changes(error) => STATUS_REFUSED,
        _ => STATUS_READ,
    }
}

/// Whether no command can work: there is no IPVS, or not for this user.
pub(crate) fn is_unavailable(error: &Error) -> bool {
    matches!(error, Error::Unavailable { .. }) || error.errno() == Some(Errno::PERM)
}

/// Says on standard error what is wrong.
pub(crate) fn report(error: &anyhow::Error) {
    if error
        .downcast_ref::<Output>()
        .is_some_and(|error| error.0.kind() == io::ErrorKind::BrokenPipe)
    {
        // Whoever closed the pipe has seen enough.
        return;
    }
    let mut text = match error.downcast_ref::<Error>() {
        Some(error) => words(error),
        None => error.to_string(),
    };
    let mut stderr = io::stderr().lock();
    // Only a person is told more than the original says.
    if stderr.is_terminal()
        && let Some(error @ Error::Kernel { .. }) = error.downcast_ref::<Error>()
    {
        text.push_str(&format!("\n({error})"));
    }
    // With standard error gone there is nobody left to tell.
    let _ = writeln!(stderr, "{text}");
}

fn words(error: &Error) -> String {
    const QUESTION: &str =
        "Are you sure that IP Virtual Server is built in the kernel or as module?";
    match error {
        Error::Unavailable { modprobe } => {
            let modprobe = modprobe
                .as_ref()
                .map(|said| format!("{said}\n"))
                .unwrap_or_default();
            format!("{modprobe}Can't initialize ipvs: Protocol not available\n{QUESTION}")
        }
        error if error.errno() == Some(Errno::PERM) => {
            format!("Can't initialize ipvs: Permission denied (you must be root)\n{QUESTION}")
        }
        Error::Kernel { operation, errno } => refusal(*operation, *errno),
        other => other.to_string(),
    }
}

/// The kernel's reason in the original's words.
fn refusal(operation: Operation, errno: Errno) -> String {
    use Operation as O;
    let words = match (operation, errno) {
        (O::AddService(_), Errno::EXIST) => "Service already exists",
        (O::AddService(_) | O::EditService(_), Errno::NOENT) => {
            "Scheduler or persistence engine not found"
        }
        (
            O::EditService(_) | O::DeleteService(_) | O::ReadService(_) | O::ZeroService(_),
            Errno::SRCH,
        ) => "No such service",
        (
            O::AddDestination(..) | O::EditDestination(..) | O::DeleteDestination(..),
            Errno::SRCH,
        ) => "Service not defined",
        (O::AddDestination(..), Errno::EXIST) => "Destination already exists",
        (O::EditDestination(..) | O::DeleteDestination(..), Errno::NOENT) => "No such destination",
        (O::StartDaemon(_), Errno::EXIST) => "Daemon has already run",
        (O::StopDaemon(_), Errno::SRCH) => "No daemon is running",
        (_, Errno::INVAL) => {
            "Invalid operation.  Possibly wrong module version, address not unicast, ..."
        }
        (_, Errno::NOMEM) => "Memory allocation problem",
        // The C library's words, without the number that Rust adds.
        _ => {
            let text = errno.to_string();
            return match text.split_once(" (os error") {
                Some((words, _)) => words.to_owned(),
                None => text,
            };
        }
    };
    words.to_owned()
}

/// Whether the operation would have changed something.
fn changes(error: &Error) -> bool {
    use Operation as O;
    match error {
        Error::Kernel { operation, .. }
        | Error::Io { operation, .. }
        | Error::Timeout { operation }
        | Error::AnswerLost { operation }
        | Error::Malformed { operation, .. }
        | Error::NetmaskFamily { operation, .. } => matches!(
            operation,
            O::AddService(_)
                | O::EditService(_)
                | O::DeleteService(_)
                | O::AddDestination(..)
                | O::EditDestination(..)
                | O::DeleteDestination(..)
                | O::ZeroService(_)
                | O::ZeroAll
                | O::Flush
                | O::SetTimeouts
                | O::StartDaemon(_)
                | O::StopDaemon(_)
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errno_without_words_of_its_own_has_those_of_the_c_library() {
        assert_eq!(
            refusal(Operation::SetTimeouts, Errno::RANGE),
            "Numerical result out of range"
        );
    }

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
        assert_eq!(status(&refused.into()), 255);
        assert_eq!(status(&unread.into()), 1);
    }

    #[test]
    fn without_root_the_question_about_the_kernel_is_asked_and_the_status_is_2() {
        let error = Error::Kernel {
            operation: Operation::ListServices,
            errno: Errno::PERM,
        };
        assert_eq!(
            words(&error),
            "Can't initialize ipvs: Permission denied (you must be root)\n\
             Are you sure that IP Virtual Server is built in the kernel or as module?"
        );
        assert_eq!(status(&error.into()), 2);
    }
}
