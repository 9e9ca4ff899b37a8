// SPDX-License-Identifier: MIT

//! Dumps between whose pieces the table changes: entries come twice, or not.

use ipvs_netlink::{IpvsAttribute, IpvsCommand};
use netlink_packet_core::NLM_F_DUMP_INTR;

use super::{
    fake_kernel::{Answer, Message, Request, client_with, part},
    values::{
        AF_INET, address_service, destination_attributes, destination_id, identity, service_reply,
        web, web_attributes,
    },
};
use crate::{
    Consistency, Counters, DestinationId, Error, Operation, Protocol, Result, ServiceId,
    client::Client, kernel::consistency::READINGS,
};

/// A dump of an entry for each port, in pieces, and its end.
fn pieces(ports: &[&[u16]], entry: impl Fn(u16) -> Message) -> Vec<Answer> {
    let pieces = ports
        .iter()
        .map(|ports| Answer::Datagram(ports.iter().copied().map(&entry).collect()));
    let end = Answer::Datagram(vec![Message::done()]);
    pieces.chain([end]).collect()
}

fn service_message(port: u16) -> Message {
    let identity = identity(AF_INET, 6, "192.0.2.1", port);
    part(IpvsCommand::NewService, service_reply(identity))
}

/// A dump of services on these ports of one address, in pieces.
fn services(ports: &[&[u16]]) -> Vec<Answer> {
    pieces(ports, service_message)
}

/// A dump of servers on these ports of one address, in pieces.
fn servers(ports: &[&[u16]]) -> Vec<Answer> {
    pieces(ports, |port| {
        let attributes = destination_attributes("10.0.0.2", port);
        part(
            IpvsCommand::NewDest,
            vec![IpvsAttribute::Destination(attributes)],
        )
    })
}

fn service(port: u16) -> ServiceId {
    address_service(Protocol::Tcp, "192.0.2.1", port)
}

fn server(port: u16) -> DestinationId {
    destination_id("10.0.0.2", port)
}

fn service_dumps(count: usize) -> Vec<Request> {
    (0..count)
        .map(|_| Request::Dump(IpvsCommand::GetService, vec![]))
        .collect()
}

fn server_dumps(count: usize) -> Vec<Request> {
    (0..count)
        .map(|_| {
            Request::Dump(
                IpvsCommand::GetDest,
                vec![IpvsAttribute::Service(web_attributes())],
            )
        })
        .collect()
}

type ReadServices = fn(&mut Client) -> Result<Vec<ServiceId>>;
type ReadServers = fn(&mut Client) -> Result<Vec<DestinationId>>;

fn service_ids(client: &mut Client) -> Result<Vec<ServiceId>> {
    let services = client.services()?;
    Ok(services.iter().map(|service| service.id).collect())
}

fn agreed_service_ids(client: &mut Client) -> Result<Vec<ServiceId>> {
    let services = client.agreed_services()?;
    Ok(services.iter().map(|service| service.id).collect())
}

fn server_ids(client: &mut Client) -> Result<Vec<DestinationId>> {
    let servers = client.destinations(&web())?;
    Ok(servers.iter().map(|server| server.id).collect())
}

fn agreed_server_ids(client: &mut Client) -> Result<Vec<DestinationId>> {
    let servers = client.agreed_destinations(&web())?;
    Ok(servers.iter().map(|server| server.id).collect())
}

/// The services that a client reads of these dumps, all of which it must ask for.
fn read_services<const N: usize>(
    read: ReadServices,
    dumps: [&[&[u16]]; N],
) -> Result<Vec<ServiceId>> {
    let (mut client, kernel) = client_with(dumps.map(services));
    let outcome = read(&mut client);
    assert_eq!(kernel.requests(), service_dumps(N));
    outcome
}

