// SPDX-License-Identifier: MIT

//! Weights as an order of preference: fo and ovf.

use ipvs_lab::talk::Protocol;

use super::{REFUSED, Service, behind, respond};
use crate::traffic::PORT;

#[test]
fn failover_uses_the_greatest_weight_only_until_it_is_quiesced_full_or_gone() {
    let network = behind(3);
    let _responders = respond(&network, Protocol::Tcp, PORT);
    let mut service = Service::tcp(&network, 9000, "fo", &["-w 1", "-w 3", "-w 2"]);
    assert_eq!(service.hold_some(5), [2; 5]);
    service.edit(2, "-w 0");
    assert_eq!(service.hold_some(2), [3; 2]);
    service.edit(2, "-w 3");
    assert_eq!(service.hold_some(2), [2; 2]);
    // With the seven that it has, it is full when it gets one more.
    service.edit(2, "-w 3 -x 8");
    assert_eq!(service.hold_some(3), [2, 3, 3]);
    service.remove(3);
    assert_eq!(service.hold_some(2), [1; 2]);
    service.edit(1, "-w 0");
    assert_eq!(service.hold_some(1), [REFUSED]);
}

#[test]
fn overflow_uses_the_greatest_weight_until_active_connections_exceed_it() {
    let network = behind(3);
    let _responders = respond(&network, Protocol::Tcp, PORT);
    let mut service = Service::tcp(&network, 9000, "ovf", &["-w 2", "-w 3", "-w 1"]);
    // One more than the weight: the kernel looks before it adds the new one.
    assert_eq!(service.hold_some(4), [2; 4]);
    assert_eq!(service.hold_some(3), [1; 3]);
    assert_eq!(service.hold_some(2), [3; 2]);
    assert_eq!(service.connections(), [[3, 0], [4, 0], [2, 0]]);
    assert_eq!(service.hold_some(1), [REFUSED]);
    // Closed connections make room at once.
    service.release(2);
    assert_eq!(service.connections(), [[3, 0], [0, 4], [2, 0]]);
    assert_eq!(service.hold_some(2), [2; 2]);
    service.edit(2, "-w 0");
    assert_eq!(service.hold_some(1), [REFUSED]);
}

#[test]
fn among_equal_weights_failover_and_overflow_take_the_server_added_last() {
    let network = behind(2);
    let _responders = respond(&network, Protocol::Tcp, PORT);
    for (port, scheduler) in [(9000, "fo"), (9001, "ovf")] {
        let mut service = Service::tcp(&network, port, scheduler, &["-w 9", "-w 9"]);
        assert_eq!(service.hold_some(4), [2; 4], "{scheduler}");
    }
}
