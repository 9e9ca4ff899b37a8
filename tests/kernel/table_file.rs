// SPDX-License-Identifier: MIT

//! The plain listing of a large table, whose destinations come from
//! `/proc/net/ip_vs`: the same bytes as from a dump for each service, also where the
//! file does not tell enough, and while the table changes.

use ipvs_client::{
    AddressFamily, Change, Client, DestinationId, DestinationSettings, ForwardingMethod, Protocol,
    ServiceId, ServiceSettings,
};
use ipvs_lab::{Namespace, ipvsadm};

use crate::{
    dumps::{counted, while_changing},
    namespace,
    program::restore,
};

/// Rules for services and servers of every kind that the program makes.
fn rules() -> String {
    let mut rules = String::new();
    for number in 1..=30 {
        rules += &format!(
            "-A -t 10.0.0.{number}:80 -s wrr\n\
             -a -t 10.0.0.{number}:80 -r 10.0.1.{number}:8080 -m -w {number}\n\
             -a -t 10.0.0.{number}:80 -r 10.0.1.200:80 -g -w 0 -x 100 -y 50\n\
             -a -t 10.0.0.{number}:80 -r [2001:db8::{number}]:80 -i -w 2147483647\n\
             -A -u 10.0.0.{number}:53 -s rr -o\n\
             -A --sctp-service 200.0.0.{number}:5000 -s lc -p {number} -M 255.255.255.0\n\
             -a --sctp-service 200.0.0.{number}:5000 -r 127.0.0.1 -m\n\
             -A -t [2001:db8::{number}]:443 -s mh -b mh-fallback,mh-port\n\
             -a -t [2001:db8::{number}]:443 -r [2001:db8:1::{number}] -i --tun-type gue --tun-port 6080\n\
             -A -u [2001:db8::{number}]:53 -s sh -b sh-port -p 2678400 -M 64 -o\n\
             -A -f {number} -s rr -o\n\
             -a -f {number} -r 10.0.1.{number} -g\n\
             -A -f {mark} -6 -s wlc -p 60 -M 48\n\
             -a -f {mark} -6 -r [2001:db8:1::{number}] -g\n",
            mark = 3_000_000_000_u32 + number
        );
    }
    rules + "-A -u 10.0.0.9:5060 -s none -p 60 --pe sip\n"
}

/// Compares listings of the table with those of the original, where that is installed.
fn agrees_with_the_original(director: &Namespace) {
    if !ipvs_lab::original_available() {
        return;
    }
    for arguments in ["-Ln --nosort", "-l --nosort -n", "-L -n"] {
        // Of large marks it shows the lower half as negative numbers, and sorts them so.
        let words = || arguments.split(' ');
        let unsigned = |text: String| {
            text.lines()
                .map(|line| match line.strip_prefix("FWM  -") {
                    Some(rest) => {
                        let (number, rest) = rest.split_once(' ').unwrap();
                        let mark = number.parse::<u32>().unwrap().wrapping_neg();
                        format!("FWM  {mark} {rest}\n")
                    }
                    None => format!("{line}\n"),
                })
                .collect::<String>()
        };
        let theirs = ipvs_lab::original(director, words()).unwrap();
        let ours = crate::ipvsadm(director, arguments);
        let (theirs, ours) = (unsigned(theirs.stdout), ours);
        if arguments.contains("nosort") {
            assert_eq!(ours, theirs, "{arguments}");
        } else {
            assert_eq!(counted(&ours), counted(&theirs), "{arguments}");
        }
    }
}

/// Adds a server whose forwarding method only netlink tells from masquerading.
fn add_bypass(director: &Namespace) {
    let bypass = DestinationSettings::new(ForwardingMethod::Bypass);
    let add = || {
        let mut client = Client::open().unwrap();
        let service = ServiceId::tcp(([10, 0, 0, 1], 80));
        let server = DestinationId::new([10, 0, 2, 1], 80);
        client.add_destination(&service, &server, &bypass).unwrap();
    };
    director.run(add).unwrap();
}

/// Returns the word for the forwarding method of that server in the plain listing: `Masq`
/// if it comes from the file, which has none for it, and `Bypass` from a dump.
fn word_of_bypass(director: &Namespace) -> String {
    let listing = crate::ipvsadm(director, "-L -n");
    let row = listing.lines().find(|line| line.contains("10.0.2.1:80"));
    let word = row.unwrap().split_ascii_whitespace().nth(2);
    word.unwrap().to_owned()
}

#[test]
fn a_large_table_of_every_kind_is_listed_as_by_dumps() {
    let director = namespace("director");
    restore(&director, &rules());
    agrees_with_the_original(&director);
    // Services and servers as --stats has them, which comes from dumps.
    let names = |listing: &str| -> Vec<String> {
        let lines = listing.lines().skip(3);
        let words = lines.map(|line| line.split_ascii_whitespace().take(2));
        words
            .map(|words| words.collect::<Vec<_>>().join(" "))
            .collect()
    };
    for order in ["", " --nosort"] {
        let plain = crate::ipvsadm(&director, &format!("-L -n{order}"));
        let stats = crate::ipvsadm(&director, &format!("-L -n --stats{order}"));
        assert_eq!(names(&plain), names(&stats));
    }
    add_bypass(&director);
    assert_eq!(word_of_bypass(&director), "Masq");
}

