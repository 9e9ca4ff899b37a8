// SPDX-License-Identifier: MIT

//! Hints about network namespaces that are not there or cannot be entered.

use std::{fs, path::Path};

use ipvs_client::{NamespaceError, NamespaceReference};

use super::{Facts, nearly};
use crate::command::choice::join;

/// The folder where `ip netns` keeps the namespaces that have a name.
const NAMED: &str = "/run/netns";
/// The most names that are listed.
const LISTED: usize = 8;

pub(super) fn find_hint(error: &NamespaceError, facts: &Facts) -> Option<String> {
    let namespace = error.namespace();
    match error {
        NamespaceError::Missing(_) => match (namespace.name(), namespace.process()) {
            (Some(name), _) => Some(explain_no_name(name, &list_names(Path::new(NAMED)))),
            (_, Some(process)) => explain_no_process(process),
            _ => None,
        },
        NamespaceError::Other(_) => explain_other_file(namespace),
        NamespaceError::NotPermitted(_) => explain_no_permission(facts),
        _ => None,
    }
}

/// Returns the names in a folder of namespaces, in their order.
fn list_names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    names
}

fn explain_no_name(name: &str, names: &[String]) -> String {
    if name.starts_with('-') {
        return format!("--netns has taken {name} for its value: give --netns a value of its own");
    }
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    match nearly::find_nearest(name, &known).as_slice() {
        [] => {}
        nearest => return format!("did you mean {}?", join(nearest, "or")),
    }
    match known.as_slice() {
        [] => "there are none that have a name; that of a container is named by the number of a \
               process in it: --netns PID"
            .to_owned(),
        [only] => format!("the only one is {only}"),
        known if known.len() <= LISTED => format!("there are {}", join(known, "and")),
        _ => "`ip netns` lists them".to_owned(),
    }
}

fn explain_no_process(process: u32) -> Option<String> {
    let named = Path::new(NAMED).join(process.to_string());
    if named.exists() {
        let named = named.display();
        return Some(format!(
            "only digits are a process; the namespace with this name is --netns {named}"
        ));
    }
    (!Path::new("/proc/self").exists())
        .then(|| "/proc, where processes are looked for, is not mounted".to_owned())
}

fn explain_other_file(namespace: &NamespaceReference) -> Option<String> {
    if namespace.name().is_some() {
        return Some(
            "`ip netns add` mounts a namespace over its file: this one was left behind, or the \
             namespace is mounted only where another process sees it"
                .to_owned(),
        );
    }
    let inside = namespace.path().join("ns/net");
    inside
        .exists()
        .then(|| format!("that of a process is the file --netns {}", inside.display()))
}

fn explain_no_permission(facts: &Facts) -> Option<String> {
    let hint = if !facts.root {
        "run it as root, for example with sudo"
    } else if !facts.initial_user_namespace {
        "this is root only inside a user namespace, to which the network namespace does not \
         belong: run it as root of the host"
    } else if !facts.sys_admin {
        "root lacks the capability CAP_SYS_ADMIN here: give it to the container or service that \
         runs this"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_nearly_right_are_suggested_or_else_all_are_listed() {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|&name| name.to_owned())
                .collect::<Vec<_>>()
        };
        for (name, there, hint) in [
            ("blu", &["blue", "red"][..], "did you mean blue?"),
            ("Blue", &["blue", "red"], "did you mean blue?"),
            (
                "web",
                &["web-1", "web-2", "red"],
                "did you mean web-1 or web-2?",
            ),
            ("x", &["blue"], "the only one is blue"),
            (
                "x",
                &["blue", "green", "red"],
                "there are blue, green and red",
            ),
            (
                "-L",
                &["blue"],
                "--netns has taken -L for its value: give --netns a value of its own",
            ),
            (
                "x",
                &["1", "2", "3", "4", "5", "6", "7", "8", "9"],
                "`ip netns` lists them",
            ),
        ] {
            assert_eq!(
                explain_no_name(name, &names(there)),
                hint,
                "{name} {there:?}"
            );
        }
        assert!(explain_no_name("x", &[]).starts_with("there are none"));
    }

    #[test]
    fn without_the_folder_there_are_no_names() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(list_names(&folder.path().join("netns")), [""; 0]);
        for name in ["red", "blue"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(list_names(folder.path()), ["blue", "red"]);
    }

    #[test]
    fn who_may_not_enter_is_told_what_is_missing() {
        let nobody = Facts {
            root: false,
            sys_admin: false,
            ..Facts::IN_ORDER
        };
        let inside = Facts {
            initial_user_namespace: false,
            ..Facts::IN_ORDER
        };
        let bare = Facts {
            sys_admin: false,
            ..Facts::IN_ORDER
        };
        for (facts, word) in [(nobody, "sudo"), (inside, "host"), (bare, "CAP_SYS_ADMIN")] {
            let hint = explain_no_permission(&facts).unwrap();
            assert!(hint.contains(word), "{hint}");
        }
        assert_eq!(explain_no_permission(&Facts::IN_ORDER), None);
    }
}
