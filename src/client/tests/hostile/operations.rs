// SPDX-License-Identifier: MIT

//! Everything that a client can be asked for: one row each.

use super::super::values::{daemon, forwarded, plain, server, web};
use crate::{
    Change, Client, Consistency, Counters, DaemonRole, DestinationId, DestinationSettings, Error,
    ForwardingMethod, Operation, Result, ServiceId, ServiceSettings, Stats, Timeouts,
    plan::{NotCarriedOut, Plan, PlanOptions, Wanted},
    testing::FakeKernel,
};

/// The services and destinations that there are: a list of them comes in three pieces.
const ENTRIES: u16 = 8;

/// An operation of the client.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    /// The operations that an error may name.
    pub(super) operations: Vec<Operation>,
    pub(super) call: Call,
}

/// The call, by the form of its outcome.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    /// Reads something.
    Read(fn(&mut Client) -> Result<String>),
    /// Makes one change.
    Change(fn(&mut Client) -> Result<()>),
    /// Makes these changes, each of which can be refused.
    Apply(Apply, fn() -> Vec<Change>),
    /// Carries out a plan.
    CarryOut(fn(&mut Client, &Plan) -> Result<(), NotCarriedOut>),
}

type Apply = fn(&mut Client, &[Change]) -> Result<Vec<(usize, Error)>>;

fn service(number: u16) -> ServiceId {
    ServiceId::tcp(([10, 0, 0, number as u8], 80))
}

fn destination(number: u16) -> DestinationId {
    DestinationId::new([10, 0, 1, number as u8], 80)
}

fn settings() -> DestinationSettings {
    forwarded(ForwardingMethod::Masquerading)
}

/// Makes the kernel that everything is asked of.
pub(super) fn honest_kernel() -> FakeKernel {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    let services = (1..=ENTRIES).map(|number| Change::AddService(service(number), plain()));
    let destinations =
        (1..=ENTRIES).map(|number| Change::AddDestination(web(), destination(number), settings()));
    let changes: Vec<_> = std::iter::once(Change::AddService(web(), plain().persistent(300)))
        .chain(services)
        .chain(destinations)
        .collect();
    assert!(client.apply(&changes).unwrap().is_empty());
    client
        .start_daemon(&daemon(DaemonRole::Backup, "eth0"))
        .unwrap();
    for number in [1, 2] {
        let stats = Stats {
            connections: 7,
            in_bytes: 1 << 40,
            ..Stats::default()
        };
        kernel.count(&service(number), stats);
    }
    // Nothing is hidden from the socket options.
    let headings = "IP Virtual Server version 1.2.1 (size=4096)\n\
                    Prot LocalAddress:Port Scheduler Flags\n  \
                    -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n";
    kernel.set_file("ip_vs", headings);
    kernel
}

/// Returns the plan that is carried out: some of everything.
pub(super) fn plan(client: &mut Client) -> Plan {
    let mut wanted = Wanted::default();
    let mut want = |change: Change| wanted.add(&change).unwrap();
    want(Change::SetTimeouts(Timeouts::default().tcp(60)));
    want(Change::AddService(
        web(),
        ServiceSettings::new("rr").persistent(300),
    ));
    want(Change::AddDestination(web(), server(), settings()));
    want(Change::AddDestination(
        web(),
        destination(1),
        settings().weight(5),
    ));
    want(Change::AddService(service(200), plain()));
    want(Change::AddDestination(
        service(200),
        destination(200),
        settings(),
    ));
    let master = daemon(DaemonRole::Master, "eth1").sync_id(7);
    wanted.add_daemon(master).unwrap();
    let is_inside = |id: &ServiceId| *id == web() || *id == service(200);
    let current = client.read_current(&wanted, is_inside).unwrap();
    Plan::new(&current, &wanted, PlanOptions::default())
}

/// Changes of every kind, two of which are refused.
fn changes() -> Vec<Change> {
    vec![
        Change::AddService(service(150), plain()),
        Change::AddService(service(1), plain()),
        Change::EditService(service(2), ServiceSettings::new("rr")),
        Change::AddDestination(service(150), server(), settings()),
        Change::EditDestination(web(), destination(1), settings().weight(0)),
        Change::DeleteDestination(web(), server()),
        Change::DeleteDestination(web(), destination(2)),
        Change::SetTimeouts(Timeouts::default().udp(10)),
        Change::ZeroService(service(1)),
        Change::DeleteService(service(3)),
    ]
}

fn show<T: std::fmt::Debug>(value: T) -> String {
    format!("{value:?}")
}

/// Shows the entries in one order, whatever the kernel's is.
fn show_all<T: std::fmt::Debug>(entries: Vec<T>) -> String {
    let mut entries: Vec<String> = entries.into_iter().map(show).collect();
    entries.sort();
    entries.join("\n")
}

