// SPDX-License-Identifier: MIT

//! The schedulers that look at how many connections a server has, beside the
//! two that take turns.

use ipvs_lab::talk::Protocol;

use super::{Service, behind, respond};
use crate::traffic::PORT;

/// The first server has three times the weight of the second, which comes first
/// in the kernel's list. Six connections are opened; those of the second server
/// are closed; three more are opened.
#[test]
fn each_scheduler_fills_a_large_and_a_small_server_in_its_own_order() {
    let network = behind(2);
    let _responders = respond(&network, Protocol::Tcp, PORT);
    for (port, (scheduler, filling, after)) in (9000..).zip([
        // In turn.
        ("rr", [2, 1, 2, 1, 2, 1], [2, 1, 2]),
        // In turn, the large one three times as often.
        ("wrr", [2, 1, 1, 1, 2, 1], [1, 1, 2]),
        // Least of 256 * active + inactive.
        ("lc", [2, 1, 2, 1, 2, 1], [2, 2, 2]),
        // Least of the same, divided by the weight: with no connections the
        // weights make no difference.
        ("wlc", [2, 1, 1, 1, 2, 1], [2, 2, 1]),
        // Least of (active + 1) / weight: they do make one.
        ("sed", [1, 1, 2, 1, 1, 1], [2, 2, 1]),
        // The same, but one without active connections before all others.
        ("nq", [2, 1, 1, 1, 1, 1], [2, 2, 1]),
    ]) {
        let mut service = Service::tcp(&network, port, scheduler, &["-w 3", "-w 1"]);
        assert_eq!(service.hold_some(6), filling, "{scheduler}");
        let held = |server| filling.iter().filter(|one| **one == server).count() as u64;
        assert_eq!(
            service.connections(),
            [[held(1), 0], [held(2), 0]],
            "{scheduler}"
        );
        service.release(2);
        assert_eq!(service.hold_some(3), after, "{scheduler}");
    }
}

#[test]
fn closed_connections_still_count_except_for_sed_and_nq() {
    let network = behind(2);
    let _responders = respond(&network, Protocol::Tcp, PORT);
    for (port, (scheduler, wanted)) in (9000..).zip([
        ("lc", [2, 1, 2, 1]),
        ("wlc", [2, 1, 2, 1]),
        ("sed", [2, 2, 2, 2]),
        ("nq", [2, 2, 2, 2]),
    ]) {
        let mut service = Service::tcp(&network, port, scheduler, &["", ""]);
        let servers = [(); 4].map(|()| {
            let server = service.hold_some(1)[0];
            service.release(server);
            server
        });
        assert_eq!(servers, wanted, "{scheduler}");
    }
}

/// So sed, nq and ovf have nothing to balance by.
#[test]
fn conversations_over_udp_never_are_active() {
    let network = behind(2);
    let _responders = respond(&network, Protocol::Udp, PORT);
    for (port, (scheduler, wanted)) in (9000..).zip([
        ("lc", [2, 1, 2, 1, 2, 1]),
        ("wlc", [2, 1, 1, 1, 2, 1]),
        ("sed", [1, 1, 1, 1, 1, 1]),
        ("nq", [2, 2, 2, 2, 2, 2]),
        ("ovf", [1, 1, 1, 1, 1, 1]),
    ]) {
        let mut service = Service::udp(&network, port, scheduler, &["-w 3", "-w 1"]);
        assert_eq!(service.hold_some(6), wanted, "{scheduler}");
        let held = |server| wanted.iter().filter(|one| **one == server).count() as u64;
        assert_eq!(
            service.connections(),
            [[0, held(1)], [0, held(2)]],
            "{scheduler}"
        );
    }
}
