// SPDX-License-Identifier: MIT

//! What a failure says and which exit status it is. The words and statuses are
//! those of ipvsadm 1.31: scripts and tools match on them.

pub(crate) mod facts;
pub(crate) mod hint;

use std::{
    fmt,
    io::{self, Write},
    path::{Path, PathBuf},
};

use ipvs_client::{Errno, Error, Operation};

use crate::{
    args::error::{STATUS_USAGE, UsageError},
    command::{Command, place::Place},
    failure::facts::Facts,
    json::JsonError,
    output::Unsaved,
};

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

/// The file of --output-file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {reason}", path.display())]
pub(crate) struct OutputFile {
    pub(crate) path: PathBuf,
    #[source]
    pub(crate) reason: io::Error,
}

/// The rules cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {reason}", input_name(file.as_deref()))]
pub(crate) struct Input {
    /// Standard input if not given.
    pub(crate) file: Option<PathBuf>,
    #[source]
    pub(crate) reason: io::Error,
}

fn input_name(file: Option<&Path>) -> String {
    file.map_or("from standard input".to_owned(), |file| {
        file.display().to_string()
    })
}

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
pub(crate) struct Attempt(pub(crate) Command);

/// The words that a usage error comes from: its context, for whoever explains
/// it. It reads as the error itself.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub(crate) struct CommandLine {
    words: Vec<String>,
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
    /// `rules.txt: line 3: `
    fn prefix(&self) -> String {
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

/// The exit status of a program that ends with the error.
pub(crate) fn status(error: &anyhow::Error) -> u8 {
    if is_closed_pipe(error) {
        return 0;
    }
    if let Some(error) = error.downcast_ref::<UsageError>() {
        return error.status();
    }
    if error.is::<JsonError>() || error.is::<Input>() {
        return STATUS_USAGE;
    }
    match error.downcast_ref::<Error>() {
        Some(error) if is_unavailable(error) => STATUS_UNAVAILABLE,
        Some(error) if changes(error) => STATUS_REFUSED,
        _ => STATUS_READ,
    }
}

/// Tells a pipe that its reader has closed from other outputs that cannot be
/// written. SIGPIPE is ignored then, or it would have ended the program. Whoever
/// closed the pipe has seen enough, so that this is no failure.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<Output>()
        .is_some_and(|error| error.0.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes what an output still holds. A closed pipe is no failure.
pub(crate) fn flush(out: &mut impl Write) -> Result<(), Output> {
    match out.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Output(error)),
        _ => Ok(()),
    }
}

/// Whether no command can work: there is no IPVS, or not for this user.
pub(crate) fn is_unavailable(error: &Error) -> bool {
    matches!(error, Error::Unavailable { .. }) || error.errno() == Some(Errno::PERM)
}

/// Where it is said what is wrong.
pub(crate) struct Messages<'a> {
    out: &'a mut dyn Write,
    /// Whether a person reads it, who is told more than the original says. Asked
    /// when there is something to say.
    is_terminal: fn() -> bool,
    /// A program reads it that wants an object for each message.
    as_json: bool,
    /// Hints may come from reading the table.
    may_read_table: bool,
}

