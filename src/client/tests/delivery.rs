// SPDX-License-Identifier: MIT

//! Answers in pieces, late, lost, too long, or that make no sense.

use std::num::NonZeroU32;

use ipvs_netlink::{IpvsAttribute, IpvsCommand};
use netlink_packet_core::{
    NLM_F_DUMP_INTR, NLM_F_MULTIPART, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NLMSG_OVERRUN,
};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::FileFailurePersistence,
};
use rustix::io::Errno;

use super::{
    fake_kernel::{
        Answer, FAMILY, FakeKernel, Message, Request, acknowledged, client_with, dumped,
        family_found, part, refused, replied, swallowed,
    },
    values::{
        AF_INET, address_service, answer_lost, daemon, identity, malformed, plain, refusal,
        service_reply, sip, sip_attributes, timed_out, web, web_attributes,
    },
};
use crate::{DaemonRole, Operation, Protocol, Service, ServiceId, client::Client};

fn web_part() -> Message {
    part(IpvsCommand::NewService, service_reply(web_attributes()))
}

fn sip_part() -> Message {
    part(IpvsCommand::NewService, service_reply(sip_attributes()))
}

/// The whole dump of the two services.
fn both_services() -> Vec<Answer> {
    vec![
        Answer::Datagram(vec![web_part(), sip_part()]),
        Answer::Datagram(vec![Message::done()]),
    ]
}

fn timeouts() -> Vec<IpvsAttribute> {
    vec![
        IpvsAttribute::TimeoutTcp(900),
        IpvsAttribute::TimeoutTcpFin(120),
        IpvsAttribute::TimeoutUdp(300),
    ]
}

fn ids(services: &[Service]) -> Vec<ServiceId> {
    services.iter().map(|service| service.id).collect()
}

fn noop(length: usize) -> Message {
    Message::new(NLMSG_NOOP, vec![0; length])
}

fn dump_requests(count: usize) -> Vec<Request> {
    (0..count)
        .map(|_| Request::Dump(IpvsCommand::GetService, vec![]))
        .collect()
}

#[test]
fn a_dump_can_come_in_several_datagrams() {
    let (mut client, _) = client_with([vec![
        Answer::Datagram(vec![web_part()]),
        Answer::Datagram(vec![sip_part()]),
        Answer::Datagram(vec![Message::done()]),
    ]]);
    assert_eq!(ids(&client.services().unwrap()), [web(), sip()]);
}

#[test]
fn a_datagram_can_hold_several_messages_and_the_end() {
    let (mut client, _) = client_with([vec![Answer::Datagram(vec![
        web_part(),
        noop(0),
        sip_part(),
        Message::done(),
    ])]]);
    assert_eq!(ids(&client.services().unwrap()), [web(), sip()]);
}

#[test]
fn an_answer_that_is_aligned_ends_where_its_header_says() {
    // 5 bytes that no attribute needs, padded to 8.
    let (mut client, _) = client_with([vec![Answer::Datagram(vec![noop(5), Message::ack()])]]);
    client.flush().unwrap();
}

#[test]
fn a_dump_that_ends_with_an_error_is_refused() {
    let (mut client, kernel) = client_with([vec![
        Answer::Datagram(vec![web_part()]),
        Answer::Datagram(vec![Message::done_with(-Errno::NOMEM.raw_os_error())]),
    ]]);
    assert_eq!(
        refusal(client.services()),
        (Operation::ListServices, Errno::NOMEM)
    );
    assert_eq!(kernel.requests(), dump_requests(1));
}

#[test]
fn a_dump_that_ends_without_a_code_is_whole() {
    let (mut client, _) = client_with([vec![
        Answer::Datagram(vec![web_part()]),
        Answer::Datagram(vec![Message::new(NLMSG_DONE, vec![])]),
    ]]);
    assert_eq!(ids(&client.services().unwrap()), [web()]);
}

#[test]
fn an_error_message_without_room_for_a_code_is_malformed() {
    for payload in [vec![], vec![0, 0, 0]] {
        let (mut client, _) = client_with([vec![Answer::Datagram(vec![Message::new(
            NLMSG_ERROR,
            payload,
        )])]]);
        assert_eq!(malformed(client.flush()).0, Operation::Flush);
    }
}

