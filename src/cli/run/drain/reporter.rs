// SPDX-License-Identifier: MIT

//! The way of what happens to whoever has started the program: results and progress
//! as lines, a line that is drawn again on a terminal, or JSON objects.

use std::io::{self, Write};

use rustix::termios::tcgetwinsize;

use super::event::Event;
use crate::{
    command::{Form, spelling::Elsewhere},
    failure::{self, Messages, StdoutError},
};

/// To the beginning of the line, and away with the rest of it (ECMA-48: EL).
const CLEAR_LINE: &str = "\r\x1b[K";

pub(super) struct Reporter<'a, 'm, W> {
    out: &'a mut W,
    messages: &'a mut Messages<'m>,
    form: Form,
    elsewhere: Elsewhere,
    /// Progress is a line that is drawn again.
    draws: bool,
    /// Such a line is on the terminal.
    is_drawn: bool,
    /// The reason why standard output could not be written.
    unwritten: Option<io::Error>,
}

impl<'a, 'm, W: Write> Reporter<'a, 'm, W> {
    pub(super) fn new(
        out: &'a mut W,
        messages: &'a mut Messages<'m>,
        form: Form,
        elsewhere: Elsewhere,
    ) -> Self {
        let terminal = std::env::var_os("TERM").unwrap_or_default();
        let draws = form == Form::Classic
            && messages.are_for_a_person()
            && !terminal.is_empty()
            && terminal != "dumb";
        Self {
            out,
            messages,
            form,
            elsewhere,
            draws,
            is_drawn: false,
            unwritten: None,
        }
    }

    /// Makes a command do where servers are drained what it would do here.
    pub(super) fn spell(&self, command: &str) -> String {
        self.elsewhere.spell(command)
    }

    /// Tells of something that has happened: in JSON or if it is a result on standard
    /// output, otherwise on standard error. If it cannot be written the work goes on.
    pub(super) fn tell(&mut self, event: &Event) {
        if self.draws && matches!(event, Event::Waiting { .. }) {
            // It is in the line that is drawn.
            return;
        }
        self.clear();
        let written = match self.form {
            Form::Json => writeln!(self.out, "{}", event.to_json()),
            Form::Classic if event.is_aside() => {
                self.messages.note(&event.to_string());
                Ok(())
            }
            Form::Classic => writeln!(self.out, "{event}"),
        }
        // Whoever reads it may wait for it.
        .and_then(|()| self.out.flush());
        if let Err(reason) = written {
            self.unwritten.get_or_insert(reason);
        }
    }

    /// Ends a command that has this exit status: tells what could not be written.
    pub(super) fn end(self, status: u8) -> anyhow::Result<u8> {
        let Some(reason) = self.unwritten else {
            return Ok(status);
        };
        let error = failure::after_changes(StdoutError(reason));
        if status == 0 {
            return Err(error);
        }
        self.messages.report(&error);
        Ok(status)
    }

    /// Draws what is waited for, on a terminal.
    pub(super) fn draw(&mut self, text: &str) {
        if !self.draws || text.is_empty() {
            return;
        }
        let line = format!("waiting for {text}");
        // A line that is wrapped could not be drawn again.
        let columns = tcgetwinsize(io::stderr()).map_or(80, |size| usize::from(size.ws_col));
        let columns = if columns == 0 { 80 } else { columns };
        let line: String = line.chars().take(columns.saturating_sub(1)).collect();
        self.messages.control(CLEAR_LINE);
        self.messages.show(&line);
        self.is_drawn = true;
    }

    /// Takes the line that was drawn away.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            self.messages.control(CLEAR_LINE);
        }
    }

    /// Tells a person, and nobody else, about something that is no failure.
    pub(super) fn warn(&mut self, warning: &str) {
        self.clear();
        self.messages.warn(warning);
    }

    /// Adds a line for people.
    pub(super) fn note(&mut self, text: &str) {
        self.clear();
        self.messages.note(text);
    }

    /// Reports a failure after which the command goes on.
    pub(super) fn report(&mut self, error: &anyhow::Error) {
        self.clear();
        self.messages.report(error);
    }
}

#[cfg(test)]
mod tests {
    use ipvs_client::{DestinationId, ServiceId};

    use super::*;
    use crate::{
        command::drain::Awaited,
        run::drain::event::{Connections, ServerId},
    };

    /// Returns what is told of a server with a connection that ends: on standard
    /// output and on standard error.
    fn told(form: Form, is_terminal: fn() -> bool) -> (String, String) {
        let server = ServerId {
            service: ServiceId::tcp(([10, 0, 0, 1], 80)),
            destination: DestinationId::new([10, 0, 0, 2], 80),
        };
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let mut messages = Messages::new(&mut errors, is_terminal);
        let mut reporter = Reporter::new(&mut out, &mut messages, form, Elsewhere::default());
        // Tests have no terminal, but may have a variable that says so.
        reporter.draws = is_terminal();
        reporter.tell(&Event::Waiting {
            server,
            connections: Connections {
                active: 1,
                inactive: 0,
                awaited: Awaited::Active,
            },
        });
        reporter.draw("1 active connection");
        reporter.tell(&Event::Empty {
            server,
            awaited: Awaited::Active,
        });
        reporter.clear();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(out), text(errors))
    }

    #[test]
    fn on_a_terminal_progress_is_a_line_that_goes_before_the_next_is_written() {
        assert_eq!(
            told(Form::Classic, || true),
            (
                "TCP 10.0.0.1:80: 10.0.0.2:80 has no active connections\n".to_owned(),
                "\r\x1b[Kwaiting for 1 active connection\r\x1b[K".to_owned()
            )
        );
    }

    #[test]
    fn elsewhere_progress_is_a_line_for_each_change() {
        assert_eq!(
            told(Form::Classic, || false),
            (
                "TCP 10.0.0.1:80: 10.0.0.2:80 has no active connections\n".to_owned(),
                "TCP 10.0.0.1:80: 10.0.0.2:80 has 1 active connection\n".to_owned()
            )
        );
    }

    #[test]
    fn in_json_everything_is_an_object_on_a_line_of_standard_output() {
        let (out, errors) = told(Form::Json, || false);
        assert_eq!(errors, "");
        let objects: Vec<serde_json::Value> = out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(objects.len(), 2);
        assert_eq!(objects[0]["event"], "waiting");
        assert_eq!(objects[0]["active_connections"], 1);
        assert_eq!(objects[1]["event"], "empty");
        assert_eq!(objects[1]["service"], "TCP 10.0.0.1:80");
        assert_eq!(objects[1]["destination"], "10.0.0.2:80");
    }
}
