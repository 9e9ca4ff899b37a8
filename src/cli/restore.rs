// SPDX-License-Identifier: MIT

//! `-R`: commands from a file, one a line.

use std::io::{BufRead, Write};

use crate::{
    command::Command,
    failure::{self, Input, Output},
    run::{self, Session},
    usage::UsageError,
};

/// Carries out each line. What the kernel refuses is reported and the next
/// line is tried; returns the exit status of the last line.
///
/// # Errors
/// A line that is wrong in itself, or a kernel without IPVS, ends it.
pub(crate) fn run(
    mut rules: impl BufRead,
    session: &mut Session,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let mut status = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        if rules.read_until(b'\n', &mut line).map_err(Input)? == 0 {
            return Ok(status);
        }
        let line = String::from_utf8_lossy(&line);
        let Some(words) = words(&line) else {
            continue;
        };
        let outcome = Command::parse(&words)
            .and_then(|command| match command {
                // A file has no use for these, and what follows is not to be
                // lost without a word.
                Command::Restore | Command::Help | Command::Version => Err(UsageError::NoCommand),
                command => Ok(command),
            })
            .map_err(anyhow::Error::from)
            .and_then(|command| run::execute(&command, session, out));
        status = match outcome {
            Ok(()) => 0,
            Err(error) if goes_on(&error) => {
                // What was listed comes before what is wrong.
                out.flush().map_err(Output)?;
                failure::report(&error);
                failure::status(&error)
            }
            Err(error) => {
                out.flush().map_err(Output)?;
                return Err(error);
            }
        };
    }
}

/// The words of a line without the program's name; `None` for a blank line or
/// a comment.
fn words(line: &str) -> Option<Vec<&str>> {
    let mut words = line.split_ascii_whitespace().peekable();
    let first = *words.peek()?;
    if first.starts_with('#') {
        return None;
    }
    if first == "ipvsadm" {
        words.next();
    }
    Some(words.collect())
}

/// Whether the lines after such an error are worth trying.
fn goes_on(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<ipvs_client::Error>()
        .is_some_and(|error| !failure::is_unavailable(error))
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_line_is_split_at_blanks_and_may_begin_with_the_programs_name() {
        let rule = ["-A", "-t", "10.0.0.1:80"];
        for line in [
            "-A -t 10.0.0.1:80\n",
            "ipvsadm -A -t 10.0.0.1:80\n",
            "\t-A\t-t  10.0.0.1:80 \r\n",
            "-A -t 10.0.0.1:80",
        ] {
            assert_eq!(words(line).as_deref(), Some(&rule[..]), "{line:?}");
        }
    }

    #[test]
    fn blank_lines_and_comments_hold_nothing() {
        for line in ["", "\n", " \t\r\n", "# rules\n", "  #-C\n"] {
            assert_eq!(words(line), None, "{line:?}");
        }
    }
}
