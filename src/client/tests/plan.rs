// SPDX-License-Identifier: MIT

//! Plans: their order, that they lead to what is wanted, and that what was refused
//! leaves nothing behind. The kernel in memory carries them out; `tests/kernel` of the
//! workspace has Linux do it.

use std::{collections::BTreeMap, net::IpAddr};

use proptest::prelude::*;
use rustix::io::Errno;

use super::values::{server, web};
use crate::{
    AddressFamily, Change, Client, DaemonRole, Destination, DestinationId, DestinationSettings,
    Operation, Persistence, Protocol, SchedulerFlags, Service, ServiceId, ServiceSettings,
    SyncDaemonSettings, Timeouts, Tunnel,
    plan::{Current, Plan, PlanOptions, Step, Undoing, Wanted, WantedError},
    testing::FakeKernel,
};

/// A table, by the names of its entries.
type Table = BTreeMap<
    ServiceId,
    (
        ServiceSettings,
        BTreeMap<DestinationId, DestinationSettings>,
    ),
>;

fn wanted(table: &Table) -> Wanted {
    let mut wanted = Wanted::default();
    for change in additions(table) {
        wanted.add(&change).unwrap();
    }
    wanted
}

fn additions(table: &Table) -> Vec<Change> {
    let mut changes = Vec::new();
    for (&id, (settings, destinations)) in table {
        changes.push(Change::AddService(id, settings.clone()));
        for (&destination, &settings) in destinations {
            changes.push(Change::AddDestination(id, destination, settings));
        }
    }
    changes
}

fn kernel_with(table: &Table) -> (FakeKernel, Client) {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    let refused = client.apply(&additions(table)).unwrap();
    assert!(refused.is_empty(), "{refused:?}");
    (kernel, client)
}

fn read(client: &mut Client) -> Table {
    let services = client.services().unwrap().into_iter();
    services
        .map(|service| {
            let destinations = client.destinations(&service.id).unwrap().into_iter();
            let destinations = destinations
                .map(|found| (found.id, found.settings))
                .collect();
            (service.id, (service.settings, destinations))
        })
        .collect()
}

fn plan_for(client: &mut Client, wanted: &Wanted, options: PlanOptions) -> Plan {
    let current = client.read_current(wanted, |_| true).unwrap();
    Plan::new(&current, wanted, options)
}

fn operations(plan: &Plan) -> Vec<String> {
    plan.steps()
        .map(|step| step.operation().to_string())
        .collect()
}

fn master() -> SyncDaemonSettings {
    SyncDaemonSettings::new(DaemonRole::Master, "eth0")
}

/// A service, its scheduler, and its destinations with their weights.
type Row<'a> = (ServiceId, &'a str, &'a [(DestinationId, u32)]);