/// Returns every operation; over socket options the same, as all of the table is IPv4.
pub(super) fn rows() -> Vec<Row> {
    let row = |name, operation, call| Row {
        name,
        operations: vec![operation],
        call,
    };
    let mut rows = vec![
        row(
            "info",
            Operation::ReadInfo,
            Call::Read(|client| Ok(show(client.info()?))),
        ),
        row(
            "services",
            Operation::ListServices,
            Call::Read(|client| Ok(show_all(client.services()?))),
        ),
        row(
            "agreed_services",
            Operation::ListServices,
            Call::Read(|client| Ok(show_all(client.agreed_services()?))),
        ),
        row(
            "map_services",
            Operation::ListServices,
            Call::Read(|client| {
                let mapped = client.map_services(Counters::Skip, Consistency::Agreed, drop)?;
                Ok(show_all(mapped))
            }),
        ),
        row(
            "service",
            Operation::ReadService(service(1)),
            Call::Read(|client| Ok(show(client.service(&service(1))?))),
        ),
        row(
            "destinations",
            Operation::ListDestinations(web()),
            Call::Read(|client| Ok(show_all(client.destinations(&web())?))),
        ),
        row(
            "agreed_destinations",
            Operation::ListDestinations(web()),
            Call::Read(|client| Ok(show_all(client.agreed_destinations(&web())?))),
        ),
        row(
            "timeouts",
            Operation::ReadTimeouts,
            Call::Read(|client| Ok(show(client.timeouts()?))),
        ),
        row(
            "daemons",
            Operation::ListDaemons,
            Call::Read(|client| Ok(show(client.daemons()?))),
        ),
        row(
            "add_service",
            Operation::AddService(service(150)),
            Call::Change(|client| client.add_service(&service(150), &plain())),
        ),
        row(
            "edit_service",
            Operation::EditService(web()),
            Call::Change(|client| client.edit_service(&web(), &ServiceSettings::new("rr"))),
        ),
        row(
            "delete_service",
            Operation::DeleteService(web()),
            Call::Change(|client| client.delete_service(&web())),
        ),
        row(
            "add_destination",
            Operation::AddDestination(web(), server()),
            Call::Change(|client| client.add_destination(&web(), &server(), &settings())),
        ),
        row(
            "edit_destination",
            Operation::EditDestination(web(), destination(1)),
            Call::Change(|client| {
                client.edit_destination(&web(), &destination(1), &settings().weight(0))
            }),
        ),
        row(
            "delete_destination",
            Operation::DeleteDestination(web(), destination(1)),
            Call::Change(|client| client.delete_destination(&web(), &destination(1))),
        ),
        row(
            "zero_service",
            Operation::ZeroService(service(1)),
            Call::Change(|client| client.zero_service(&service(1))),
        ),
        row(
            "zero_all",
            Operation::ZeroAll,
            Call::Change(Client::zero_all),
        ),
        row("flush", Operation::Flush, Call::Change(Client::flush)),
        row(
            "set_timeouts",
            Operation::SetTimeouts,
            Call::Change(|client| client.set_timeouts(&Timeouts::default().tcp(7))),
        ),
        row(
            "start_daemon",
            Operation::StartDaemon(DaemonRole::Master),
            Call::Change(|client| client.start_daemon(&daemon(DaemonRole::Master, "eth1"))),
        ),
        row(
            "stop_daemon",
            Operation::StopDaemon(DaemonRole::Backup),
            Call::Change(|client| client.stop_daemon(DaemonRole::Backup)),
        ),
        row(
            "update_service",
            Operation::EditService(web()),
            Call::Change(|client| {
                let change = |settings: &ServiceSettings| ServiceSettings {
                    scheduler: "rr".to_owned(),
                    ..settings.clone()
                };
                client.update_service(&web(), change).map(drop)
            }),
        ),
        row(
            "update_destination",
            Operation::EditDestination(web(), destination(1)),
            Call::Change(|client| {
                let change = |settings: &DestinationSettings| settings.weight(9);
                let outcome = client.update_destination(&web(), &destination(1), change);
                outcome.map(drop)
            }),
        ),
        row(
            "apply",
            Operation::ApplyChanges,
            Call::Apply(Client::apply, changes),
        ),
        row(
            "ensure",
            Operation::ApplyChanges,
            Call::Apply(Client::ensure, changes),
        ),
        row(
            "carry_out",
            Operation::ApplyChanges,
            Call::CarryOut(Client::carry_out),
        ),
    ];
    for row in &mut rows {
        match row.call {
            // One that is not known to be made ends the changes, and each of them can.
            Call::Apply(_, changes) => {
                for change in changes() {
                    row.operations.push(change.operation());
                    // An entry that is to be there is edited first.
                    row.operations.push(match change {
                        Change::AddService(id, _) => Operation::EditService(id),
                        Change::AddDestination(service, id, _) => {
                            Operation::EditDestination(service, id)
                        }
                        other => other.operation(),
                    });
                }
            }
            Call::CarryOut(_) => {
                let mut client = honest_kernel().client().unwrap();
                let plan = plan(&mut client);
                row.operations
                    .extend(plan.steps().map(crate::plan::Step::operation));
            }
            _ => {}
        }
    }
    rows
}

/// Returns all that there is in the kernel, in one order whatever the kernel's is.
pub(super) fn everything(kernel: &FakeKernel) -> String {
    let mut client = kernel.client().unwrap();
    let mut services = client.services().unwrap();
    services.sort_by_key(|service| service.id);
    let mut text = format!("{:?}\n{:?}\n", client.timeouts(), client.daemons());
    for service in services {
        let mut destinations = match service.id {
            id if id == web() || id == self::service(150) || id == self::service(200) => {
                client.destinations(&id).unwrap()
            }
            _ => Vec::new(),
        };
        destinations.sort_by_key(|destination| destination.id);
        text.push_str(&format!("{service:?} {destinations:?}\n"));
    }
    text
}
