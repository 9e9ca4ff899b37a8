// SPDX-License-Identifier: MIT

//! Tables that are made what a file says while there are connections.

use std::net::SocketAddr;

use ipvs_lab::talk::{Conversation, Protocol};
use ipvs_lab::wait;

use super::listing::service as listed;
use super::{Family, PORT, behind, respond, service};
use crate::ipvsadm;

#[test]
fn connections_and_counters_of_what_is_not_removed_stay() {
    let network = behind(3);
    let director = &network.director;
    let _responders = respond(&network, Protocol::Tcp, PORT);
    let service = service(Family::V4, PORT);
    let name = format!("-t {service}");
    let servers: Vec<SocketAddr> = network
        .servers
        .iter()
        .map(|server| (Family::V4.of(server.addresses), PORT).into())
        .collect();
    let rules = |scheduler: &str, weights: &[(usize, u32)]| {
        let mut rules = format!("-A {name} -s {scheduler}\n");
        for &(server, weight) in weights {
            let server = servers[server];
            rules.push_str(&format!("-a {name} -r {server} -m -w {weight}\n"));
        }
        rules
    };
    let run = |words: &[&str], rules: &str| {
        let answer = ipvs_lab::ipvsadm_reading(director, words, rules).unwrap();
        assert_eq!(answer.stderr, "", "{words:?}");
        (answer.stdout, answer.status)
    };
    let first = rules("rr", &[(0, 1), (1, 1)]);
    assert_eq!(run(&["--apply"], &first), (String::new(), 0));
    let mut held: Vec<Conversation> = (0..2)
        .map(|_| {
            let mut held = Conversation::begin(&network.client, Protocol::Tcp, service).unwrap();
            held.ask().unwrap();
            held
        })
        .collect();
    let counted = || listed(director, &name)["stats"]["connections"].as_u64();
    // The kernel brings counters up to date every two seconds.
    assert_eq!(wait::for_value(&Some(2), counted), Some(2));

    // Everything is changed but the servers that hold the connections.
    let second = rules("wrr", &[(0, 0), (1, 7), (2, 3)]);
    assert_eq!(run(&["--apply"], &second), (String::new(), 0));
    assert_eq!(ipvsadm(director, "-S -n"), second);
    for held in &mut held {
        held.ask().unwrap();
    }
    assert_eq!(counted(), Some(2));
    let third = rules("wrr", &[(0, 5), (1, 7)]);

    // What a removal would cut is said before.
    let fourth = rules("wrr", &[(1, 7)]);
    let (differences, status) = run(&["--diff"], &fourth);
    let lines: Vec<&str> = differences.lines().collect();
    let first_server = servers[0];
    assert_eq!(
        (lines.as_slice(), status),
        (
            &[
                format!("- -a {name} -r {first_server} -m -w 0  # cuts 1 active and 0 inactive connections").as_str(),
                format!("- -a {name} -r {} -m -w 3  # no connections", servers[2]).as_str(),
            ][..],
            1
        )
    );
    assert_eq!(run(&["--apply"], &third), (String::new(), 0));
    for held in &mut held {
        held.ask().unwrap();
    }
    assert_eq!(counted(), Some(2));

    // A plan that fails, and is undone, leaves them alone, too.
    let refused = format!("{second}-A -t 192.0.2.77:80 -s nonsense\n");
    let answer = ipvs_lab::ipvsadm_reading(director, ["--apply"], &refused).unwrap();
    assert_eq!(answer.status, 255, "{}", answer.stderr);
    assert_eq!(ipvsadm(director, "-S -n"), third);
    for held in &mut held {
        held.ask().unwrap();
    }
    assert_eq!(counted(), Some(2));
}
