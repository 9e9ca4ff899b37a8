// SPDX-License-Identifier: MIT

//! The options of `ipvsadm-save` and `ipvsadm-restore` that have values: where the table
//! is, and the way to it. The words of these programs are not read as those of `ipvsadm`
//! are.

use ipvs_client::{Interface, NamespaceReference};

use super::{
    error::UsageError,
    name::{self, Group},
    raw::parse_namespace,
};
use crate::command::choice::{INTERFACES, find};

/// The table that one of the two programs is about.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TablePlace {
    /// The network namespace, if not that of the program.
    pub(crate) namespace: Option<NamespaceReference>,
    /// The interface of the kernel, if one is wanted.
    pub(crate) interface: Option<Interface>,
}

/// Takes the options that say which table it is out of the words.
///
/// # Errors
/// When one stands twice, or has a value that it cannot have, or none.
pub(crate) fn take_place<'a>(words: &[&'a str]) -> Result<(TablePlace, Vec<&'a str>), UsageError> {
    let mut place = TablePlace::default();
    let mut others = Vec::new();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let (start, attached) = match word.split_once('=') {
            Some((start, value)) => (start, Some(value)),
            None => (word, None),
        };
        let is = |group: Group| start.strip_prefix("--") == Some(group.name);
        if !is(name::NETNS) && !is(name::INTERFACE) {
            others.push(word);
            continue;
        }
        let value = attached.or_else(|| words.next());
        let value = value.ok_or_else(|| UsageError::MissingValue(word.to_owned()))?;
        if is(name::NETNS) {
            if place.namespace.replace(parse_namespace(value)?).is_some() {
                return Err(UsageError::Repeated(name::NETNS));
            }
        } else {
            let interface = find(&INTERFACES, value).ok_or(UsageError::KernelInterface)?;
            if place.interface.replace(interface).is_some() {
                return Err(UsageError::Repeated(name::INTERFACE));
            }
        }
    }
    Ok((place, others))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(line: &str) -> Result<(Option<String>, Option<Interface>, String), UsageError> {
        let words: Vec<_> = line.split(' ').collect();
        let (place, others) = take_place(&words)?;
        let namespace = place.namespace.map(|namespace| namespace.path());
        let namespace = namespace.map(|path| path.display().to_string());
        Ok((namespace, place.interface, others.join(" ")))
    }

    #[test]
    fn they_are_taken_out_of_the_words_in_both_spellings() {
        let sockopt = Some(Interface::SocketOptions);
        for (line, path, interface, others) in [
            ("-n --json", None, None, "-n --json"),
            ("--netns blue -n", Some("/run/netns/blue"), None, "-n"),
            ("-n --netns=7", Some("/proc/7/ns/net"), None, "-n"),
            ("--netnsblue --netns ./x", Some("./x"), None, "--netnsblue"),
            ("-n --interface sockopt", None, sockopt, "-n"),
            ("--interface=sockopt -n", None, sockopt, "-n"),
            (
                "--interface netlink --netns blue x",
                Some("/run/netns/blue"),
                Some(Interface::Netlink),
                "x",
            ),
        ] {
            let taken = (path.map(str::to_owned), interface, others.to_owned());
            assert_eq!(take(line), Ok(taken), "{line}");
        }
    }

    #[test]
    fn values_that_they_cannot_have_are_errors() {
        let missing = |word: &str| UsageError::MissingValue(word.to_owned());
        for (line, error) in [
            ("-n --netns", missing("--netns")),
            ("--netns=", UsageError::Namespace(String::new())),
            ("--netns a --netns=b", UsageError::Repeated(name::NETNS)),
            ("--interface", missing("--interface")),
            ("--interface=proc", UsageError::KernelInterface),
            ("--interface -n", UsageError::KernelInterface),
            (
                "--interface netlink --interface=netlink",
                UsageError::Repeated(name::INTERFACE),
            ),
        ] {
            assert_eq!(take(line), Err(error), "{line}");
        }
    }
}