#[test]
fn an_error_code_that_no_error_has_is_malformed() {
    for code in [1, i32::MAX, i32::MIN, -4096, -65_536] {
        for message in [Message::error(code), Message::done_with(code)] {
            let (mut client, _) = client_with([vec![Answer::Datagram(vec![message])]]);
            assert_eq!(
                malformed(client.services()),
                (
                    Operation::ListServices,
                    format!("{code} is not an error code")
                )
            );
        }
    }
}

#[test]
fn the_largest_error_code_is_one() {
    let (mut client, _) = client_with([vec![Answer::Datagram(vec![Message::error(-4095)])]]);
    assert_eq!(
        refusal(client.flush()),
        (Operation::Flush, Errno::from_raw_os_error(4095))
    );
}

#[test]
fn a_message_of_another_family_is_malformed() {
    let (mut client, _) = client_with([vec![Answer::Datagram(vec![Message::new(
        FAMILY + 1,
        vec![],
    )])]]);
    assert_eq!(
        malformed(client.services()),
        (
            Operation::ListServices,
            "it has a message of type 29".to_owned()
        )
    );
}

#[test]
fn a_length_beyond_the_datagram_or_below_the_header_is_malformed() {
    for length in [0, 15, 37, 1000, u32::MAX] {
        let (mut client, _) = client_with([vec![Answer::Datagram(vec![
            Message::ack().claiming_length(length),
        ])]]);
        assert_eq!(malformed(client.flush()).0, Operation::Flush);

        // The same after a message that is well.
        let (mut client, _) = client_with([vec![Answer::Datagram(vec![
            web_part(),
            Message::done().claiming_length(length),
        ])]]);
        assert_eq!(malformed(client.services()).0, Operation::ListServices);
    }
}

#[test]
fn a_datagram_shorter_than_a_header_is_malformed_and_an_empty_one_is_passed_over() {
    let (mut client, _) = client_with([vec![Answer::Bytes(vec![1; 15])]]);
    assert_eq!(malformed(client.flush()).0, Operation::Flush);

    let (mut client, _) = client_with([vec![
        Answer::Bytes(vec![]),
        Answer::Datagram(vec![Message::ack()]),
    ]]);
    client.flush().unwrap();
}

#[test]
fn the_late_answer_to_an_earlier_request_is_skipped() {
    let late = [swallowed(), refused(Errno::EXIST)].concat();
    let (mut client, _) = client_with([late, acknowledged()]);
    assert_eq!(
        timed_out(client.add_service(&web(), &plain())),
        Operation::AddService(web())
    );
    client.flush().unwrap();

    let late = [swallowed(), both_services()].concat();
    let (mut client, _) = client_with([late, replied(IpvsCommand::SetConfig, timeouts())]);
    assert_eq!(timed_out(client.services()), Operation::ListServices);
    assert_eq!(client.timeouts().unwrap().tcp, NonZeroU32::new(900));
}

#[test]
fn a_kernel_that_does_not_answer_times_out_and_is_not_asked_again() {
    let (mut client, kernel) = client_with([swallowed(), swallowed(), swallowed()]);
    assert_eq!(timed_out(client.services()), Operation::ListServices);
    assert_eq!(timed_out(client.timeouts()), Operation::ReadTimeouts);
    assert_eq!(timed_out(client.flush()), Operation::Flush);
    assert_eq!(kernel.requests().len(), 3);
}

#[test]
fn a_dump_that_stops_before_its_end_times_out() {
    let (mut client, _) = client_with([vec![Answer::Datagram(vec![web_part()])]]);
    assert_eq!(timed_out(client.services()), Operation::ListServices);
}

#[test]
fn a_socket_that_fails_is_an_error_of_the_operation() {
    let (mut client, _) = client_with([vec![Answer::Failure(Errno::NETDOWN)]]);
    assert_eq!(
        client.flush().unwrap_err().to_string(),
        "cannot clear the table: Network is down (os error 100); it may have been done all the \
         same"
    );
    let (mut client, _) = client_with([vec![Answer::Failure(Errno::NETDOWN)]]);
    assert_eq!(
        client.info().unwrap_err().to_string(),
        "cannot read the version of IPVS: Network is down (os error 100)"
    );
}