impl<'a> Messages<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, is_terminal: fn() -> bool) -> Self {
        Self {
            out,
            is_terminal,
            as_json: false,
            may_read_table: true,
        }
    }

    /// From now on hints do without reading the table: of a file of rules, many
    /// thousands may fail.
    pub(crate) fn expect_many(&mut self) {
        self.may_read_table = false;
    }

    /// From now on each message is a JSON object on a line of its own.
    pub(crate) fn become_json(&mut self) {
        self.as_json = true;
    }

    pub(crate) fn report(&mut self, error: &anyhow::Error) {
        if is_closed_pipe(error) {
            return;
        }
        if self.as_json {
            self.show(&format!("{}\n", object(error)));
        } else {
            let text = self.text(error);
            self.show(&format!("{text}\n"));
        }
    }

    /// Adds a line to what was reported, for people: an object has said it all.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.as_json {
            self.show(&format!("{text}\n"));
        }
    }

    /// Says something that only a person at a terminal wants to know.
    pub(crate) fn note_to_terminal(&mut self, text: &str) {
        if self.are_for_a_person() {
            self.note(text);
        }
    }

    /// Tells whether a person reads the messages, and not a program.
    pub(crate) fn are_for_a_person(&self) -> bool {
        !self.as_json && (self.is_terminal)()
    }

    /// Tells a person, and nobody else, about something that is no failure.
    pub(crate) fn warn(&mut self, warning: &str) {
        self.note_to_terminal(&format!("warning: {warning}"));
    }

    /// Shows a text as it is.
    pub(crate) fn show(&mut self, text: &str) {
        // When it cannot be said there is nobody left to tell that.
        let _ = self.out.write_all(text.as_bytes());
    }

    fn text(&self, error: &anyhow::Error) -> String {
        let failure = error.downcast_ref::<Error>();
        let to_terminal = (self.is_terminal)();
        let facts = (to_terminal || failure.is_some_and(is_unavailable)).then(Facts::read);
        let mut text = match failure {
            Some(failure) => words(failure, facts.as_ref().is_none_or(|facts| facts.net_raw)),
            None => own_words(error),
        };
        let prefix = prefix(error);
        if !prefix.is_empty() {
            // A message of the original's can end with an empty line.
            text = format!("{prefix}{}", text.trim_end());
        }
        if to_terminal && let Some(failure @ Error::Kernel { .. }) = failure {
            text.push_str(&format!("\n({failure})"));
        }
        let may_read_table = self.may_read_table;
        if let Some(line) =
            facts.and_then(|facts| hint_line(error, &facts, to_terminal, may_read_table))
        {
            // A message of the original's can end with an empty line.
            text.truncate(text.trim_end().len());
            text.push_str(&format!("\n{line}"));
        }
        text
    }
}

/// The hint for a person at a terminal. In a container it is for whoever reads
/// the log, if no command can work there: what is missing is missing around it.
fn hint_line(
    error: &anyhow::Error,
    facts: &Facts,
    to_terminal: bool,
    may_read_table: bool,
) -> Option<String> {
    let unavailable = || error.downcast_ref::<Error>().is_some_and(is_unavailable);
    let start = if to_terminal {
        "hint"
    } else if !facts.initial_pid_namespace && unavailable() {
        "ipvsadm: hint"
    } else {
        return None;
    };
    let hint = find_hint(error, facts, may_read_table)?;
    Some(format!("{start}: {hint}"))
}

/// The words of an error that is not the client's, without its context.
fn own_words(error: &anyhow::Error) -> String {
    match error.chain().nth(error.is::<RuleAt>().into()) {
        Some(error) => error.to_string(),
        None => error.to_string(),
    }
}

/// The place of the rule that failed, and what it asked for where that stands in
/// no line that could be looked up.
fn prefix(error: &anyhow::Error) -> String {
    let Some(at) = error.downcast_ref::<RuleAt>() else {
        return String::new();
    };
    let operation = error.downcast_ref::<Error>().and_then(Error::operation);
    match (at.place, operation) {
        (Some(Place::Service(_) | Place::Destination(..)), Some(operation)) => {
            format!("{}cannot {operation}: ", at.prefix())
        }
        _ => at.prefix(),
    }
}

/// An error as JSON: what was asked, of which object, the kernel's reason, the
/// words, and where the rule stands.
fn object(error: &anyhow::Error) -> serde_json::Value {
    let failure = error.downcast_ref::<Error>();
    let operation = failure.and_then(Error::operation);
    let json_error = error.downcast_ref::<JsonError>();
    let message = match (failure, json_error) {
        (Some(failure), _) => words(failure, true),
        (None, Some(error)) => error.reason(),
        (None, None) => own_words(error),
    };
    let mut object = serde_json::json!({
        "operation": operation.map(|operation| operation.to_string()),
        "object": operation.and_then(named_object),
        "errno": failure.and_then(Error::errno).map(errno_name),
        "message": message.trim_end(),
    });
    let at = error.downcast_ref::<RuleAt>();
    let (mut line, mut place) = match at.and_then(|at| at.place) {
        Some(Place::Line(line)) => (Some(line), None),
        Some(place) => (None, Some(place.to_string())),
        None => (None, None),
    };
    if let Some(error) = json_error {
        (line, place) = error.line_or_place();
    }
    let file = at.and_then(|at| at.file.as_deref());
    for (name, value) in [
        ("file", file.map(|file| file.display().to_string().into())),
        ("line", line.map(Into::into)),
        ("place", place.map(Into::into)),
    ] {
        if let (Some(value), Some(object)) = (value, object.as_object_mut()) {
            object.insert(name.to_owned(), value);
        }
    }
    object
}

