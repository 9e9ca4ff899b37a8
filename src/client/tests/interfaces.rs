// SPDX-License-Identifier: MIT

//! The interfaces of the kernel: the choice between them, and what the socket options
//! cannot do. What both can do alike is in `kernel_in_memory.rs`.

use std::{
    fs::File,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use proptest::{collection::vec, prelude::*, sample::select};
use rustix::io::Errno;

use super::values::{daemon, destination_id, fwmark, plain, server, sip, web};
use crate::{
    AddressFamily, Change, Client, Consistency, Counters, DaemonRole, DestinationId,
    DestinationSettings, Error, ForwardingMethod, Interface, NetlinkOnly, NetworkNamespace,
    Operation, Persistence, Protocol, Result, ServiceId, SyncDaemon, Timeouts, Tunnel,
    TunnelChecksum,
    kernel::{interface::KernelInterface, sockopt::SockOpt},
    plan::Wanted,
    testing::{FakeKernel, Kernel, ProcFile, SocketOptions, Transport},
};

/// A client whom netlink refuses.
fn rootless() -> (FakeKernel, Client) {
    let kernel = FakeKernel::new();
    kernel.deny(Interface::Netlink);
    let client = kernel.client().unwrap();
    (kernel, client)
}

/// Socket options whose every value is full of ones, however large it is.
struct Endless;

impl SocketOptions for Endless {
    fn get(&mut self, _: i32, value: &mut [u8]) -> Result<(), Errno> {
        value.fill(1);
        Ok(())
    }

    fn set(&mut self, _: i32, _: &[u8]) -> Result<(), Errno> {
        Ok(())
    }
}

/// A kernel whose socket options have any values, one after the other; then it refuses all.
#[derive(Clone, Debug)]
struct AnyValues(Vec<Result<Vec<u8>, Errno>>);

/// Most bytes are 0: numbers that are small lead further than large ones.
fn any_values() -> impl Strategy<Value = AnyValues> {
    let place = prop_oneof![0..48_usize, 0..600_usize];
    let byte = prop_oneof![1..=8_u8, any::<u8>()];
    let bytes = vec((place, byte), 0..12).prop_map(|bytes| {
        let mut value = vec![0; 600];
        for (place, byte) in bytes {
            value[place] = byte;
        }
        value
    });
    let errno = select(vec![
        Errno::PERM,
        Errno::NOENT,
        Errno::INTR,
        Errno::NOMEM,
        Errno::INVAL,
    ]);
    let value = prop_oneof![5 => bytes.prop_map(Ok), 1 => errno.prop_map(Err)];
    vec(value, 0..12).prop_map(AnyValues)
}

impl SocketOptions for AnyValues {
    fn get(&mut self, _: i32, value: &mut [u8]) -> Result<(), Errno> {
        let bytes = self.0.pop().unwrap_or(Err(Errno::SRCH))?;
        for (place, byte) in value.iter_mut().zip(bytes) {
            *place = byte;
        }
        Ok(())
    }

    fn set(&mut self, _: i32, _: &[u8]) -> Result<(), Errno> {
        self.0.pop().unwrap_or(Err(Errno::SRCH)).map(drop)
    }
}

impl Kernel for AnyValues {
    fn open_netlink(&self) -> io::Result<Box<dyn Transport>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn open_socket_options(&self) -> io::Result<Box<dyn SocketOptions>> {
        Ok(Box::new(self.clone()))
    }

    fn open_file(&self, _: &str) -> io::Result<Box<dyn ProcFile>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn namespace(&self) -> io::Result<NetworkNamespace> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn lock(&self) -> Option<File> {
        None
    }
}

/// Returns what takes netlink, and for which operation.
fn needs_netlink<T: std::fmt::Debug>(outcome: Result<T>) -> (Operation, NetlinkOnly) {
    match outcome {
        Err(Error::NeedsNetlink { operation, what }) => (operation, what),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reading_that_netlink_refuses_is_made_with_socket_options_and_so_are_those_after() {
    let (_, mut client) = rootless();
    assert_eq!(client.interface(), Interface::Netlink);
    assert_eq!(client.services().unwrap(), []);
    assert_eq!(client.interface(), Interface::SocketOptions);
    assert_eq!(
        format!("{client:?}"),
        "Client { interface: SocketOptions, .. }"
    );
    client.add_service(&web(), &plain()).unwrap();
    assert_eq!(client.service(&web()).unwrap().settings, plain());
}

#[test]
fn changes_that_netlink_refuses_are_made_with_socket_options_each_of_them_once() {
    let (_, mut client) = rootless();
    let add = Change::AddService(web(), plain());
    let server = Change::AddDestination(web(), server(), DestinationSettings::masquerading());
    let refused = client.apply(&[add.clone(), server, add]).unwrap();
    assert_eq!(client.interface(), Interface::SocketOptions);
    let refused: Vec<_> = refused
        .iter()
        .map(|(index, error)| (*index, error.operation(), error.errno()))
        .collect();
    let operation = Some(Operation::AddService(web()));
    assert_eq!(refused, [(2, operation, Some(Errno::EXIST))]);
    assert_eq!(client.destinations(&web()).unwrap().len(), 1);
}

#[test]
fn when_netlink_refuses_some_changes_only_the_others_are_not_made_again() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    kernel.refuse_next(Errno::PERM);
    let ids = [80, 81].map(|port| ServiceId::tcp(([192, 0, 2, 1], port)));
    let changes = ids.map(|id| Change::AddService(id, plain()));
    let refused = client.apply(&changes).unwrap();
    assert!(
        matches!(
            refused[..],
            [(
                0,
                Error::Kernel {
                    errno: Errno::PERM,
                    ..
                }
            )]
        ),
        "{refused:?}"
    );
    assert_eq!(client.services().unwrap().remove(0).id, ids[1]);
    assert_eq!(client.interface(), Interface::Netlink);
}

#[test]
fn an_update_and_a_daemon_change_the_interface_too() {
    for change in [
        (|client: &mut Client| client.start_daemon(&daemon(DaemonRole::Master, "eth0")))
            as fn(&mut Client) -> Result<()>,
        |client| {
            let same = client.update_service(&web(), Clone::clone);
            assert_eq!(same.unwrap_err().errno(), Some(Errno::SRCH));
            Ok(())
        },
    ] {
        let (_, mut client) = rootless();
        change(&mut client).unwrap();
        assert_eq!(client.interface(), Interface::SocketOptions);
    }
}

#[test]
fn who_may_use_neither_interface_is_told_so_by_netlink() {
    let (kernel, mut client) = rootless();
    kernel.deny(Interface::SocketOptions);
    for _ in 0..2 {
        let error = client.services().unwrap_err();
        assert_eq!(error.errno(), Some(Errno::PERM));
        assert_eq!(client.interface(), Interface::Netlink);
    }
    let refused = client.apply(&[Change::Flush, Change::ZeroAll]).unwrap();
    let errnos: Vec<_> = refused.iter().map(|(_, error)| error.errno()).collect();
    assert_eq!(errnos, [Some(Errno::PERM); 2]);
}

#[test]
fn an_interface_that_was_chosen_is_the_only_one() {
    for (chosen, other) in [
        (Interface::Netlink, Interface::SocketOptions),
        (Interface::SocketOptions, Interface::Netlink),
    ] {
        let kernel = FakeKernel::new();
        kernel.deny(chosen);
        let mut client = kernel.client_over(chosen).unwrap();
        let error = client.services().unwrap_err();
        assert_eq!(error.errno(), Some(Errno::PERM));
        assert_eq!(client.interface(), chosen);
        assert!(kernel.client_over(other).unwrap().services().is_ok());
    }
}

#[test]
fn any_other_refusal_of_netlink_is_not_a_reason_to_leave_it() {
    let kernel = FakeKernel::new();
    kernel.refuse_next(Errno::NOMEM);
    let mut client = kernel.client().unwrap();
    assert_eq!(client.services().unwrap_err().errno(), Some(Errno::NOMEM));
    assert_eq!(client.interface(), Interface::Netlink);
}

/// The kernel answers to no option while its module is not loaded, and loads it for
/// netlink.
#[test]
fn where_nobody_answers_to_the_options_the_family_is_looked_up() {
    let kernel = FakeKernel::new();
    kernel.refuse_next(Errno::NOPROTOOPT);
    let mut client = kernel.client_over(Interface::SocketOptions).unwrap();
    assert_eq!(client.services().unwrap(), []);
}

#[test]
fn what_only_netlink_can_say_is_refused_by_name_and_nothing_is_sent() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client_over(Interface::SocketOptions).unwrap();
    // If anything was sent, the kernel would refuse it.
    kernel.deny(Interface::SocketOptions);
    let gue = Tunnel::Gue {
        port: std::num::NonZeroU16::MIN,
        checksum: TunnelChecksum::None,
    };
    let other = ServiceId::address(Protocol::Other(47), ([192, 0, 2, 1], 0));
    let everything = ServiceId::udp(([0, 0, 0, 0], 0));
    let direct = DestinationSettings::direct_routing();
    let ipv6_server = destination_id("2001:db8::2", 80);
    let marked = fwmark(5, AddressFamily::Ipv6);
    for (change, what) in [
        (Change::AddService(sip(), plain()), NetlinkOnly::Ipv6),
        (Change::EditService(marked, plain()), NetlinkOnly::Ipv6),
        (Change::DeleteService(sip()), NetlinkOnly::Ipv6),
        (Change::ZeroService(marked), NetlinkOnly::Ipv6),
        (Change::AddService(other, plain()), NetlinkOnly::Protocol),
        (Change::DeleteService(other), NetlinkOnly::Protocol),
        (
            Change::AddService(web(), plain().persistence_engine("sip")),
            NetlinkOnly::PersistenceEngine,
        ),
        (
            Change::AddDestination(sip(), server(), direct),
            NetlinkOnly::Ipv6,
        ),
        (
            Change::AddDestination(
                web(),
                ipv6_server,
                DestinationSettings::tunneling(Tunnel::Ipip),
            ),
            NetlinkOnly::Ipv6,
        ),
        (
            Change::EditDestination(web(), server(), DestinationSettings::tunneling(gue)),
            NetlinkOnly::Tunnel,
        ),
        (
            Change::DeleteDestination(web(), ipv6_server),
            NetlinkOnly::Ipv6,
        ),
        (
            Change::ZeroService(everything),
            NetlinkOnly::ZeroUnspecified,
        ),
    ] {
        let refused = needs_netlink(client.change(&change));
        assert_eq!(refused, (change.operation(), what));
    }
    let operation = Operation::ReadService(sip());
    assert_eq!(
        needs_netlink(client.service(&sip())),
        (operation, NetlinkOnly::Ipv6)
    );
    let operation = Operation::ListDestinations(sip());
    assert_eq!(
        needs_netlink(client.destinations(&sip())),
        (operation, NetlinkOnly::Ipv6)
    );
    let master = daemon(DaemonRole::Master, "eth0");
    for daemon in [
        master.clone().sync_maxlen(1000.try_into().unwrap()),
        master.clone().group([224, 0, 0, 82]),
        master.clone().port(1.try_into().unwrap()),
        master.ttl(2.try_into().unwrap()),
    ] {
        let operation = Operation::StartDaemon(DaemonRole::Master);
        assert_eq!(
            needs_netlink(client.start_daemon(&daemon)),
            (operation, NetlinkOnly::DaemonSettings)
        );
    }
}

#[test]
fn a_refusal_says_what_would_be_needed() {
    let (_, mut client) = rootless();
    client.info().unwrap();
    assert_eq!(
        client.delete_service(&sip()).unwrap_err().to_string(),
        "cannot delete UDP [2001:db8::1]:5060: IPv6 needs the netlink interface of the kernel, \
         which is for root in the first user namespace"
    );
}

/// A kernel that interrupts every call, and counts them.
struct AlwaysInterrupted(Arc<AtomicUsize>);

impl SocketOptions for AlwaysInterrupted {
    fn get(&mut self, _: i32, _: &mut [u8]) -> Result<(), Errno> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(Errno::INTR)
    }

    fn set(&mut self, option: i32, _: &[u8]) -> Result<(), Errno> {
        self.get(option, &mut [])
    }
}

