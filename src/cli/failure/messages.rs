// SPDX-License-Identifier: MIT

//! Messages to whoever has started the program: a person at a terminal, who gets
//! hints, a script, which gets the original's words, or a program that wants JSON.

use std::io::Write;

use ipvs_client::{Error, NamespaceError};

use super::{
    error::{CommandLine, FailedCommand, StepFailed, find_refusal, is_closed_pipe, is_unavailable},
    facts::Facts,
    hint,
    object::make_object,
    words,
};
use crate::{args::error::UsageError, escape::escape};

/// The place where failures and hints are told: standard error, or in tests a
/// buffer.
pub(crate) struct Messages<'a> {
    out: &'a mut dyn Write,
    /// Tells whether a person reads it, who is told more than the original says.
    /// Asked when there is something to say.
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
            self.show(&format!("{}\n", make_object(error)));
        } else {
            let text = self.compose(error);
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

    /// Shows a text. On a terminal its control characters are shown too: it may have them
    /// from a word, a file, or another program.
    pub(crate) fn show(&mut self, text: &str) {
        if (self.is_terminal)() {
            self.control(&escape(text));
        } else {
            self.control(text);
        }
    }

    /// Writes a text that a terminal is to obey.
    pub(crate) fn control(&mut self, text: &str) {
        // If standard error is closed there is nowhere to report it.
        let _ = self.out.write_all(text.as_bytes());
    }

    fn compose(&self, error: &anyhow::Error) -> String {
        let failure = error.downcast_ref::<Error>();
        let to_terminal = (self.is_terminal)();
        let facts = (to_terminal || failure.is_some_and(is_unavailable)).then(Facts::read);
        let is_step = error.is::<StepFailed>();
        let mut text = match failure {
            Some(failure) if is_step => words::word_step(failure),
            Some(failure) => {
                words::word_failure(failure, facts.as_ref().is_none_or(|facts| facts.net_raw))
            }
            None => words::word_other(error),
        };
        let prefix = words::word_prefix(error);
        if !prefix.is_empty() {
            // A message of the original's can end with an empty line.
            text = format!("{prefix}{}", text.trim_end());
        }
        if to_terminal
            && !is_step
            && let Some((operation, errno)) = failure.and_then(find_refusal)
        {
            let refusal = Error::Kernel { operation, errno };
            text.push_str(&format!("\n({refusal})"));
        }
        let may_read_table = self.may_read_table;
        if let Some(line) =
            facts.and_then(|facts| find_hint_line(error, &facts, to_terminal, may_read_table))
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
fn find_hint_line(
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

fn find_hint(error: &anyhow::Error, facts: &Facts, may_read_table: bool) -> Option<String> {
    if let Some(usage) = error.downcast_ref::<UsageError>() {
        let line = error.downcast_ref::<CommandLine>();
        return hint::explain_usage(usage, line.map_or(&[], |line| &line.words));
    }
    if let Some(error) = error.downcast_ref::<NamespaceError>() {
        return hint::explain_namespace(error, facts);
    }
    let command = error
        .downcast_ref::<FailedCommand>()
        .map(|attempt| &attempt.0);
    let failure = error.downcast_ref::<Error>()?;
    hint::explain_failure(failure, command, facts, may_read_table)
}

#[cfg(test)]
mod tests {
    use std::io;

    use ipvs_client::{
        AddressFamily, DaemonRole, DestinationId, Errno, NameKind, Operation, ServiceId,
    };

    use super::*;
    use crate::{
        args::parse_command,
        command::Command,
        failure::{StdoutError, exit_status},
    };

    /// Returns what is reported of a command that the kernel refuses.
    fn reported(line: &str, errno: Errno, is_terminal: fn() -> bool) -> String {
        let command = parse_command(line);
        let operation = match &command {
            Command::Change(change) => change.operation(),
            _ => Operation::ListServices,
        };
        let error = anyhow::Error::from(Error::Kernel { operation, errno });
        let mut out = Vec::new();
        Messages::new(&mut out, is_terminal).report(&error.context(FailedCommand(command)));
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
    fn a_name_that_nothing_can_have_reads_as_one_that_the_kernel_does_not_find() {
        let operation = Operation::AddService(ServiceId::tcp(([10, 0, 0, 1], 80)));
        let daemon = Operation::StartDaemon(DaemonRole::Master);
        for (operation, kind, errno) in [
            (operation, NameKind::Scheduler, Errno::NOENT),
            (operation, NameKind::PersistenceEngine, Errno::NOENT),
            (daemon, NameKind::Interface, Errno::NODEV),
        ] {
            let told = |error: Error| {
                let error = anyhow::Error::from(error);
                let mut text = Vec::new();
                Messages::new(&mut text, || true).report(&error);
                (text, make_object(&error), exit_status(&error))
            };
            assert_eq!(
                told(Error::ImpossibleName { operation, kind }),
                told(Error::Kernel { operation, errno })
            );
        }
    }

    #[test]
    fn usage_errors_have_hints_for_a_terminal_too() {
        let mut out = Vec::new();
        Messages::new(&mut out, || true).report(&UsageError::FamiliesDiffer.into());
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("\nhint: only tunneling"), "{text}");
    }

    #[test]
    fn what_the_loader_says_is_not_obeyed_by_a_terminal() {
        let said = |is_terminal| {
            let error = Error::Unavailable {
                modprobe: Ok("modprobe: \x1b[2J\x07".to_owned()),
            };
            let mut out = Vec::new();
            Messages::new(&mut out, is_terminal).report(&error.into());
            String::from_utf8(out).unwrap()
        };
        assert!(said(|| true).starts_with("modprobe: \\u001b[2J\\u0007\n"));
        assert!(said(|| false).starts_with("modprobe: \x1b[2J\x07\n"));
    }

    #[test]
    fn a_closed_pipe_is_not_reported_and_no_failure() {
        let mut out = Vec::new();
        let mut messages = Messages::new(&mut out, || true);
        let error = StdoutError(io::ErrorKind::BrokenPipe.into()).into();
        messages.report(&error);
        assert_eq!((out.as_slice(), exit_status(&error)), (&b""[..], 0));
        assert_eq!(
            exit_status(&StdoutError(io::ErrorKind::StorageFull.into()).into()),
            1
        );
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
            let logged = find_hint_line(&error, &container, false, false).unwrap();
            assert!(logged.starts_with("ipvsadm: hint: "), "{logged}");
            let shown = find_hint_line(&error, &container, true, false).unwrap();
            assert_eq!(logged, format!("ipvsadm: {shown}"));
            assert_eq!(
                find_hint_line(&error, &bare, false, false),
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
            assert!(find_hint_line(&error, &container, true, false).is_some());
            assert_eq!(find_hint_line(&error, &container, false, false), None);
        }
    }
}