/// The virtual service, real server or daemon that an operation is about.
fn named_object(operation: Operation) -> Option<serde_json::Value> {
    use Operation as O;
    Some(match operation {
        O::ReadService(service)
        | O::AddService(service)
        | O::EditService(service)
        | O::DeleteService(service)
        | O::ListDestinations(service)
        | O::ZeroService(service) => serde_json::json!({"service": service.to_string()}),
        O::AddDestination(service, destination)
        | O::EditDestination(service, destination)
        | O::DeleteDestination(service, destination) => serde_json::json!({
            "service": service.to_string(),
            "destination": destination.to_string(),
        }),
        O::StartDaemon(role) | O::StopDaemon(role) => {
            serde_json::json!({"daemon": role.to_string()})
        }
        _ => return None,
    })
}

/// The name that C has for an errno that IPVS answers with; the number of any
/// other.
fn errno_name(errno: Errno) -> String {
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

fn find_hint(error: &anyhow::Error, facts: &Facts, may_read_table: bool) -> Option<String> {
    if let Some(usage) = error.downcast_ref::<UsageError>() {
        let line = error.downcast_ref::<CommandLine>();
        return hint::of_usage(usage, line.map_or(&[], |line| &line.words));
    }
    let command = error.downcast_ref::<Attempt>().map(|attempt| &attempt.0);
    let failure = error.downcast_ref::<Error>()?;
    hint::of_failure(failure, command, facts, may_read_table)
}

/// In the original's words. It needs a raw socket, which takes a capability, to
/// find out that the kernel has no IPVS.
fn words(error: &Error, net_raw: bool) -> String {
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
                    without_number(&error.to_string())
                ),
            }
        }
        error if error.errno() == Some(Errno::PERM) => format!("{NOT_ROOT}\n{QUESTION}"),
        Error::Kernel { operation, errno } => refusal(*operation, *errno),
        Error::KeptChanging { .. } => format!("{error}\nNothing of it was written."),
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
        _ => return without_number(&errno.to_string()).to_owned(),
    };
    words.to_owned()
}

/// The C library's words for an error, without the number that Rust adds.
fn without_number(text: &str) -> &str {
    text.split_once(" (os error")
        .map_or(text, |(words, _)| words)
}

/// Whether the operation would have changed something.
pub(crate) fn changes(error: &Error) -> bool {
    use Operation as O;
    error.operation().is_some_and(|operation| {
        matches!(
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
                | O::ApplyChanges
                | O::StartDaemon(_)
                | O::StopDaemon(_)
        )
    })
}

#[cfg(test)]
mod tests {
    use ipvs_client::{AddressFamily, DestinationId, ServiceId};

    use super::*;
    use crate::args::parse_command;

    /// What is reported of a command that the kernel refuses.
    fn reported(line: &str, errno: Errno, is_terminal: fn() -> bool) -> String {
        let command = parse_command(line);
        let operation = match &command {
            Command::Change(change) => change.operation(),
            _ => Operation::ListServices,
        };
        let error = anyhow::Error::from(Error::Kernel { operation, errno });
        let mut out = Vec::new();
        Messages::new(&mut out, is_terminal).report(&error.context(Attempt(command)));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_a_terminal_is_told_more_than_the_original_says() {
        let line = "-a -t 10.0.0.1:80 -r 10.0.0.2 -x 3 -y 5";
        assert_eq!(
            reported(line, Errno::RANGE, || false),
            "Numerical result out of range\n"
        );
        let lines = reported(line, Errno::RANGE, || true);
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(lines[0], "Numerical result out of range");
        assert!(lines[1].starts_with("(cannot add 10.0.0.2:80"), "{lines:?}");
        assert!(
            lines[2].starts_with("hint: the lower threshold"),
            "{lines:?}"
        );
        assert_eq!(
            reported("-C", Errno::NOMEM, || true).lines().count(),
            2,
            "there is not always a hint"
        );
    }

    #[test]
    fn usage_errors_have_hints_for_a_terminal_too() {
        let mut out = Vec::new();
        Messages::new(&mut out, || true).report(&UsageError::FamiliesDiffer.into());
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("\nhint: only tunneling"), "{text}");
    }

