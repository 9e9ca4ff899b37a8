// SPDX-License-Identifier: MIT

//! Splits words into options and arguments, by the rules of popt, the option library
//! of the original: short options in bundles, values attached, after `=` or in
//! the next word, and `--` before plain arguments.

use super::{
    error::UsageError,
    options::{TABLE, find_by_letter},
    spec::{Spec, Value},
};

/// A piece of a command line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Token<'a> {
    Option {
        spec: &'static Spec,
        value: Option<&'a str>,
        /// The last word that belongs to the option: the whole one that it was
        /// found in, or the next where that is the value.
        last_word: &'a str,
    },
    Argument(&'a str),
}

/// The tokens of a command line, in the order of its words.
pub(crate) struct Scanner<'a> {
    words: std::slice::Iter<'a, &'a str>,
    /// A bundle of short options that is not at its end: the word, and the letters
    /// that are left of it.
    bundle: Option<(&'a str, &'a str)>,
    /// `--` has been seen.
    only_arguments: bool,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(words: &'a [&'a str]) -> Self {
        Self {
            words: words.iter(),
            bundle: None,
            only_arguments: false,
        }
    }

    /// Reads a word that begins with `--`.
    fn scan_long(&mut self, word: &'a str, name: &'a str) -> Result<Token<'a>, UsageError> {
        let (name, attached) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (name, None),
        };
        let spec = TABLE
            .iter()
            .find(|spec| spec.long == name)
            .ok_or_else(|| UsageError::UnknownOption(word.to_owned()))?;
        if spec.value == Value::None && attached.is_some() {
            return Err(UsageError::UnwantedValue(word.to_owned()));
        }
        if attached.is_some() {
            return Ok(Token::Option {
                spec,
                value: attached,
                last_word: word,
            });
        }
        self.add_value(spec, word)
    }

    /// Reads the first letter of the rest of a bundle.
    fn scan_short(&mut self, word: &'a str, rest: &'a str) -> Result<Token<'a>, UsageError> {
        let mut letters = rest.chars();
        let spec = letters
            .next()
            .and_then(find_by_letter)
            .ok_or_else(|| UsageError::UnknownOption(word.to_owned()))?;
        let rest = letters.as_str();
        if spec.value == Value::None {
            if rest.starts_with('=') {
                return Err(UsageError::UnwantedValue(word.to_owned()));
            }
            self.bundle = (!rest.is_empty()).then_some((word, rest));
            return Ok(Token::Option {
                spec,
                value: None,
                last_word: word,
            });
        }
        if rest.is_empty() {
            return self.add_value(spec, word);
        }
        Ok(Token::Option {
            spec,
            value: Some(rest.strip_prefix('=').unwrap_or(rest)),
            last_word: word,
        })
    }

    /// Returns an option whose value, if it takes one, is the next word.
    fn add_value(&mut self, spec: &'static Spec, word: &'a str) -> Result<Token<'a>, UsageError> {
        let value = self.take_value(spec, word)?;
        Ok(Token::Option {
            spec,
            value,
            last_word: value.unwrap_or(word),
        })
    }

    /// Takes the value from the next word, if the option takes one.
    fn take_value(&mut self, spec: &Spec, word: &str) -> Result<Option<&'a str>, UsageError> {
        match spec.value {
            Value::None | Value::Attached(_) => Ok(None),
            // Any word is the value, even one that looks like an option.
            Value::Required(_) => match self.words.next() {
                Some(value) => Ok(Some(value)),
                None => Err(UsageError::MissingValue(word.to_owned())),
            },
            Value::Optional(_) => match self.words.as_slice().first() {
                Some(value) if !value.starts_with('-') => {
                    self.words.next();
                    Ok(Some(value))
                }
                _ => Ok(None),
            },
        }
    }
}

