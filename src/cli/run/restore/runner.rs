// SPDX-License-Identifier: MIT

//! Carries rules out, one after the other, and tells which have failed.

use std::io::{BufRead, BufReader, Read, Write};

use ipvs_client::{Change, Client};

use crate::{
    args::error::UsageError,
    command::{Command, Restore, place::Place},
    failure::{self, CommandLine, FailedCommand, Incomplete, Messages, RuleAt, StdoutError},
    json::{self, JsonError},
    run::{
        self, hidden,
        rule_file::{Rule, input_error, parse_words, split_line},
        rule_text::{self, read_line},
        session::Session,
    },
};

/// Carries the commands out: the way to the kernel, or in tests a stand-in.
pub(super) trait Executor {
    /// Applies changes; returns the index of each that is refused, and why.
    fn apply(
        &mut self,
        changes: &[Change],
    ) -> ipvs_client::Result<Vec<(usize, ipvs_client::Error)>>;

    /// Applies changes whatever is there already; returns the same.
    fn ensure(
        &mut self,
        changes: &[Change],
    ) -> ipvs_client::Result<Vec<(usize, ipvs_client::Error)>>;

    /// Carries out any other command.
    fn execute(&mut self, command: &Command, out: &mut impl Write) -> anyhow::Result<()>;

    /// Finds out, after a command, whether it has listed less than there is; returns what
    /// is to be told about that.
    fn find_hidden(&mut self, _command: &Command) -> Option<anyhow::Error> {
        None
    }
}

impl Executor for Session {
    fn apply(
        &mut self,
        changes: &[Change],
    ) -> ipvs_client::Result<Vec<(usize, ipvs_client::Error)>> {
        // Not for the whole file: whoever writes it may wait for a program that
        // wants the lock.
        let _lock = self.try_to_lock()?;
        self.client()?.apply(changes)
    }

    fn ensure(
        &mut self,
        changes: &[Change],
    ) -> ipvs_client::Result<Vec<(usize, ipvs_client::Error)>> {
        let _lock = self.try_to_lock()?;
        self.client()?.ensure(changes)
    }

    fn execute(&mut self, command: &Command, out: &mut impl Write) -> anyhow::Result<()> {
        run::execute(command, self, out)
    }

    fn find_hidden(&mut self, command: &Command) -> Option<anyhow::Error> {
        hidden::find_after(command, self)
    }
}

/// Carries rules out, many changes at a time.
pub(super) struct Runner<'a, 'm, E, W> {
    executor: &'a mut E,
    options: &'a Restore,
    out: &'a mut W,
    messages: &'a mut Messages<'m>,
    /// Changes that wait to be applied together, and where they come from.
    changes: Vec<Change>,
    places: Vec<Place>,
    /// An entry that a rule adds may be there, one that a rule deletes gone.
    exist: bool,
    last_status: u8,
    first_failure: u8,
    /// The exit status when something that was listed could not be written, or 0.
    unwritten: u8,
}