    #[test]
    fn a_closed_pipe_is_not_reported_and_no_failure() {
        let mut out = Vec::new();
        let mut messages = Messages::new(&mut out, || true);
        let error = Output(io::ErrorKind::BrokenPipe.into()).into();
        messages.report(&error);
        assert_eq!((out.as_slice(), status(&error)), (&b""[..], 0));
        assert_eq!(status(&Output(io::ErrorKind::StorageFull.into()).into()), 1);
    }

    #[test]
    fn without_ipvs_it_depends_on_the_right_to_a_raw_socket_what_the_original_says() {
        let error = Error::Unavailable {
            modprobe: Ok("modprobe: no".to_owned()),
        };
        assert_eq!(
            words(&error, true).lines().collect::<Vec<_>>()[..2],
            [
                "modprobe: no",
                "Can't initialize ipvs: Protocol not available"
            ]
        );
        assert_eq!(
            words(&error, false).lines().nth(1),
            Some("Can't initialize ipvs: Permission denied (you must be root)")
        );
    }

    #[test]
    fn a_module_loader_that_cannot_be_run_is_named_after_the_words_of_the_original() {
        let error = Error::Unavailable {
            modprobe: Err(Errno::NOENT.into()),
        };
        assert_eq!(
            words(&error, true),
            "Can't initialize ipvs: Protocol not available\n\
             Are you sure that IP Virtual Server is built in the kernel or as module?\n\
             cannot run /sbin/modprobe to load ip_vs: No such file or directory"
        );
        let silent = Error::Unavailable {
            modprobe: Ok(String::new()),
        };
        assert_eq!(words(&silent, true).lines().count(), 2);
    }

    #[test]
    fn in_a_container_the_log_gets_the_hint_about_what_is_missing_around_it() {
        let bare = Facts {
            root: false,
            net_admin: false,
            net_raw: false,
            container: true,
            ..Facts::IN_ORDER
        };
        let container = Facts {
            initial_pid_namespace: false,
            ..bare.clone()
        };
        let refused = |operation, errno| anyhow::Error::from(Error::Kernel { operation, errno });
        let unavailable = || {
            anyhow::Error::from(Error::Unavailable {
                modprobe: Ok(String::new()),
            })
        };
        for error in [unavailable(), refused(Operation::Flush, Errno::PERM)] {
            let logged = hint_line(&error, &container, false, false).unwrap();
            assert!(logged.starts_with("ipvsadm: hint: "), "{logged}");
            let shown = hint_line(&error, &container, true, false).unwrap();
            assert_eq!(logged, format!("ipvsadm: {shown}"));
            assert_eq!(
                hint_line(&error, &bare, false, false),
                None,
                "it is not certain"
            );
        }
        // These have hints, but the words are to be changed, not the container.
        let server = DestinationId {
            address: [10, 0, 0, 2].into(),
            port: 80,
        };
        let service = ServiceId::Fwmark {
            mark: std::num::NonZeroU32::MIN,
            family: AddressFamily::Ipv6,
        };
        for error in [
            UsageError::NotTunneling.into(),
            refused(Operation::AddDestination(service, server), Errno::INVAL),
        ] {
            assert!(hint_line(&error, &container, true, false).is_some());
            assert_eq!(hint_line(&error, &container, false, false), None);
        }
    }

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
    fn a_table_that_kept_changing_is_said_to_be_unwritten_with_status_1() {
        let error = Error::KeptChanging {
            operation: Operation::ListServices,
        };
        let text = words(&error, true);
        assert!(
            text.starts_with("cannot list the virtual services: the table kept changing"),
            "{text}"
        );
        assert!(text.ends_with("\nNothing of it was written."), "{text}");
        assert_eq!(status(&error.into()), 1);
    }

    #[test]
    fn without_root_the_question_about_the_kernel_is_asked_and_the_status_is_2() {
        let error = Error::Kernel {
            operation: Operation::ListServices,
            errno: Errno::PERM,
        };
        assert_eq!(
            words(&error, true),
            "Can't initialize ipvs: Permission denied (you must be root)\n\
             Are you sure that IP Virtual Server is built in the kernel or as module?"
        );
        assert_eq!(status(&error.into()), 2);
    }
}
