// SPDX-License-Identifier: MIT

//! Servers of a kernel in memory, drained and brought back.

use std::{
    io::{self, Write},
    sync::mpsc::channel,
};

use ipvs_client::{
    Client, DestinationId, DestinationSettings, Errno, ServiceId, ServiceSettings,
    testing::FakeKernel,
};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    cause::KernelSettings, memory::Memory, quiesce::quiesce_servers, reporter::Reporter,
    signals::EndSignals, state::DrainedServers, undo, wait::wait_for_end,
};
use crate::{
    args,
    command::{
        Request,
        drain::{DrainTask, Quiesce},
        spelling::Elsewhere,
    },
    failure::{Messages, exit_status},
    run::{acting::Acting, session::Session, state_folder::StateFolder},
};

const WEB: &str = "TCP 10.0.0.1:80";
const TLS: &str = "TCP 10.0.0.1:443";
const NAMES: &str = "UDP 10.0.0.1:53";
const SERVER: &str = "10.0.0.2:80";

/// A kernel with three services, and a folder for the old weights. In the first, the
/// server has the weight 3, in the second 4 and at two ports, in the third 5.
struct Scene {
    kernel: FakeKernel,
    parent: TempDir,
}

/// The output of a command, on standard output and on standard error, and its status.
#[derive(Debug)]
struct Told {
    out: String,
    errors: String,
    status: u8,
}

