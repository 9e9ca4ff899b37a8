// SPDX-License-Identifier: MIT

//! Updates, while someone else changes the same entry or not.

use ipvs_netlink::{DestinationAttribute, IpvsAttribute, IpvsCommand, ServiceAttribute};
use netlink_packet_core::NLM_F_DUMP_INTR;
use rustix::io::Errno;

use super::{
    fake_kernel::{
        Answer, FakeKernel, Message, Request, client_with, dumped, part, refused, replied,
    },
    values::{
        answer_lost, destination_attributes, malformed, refusal, server, service_reply, web,
        web_attributes,
    },
};
use crate::{
    Client, DestinationSettings, Error, Operation, Persistence, SchedulerFlags, ServiceSettings,
};

fn server_settings() -> DestinationSettings {
    DestinationSettings::masquerading()
        .weight(3)
        .upper_threshold(500)
        .lower_threshold(400)
}

fn service_settings() -> ServiceSettings {
    ServiceSettings::new("sh")
        .scheduler_flags(SchedulerFlags::FLAG_2)
        .persistence(Persistence::new(60))
        .persistence_engine("sip")
}

/// Two clients of a kernel that has one service with one server.
fn balanced() -> (FakeKernel, Client, Client) {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    client.add_service(&web(), &service_settings()).unwrap();
    client
        .add_destination(&web(), &server(), &server_settings())
        .unwrap();
    let other = kernel.client().unwrap();
    (kernel, client, other)
}

fn read_server(client: &mut Client) -> DestinationSettings {
    client.destinations(&web()).unwrap().remove(0).settings
}

fn read_service(client: &mut Client) -> ServiceSettings {
    client.service(&web()).unwrap().settings
}

#[test]
fn what_is_not_changed_stays_and_what_was_there_is_returned() {
    let (_, mut client, _) = balanced();
    let before = client.update_destination(&web(), &server(), |now| now.weight(0));
    assert_eq!(before.unwrap(), server_settings());
    assert_eq!(read_server(&mut client), server_settings().weight(0));

    let before = client.update_service(&web(), |now| now.clone().one_packet());
    assert_eq!(before.unwrap(), service_settings());
    assert_eq!(read_service(&mut client), service_settings().one_packet());
}

#[test]
fn a_change_that_comes_between_reading_and_writing_is_kept() {
    let (_, mut client, mut other) = balanced();
    let theirs = server_settings().upper_threshold(900);
    let mut calls = 0;
    let before = client.update_destination(&web(), &server(), |now| {
        calls += 1;
        if calls == 1 {
            other.edit_destination(&web(), &server(), &theirs).unwrap();
        }
        now.weight(now.weight + 1)
    });
    assert_eq!((before.unwrap(), calls), (theirs, 2));
    assert_eq!(read_server(&mut client), theirs.weight(4));

    let theirs = ServiceSettings::new("mh").persistent(60);
    let mut calls = 0;
    let before = client.update_service(&web(), |now| {
        calls += 1;
        if calls == 1 {
            other.edit_service(&web(), &theirs).unwrap();
        }
        now.clone().persistent(90)
    });
    assert_eq!((before.unwrap(), calls), (theirs.clone(), 2));
    assert_eq!(read_service(&mut client), theirs.persistent(90));
}

#[test]
fn each_of_several_changes_that_come_in_between_is_kept() {
    let (_, mut client, mut other) = balanced();
    let mut calls = 0;
    client
        .update_destination(&web(), &server(), |now| {
            calls += 1;
            let stands = read_server(&mut other);
            let theirs = match calls {
                1 => Some(stands.upper_threshold(900)),
                // That of the first is not in what they have read.
                2 => Some(stands.lower_threshold(450)),
                _ => None,
            };
            if let Some(theirs) = theirs {
                other.edit_destination(&web(), &server(), &theirs).unwrap();
            }
            now.weight(7)
        })
        .unwrap();
    let all = server_settings().weight(7).upper_threshold(900);
    assert_eq!(read_server(&mut client), all.lower_threshold(450));
}

