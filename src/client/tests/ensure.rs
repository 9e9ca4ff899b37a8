// SPDX-License-Identifier: MIT

//! Changes that say what should be there.

use rustix::io::Errno;

use super::{
    fake_kernel::{Answer, FakeKernel, Message, Request, acknowledged, client_with},
    values::{server, sip, web},
};
use crate::{
    Change, Client, DestinationId, DestinationSettings, Error, Operation, ServiceId,
    ServiceSettings, Timeouts,
};

const BATCH: usize = Client::BATCH;

fn masquerading(weight: u32) -> DestinationSettings {
    DestinationSettings::masquerading().weight(weight)
}

fn add_service(scheduler: &str) -> Change {
    Change::AddService(web(), ServiceSettings::new(scheduler))
}

fn add_server(weight: u32) -> Change {
    Change::AddDestination(web(), server(), masquerading(weight))
}

fn reasons(refused: Vec<(usize, Error)>) -> Vec<(usize, Option<Operation>, Option<Errno>)> {
    refused
        .into_iter()
        .map(|(index, error)| (index, error.operation(), error.errno()))
        .collect()
}

/// Every service with its scheduler and the weights of its servers.
fn table(client: &mut Client) -> Vec<(ServiceId, String, Vec<u32>)> {
    let services = client.services().unwrap();
    services
        .into_iter()
        .map(|service| {
            let servers = client.destinations(&service.id).unwrap();
            let weights = servers.iter().map(|server| server.settings.weight);
            (service.id, service.settings.scheduler, weights.collect())
        })
        .collect()
}

#[test]
fn what_is_there_is_edited_to_match_and_keeps_its_connections() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    let first = [add_service("rr"), add_server(1)];
    assert_eq!(reasons(client.ensure(&first).unwrap()), []);
    assert_eq!(table(&mut client), [(web(), "rr".to_owned(), vec![1])]);
    assert!(kernel.set_connections(&web(), &server(), 3, 4));

    let second = [add_service("wrr"), add_server(2)];
    assert_eq!(reasons(client.ensure(&second).unwrap()), []);
    assert_eq!(table(&mut client), [(web(), "wrr".to_owned(), vec![2])]);
    let there = client.destinations(&web()).unwrap().remove(0);
    assert_eq!(
        (there.active_connections, there.inactive_connections),
        (3, 4)
    );
}

#[test]
fn what_is_gone_may_be_deleted() {
    let mut client = FakeKernel::new().client().unwrap();
    client.change(&add_service("rr")).unwrap();
    let changes = [
        Change::DeleteDestination(web(), server()),
        Change::DeleteDestination(sip(), server()),
        Change::DeleteService(web()),
        Change::DeleteService(web()),
    ];
    assert_eq!(reasons(client.ensure(&changes).unwrap()), []);
    assert_eq!(table(&mut client), []);
}

#[test]
fn any_other_reason_of_the_kernel_is_a_refusal() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    client.change(&add_service("rr")).unwrap();
    kernel.refuse_next(Errno::NOMEM);
    // Of an addition the edit before it is done.
    kernel.leave_to_table(1);
    kernel.refuse_next(Errno::NOMEM);
    let changes = [Change::DeleteService(web()), add_service("rr")];
    let refused = client.ensure(&changes).unwrap();
    let wanted = [
        (0, Some(Operation::DeleteService(web())), Some(Errno::NOMEM)),
        (1, Some(Operation::AddService(web())), Some(Errno::NOMEM)),
    ];
    assert_eq!(reasons(refused), wanted);
}

#[test]
fn changes_keep_their_order() {
    let mut client = FakeKernel::new().client().unwrap();
    client.change(&add_service("lc")).unwrap();
    client.change(&add_server(9)).unwrap();
    let changes = [
        add_service("rr"),
        add_server(1),
        Change::DeleteService(web()),
        add_service("wrr"),
        Change::EditDestination(web(), server(), masquerading(5)),
    ];
    let gone = (
        4,
        Some(Operation::EditDestination(web(), server())),
        Some(Errno::NOENT),
    );
    assert_eq!(reasons(client.ensure(&changes).unwrap()), [gone]);
    assert_eq!(table(&mut client), [(web(), "wrr".to_owned(), vec![])]);
}

