// SPDX-License-Identifier: MIT

//! Hints about refusals, for each reason that the kernel gives.

use super::*;
use crate::args::parse_command;

const ROOT: Facts = Facts::IN_ORDER;

/// The hint for a line that the kernel refuses.
fn refused(line: &str, errno: Errno, facts: &Facts) -> Option<String> {
    let command = parse_command(line);
    let operation = match &command {
        Command::Change(change) | Command::Ensure(change) => change.operation(),
        Command::Update(Update::Service(id, _)) => Operation::EditService(*id),
        other => panic!("{other:?}"),
    };
    find_hint(
        &Error::Kernel { operation, errno },
        Some(&command),
        facts,
        Nearby::default,
    )
}

#[track_caller]
fn assert_says(hint: Option<String>, words: &[&str]) {
    let hint = hint.expect("there is a hint");
    for word in words {
        assert!(hint.contains(word), "{word:?} is not in {hint:?}");
    }
    assert!(!hint.contains('\n'), "{hint:?}");
}

#[test]
fn without_permission_the_hint_says_what_kind_of_root_is_missing() {
    let refused = |facts: &Facts| refused("-C", Errno::PERM, facts);
    assert_says(
        refused(&Facts {
            root: false,
            net_admin: false,
            ..ROOT
        }),
        &["as root", "sudo"],
    );
    assert_says(
        refused(&Facts {
            initial_user_namespace: false,
            ..ROOT
        }),
        &["only inside a user namespace", "root of the host"],
    );
    assert_says(
        refused(&Facts {
            net_admin: false,
            ..ROOT
        }),
        &["CAP_NET_ADMIN"],
    );
    assert_eq!(refused(&ROOT), None, "nothing is known that would help");
}

#[test]
fn without_ipvs_the_hint_says_where_its_module_can_be_loaded() {
    let unavailable = |facts: &Facts| {
        find_hint(
            &Error::Unavailable {
                modprobe: Ok(String::new()),
            },
            Some(&Command::Change(Change::Flush)),
            facts,
            Nearby::default,
        )
    };
    assert_says(
        unavailable(&Facts {
            container: true,
            modules_installed: false,
            ..ROOT
        }),
        &["container cannot", "`modprobe ip_vs` on its host"],
    );
    assert_says(
        unavailable(&Facts {
            modules_installed: false,
            ..ROOT
        }),
        &["/lib/modules", "on its host", "reboot"],
    );
    assert_says(unavailable(&ROOT), &["`modprobe -v ip_vs`"]);
}

#[test]
fn a_missing_scheduler_is_named_with_its_module() {
    for line in [
        "-A -t 10.0.0.1:80 -s twos",
        "-E -t 10.0.0.1:80 -s twos",
        "-A -t 10.0.0.1:80 -s twos --exist",
        "-E -t 10.0.0.1:80 -s twos --keep",
    ] {
        assert_says(
            refused(line, Errno::NOENT, &ROOT),
            &["no scheduler twos", "modprobe ip_vs_twos`", "configuration"],
        );
    }
    assert_says(
        refused(
            "-A -t 10.0.0.1:80",
            Errno::NOENT,
            &Facts {
                container: true,
                ..ROOT
            },
        ),
        &["no scheduler wlc", "modprobe ip_vs_wlc` on the host"],
    );
}

#[test]
fn an_engine_is_what_is_missing_when_the_scheduler_is_loaded() {
    let line = "-A -u 10.0.0.1:5060 -s rr --pe sip";
    assert_says(
        refused(line, Errno::NOENT, &ROOT),
        &["modprobe ip_vs_rr`", "modprobe ip_vs_pe_sip`"],
    );
    assert_says(
        refused(
            line,
            Errno::NOENT,
            &Facts {
                modules: vec!["ip_vs".to_owned(), "ip_vs_rr".to_owned()],
                ..ROOT
            },
        ),
        &["no persistence engine sip", "modprobe ip_vs_pe_sip`"],
    );
    // The scheduler that it has is no question.
    assert_says(
        refused("-E -u 10.0.0.1:5060 --keep --pe sip", Errno::NOENT, &ROOT),
        &["no persistence engine sip", "modprobe ip_vs_pe_sip`"],
    );
}

#[test]
fn families_that_differ_need_tunneling_and_no_synchronization() {
    assert_says(
        refused(
            "-a -t 10.0.0.1:80 -r 2001:db8::1 -i",
            Errno::INVAL,
            &Facts {
                local_addresses: false,
                ..ROOT
            },
        ),
        &["synchronization daemon", "family"],
    );
}

#[test]
fn a_namespace_without_addresses_gets_the_command_that_ends_it() {
    let down = Facts {
        local_addresses: false,
        ..ROOT
    };
    for line in [
        "-a -t 10.0.0.1:80 -r 10.0.0.2 -m",
        "-e -t 10.0.0.1:80 -r 10.0.0.2 -m",
    ] {
        assert_says(
            refused(line, Errno::INVAL, &down),
            &["`lo` is down", "`ip link set lo up`"],
        );
        assert_eq!(refused(line, Errno::INVAL, &ROOT), None);
    }
    assert_eq!(
        refused("-a -f 1 -6 -r 2001:db8::1 -m", Errno::INVAL, &down),
        None,
        "IPv6 addresses are not checked so"
    );
}

#[test]
fn thresholds_that_cross_are_shown_with_what_would_do() {
    assert_says(
        refused(
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -x 3 -y 5",
            Errno::RANGE,
            &ROOT,
        ),
        &["-y 5", "-x 3", "-x 5 or more", "-y 3 or less"],
    );
    assert_says(
        refused("-e -t 10.0.0.1:80 -r 10.0.0.2 -y 1", Errno::RANGE, &ROOT),
        &["-y 1", "-x 1 or more", "leave out -y"],
    );
    assert_eq!(
        refused(
            "-a -t 10.0.0.1:80 -r 10.0.0.2 -x 5 -y 3",
            Errno::RANGE,
            &ROOT
        ),
        None,
        "these are in order"
    );
}

#[test]
fn other_refusals_get_no_hint() {
    for (line, errno) in [("-A -t 10.0.0.1:80", Errno::NOMEM), ("-C", Errno::NOMEM)] {
        assert_eq!(refused(line, errno, &ROOT), None, "{line}");
    }
}

#[test]
fn a_hint_that_needs_the_settings_is_not_guessed_without_them() {
    let service = ServiceId::Fwmark {
        mark: std::num::NonZeroU32::MIN,
        family: AddressFamily::Ipv4,
    };
    for (operation, errno) in [
        (Operation::AddService(service), Errno::NOENT),
        (
            Operation::AddDestination(
                service,
                DestinationId {
                    address: [10, 0, 0, 2].into(),
                    port: 0,
                },
            ),
            Errno::RANGE,
        ),
    ] {
        let error = Error::Kernel { operation, errno };
        assert_eq!(
            find_hint(&error, None, &ROOT, Nearby::default),
            None,
            "{error}"
        );
    }
}
