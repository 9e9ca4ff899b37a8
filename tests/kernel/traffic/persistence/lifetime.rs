// SPDX-License-Identifier: MIT

//! The time for which a client is remembered.

use ipvs_lab::network::CLIENT;
use ipvs_lab::talk::Conversation;
use ipvs_lab::wait;

use super::*;
use crate::ipvsadm;
use crate::traffic::listing::{template_seconds, templates};

#[test]
fn when_the_template_has_expired_the_scheduler_chooses_again() {
    let network = behind(SERVERS);
    let _responders = respond(&network, Protocol::Udp, PORT);
    let service = service(Family::V4, PORT);
    balance(&network, &format!("-u {service}"), "-p 2", PORT, "-m");
    // The template must not expire before its connection does: see below.
    ipvsadm(&network.director, "--set 0 0 1");
    let from = CLIENT.v4.into();
    let first = ask_from(&network, from, Protocol::Udp, service);
    let none: Vec<String> = Vec::new();
    assert_eq!(
        wait::for_value(&none, || templates(&network.director)),
        none
    );
    // Round robin: the next in turn.
    let second = ask_from(&network, from, Protocol::Udp, service);
    assert_ne!(first, second);
}

#[test]
fn while_a_connection_is_listed_its_template_goes_on_a_minute_at_a_time() {
    let network = behind(SERVERS);
    let _responders = respond(&network, Protocol::Tcp, PORT);
    let service = service(Family::V4, PORT);
    balance(&network, &format!("-t {service}"), "-p 1", PORT, "-m");
    let mut held = Conversation::begin(&network.client, Protocol::Tcp, service).unwrap();
    let server = held.ask().unwrap().server;
    // More than the service's timeout: the template has outlived that.
    let longer = || template_seconds(&network.director).first() > Some(&1);
    assert!(wait::for_value(&true, longer));
    // From then on that is the template's own timeout: it is so again when the
    // next connection has made it start anew.
    let from = CLIENT.v4.into();
    assert_eq!(ask_from(&network, from, Protocol::Tcp, service), server);
    assert!(longer());
}