/// docs/reliability.md, "Bounds".
#[test]
fn what_is_read_is_asked_for_again_after_a_thousand_interruptions_and_a_change_is_not() {
    let calls = Arc::default();
    let mut interface = SockOpt::new(Box::new(AlwaysInterrupted(Arc::clone(&calls))));
    let error = interface.read_timeouts().unwrap_err();
    assert_eq!(error.errno(), Some(Errno::INTR));
    assert_eq!(calls.swap(0, Ordering::Relaxed), 1 + 1000);
    let error = interface.apply(&[(0, &Change::Flush)], &mut Vec::new());
    assert!(error.unwrap_err().may_have_been_done());
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

/// A kernel that has the firewall mark 5 with this protocol, and answers so to what is
/// set, one after the other; it notes the protocols that it is asked for.
struct OneMark {
    protocol: Result<u16, Errno>,
    answers: std::vec::IntoIter<Result<(), Errno>>,
    asked: Arc<Mutex<Vec<u16>>>,
}

/// Where `ip_vs_service_user` and `ip_vs_service_entry` have the protocol and the mark
/// (linux/ip_vs.h).
fn protocol_and_mark(value: &[u8]) -> (u16, u32) {
    let protocol = value[..2].try_into().unwrap();
    let mark = value[12..16].try_into().unwrap();
    (u16::from_ne_bytes(protocol), u32::from_ne_bytes(mark))
}

impl SocketOptions for OneMark {
    fn get(&mut self, _: i32, value: &mut [u8]) -> Result<(), Errno> {
        assert_eq!(protocol_and_mark(value), (6, 5));
        value[..2].copy_from_slice(&self.protocol?.to_ne_bytes());
        Ok(())
    }

    fn set(&mut self, _: i32, value: &[u8]) -> Result<(), Errno> {
        self.asked.lock().unwrap().push(protocol_and_mark(value).0);
        self.answers.next().unwrap()
    }
}

/// Netlink gives each mark the protocol TCP, and older programs may have given it UDP. Then
/// the kernel says that there is none when it is asked for that of TCP.
#[test]
fn a_mark_that_another_program_has_added_with_another_protocol_is_found() {
    const TCP: u16 = 6;
    const UDP: u16 = 17;
    let mark = fwmark(5, AddressFamily::Ipv4);
    let missing = || vec![Err(Errno::SRCH)];
    for (service, protocol, answers, refusal, protocols) in [
        (
            mark,
            Ok(UDP),
            vec![Err(Errno::SRCH), Ok(())],
            None,
            &[TCP, UDP][..],
        ),
        (
            mark,
            Ok(UDP),
            vec![Err(Errno::SRCH), Err(Errno::NOENT)],
            Some(Errno::NOENT),
            &[TCP, UDP],
        ),
        (mark, Ok(TCP), missing(), Some(Errno::SRCH), &[TCP]),
        (mark, Err(Errno::SRCH), missing(), Some(Errno::SRCH), &[TCP]),
        (
            mark,
            Ok(UDP),
            vec![Err(Errno::NOENT)],
            Some(Errno::NOENT),
            &[TCP],
        ),
        (web(), Ok(UDP), missing(), Some(Errno::SRCH), &[TCP]),
    ] {
        let asked = Arc::default();
        let mut interface = SockOpt::new(Box::new(OneMark {
            protocol,
            answers: answers.into_iter(),
            asked: Arc::clone(&asked),
        }));
        let change = Change::DeleteDestination(service, server());
        let mut refused = Vec::new();
        interface.apply(&[(0, &change)], &mut refused).unwrap();
        let errno = refused.pop().and_then(|(_, error)| error.errno());
        assert_eq!(errno, refusal, "{service} {protocol:?}");
        assert_eq!(*asked.lock().unwrap(), protocols, "{service} {protocol:?}");
    }
}

/// The kernel fills as many entries as there is room for and does not say how many
/// there would be.
#[test]
fn lists_that_do_not_fit_the_first_room_are_whole() {
    let (_, mut client) = rootless();
    for count in [1, 31, 32, 33, 64, 200] {
        let service = ServiceId::tcp(([10, 0, 0, 1], count));
        client.add_service(&service, &plain()).unwrap();
        let servers: Vec<DestinationId> = (1..=count)
            .map(|port| DestinationId::new([10, 0, 0, 2], port))
            .collect();
        for server in &servers {
            let settings = DestinationSettings::masquerading();
            client.add_destination(&service, server, &settings).unwrap();
        }
        let read = client.destinations(&service).unwrap();
        // The last added comes first.
        let read: Vec<_> = read.into_iter().rev().map(|read| read.id).collect();
        assert_eq!(read, servers, "{count}");
    }
    for port in 1..=150 {
        let service = ServiceId::udp(([10, 0, 0, 1], port));
        client.add_service(&service, &plain()).unwrap();
    }
    assert_eq!(client.agreed_services().unwrap().len(), 6 + 150);
}

#[test]
fn an_entry_of_the_table_reads_the_same_over_both_interfaces() {
    let kernel = FakeKernel::new();
    let [mut netlink, mut options] = [Interface::Netlink, Interface::SocketOptions]
        .map(|interface| kernel.client_over(interface).unwrap());
    let mut settings = plain().persistence(
        Persistence::new(60).with_netmask(crate::Netmask::Ipv4([255, 255, 0, 0].into())),
    );
    settings.scheduler_flags = crate::SchedulerFlags::from_bits_truncate(0x28);
    settings.one_packet = true;
    for (id, client) in [(web(), 0), (fwmark(7, AddressFamily::Ipv4), 1)] {
        let clients = [&mut netlink, &mut options];
        clients[client].add_service(&id, &settings).unwrap();
    }
    for method in [
        ForwardingMethod::Masquerading,
        ForwardingMethod::LocalNode,
        ForwardingMethod::Tunneling(Tunnel::Ipip),
        ForwardingMethod::DirectRouting,
        ForwardingMethod::Bypass,
        ForwardingMethod::Other(5),
    ] {
        let settings = DestinationSettings::new(method)
            .weight(9)
            .upper_threshold(7)
            .lower_threshold(3);
        let port = 1 + method.number() as u16;
        let id = DestinationId::new([10, 0, 0, 2], port);
        let added = options.add_destination(&web(), &id, &settings);
        added.unwrap();
        assert!(kernel.set_connections(&web(), &id, 3, 4));
    }
    assert!(kernel.set_unknown_flags(&web(), 0x40));
    assert_eq!(options.services().unwrap(), netlink.services().unwrap());
    assert_eq!(
        options.destinations(&web()).unwrap(),
        netlink.destinations(&web()).unwrap()
    );
}

#[test]
fn what_is_changed_over_socket_options_is_so_over_netlink() {
    let kernel = FakeKernel::new();
    let [mut netlink, mut options] = [Interface::Netlink, Interface::SocketOptions]
        .map(|interface| kernel.client_over(interface).unwrap());
    options.add_service(&web(), &plain()).unwrap();
    let settings = |weight| {
        DestinationSettings::direct_routing()
            .weight(weight)
            .upper_threshold(7)
            .lower_threshold(3)
    };
    let servers: Vec<DestinationId> = (1..=3_u8)
        .map(|host| DestinationId::new([10, 0, 0, host], 80))
        .collect();
    for (weight, id) in (1..).zip(&servers) {
        let added = options.add_destination(&web(), id, &settings(weight));
        added.unwrap();
    }
    let before = options.update_destination(&web(), &servers[1], |now| now.weight(9));
    assert_eq!(before.unwrap(), settings(2));
    let read = netlink.destinations(&web()).unwrap().into_iter().rev();
    let read: Vec<_> = read.map(|read| (read.id, read.settings)).collect();
    let expected: Vec<_> = servers.into_iter().zip([1, 9, 3].map(settings)).collect();
    assert_eq!(read, expected);

    let timeouts = Timeouts::default().tcp(7).udp(9);
    options.set_timeouts(&timeouts).unwrap();
    // That of TCP behind FIN is the kernel's default.
    let timeouts = timeouts.tcp_fin(120);
    assert_eq!(netlink.timeouts().unwrap(), timeouts);
    assert_eq!(options.timeouts().unwrap(), timeouts);

    options.flush().unwrap();
    assert_eq!(netlink.services().unwrap(), []);

    // Netlink has an empty list of what has no service, and so it is here.
    for client in [&mut netlink, &mut options] {
        assert_eq!(client.destinations(&web()).unwrap(), []);
        kernel.refuse_next(Errno::NOMEM);
        let error = client.destinations(&web()).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::NOMEM));
    }
}