#[test]
fn an_entry_that_others_never_stop_changing_is_an_error() {
    let (_, mut client, mut other) = balanced();
    let mut weight = 10;
    let outcome = client.update_destination(&web(), &server(), |now| {
        weight += 1;
        let theirs = server_settings().weight(weight);
        other.edit_destination(&web(), &server(), &theirs).unwrap();
        now.upper_threshold(600)
    });
    let error = outcome.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot edit 198.51.100.4:8080 of TCP 192.0.2.1:80: others kept changing it at the same \
         time; what it has now may lack their last change"
    );
    assert!(matches!(error, Error::Contended { .. }));
    assert_eq!(
        error.operation(),
        Some(Operation::EditDestination(web(), server()))
    );
    assert_eq!(read_server(&mut client).upper_threshold, 600);

    let mut timeout = 100;
    let outcome = client.update_service(&web(), |now| {
        timeout += 1;
        let theirs = service_settings().persistent(timeout);
        other.edit_service(&web(), &theirs).unwrap();
        now.clone().one_packet()
    });
    assert!(matches!(
        outcome,
        Err(Error::Contended { operation: Operation::EditService(id) }) if id == web()
    ));
}

#[test]
fn an_update_that_changes_nothing_writes_nothing() {
    let reading = dumped(IpvsCommand::NewDest, vec![server_reply(1)]);
    let (mut client, kernel) = client_with([reading]);
    client
        .update_destination(&web(), &server(), |now| *now)
        .unwrap();
    assert_eq!(kernel.requests(), [destination_dump()]);

    let reading = replied(IpvsCommand::NewService, service_reply(web_attributes()));
    let (mut client, kernel) = client_with([reading]);
    client.update_service(&web(), Clone::clone).unwrap();
    assert_eq!(kernel.requests(), [service_request()]);
}

#[test]
fn an_entry_that_is_not_there_is_refused_as_an_edit_of_it_is() {
    let (_, mut client, mut other) = balanced();
    let nowhere = "10.0.0.9:80".parse().unwrap();
    assert_eq!(
        refusal(client.update_destination(&web(), &nowhere, |now| *now)),
        (Operation::EditDestination(web(), nowhere), Errno::NOENT)
    );
    // Gone after it was read.
    let outcome = client.update_destination(&web(), &server(), |now| {
        other.delete_destination(&web(), &server()).unwrap();
        now.weight(0)
    });
    assert_eq!(
        refusal(outcome),
        (Operation::EditDestination(web(), server()), Errno::NOENT)
    );
    let outcome = client.update_service(&web(), |now| {
        other.flush().unwrap();
        now.clone().one_packet()
    });
    let gone = (Operation::EditService(web()), Errno::SRCH);
    assert_eq!(refusal(outcome), gone);
    assert_eq!(refusal(client.update_service(&web(), Clone::clone)), gone);
    assert_eq!(
        refusal(client.update_destination(&web(), &server(), |now| *now)),
        (Operation::EditDestination(web(), server()), Errno::SRCH)
    );
}

#[test]
fn what_the_kernel_refuses_of_the_new_settings_is_refused_as_that_of_an_edit_is() {
    let (_, mut client, _) = balanced();
    assert_eq!(
        refusal(client.update_destination(&web(), &server(), |now| now.upper_threshold(1))),
        (Operation::EditDestination(web(), server()), Errno::RANGE)
    );
    let scheduled = |name: &str| {
        let name = name.to_owned();
        move |now: &ServiceSettings| {
            let mut new = now.clone();
            new.scheduler = name.clone();
            new
        }
    };
    assert_eq!(
        refusal(client.update_service(&web(), scheduled("nosuch"))),
        (Operation::EditService(web()), Errno::NOENT)
    );
    assert!(matches!(
        client.update_service(&web(), scheduled("a scheduler with a long name")),
        Err(Error::ImpossibleName { .. })
    ));
    assert_eq!(read_server(&mut client), server_settings());
    assert_eq!(read_service(&mut client), service_settings());
}

