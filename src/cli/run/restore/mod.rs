// SPDX-License-Identifier: MIT

//! `-R`: commands from a file, one a line, or the JSON that `-S --json` writes.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
};

use ipvs_client::{Change, Client};

use crate::{
    args::{
        self,
        error::{STATUS_USAGE, UsageError},
    },
    command::{Command, Request, Restore, place::Place},
    failure::{self, CommandLine, FailedCommand, Incomplete, InputError, Messages, RuleAt},
    json,
    run::{self, Session},
};

/// As much is read at once, and as little is in memory.
const READ_BUFFER: usize = 64 * 1024;
/// The exit status of --check where there is nothing to carry out.
const STATUS_NO_RULES: u8 = 1;

/// `-R`: carries out each line when it has been read, or only checks all of
/// them. Returns the exit status.
///
/// What the kernel refuses is reported and the next line is tried. The status
/// is that of the last line; if strict, of the first that failed.
///
/// # Errors
/// A kernel without IPVS or permission ends it, and, unless strict, a line that
/// is wrong in itself. A JSON document that is wrong anywhere is not applied at
/// all.
pub(crate) fn run(
    options: &Restore,
    session: &mut Session,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    let rules = open(options)?;
    if options.check {
        return check(options, rules, messages);
    }
    // Also for a file without a single rule.
    session.check()?;
    messages.expect_many();
    Runner::new(session, options, out, messages).read_and_run(rules)
}

/// `ipvsadm-restore`: puts the rules in the place of the table, or only checks
/// them. Returns the exit status, as [`run()`] does.
///
/// All of it is read and checked before the table is touched, as far as that
/// takes no kernel: it would be lost, and the rules may be what `ipvsadm-save`
/// is still reading from it.
///
/// # Errors
/// Where the rules cannot be read, or IPVS is not there.
pub(crate) fn replace(
    options: &Restore,
    rules: impl Read,
    session: &mut Session,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    if options.check {
        return check(options, rules, messages);
    }
    messages.expect_many();
    let rules = match checked(options, &read_all(options, rules)?, options.strict) {
        Ok(rules) => rules,
        Err(errors) => {
            let status = report(&errors, messages);
            let place = errors
                .first()
                .and_then(|error| error.downcast_ref::<RuleAt>());
            messages.note(&match place {
                Some(&RuleAt {
                    place: Some(place),
                    names_line: false,
                    ..
                }) => format!("{place} is wrong: the table is as it was"),
                _ => "the table is as it was".to_owned(),
            });
            return Ok(status);
        }
    };
    match run::execute(&Command::Change(Change::Flush), session, out) {
        Ok(()) if rules.is_empty() => {
            messages.note_to_terminal("no rules on standard input: the table has been cleared");
        }
        Ok(()) => {}
        // The original tries its luck with the rules all the same.
        Err(error) => messages.report(&error),
    }
    session.check()?;
    Runner::new(session, options, out, messages).run(rules)
}

fn open(options: &Restore) -> Result<Box<dyn Read>, InputError> {
    match &options.file {
        None => Ok(Box::new(io::stdin().lock())),
        Some(file) => match File::open(file) {
            Ok(file) => Ok(Box::new(file)),
            Err(reason) => Err(unreadable(options, reason)),
        },
    }
}

fn unreadable(options: &Restore, reason: io::Error) -> InputError {
    InputError {
        file: options.file.clone(),
        reason,
    }
}

fn read_all(options: &Restore, mut rules: impl Read) -> Result<Vec<u8>, InputError> {
    let mut text = Vec::new();
    match rules.read_to_end(&mut text) {
        Ok(_) => Ok(text),
        Err(reason) => Err(unreadable(options, reason)),
    }
}

/// --check: reports everything that is wrong.
fn check(options: &Restore, rules: impl Read, messages: &mut Messages<'_>) -> anyhow::Result<u8> {
    let file = options.file.as_ref();
    match checked(options, &read_all(options, rules)?, true) {
        Ok(rules) if rules.is_empty() => {
            let name = file.map_or("standard input".into(), |file| file.display().to_string());
            messages.report(&NoRules(name).into());
            Ok(STATUS_NO_RULES)
        }
        Ok(rules) => {
            let prefix = file.map_or(String::new(), |file| format!("{}: ", file.display()));
            let plural = if rules.len() == 1 { "" } else { "s" };
            let count = rules.len();
            messages.note_to_terminal(&format!("{prefix}{count} rule{plural}, nothing wrong"));
            Ok(0)
        }
        Err(errors) => {
            report(&errors, messages);
            Ok(STATUS_USAGE)
        }
    }
}