#[test]
fn an_update_keeps_flags_without_a_name_over_both_interfaces() {
    for interface in [Interface::Netlink, Interface::SocketOptions] {
        let kernel = FakeKernel::new();
        let mut client = kernel.client_over(interface).unwrap();
        client.add_service(&web(), &plain()).unwrap();
        assert!(kernel.set_unknown_flags(&web(), 0x40));
        let before = client.update_service(&web(), |settings| settings.clone().persistent(5));
        assert_eq!(before.unwrap(), plain());
        let service = client.service(&web()).unwrap();
        assert_eq!(service.unknown_flags, 0x40, "{interface}");
        assert_eq!(service.settings, plain().persistent(5), "{interface}");
    }
}

#[test]
fn of_a_daemon_only_its_role_interface_and_group_are_known() {
    let (kernel, mut client) = rootless();
    let master = daemon(DaemonRole::Master, "eth0").sync_id(7);
    client.start_daemon(&master).unwrap();
    let backup = daemon(DaemonRole::Backup, "eth1").sync_id(9);
    client.start_daemon(&backup).unwrap();
    let running = [
        SyncDaemon::new(DaemonRole::Master, "eth0", 7),
        SyncDaemon::new(DaemonRole::Backup, "eth1", 9),
    ];
    assert_eq!(client.daemons().unwrap(), running);
    client.stop_daemon(DaemonRole::Master).unwrap();
    assert_eq!(client.daemons().unwrap(), running[1..]);
    let error = client.stop_daemon(DaemonRole::Master).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::SRCH));
    drop(kernel);
}