/// A server that the list has in its first piece.
fn far_reply() -> Vec<IpvsAttribute> {
    let attributes = destination_attributes("198.51.100.9", 8080);
    vec![IpvsAttribute::Destination(attributes)]
}

/// The answers to an update, when the second piece of the list has the server with this
/// weight: Linux answers the writing before that piece, and makes it after the writing.
fn shown_in_a_later_piece(weight: u32) -> Vec<Answer> {
    let piece = |attributes| {
        let message = part(IpvsCommand::NewDest, attributes);
        Answer::Datagram(vec![message.for_earlier(1)])
    };
    vec![
        piece(far_reply()),
        Answer::Datagram(vec![Message::ack()]),
        piece(server_reply(weight)),
        Answer::Datagram(vec![Message::done().for_earlier(1)]),
    ]
}

/// Adds one to the weight of the server; returns the weights that it is told, and the
/// number of requests.
fn add_one<const N: usize>(answers: [Vec<Answer>; N]) -> (Vec<u32>, usize) {
    let (mut client, kernel) = client_with(answers);
    let mut weights = Vec::new();
    client
        .update_destination(&web(), &server(), |now| {
            weights.push(now.weight);
            now.weight(now.weight + 1)
        })
        .unwrap();
    (weights, kernel.requests().len())
}

#[test]
fn a_later_piece_that_shows_the_writing_itself_is_no_change_of_others() {
    let reading = dumped(IpvsCommand::NewDest, vec![far_reply(), server_reply(1)]);
    let answers = [reading, shown_in_a_later_piece(2)];
    assert_eq!(add_one(answers), (vec![1], 3));
}

#[test]
fn a_later_piece_that_shows_what_others_have_written_has_the_change_made_again() {
    let reading = dumped(IpvsCommand::NewDest, vec![far_reply(), server_reply(1)]);
    let answers = [
        reading,
        shown_in_a_later_piece(9),
        shown_in_a_later_piece(2),
    ];
    assert_eq!(add_one(answers), (vec![1, 9], 5));
}

/// Updates the server, when its writing and the reading behind it are answered so.
fn update_answered(answers: Vec<Answer>) -> crate::Result<DestinationSettings> {
    let reading = dumped(IpvsCommand::NewDest, vec![server_reply(1)]);
    let (mut client, _) = client_with([reading, answers]);
    client.update_destination(&web(), &server(), |now| now.weight(5))
}

#[test]
fn a_list_that_has_lost_a_piece_leaves_open_what_was_replaced() {
    let outcome = update_answered(vec![
        Answer::Failure(Errno::NOBUFS),
        Answer::Datagram(vec![Message::ack()]),
        Answer::Datagram(vec![Message::done().for_earlier(1)]),
    ]);
    let operation = Operation::EditDestination(web(), server());
    assert_eq!(answer_lost(outcome), operation);
}

#[test]
fn a_list_that_is_marked_as_interrupted_leaves_open_what_was_replaced() {
    let marked = part(IpvsCommand::NewDest, server_reply(5)).with_flags(NLM_F_DUMP_INTR);
    let outcome = update_answered(vec![
        Answer::Datagram(vec![marked.for_earlier(1)]),
        Answer::Datagram(vec![Message::ack()]),
        Answer::Datagram(vec![Message::done().for_earlier(1)]),
    ]);
    let operation = Operation::EditDestination(web(), server());
    assert_eq!(answer_lost(outcome), operation);
}

/// The end of a list is no answer to a writing.
#[test]
fn a_writing_that_is_answered_as_a_list_is_makes_no_sense() {
    let shown = part(IpvsCommand::NewDest, server_reply(1));
    let outcome = update_answered(vec![
        Answer::Datagram(vec![shown.for_earlier(1)]),
        Answer::Datagram(vec![Message::done()]),
        Answer::Datagram(vec![Message::done().for_earlier(1)]),
    ]);
    let (operation, reason) = malformed(outcome);
    assert_eq!(operation, Operation::EditDestination(web(), server()));
    assert_eq!(reason, "it has a message of type 3");
}