impl<'a, 'm, E: Executor, W: Write> Runner<'a, 'm, E, W> {
    pub(super) fn new(
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
            exist: options.exist,
            last_status: 0,
            first_failure: 0,
            unwritten: 0,
        }
    }

    /// Carries out each rule when it has been read.
    pub(super) fn read_and_run(mut self, rules: impl Read) -> anyhow::Result<u8> {
        let file = self.options.file.clone();
        let wrong = |reason| input_error(file.as_deref(), reason);
        let (is_json, rules) = rule_text::begin(rules).map_err(wrong)?;
        if is_json {
            let changes = json::changes(rules).map_err(|error| match error {
                JsonError::Unreadable(reason) => wrong(reason).into(),
                error => anyhow::Error::from(error).context(self.locate(None)),
            })?;
            for (place, change) in changes {
                self.queue(place, change, self.options.exist)?;
            }
        } else {
            self.run_lines(rules)?;
        }
        self.finish()
    }

    /// Carries out rules that are known to be right in themselves.
    pub(super) fn run(mut self, rules: Vec<Rule>) -> anyhow::Result<u8> {
        for (place, command) in rules {
            self.run_command(place, command)?;
        }
        self.finish()
    }

    fn finish(mut self) -> anyhow::Result<u8> {
        self.apply_queued()?;
        let status = if self.options.strict {
            self.first_failure
        } else {
            self.last_status
        };
        Ok(match status {
            0 => self.unwritten,
            status => status,
        })
    }

    fn run_lines(&mut self, mut rules: BufReader<impl Read>) -> anyhow::Result<()> {
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let wrong = |reason| input_error(self.options.file.as_deref(), reason);
            // Taken from memory, which does not fail.
            rules.buffer().read_until(b'\n', &mut line).map_err(wrong)?;
            rules.consume(line.len());
            if !line.ends_with(b"\n") {
                // The rest may be long in coming: a person types it, or waits for
                // the effect of the lines before.
                self.apply_queued()?;
                let wrong = |reason| input_error(self.options.file.as_deref(), reason);
                read_line(&mut rules, &mut line, number).map_err(wrong)?;
            }
            if line.is_empty() {
                break;
            }
            let place = Place::Line(number);
            match std::str::from_utf8(&line) {
                Ok(line) => self.run_line(place, line)?,
                Err(_) => self.run_line(place, &String::from_utf8_lossy(&line))?,
            }
        }
        Ok(())
    }

    fn queue(&mut self, place: Place, change: Change, exist: bool) -> anyhow::Result<()> {
        if exist != self.exist {
            self.apply_queued()?;
            self.exist = exist;
        }
        self.changes.push(change);
        self.places.push(place);
        if self.changes.len() == Client::BATCH {
            self.apply_queued()?;
        }
        Ok(())
    }

    fn run_line(&mut self, place: Place, line: &str) -> anyhow::Result<()> {
        let Some(words) = split_line(line) else {
            return Ok(());
        };
        match parse_words(&words) {
            Ok(command) => self.run_command(place, command),
            Err(error) => {
                self.apply_queued()?;
                self.record_failure(place, CommandLine::around(error, &words))
            }
        }
    }

    fn run_command(&mut self, place: Place, command: Command) -> anyhow::Result<()> {
        let command = match command {
            Command::Change(change) => return self.queue(place, change, self.options.exist),
            Command::Ensure(change) => return self.queue(place, change, true),
            command => command,
        };
        self.apply_queued()?;
        match self.executor.execute(&command, self.out) {
            // The lines that follow are carried out without a reader, too.
            Err(error) if error.is::<StdoutError>() => {
                self.last_status = 0;
                self.report_unwritten(place, error);
                Ok(())
            }
            Err(error) => self.record_failure(place, error),
            _ => {
                self.last_status = 0;
                let Some(note) = self.executor.find_hidden(&command) else {
                    return Ok(());
                };
                // What was listed comes before what is not.
                self.flush(place);
                let note = note.context(self.locate(Some(place)));
                self.messages.report(&note);
                Ok(())
            }
        }
    }

    /// Applies the changes that wait.
    fn apply_queued(&mut self) -> anyhow::Result<()> {
        if self.changes.is_empty() {
            return Ok(());
        }
        let changes = std::mem::take(&mut self.changes);
        let places = std::mem::take(&mut self.places);
        self.last_status = 0;
        let refused = match self.exist {
            true => self.executor.ensure(&changes)?,
            false => self.executor.apply(&changes)?,
        };
        for (index, error) in refused {
            let (Some(change), Some(&place)) = (changes.get(index), places.get(index)) else {
                continue;
            };
            let attempt = FailedCommand(Command::Change(change.clone()));
            self.record_failure(place, anyhow::Error::from(error).context(attempt))?;
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

    fn locate(&self, place: Option<Place>) -> RuleAt {
        RuleAt {
            file: self.options.file.clone(),
            place,
            // The original reads no named files, so that its words need not be
            // kept there.
            names_line: self.options.strict || self.options.file.is_some(),
        }
    }

    /// Writes what was listed so far.
    fn flush(&mut self, place: Place) {
        if let Err(error) = failure::flush(self.out) {
            self.report_unwritten(place, error.into());
        }
    }

    /// Reports that what was listed is lost. A closed pipe is no failure.
    fn report_unwritten(&mut self, place: Place, error: anyhow::Error) {
        let error = error.context(self.locate(Some(place)));
        self.messages.report(&error);
        self.unwritten = failure::exit_status(&error);
    }

    /// Reports what is wrong with a line, if the lines after it are worth
    /// trying.
    fn record_failure(&mut self, place: Place, error: anyhow::Error) -> anyhow::Result<()> {
        // What was listed comes before what is wrong.
        self.flush(place);
        let error = error.context(self.locate(Some(place)));
        if !goes_on(&error, self.options.strict) {
            return Err(error);
        }
        self.messages.report(&error);
        self.last_status = failure::exit_status(&error);
        if self.first_failure == 0 {
            self.first_failure = self.last_status;
        }
        Ok(())
    }
}

/// Returns whether the next line is tried after such an error. The original goes on
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
        .is_some_and(|error| {
            !failure::is_unavailable(error) && (strict || failure::is_change(error))
        })
}