/// In the form of Linux 6.1.
const FILE: &str = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0000201:0050 wrr 
  -> C6336404:1F90      Masq    1      0          0         
  -> [2001:0db8:0000:0000:0000:0000:0000:0002]:0050      Tunnel  1      0          0         
TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0050 wrr 
  -> [2001:0db8:0000:0000:0000:0000:0000:0003]:0050      Masq    1      0          0         
FWM  00000005 wrr 
FWM  00000005 wrr 
FWM  00000006 wrr 
";

#[test]
fn entries_that_are_not_shown_are_counted() {
    let (kernel, mut client) = rootless();
    kernel.set_file("ip_vs", FILE);
    for id in [web(), fwmark(5, AddressFamily::Ipv4)] {
        client.add_service(&id, &plain()).unwrap();
    }
    let hidden = client.count_hidden(|_| true).unwrap();
    assert_eq!((hidden.services, hidden.destinations), (3, 2));
    assert_eq!(
        hidden.to_string(),
        "3 virtual services and 2 destinations of IPv6"
    );
    let hidden = client.count_hidden(|id| *id == web()).unwrap();
    assert_eq!(hidden.to_string(), "1 destination of IPv6");
    let hidden = client.count_hidden(|id| *id == fwmark(6, AddressFamily::Ipv6));
    assert_eq!(hidden.unwrap().to_string(), "1 virtual service of IPv6");
    client
        .check_all_shown(|id| *id == fwmark(5, AddressFamily::Ipv4))
        .unwrap();
    let error = client.check_all_shown(|_| true).unwrap_err();
    assert!(
        error.to_string().starts_with(
            "cannot list the virtual services: the table has 3 virtual services and 2 destinations \
             of IPv6 too"
        ),
        "{error}"
    );
}

