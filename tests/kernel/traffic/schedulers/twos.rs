// SPDX-License-Identifier: MIT

//! The scheduler twos, which came with Linux 6.2 and is not in every kernel.

use std::fs;
use std::process::{Command, Stdio};

use ipvs_lab::talk::Protocol;

use super::{Service, behind, respond};
use crate::namespace;
use crate::traffic::PORT;

/// Returns whether the kernel finds it, in the way that the kernel looks for it.
fn has_twos() -> bool {
    let modprobe = fs::read_to_string("/proc/sys/kernel/modprobe").unwrap();
    let mut command = Command::new(modprobe.trim());
    command.args(["-q", "--", "ip_vs_twos"]);
    command.stderr(Stdio::null()).status().unwrap().success()
}

#[test]
fn of_two_random_servers_twos_takes_the_one_with_fewer_connections() {
    if !has_twos() {
        // There is nothing to balance with; the program must say so.
        let director = namespace("director");
        let words = ["-A", "-t", "198.51.100.100:80", "-s", "twos"];
        let answer = ipvs_lab::ipvsadm(&director, words).unwrap();
        assert_eq!(
            (
                answer.stdout.as_str(),
                answer.stderr.as_str(),
                answer.status
            ),
            ("", "Scheduler or persistence engine not found\n", 255)
        );
        if ipvs_lab::original_available() {
            assert_eq!(ipvs_lab::original(&director, words).unwrap(), answer);
        }
        assert_eq!(crate::ipvsadm(&director, "-S -n"), "");
        return;
    }
    let network = behind(3);
    let _responders = respond(&network, Protocol::Tcp, PORT);
    let weights = ["-w 100", "-w 100", "-w 0"];
    let mut service = Service::tcp(&network, 9000, "twos", &weights);
    let servers = service.hold_some(100);
    let [one, two, quiesced] = [1, 2, 3].map(|server| {
        let held = servers.iter().filter(|one| **one == server);
        held.count()
    });
    assert_eq!((one + two, quiesced), (100, 0));
    // One that chose one server at random would be off by this often; a step
    // away from balance is taken once in four times here.
    assert!(one.abs_diff(two) <= 20, "{one} and {two}");
    // Nor are they in turn, which is what lc would do.
    let pairs = servers.chunks(2).filter(|pair| pair[0] == pair[1]);
    assert!(pairs.count() > 0, "{servers:?}");
}
