// SPDX-License-Identifier: MIT

//! Values that options take from a fixed set, with what they mean.

use crate::{
    args::options::{CommandName, Name, OptionName, Spec},
    command::TunnelKind,
    scheduler_flags::{SCHEDULERS, parse_flags},
};

const ENGINES: [Meaning; 1] = [("sip", "The Call-ID of SIP")];

const ROLES: [Meaning; 2] = [
    ("master", "Tells of its connections"),
    ("backup", "Learns of the connections of others"),
];

const FORMS: [Meaning; 4] = [
    ("classic", "The columns of the original"),
    ("wide", "Columns for people"),
    ("json", "A JSON document"),
    ("openmetrics", "Text for Prometheus"),
];

fn tunnels() -> Vec<Meaning> {
    TunnelKind::ALL
        .into_iter()
        .map(|kind| {
            let meaning = match kind {
                TunnelKind::Ipip => "IP in IP",
                TunnelKind::Gue => "Generic UDP encapsulation",
                TunnelKind::Gre => "Generic routing encapsulation",
            };
            (kind.name(), meaning)
        })
        .collect()
}

/// A word and what it means.
type Meaning = (&'static str, &'static str);

/// Every fixed set, by the name that the scripts know it by.
pub(super) fn lists() -> [(&'static str, Vec<Meaning>); 5] {
    [
        ("schedulers", SCHEDULERS.to_vec()),
        ("engines", ENGINES.to_vec()),
        ("tunnels", tunnels()),
        ("roles", ROLES.to_vec()),
        ("forms", FORMS.to_vec()),
    ]
}

/// The flags of one scheduler; without one, of any.
pub(super) fn flags(scheduler: Option<&str>) -> Vec<&'static str> {
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
pub(super) fn schedulers_with_flags() -> Vec<&'static str> {
    let general = flags(Some(""));
    SCHEDULERS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| flags(Some(name)) != general)
        .collect()
}

/// Where the values of an option are to be found, in a word that the scripts
/// know.
pub(super) fn source(spec: &Spec) -> Option<&'static str> {
    Some(match spec.name {
        Name::Command(CommandName::StartDaemon | CommandName::StopDaemon) => "roles",
        Name::Command(_) => return None,
        Name::Option(option) => match option {
            OptionName::TcpService => "TCP",
            OptionName::UdpService => "UDP",
            OptionName::SctpService => "SCTP",
            OptionName::FwmarkService => "FWM",
            OptionName::RealServer => "servers",
            OptionName::Scheduler => "schedulers",
            OptionName::SchedulerFlags => "flags",
            OptionName::PersistenceEngine => "engines",
            OptionName::TunnelType => "tunnels",
            OptionName::McastInterface => "interfaces",
            OptionName::Output => "forms",
            _ => return None,
        },
    })
}

#[test]
fn the_help_text_names_every_scheduler_and_flag() {
    let help = crate::args::help::text();
    let flat = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let names = SCHEDULERS.map(|(name, _)| name).join(", ");
    assert!(flat.contains(&format!("{names} [default: wlc]")), "{names}");
    for flag in flags(None) {
        let named = flat.contains(flag) || ["flag-1", "flag-2", "flag-3"].contains(&flag);
        assert!(named, "{flag}");
    }
}

#[test]
fn flags_fit_their_scheduler() {
    let general = ["flag-1", "flag-2", "flag-3"];
    assert_eq!(flags(Some("rr")), general);
    assert_eq!(
        flags(Some("sh")),
        [&["sh-fallback", "sh-port"][..], &general].concat()
    );
    assert_eq!(schedulers_with_flags(), ["sh", "mh"]);
}