/// A dump out of which the socket lost a datagram; it goes on to its end.
fn dump_with_a_loss() -> Vec<Answer> {
    vec![
        Answer::Datagram(vec![web_part()]),
        Answer::Failure(Errno::NOBUFS),
        Answer::Datagram(vec![sip_part()]),
        Answer::Datagram(vec![Message::done()]),
    ]
}

#[test]
fn a_dump_with_a_loss_is_read_to_its_end_and_asked_for_again() {
    let (mut client, kernel) = client_with([dump_with_a_loss(), both_services()]);
    assert_eq!(ids(&client.services().unwrap()), [web(), sip()]);
    assert_eq!(kernel.requests(), dump_requests(2));
}

#[test]
fn a_dump_that_lost_its_end_is_asked_for_again() {
    let lost = vec![
        Answer::Datagram(vec![web_part()]),
        Answer::Failure(Errno::NOBUFS),
        Answer::Failure(Errno::AGAIN),
    ];
    let (mut client, kernel) = client_with([lost, both_services()]);
    assert_eq!(ids(&client.services().unwrap()), [web(), sip()]);
    assert_eq!(kernel.requests(), dump_requests(2));
}

#[test]
fn a_dump_with_a_loss_each_time_is_asked_for_three_times() {
    let (mut client, kernel) =
        client_with([dump_with_a_loss(), dump_with_a_loss(), dump_with_a_loss()]);
    assert_eq!(answer_lost(client.services()), Operation::ListServices);
    assert_eq!(kernel.requests(), dump_requests(3));
}

/// The bound of datagrams that bring nothing is 2,048 in the tests of this crate.
#[test]
fn a_list_may_come_in_any_number_of_datagrams() {
    const SERVICES: u16 = 3000;
    let list = || -> Vec<Answer> {
        let piece = |port| {
            let reply = service_reply(identity(AF_INET, 6, "192.0.2.1", port));
            Answer::Datagram(vec![part(IpvsCommand::NewService, reply)])
        };
        let end = Answer::Datagram(vec![Message::done()]);
        (0..SERVICES).map(piece).chain([end]).collect()
    };
    let (mut client, _) = client_with([list(), list()]);
    assert_eq!(client.services().unwrap().len(), usize::from(SERVICES));
}

/// The kernel answers one change once.
#[test]
fn a_change_that_is_answered_is_done_whatever_was_lost() {
    let lost = Answer::Failure(Errno::NOBUFS);
    let answered = Answer::Datagram(vec![Message::ack()]);
    let (mut client, kernel) = client_with([vec![lost, answered]]);
    client.add_service(&web(), &plain()).unwrap();
    assert_eq!(kernel.requests().len(), 1);
}

#[test]
fn a_reading_of_one_thing_that_is_lost_is_asked_for_again() {
    let lost = [
        vec![Answer::Failure(Errno::NOBUFS)],
        replied(IpvsCommand::SetConfig, vec![IpvsAttribute::TimeoutTcp(1)]),
    ]
    .concat();
    let (mut client, kernel) = client_with([lost, replied(IpvsCommand::SetConfig, timeouts())]);
    assert_eq!(client.timeouts().unwrap().tcp, NonZeroU32::new(900));
    assert_eq!(kernel.requests().len(), 2);
}

#[test]
fn a_change_whose_answer_is_lost_is_not_made_twice() {
    let (mut client, kernel) = client_with([vec![Answer::Failure(Errno::NOBUFS)]]);
    assert_eq!(
        answer_lost(client.add_service(&web(), &plain())),
        Operation::AddService(web())
    );
    assert_eq!(kernel.requests().len(), 1);
}

#[test]
fn an_interrupted_or_overrun_dump_is_asked_for_again() {
    for mark in [
        web_part().with_flags(NLM_F_DUMP_INTR),
        Message::done().with_flags(NLM_F_DUMP_INTR),
        Message::new(NLMSG_OVERRUN, vec![]).with_flags(NLM_F_MULTIPART),
    ] {
        let interrupted = vec![
            Answer::Datagram(vec![web_part(), mark]),
            Answer::Datagram(vec![Message::done()]),
        ];
        let (mut client, kernel) = client_with([interrupted, both_services()]);
        assert_eq!(ids(&client.services().unwrap()), [web(), sip()]);
        assert_eq!(kernel.requests(), dump_requests(2));
    }
}