#[test]
fn what_the_kernel_refuses_is_told_once_whether_the_entry_is_there_or_not() {
    let nosuch = || {
        [
            add_service("nosuch"),
            add_service("a scheduler with a long name"),
        ]
    };
    let mut client = FakeKernel::new().client().unwrap();
    let adding = Some(Operation::AddService(web()));
    let refused = client.ensure(&nosuch()).unwrap();
    let wanted = [(0, adding, Some(Errno::NOENT)), (1, adding, None)];
    assert_eq!(reasons(refused), wanted);

    client.change(&add_service("rr")).unwrap();
    let refused = client.ensure(&nosuch()).unwrap();
    let editing = Some(Operation::EditService(web()));
    let wanted = [(0, editing, Some(Errno::NOENT)), (1, adding, None)];
    assert_eq!(reasons(refused), wanted);

    let changes = [
        Change::AddDestination(web(), server(), masquerading(1).lower_threshold(5)),
        Change::AddDestination(sip(), server(), masquerading(1)),
        Change::AddDestination(
            web(),
            DestinationId::new([224, 0, 0, 1], 80),
            masquerading(1),
        ),
        Change::SetTimeouts(Timeouts::default().tcp(u32::MAX)),
    ];
    let adding = |service, id| Some(Operation::AddDestination(service, id));
    let wanted = [
        (0, adding(web(), server()), Some(Errno::RANGE)),
        (1, adding(sip(), server()), Some(Errno::SRCH)),
        (
            2,
            adding(web(), DestinationId::new([224, 0, 0, 1], 80)),
            Some(Errno::INVAL),
        ),
        (3, Some(Operation::SetTimeouts), Some(Errno::INVAL)),
    ];
    assert_eq!(reasons(client.ensure(&changes).unwrap()), wanted);
    assert_eq!(table(&mut client), [(web(), "rr".to_owned(), vec![])]);
}

#[test]
fn no_more_requests_than_a_batch_go_out_together() {
    let additions = vec![add_server(1); BATCH + 1];
    // With one request before those, two do not fit at the end of the first batch.
    let with_one_before = [vec![Change::ZeroAll], additions.clone()].concat();
    for (changes, last_of_batches) in [
        (additions, [BATCH - 1, 2 * BATCH - 1, 2 * BATCH + 1]),
        (with_one_before, [BATCH - 2, 2 * BATCH - 2, 2 * BATCH + 2]),
    ] {
        let (mut client, kernel) = client_with([acknowledged(), acknowledged(), acknowledged()]);
        assert_eq!(reasons(client.ensure(&changes).unwrap()), []);
        let acknowledged: Vec<usize> = kernel
            .requests()
            .iter()
            .enumerate()
            .filter(|(_, request)| matches!(request, Request::Acknowledged(..)))
            .map(|(index, _)| index)
            .collect();
        assert_eq!(acknowledged, last_of_batches);
    }
}

/// The edit finds nothing, and the addition behind it finds the service.
fn came_between(requests_behind: u32) -> Vec<Answer> {
    vec![Answer::Datagram(vec![
        Message::refusal(Errno::SRCH).for_earlier(requests_behind + 1),
        Message::refusal(Errno::EXIST).for_earlier(requests_behind),
    ])]
}

#[test]
fn what_came_between_edit_and_addition_is_edited_and_what_follows_follows_again() {
    let changes = [
        Change::ZeroAll,
        add_service("rr"),
        Change::DeleteService(sip()),
    ];
    let mut first = came_between(1);
    first.push(Answer::Datagram(vec![Message::ack()]));
    let second = vec![Answer::Datagram(vec![
        Message::refusal(Errno::EXIST).for_earlier(1),
        Message::ack(),
    ])];
    let (mut client, kernel) = client_with([first, second]);
    assert_eq!(reasons(client.ensure(&changes).unwrap()), []);
    // The change before it is not repeated.
    assert_eq!(kernel.requests().len(), 4 + 3);
}

#[test]
fn what_comes_between_again_and_again_is_refused_at_last() {
    let answers: [Vec<Answer>; 17] = std::array::from_fn(|_| came_between(0));
    let (mut client, kernel) = client_with(answers);
    let exists = (0, Some(Operation::AddService(web())), Some(Errno::EXIST));
    assert_eq!(
        reasons(client.ensure(&[add_service("rr")]).unwrap()),
        [exists]
    );
    assert_eq!(kernel.requests().len(), 17 * 2);
}