fn table(entries: &[Row<'_>]) -> Table {
    entries
        .iter()
        .map(|&(id, scheduler, destinations)| {
            let destinations = destinations
                .iter()
                .map(|&(id, weight)| (id, DestinationSettings::masquerading().weight(weight)));
            (
                id,
                (ServiceSettings::new(scheduler), destinations.collect()),
            )
        })
        .collect()
}

fn host(number: u8) -> DestinationId {
    DestinationId::new([10, 0, 0, number], 80)
}

fn tcp(number: u8) -> ServiceId {
    ServiceId::tcp(([192, 0, 2, number], 80))
}

#[test]
fn what_is_added_comes_first_and_what_goes_comes_last() {
    let before = table(&[
        (tcp(1), "wrr", &[(host(1), 1), (host(2), 1), (host(3), 1)]),
        (tcp(2), "wrr", &[(host(1), 1)]),
        (tcp(4), "rr", &[]),
    ]);
    let after = table(&[
        (tcp(1), "wrr", &[(host(1), 5), (host(2), 1), (host(4), 1)]),
        (tcp(3), "wrr", &[(host(1), 1), (host(2), 1)]),
        (tcp(4), "wlc", &[]),
    ]);
    let mut wanted = wanted(&after);
    wanted
        .add(&Change::SetTimeouts(Timeouts::default().tcp(77)))
        .unwrap();
    wanted.add_daemon(master()).unwrap();
    let (_, mut client) = kernel_with(&before);
    let plan = plan_for(&mut client, &wanted, PlanOptions::default());
    assert_eq!(
        operations(&plan),
        [
            "set the timeouts",
            "add TCP 192.0.2.3:80",
            "add 10.0.0.1:80 to TCP 192.0.2.3:80",
            "add 10.0.0.2:80 to TCP 192.0.2.3:80",
            "edit 10.0.0.1:80 of TCP 192.0.2.1:80",
            "add 10.0.0.4:80 to TCP 192.0.2.1:80",
            "edit TCP 192.0.2.4:80",
            "start the master daemon",
            "delete 10.0.0.3:80 from TCP 192.0.2.1:80",
            "delete TCP 192.0.2.2:80",
        ]
    );
    client.carry_out(&plan).unwrap();
    assert_eq!(read(&mut client), after);
    assert_eq!(client.timeouts().unwrap().tcp.unwrap().get(), 77);
    assert_eq!(client.daemons().unwrap().len(), 1);
    assert!(plan_for(&mut client, &wanted, PlanOptions::default()).is_empty());
}

#[test]
fn a_server_gets_its_weight_before_another_loses_it() {
    let before = table(&[(web(), "wrr", &[(host(1), 1), (host(2), 0)])]);
    let after = table(&[(web(), "wrr", &[(host(1), 0), (host(2), 1)])]);
    let (_, mut client) = kernel_with(&before);
    let plan = plan_for(&mut client, &wanted(&after), PlanOptions::default());
    let edit = |id| Operation::EditDestination(web(), id);
    let steps: Vec<Operation> = plan.steps().map(Step::operation).collect();
    assert_eq!(steps, [edit(host(2)), edit(host(1))]);
}

/// 100 services, each with so many servers.
fn hundred_services(servers: u8) -> Table {
    let servers: Vec<(DestinationId, u32)> =
        (1..=servers).map(|number| (host(number), 1)).collect();
    let entries: Vec<_> = (0..100)
        .map(|number| (tcp(number), "wrr", servers.as_slice()))
        .collect();
    table(&entries)
}

#[test]
fn a_new_service_and_its_servers_go_to_the_kernel_together() {
    // Of those with 3 servers 32 fill a datagram of 128 requests, of those with 4 there is
    // room for 25.
    for (servers, datagrams) in [(3, [128, 128, 128, 16]), (4, [125; 4])] {
        let after = hundred_services(servers);
        let (kernel, mut client) = kernel_with(&Table::new());
        let plan = plan_for(&mut client, &wanted(&after), PlanOptions::default());
        kernel.count_datagrams();
        client.carry_out(&plan).unwrap();
        assert_eq!(kernel.count_datagrams(), datagrams);
        assert_eq!(read(&mut client), after);
    }
}

#[test]
fn a_service_with_more_servers_than_fit_is_added_whole() {
    let servers: Vec<(DestinationId, u32)> = (0..300_u16)
        .map(|port| (DestinationId::new([10, 0, 0, 1], port), 1))
        .collect();
    let after = table(&[(tcp(1), "wrr", &[]), (tcp(2), "wrr", &servers)]);
    let (_, mut client) = kernel_with(&Table::new());
    let plan = plan_for(&mut client, &wanted(&after), PlanOptions::default());
    client.carry_out(&plan).unwrap();
    assert_eq!(read(&mut client), after);
}

#[test]
fn weights_stay_where_they_are_to_be_kept_and_other_settings_do_not() {
    let before = table(&[(web(), "wrr", &[(host(1), 0), (host(2), 7)])]);
    let mut after = table(&[(web(), "wrr", &[(host(1), 3), (host(2), 3), (host(3), 3)])]);
    let (_, servers) = after.get_mut(&web()).unwrap();
    servers.get_mut(&host(2)).unwrap().upper_threshold = 100;
    let (_, mut client) = kernel_with(&before);
    let options = PlanOptions {
        keep_weights: true,
        ..PlanOptions::default()
    };
    let wanted = wanted(&after);
    let plan = plan_for(&mut client, &wanted, options);
    client.carry_out(&plan).unwrap();
    let found = read(&mut client);
    let found: Vec<(u32, u32)> = found[&web()]
        .1
        .values()
        .map(|settings| (settings.weight, settings.upper_threshold))
        .collect();
    assert_eq!(found, [(0, 0), (7, 100), (3, 0)]);
    assert!(plan_for(&mut client, &wanted, options).is_empty());
}

#[test]
fn nothing_is_removed_where_it_is_only_to_be_added() {
    let before = table(&[(tcp(1), "wrr", &[(host(1), 1)]), (tcp(2), "wrr", &[])]);
    let after = table(&[(tcp(1), "rr", &[(host(2), 1)])]);
    let (_, mut client) = kernel_with(&before);
    let options = PlanOptions {
        add_only: true,
        ..PlanOptions::default()
    };
    let plan = plan_for(&mut client, &wanted(&after), options);
    client.carry_out(&plan).unwrap();
    assert_eq!(
        read(&mut client),
        table(&[
            (tcp(1), "rr", &[(host(1), 1), (host(2), 1)]),
            (tcp(2), "wrr", &[]),
        ])
    );
}

#[test]
fn what_is_outside_of_the_part_is_left_alone() {
    let before = table(&[(tcp(1), "wrr", &[(host(1), 1)]), (tcp(2), "wrr", &[])]);
    let after = table(&[
        (tcp(1), "rr", &[]),
        (tcp(2), "lc", &[]),
        (tcp(3), "rr", &[]),
    ]);
    let mut wanted = wanted(&after);
    wanted
        .add(&Change::SetTimeouts(Timeouts::default().tcp(77)))
        .unwrap();
    let is_inside = |id: &ServiceId| *id == tcp(1);
    assert_eq!(wanted.narrow(is_inside), 2);
    let (_, mut client) = kernel_with(&before);
    let current = client.read_current(&wanted, is_inside).unwrap();
    let plan = Plan::new(&current, &wanted, PlanOptions::default());
    client.carry_out(&plan).unwrap();
    assert_eq!(
        read(&mut client),
        table(&[(tcp(1), "rr", &[]), (tcp(2), "wrr", &[])])
    );
    assert_eq!(client.timeouts().unwrap().tcp.unwrap().get(), 900);
}

#[test]
fn flags_without_a_name_are_a_difference() {
    let mut current = Current::default();
    let mut service = Service::new(web(), ServiceSettings::new("wrr"));
    let wanted = wanted(&table(&[(web(), "wrr", &[])]));
    current.services.push((service.clone(), Vec::new()));
    assert!(Plan::new(&current, &wanted, PlanOptions::default()).is_empty());
    service.unknown_flags = 0x40;
    current.services[0].0 = service;
    let plan = Plan::new(&current, &wanted, PlanOptions::default());
    assert_eq!(operations(&plan), ["edit TCP 192.0.2.1:80"]);
}

#[test]
fn timeouts_that_are_not_wanted_stay_what_they_are() {
    let (_, mut client) = kernel_with(&Table::new());
    let mut wanted = Wanted::default();
    // The table has 900, 120 and 300.
    let timeouts = Timeouts::default().tcp(900).udp(30);
    wanted.add(&Change::SetTimeouts(timeouts)).unwrap();
    let plan = plan_for(&mut client, &wanted, PlanOptions::default());
    let steps: Vec<&Step> = plan.steps().collect();
    let before = Timeouts::default().tcp(900).tcp_fin(120).udp(300);
    let set = Step::SetTimeouts {
        from: before,
        to: before.udp(30),
    };
    assert_eq!(steps, [&set]);
}

#[test]
fn a_daemon_that_runs_as_it_should_is_left_running() {
    let (_, mut client) = kernel_with(&Table::new());
    let running = SyncDaemonSettings::new(DaemonRole::Backup, "eth0")
        .sync_id(3)
        .group([224, 0, 0, 81])
        .port(8848.try_into().unwrap())
        .ttl(1.try_into().unwrap());
    client.start_daemon(&running).unwrap();
    let steps = |client: &mut Client, daemon: SyncDaemonSettings| {
        let mut wanted = Wanted::default();
        wanted.add_daemon(daemon).unwrap();
        operations(&plan_for(client, &wanted, PlanOptions::default()))
    };
    // The kernel's defaults are those.
    let plain = SyncDaemonSettings::new(DaemonRole::Backup, "eth0").sync_id(3);
    assert!(steps(&mut client, plain.clone()).is_empty());
    let restarted = ["stop the backup daemon", "start the backup daemon"];
    for other in [
        plain.clone().sync_id(4),
        plain.clone().group([224, 0, 0, 82]),
        plain.clone().port(8849.try_into().unwrap()),
        plain.clone().ttl(2.try_into().unwrap()),
        SyncDaemonSettings::new(DaemonRole::Backup, "eth1").sync_id(3),
    ] {
        assert_eq!(steps(&mut client, other), restarted);
    }
    assert_eq!(steps(&mut client, master()), ["start the master daemon"]);
}

#[test]
fn a_daemon_runs_as_it_should_with_the_nearest_maxlen_that_the_kernel_has() {
    let daemon = |role, maxlen: u16, group: IpAddr| {
        SyncDaemonSettings::new(role, "eth0")
            .sync_maxlen(maxlen.try_into().unwrap())
            .group(group)
    };
    let ipv4: IpAddr = [224, 0, 0, 82].into();
    let ipv6: IpAddr = "ff02::99".parse().unwrap();
    // As Linux 6.1 lists them.
    for (role, maxlen, group, runs_with) in [
        (DaemonRole::Master, 1, ipv6, 1),
        (DaemonRole::Backup, 1, ipv4, 1024),
        (DaemonRole::Master, 65507, ipv4, 65507),
        (DaemonRole::Master, 65535, ipv4, 65507),
        (DaemonRole::Master, 65507, ipv6, 65487),
        (DaemonRole::Backup, 65507, ipv6, 65487),
    ] {
        let (_, mut client) = kernel_with(&Table::new());
        let wanted_daemon = daemon(role, maxlen, group);
        client.start_daemon(&wanted_daemon).unwrap();
        let running = client.daemons().unwrap().remove(0);
        assert_eq!(running.sync_maxlen, Some(runs_with), "{role} {maxlen}");
        let mut wanted = Wanted::default();
        wanted.add_daemon(wanted_daemon).unwrap();
        assert!(plan_for(&mut client, &wanted, PlanOptions::default()).is_empty());
    }
}

#[test]
fn a_daemon_starts_when_destinations_of_another_family_have_gone() {
    let server = DestinationId::new([0x2001, 0xdb8, 0, 0, 0, 0, 0, 2], 80);
    let mut before = table(&[(web(), "wrr", &[])]);
    let (_, servers) = before.get_mut(&web()).unwrap();
    servers.insert(server, DestinationSettings::tunneling(Tunnel::Ipip));
    let mut wanted = wanted(&table(&[(web(), "wrr", &[])]));
    wanted.add_daemon(master()).unwrap();
    let (_, mut client) = kernel_with(&before);
    let plan = plan_for(&mut client, &wanted, PlanOptions::default());
    let last = plan.steps().last().unwrap();
    assert!(matches!(last, Step::StartDaemon(_)), "{plan:?}");
}

#[test]
fn a_table_can_be_wanted_as_it_is() {
    let before = table(&[
        (tcp(1), "rr", &[(host(1), 1), (host(2), 0)]),
        (tcp(2), "wrr", &[]),
    ]);
    let (_, mut client) = kernel_with(&before);
    client.start_daemon(&master()).unwrap();
    let mut all = wanted(&Table::new());
    all.add_daemon(master()).unwrap();
    let current = client.read_current(&all, |_| true).unwrap();
    let as_it_is = Wanted::from(&current);
    assert!(plan_for(&mut client, &as_it_is, PlanOptions::default()).is_empty());
    client.flush().unwrap();
    client.stop_daemon(DaemonRole::Master).unwrap();
    let plan = plan_for(&mut client, &as_it_is, PlanOptions::default());
    client.carry_out(&plan).unwrap();
    assert_eq!(read(&mut client), before);
    assert_eq!(client.daemons().unwrap().len(), 1);
}

#[test]
fn what_is_wanted_twice_or_without_its_service_is_an_error() {
    let mut wanted = Wanted::default();
    let service = Change::AddService(web(), ServiceSettings::new("rr"));
    let destination = Change::AddDestination(web(), server(), DestinationSettings::default());
    let timeouts = Change::SetTimeouts(Timeouts::default().tcp(1));
    assert_eq!(wanted.add(&destination), Err(WantedError::NoService(web())));
    assert!(wanted.is_empty());
    for change in [&service, &destination, &timeouts] {
        wanted.add(change).unwrap();
    }
    assert!(!wanted.is_empty());
    wanted.add_daemon(master()).unwrap();
    for (change, error) in [
        (&service, WantedError::RepeatedService(web())),
        (
            &destination,
            WantedError::RepeatedDestination(web(), server()),
        ),
        (&timeouts, WantedError::RepeatedTimeouts),
        (&Change::Flush, WantedError::NoDescription),
        (&Change::DeleteService(web()), WantedError::NoDescription),
    ] {
        assert_eq!(wanted.add(change), Err(error));
    }
    let role = master().role;
    assert_eq!(
        wanted.add_daemon(master()),
        Err(WantedError::RepeatedDaemon(role))
    );
}

#[test]
fn a_refusal_names_the_step_and_not_what_follows_from_it() {
    let mut after = table(&[(tcp(1), "rr", &[(host(1), 1)])]);
    after.insert(
        tcp(2),
        (
            ServiceSettings::new("nonsense"),
            [(host(1), DestinationSettings::default())].into(),
        ),
    );
    let (_, mut client) = kernel_with(&Table::new());
    let plan = plan_for(&mut client, &wanted(&after), PlanOptions::default());
    let error = client.carry_out(&plan).unwrap_err();
    let [(place, reason)] = &error.refused[..] else {
        panic!("{error:?}");
    };
    assert_eq!(plan.steps().nth(*place).unwrap().service(), Some(tcp(2)));
    assert_eq!(reason.errno(), Some(Errno::NOENT));
    assert!(matches!(error.undoing, Undoing::Done));
    assert_eq!(read(&mut client), Table::new());
    assert_eq!(error.to_string(), reason.to_string());
}

#[test]
fn what_the_kernel_takes_can_be_had_without_the_rest() {
    let before = table(&[(tcp(1), "rr", &[]), (tcp(4), "rr", &[])]);
    let mut after = table(&[
        (tcp(1), "wrr", &[]),
        (tcp(2), "nonsense", &[(host(1), 1)]),
        (tcp(3), "rr", &[(host(1), 1)]),
    ]);
    let (_, mut client) = kernel_with(&before);
    let plan = plan_for(&mut client, &wanted(&after), PlanOptions::default());
    let refused = client.carry_out_each(&plan).unwrap();
    let steps: Vec<&Step> = plan.steps().collect();
    let refused: Vec<(Operation, Option<Errno>)> = refused
        .iter()
        .map(|(place, error)| (steps[*place].operation(), error.errno()))
        .collect();
    assert_eq!(
        refused,
        [
            (Operation::AddService(tcp(2)), Some(Errno::NOENT)),
            (
                Operation::AddDestination(tcp(2), host(1)),
                Some(Errno::SRCH)
            ),
        ]
    );
    after.remove(&tcp(2));
    assert_eq!(read(&mut client), after);
}

#[test]
fn a_refusal_has_its_place_in_a_plan_of_several_batches_and_a_daemon() {
    let before = table(&[(tcp(200), "rr", &[])]);
    let mut wanted = wanted(&hundred_services(3));
    wanted.add_daemon(master()).unwrap();
    // 100 services with 3 servers each, the daemon, and the service that goes.
    for place in [1, 201, 400, 401] {
        let (kernel, mut client) = kernel_with(&before);
        let plan = plan_for(&mut client, &wanted, PlanOptions::default());
        assert_eq!(plan.steps().len(), 402);
        let refuse = || {
            kernel.leave_to_table(place);
            kernel.refuse_next(Errno::NOMEM);
        };
        let places = |refused: &[(usize, crate::Error)]| -> Vec<usize> {
            refused.iter().map(|(place, _)| *place).collect()
        };
        refuse();
        let error = client.carry_out(&plan).unwrap_err();
        assert_eq!(places(&error.refused), [place]);
        assert!(matches!(error.undoing, Undoing::Done), "{error:?}");
        assert_eq!(read(&mut client), before);
        assert_eq!(client.daemons().unwrap(), []);
        refuse();
        let refused = client.carry_out_each(&plan).unwrap();
        assert_eq!(places(&refused), [place]);
    }
}

#[test]
fn a_daemon_that_cannot_start_with_other_settings_runs_as_before() {
    let (kernel, mut client) = kernel_with(&Table::new());
    client.start_daemon(&master().sync_id(3)).unwrap();
    let mut wanted = Wanted::default();
    wanted.add_daemon(master().sync_id(4)).unwrap();
    let plan = plan_for(&mut client, &wanted, PlanOptions::default());
    let running = |client: &mut Client| client.daemons().unwrap().remove(0).sync_id;
    // It is stopped, and its start is refused.
    kernel.leave_to_table(1);
    kernel.refuse_next(Errno::NOMEM);
    let error = client.carry_out(&plan).unwrap_err();
    assert_eq!(error.refused[0].0, 1);
    assert!(matches!(error.undoing, Undoing::Done), "{error:?}");
    assert_eq!(running(&mut client), 3);
    client.carry_out(&plan).unwrap();
    assert_eq!(running(&mut client), 4);
}

#[test]
fn a_server_whose_service_others_have_removed_is_refused_by_name() {
    let after = table(&[(tcp(1), "rr", &[(host(1), 1)])]);
    let (kernel, mut client) = kernel_with(&Table::new());
    let plan = plan_for(&mut client, &wanted(&after), PlanOptions::default());
    kernel.leave_to_table(1);
    kernel.refuse_next(Errno::SRCH);
    let error = client.carry_out(&plan).unwrap_err();
    let [(1, reason)] = &error.refused[..] else {
        panic!("{error:?}");
    };
    let operation = Operation::AddDestination(tcp(1), host(1));
    assert_eq!(reason.operation(), Some(operation));
}

#[test]
fn what_a_plan_has_changed_is_read_without_the_rest() {
    let before = table(&[
        (tcp(1), "rr", &[(host(1), 1)]),
        (tcp(2), "rr", &[]),
        (tcp(3), "rr", &[]),
    ]);
    let after = table(&[(tcp(1), "rr", &[(host(1), 2)]), (tcp(2), "rr", &[])]);
    let (kernel, mut client) = kernel_with(&before);
    let wanted = wanted(&after);
    let plan = plan_for(&mut client, &wanted, PlanOptions::default());
    client.carry_out(&plan).unwrap();
    kernel.refuse_next(Errno::NOMEM);
    let refused = client.read_changed(&plan, &wanted).unwrap_err();
    assert_eq!(refused.errno(), Some(Errno::NOMEM));
    let current = client.read_changed(&plan, &wanted).unwrap();
    let [(service, servers)] = &current.services[..] else {
        panic!("{current:?}");
    };
    // The third service has gone, which is no mistake.
    assert_eq!(service.id, tcp(1));
    assert_eq!(servers[0].settings.weight, 2);
}

#[test]
fn after_a_lost_answer_what_may_have_been_done_is_undone() {
    let before = table(&[(tcp(1), "rr", &[(host(1), 1)])]);
    let after = table(&[(tcp(1), "rr", &[(host(1), 2), (host(2), 1)])]);
    let (kernel, mut client) = kernel_with(&before);
    let plan = plan_for(&mut client, &wanted(&after), PlanOptions::default());
    assert_eq!(plan.steps().len(), 2);
    kernel.leave_to_table(1);
    kernel.leave_next_unanswered();
    let error = client.carry_out(&plan).unwrap_err();
    assert!(matches!(error.undoing, Undoing::Done), "{error:?}");
    assert_eq!(read(&mut client), before);
}

#[test]
fn what_cannot_be_undone_is_told() {
    let before = table(&[(tcp(1), "rr", &[(host(1), 1)])]);
    let after = table(&[(tcp(1), "rr", &[(host(1), 2)]), (tcp(2), "rr", &[])]);
    let (kernel, mut client) = kernel_with(&before);
    let plan = plan_for(&mut client, &wanted(&after), PlanOptions::default());
    kernel.leave_to_table(1);
    kernel.refuse_next(Errno::NOMEM);
    kernel.refuse_next(Errno::NOMEM);
    let error = client.carry_out(&plan).unwrap_err();
    assert_eq!(error.refused[0].0, 1);
    let Undoing::Failed(errors) = &error.undoing else {
        panic!("{error:?}");
    };
    let operations: Vec<_> = errors.iter().map(crate::Error::operation).collect();
    assert_eq!(operations, [Some(Operation::DeleteService(tcp(2)))]);
}

#[test]
fn what_others_have_put_back_already_counts_as_undone() {
    let before = table(&[(tcp(1), "rr", &[(host(1), 1)]), (tcp(2), "rr", &[])]);
    let (kernel, mut client) = kernel_with(&before);
    let nothing = Wanted::default();
    let plan = plan_for(&mut client, &nothing, PlanOptions::default());
    assert_eq!(plan.steps().len(), 2);
    // The second step is refused, and then adding the service and its server again.
    kernel.leave_to_table(1);
    for errno in [Errno::NOMEM, Errno::EXIST, Errno::EXIST] {
        kernel.refuse_next(errno);
    }
    let error = client.carry_out(&plan).unwrap_err();
    assert_eq!(error.refused[0].0, 1);
    assert!(matches!(error.undoing, Undoing::Done), "{error:?}");
}

#[test]
fn what_others_have_removed_already_counts_as_removed() {
    let before = table(&[(tcp(1), "rr", &[(host(1), 1)]), (tcp(2), "rr", &[])]);
    let after = table(&[(tcp(1), "rr", &[])]);
    let (kernel, mut client) = kernel_with(&before);
    let plan = plan_for(&mut client, &wanted(&after), PlanOptions::default());
    let mut other = kernel.client().unwrap();
    other.delete_destination(&tcp(1), &host(1)).unwrap();
    other.delete_service(&tcp(2)).unwrap();
    client.carry_out(&plan).unwrap();
    assert_eq!(read(&mut client), after);
}

/// Few names, so that two tables have many of them in common.
fn any_table() -> impl Strategy<Value = Table> {
    let services = [
        tcp(1),
        tcp(2),
        ServiceId::udp(([192, 0, 2, 1], 53)),
        ServiceId::address(Protocol::Tcp, ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 80)),
        ServiceId::fwmark(std::num::NonZeroU32::MIN, AddressFamily::Ipv4),
        ServiceId::fwmark(std::num::NonZeroU32::MIN, AddressFamily::Ipv6),
    ];
    services.map(any_entry).prop_map(|entries| {
        let entries = entries.into_iter().flatten();
        entries.collect()
    })
}

