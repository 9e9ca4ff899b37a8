// SPDX-License-Identifier: MIT

//! Many changes in one datagram.

use ipvs_netlink::{IpvsAttribute, IpvsCommand, IpvsMessage};
use netlink_packet_core::ParseableParametrized;
use rustix::io::Errno;

use super::{
    fake_kernel::{Answer, Message, Request, acknowledged, client_with},
    values::{forwarded, plain, server, sip, web},
};
use crate::{
    Change, Error, ForwardingMethod, Operation, ServiceId, ServiceSettings, Timeouts,
    client::Client,
    kernel::netlink::convert::{append_change, choose_command},
};

const BATCH: usize = Client::BATCH;

fn three() -> Vec<Change> {
    vec![
        Change::AddService(web(), plain()),
        Change::AddDestination(web(), server(), forwarded(ForwardingMethod::Masquerading)),
        Change::DeleteService(sip()),
    ]
}

/// The command and attributes that the kernel is to see.
fn content(change: &Change) -> (IpvsCommand, Vec<IpvsAttribute>) {
    let mut bytes = Vec::new();
    append_change(&mut bytes, change);
    let header = choose_command(change).header();
    let message = IpvsMessage::parse_with_param(&bytes, header).unwrap();
    (message.command, message.attributes)
}

/// The refusals, as index, operation and errno.
fn reasons(refused: Vec<(usize, Error)>) -> Vec<(usize, Operation, Errno)> {
    refused
        .into_iter()
        .map(|(index, error)| match error {
            Error::Kernel { operation, errno } => (index, operation, errno),
            other => panic!("{other}"),
        })
        .collect()
}

#[test]
fn changes_travel_together_and_only_the_last_wants_an_answer() {
    let changes = three();
    let (mut client, kernel) = client_with([acknowledged()]);
    assert_eq!(reasons(client.apply(&changes).unwrap()), []);
    let [first, second, third] = [0, 1, 2].map(|index| content(&changes[index]));
    assert_eq!(
        kernel.requests(),
        [
            Request::Unacknowledged(first.0, first.1),
            Request::Unacknowledged(second.0, second.1),
            Request::Acknowledged(third.0, third.1),
        ]
    );
}

#[test]
fn each_refusal_is_that_of_its_change_wherever_it_stands() {
    let changes = three();
    let (mut client, _kernel) = client_with([vec![
        Answer::Datagram(vec![Message::refusal(Errno::EXIST).for_earlier(2)]),
        Answer::Datagram(vec![Message::refusal(Errno::SRCH)]),
    ]]);
    assert_eq!(
        reasons(client.apply(&changes).unwrap()),
        [
            (0, Operation::AddService(web()), Errno::EXIST),
            (2, Operation::DeleteService(sip()), Errno::SRCH),
        ]
    );
}

#[test]
fn more_changes_than_fit_go_in_several_datagrams_and_keep_their_numbers() {
    let changes = vec![Change::ZeroAll; 2 * BATCH + 1];
    let (mut client, kernel) = client_with([
        acknowledged(),
        vec![Answer::Datagram(vec![
            Message::refusal(Errno::NOMEM).for_earlier(1),
            Message::ack(),
        ])],
        acknowledged(),
    ]);
    assert_eq!(
        reasons(client.apply(&changes).unwrap()),
        [(2 * BATCH - 2, Operation::ZeroAll, Errno::NOMEM)]
    );
    let acknowledged: Vec<usize> = kernel
        .requests()
        .iter()
        .enumerate()
        .filter(|(_, request)| matches!(request, Request::Acknowledged(..)))
        .map(|(index, _)| index)
        .collect();
    assert_eq!(acknowledged, [BATCH - 1, 2 * BATCH - 1, 2 * BATCH]);
}

#[test]
fn a_change_that_cannot_be_meant_is_refused_in_its_place_and_not_sent() {
    let unnamed = ServiceSettings {
        scheduler: "a scheduler with a long name".to_owned(),
        ..plain()
    };
    let changes = [
        Change::ZeroAll,
        Change::AddService(web(), unnamed),
        Change::Flush,
    ];
    let (mut client, kernel) = client_with([vec![Answer::Datagram(vec![
        Message::refusal(Errno::NOMEM).for_earlier(1),
        Message::refusal(Errno::NOMEM),
    ])]]);
    let mut refused = client.apply(&changes).unwrap();
    let (index, error) = refused.remove(1);
    let text = "cannot add TCP 192.0.2.1:80: no scheduler can have this name, which is too long \
                or has a NUL inside";
    assert_eq!((index, error.to_string().as_str()), (1, text));
    assert_eq!(error.operation(), Some(Operation::AddService(web())));
    assert_eq!(
        reasons(refused),
        [
            (0, Operation::ZeroAll, Errno::NOMEM),
            (2, Operation::Flush, Errno::NOMEM),
        ]
    );
    assert_eq!(kernel.requests().len(), 2);
}

#[test]
fn without_changes_nothing_is_sent() {
    let (mut client, kernel) = client_with([]);
    assert_eq!(reasons(client.apply(&[]).unwrap()), []);
    assert_eq!(kernel.requests(), []);
}

#[test]
fn a_lost_refusal_leaves_open_what_was_done() {
    for answers in [
        vec![
            Answer::Failure(Errno::NOBUFS),
            Answer::Datagram(vec![Message::ack()]),
        ],
        vec![Answer::Failure(Errno::NOBUFS)],
    ] {
        let (mut client, _kernel) = client_with([answers]);
        let error = client.apply(&three()).unwrap_err();
        assert!(
            matches!(
                error,
                Error::AnswerLost {
                    operation: Operation::ApplyChanges
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn a_late_answer_to_an_earlier_batch_is_not_taken_for_this_one() {
    let timeouts = Timeouts::default().tcp(1).tcp_fin(2).udp(3);
    let (mut client, _kernel) = client_with([
        vec![Answer::Failure(Errno::AGAIN)],
        vec![
            Answer::Datagram(vec![Message::refusal(Errno::SRCH).for_earlier(1)]),
            Answer::Datagram(vec![Message::ack()]),
        ],
    ]);
    client.apply(&three()).unwrap_err();
    assert_eq!(
        reasons(client.apply(&[Change::SetTimeouts(timeouts)]).unwrap()),
        []
    );
}

/// Every change names its object in an error.
#[test]
fn one_change_alone_is_named_when_its_answer_does_not_come() {
    let (mut client, _kernel) = client_with([vec![Answer::Failure(Errno::AGAIN)]]);
    let web: ServiceId = web();
    assert!(matches!(
        client.apply(&[Change::DeleteService(web)]).unwrap_err(),
        Error::Timeout { operation: Operation::DeleteService(id) } if id == web
    ));
}
