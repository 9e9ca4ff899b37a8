// SPDX-License-Identifier: MIT

//! `-R`: commands from a file, one a line, or the JSON that `-S --json` writes.

use std::io::{BufRead, BufReader, Read, Write};

use ipvs_client::{Change, Client};

use crate::{
    command::Command,
    failure::{self, Attempt, CommandLine, Input, Messages},
    json,
    run::{self, Session},
    usage::UsageError,
};

/// As much is read at once, and as little is in memory.
const READ_BUFFER: usize = 64 * 1024;

/// Carries out each line and returns the exit status.
///
/// What the kernel refuses is reported and the next line is tried. The status
/// is that of the last line; if strict, of the first that failed.
///
/// # Errors
/// A kernel without IPVS or permission ends it, and, unless strict, a line that
/// is wrong in itself. A JSON document that is wrong anywhere is not applied at
/// all.
pub(crate) fn run(
    rules: impl Read,
    strict: bool,
    session: &mut Session,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    // Also for a file without a single rule.
    session.check()?;
    messages.expect_many();
    Restore::new(session, strict, out, messages).run(rules)
}

/// What carries out the lines: the way to the kernel, or in tests a stand-in.
trait Executor {
    /// Applies changes; returns the index of each that is refused, and why.
    fn apply(
        &mut self,
        changes: &[Change],
    ) -> ipvs_client::Result<Vec<(usize, ipvs_client::Error)>>;

    /// Carries out any other command.
    fn execute(&mut self, command: &Command, out: &mut impl Write) -> anyhow::Result<()>;
}

impl Executor for Session {
    fn apply(
        &mut self,
        changes: &[Change],
    ) -> ipvs_client::Result<Vec<(usize, ipvs_client::Error)>> {
        self.client()?.apply(changes)
    }

    fn execute(&mut self, command: &Command, out: &mut impl Write) -> anyhow::Result<()> {
        run::execute(command, self, out)
    }
}

/// Where a rule stands.
#[derive(Clone, Copy)]
enum Place {
    /// The first line is 1.
    Line(u64),
    /// In a JSON document.
    Document,
}

struct Restore<'a, 'm, E, W> {
    executor: &'a mut E,
    strict: bool,
    out: &'a mut W,
    messages: &'a mut Messages<'m>,
    /// Changes that wait to be applied together, and where they come from.
    changes: Vec<Change>,
    places: Vec<Place>,
    last_status: u8,
    first_failure: u8,
}

impl<'a, 'm, E: Executor, W: Write> Restore<'a, 'm, E, W> {
    fn new(
        executor: &'a mut E,
        strict: bool,
        out: &'a mut W,
        messages: &'a mut Messages<'m>,
    ) -> Self {
        Self {
            executor,
            strict,
            out,
            messages,
            changes: Vec::with_capacity(Client::BATCH),
            places: Vec::with_capacity(Client::BATCH),
            last_status: 0,
            first_failure: 0,
        }
    }

    fn run(mut self, rules: impl Read) -> anyhow::Result<u8> {
        let mut rules = BufReader::with_capacity(READ_BUFFER, rules);
        let beginning = rules.fill_buf().map_err(Input)?.trim_ascii_start();
        if beginning.starts_with(b"{") {
            for change in json::changes(rules)? {
                self.add(Place::Document, change)?;
            }
        } else {
            self.lines(rules)?;
        }
        self.apply()?;
        Ok(if self.strict {
            self.first_failure
        } else {
            self.last_status
        })
    }

    fn lines(&mut self, mut rules: BufReader<impl Read>) -> anyhow::Result<()> {
        let mut line = Vec::new();
        for number in 1.. {
            if !rules.buffer().contains(&b'\n') {
                // The next line may be long in coming: somebody types, or waits
                // for the effect of the lines before.
                self.apply()?;
            }
            line.clear();
            if rules.read_until(b'\n', &mut line).map_err(Input)? == 0 {
                break;
            }
            let place = Place::Line(number);
            match std::str::from_utf8(&line) {
                Ok(line) => self.line(place, line)?,
                Err(_) => self.line(place, &String::from_utf8_lossy(&line))?,
            }
        }
        Ok(())
    }

    fn add(&mut self, place: Place, change: Change) -> anyhow::Result<()> {
        self.changes.push(change);
        self.places.push(place);
        if self.changes.len() == Client::BATCH {
            self.apply()?;
        }
        Ok(())
    }

