// SPDX-License-Identifier: MIT

//! The words that options take from a fixed set: one list for each set, which
//! the parser, the help text, errors, hints and completions read.

use ipvs_client::{DaemonRole, Interface};

use super::TunnelKind;

/// A word of a fixed set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice<T> {
    pub(crate) name: &'static str,
    /// Explains the word in completions.
    pub(crate) meaning: &'static str,
    /// The value that the word stands for.
    pub(crate) value: T,
}

/// The forms of --output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputForm {
    Classic,
    Wide,
    Json,
    OpenMetrics,
}

#[rustfmt::skip]
pub(crate) static FORMS: [Choice<OutputForm>; 4] = [
    Choice { name: "classic", meaning: "The columns of the original", value: OutputForm::Classic },
    Choice { name: "wide", meaning: "Columns for people", value: OutputForm::Wide },
    Choice { name: "json", meaning: "A JSON document", value: OutputForm::Json },
    Choice { name: "openmetrics", meaning: "Text for Prometheus", value: OutputForm::OpenMetrics },
];

#[rustfmt::skip]
pub(crate) static TUNNELS: [Choice<TunnelKind>; 3] = [
    Choice { name: "ipip", meaning: "IP in IP", value: TunnelKind::Ipip },
    Choice { name: "gue", meaning: "Generic UDP encapsulation", value: TunnelKind::Gue },
    Choice { name: "gre", meaning: "Generic routing encapsulation", value: TunnelKind::Gre },
];

#[rustfmt::skip]
pub(crate) static ROLES: [Choice<DaemonRole>; 2] = [
    Choice { name: "master", meaning: "Tells of its connections", value: DaemonRole::Master },
    Choice { name: "backup", meaning: "Learns of the connections of others", value: DaemonRole::Backup },
];

/// The interfaces of the kernel that --interface chooses from.
pub(crate) static INTERFACES: [Choice<Interface>; 2] = [
    Choice {
        name: Interface::Netlink.name(),
        meaning: "Generic netlink: all of IPVS, for root",
        value: Interface::Netlink,
    },
    Choice {
        name: Interface::SocketOptions.name(),
        meaning: "Socket options: IPv4, for root of a user namespace too",
        value: Interface::SocketOptions,
    },
];

/// Returns the value that a word stands for.
pub(crate) fn find<T: Copy>(choices: &[Choice<T>], name: &str) -> Option<T> {
    let choice = choices.iter().find(|choice| choice.name == name)?;
    Some(choice.value)
}

pub(crate) fn names<T>(choices: &[Choice<T>]) -> Vec<&'static str> {
    choices.iter().map(|choice| choice.name).collect()
}

/// Returns each word with what explains it.
pub(crate) fn meanings<T>(choices: &[Choice<T>]) -> Vec<(&'static str, &'static str)> {
    let pair = |choice: &Choice<T>| (choice.name, choice.meaning);
    choices.iter().map(pair).collect()
}

/// Joins words as a sentence does: `a`, `a and b`, `a, b and c`.
pub(crate) fn join<T: AsRef<str>>(words: &[T], and: &str) -> String {
    let Some((last, others)) = words.split_last() else {
        return String::new();
    };
    let last = last.as_ref();
    let others: Vec<&str> = others.iter().map(AsRef::as_ref).collect();
    if others.is_empty() {
        return last.to_owned();
    }
    format!("{} {and} {last}", others.join(", "))
}
