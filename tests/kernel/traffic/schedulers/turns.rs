// SPDX-License-Identifier: MIT

//! Round robin, which looks at no connection.

use ipvs_lab::talk::Protocol;

use super::{Service, behind, respond};
use crate::traffic::PORT;

#[test]
fn round_robin_goes_through_the_list_and_weighted_round_robin_in_steps_of_the_weight() {
    let network = behind(3);
    let _responders = respond(&network, Protocol::Tcp, PORT);
    let weights = ["-w 3", "-w 2", "-w 1"];

    let mut service = Service::tcp(&network, 9000, "rr", &weights);
    assert_eq!(service.hold_some(8), [3, 2, 1, 3, 2, 1, 3, 2]);
    // Nor at who has the fewest connections.
    service.release(2);
    assert_eq!(service.hold_some(4), [1, 3, 2, 1]);

    let mut service = Service::tcp(&network, 9001, "wrr", &weights);
    // It begins where the first server left it when it was added: at the last
    // step, weight 1 and above.
    assert_eq!(service.hold_some(3), [3, 2, 1]);
    for _ in 0..2 {
        // Weight 3 and above, then 2 and above, then 1 and above.
        assert_eq!(service.hold_some(6), [1, 2, 1, 3, 2, 1]);
        service.release(1);
    }
}

#[test]
fn weights_with_a_common_divisor_take_turns_as_if_divided_by_it() {
    let network = behind(2);
    let _responders = respond(&network, Protocol::Tcp, PORT);
    for (port, weights) in [(9000, ["-w 3", "-w 1"]), (9001, ["-w 300", "-w 100"])] {
        let mut service = Service::tcp(&network, port, "wrr", &weights);
        assert_eq!(service.hold_some(2), [2, 1], "{weights:?}");
        service.release(1);
        let wanted = [1, 1, 2, 1, 1, 1, 2, 1];
        assert_eq!(service.hold_some(8), wanted, "{weights:?}");
    }
}