#[test]
fn a_dump_datagram_that_does_not_fit_is_asked_for_again_into_a_larger_buffer() {
    const SERVICES: u16 = 700;
    let port = |port| address_service(Protocol::Tcp, "192.0.2.1", port);
    let dump = dumped(
        IpvsCommand::NewService,
        (0..SERVICES)
            .map(|port| service_reply(identity(AF_INET, 6, "192.0.2.1", port)))
            .collect(),
    );
    let (mut client, kernel) = client_with([dump.clone(), dump.clone(), dump]);
    let expected: Vec<_> = (0..SERVICES).map(port).collect();
    assert_eq!(ids(&client.services().unwrap()), expected);
    // The buffer stays as large as it had to be.
    assert_eq!(ids(&client.services().unwrap()), expected);
    assert_eq!(kernel.requests(), dump_requests(3));
}

#[test]
fn a_reply_that_does_not_fit_is_asked_for_again_into_a_larger_buffer() {
    let long = vec![
        Answer::Datagram(vec![
            noop(70_000),
            Message::reply(IpvsCommand::SetConfig, timeouts()),
        ]),
        Answer::Datagram(vec![Message::ack()]),
    ];
    let (mut client, kernel) = client_with([long.clone(), long]);
    assert_eq!(client.timeouts().unwrap().udp, NonZeroU32::new(300));
    assert_eq!(kernel.requests().len(), 2);
}

#[test]
fn a_change_whose_answer_does_not_fit_is_not_made_twice() {
    let (mut client, kernel) =
        client_with([vec![Answer::Datagram(vec![noop(70_000), Message::ack()])]]);
    assert_eq!(answer_lost(client.flush()), Operation::Flush);
    assert_eq!(kernel.requests().len(), 1);
}

/// Messages that get past the header, with any payload, and a service's reply
/// with some of its bytes changed.
fn any_message() -> impl Strategy<Value = Message> {
    let kind = prop_oneof![
        select(vec![
            FAMILY,
            NLMSG_NOOP,
            NLMSG_ERROR,
            NLMSG_DONE,
            NLMSG_OVERRUN
        ]),
        any::<u16>(),
    ];
    let random = (kind, any::<u16>(), vec(any::<u8>(), 0..80))
        .prop_map(|(kind, flags, payload)| Message::new(kind, payload).with_flags(flags));
    let changed = vec((any::<Index>(), any::<u8>()), 0..8).prop_map(|changes| {
        let mut message = web_part();
        for (at, byte) in changes {
            let payload = message.payload_mut();
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        message
    });
    (
        prop_oneof![random, changed],
        prop::option::weighted(0.1, any::<u32>()),
    )
        .prop_map(|(message, length)| match length {
            Some(length) => message.claiming_length(length),
            None => message,
        })
}

fn any_answers() -> impl Strategy<Value = Vec<Answer>> {
    vec(
        prop_oneof![
            vec(any_message(), 0..4).prop_map(Answer::Datagram),
            vec(any::<u8>(), 0..120).prop_map(Answer::Bytes),
            select(vec![Errno::NOBUFS, Errno::AGAIN, Errno::IO]).prop_map(Answer::Failure),
        ],
        0..6,
    )
}

/// A failure's seed is kept beside this file; commit it with the repair.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    /// After the answers the fake kernel is silent, so that each call comes to
    /// an end when the client does not loop over an answer.
    #[test]
    fn no_answer_makes_the_client_panic_or_hang(
        script in vec(any_answers(), 4),
    ) {
        let calls: [fn(&mut Client); 8] = [
            |client| drop(client.services()),
            |client| drop(client.service(&web())),
            |client| drop(client.destinations(&web())),
            |client| drop(client.daemons()),
            |client| drop(client.timeouts()),
            |client| drop(client.info()),
            |client| drop(client.add_service(&web(), &plain())),
            |client| drop(client.start_daemon(&daemon(DaemonRole::Master, "eth0"))),
        ];
        for call in calls {
            let kernel = FakeKernel::scripted([vec![family_found(&[])], script.clone()].concat());
            let mut client = Client::with_kernel(kernel.clone()).unwrap();
            call(&mut client);
        }
        drop(Client::with_kernel(FakeKernel::scripted(script)));
    }
}