fn read_servers<const N: usize>(
    read: ReadServers,
    dumps: [&[&[u16]]; N],
) -> Result<Vec<DestinationId>> {
    let (mut client, kernel) = client_with(dumps.map(servers));
    let outcome = read(&mut client);
    assert_eq!(kernel.requests(), server_dumps(N));
    outcome
}

fn kept_changing<T>(outcome: Result<T>) -> Operation {
    match outcome.err() {
        Some(Error::KeptChanging { operation }) => operation,
        other => panic!("it has settled: {other:?}"),
    }
}

#[test]
fn a_service_that_the_kernel_repeats_is_given_once_where_it_came_first() {
    let read = read_services(service_ids, [&[&[3, 1, 2], &[1, 2, 4]]]);
    assert_eq!(read.unwrap(), [3, 1, 2, 4].map(service));
    // As seen in a table of one service.
    let read = read_services(service_ids, [&[&[1], &[1]]]);
    assert_eq!(read.unwrap(), [service(1)]);
}

#[test]
fn a_server_that_the_kernel_repeats_is_given_once_where_it_came_first() {
    let read = read_servers(server_ids, [&[&[3, 1], &[1], &[1, 2]]]);
    assert_eq!(read.unwrap(), [3, 1, 2].map(server));
}

#[test]
fn what_is_mapped_is_given_once_with_its_name() {
    let (mut client, _) = client_with([services(&[&[1, 2], &[2, 3]])]);
    let mut seen = 0;
    let mapped = client
        .map_services(Counters::Skip, Consistency::Once, |service| {
            seen += 1;
            (seen, service.id)
        })
        .unwrap();
    assert_eq!(
        mapped,
        [
            (service(1), (1, service(1))),
            (service(2), (2, service(2))),
            (service(3), (4, service(3))),
        ]
    );
}

#[test]
fn services_in_several_pieces_are_agreed_when_a_second_dump_names_the_same() {
    let read = read_services(agreed_service_ids, [&[&[1, 2], &[3]], &[&[1], &[2, 3]]]);
    assert_eq!(read.unwrap(), [1, 2, 3].map(service));
}

#[test]
fn a_service_that_was_missing_from_a_dump_is_among_the_agreed_ones() {
    let whole: &[&[u16]] = &[&[1, 2], &[3, 4]];
    let read = read_services(agreed_service_ids, [&[&[1, 2], &[4]], whole, whole]);
    assert_eq!(read.unwrap(), [1, 2, 3, 4].map(service));
    // Missing from the second, and another from the third.
    let read = read_services(
        agreed_service_ids,
        [whole, &[&[1, 2], &[4]], &[&[1], &[3, 4]], whole, whole],
    );
    assert_eq!(read.unwrap(), [1, 2, 3, 4].map(service));
}

#[test]
fn a_server_that_was_missing_from_a_dump_is_among_the_agreed_ones() {
    let whole: &[&[u16]] = &[&[1, 2], &[3, 4]];
    let read = read_servers(agreed_server_ids, [&[&[1, 2], &[4]], whole, whole]);
    assert_eq!(read.unwrap(), [1, 2, 3, 4].map(server));
}

#[test]
fn a_repeated_entry_does_not_stand_in_the_way_of_agreement() {
    let read = read_services(
        agreed_service_ids,
        [&[&[1, 2], &[2, 3]], &[&[1, 2], &[1, 2, 3]]],
    );
    assert_eq!(read.unwrap(), [1, 2, 3].map(service));
    let read = read_servers(agreed_server_ids, [&[&[1, 2], &[2, 3]], &[&[1], &[2, 3]]]);
    assert_eq!(read.unwrap(), [1, 2, 3].map(server));
}

#[test]
fn what_comes_in_one_piece_is_read_once() {
    for ports in [&[][..], &[1, 2, 3]] {
        let read = read_services(agreed_service_ids, [&[ports]]);
        assert_eq!(
            read.unwrap(),
            ports.iter().copied().map(service).collect::<Vec<_>>()
        );
        let read = read_servers(agreed_server_ids, [&[ports]]);
        assert_eq!(
            read.unwrap(),
            ports.iter().copied().map(server).collect::<Vec<_>>()
        );
    }
}

