// SPDX-License-Identifier: MIT

//! The words of ipvsadm 1.31 for what fails: scripts and tools match on them.

use ipvs_client::{Errno, Error, Operation};

use super::error::{RuleAt, StepFailed, find_refusal, name_errno};
use crate::command::place::Place;

/// Words an error that is not the client's, without its context.
pub(super) fn word_other(error: &anyhow::Error) -> String {
    match error.chain().nth(error.is::<RuleAt>().into()) {
        Some(error) => error.to_string(),
        None => error.to_string(),
    }
}

/// Words the place of the rule that failed, and its operation where it is of a
/// JSON document, which has no line to look up.
pub(super) fn word_prefix(error: &anyhow::Error) -> String {
    let Some(at) = error.downcast_ref::<RuleAt>() else {
        return String::new();
    };
    let operation = error.downcast_ref::<Error>().and_then(Error::operation);
    match (at.place, operation) {
        (Some(Place::Service(_) | Place::Destination(..)), Some(operation))
            if !error.is::<StepFailed>() =>
        {
            format!("{}cannot {operation}: ", at.prefix())
        }
        _ => at.prefix(),
    }
}

/// Words the failure of a change that no command line has asked for, and that the
/// original has no words for.
pub(super) fn word_step(error: &Error) -> String {
    match find_refusal(error) {
        Some((_, errno)) => {
            let words = error.to_string();
            format!("{} ({})", strip_number(&words), name_errno(errno))
        }
        None => error.to_string(),
    }
}

/// Words a failure of the client as the original does, which needs a raw socket,
/// and so a capability, to find out that the kernel has no IPVS.
pub(super) fn word_failure(error: &Error, net_raw: bool) -> String {
    const NO_IPVS: &str = "Can't initialize ipvs: Protocol not available";
    const NOT_ROOT: &str = "Can't initialize ipvs: Permission denied (you must be root)";
    const QUESTION: &str =
        "Are you sure that IP Virtual Server is built in the kernel or as module?";
    match error {
        Error::Unavailable { modprobe } => {
            let reason = if net_raw { NO_IPVS } else { NOT_ROOT };
            match modprobe {
                Ok(said) if said.is_empty() => format!("{reason}\n{QUESTION}"),
                Ok(said) => format!("{said}\n{reason}\n{QUESTION}"),
                Err(error) => format!(
                    "{reason}\n{QUESTION}\ncannot run /sbin/modprobe to load ip_vs: {}",
                    strip_number(&error.to_string())
                ),
            }
        }
        error if error.errno() == Some(Errno::PERM) => format!("{NOT_ROOT}\n{QUESTION}"),
        Error::KeptChanging { .. } => format!("{error}\nNothing of it was written."),
        other => match find_refusal(other) {
            Some((operation, errno)) => word_refusal(operation, errno),
            None => other.to_string(),
        },
    }
}

/// Words the kernel's reason as the original does.
pub(super) fn word_refusal(operation: Operation, errno: Errno) -> String {
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
        _ => return word_errno(errno),
    };
    words.to_owned()
}

/// Words an errno as glibc does, with which the original is linked: musl has other words
/// for some.
fn word_errno(errno: Errno) -> String {
    match GLIBC_WORDS.iter().find(|(other, _)| *other == errno) {
        Some((_, words)) => (*words).to_owned(),
        None => strip_number(&errno.to_string()).to_owned(),
    }
}

/// Answers of the kernel for which the C libraries have different words.
const GLIBC_WORDS: [(Errno, &str); 8] = [
    (Errno::ADDRNOTAVAIL, "Cannot assign requested address"),
    (Errno::BUSY, "Device or resource busy"),
    (Errno::MSGSIZE, "Message too long"),
    (Errno::NETUNREACH, "Network is unreachable"),
    (Errno::NOPROTOOPT, "Protocol not available"),
    (Errno::NOSYS, "Function not implemented"),
    (Errno::OPNOTSUPP, "Operation not supported"),
    (Errno::RANGE, "Numerical result out of range"),
];

/// Returns the C library's words for an error, without the number that Rust adds.
fn strip_number(text: &str) -> &str {
    text.split_once(" (os error")
        .map_or(text, |(words, _)| words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::exit_status;

    #[test]
    fn without_ipvs_it_depends_on_the_right_to_a_raw_socket_what_the_original_says() {
        let error = Error::Unavailable {
            modprobe: Ok("modprobe: no".to_owned()),
        };
        assert_eq!(
            word_failure(&error, true).lines().collect::<Vec<_>>()[..2],
            [
                "modprobe: no",
                "Can't initialize ipvs: Protocol not available"
            ]
        );
        assert_eq!(
            word_failure(&error, false).lines().nth(1),
            Some("Can't initialize ipvs: Permission denied (you must be root)")
        );
    }

    #[test]
    fn a_module_loader_that_cannot_be_run_is_named_after_the_words_of_the_original() {
        let error = Error::Unavailable {
            modprobe: Err(Errno::NOENT.into()),
        };
        assert_eq!(
            word_failure(&error, true),
            "Can't initialize ipvs: Protocol not available\n\
             Are you sure that IP Virtual Server is built in the kernel or as module?\n\
             cannot run /sbin/modprobe to load ip_vs: No such file or directory"
        );
        let silent = Error::Unavailable {
            modprobe: Ok(String::new()),
        };
        assert_eq!(word_failure(&silent, true).lines().count(), 2);
    }

    #[test]
    fn an_errno_without_words_of_its_own_has_those_of_the_c_library() {
        assert_eq!(
            word_refusal(Operation::SetTimeouts, Errno::RANGE),
            "Numerical result out of range"
        );
    }

    #[test]
    #[cfg(target_env = "gnu")]
    fn the_words_of_the_list_are_glibcs() {
        for (errno, words) in GLIBC_WORDS {
            assert_eq!(strip_number(&errno.to_string()), words);
        }
    }

    #[test]
    fn a_table_that_kept_changing_is_said_to_be_unwritten_with_status_1() {
        let error = Error::KeptChanging {
            operation: Operation::ListServices,
        };
        let text = word_failure(&error, true);
        assert!(
            text.starts_with("cannot list the virtual services: the table kept changing"),
            "{text}"
        );
        assert!(text.ends_with("\nNothing of it was written."), "{text}");
        assert_eq!(exit_status(&error.into()), 1);
    }

    #[test]
    fn without_root_the_question_about_the_kernel_is_asked_and_the_status_is_2() {
        let error = Error::Kernel {
            operation: Operation::ListServices,
            errno: Errno::PERM,
        };
        assert_eq!(
            word_failure(&error, true),
            "Can't initialize ipvs: Permission denied (you must be root)\n\
             Are you sure that IP Virtual Server is built in the kernel or as module?"
        );
        assert_eq!(exit_status(&error.into()), 2);
    }
}
