// SPDX-License-Identifier: MIT

//! Round robin, which looks at no connection.

use ipvs_lab::talk::Protocol;

use super::{REFUSED, Service, behind, respond};
use crate::traffic::PORT;

#[test]
fn round_robin_goes_through_the_list_and_weighted_round_robin_in_steps_of_the_weight() {
    let network = behind(3);
    let _responders = respond(&network, Protocol::Tcp, PORT);
    let weights = ["-w 3", "-w 2", "-w 1"];

    let mut service = Service::tcp(&network, 9000, "rr", &weights);
    assert_eq!(service.hold_some(8), [3, 2, 1, 3, 2, 1, 3, 2]);

    let mut service = Service::tcp(&network, 9001, "wrr", &weights);
    // It begins where the first server left it when it was added: at the last
    // step, weight 1 and above.
    assert_eq!(service.hold_some(3), [3, 2, 1]);
    for _ in 0..2 {
        // Weight 3 and above, then 2 and above, then 1 and above.
        assert_eq!(service.hold_some(6), [1, 2, 1, 3, 2, 1]);
    }
}

#[test]
fn weights_with_a_common_divisor_take_turns_as_if_divided_by_it() {
    let network = behind(2);
    let _responders = respond(&network, Protocol::Tcp, PORT);
    for (port, weights) in [(9000, ["-w 3", "-w 1"]), (9001, ["-w 300", "-w 100"])] {
        let mut service = Service::tcp(&network, port, "wrr", &weights);
        let servers = service.hold_some(8);
        assert_eq!(servers[2..], [1, 1, 2, 1, 1, 1], "{weights:?}");
    }
    // Three turns of 100 each.
    let mut service = Service::tcp(&network, 9002, "wrr", &["-w 3", "-w 0"]);
    assert_eq!(service.hold_some(4), [1, 1, 1, 1]);
    service.edit(1, "-w 0");
    assert_eq!(service.hold_some(1), [REFUSED]);
}