    fn line(&mut self, place: Place, line: &str) -> anyhow::Result<()> {
        let Some(words) = words(line) else {
            return Ok(());
        };
        match parse(&words) {
            Ok(Command::Change(change)) => self.add(place, change),
            Ok(command) => {
                self.apply()?;
                match self.executor.execute(&command, self.out) {
                    // The lines that follow are carried out without a reader,
                    // too.
                    Err(error) if !failure::is_closed_pipe(&error) => self.failed(place, error),
                    _ => {
                        self.last_status = 0;
                        Ok(())
                    }
                }
            }
            Err(error) => {
                self.apply()?;
                self.failed(place, CommandLine::around(error, &words))
            }
        }
    }

    /// Applies the changes that wait.
    fn apply(&mut self) -> anyhow::Result<()> {
        if self.changes.is_empty() {
            return Ok(());
        }
        let changes = std::mem::take(&mut self.changes);
        let places = std::mem::take(&mut self.places);
        self.last_status = 0;
        for (index, error) in self.executor.apply(&changes)? {
            let (Some(change), Some(&place)) = (changes.get(index), places.get(index)) else {
                continue;
            };
            let attempt = Attempt(Command::Change(change.clone()));
            self.failed(place, anyhow::Error::from(error).context(attempt))?;
            if index + 1 < changes.len() {
                self.last_status = 0;
            }
        }
        self.changes = changes;
        self.changes.clear();
        self.places = places;
        self.places.clear();
        Ok(())
    }

    /// Reports what is wrong with a line, if the lines after it are worth
    /// trying.
    fn failed(&mut self, place: Place, error: anyhow::Error) -> anyhow::Result<()> {
        // What was listed comes before what is wrong.
        failure::flush(self.out)?;
        if !goes_on(&error, self.strict) {
            return Err(error);
        }
        match place {
            Place::Line(number) if self.strict => self.messages.report_line(number, &error),
            Place::Document if self.strict => self.messages.report_operation(&error),
            _ => self.messages.report(&error),
        }
        self.last_status = failure::status(&error);
        if self.first_failure == 0 {
            self.first_failure = self.last_status;
        }
        Ok(())
    }
}

