// SPDX-License-Identifier: MIT

//! The network namespace that a command line is for, found before its other words
//! are read: names of hosts among them are looked up inside of it.

use ipvs_client::NamespaceReference;

use super::{
    name::{self, CommandName},
    raw::parse_namespace,
    scan::{Scanner, Token},
};

/// Finds the network namespace of a command line. `None` is a line that names none,
/// that asks for the help or the version, or that has a mistake, which
/// [`parse`](super::parse) tells.
pub(crate) fn find_namespace(words: &[&str]) -> Option<NamespaceReference> {
    let mut namespace = None;
    for token in Scanner::new(words) {
        let Token::Option { spec, value, .. } = token.ok()? else {
            continue;
        };
        if let Some(CommandName::Help | CommandName::Version) = spec.command() {
            return None;
        }
        if spec.group() == Some(name::NETNS) && namespace.replace(value?).is_some() {
            return None;
        }
    }
    parse_namespace(namespace?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{error::UsageError, parse};

    fn find(line: &str) -> Option<String> {
        let words: Vec<_> = line.split(' ').collect();
        find_namespace(&words).map(|namespace| namespace.to_string())
    }

    #[test]
    fn it_is_found_before_and_after_the_command_in_both_spellings() {
        for line in [
            "--netns blue",
            "--netns blue -L -n",
            "--netns=blue -Ln",
            "-L --netns blue -n",
            "-Ln --netns=blue",
            "-A -t www.example.org:80 --netns blue",
        ] {
            let blue = Some("network namespace \"blue\"".to_owned());
            assert_eq!(find(line), blue, "{line}");
        }
    }

    #[test]
    fn a_value_of_another_option_and_an_argument_are_not_it() {
        for line in ["-L -n", "-A -s --netns blue", "-R -- --netns=blue"] {
            assert_eq!(find(line), None, "{line}");
        }
    }

    #[test]
    fn help_version_and_lines_with_a_mistake_in_their_words_are_for_none() {
        for line in [
            "--netns blue -h",
            "-v --netns blue",
            "--netns blue --netns red",
            "-L --netns",
            "-L --netns ..",
            "-L --netns blue --nope",
        ] {
            assert_eq!(find(line), None, "{line}");
        }
    }

    #[test]
    fn it_may_stand_before_every_command_and_alone_it_lists() {
        let parsed = |line: &str| parse(&line.split(' ').collect::<Vec<_>>());
        for (with, without) in [
            ("--netns blue", "-L"),
            ("--netns blue -Ln --stats", "-Ln --stats"),
            ("-Ln --netns blue --stats", "-Ln --stats"),
            ("--netns=7 -R --strict rules", "-R --strict rules"),
            ("--netns /x 1 --set 2 3", "--set 1 2 3"),
            ("--netns blue -h", "-h"),
            ("--netns blue -v", "-v"),
        ] {
            assert!(parsed(without).is_ok(), "{without}");
            assert_eq!(parsed(with), parsed(without), "{with}");
        }
        for (line, error) in [
            ("--netns", UsageError::NoCommand),
            ("--netns blue -n", UsageError::NoCommand),
            ("--netns blue list", UsageError::NoCommand),
            (
                "--netns blue -L --netns red",
                UsageError::Repeated(name::NETNS),
            ),
            ("--netns .. -L", UsageError::Namespace("..".to_owned())),
            ("-L --netns=", UsageError::Namespace(String::new())),
        ] {
            assert_eq!(parsed(line), Err(error), "{line}");
        }
    }
}