#[test]
fn a_small_table_is_listed_from_dumps() {
    let director = namespace("director");
    restore(&director, "-A -t 10.0.0.1:80 -s rr\n");
    add_bypass(&director);
    assert_eq!(word_of_bypass(&director), "Bypass");
}

#[test]
fn a_mark_of_both_families_makes_it_dumps() {
    let director = namespace("director");
    let twins = "-A -f 5 -6 -s lc\n-a -f 5 -6 -r [2001:db8::5] -g\n";
    restore(&director, &format!("{}{twins}", rules()));
    agrees_with_the_original(&director);
    add_bypass(&director);
    assert_eq!(word_of_bypass(&director), "Bypass");
}

/// When the kernel resumes the file, it counts what it has passed, be it of whatever
/// namespace, and goes on behind as many services of this one: so some are missing.
#[test]
fn services_of_other_namespaces_make_it_dumps() {
    let (director, neighbour) = (namespace("director"), namespace("neighbour"));
    restore(&director, &rules());
    restore(&neighbour, &rules());
    let names = |text: &str| {
        text.lines()
            .filter(|line| !line.starts_with("  ->"))
            .count()
    };
    let file = director
        .run(|| std::fs::read_to_string("/proc/thread-self/net/ip_vs"))
        .unwrap()
        .unwrap();
    let listing = crate::ipvsadm(&director, "-L -n");
    assert_eq!(names(&listing), 2 + 30 * 7 + 1);
    assert!(names(&file) < names(&listing), "{file}");
    agrees_with_the_original(&director);
}

/// Changes services and servers in this and in another namespace while they are listed.
#[test]
fn nothing_that_stays_is_missing_or_listed_twice_while_the_table_changes() {
    const ROUNDS: usize = 100;
    let (director, neighbour) = (namespace("director"), namespace("neighbour"));
    restore(&director, &rules());
    let staying = crate::ipvsadm(&director, "-L -n");
    let staying = counted(&staying);
    // Some of these stand between the others in the kernel's table.
    let services: Vec<ServiceId> = (1..=20)
        .map(|number| ServiceId::tcp(([10, 0, 3, number * 12], 80)))
        .collect();
    let settings = ServiceSettings::new("rr");
    let server = DestinationId::new([10, 0, 4, 1], 80);
    let add: Vec<_> = services
        .iter()
        .flat_map(|id| {
            [
                Change::AddService(*id, settings.clone()),
                Change::AddDestination(*id, server, DestinationSettings::masquerading()),
            ]
        })
        .collect();
    // And servers of services that stay.
    let grown = ServiceId::fwmark(7.try_into().unwrap(), AddressFamily::Ipv4);
    let servers = (1..=50).map(|number| DestinationId::new([10, 0, 5, number], 0));
    let grow: Vec<_> = servers
        .clone()
        .map(|id| Change::AddDestination(grown, id, DestinationSettings::direct_routing()))
        .collect();
    let shrink: Vec<_> = servers
        .map(|id| Change::DeleteDestination(grown, id))
        .collect();
    let delete: Vec<_> = services
        .iter()
        .copied()
        .map(Change::DeleteService)
        .collect();
    let foreign = ServiceId::address(Protocol::Udp, ([10, 0, 6, 1], 53));
    let foreign = [
        [Change::AddService(foreign, settings.clone())],
        [Change::DeleteService(foreign)],
    ];
    let wrong = while_changing(&director, &[&add, &grow, &delete, &shrink], || {
        while_changing(&neighbour, &[&foreign[0], &foreign[1]], || {
            let round = |round: usize| {
                let order = if round.is_multiple_of(2) {
                    "--sort"
                } else {
                    "--nosort"
                };
                let answer = ipvsadm(&director, ["-L", "-n", order]).unwrap();
                assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
                let listed = counted(&answer.stdout);
                let missing: Vec<_> = staying
                    .iter()
                    .filter(|(line, count)| listed.get(*line).is_none_or(|there| there < count))
                    .collect();
                let twice: Vec<_> = listed
                    .iter()
                    .filter(|(line, count)| {
                        !line.starts_with("  ->")
                            && **count > staying.get(*line).copied().unwrap_or(1)
                    })
                    .collect();
                (!missing.is_empty() || !twice.is_empty())
                    .then(|| format!("{order}: missing {missing:?}, twice {twice:?}"))
            };
            (0..ROUNDS).filter_map(round).collect::<Vec<_>>()
        })
    });
    assert!(wrong.is_empty(), "{} of {ROUNDS}: {wrong:#?}", wrong.len());
}