/// The kernel ends a piece for want of room, then so many are removed that it
/// takes what is left for passed already.
#[test]
fn a_single_piece_without_room_for_another_entry_is_read_again() {
    // A page of the usual size or 8 KiB of a larger one, when the kernel is short
    // of memory; otherwise what the client has room for.
    for room in [4096, 8192, 28 * 1024] {
        let length = service_message(1).length();
        let count = (room - 320) / length;
        let ports: Vec<u16> = (1..=count as u16).collect();
        let read = read_services(agreed_service_ids, [&[&ports], &[&ports]]);
        assert_eq!(read.unwrap().len(), count, "{room}");
        // With room for another it is whole.
        let ports = &ports[..count * 2 / 3];
        let read = read_services(agreed_service_ids, [&[ports]]);
        assert_eq!(read.unwrap().len(), ports.len(), "{room}");
    }
}

#[test]
fn services_that_never_agree_are_an_error() {
    let dumps: Vec<_> = (0..READINGS)
        .map(|number| {
            let ports: &[&[u16]] = match number % 2 {
                0 => &[&[1, 2], &[3]],
                _ => &[&[1, 2], &[4]],
            };
            services(ports)
        })
        .collect();
    let (mut client, kernel) = client_with::<READINGS>(dumps.try_into().unwrap());
    let outcome = client.agreed_services();
    assert_eq!(
        outcome.as_ref().unwrap_err().to_string(),
        "cannot list the virtual services: the table kept changing while it was read, so that \
         entries may be missing; try again when less is added and removed"
    );
    assert_eq!(kept_changing(outcome), Operation::ListServices);
    assert_eq!(kernel.requests(), service_dumps(READINGS));
}

#[test]
fn servers_that_never_agree_are_an_error() {
    let dumps: Vec<_> = (0..READINGS)
        .map(|number| {
            let ports: &[&[u16]] = match number % 2 {
                0 => &[&[1, 2], &[3]],
                _ => &[&[1], &[3]],
            };
            servers(ports)
        })
        .collect();
    let (mut client, kernel) = client_with::<READINGS>(dumps.try_into().unwrap());
    assert_eq!(
        kept_changing(client.agreed_destinations(&web())),
        Operation::ListDestinations(web())
    );
    assert_eq!(kernel.requests(), server_dumps(READINGS));
}

#[test]
fn a_list_that_the_kernel_itself_marks_as_interrupted_is_read_no_more_often() {
    let interrupted = || {
        let end = Message::done().with_flags(NLM_F_DUMP_INTR);
        vec![Answer::Datagram(vec![service_message(1), end])]
    };
    let dumps = std::array::from_fn(|_| interrupted());
    let (mut client, kernel) = client_with::<READINGS>(dumps);
    assert_eq!(kept_changing(client.services()), Operation::ListServices);
    assert_eq!(kernel.requests(), service_dumps(READINGS));
}

/// Two readings that stop at the same places can lack the same entries.
#[test]
fn no_two_dumps_of_a_row_are_received_into_the_same_room() {
    let (mut client, kernel) = client_with(
        [&[1, 2], &[1, 3], &[1, 3]]
            .map(|[first, second]: &[u16; 2]| services(&[&[*first], &[*second]])),
    );
    assert_eq!(client.agreed_services().unwrap().len(), 2);
    // That of the look-up of the family first: the kernel makes the first piece
    // of a dump before it knows the room for it.
    let rooms = kernel.rooms();
    assert_eq!(rooms.len(), 4);
    assert!(rooms.is_sorted_by(|a, b| a < b), "{rooms:?}");
    assert!(rooms.iter().all(|room| *room <= 32 * 1024), "{rooms:?}");
}
