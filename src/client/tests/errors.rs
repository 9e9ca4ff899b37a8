// SPDX-License-Identifier: MIT

//! A refusal keeps what was asked, of which object, and the reason.

use std::io;

use rustix::io::Errno;

use super::{
    fake_kernel::{client_with, refused},
    values::{daemon, destination_id, forwarded, fwmark, plain, refusal, server, sip, web},
};
use crate::{
    AddressFamily, DaemonRole, Error, ForwardingMethod, Operation, Result, Timeouts, client::Client,
};

type Call = fn(&mut Client) -> Result<()>;

#[test]
fn every_refusal_keeps_operation_object_and_errno_and_reads_as_a_sentence() {
    let calls: [(Call, Operation, &str); 19] = [
        (
            |client| client.info().map(drop),
            Operation::ReadInfo,
            "cannot read the version of IPVS: ",
        ),
        (
            |client| client.services().map(drop),
            Operation::ListServices,
            "cannot list the virtual services: ",
        ),
        (
            |client| client.service(&web()).map(drop),
            Operation::ReadService(web()),
            "cannot read TCP 192.0.2.1:80: ",
        ),
        (
            |client| client.add_service(&sip(), &plain()),
            Operation::AddService(sip()),
            "cannot add UDP [2001:db8::1]:5060: ",
        ),
        (
            |client| client.edit_service(&fwmark(5, AddressFamily::Ipv4), &plain()),
            Operation::EditService(fwmark(5, AddressFamily::Ipv4)),
            "cannot edit fwmark 5: ",
        ),
        (
            |client| client.delete_service(&fwmark(5, AddressFamily::Ipv6)),
            Operation::DeleteService(fwmark(5, AddressFamily::Ipv6)),
            "cannot delete fwmark 5 IPv6: ",
        ),
        (
            |client| client.destinations(&web()).map(drop),
            Operation::ListDestinations(web()),
            "cannot list the destinations of TCP 192.0.2.1:80: ",
        ),
        (
            |client| {
                client.add_destination(
                    &web(),
                    &server(),
                    &forwarded(ForwardingMethod::Masquerading),
                )
            },
            Operation::AddDestination(web(), server()),
            "cannot add 198.51.100.4:8080 to TCP 192.0.2.1:80: ",
        ),
        (
            |client| {
                client.edit_destination(
                    &sip(),
                    &destination_id("2001:db8::2", 5060),
                    &forwarded(ForwardingMethod::DirectRouting),
                )
            },
            Operation::EditDestination(sip(), destination_id("2001:db8::2", 5060)),
            "cannot edit [2001:db8::2]:5060 of UDP [2001:db8::1]:5060: ",
        ),
        (
            |client| client.delete_destination(&web(), &server()),
            Operation::DeleteDestination(web(), server()),
            "cannot delete 198.51.100.4:8080 from TCP 192.0.2.1:80: ",
        ),
        (
            |client| client.zero_service(&web()),
            Operation::ZeroService(web()),
            "cannot zero the counters of TCP 192.0.2.1:80: ",
        ),
        (
            Client::zero_all,
            Operation::ZeroAll,
            "cannot zero the counters: ",
        ),
        (Client::flush, Operation::Flush, "cannot clear the table: "),
        (
            |client| client.timeouts().map(drop),
            Operation::ReadTimeouts,
            "cannot read the timeouts: ",
        ),
        (
            |client| client.set_timeouts(&Timeouts::default().tcp(u32::MAX)),
            Operation::SetTimeouts,
            "cannot set the timeouts: ",
        ),
        (
            |client| client.daemons().map(drop),
            Operation::ListDaemons,
            "cannot list the synchronization daemons: ",
        ),
        (
            |client| client.start_daemon(&daemon(DaemonRole::Backup, "eth0")),
            Operation::StartDaemon(DaemonRole::Backup),
            "cannot start the backup daemon: ",
        ),
        (
            |client| client.stop_daemon(DaemonRole::Master),
            Operation::StopDaemon(DaemonRole::Master),
            "cannot stop the master daemon: ",
        ),
        (
            |client| client.stop_daemon(DaemonRole::Backup),
            Operation::StopDaemon(DaemonRole::Backup),
            "cannot stop the backup daemon: ",
        ),
    ];
    for (call, operation, sentence) in calls {
        let (mut client, kernel) = client_with([refused(Errno::PERM)]);
        let error = call(&mut client).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{sentence}Operation not permitted (os error 1)")
        );
        assert_eq!(error.errno(), Some(Errno::PERM));
        assert_eq!(refusal::<()>(Err(error)), (operation, Errno::PERM));
        assert_eq!(kernel.requests().len(), 1);
    }
}

