// SPDX-License-Identifier: MIT

//! Reads a file of rules, and turns its text into commands, line by line or all at
//! once.

use std::{
    fs::File,
    io::{self, BufRead, Read},
    path::{Path, PathBuf},
};

use crate::{
    args::{self, error::UsageError},
    command::{Apply, Command, Compare, Request, Restore, place::Place},
    failure::{CommandLine, DescriptionError, InputError, RuleAt},
    json::{self, JsonError},
    run::rule_text::{self, read_line},
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

/// The mistakes of a file that are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mistakes {
    /// The first of a rule; what follows is not read.
    First,
    /// Those of every rule.
    Every,
    /// Also a NUL byte in a line, as a file can have when the machine went down while it
    /// was written. -R leaves out what is behind it, as the original does; where the file
    /// describes a whole table that would remove entries.
    EveryAndNul,
}

/// Parses the rules of a whole file, to its end or up to the first mistake. Of the text
/// no more than a line is kept, or of JSON a service.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn parse_all(
    file: Option<&Path>,
    rules: impl Read,
    mistakes: Mistakes,
) -> Result<Parsed, InputError> {
    let failed = |reason| input_error(file, reason);
    let (is_json, rules) = rule_text::begin(rules).map_err(failed)?;
    if is_json {
        parse_json(file, rules)
    } else {
        parse_lines(file, rules, mistakes).map_err(failed)
    }
}

fn parse_json(file: Option<&Path>, rules: impl Read) -> Result<Parsed, InputError> {
    let mut parsed = Parsed::default();
    let rule = |(place, change)| (place, Command::Change(change));
    match json::changes(rules) {
        Ok(changes) => parsed.rules = changes.into_iter().map(rule).collect(),
        Err(JsonError::Unreadable(reason)) => return Err(input_error(file, reason)),
        Err(error) => {
            let at = RuleAt {
                file: file.map(PathBuf::from),
                place: None,
                names_line: true,
            };
            parsed.errors.push(anyhow::Error::from(error).context(at));
        }
    }
    Ok(parsed)
}

fn parse_lines(
    file: Option<&Path>,
    mut rules: impl BufRead,
    mistakes: Mistakes,
) -> io::Result<Parsed> {
    let mut parsed = Parsed::default();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        read_line(&mut rules, &mut line, number)?;
        if line.is_empty() {
            break;
        }
        let place = Place::Line(number);
        let at = || RuleAt {
            file: file.map(PathBuf::from),
            place: Some(place),
            names_line: mistakes != Mistakes::First || file.is_some(),
        };
        let text = String::from_utf8_lossy(&line);
        if let Some(words) = split_line(&text) {
            match parse_words(&words) {
                Ok(command) => parsed.rules.push((place, command)),
                Err(error) => {
                    let error = CommandLine::around(error, &words).context(at());
                    parsed.errors.push(error);
                }
            }
        }
        if mistakes == Mistakes::EveryAndNul && line.contains(&0) {
            let error = anyhow::Error::from(DescriptionError::Nul);
            parsed.errors.push(error.context(at()));
        }
        if mistakes == Mistakes::First && !parsed.errors.is_empty() {
            break;
        }
    }
    Ok(parsed)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, mistakes: Mistakes) -> Vec<String> {
        let parsed = parse_all(None, text.as_bytes(), mistakes).unwrap();
        let of_rule = |(place, _): &Rule| place.to_string();
        let rules = parsed.rules.iter().map(of_rule);
        let errors = parsed.errors.iter();
        let errors = errors.map(|error| error.root_cause().to_string());
        rules.chain(errors).collect()
    }

    #[test]
    fn json_may_begin_after_blank_lines_and_in_a_line_of_its_own() {
        let document = "\n \t\n{\n\"schema_version\": 1, \"services\": [\n{\"fwmark\": 1, \
                        \"scheduler\": \"rr\"}]}\n";
        assert_eq!(told(document, Mistakes::Every), ["services[0]"]);
        let cut = "\n{\n\"schema_version\"";
        assert_eq!(
            told(cut, Mistakes::Every),
            ["line 3, column 16: the JSON ends too early"]
        );
        let list = "[\n{}]";
        assert!(told(list, Mistakes::Every)[0].contains("not a list"));
    }

    #[test]
    fn an_address_in_brackets_begins_a_line_and_no_json() {
        let rules = "\n[::1]:80\n-A -f 1\n";
        assert_eq!(told(rules, Mistakes::Every)[0], "line 3");
        assert_eq!(told(rules, Mistakes::Every).len(), 2);
        assert_eq!(told(rules, Mistakes::First).len(), 1);
    }
}
