// SPDX-License-Identifier: MIT

//! Finding the family, and loading the module for it.

use std::{fs::File, io};

use netlink_packet_core::DefaultNla;
use netlink_packet_generic::{
    constants::GENL_ID_CTRL,
    ctrl::{GenlCtrl, GenlCtrlCmd, nlas::GenlCtrlAttrs},
};
use rustix::io::Errno;

use super::{
    fake_kernel::{
        Answer, FakeKernel, Message, Request, acknowledged, family_found, refused, swallowed,
    },
    values::{answer_lost, malformed, refusal, timed_out},
};
use crate::{Error, Interface, OpenOptions, Operation, client::Client};

/// Opens a client where module loaders come to this; the last value says how
/// many of them ran.
fn open(
    script: Vec<Vec<Answer>>,
    loaders: Vec<io::Result<String>>,
) -> (FakeKernel, Result<Client, Error>, u32) {
    let kernel = FakeKernel::scripted(script);
    let mut loads = 0;
    let loaders = loaders.into_iter().inspect(|_| loads += 1);
    let outcome = Client::over(Box::new(kernel.clone()), None, loaders);
    (kernel, outcome, loads)
}

/// A loader that runs and says this.
fn says(words: &str) -> io::Result<String> {
    Ok(words.to_owned())
}

/// A loader that is not there.
fn is_missing() -> io::Result<String> {
    Err(io::ErrorKind::NotFound.into())
}

fn lookup() -> Request {
    Request::Controller(GenlCtrl {
        cmd: GenlCtrlCmd::GetFamily,
        nlas: vec![GenlCtrlAttrs::FamilyName("IPVS".to_owned())],
    })
}

#[test]
fn the_family_is_looked_up_by_name_and_its_number_used() {
    let (kernel, outcome, loads) = open(vec![family_found(&[]), acknowledged()], vec![says("")]);
    // The fake kernel takes a request to IPVS at the family's number only.
    outcome.unwrap().flush().unwrap();
    assert_eq!(
        kernel.requests(),
        [
            lookup(),
            Request::Acknowledged(ipvs_netlink::IpvsCommand::Flush, vec![]),
        ]
    );
    assert_eq!(loads, 0);
}

#[test]
fn attributes_of_the_controller_that_nobody_knows_yet_are_tolerated() {
    let more = [
        DefaultNla::new(200, vec![1, 2, 3]),
        DefaultNla::new(201, vec![]),
    ];
    let (_, outcome, _) = open(vec![family_found(&more), acknowledged()], vec![]);
    outcome.unwrap().flush().unwrap();
}

#[test]
fn without_the_family_the_module_is_loaded_once_and_the_family_looked_up_again() {
    let (kernel, outcome, loads) = open(
        vec![refused(Errno::NOENT), family_found(&[]), acknowledged()],
        vec![says(""), says("")],
    );
    outcome.unwrap().flush().unwrap();
    assert_eq!(kernel.requests()[..2], [lookup(), lookup()]);
    assert_eq!(loads, 1);
}

/// As where the kernel is told not to load modules, by a program that does
/// nothing or that is not there.
#[test]
fn when_the_loader_of_the_kernel_is_of_no_use_the_usual_one_is_asked() {
    for first in [says(""), is_missing()] {
        let (kernel, outcome, loads) = open(
            vec![
                refused(Errno::NOENT),
                refused(Errno::NOENT),
                family_found(&[]),
                acknowledged(),
            ],
            vec![first, says("")],
        );
        outcome.unwrap().flush().unwrap();
        assert_eq!(kernel.requests()[..3], [lookup(), lookup(), lookup()]);
        assert_eq!(loads, 2);
    }
}

#[test]
fn a_family_that_stays_away_is_unavailable_with_the_words_of_the_last_loader_that_ran() {
    let fatal = "modprobe: FATAL: Module ip_vs not found.";
    for (loaders, words) in [
        (vec![], Some("")),
        (vec![says(fatal)], Some(fatal)),
        (vec![says("first"), says(fatal)], Some(fatal)),
        (vec![is_missing(), says(fatal)], Some(fatal)),
        (vec![says(fatal), is_missing()], Some(fatal)),
        (vec![is_missing(), is_missing()], None),
    ] {
        let count = loaders.len();
        let (kernel, outcome, loads) = open(vec![refused(Errno::NOENT); count + 1], loaders);
        match outcome.err() {
            Some(Error::Unavailable { modprobe }) => {
                assert_eq!(modprobe.ok().as_deref(), words);
            }
            other => panic!("not unavailable: {other:?}"),
        }
        assert_eq!(kernel.requests().len(), count + 1);
        assert_eq!(loads as usize, count);
    }
}

