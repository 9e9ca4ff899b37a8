// SPDX-License-Identifier: MIT

//! `-R`: commands from a file, one a line.

use std::io::{BufRead, Write};

use crate::{
    command::Command,
    failure::{self, Input, Messages, Output},
    run::{self, Session},
    usage::UsageError,
};

/// Carries out each line and returns the exit status.
///
/// What the kernel refuses is reported and the next line is tried. The status
/// is that of the last line; if strict, of the first that failed.
///
/// # Errors
/// A kernel without IPVS or permission ends it, and, unless strict, a line that
/// is wrong in itself.
pub(crate) fn run(
    rules: impl BufRead,
    strict: bool,
    session: &mut Session,
    out: &mut impl Write,
    messages: &mut Messages<'_>,
) -> anyhow::Result<u8> {
    // Also for a file without a single rule.
    session.check()?;
    each_line(rules, strict, out, messages, |command, out| {
        run::execute(command, session, out)
    })
}

fn each_line<W: Write>(
    mut rules: impl BufRead,
    strict: bool,
    out: &mut W,
    messages: &mut Messages<'_>,
    mut execute: impl FnMut(&Command, &mut W) -> anyhow::Result<()>,
) -> anyhow::Result<u8> {
    let mut last_status = 0;
    let mut first_failure = 0;
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if rules.read_until(b'\n', &mut line).map_err(Input)? == 0 {
            break;
        }
        let line = String::from_utf8_lossy(&line);
        let Some(words) = words(&line) else {
            continue;
        };
        let outcome = parse(&words)
            .map_err(anyhow::Error::from)
            .and_then(|command| execute(&command, out));
        last_status = 0;
        if let Err(error) = outcome {
            // What was listed comes before what is wrong.
            out.flush().map_err(Output)?;
            if !goes_on(&error, strict) {
                return Err(error);
            }
            if strict {
                messages.report_line(number, &error);
            } else {
                messages.report(&error);
            }
            last_status = failure::status(&error);
            if first_failure == 0 {
                first_failure = last_status;
            }
        }
    }
    Ok(if strict { first_failure } else { last_status })
}

/// The words of a line without the program's name, which the original ignores
/// wherever it stands; `None` for a blank line or a comment.
fn words(line: &str) -> Option<Vec<&str>> {
    let words: Vec<&str> = line
        .split([' ', '\t', '\r', '\n'])
        .filter(|word| !word.is_empty() && *word != "ipvsadm")
        .collect();
    let is_comment = words.first()?.starts_with('#');
    (!is_comment).then_some(words)
}

fn parse(words: &[&str]) -> Result<Command, UsageError> {
    match Command::parse(words)? {
        // A file has no use for these, and what follows is not to be lost
        // without a word.
        Command::Restore { .. } | Command::Help | Command::Version => Err(UsageError::NoCommand),
        command => Ok(command),
    }
}

/// Whether the lines after such an error are worth trying.
fn goes_on(error: &anyhow::Error, strict: bool) -> bool {
    match error.downcast_ref::<ipvs_client::Error>() {
        Some(error) => !failure::is_unavailable(error),
        None => strict && error.is::<UsageError>(),
    }
}

#[cfg(test)]
mod tests {
    use ipvs_client::{Errno, Error, Operation};

    use super::*;

    /// What a file of rules leads to: the exit status or the error that ended
    /// it, what was printed and what was reported, and the commands that were
    /// carried out. A stand-in for the kernel has no service to delete, lists
    /// one line, and loses IPVS at --zero.
    struct Outcome {
        status: Result<u8, String>,
        printed: String,
        reported: String,
        executed: usize,
    }

    fn run(rules: &str, strict: bool) -> Outcome {
        let mut printed = Vec::new();
        let mut reported = Vec::new();
        let mut executed = 0;
        let status = each_line(
            rules.as_bytes(),
            strict,
            &mut printed,
            &mut Messages::new(&mut reported, false),
            |command, out| {
                executed += 1;
                match command {
                    Command::DeleteService(id) => Err(Error::Kernel {
                        operation: Operation::DeleteService(*id),
                        errno: Errno::SRCH,
                    }
                    .into()),
                    Command::Zero(_) => Err(Error::Kernel {
                        operation: Operation::ZeroAll,
                        errno: Errno::PERM,
                    }
                    .into()),
                    Command::List(_) => Ok(writeln!(out, "listed").map_err(Output)?),
                    _ => Ok(()),
                }
            },
        );
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
        assert_eq!(outcome.printed, "listed\n");
        let outcome = run("-D -f 1\n-C\n\n# end\n", false);
        assert_eq!(outcome.status, Ok(0), "blank lines and comments are none");
        assert_eq!(outcome.reported, "No such service\n");
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
        assert_eq!(outcome.printed, "listed\n");
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
            let outcome = run("-C\n-Z\n-C\n-Q\n", strict);
            assert!(outcome.status.is_err(), "strict: {strict}");
            assert_eq!(outcome.executed, 2, "strict: {strict}");
            assert_eq!(outcome.reported, "", "strict: {strict}");
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