#[test]
fn a_plan_is_not_made_of_a_table_that_is_not_shown_whole() {
    let (kernel, mut client) = rootless();
    kernel.set_file("ip_vs", FILE);
    client.add_service(&web(), &plain()).unwrap();
    let wanted = Wanted::default();
    let outcome = client.read_current(&wanted, |_| true);
    assert!(matches!(outcome, Err(Error::Hidden { .. })), "{outcome:?}");
    let inside = |id: &ServiceId| *id == ServiceId::tcp(([192, 0, 2, 1], 81));
    assert_eq!(client.read_current(&wanted, inside).unwrap().services, []);
}

#[test]
fn netlink_shows_all_whatever_the_file_has() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    client.info().unwrap();
    assert!(client.count_hidden(|_| true).unwrap().is_empty());
}

#[test]
fn a_list_that_does_not_end_is_an_error() {
    let mut interface = SockOpt::new(Box::new(Endless));
    let mut count = 0;
    let outcome = interface.list_services(Counters::Skip, Consistency::Once, &mut |_| {
        count += 1;
    });
    match outcome {
        Err(Error::Io { operation, reason }) => {
            assert_eq!(operation, Operation::ListServices);
            assert_eq!(reason.to_string(), "the kernel's list does not end");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(count, 0);
}

proptest! {
    #[test]
    fn any_values_are_read_or_refused(values in any_values()) {
        let calls: [fn(&mut Client) -> Result<()>; 11] = [
            |client| client.info().map(drop),
            |client| client.services().map(drop),
            |client| client.agreed_services().map(drop),
            |client| client.service(&web()).map(drop),
            |client| client.destinations(&web()).map(drop),
            |client| client.agreed_destinations(&web()).map(drop),
            |client| client.timeouts().map(drop),
            |client| client.daemons().map(drop),
            |client| client.add_service(&web(), &plain()),
            |client| client.update_service(&web(), Clone::clone).map(drop),
            |client| client.start_daemon(&daemon(DaemonRole::Master, "eth0")),
        ];
        for call in calls {
            let kernel = Box::new(values.clone());
            let opened = Client::over(kernel, Some(Interface::SocketOptions), []);
            if let Ok(mut client) = opened
                && let Err(error) = call(&mut client)
            {
                prop_assert!(error.operation().is_some(), "{}", error);
            }
        }
    }
}