/// There is nothing to carry out, which is hardly what was meant.
#[derive(Debug, thiserror::Error)]
#[error("no rules in {0}; to clear the table say ipvsadm -C")]
struct NoRules(String);

/// Reports each error; returns the exit status of the first.
fn report(errors: &[anyhow::Error], messages: &mut Messages<'_>) -> u8 {
    for error in errors {
        messages.report(error);
    }
    errors.first().map_or(0, failure::status)
}

/// A command of a file, and where it stands.
type Rule = (Place, Command);

/// The rules of a whole text.
///
/// # Errors
/// What is wrong with the first rule that is wrong, or with every one.
fn checked(options: &Restore, text: &[u8], every: bool) -> Result<Vec<Rule>, Vec<anyhow::Error>> {
    let at = |place| RuleAt {
        file: options.file.clone(),
        place,
        names_line: every || options.file.is_some(),
    };
    if is_json(text) {
        let change = |(place, change)| (place, Command::Change(change));
        return match json::changes(text) {
            Ok(changes) => Ok(changes.into_iter().map(change).collect()),
            Err(error) => Err(vec![anyhow::Error::from(error).context(at(None))]),
        };
    }
    let mut rules = Vec::new();
    let mut errors = Vec::new();
    for (line, number) in text.split_inclusive(|byte| *byte == b'\n').zip(1..) {
        let place = Place::Line(number);
        let line = String::from_utf8_lossy(line);
        let Some(words) = words(&line) else {
            continue;
        };
        match parse(&words) {
            Ok(command) => rules.push((place, command)),
            Err(error) => {
                errors.push(CommandLine::around(error, &words).context(at(Some(place))));
                if !every {
                    break;
                }
            }
        }
    }
    if errors.is_empty() {
        Ok(rules)
    } else {
        Err(errors)
    }
}

