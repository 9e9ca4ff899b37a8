// SPDX-License-Identifier: MIT

//! Reads a file of rules, and turns its text into commands, line by line or all at
//! once.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::{
    args::{self, error::UsageError},
    command::{Apply, Command, Compare, Request, Restore, place::Place},
    failure::{CommandLine, InputError, RuleAt},
    json,
};

/// A command of a file, and where it stands.
pub(crate) type Rule = (Place, Command);

/// Opens a file, or standard input if none is given.
pub(super) fn open(file: Option<&Path>) -> Result<Box<dyn Read>, InputError> {
    match file {
        None => Ok(Box::new(io::stdin().lock())),
        Some(path) => match File::open(path) {
            Ok(opened) => Ok(Box::new(opened)),
            Err(reason) => Err(input_error(file, reason)),
        },
    }
}

/// Reads all that there is.
pub(super) fn read_all(file: Option<&Path>, mut rules: impl Read) -> Result<Vec<u8>, InputError> {
    let mut text = Vec::new();
    match rules.read_to_end(&mut text) {
        Ok(_) => Ok(text),
        Err(reason) => Err(input_error(file, reason)),
    }
}

pub(super) fn input_error(file: Option<&Path>, reason: io::Error) -> InputError {
    InputError {
        file: file.map(PathBuf::from),
        reason,
    }
}

/// The rules of a whole text.
#[derive(Default)]
pub(crate) struct Parsed {
    pub(crate) rules: Vec<Rule>,
    /// The mistake of the first rule that has one, or of every one.
    pub(crate) errors: Vec<anyhow::Error>,
}

/// Parses the rules of a whole text, to its end or up to the first mistake.
pub(crate) fn parse_all(file: Option<&Path>, text: &[u8], every: bool) -> Parsed {
    let at = |place| RuleAt {
        file: file.map(PathBuf::from),
        place,
        names_line: every || file.is_some(),
    };
    let mut parsed = Parsed::default();
    if is_json(text) {
        let change = |(place, change)| (place, Command::Change(change));
        match json::changes(text) {
            Ok(changes) => parsed.rules = changes.into_iter().map(change).collect(),
            Err(error) => parsed
                .errors
                .push(anyhow::Error::from(error).context(at(None))),
        }
        return parsed;
    }
    for (line, number) in text.split_inclusive(|byte| *byte == b'\n').zip(1..) {
        let place = Place::Line(number);
        let line = String::from_utf8_lossy(line);
        let Some(words) = split_line(&line) else {
            continue;
        };
        match parse_words(&words) {
            Ok(command) => parsed.rules.push((place, command)),
            Err(error) => {
                let error = CommandLine::around(error, &words).context(at(Some(place)));
                parsed.errors.push(error);
                if !every {
                    break;
                }
            }
        }
    }
    parsed
}

/// Tells a JSON document, be it of the wrong form, from lines of commands. A line
/// can begin with an address in brackets, which the original takes for a wrong
/// word.
pub(super) fn is_json(beginning: &[u8]) -> bool {
    match beginning.trim_ascii_start().split_first() {
        Some((b'{', _)) => true,
        Some((b'[', rest)) => matches!(
            rest.trim_ascii_start().first(),
            Some(b'{' | b'[' | b'"' | b']')
        ),
        _ => false,
    }
}

/// Splits a line into words and leaves out the program's name, which the original
/// ignores wherever it stands; `None` for a blank line or a comment. As a C
/// string, a word ends at a NUL.
pub(super) fn split_line<'a>(line: &'a str) -> Option<Vec<&'a str>> {
    // Few lines have more words than that.
    let mut words = Vec::with_capacity(16);
    // Blanks are of one byte, so that what is between them is text.
    let mut add = |word: &'a str| {
        if !word.is_empty() && word != "ipvsadm" {
            words.push(word);
        }
    };
    let mut start = 0;
    let mut has_nul = false;
    for (end, byte) in line.bytes().enumerate() {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {
                add(line.get(start..end).unwrap_or_default());
                start = end + 1;
            }
            0 => has_nul = true,
            _ => {}
        }
    }
    add(line.get(start..).unwrap_or_default());
    if has_nul {
        for word in &mut words {
            *word = word.split_once('\0').map_or(*word, |(word, _)| word);
        }
    }
    let is_comment = words.first()?.starts_with('#');
    (!is_comment).then_some(words)
}

/// Parses the words of a line.
///
/// # Errors
/// Those of [`args::parse_rule`], and what only a command line may ask for.
pub(super) fn parse_words(words: &[&str]) -> Result<Command, UsageError> {
    match args::parse_rule(words)? {
        Request::Run(command) => Ok(command),
        // These make no sense in a file, and the name of another file is not to
        // be lost without a word.
        Request::Restore(Restore {
            file: Some(file), ..
        })
        | Request::Apply(Apply {
            file: Some(file), ..
        })
        | Request::Compare(Compare {
            file: Some(file), ..
        }) => Err(UsageError::UnexpectedArgument(file.display().to_string())),
        Request::Restore(_)
        | Request::Apply(_)
        | Request::Compare(_)
        | Request::Report(_)
        | Request::Help
        | Request::Version(_)
        | Request::Watch(_)
        | Request::Drain(_)
        | Request::Doctor(_) => Err(UsageError::NoCommand),
    }
}
