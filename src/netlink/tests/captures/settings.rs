// SPDX-License-Identifier: MIT

//! Timeouts, information, and what concerns the whole table.

use ipvs_netlink::{InfoAttribute, IpvsAttribute, IpvsCommand};

use crate::{WHOLE_ADDRESS, check_reply, check_request, named_by_ipvsadm, web};

fn timeouts() -> Vec<IpvsAttribute> {
    vec![
        IpvsAttribute::TimeoutTcp(900),
        IpvsAttribute::TimeoutTcpFin(120),
        IpvsAttribute::TimeoutUdp(300),
    ]
}

#[test]
fn timeouts_are_set_asked_for_and_replied() {
    check_request(
        include_str!("bytes/set_config_request.hex"),
        IpvsCommand::SetConfig,
        timeouts(),
    );
    check_request(
        include_str!("bytes/get_config_request.hex"),
        IpvsCommand::GetConfig,
        vec![],
    );
    check_reply(
        include_str!("bytes/set_config_reply.hex"),
        IpvsCommand::SetConfig,
        timeouts(),
    );
}

#[test]
fn info_is_asked_for_and_replied() {
    check_request(
        include_str!("bytes/get_info_request.hex"),
        IpvsCommand::GetInfo,
        vec![],
    );
    check_reply(
        include_str!("bytes/set_info_reply.hex"),
        IpvsCommand::SetInfo,
        vec![
            IpvsAttribute::Info(InfoAttribute::Version(0x01_02_01)),
            IpvsAttribute::Info(InfoAttribute::ConnectionTableSize(4096)),
        ],
    );
}

#[test]
fn zero_request_for_one_service_and_for_all() {
    check_request(
        include_str!("bytes/zero_service_request.hex"),
        IpvsCommand::Zero,
        vec![named_by_ipvsadm(web(), WHOLE_ADDRESS)],
    );
    check_request(
        include_str!("bytes/zero_all_request.hex"),
        IpvsCommand::Zero,
        vec![],
    );
}

#[test]
fn flush_request() {
    check_request(
        include_str!("bytes/flush_request.hex"),
        IpvsCommand::Flush,
        vec![],
    );
}