/// The words of a line without the program's name, which the original ignores
/// wherever it stands; `None` for a blank line or a comment. As a C string, a
/// word ends at a NUL.
fn words(line: &str) -> Option<Vec<&str>> {
    // More than that, few lines have.
    let mut words = Vec::with_capacity(16);
    let mut rest = line;
    loop {
        // Blanks are of one byte, so that what is between them is text.
        let end = rest
            .bytes()
            .position(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        if !word.is_empty() && word != "ipvsadm" {
            words.push(word);
        }
        match after.get(1..) {
            Some(after) => rest = after,
            None => break,
        }
    }
    if line.as_bytes().contains(&0) {
        for word in &mut words {
            *word = word.split_once('\0').map_or(*word, |(word, _)| word);
        }
    }
    let is_comment = words.first()?.starts_with('#');
    (!is_comment).then_some(words)
}

fn parse(words: &[&str]) -> Result<Command, UsageError> {
    match Command::parse(words)? {
        // A file has no use for these, and what follows is not to be lost
        // without a word.
        Command::Restore { .. } | Command::Help | Command::Version(_) | Command::Watch(..) => {
            Err(UsageError::NoCommand)
        }
        command => Ok(command),
    }
}

/// Whether the next line is tried after such an error. The original goes on
/// where the kernel or its option library has refused a line, and ends where a
/// word makes no sense or a table cannot be read.
fn goes_on(error: &anyhow::Error, strict: bool) -> bool {
    if let Some(error) = error.downcast_ref::<UsageError>() {
        return strict
            || matches!(
                error,
                UsageError::UnknownOption(_)
                    | UsageError::MissingValue(_)
                    | UsageError::UnwantedValue(_)
            );
    }
    error
        .downcast_ref::<ipvs_client::Error>()
        .is_some_and(|error| !failure::is_unavailable(error) && (strict || failure::changes(error)))
}

#[cfg(test)]
mod tests {
    use ipvs_client::{Errno, Error};

    use super::*;
    use crate::failure::Output;

    /// What a file of rules leads to: the exit status or the error that ended
    /// it, what was printed and what was reported, and the commands that were
    /// carried out.
    struct Outcome {
        status: Result<u8, String>,
        printed: String,
        reported: String,
        executed: usize,
    }

    /// Has no service to delete, and loses IPVS at --zero.
    #[derive(Default)]
    struct StandIn {
        executed: usize,
    }

    impl Executor for StandIn {
        fn apply(&mut self, changes: &[Change]) -> ipvs_client::Result<Vec<(usize, Error)>> {
            let mut refused = Vec::new();
            for (index, change) in changes.iter().enumerate() {
                let errno = match change {
                    Change::DeleteService(_) => Errno::SRCH,
                    Change::ZeroAll => Errno::PERM,
                    _ => continue,
                };
                let operation = change.operation();
                refused.push((index, Error::Kernel { operation, errno }));
            }
            self.executed += changes.len();
            Ok(refused)
        }

        fn execute(&mut self, _command: &Command, out: &mut impl Write) -> anyhow::Result<()> {
            self.executed += 1;
            Ok(writeln!(out, "listed after {}", self.executed).map_err(Output)?)
        }
    }

    fn run(rules: &str, strict: bool) -> Outcome {
        let mut printed = Vec::new();
        let mut reported = Vec::new();
        let mut stand_in = StandIn::default();
        let status = Restore::new(
            &mut stand_in,
            strict,
            &mut printed,
            &mut Messages::new(&mut reported, || false),
        )
        .run(rules.as_bytes());
        let executed = stand_in.executed;
        Outcome {
            status: status.map_err(|error| error.to_string()),
            printed: String::from_utf8(printed).unwrap(),
            reported: String::from_utf8(reported).unwrap(),
            executed,
        }
    }

    #[test]
    fn a_refusal_is_reported_and_the_last_line_decides_the_status() {
        let outcome = run("-D -f 1\n-L\n-D -f 2\n", false);
        assert_eq!(outcome.status, Ok(255));
        assert_eq!(outcome.reported, "No such service\nNo such service\n");
        let outcome = run("-D -f 1\n-C\n\n# end\n", false);
        assert_eq!(outcome.status, Ok(0), "blank lines and comments are none");
        assert_eq!(outcome.reported, "No such service\n");
    }

    #[test]
    fn what_the_option_library_would_refuse_does_not_end_it() {
        for (line, words) in [
            ("-A -t", "-t: missing argument"),
            ("-LQ", "-LQ: unknown option"),
            ("-L -n=5", "-n=5: option does not take an argument"),
        ] {
            let outcome = run(&format!("-C\n{line}\n-C\n"), false);
            assert_eq!(outcome.status, Ok(0), "{line}");
            assert_eq!(outcome.reported, format!("{words}\n"));
            assert_eq!(outcome.executed, 2);
            assert_eq!(run(line, false).status, Ok(255), "{line}");
        }
        assert!(run("-C\n-Q\n-C\n", false).status.is_err(), "no command");
    }

    #[test]
    fn a_line_that_is_wrong_in_itself_ends_it_unless_strict() {
        let rules = "-C\n-A -t 10.0.0.1:-1\n-C\n";
        let outcome = run(rules, false);
        assert_eq!(
            outcome.status,
            Err("illegal virtual server address[:port] specified".to_owned())
        );
        assert_eq!(outcome.reported, "", "that is left to the caller");
        assert_eq!(outcome.executed, 1);
        assert_eq!(run(rules, true).executed, 2);
    }

    #[test]
    fn strict_numbers_every_line_that_fails_and_the_first_decides_the_status() {
        let outcome = run(
            "# rules\n-C\n\n-A -t 10.0.0.1:-1\r\n-D -f 1\n-Q\n-6\n-D -6\n-h\n-L\n-C",
            true,
        );
        assert_eq!(outcome.status, Ok(2));
        assert_eq!(
            outcome.reported,
            "line 4: illegal virtual server address[:port] specified\n\
             line 5: No such service\n\
             line 6: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n\
             line 7: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n\
             line 8: -6 used before -f\n\
             line 9: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n"
        );
        assert_eq!(outcome.printed, "listed after 3\n");
        assert_eq!(run("-D -f 1\n-A\n", true).status, Ok(255));
    }

    #[test]
    fn strict_succeeds_in_silence_when_no_line_fails() {
        for rules in ["", "# nothing\n", "-C\nipvsadm -A -f 1\n"] {
            let outcome = run(rules, true);
            assert_eq!(outcome.status, Ok(0), "{rules:?}");
            assert_eq!(outcome.reported, "", "{rules:?}");
        }
    }

    #[test]
    fn without_ipvs_the_lines_that_follow_are_not_tried() {
        for strict in [false, true] {
            let outcome = run("-C\n-Z\n-L\n-C\n-Q\n", strict);
            assert!(outcome.status.is_err(), "strict: {strict}");
            assert_eq!(outcome.executed, 2, "strict: {strict}");
            assert_eq!(outcome.reported, "", "strict: {strict}");
        }
    }

    #[test]
    fn changes_are_applied_before_a_command_that_may_show_them() {
        let outcome = run("-C\n-C\n-L\n-C\n-L\n", false);
        assert_eq!(outcome.printed, "listed after 3\nlisted after 5\n");
    }

    #[test]
    fn more_changes_than_travel_together_keep_their_lines() {
        let mut rules = "-C\n".repeat(3 * Client::BATCH);
        rules.push_str("-D -f 1\n");
        let outcome = run(&rules, true);
        assert_eq!(
            outcome.reported,
            format!("line {}: No such service\n", 3 * Client::BATCH + 1)
        );
        assert_eq!(outcome.status, Ok(255));
        assert_eq!(outcome.executed, 3 * Client::BATCH + 1);
    }

    #[test]
    fn a_change_that_is_refused_before_others_does_not_decide_the_status() {
        let outcome = run("-D -f 1\n-C\n", false);
        assert_eq!(
            (outcome.status, outcome.reported.as_str()),
            (Ok(0), "No such service\n")
        );
        assert_eq!(run("-C\n-D -f 1\n", false).status, Ok(255));
    }

    #[test]
    fn a_document_is_told_by_its_first_character_and_applied_in_order() {
        let service = r#"{"family":"ipv4","fwmark":1,"scheduler":"rr","destinations":[
            {"family":"ipv4","address":"10.0.0.2","port":80,
             "forwarding_method":"masquerading","weight":1}]}"#;
        let document = format!(" \n{{\"schema_version\":1,\"services\":[{service}]}}\n");
        let outcome = run(&document, false);
        assert_eq!((outcome.status, outcome.executed), (Ok(0), 2));
    }

    #[test]
    fn a_document_that_is_wrong_anywhere_is_not_applied() {
        for (document, words) in [
            ("{", "the rules are not the JSON that -S --json writes: EOF"),
            (
                r#"{"schema_version":2,"services":[]}"#,
                "the rules have schema version 2; this program reads version 1",
            ),
            (
                r#"{"schema_version":1,"services":[
                    {"family":"ipv4","fwmark":1,"scheduler":"rr"},
                    {"family":"ipv4","scheduler":"rr"}]}"#,
                "service 2 of the rules: either protocol, address and port or fwmark must be \
                 there, and not both",
            ),
        ] {
            let outcome = run(document, false);
            let error = outcome.status.unwrap_err();
            assert!(error.starts_with(words), "{error}");
            assert_eq!(outcome.executed, 0);
        }
    }

    #[test]
    fn a_line_is_split_at_blanks_and_the_programs_name_is_left_out() {
        let rule = ["-A", "-t", "10.0.0.1:80"];
        for line in [
            "-A -t 10.0.0.1:80\n",
            "ipvsadm -A -t 10.0.0.1:80\n",
            "ipvsadm ipvsadm -A ipvsadm -t ipvsadm 10.0.0.1:80\n",
            "\t-A\t-t  10.0.0.1:80 \r\n",
            "-A\r-t 10.0.0.1:80",
            "-A\0-E -t 10.0.0.1:80\0:90\n",
        ] {
            assert_eq!(words(line).as_deref(), Some(&rule[..]), "{line:?}");
        }
        assert_eq!(
            words("-A\x0c-t\x0b").as_deref(),
            Some(&["-A\x0c-t\x0b"][..])
        );
    }

    #[test]
    fn blank_lines_and_comments_hold_nothing() {
        for line in ["", "\n", " \t\r\n", "# rules\n", "  #-C\n", "ipvsadm\n"] {
            assert_eq!(words(line), None, "{line:?}");
        }
    }
}