#[test]
fn a_server_that_the_list_has_skipped_is_written_once_more() {
    let skipped = || {
        vec![
            Answer::Datagram(vec![Message::done().for_earlier(1)]),
            Answer::Datagram(vec![Message::ack()]),
        ]
    };
    let seen = vec![
        Answer::Datagram(vec![
            part(IpvsCommand::NewDest, server_reply(5)).for_earlier(1),
        ]),
        Answer::Datagram(vec![Message::ack()]),
        Answer::Datagram(vec![Message::done().for_earlier(1)]),
    ];
    let (mut client, kernel) = client_with([
        dumped(IpvsCommand::NewDest, vec![server_reply(1)]),
        skipped(),
        seen,
    ]);
    client
        .update_destination(&web(), &server(), |now| now.weight(5))
        .unwrap();
    assert_eq!(kernel.requests().len(), 5);
}

#[test]
fn a_service_keeps_the_flags_that_have_no_name() {
    let reply = || service_reply(web_attributes());
    let (mut client, kernel) = client_with([
        replied(IpvsCommand::NewService, reply()),
        vec![
            Answer::Datagram(vec![
                Message::reply(IpvsCommand::NewService, reply()).for_earlier(1),
            ]),
            Answer::Datagram(vec![Message::ack().for_earlier(1), Message::ack()]),
        ],
    ]);
    client
        .update_service(&web(), |now| now.clone().one_packet())
        .unwrap();
    let requests = kernel.requests();
    let [
        read,
        read_again,
        Request::Acknowledged(IpvsCommand::SetService, written),
    ] = requests.as_slice()
    else {
        panic!("{requests:?}");
    };
    assert_eq!([read, read_again], [&service_request(), &service_request()]);
    let [IpvsAttribute::Service(written)] = written.as_slice() else {
        panic!("{written:?}");
    };
    let masks: Vec<u32> = written
        .iter()
        .filter_map(|attribute| match attribute {
            ServiceAttribute::Flags { mask, .. } => Some(*mask),
            _ => None,
        })
        .collect();
    // persistent, hashed, one packet, and the three of schedulers: linux/ip_vs.h.
    assert_eq!(masks, [0x3f]);
}

#[test]
fn a_refused_reading_leaves_the_refusal_of_the_writing() {
    let (mut client, _) = client_with([
        replied(IpvsCommand::NewService, service_reply(web_attributes())),
        vec![Answer::Datagram(vec![
            Message::refusal(Errno::SRCH).for_earlier(1),
            Message::refusal(Errno::SRCH),
        ])],
    ]);
    assert_eq!(
        refusal(client.update_service(&web(), |now| now.clone().one_packet())),
        (Operation::EditService(web()), Errno::SRCH)
    );
    let (mut client, _) = client_with([refused(Errno::PERM)]);
    assert_eq!(
        refusal(client.update_service(&web(), Clone::clone)),
        (Operation::EditService(web()), Errno::PERM)
    );
}

/// The server with this weight, as a list has it.
fn server_reply(weight: u32) -> Vec<IpvsAttribute> {
    let mut attributes = destination_attributes("198.51.100.4", 8080);
    for attribute in &mut attributes {
        if let DestinationAttribute::Weight(value) = attribute {
            *value = weight;
        }
    }
    vec![IpvsAttribute::Destination(attributes)]
}

fn destination_dump() -> Request {
    let service = vec![IpvsAttribute::Service(web_attributes())];
    Request::Dump(IpvsCommand::GetDest, service)
}

fn service_request() -> Request {
    let service = vec![IpvsAttribute::Service(web_attributes())];
    Request::Acknowledged(IpvsCommand::GetService, service)
}