/// A program that prints the chain of causes, as anyhow does, says each once.
#[test]
fn no_error_has_a_source_that_its_text_has_said_already() {
    let operation = Operation::ListConnections;
    for error in [
        Error::Kernel {
            operation,
            errno: Errno::PERM,
        },
        Error::Io {
            operation,
            reason: Errno::NOENT.into(),
        },
        Error::Malformed {
            operation,
            reason: "too short".into(),
        },
        Error::Unavailable {
            modprobe: Err(Errno::NOENT.into()),
        },
    ] {
        let source = std::error::Error::source(&error);
        assert!(source.is_none(), "{error}: {source:?}");
    }
}

#[test]
fn the_reasons_of_the_kernel_stay_apart() {
    for errno in [
        Errno::EXIST,
        Errno::NOENT,
        Errno::SRCH,
        Errno::INVAL,
        Errno::RANGE,
        Errno::AFNOSUPPORT,
    ] {
        let (mut client, _) = client_with([refused(errno)]);
        assert_eq!(
            refusal(client.add_service(&web(), &plain())),
            (Operation::AddService(web()), errno)
        );
    }
}

#[test]
fn errors_that_are_not_the_kernels_have_no_errno() {
    let operation = Operation::Flush;
    for (error, text) in [
        (
            Error::Timeout { operation },
            "cannot clear the table: the kernel does not answer; it may have been done all the \
             same",
        ),
        (
            Error::AnswerLost { operation },
            "cannot clear the table: the kernel's answer was lost; it may have been done all the \
             same",
        ),
        (
            Error::AnswerLost {
                operation: Operation::ApplyChanges,
            },
            "cannot apply the changes: the kernel's answer was lost; some may have been made all \
             the same",
        ),
        (
            Error::Timeout {
                operation: Operation::ReadInfo,
            },
            "cannot read the version of IPVS: the kernel does not answer",
        ),
        (
            Error::Unavailable {
                modprobe: Ok(String::new()),
            },
            "the kernel has no IPVS, and its module ip_vs could not be loaded",
        ),
    ] {
        assert_eq!(error.errno(), None);
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn a_refusal_says_what_is_missing_and_not_what_the_system_calls_its_errno() {
    let (service, destination) = (web(), server());
    for (operation, errno, words) in [
        (
            Operation::DeleteService(service),
            Errno::SRCH,
            "cannot delete TCP 192.0.2.1:80: there is no such virtual service",
        ),
        (
            Operation::AddDestination(service, destination),
            Errno::SRCH,
            "cannot add 198.51.100.4:8080 to TCP 192.0.2.1:80: there is no such virtual service",
        ),
        (
            Operation::EditDestination(service, destination),
            Errno::NOENT,
            "cannot edit 198.51.100.4:8080 of TCP 192.0.2.1:80: there is no such destination",
        ),
        (
            Operation::AddService(service),
            Errno::NOENT,
            "cannot add TCP 192.0.2.1:80: there is no such scheduler or persistence engine",
        ),
        (
            Operation::AddService(service),
            Errno::EXIST,
            "cannot add TCP 192.0.2.1:80: it exists already",
        ),
        (
            Operation::EditDestination(service, destination),
            Errno::RANGE,
            "cannot edit 198.51.100.4:8080 of TCP 192.0.2.1:80: the weight is out of range, or the \
             lower threshold is above the upper",
        ),
        (
            Operation::StartDaemon(DaemonRole::Master),
            Errno::EXIST,
            "cannot start the master daemon: it runs already",
        ),
        (
            Operation::StopDaemon(DaemonRole::Master),
            Errno::SRCH,
            "cannot stop the master daemon: it does not run",
        ),
        (
            Operation::StartDaemon(DaemonRole::Backup),
            Errno::NODEV,
            "cannot start the backup daemon: there is no such network interface",
        ),
        (
            Operation::Flush,
            Errno::NOMEM,
            // In the words of the C library.
            &format!("cannot clear the table: {}", io::Error::from(Errno::NOMEM)),
        ),
    ] {
        assert_eq!(Error::Kernel { operation, errno }.to_string(), words);
    }
}