type Entry = (
    ServiceId,
    (
        ServiceSettings,
        BTreeMap<DestinationId, DestinationSettings>,
    ),
);

fn any_entry(id: ServiceId) -> impl Strategy<Value = Option<Entry>> {
    let settings = (
        prop_oneof![Just("rr"), Just("wrr"), Just("sh")],
        0..2_u8,
        proptest::option::of(1..3_u32),
    )
        .prop_map(|(scheduler, flags, timeout)| {
            let mut settings = ServiceSettings::new(scheduler)
                .scheduler_flags(SchedulerFlags::from_bits_truncate(flags));
            settings.persistence = timeout.map(Persistence::new);
            settings
        });
    let family = id.family();
    let servers = (1..=4_u8).map(move |number| {
        let address = match family {
            AddressFamily::Ipv4 => std::net::IpAddr::from([10, 0, 0, number]),
            AddressFamily::Ipv6 => {
                std::net::IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into()])
            }
        };
        let id = DestinationId::new(address, 80);
        proptest::option::of(any_settings().prop_map(move |settings| (id, settings)))
    });
    let servers = servers.collect::<Vec<_>>();
    proptest::option::of((settings, servers).prop_map(move |(settings, servers)| {
        (id, (settings, servers.into_iter().flatten().collect()))
    }))
}