impl<'a> Iterator for Scanner<'a> {
    type Item = Result<Token<'a>, UsageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some((word, rest)) = self.bundle.take() {
            return Some(self.scan_short(word, rest));
        }
        let mut word = *self.words.next()?;
        if word == "--" && !self.only_arguments {
            self.only_arguments = true;
            word = self.words.next()?;
        }
        if self.only_arguments {
            return Some(Ok(Token::Argument(word)));
        }
        Some(match word.strip_prefix('-') {
            None | Some("") => Ok(Token::Argument(word)),
            Some(rest) => match rest.strip_prefix('-') {
                Some(name) => self.scan_long(word, name),
                None => self.scan_short(word, rest),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens in a form that is easy to read: `--long`, `--long=value` or
    /// the argument; the error's words last.
    fn scan(words: &[&str]) -> Vec<String> {
        let mut seen = Vec::new();
        for token in Scanner::new(words) {
            match token {
                Ok(Token::Option {
                    spec,
                    value: Some(value),
                    ..
                }) => seen.push(format!("--{}={value}", spec.long)),
                Ok(Token::Option { spec, .. }) => seen.push(format!("--{}", spec.long)),
                Ok(Token::Argument(word)) => seen.push(word.to_owned()),
                Err(error) => {
                    seen.push(error.to_string());
                    break;
                }
            }
        }
        seen
    }

    #[test]
    fn short_options_may_be_bundled_and_the_last_may_take_a_value() {
        assert_eq!(
            scan(&["-Lnt", "1.1.1.1:80"]),
            ["--list", "--numeric", "--tcp-service=1.1.1.1:80"]
        );
        assert_eq!(
            scan(&["-list"]),
            ["--list", "--ipip", "--scheduler=t"],
            "a value may be attached in a bundle"
        );
    }

    #[test]
    fn a_value_is_attached_or_after_an_equals_sign_or_the_next_word() {
        for words in [
            &["-w", "5"][..],
            &["-w5"],
            &["-w=5"],
            &["--weight", "5"],
            &["--weight=5"],
        ] {
            assert_eq!(scan(words), ["--weight=5"], "{words:?}");
        }
        assert_eq!(scan(&["--weight="]), ["--weight="]);
    }

    #[test]
    fn a_required_value_is_whatever_comes_next() {
        assert_eq!(scan(&["-s", "-t", "x"]), ["--scheduler=-t", "x"]);
        assert_eq!(scan(&["-s", "--"]), ["--scheduler=--"]);
        assert_eq!(scan(&["-Ls"]), ["--list", "-Ls: missing argument"]);
    }

    #[test]
    fn an_optional_value_does_not_begin_with_a_dash() {
        assert_eq!(
            scan(&["-p", "-s", "rr"]),
            ["--persistent", "--scheduler=rr"]
        );
        assert_eq!(scan(&["-p", "60"]), ["--persistent=60"]);
        assert_eq!(scan(&["-p60"]), ["--persistent=60"]);
        assert_eq!(scan(&["-p"]), ["--persistent"]);
        assert_eq!(scan(&["-p", ""]), ["--persistent="]);
    }

    #[test]
    fn a_value_that_is_only_attached_is_never_the_next_word() {
        assert_eq!(scan(&["--color", "always"]), ["--color", "always"]);
        assert_eq!(scan(&["--color=always"]), ["--color=always"]);
        assert_eq!(scan(&["--color="]), ["--color="]);
        assert_eq!(scan(&["--color"]), ["--color"]);
    }

    #[test]
    fn after_two_dashes_every_word_is_an_argument() {
        assert_eq!(scan(&["-L", "--", "-n", "--"]), ["--list", "-n", "--"]);
        assert_eq!(scan(&["-L", "--"]), ["--list"]);
        assert_eq!(scan(&["-L", "-", ""]), ["--list", "-", ""]);
    }

    #[test]
    fn errors_quote_the_whole_word() {
        for (words, error) in [
            (&["-LnQ"][..], "-LnQ: unknown option"),
            (&["-é"], "-é: unknown option"),
            (&["--nope"], "--nope: unknown option"),
            (&["--nume"], "--nume: unknown option"),
            (&["--nope=1"], "--nope=1: unknown option"),
            (&["--="], "--=: unknown option"),
            (
                &["--numeric=5"],
                "--numeric=5: option does not take an argument",
            ),
            (&["-n=5"], "-n=5: option does not take an argument"),
        ] {
            assert_eq!(
                scan(words).last().map(String::as_str),
                Some(error),
                "{words:?}"
            );
        }
    }
}