#[test]
fn another_refusal_is_the_kernels_and_loads_no_module() {
    let (kernel, outcome, loads) = open(vec![refused(Errno::PERM)], vec![says("")]);
    assert_eq!(refusal(outcome), (Operation::Open, Errno::PERM));
    assert_eq!(kernel.requests(), [lookup()]);
    assert_eq!(loads, 0);
}

#[test]
fn another_refusal_after_loading_is_the_kernels() {
    let (_, outcome, loads) = open(
        vec![refused(Errno::NOENT), refused(Errno::NOMEM)],
        vec![says(""), says("")],
    );
    assert_eq!(refusal(outcome), (Operation::Open, Errno::NOMEM));
    assert_eq!(loads, 1);
}

#[test]
fn a_controller_that_does_not_answer_times_out() {
    let (_, outcome, loads) = open(vec![swallowed()], vec![says("")]);
    assert_eq!(timed_out(outcome), Operation::Open);
    assert_eq!(loads, 0);
}

#[test]
fn a_controller_whose_answers_get_lost_is_asked_three_times() {
    let lost = || vec![Answer::Failure(Errno::NOBUFS)];
    let (kernel, outcome, _) = open(vec![lost(), lost(), family_found(&[])], vec![]);
    outcome.unwrap();
    assert_eq!(kernel.requests().len(), 3);

    let (kernel, outcome, loads) = open(vec![lost(), lost(), lost()], vec![says("")]);
    assert_eq!(answer_lost(outcome), Operation::Open);
    assert_eq!(kernel.requests().len(), 3);
    assert_eq!(loads, 0);
}

#[test]
fn a_controllers_reply_without_the_number_is_malformed() {
    let header_alone = Message::new(GENL_ID_CTRL, vec![1, 2, 0, 0]);
    let empty = Message::new(GENL_ID_CTRL, vec![]);
    for reply in [header_alone, empty] {
        let (_, outcome, _) = open(
            vec![vec![Answer::Datagram(vec![reply, Message::ack()])]],
            vec![],
        );
        assert_eq!(
            malformed(outcome),
            (Operation::Open, "CTRL_ATTR_FAMILY_ID is missing".to_owned())
        );
    }
}

/// Linux says ENOPROTOOPT for options that no module has registered (`nf_getsockopt` in
/// net/netfilter/nf_sockopt.c), and looks for a module by the name of the family alone.
#[test]
fn socket_options_that_are_not_there_have_the_family_looked_up_and_no_other_reason_has() {
    for (errno, lookups) in [
        (None, 0),
        (Some(Errno::PERM), 0),
        (Some(Errno::NOPROTOOPT), 1),
    ] {
        let kernel = FakeKernel::new();
        if let Some(errno) = errno {
            kernel.refuse_next(errno);
        }
        let client = kernel.client_over(Interface::SocketOptions).unwrap();
        assert_eq!(client.interface(), Interface::SocketOptions);
        assert_eq!(kernel.count_datagrams().len(), lookups, "{errno:?}");
    }
}

#[test]
fn options_open_the_namespace_and_the_interface_that_they_were_given() {
    let null = File::open("/dev/null").unwrap();
    let no_namespace = OpenOptions::new().namespace(null).unwrap().open();
    let Err(Error::Io { operation, reason }) = no_namespace else {
        panic!("{no_namespace:?}");
    };
    assert_eq!(operation, Operation::Open);
    assert_eq!(Errno::from_io_error(&reason), Some(Errno::INVAL));

    // The file of /proc alone is no client.
    let proc = OpenOptions::new().interface(Interface::Proc).open();
    let Err(Error::Io { reason, .. }) = proc else {
        panic!("{proc:?}");
    };
    assert_eq!(reason.kind(), io::ErrorKind::Unsupported);
}

#[test]
fn a_client_can_move_to_another_thread() {
    let (_, outcome, _) = open(vec![family_found(&[]), acknowledged()], vec![says("")]);
    let mut client = outcome.unwrap();
    std::thread::spawn(move || client.flush().unwrap())
        .join()
        .unwrap();
}