impl Told {
    fn objects(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Scene {
    fn new() -> Self {
        let scene = Self {
            kernel: FakeKernel::new(),
            parent: tempfile::tempdir().unwrap(),
        };
        let mut client = scene.client();
        for (service, servers) in [
            (WEB, &[(SERVER, 3), ("10.0.0.3:80", 1)][..]),
            (TLS, &[(SERVER, 4), ("10.0.0.2:443", 4)]),
            (NAMES, &[(SERVER, 5)]),
        ] {
            let service = service.parse().unwrap();
            let settings = ServiceSettings::new("wrr");
            client.add_service(&service, &settings).unwrap();
            for (server, weight) in servers {
                let settings = DestinationSettings::masquerading()
                    .weight(*weight)
                    .upper_threshold(100)
                    .lower_threshold(50);
                let server = server.parse().unwrap();
                client
                    .add_destination(&service, &server, &settings)
                    .unwrap();
            }
        }
        scene
    }

    fn client(&self) -> Client {
        self.kernel.client().unwrap()
    }

    /// A client on whose way something happens before the first edit.
    fn client_acting(&self, act: impl FnMut() + Send + 'static) -> Client {
        // They find IPVS, list the services, and the servers of each.
        let before = 1 + 1 + 3;
        Client::with_kernel(Acting::new(self.kernel.clone(), before, act)).unwrap()
    }

    fn folder(&self) -> StateFolder {
        StateFolder::open_below(self.parent.path(), None).unwrap()
    }

    fn memory(&self) -> Memory {
        Memory::open_in(self.folder(), None).unwrap()
    }

    /// Returns the settings of a server.
    fn settings(&self, service: &str, server: &str) -> DestinationSettings {
        let service = service.parse().unwrap();
        let server: DestinationId = server.parse().unwrap();
        let servers = self.client().destinations(&service).unwrap();
        let found = servers.iter().find(|found| found.id == server);
        found.unwrap().settings
    }

    fn weights(&self) -> [u32; 5] {
        [
            (WEB, SERVER),
            (WEB, "10.0.0.3:80"),
            (TLS, SERVER),
            (TLS, "10.0.0.2:443"),
            (NAMES, SERVER),
        ]
        .map(|(service, server)| self.settings(service, server).weight)
    }

    fn set_weight(&self, service: &str, weight: u32) {
        let settings = self.settings(service, SERVER).weight(weight);
        let (service, server) = (service.parse().unwrap(), SERVER.parse().unwrap());
        self.client()
            .edit_destination(&service, &server, &settings)
            .unwrap();
    }

    fn set_connections(&self, service: &str, active: u32, inactive: u32) {
        let (service, server) = (service.parse().unwrap(), SERVER.parse().unwrap());
        assert!(
            self.kernel
                .set_connections(&service, &server, active, inactive)
        );
    }

    fn run_with(&self, line: &str, memory: Memory) -> Told {
        self.run_over(self.client(), line, memory)
    }

    fn run_over(&self, client: Client, line: &str, memory: Memory) -> Told {
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let status = self.run_into(&mut out, &mut errors, line, client, memory);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Told {
            out: text(out),
            errors: text(errors),
            status,
        }
    }

    /// Runs a command; returns its exit status.
    fn run_into(
        &self,
        out: &mut impl Write,
        errors: &mut Vec<u8>,
        line: &str,
        mut client: Client,
        mut memory: Memory,
    ) -> u8 {
        let mut messages = Messages::new(errors, || false);
        let request = args::parse(&line.split(' ').collect::<Vec<_>>());
        let Ok(Request::Drain(drain)) = request else {
            panic!("{line}: {request:?}");
        };
        let mut reporter = Reporter::new(out, &mut messages, drain.form, Elsewhere::default());
        let outcome = match &drain.task {
            DrainTask::Undo(task) => undo::undo(task, &mut client, &mut memory, &mut reporter),
            DrainTask::Quiesce(task) => self.quiesce(client, task, memory, &mut reporter),
        };
        let outcome = outcome.and_then(|status| reporter.end(status));
        outcome.unwrap_or_else(|error| {
            messages.report(&error);
            exit_status(&error)
        })
    }

    fn quiesce<W: Write>(
        &self,
        mut client: Client,
        task: &Quiesce,
        mut memory: Memory,
        reporter: &mut Reporter<'_, '_, W>,
    ) -> anyhow::Result<u8> {
        let kernel = KernelSettings::default();
        let quiesced = quiesce_servers(task, kernel, &mut client, &mut memory, reporter)?;
        drop(memory);
        let Some(wait) = &task.wait else {
            return Ok(quiesced.status);
        };
        let mut session = Session::over(client);
        let mut signals = EndSignals::catch().unwrap();
        let servers = quiesced.servers;
        wait_for_end(wait, task, servers, &mut signals, &mut session, reporter)
    }

    fn run(&self, line: &str) -> Told {
        self.run_with(line, self.memory())
    }
}

#[test]
fn a_drained_server_has_weight_0_and_keeps_all_else() {
    let scene = Scene::new();
    let before = scene.settings(WEB, SERVER);
    let told = scene.run("--drain -t 10.0.0.1:80 -r 10.0.0.2:80");
    assert_eq!(
        told.out,
        "TCP 10.0.0.1:80: 10.0.0.2:80 had weight 3; to bring it back: \
         ipvsadm -e --keep -t 10.0.0.1:80 -r 10.0.0.2:80 -w 3\n"
    );
    assert_eq!((told.errors.as_str(), told.status), ("", 0));
    assert_eq!(scene.settings(WEB, SERVER), before.weight(0));
    assert_eq!(scene.weights(), [0, 1, 4, 4, 5]);
}

#[test]
fn a_server_is_drained_in_every_service_and_at_every_port_that_is_not_excluded() {
    for (line, weights) in [
        ("--drain -r 10.0.0.2", [0, 1, 0, 0, 0]),
        ("--drain -r 10.0.0.2:80", [0, 1, 0, 4, 0]),
        ("--drain -t 10.0.0.1:443 -r 10.0.0.2", [3, 1, 0, 0, 5]),
        ("--drain -r 10.0.0.2:443 -t 10.0.0.1:443", [3, 1, 4, 0, 5]),
        ("--drain -u 10.0.0.1:53 -r 10.0.0.2", [3, 1, 4, 4, 0]),
    ] {
        let scene = Scene::new();
        let told = scene.run(line);
        assert_eq!((scene.weights(), told.status), (weights, 0), "{line}");
    }
}

#[test]
fn what_is_not_there_is_told_in_a_line_with_the_status_of_a_refusal() {
    let scene = Scene::new();
    for (line, words) in [
        (
            "--drain -r 10.0.0.9",
            "No such destination: 10.0.0.9 in any virtual service\n",
        ),
        (
            "--drain -t 10.0.0.1:80 -r 10.0.0.2:81",
            "No such destination: 10.0.0.2:81 in TCP 10.0.0.1:80\n",
        ),
        (
            "--drain -t 10.0.0.1:81 -r 10.0.0.2",
            "Service not defined: TCP 10.0.0.1:81\n",
        ),
    ] {
        let told = scene.run(line);
        assert_eq!(told.errors, words);
        assert_eq!((told.out.as_str(), told.status), ("", 255), "{line}");
    }
    assert_eq!(scene.weights(), [3, 1, 4, 4, 5]);
}

#[test]
fn undo_gives_all_weights_back_or_those_that_are_named() {
    let scene = Scene::new();
    scene.run("--drain -r 10.0.0.2");
    let told = scene.run("--drain --undo -u 10.0.0.1:53");
    assert_eq!(
        told.out,
        "UDP 10.0.0.1:53: 10.0.0.2:80 has weight 5 again\n"
    );
    assert_eq!(scene.weights(), [0, 1, 0, 0, 5]);
    let told = scene.run("--drain --undo -r 10.0.0.2:443");
    assert_eq!(
        told.out,
        "TCP 10.0.0.1:443: 10.0.0.2:443 has weight 4 again\n"
    );
    assert_eq!(scene.weights(), [0, 1, 0, 4, 5]);
    let told = scene.run("--drain --undo");
    assert_eq!((scene.weights(), told.status), ([3, 1, 4, 4, 5], 0));

    let told = scene.run("--drain --undo");
    assert_eq!(
        (told.errors.as_str(), told.status),
        ("nothing is drained here\n", 0)
    );
    let told = scene.run("--drain --undo -r 10.0.0.2 -t 10.0.0.1:80");
    assert_eq!(
        (told.errors.as_str(), told.status),
        ("no old weight is known of 10.0.0.2 in TCP 10.0.0.1:80\n", 1)
    );
}

#[test]
fn a_server_that_is_drained_twice_keeps_its_first_weight() {
    let scene = Scene::new();
    scene.run("--drain -t 10.0.0.1:80 -r 10.0.0.2");
    let told = scene.run("--drain --json -t 10.0.0.1:80 -r 10.0.0.2");
    let told = &told.objects()[0];
    assert_eq!(told["old_weight"], 3);
    assert!(told["drained_since"].is_string(), "{told}");
    let told = scene.run("--drain -t 10.0.0.1:80 -r 10.0.0.2");
    assert!(told.out.contains("has weight 0 since 20"), "{}", told.out);
    assert!(told.out.contains("and had 3; to bring"), "{}", told.out);
    scene.run("--drain --undo");
    assert_eq!(scene.weights(), [3, 1, 4, 4, 5]);
}

#[test]
fn a_weight_that_somebody_gave_a_drained_server_is_the_one_that_comes_back() {
    let scene = Scene::new();
    scene.run("--drain -t 10.0.0.1:80 -r 10.0.0.2");
    scene.set_weight(WEB, 7);
    scene.run("--drain -t 10.0.0.1:80 -r 10.0.0.2");
    scene.run("--drain --undo");
    assert_eq!(scene.weights(), [7, 1, 4, 4, 5]);
}

#[test]
fn a_server_with_weight_0_from_elsewhere_has_no_weight_to_come_back() {
    let scene = Scene::new();
    scene.set_weight(WEB, 0);
    let told = scene.run("--drain -t 10.0.0.1:80 -r 10.0.0.2");
    assert_eq!(
        told.out,
        "TCP 10.0.0.1:80: 10.0.0.2:80 had weight 0 already\n"
    );
    let told = scene.run("--drain --undo");
    assert_eq!(told.errors, "nothing is drained here\n");
}

#[test]
fn undo_leaves_alone_and_tells_what_is_gone_or_has_a_weight() {
    let scene = Scene::new();
    scene.run("--drain -r 10.0.0.2");
    scene.set_weight(WEB, 7);
    let (tls, names): (ServiceId, ServiceId) = (TLS.parse().unwrap(), NAMES.parse().unwrap());
    let mut client = scene.client();
    client.delete_service(&names).unwrap();
    client
        .delete_destination(&tls, &SERVER.parse().unwrap())
        .unwrap();
    let told = scene.run("--drain --undo");
    assert_eq!(
        told.out,
        "TCP 10.0.0.1:443: 10.0.0.2:443 has weight 4 again\n"
    );
    assert_eq!(
        told.errors,
        "TCP 10.0.0.1:80: 10.0.0.2:80 has weight 7 by now: its weight 3 is forgotten\n\
         TCP 10.0.0.1:443: 10.0.0.2:80 is not there any more: its weight 4 is forgotten\n\
         UDP 10.0.0.1:53: 10.0.0.2:80 is not there any more: its weight 5 is forgotten\n"
    );
    assert_eq!(told.status, 1);
    assert_eq!(scene.settings(WEB, SERVER).weight, 7);
    assert_eq!(scene.run("--drain --undo").status, 0, "all is forgotten");
}

#[test]
fn where_the_weight_cannot_be_kept_the_server_is_drained_and_that_is_told() {
    let scene = Scene::new();
    let memory = || Memory::without(&"cannot use /run/ipvsadm: it is full");
    let line = "--drain -t 10.0.0.1:80 -r 10.0.0.2";
    let told = scene.run_with(line, memory());
    assert!(
        told.out.contains("had weight 3; to bring it back"),
        "{told:?}"
    );
    assert_eq!(
        told.errors,
        "the old weights are not kept, --drain --undo will not know them: \
         cannot use /run/ipvsadm: it is full\n"
    );
    assert_eq!((scene.weights()[0], told.status), (0, 0));
    let told = scene.run_with("--drain --undo", memory());
    assert_eq!(
        (told.errors.as_str(), told.status),
        ("cannot use /run/ipvsadm: it is full\n", 2)
    );
}

#[test]
fn what_the_kernel_refuses_is_reported_and_the_other_services_are_drained() {
    let scene = Scene::new();
    let kernel = scene.kernel.clone();
    let client = scene.client_acting(move || kernel.refuse_next(Errno::NOMEM));
    let told = scene.run_over(client, "--drain -r 10.0.0.2", scene.memory());
    assert_eq!(
        (told.errors.as_str(), told.status),
        (
            "cannot edit 10.0.0.2:80 of TCP 10.0.0.1:80: Cannot allocate memory \
             (ENOMEM)\n",
            255
        )
    );
    assert_eq!(scene.weights(), [3, 1, 0, 0, 0]);
    // That weight was never taken away.
    scene.set_weight(WEB, 0);
    scene.run("--drain --undo");
    assert_eq!(scene.weights(), [0, 1, 4, 4, 5]);
}

/// A full disk.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn all_servers_are_drained_and_brought_back_if_nothing_can_be_told() {
    let scene = Scene::new();
    for (line, weights) in [
        ("--drain -r 10.0.0.2", [0, 1, 0, 0, 0]),
        ("--drain --undo", [3, 1, 4, 4, 5]),
    ] {
        let mut errors = Vec::new();
        let status = scene.run_into(&mut Full, &mut errors, line, scene.client(), scene.memory());
        assert_eq!(
            String::from_utf8(errors).unwrap(),
            "cannot write to standard output: no storage space; the changes were made all the same\n"
        );
        assert_eq!((scene.weights(), status), (weights, 1), "{line}");
    }
}

#[test]
fn weights_are_written_before_they_are_changed() {
    let scene = Scene::new();
    let (folder, kernel) = (scene.folder(), scene.kernel.clone());
    let (sender, seen) = channel();
    let client = scene.client_acting(move || {
        let known = DrainedServers::read(&folder, None).unwrap();
        let web = kernel.client().unwrap().destinations(&WEB.parse().unwrap());
        sender.send((known, web.unwrap())).unwrap();
    });
    scene.run_over(client, "--drain -r 10.0.0.2", scene.memory());
    let (known, web) = seen.recv().unwrap();
    let weights: Vec<u32> = known.iter().map(|server| server.weight).collect();
    assert_eq!(weights, [3, 4, 4, 5]);
    let server = web.iter().find(|server| server.id.to_string() == SERVER);
    assert_eq!(server.unwrap().settings.weight, 3);
}

#[test]
fn a_weight_that_changes_before_the_edit_is_the_one_that_comes_back() {
    let scene = Scene::new();
    let kernel = scene.kernel.clone();
    let client = scene.client_acting(move || {
        let (web, server) = (WEB.parse().unwrap(), SERVER.parse().unwrap());
        let settings = DestinationSettings::masquerading().weight(9);
        let mut client = kernel.client().unwrap();
        client.edit_destination(&web, &server, &settings).unwrap();
    });
    let told = scene.run_over(client, "--drain --json -r 10.0.0.2:80", scene.memory());
    let told = told.objects();
    let web = told.iter().find(|event| event["service"] == WEB).unwrap();
    assert_eq!(web["old_weight"], 9);
    scene.run("--drain --undo");
    assert_eq!(scene.weights(), [9, 1, 4, 4, 5]);
}

#[test]
fn waiting_ends_when_there_are_no_connections() {
    let scene = Scene::new();
    let told = scene.run("--drain -t 10.0.0.1:80 -r 10.0.0.2 --wait");
    assert_eq!(told.status, 0);
    assert_eq!(
        told.out.lines().nth(1),
        Some("TCP 10.0.0.1:80: 10.0.0.2:80 has no active connections")
    );
    assert_eq!(told.errors, "");
}

#[test]
fn over_time_the_weight_stays_0_and_nothing_is_removed() {
    let scene = Scene::new();
    scene.set_connections(WEB, 2, 1);
    scene.set_connections(NAMES, 0, 1);
    let told = scene.run("--drain -r 10.0.0.2:80 --wait 0 --remove");
    assert_eq!(told.status, 1);
    assert_eq!(
        told.errors.lines().collect::<Vec<_>>(),
        [
            "TCP 10.0.0.1:80: 10.0.0.2:80 has 2 active connections",
            "UDP 10.0.0.1:53: 10.0.0.2:80 has 1 connection",
            "not empty after 0 seconds: 2 active connections of 10.0.0.2:80 in \
             TCP 10.0.0.1:80, 1 connection of 10.0.0.2:80 in UDP 10.0.0.1:53; the weight stays 0",
        ]
    );
    assert_eq!(scene.settings(WEB, SERVER).weight, 0);
    assert_eq!(scene.settings(NAMES, SERVER).weight, 0);
    // The one that was empty has been removed.
    let tls = scene.client().destinations(&TLS.parse().unwrap()).unwrap();
    assert_eq!(tls.len(), 1);
    assert_eq!(tls[0].id.port, 443);
}

#[test]
fn closed_connections_count_only_if_the_server_is_to_be_idle() {
    let scene = Scene::new();
    scene.set_connections(WEB, 0, 1);
    for (line, status) in [
        ("--drain -t 10.0.0.1:80 -r 10.0.0.2 --wait 0 --idle", 1),
        ("--drain -t 10.0.0.1:80 -r 10.0.0.2 --wait 0", 0),
    ] {
        assert_eq!(scene.run(line).status, status, "{line}");
    }
}

#[test]
fn everything_is_an_object_on_a_line_in_json() {
    let scene = Scene::new();
    scene.set_connections(WEB, 2, 1);
    let told = scene.run("--drain --json -t 10.0.0.1:80 -r 10.0.0.2 --wait 0");
    assert_eq!(told.errors, "");
    let events = told.objects();
    let names: Vec<_> = events.iter().map(|event| event["event"].clone()).collect();
    assert_eq!(names, ["drained", "waiting", "over-time"]);
    assert_eq!(events[0]["service"], WEB);
    assert_eq!(events[0]["destination"], SERVER);
    assert_eq!(events[0]["old_weight"], 3);
    assert_eq!(events[0]["drained_since"], Value::Null);
    assert_eq!(
        events[0]["undo"],
        "ipvsadm -e --keep -t 10.0.0.1:80 -r 10.0.0.2:80 -w 3"
    );
    assert_eq!(events[0]["warnings"], Value::Array(Vec::new()));
    assert_eq!(events[1]["active_connections"], 2);
    assert_eq!(events[1]["inactive_connections"], 1);
    assert_eq!(events[1]["awaited"], 2);

    let told = scene.run("--drain --json -u 10.0.0.1:53 -r 10.0.0.2 --wait --remove");
    let events = told.objects();
    let names: Vec<_> = events.iter().map(|event| event["event"].clone()).collect();
    assert_eq!(names, ["drained", "empty", "removed"]);
    assert_eq!(events[0]["warnings"][0]["cause"], "udp");

    scene.set_weight(WEB, 9);
    let told = scene.run("--drain --json --undo");
    let events = told.objects();
    assert_eq!(events[0]["event"], "not-restored");
    assert_eq!(
        (&events[0]["old_weight"], &events[0]["weight"]),
        (&3.into(), &9.into())
    );
}

#[test]
fn the_command_that_brings_a_server_back_names_its_service() {
    let scene = Scene::new();
    let mut client = scene.client();
    for (service, server, option) in [
        (
            "SCTP 10.0.0.1:80",
            "10.0.0.9:80",
            "--sctp-service 10.0.0.1:80 -r 10.0.0.9:80",
        ),
        (
            "TCP [2001:db8::1]:80",
            "[2001:db8::9]:80",
            "-t [2001:db8::1]:80 -r [2001:db8::9]:80",
        ),
        ("fwmark 5", "10.0.0.9:0", "-f 5 -r 10.0.0.9:0"),
        (
            "fwmark 5 IPv6",
            "[2001:db8::9]:0",
            "-f 5 -6 -r [2001:db8::9]:0",
        ),
    ] {
        let id = service.parse().unwrap();
        client
            .add_service(&id, &ServiceSettings::new("rr"))
            .unwrap();
        let server: DestinationId = server.parse().unwrap();
        let settings = DestinationSettings::masquerading();
        client.add_destination(&id, &server, &settings).unwrap();
        let told = scene.run(&format!("--drain -r {}", server.address));
        let command = format!("ipvsadm -e --keep {option} -w 1");
        assert!(told.out.contains(&command), "{told:?}");
        client.delete_service(&id).unwrap();
    }
}