/// Tells a JSON document, be it of the wrong form, from lines of commands. A line
/// can begin with an address in brackets, which the original takes for a wrong
/// word.
fn is_json(beginning: &[u8]) -> bool {
    match beginning.trim_ascii_start().split_first() {
        Some((b'{', _)) => true,
        Some((b'[', rest)) => matches!(
            rest.trim_ascii_start().first(),
            Some(b'{' | b'[' | b'"' | b']')
        ),
        _ => false,
    }
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

/// Carries rules out, many changes at a time.
struct Runner<'a, 'm, E, W> {
    executor: &'a mut E,
    options: &'a Restore,
    out: &'a mut W,
    messages: &'a mut Messages<'m>,
    /// Changes that wait to be applied together, and where they come from.
    changes: Vec<Change>,
    places: Vec<Place>,
    last_status: u8,
    first_failure: u8,
}

impl<'a, 'm, E: Executor, W: Write> Runner<'a, 'm, E, W> {
    fn new(
        executor: &'a mut E,
        options: &'a Restore,
        out: &'a mut W,
        messages: &'a mut Messages<'m>,
    ) -> Self {
        Self {
            executor,
            options,
            out,
            messages,
            changes: Vec::with_capacity(Client::BATCH),
            places: Vec::with_capacity(Client::BATCH),
            last_status: 0,
            first_failure: 0,
        }
    }

    /// Carries out each rule when it has been read.
    fn read_and_run(mut self, rules: impl Read) -> anyhow::Result<u8> {
        let mut rules = BufReader::with_capacity(READ_BUFFER, rules);
        let beginning = rules
            .fill_buf()
            .map_err(|reason| unreadable(self.options, reason))?;
        if is_json(beginning) {
            let text = read_all(self.options, rules)?;
            let changes = json::changes(&text).map_err(|error| {
                let at = self.at(None);
                anyhow::Error::from(error).context(at)
            })?;
            for (place, change) in changes {
                self.add(place, change)?;
            }
        } else {
            self.lines(rules)?;
        }
        self.end()
    }

    /// Carries out rules that are known to be right in themselves.
    fn run(mut self, rules: Vec<Rule>) -> anyhow::Result<u8> {
        for (place, command) in rules {
            self.command(place, command)?;
        }
        self.end()
    }

    fn end(mut self) -> anyhow::Result<u8> {
        self.apply()?;
        Ok(if self.options.strict {
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
            let length = rules
                .read_until(b'\n', &mut line)
                .map_err(|reason| unreadable(self.options, reason))?;
            if length == 0 {
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
            Ok(command) => self.command(place, command),
            Err(error) => {
                self.apply()?;
                self.failed(place, CommandLine::around(error, &words))
            }
        }
    }

    fn command(&mut self, place: Place, command: Command) -> anyhow::Result<()> {
        if let Command::Change(change) = command {
            return self.add(place, change);
        }
        self.apply()?;
        match self.executor.execute(&command, self.out) {
            // The lines that follow are carried out without a reader, too.
            Err(error) if !failure::is_closed_pipe(&error) => self.failed(place, error),
            _ => {
                self.last_status = 0;
                Ok(())
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
            let attempt = FailedCommand(Command::Change(change.clone()));
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

    fn at(&self, place: Option<Place>) -> RuleAt {
        RuleAt {
            file: self.options.file.clone(),
            place,
            // The original knows no named files, so that its words bind nobody
            // there.
            names_line: self.options.strict || self.options.file.is_some(),
        }
    }

    /// Reports what is wrong with a line, if the lines after it are worth
    /// trying.
    fn failed(&mut self, place: Place, error: anyhow::Error) -> anyhow::Result<()> {
        // What was listed comes before what is wrong.
        failure::flush(self.out)?;
        let error = error.context(self.at(Some(place)));
        if !goes_on(&error, self.options.strict) {
            return Err(error);
        }
        self.messages.report(&error);
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
    match args::parse(words)? {
        Request::Run(command) => Ok(command),
        // A file has no use for these, and what follows is not to be lost
        // without a word.
        Request::Restore(Restore {
            file: Some(file), ..
        }) => Err(UsageError::UnexpectedArgument(file.display().to_string())),
        Request::Restore(_) | Request::Help | Request::Version(_) | Request::Watch(_) => {
            Err(UsageError::NoCommand)
        }
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
    // -S has written all that it can.
    if error.is::<Incomplete>() {
        return true;
    }
    error
        .downcast_ref::<ipvs_client::Error>()
        .is_some_and(|error| !failure::is_unavailable(error) && (strict || failure::changes(error)))
}

#[cfg(test)]
mod tests {
    use ipvs_client::{Errno, Error};

    use super::*;
    use crate::failure::StdoutError;

    /// The outcome of a file of rules: the exit status, what was printed and what
    /// was reported, and how many commands were carried out.
    struct Outcome {
        status: u8,
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
            Ok(writeln!(out, "listed after {}", self.executed).map_err(StdoutError)?)
        }
    }

    fn run(rules: &str, strict: bool) -> Outcome {
        run_from(None, rules, strict)
    }

    /// Runs rules as if they had been read from a file of that name.
    fn run_from(file: Option<&str>, rules: &str, strict: bool) -> Outcome {
        let options = Restore {
            strict,
            check: false,
            file: file.map(Into::into),
        };
        let mut printed = Vec::new();
        let mut reported = Vec::new();
        let mut stand_in = StandIn::default();
        let mut messages = Messages::new(&mut reported, || false);
        let outcome = Runner::new(&mut stand_in, &options, &mut printed, &mut messages)
            .read_and_run(rules.as_bytes());
        // As the program ends.
        let status = outcome.unwrap_or_else(|error| {
            messages.report(&error);
            failure::status(&error)
        });
        let executed = stand_in.executed;
        Outcome {
            status,
            printed: String::from_utf8(printed).unwrap(),
            reported: String::from_utf8(reported).unwrap(),
            executed,
        }
    }

    /// Runs --check on a text; returns what it says, and its exit status.
    fn check_text(text: &str, is_terminal: fn() -> bool) -> (String, u8) {
        let mut reported = Vec::new();
        let mut messages = Messages::new(&mut reported, is_terminal);
        let status = check(&Restore::default(), text.as_bytes(), &mut messages).unwrap();
        (String::from_utf8(reported).unwrap(), status)
    }

    #[test]
    fn a_refusal_is_reported_and_the_last_line_decides_the_status() {
        let outcome = run("-D -f 1\n-L\n-D -f 2\n", false);
        assert_eq!(outcome.status, 255);
        assert_eq!(outcome.reported, "No such service\nNo such service\n");
        let outcome = run("-D -f 1\n-C\n\n# end\n", false);
        assert_eq!(outcome.status, 0, "blank lines and comments are none");
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
            assert_eq!(outcome.status, 0, "{line}");
            assert_eq!(outcome.reported, format!("{words}\n"));
            assert_eq!(outcome.executed, 2);
            assert_eq!(run(line, false).status, 255, "{line}");
        }
        assert_eq!(run("-C\n-Q\n-C\n", false).executed, 1, "no command");
    }

    #[test]
    fn a_line_that_is_wrong_in_itself_ends_it_unless_strict() {
        let rules = "-C\n-A -t 10.0.0.1:-1\n-C\n";
        let outcome = run(rules, false);
        assert_eq!(outcome.status, 2);
        assert_eq!(
            outcome.reported,
            "illegal virtual server address[:port] specified\n"
        );
        assert_eq!(outcome.executed, 1);
        assert_eq!(run(rules, true).executed, 2);
    }

    #[test]
    fn strict_numbers_every_line_that_fails_and_the_first_decides_the_status() {
        let outcome = run(
            "# rules\n-C\n\n-A -t 10.0.0.1:-1\r\n-D -f 1\n-Q\n-6\n-D -6\n-h\n-L\n-C",
            true,
        );
        assert_eq!(outcome.status, 2);
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
        assert_eq!(run("-D -f 1\n-A\n", true).status, 255);
    }

    #[test]
    fn strict_succeeds_in_silence_when_no_line_fails() {
        for rules in ["", "# nothing\n", "-C\nipvsadm -A -f 1\n"] {
            let outcome = run(rules, true);
            assert_eq!(outcome.status, 0, "{rules:?}");
            assert_eq!(outcome.reported, "", "{rules:?}");
        }
    }

    #[test]
    fn without_ipvs_the_lines_that_follow_are_not_tried() {
        for strict in [false, true] {
            let outcome = run("-C\n-Z\n-L\n-C\n-Q\n", strict);
            assert_eq!(outcome.status, 2, "strict: {strict}");
            assert_eq!(outcome.executed, 2, "strict: {strict}");
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
        assert_eq!(outcome.status, 255);
        assert_eq!(outcome.executed, 3 * Client::BATCH + 1);
    }

    #[test]
    fn a_change_that_is_refused_before_others_does_not_decide_the_status() {
        let outcome = run("-D -f 1\n-C\n", false);
        assert_eq!(
            (outcome.status, outcome.reported.as_str()),
            (0, "No such service\n")
        );
        assert_eq!(run("-C\n-D -f 1\n", false).status, 255);
    }

    #[test]
    fn a_document_is_told_by_its_first_character_and_applied_in_order() {
        let service = r#"{"family":"ipv4","fwmark":1,"scheduler":"rr","destinations":[
            {"family":"ipv4","address":"10.0.0.2","port":80,
             "forwarding_method":"masquerading","weight":1}]}"#;
        let document = format!(" \n{{\"schema_version\":1,\"services\":[{service}]}}\n");
        let outcome = run(&document, false);
        assert_eq!((outcome.status, outcome.executed), (0, 2));
    }

    #[test]
    fn a_document_that_is_wrong_anywhere_is_not_applied() {
        for (document, words) in [
            ("{", "line 1, column 1: the JSON ends too early\n"),
            (
                r#"{"schema_version":1,"services":[
                    {"fwmark":1,"scheduler":"rr"},
                    {"scheduler":"rr"}]}"#,
                "services[1]: either protocol, address and port or fwmark must be there, and not \
                 both\n",
            ),
            (
                "\n[]",
                "the rules are JSON of the wrong form: the object that -S --json writes is \
                 wanted, not a list\n",
            ),
        ] {
            let outcome = run(document, false);
            assert_eq!((outcome.reported.as_str(), outcome.status), (words, 2));
            assert_eq!(outcome.executed, 0);
            let outcome = run_from(Some("dir/rules"), document, false);
            assert_eq!(outcome.reported, format!("dir/rules: {words}"));
        }
    }

    #[test]
    fn what_the_kernel_refuses_of_a_document_is_told_by_its_place() {
        let document = r#"{"schema_version":1,"services":[{"fwmark":9,"scheduler":"rr"}]}"#;
        let mut stand_in = Full;
        for strict in [false, true] {
            let options = Restore {
                strict,
                ..Restore::default()
            };
            let mut reported = Vec::new();
            let mut messages = Messages::new(&mut reported, || false);
            let status = Runner::new(&mut stand_in, &options, &mut io::sink(), &mut messages)
                .read_and_run(document.as_bytes());
            assert_eq!(status.unwrap(), 255);
            assert_eq!(
                String::from_utf8(reported).unwrap(),
                "services[0]: cannot add fwmark 9: Service already exists\n"
            );
        }
    }

    /// Has every service already.
    struct Full;

    impl Executor for Full {
        fn apply(&mut self, changes: &[Change]) -> ipvs_client::Result<Vec<(usize, Error)>> {
            let refuse = |(index, change): (usize, &Change)| {
                let (operation, errno) = (change.operation(), Errno::EXIST);
                (index, Error::Kernel { operation, errno })
            };
            Ok(changes.iter().enumerate().map(refuse).collect())
        }

        fn execute(&mut self, command: &Command, _: &mut impl Write) -> anyhow::Result<()> {
            panic!("{command:?}")
        }
    }

    #[test]
    fn of_a_named_file_every_failure_tells_file_and_line() {
        let rules = "-C\n-D -f 1\n-D -6\n";
        let words = "rules.txt: line 2: No such service\nrules.txt: line 3: -6 used before -f\n";
        for strict in [false, true] {
            let outcome = run_from(Some("rules.txt"), rules, strict);
            assert_eq!(outcome.reported, words, "strict: {strict}");
        }
    }

    #[test]
    fn as_json_each_failure_is_an_object_with_its_line() {
        let mut reported = Vec::new();
        let mut messages = Messages::new(&mut reported, || true);
        messages.become_json();
        let options = Restore::default();
        let status = Runner::new(
            &mut StandIn::default(),
            &options,
            &mut io::sink(),
            &mut messages,
        )
        .read_and_run(&b"-C\n-D -f 1\n\n-A -t\n"[..]);
        assert_eq!(status.unwrap(), 255);
        let reported = String::from_utf8(reported).unwrap();
        let objects: Vec<serde_json::Value> = reported
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            objects,
            [
                serde_json::json!({
                    "operation": "delete fwmark 1", "object": {"service": "fwmark 1"},
                    "errno": "ESRCH", "message": "No such service", "line": 2,
                }),
                serde_json::json!({
                    "operation": null, "object": null, "errno": null,
                    "message": "-t: missing argument", "line": 4,
                }),
            ]
        );
    }

    #[test]
    fn checking_tells_every_line_that_is_wrong_and_carries_nothing_out() {
        let (reported, status) = check_text("-C\n-A\n\n-A -t\n-A -f 1\n-Q", || false);
        assert_eq!(
            reported,
            "line 2: You need to supply the 'service-address' option for the 'add-service' \
             command\n\
             line 4: -t: missing argument\n\
             line 6: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n"
        );
        assert_eq!(status, 2);
    }

    #[test]
    fn checking_counts_the_rules_for_a_terminal() {
        let document = r#"{"schema_version":1,"services":[{"fwmark":9,"scheduler":"rr"}]}"#;
        for (text, count) in [
            ("# two\n-A -f 1\n-C\n", "2 rules, nothing wrong\n"),
            (document, "1 rule, nothing wrong\n"),
        ] {
            assert_eq!(check_text(text, || true), (count.to_owned(), 0));
            assert_eq!(check_text(text, || false), (String::new(), 0));
        }
    }

    #[test]
    fn checking_takes_no_rules_for_a_mistake_of_its_own_kind() {
        for text in [
            "",
            "\n \n# -A -f 1\n",
            r#"{"schema_version":1,"services":[]}"#,
        ] {
            let words = "no rules in standard input; to clear the table say ipvsadm -C\n";
            assert_eq!(check_text(text, || false), (words.to_owned(), 1), "{text}");
        }
    }

    /// Runs ipvsadm-restore on rules that are wrong; returns what it says, and its
    /// exit status. It must not have asked for the kernel, which no unit test has.
    fn replace_text(text: &str, strict: bool) -> (String, u8) {
        let options = Restore {
            strict,
            ..Restore::default()
        };
        let mut reported = Vec::new();
        let mut messages = Messages::new(&mut reported, || false);
        let status = replace(
            &options,
            text.as_bytes(),
            &mut Session::default(),
            &mut io::sink(),
            &mut messages,
        );
        let status = status.unwrap();
        (String::from_utf8(reported).unwrap(), status)
    }

    #[test]
    fn a_wrong_rule_leaves_the_table_as_it_was() {
        for (text, words, status) in [
            (
                "-A -f 1\n-A -f 0\n-Q\n",
                "invalid fwmark value `0' specified\nline 2 is wrong: the table is as it was\n",
                2,
            ),
            (
                "-A -f 1\n\n-A -f\n",
                "-f: missing argument\nline 3 is wrong: the table is as it was\n",
                255,
            ),
            (
                "{}",
                "the field schema_version is missing\nthe table is as it was\n",
                2,
            ),
        ] {
            assert_eq!(replace_text(text, false), (words.to_owned(), status));
        }
        assert_eq!(
            replace_text("-A -f 0\n-A -f 1\n-Q\n", true),
            (
                "line 1: invalid fwmark value `0' specified\n\
                 line 3: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n\
                 the table is as it was\n"
                    .to_owned(),
                2
            )
        );
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