fn any_settings() -> impl Strategy<Value = DestinationSettings> {
    let method = prop_oneof![
        Just(DestinationSettings::masquerading()),
        Just(DestinationSettings::direct_routing()),
        Just(DestinationSettings::tunneling(Tunnel::Ipip)),
    ];
    (method, 0..3_u32, prop_oneof![Just(0), Just(100_u32)]).prop_map(
        |(settings, weight, threshold)| settings.weight(weight).upper_threshold(threshold),
    )
}

fn is_usable(destinations: &BTreeMap<DestinationId, DestinationSettings>) -> bool {
    destinations.values().any(|settings| settings.weight > 0)
}

/// Does to a table what a step does to the kernel's.
fn follow(table: &mut Table, step: &Step) {
    match step {
        Step::AddService(id, settings) => {
            assert!(!table.contains_key(id));
            table.insert(*id, (settings.clone(), BTreeMap::new()));
        }
        Step::EditService { from, to } => table.get_mut(&from.id).unwrap().0 = to.clone(),
        Step::DeleteService(Service { id, .. }, _) => drop(table.remove(id).unwrap()),
        Step::AddDestination(service, id, settings) => {
            let (_, servers) = table.get_mut(service).unwrap();
            assert_eq!(servers.insert(*id, *settings), None);
        }
        Step::EditDestination { service, from, to } => {
            let (_, servers) = table.get_mut(service).unwrap();
            assert_eq!(servers.insert(from.id, *to), Some(from.settings));
        }
        Step::DeleteDestination(service, Destination { id, .. }) => {
            table.get_mut(service).unwrap().1.remove(id).unwrap();
        }
        other => panic!("{other:?}"),
    }
}

