// SPDX-License-Identifier: MIT

//! Virtual services.

use ipvs_netlink::{IpvsCommand, ServiceAttribute, ServiceFlags};

use crate::{
    AF_INET, AF_INET6, NO_FLAGS, WHOLE_ADDRESS, check_reply, check_request,
    counters::{no_traffic, no_traffic64, traffic, traffic64},
    dns, fwmark, named_by_ipvsadm, service, settings, sip, web,
};

#[test]
fn new_service_request_for_tcp() {
    check_request(
        include_str!("bytes/new_service_tcp_request.hex"),
        IpvsCommand::NewService,
        vec![service([
            web(),
            settings("wrr", NO_FLAGS, 0, WHOLE_ADDRESS),
        ])],
    );
}

#[test]
fn new_service_request_for_one_packet_scheduling() {
    check_request(
        include_str!("bytes/new_service_one_packet_request.hex"),
        IpvsCommand::NewService,
        vec![service([
            dns(),
            settings("rr", ServiceFlags::ONE_PACKET, 0, WHOLE_ADDRESS),
        ])],
    );
}

#[test]
fn new_service_request_for_a_firewall_mark_of_each_family() {
    check_request(
        include_str!("bytes/new_service_fwmark_request.hex"),
        IpvsCommand::NewService,
        vec![service([
            fwmark(AF_INET, 7),
            settings("wlc", NO_FLAGS, 0, WHOLE_ADDRESS),
        ])],
    );
    check_request(
        include_str!("bytes/new_service_fwmark_ipv6_request.hex"),
        IpvsCommand::NewService,
        vec![service([
            fwmark(AF_INET6, 7),
            settings("sh", ServiceFlags::SCHEDULER_1, 0, 128_u32.to_ne_bytes()),
        ])],
    );
}

#[test]
fn new_service_request_for_ipv6_with_a_persistence_engine() {
    let [scheduler, flags, timeout, netmask] =
        settings("rr", ServiceFlags::PERSISTENT, 60, 64_u32.to_ne_bytes())
            .try_into()
            .unwrap();
    let engine = ServiceAttribute::PersistenceEngineName("sip".to_owned());
    check_request(
        include_str!("bytes/new_service_ipv6_sip_request.hex"),
        IpvsCommand::NewService,
        vec![service([
            sip(),
            vec![scheduler, engine, flags, timeout, netmask],
        ])],
    );
}

#[test]
fn set_service_request_for_persistence_and_a_scheduler_flag() {
    check_request(
        include_str!("bytes/set_service_persistent_request.hex"),
        IpvsCommand::SetService,
        vec![service([
            web(),
            settings(
                "mh",
                ServiceFlags::PERSISTENT | ServiceFlags::SCHEDULER_2,
                600,
                [255, 255, 255, 0],
            ),
        ])],
    );
}

#[test]
fn del_service_request() {
    check_request(
        include_str!("bytes/del_service_ipv6_request.hex"),
        IpvsCommand::DelService,
        vec![named_by_ipvsadm(sip(), 128_u32.to_ne_bytes())],
    );
}

#[test]
fn get_service_request_for_one_and_for_all() {
    check_request(
        include_str!("bytes/get_service_request.hex"),
        IpvsCommand::GetService,
        vec![named_by_ipvsadm(web(), [0; 4])],
    );
    check_request(
        include_str!("bytes/get_service_dump_request.hex"),
        IpvsCommand::GetService,
        vec![],
    );
}

#[test]
fn service_reply_with_both_forms_of_counters() {
    check_reply(
        include_str!("bytes/new_service_counted_reply.hex"),
        IpvsCommand::NewService,
        vec![service([
            web(),
            settings("wrr", ServiceFlags::HASHED, 0, WHOLE_ADDRESS),
            vec![
                ServiceAttribute::Stats(traffic(false)),
                ServiceAttribute::Stats64(traffic64()),
            ],
        ])],
    );
}

#[test]
fn service_reply_for_persistence() {
    check_reply(
        include_str!("bytes/new_service_persistent_reply.hex"),
        IpvsCommand::NewService,
        vec![service([
            web(),
            settings(
                "mh",
                ServiceFlags::PERSISTENT | ServiceFlags::HASHED | ServiceFlags::SCHEDULER_2,
                600,
                [255, 255, 255, 0],
            ),
            vec![
                ServiceAttribute::Stats(traffic(false)),
                ServiceAttribute::Stats64(traffic64()),
            ],
        ])],
    );
}

#[test]
fn service_reply_for_a_firewall_mark() {
    check_reply(
        include_str!("bytes/new_service_fwmark_ipv6_reply.hex"),
        IpvsCommand::NewService,
        vec![service([
            fwmark(AF_INET6, 7),
            settings(
                "sh",
                ServiceFlags::HASHED | ServiceFlags::SCHEDULER_1,
                0,
                128_u32.to_ne_bytes(),
            ),
            vec![
                ServiceAttribute::Stats(no_traffic(true)),
                ServiceAttribute::Stats64(no_traffic64()),
            ],
        ])],
    );
}

#[test]
fn service_reply_for_ipv6_with_a_persistence_engine() {
    let [scheduler, flags, timeout, netmask] = settings(
        "rr",
        ServiceFlags::PERSISTENT | ServiceFlags::HASHED,
        60,
        64_u32.to_ne_bytes(),
    )
    .try_into()
    .unwrap();
    let engine = ServiceAttribute::PersistenceEngineName("sip".to_owned());
    check_reply(
        include_str!("bytes/new_service_ipv6_sip_reply.hex"),
        IpvsCommand::NewService,
        vec![service([
            sip(),
            vec![scheduler, engine, flags, timeout, netmask],
            vec![
                ServiceAttribute::Stats(no_traffic(false)),
                ServiceAttribute::Stats64(no_traffic64()),
            ],
        ])],
    );
}
