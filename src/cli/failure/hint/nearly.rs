// SPDX-License-Identifier: MIT

//! Words that are nearly right: what was meant by them.

use crate::{
    args::{
        options::{TABLE, find_by_letter},
        scan::{Scanner, Token},
        spec::{Spec, Value},
    },
    command::choice::join,
    scheduler_flags::SCHEDULERS,
};

/// Hyphens, dashes and minus signs that pages and word processors have where a
/// hyphen was typed.
const DASHES: [char; 9] = [
    '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2015}', '\u{2212}', '\u{fe63}',
    '\u{ff0d}',
];

/// Names that other programs, error messages and books have for options.
const OTHER_NAMES: [(&str, &str); 6] = [
    ("flush", "clear"),
    ("nat", "masquerading"),
    ("dr", "gatewaying"),
    ("direct-routing", "gatewaying"),
    ("tunnel", "ipip"),
    ("tunneling", "ipip"),
];

/// Names of schedulers that are not in their description.
const OTHER_SCHEDULERS: [(&str, &str); 4] = [
    ("leastconn", "lc"),
    ("failover", "fo"),
    ("overflow", "ovf"),
    ("maglev", "mh"),
];

fn find_by_name(name: &str) -> Option<&'static Spec> {
    TABLE.iter().find(|spec| spec.long == name)
}

/// The name in `--name` or `--name=value` without the hyphens.
fn strip_value(word: &str) -> &str {
    word.split_once('=').map_or(word, |(name, _)| name)
}

/// For a word that begins with a dash which only looks like a hyphen.
pub(super) fn explain_pasted_dash(words: &[&str]) -> Option<String> {
    let word = words
        .iter()
        .find(|word| word.trim_start_matches('-').starts_with(DASHES))?;
    let name = word.trim_start_matches(|letter| letter == '-' || DASHES.contains(&letter));
    if name.is_empty() {
        return None;
    }
    let hyphens = match find_by_name(strip_value(name)) {
        Some(_) => "--",
        None => "-",
    };
    Some(format!(
        "the dash of {word} is not the hyphen of the keyboard: type {hyphens}{name}"
    ))
}

/// For a long option behind one hyphen, which is read letter by letter.
pub(super) fn explain_single_hyphen(words: &[&str]) -> Option<String> {
    words.iter().find_map(|word| {
        let name = strip_value(word.strip_prefix('-')?);
        find_by_name(name)?;
        Some(format!(
            "behind one hyphen every letter is an option: type --{name}"
        ))
    })
}

/// For an option that was taken for the value of the one before it.
pub(super) fn explain_swallowed_option(words: &[&str]) -> Option<String> {
    Scanner::new(words).find_map(|token| match token {
        Ok(Token::Option {
            spec,
            value: Some(value),
            ..
        }) if matches!(spec.value, Value::Required(_)) && is_option(value) => {
            let option = spec.spelling();
            Some(format!(
                "{option} has taken {value} for its value: give {option} a value of its own"
            ))
        }
        _ => None,
    })
}

/// Recognizes a word that can hardly be anything but an option.
fn is_option(word: &str) -> bool {
    match word.strip_prefix("--") {
        Some(name) => find_by_name(strip_value(name)).is_some(),
        None => word.strip_prefix('-').is_some_and(|letters| {
            let mut letters = letters.chars();
            match (letters.next(), letters.next()) {
                // -6 is a number too.
                (Some(letter), None) => letter.is_alphabetic() && find_by_letter(letter).is_some(),
                _ => false,
            }
        }),
    }
}

/// For an option that is not known.
pub(super) fn suggest_option(word: &str) -> Option<String> {
    if let Some(name) = word.strip_prefix("--") {
        return ask_for(&find_long_options(strip_value(name), |_| true));
    }
    // The same letter in the other case, in a bundle with nothing else wrong.
    let letters = word.strip_prefix('-')?;
    let unknown = letters
        .chars()
        .find(|&letter| find_by_letter(letter).is_none())?;
    let other = if unknown.is_ascii_lowercase() {
        unknown.to_ascii_uppercase()
    } else {
        unknown.to_ascii_lowercase()
    };
    let meant = word.replacen(unknown, &other.to_string(), 1);
    let is_known = |letter| find_by_letter(letter).is_some();
    meant
        .chars()
        .skip(1)
        .all(is_known)
        .then(|| format!("upper and lower case differ: did you mean {meant}?"))
}

/// For a word that stands where a command is expected.
pub(super) fn suggest_command(word: &str) -> Option<String> {
    ask_for(&find_long_options(word, |spec| spec.command().is_some()))
}

/// The long options that a name abbreviates, or else those that it is a few
/// letters from.
fn find_long_options(name: &str, fits: fn(&Spec) -> bool) -> Vec<&'static str> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let options = TABLE.iter().filter(|spec| fits(spec)).map(|spec| spec.long);
    let options: Vec<_> = options.collect();
    if let Some(&(_, long)) = OTHER_NAMES.iter().find(|(other, _)| *other == name) {
        return options
            .into_iter()
            .filter(|option| *option == long)
            .collect();
    }
    find_nearest(&name, &options)
}

/// Finds the names that a word abbreviates, or else those that it is a few letters
/// from.
pub(super) fn find_nearest<'a>(word: &str, names: &[&'a str]) -> Vec<&'a str> {
    let word = word.to_ascii_lowercase();
    let names = || names.iter().copied();
    let abbreviated: Vec<_> = names()
        .filter(|name| word.len() > 1 && name.starts_with(&word))
        .collect();
    if !abbreviated.is_empty() {
        return abbreviated;
    }
    let allowed = match word.len() {
        0..4 => 0,
        4..6 => 1,
        _ => 2,
    };
    let distance = |name: &str| strsim::osa_distance(&word, name);
    let Some(least) = names().map(distance).min().filter(|it| *it <= allowed) else {
        return Vec::new();
    };
    names().filter(|name| distance(name) == least).collect()
}

/// For a word that is none of a fixed set, in capitals or not.
pub(super) fn suggest_word(word: &str, names: &[&str]) -> Option<String> {
    let lower: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let nearest = find_nearest(word, &lower);
    let is_near = |name: &&&str| nearest.iter().any(|near| near.eq_ignore_ascii_case(name));
    let names: Vec<&str> = names.iter().filter(is_near).copied().collect();
    (!names.is_empty()).then(|| format!("did you mean {}?", join(&names, "or")))
}

fn ask_for(names: &[&str]) -> Option<String> {
    let (last, others) = names.split_last()?;
    let others = others.iter().map(|name| format!("--{name}, "));
    let others = others.collect::<String>();
    Some(match others.strip_suffix(", ") {
        Some(others) => format!("did you mean {others} or --{last}?"),
        None => format!("did you mean --{last}?"),
    })
}

/// The scheduler of the kernel that a name was meant for.
pub(super) fn suggest_scheduler(name: &str) -> Option<&'static str> {
    let letters = |text: &str| {
        text.chars()
            .filter(|letter| letter.is_alphanumeric())
            .collect::<String>()
            .to_ascii_lowercase()
    };
    let meant = letters(name);
    let is_meant = |text: &str| {
        let text = letters(text);
        text == meant || text.strip_suffix('s') == Some(&meant)
    };
    let described = SCHEDULERS
        .iter()
        .find(|(known, description)| letters(known) == meant || is_meant(description));
    let other = || OTHER_SCHEDULERS.iter().find(|(other, _)| *other == meant);
    let known = match described {
        Some((known, _)) => known,
        None => other().map(|(_, known)| known)?,
    };
    (*known != name).then_some(known)
}
