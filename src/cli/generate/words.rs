// SPDX-License-Identifier: MIT

//! Values that options take from a fixed set, with what they mean.

use crate::{
    args::{options::TABLE, spec::Spec},
    scheduler_flags::{SCHEDULERS, parse_flags},
};

/// A word and the sentence that explains it.
type Meaning = (&'static str, &'static str);

/// Returns every fixed set, by the name that the scripts know it by.
pub(super) fn collect_lists() -> Vec<(&'static str, Vec<Meaning>)> {
    let mut lists: Vec<(_, Vec<_>)> = Vec::new();
    for list in TABLE.iter().filter_map(|spec| spec.words) {
        if lists.iter().all(|(name, _)| *name != list.name) {
            lists.push((list.name, (list.words)()));
        }
    }
    lists
}

/// The flags of one scheduler; without one, of any.
pub(super) fn list_flags(scheduler: Option<&str>) -> Vec<&'static str> {
    let all = parse_flags("flag-1,flag-2,flag-3", "").unwrap();
    let mut names = Vec::new();
    // What has no flags of its own has the general ones.
    for owner in SCHEDULERS.iter().map(|(name, _)| *name).chain([""]) {
        for flag in all.names(owner) {
            let fits = scheduler.is_none_or(|name| parse_flags(flag, name).is_ok());
            if fits && !names.contains(&flag) {
                names.push(flag);
            }
        }
    }
    names.sort_by_key(|name| name.starts_with("flag-"));
    names
}

/// The schedulers that have flags of their own.
pub(super) fn find_schedulers_with_flags() -> Vec<&'static str> {
    let general = list_flags(Some(""));
    SCHEDULERS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| list_flags(Some(name)) != general)
        .collect()
}

/// Where the values of an option are to be found, in a word that the scripts
/// know.
pub(super) fn name_source(spec: &Spec) -> Option<&'static str> {
    if let Some(list) = spec.words {
        return Some(list.name);
    }
    Some(match spec.long {
        "tcp-service" => "TCP",
        "udp-service" => "UDP",
        "sctp-service" => "SCTP",
        "fwmark-service" => "FWM",
        "real-server" => "servers",
        "sched-flags" => "flags",
        "mcast-interface" => "interfaces",
        "netns" => "namespaces",
        _ => return None,
    })
}

#[test]
fn the_help_text_names_every_scheduler_and_flag() {
    let help = crate::args::help::render();
    let flat = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let names = SCHEDULERS.map(|(name, _)| name).join(", ");
    assert!(flat.contains(&format!("{names} [default: wlc]")), "{names}");
    for flag in list_flags(None) {
        let named = flat.contains(flag) || ["flag-1", "flag-2", "flag-3"].contains(&flag);
        assert!(named, "{flag}");
    }
}

#[test]
fn flags_fit_their_scheduler() {
    let general = ["flag-1", "flag-2", "flag-3"];
    assert_eq!(list_flags(Some("rr")), general);
    assert_eq!(
        list_flags(Some("sh")),
        [&["sh-fallback", "sh-port"][..], &general].concat()
    );
    assert_eq!(find_schedulers_with_flags(), ["sh", "mh"]);
}