/// Counts the entries that are not the same in both.
fn count_differences(before: &Table, after: &Table) -> usize {
    let mut count = 0;
    for id in before
        .keys()
        .chain(after.keys().filter(|id| !before.contains_key(id)))
    {
        match (before.get(id), after.get(id)) {
            (Some((before, old)), Some((after, new))) => {
                count += usize::from(before != after);
                let ids = old
                    .keys()
                    .chain(new.keys().filter(|id| !old.contains_key(id)));
                count += ids.filter(|id| old.get(id) != new.get(id)).count();
            }
            (None, Some((_, new))) => count += 1 + new.len(),
            _ => count += 1,
        }
    }
    count
}

proptest! {
    #[test]
    fn any_table_over_any_other_ends_in_it(before in any_table(), after in any_table()) {
        let (_, mut client) = kernel_with(&before);
        let wanted = wanted(&after);
        let plan = plan_for(&mut client, &wanted, PlanOptions::default());
        client.carry_out(&plan).unwrap();
        prop_assert_eq!(read(&mut client), after);
        prop_assert!(plan_for(&mut client, &wanted, PlanOptions::default()).is_empty());
    }

    #[test]
    fn whatever_the_options_nothing_is_left_to_do(
        before in any_table(),
        after in any_table(),
        keep_weights: bool,
        add_only: bool,
    ) {
        let (_, mut client) = kernel_with(&before);
        let wanted = wanted(&after);
        let options = PlanOptions { keep_weights, add_only };
        let plan = plan_for(&mut client, &wanted, options);
        client.carry_out(&plan).unwrap();
        prop_assert!(plan_for(&mut client, &wanted, options).is_empty());
    }

    #[test]
    fn equals_need_no_change(table in any_table()) {
        let (_, mut client) = kernel_with(&table);
        prop_assert!(plan_for(&mut client, &wanted(&table), PlanOptions::default()).is_empty());
    }

    #[test]
    fn there_are_as_many_changes_as_differences(before in any_table(), after in any_table()) {
        let (_, mut client) = kernel_with(&before);
        let plan = plan_for(&mut client, &wanted(&after), PlanOptions::default());
        prop_assert_eq!(plan.steps().len(), count_differences(&before, &after));
    }

    #[test]
    fn a_service_with_usable_servers_before_and_after_has_some_all_the_time(
        before in any_table(),
        after in any_table(),
    ) {
        let (_, mut client) = kernel_with(&before);
        let plan = plan_for(&mut client, &wanted(&after), PlanOptions::default());
        let mut now = before.clone();
        for step in plan.steps() {
            follow(&mut now, step);
            for (id, (_, servers)) in &before {
                let is_usable_after = after.get(id).is_some_and(|(_, servers)| is_usable(servers));
                if is_usable(servers) && is_usable_after {
                    prop_assert!(is_usable(&now[id].1), "{} after {:?}", id, step);
                }
            }
        }
        prop_assert_eq!(now, after);
    }

    #[test]
    fn whichever_step_is_refused_the_table_is_as_it_was(
        before in any_table(),
        after in any_table(),
        place in any::<prop::sample::Index>(),
    ) {
        let (kernel, mut client) = kernel_with(&before);
        let plan = plan_for(&mut client, &wanted(&after), PlanOptions::default());
        prop_assume!(!plan.is_empty());
        let place = place.index(plan.steps().len());
        kernel.leave_to_table(place);
        kernel.refuse_next(Errno::NOMEM);
        let error = client.carry_out(&plan).unwrap_err();
        prop_assert_eq!(error.refused[0].0, place);
        prop_assert!(matches!(error.undoing, Undoing::Done), "{:?}", error);
        prop_assert_eq!(read(&mut client), before);
    }
}
