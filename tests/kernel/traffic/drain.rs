// SPDX-License-Identifier: MIT

//! Servers that are drained while clients talk to them. What the kernel does with a
//! server of weight 0 is seen here before the program says it.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    net::{IpAddr, SocketAddr},
    os::unix::process::ExitStatusExt as _,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use ipvs_client::NetworkNamespace;
use ipvs_lab::machine::Machine;
use ipvs_lab::network::Network;
use ipvs_lab::talk::{Conversation, Protocol, Responder};
use ipvs_lab::{Answer, Namespace, program, wait};
use serde_json::Value;

use super::{
    Family, PORT, address_of, balance, behind, beside, respond, respond_directly, service,
};
use crate::json::checked;
use crate::replies::with_jumping_clock;
use crate::watch::Terminal;
use crate::{ipvsadm, namespace};

/// Servers behind the director, in a service of this protocol, with responders.
struct Scene {
    network: Network,
    service: SocketAddr,
    protocol: Protocol,
    _responders: Vec<Responder>,
}

impl Scene {
    fn new(servers: usize, protocol: Protocol, options: &str) -> Self {
        let network = behind(servers);
        let responders = respond(&network, protocol, PORT);
        let service = service(Family::V4, PORT);
        let name = format!("{} {service}", protocol.option());
        balance(&network, &name, options, PORT, "-m");
        Self {
            network,
            service,
            protocol,
            _responders: responders,
        }
    }

    fn director(&self) -> &Namespace {
        &self.network.director
    }

    /// Begins a conversation; returns it with the address of its server.
    fn begin(&self) -> (Conversation, IpAddr) {
        let client = &self.network.client;
        let mut conversation = Conversation::begin(client, self.protocol, self.service).unwrap();
        let server = conversation.ask().unwrap().server;
        (conversation, address_of(&self.network, &server, Family::V4))
    }

    /// The server that answers a new client.
    fn ask(&self) -> IpAddr {
        self.begin().1
    }

    fn weight(&self, server: IpAddr) -> u64 {
        find_server(self.director(), server).unwrap()["weight"]
            .as_u64()
            .unwrap()
    }
}

/// The server of the only service, as -L has it.
fn find_server(director: &Namespace, address: IpAddr) -> Option<Value> {
    let table: Value = serde_json::from_str(&ipvsadm(director, "-L --json")).unwrap();
    let servers = table["services"][0]["destinations"].as_array().unwrap();
    let address = Value::from(address.to_string());
    servers
        .iter()
        .find(|server| server["address"] == address)
        .cloned()
}

/// A drain that waits, and what it has said.
struct Waiting {
    child: Child,
    errors: BufReader<ChildStderr>,
}

impl Waiting {
    /// Starts it, and waits until it says on standard error what it waits for.
    fn start(director: &Namespace, arguments: &str) -> (Self, String) {
        let mut command = director.command(program::path().unwrap());
        command.args(arguments.split_ascii_whitespace());
        Self::follow(command)
    }

    /// Starts a command that becomes one, and waits for the same.
    fn follow(mut command: Command) -> (Self, String) {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let mut waiting = Self { child, errors };
        let line = waiting.next_line();
        (waiting, line)
    }

    /// The next line on standard error.
    fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.errors.read_line(&mut line).unwrap();
        line
    }

    fn send(&self, signal: &str) {
        let mut kill = Command::new("kill");
        let kill = kill.args([&format!("-{signal}"), &self.child.id().to_string()]);
        assert!(kill.status().unwrap().success());
    }

    /// Waits for its end; returns what else it has said on both outputs.
    fn end(mut self) -> (String, String, ExitStatus) {
        let (mut output, mut errors) = (String::new(), String::new());
        self.errors.read_to_string(&mut errors).unwrap();
        let mut stdout = self.child.stdout.take().unwrap();
        stdout.read_to_string(&mut output).unwrap();
        (output, errors, self.child.wait().unwrap())
    }
}

/// Opens the lock of the table, which is there from the first drain on.
fn lock(director: &Namespace) -> File {
    let inode = NetworkNamespace::of(director).unwrap().inode();
    File::open(format!("/run/ipvsadm/net-{inode}.lock")).unwrap()
}

fn answer(director: &Namespace, arguments: &str) -> Answer {
    ipvs_lab::ipvsadm(director, arguments.split_ascii_whitespace()).unwrap()
}

#[test]
fn a_held_connection_goes_on_until_its_end_and_then_its_server_is_removed() {
    let scene = Scene::new(2, Protocol::Tcp, "");
    let (mut held, server) = scene.begin();
    let name = format!("TCP {}: {server}:{PORT}", scene.service);
    let arguments = format!("--drain -r {server} --wait --remove");
    let (mut waiting, line) = Waiting::start(scene.director(), &arguments);
    assert_eq!(line, format!("{name} has 1 active connection\n"));
    assert_eq!(scene.weight(server), 0);
    for _ in 0..4 {
        assert_ne!(scene.ask(), server, "it gets no new connections");
    }
    held.ask().unwrap();
    let lock = lock(scene.director());
    assert!(lock.try_lock().is_ok(), "others may change the table");
    drop(lock);
    assert!(waiting.child.try_wait().unwrap().is_none(), "it waits");
    drop(held);
    let (output, errors, status) = waiting.end();
    assert_eq!((errors.as_str(), status.code()), ("", Some(0)));
    assert_eq!(
        output,
        format!(
            "{name} had weight 1; to bring it back: ipvsadm -e --keep -t {} -r {server}:{PORT} \
             -w 1\n\
             {name} has no active connections\n\
             {name} has been removed\n",
            scene.service
        )
    );
    assert_eq!(find_server(scene.director(), server), None);
    let undo = answer(scene.director(), &format!("--drain --undo -r {server}"));
    assert_eq!(
        (undo.stderr, undo.status),
        (format!("no old weight is known of {server}\n"), 1)
    );
}

#[test]
fn while_another_changes_the_table_nothing_is_drained() {
    let director = namespace("director");
    let rules = "-A -f 5 -s rr\n-a -f 5 -r 10.0.0.2:0 -g -w 8\n";
    crate::program::restore(&director, rules);
    ipvsadm(&director, "--drain -r 10.0.0.2");
    ipvsadm(&director, "--drain --undo");
    let lock = lock(&director);
    lock.lock().unwrap();
    let drain = answer(&director, "--drain -r 10.0.0.2");
    assert!(
        drain
            .stderr
            .starts_with("another ipvsadm is changing the table"),
        "{drain:?}"
    );
    assert_eq!((drain.stdout.as_str(), drain.status), ("", 1));
    assert_eq!(ipvsadm(&director, "-S -n"), rules);
}

#[test]
fn over_time_the_server_stays_quiesced_until_it_is_brought_back() {
    let scene = Scene::new(2, Protocol::Tcp, "");
    let (mut held, server) = scene.begin();
    let drain = answer(
        scene.director(),
        &format!("--drain -r {server} --wait 1 --remove"),
    );
    assert_eq!(drain.status, 1);
    assert_eq!(
        drain.stderr.lines().last().unwrap(),
        format!(
            "not empty after 1 second: 1 active connection of {server}:{PORT} in TCP {}; \
             the weight stays 0",
            scene.service
        )
    );
    assert_eq!(scene.weight(server), 0);
    held.ask().unwrap();
    assert_eq!(
        ipvsadm(scene.director(), "--drain --undo"),
        format!(
            "TCP {}: {server}:{PORT} has weight 1 again\n",
            scene.service
        )
    );
    assert_eq!(scene.weight(server), 1);
}

#[test]
fn a_clock_that_jumps_neither_ends_nor_keeps_the_waiting() {
    let scene = Scene::new(2, Protocol::Tcp, "");
    let (mut held, server) = scene.begin();
    let drain = |wait: &str| {
        let words = format!("--drain -r {server} --wait {wait} --remove");
        with_jumping_clock(scene.director(), &words)
    };
    // Its time ends, though the clock is a year back now and then.
    let late = Answer::of(drain("1"), "").unwrap();
    assert_eq!(late.status, 1, "{late:?}");
    assert!(late.stderr.contains("not empty after 1 second"), "{late:?}");
    // It does not end too early, though the clock is a year ahead now and then.
    let (mut waiting, _) = Waiting::follow(drain("600"));
    held.ask().unwrap();
    assert!(waiting.child.try_wait().unwrap().is_none(), "it waits");
    drop(held);
    let (output, errors, status) = waiting.end();
    assert!(status.success(), "{output} {errors}");
    assert!(find_server(scene.director(), server).is_none());
}

#[test]
fn a_signal_ends_the_waiting_and_leaves_weight_0() {
    let scene = Scene::new(1, Protocol::Tcp, "");
    let (_held, server) = scene.begin();
    for (name, number) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
        let arguments = format!("--drain -r {server} --wait --remove");
        let (waiting, _) = Waiting::start(scene.director(), &arguments);
        waiting.send(name);
        let (_, errors, status) = waiting.end();
        assert_eq!(
            errors,
            format!(
                "ended by SIG{name}: the weight stays 0; the same command waits again; to undo it: \
                 ipvsadm --drain --undo -r {server}\n"
            )
        );
        assert_eq!(status.signal(), Some(number));
        assert_eq!(scene.weight(server), 0);
    }
    ipvsadm(scene.director(), &format!("--drain --undo -r {server}"));
    assert_eq!(scene.weight(server), 1);
}

#[test]
fn a_signal_that_is_ignored_does_not_end_the_waiting() {
    let scene = Scene::new(1, Protocol::Tcp, "");
    let (held, server) = scene.begin();
    let mut command = scene.director().command("sh");
    command
        .args(["-c", "trap '' INT HUP; exec \"$0\" \"$@\""])
        .arg(program::path().unwrap())
        .args(["--drain", "-r", &server.to_string(), "--wait"]);
    let (waiting, _) = Waiting::follow(command);
    for name in ["INT", "HUP"] {
        waiting.send(name);
    }
    drop(held);
    let (_, errors, status) = waiting.end();
    assert!(status.success(), "{status}: {errors}");
    assert!(!errors.contains("ended by"), "{errors}");
}

#[test]
fn a_signal_while_servers_are_quiesced_is_told_when_all_of_them_are() {
    let director = namespace("director");
    let rules: String = (1..250)
        .map(|host| {
            format!("-A -t 10.0.0.{host}:80 -s rr\n-a -t 10.0.0.{host}:80 -r 10.9.0.1:80 -m -w 3\n")
        })
        .collect();
    crate::program::restore(&director, &rules);
    let quiesced = rules.replace("-w 3", "-w 0");
    // Whenever it comes, nothing has been done or all of it.
    for hundredths in 1..20 {
        let mut command = director.command(program::path().unwrap());
        command.args(["--drain", "-r", "10.9.0.1", "--wait", "--json"]);
        command.stdout(Stdio::piped());
        let child = command.spawn().unwrap();
        thread::sleep(Duration::from_millis(hundredths * 10));
        let id = child.id().to_string();
        // It may have come to its end: nobody has a connection.
        let mut kill = Command::new("kill");
        assert!(kill.args(["-TERM", &id]).status().is_ok());
        let output = child.wait_with_output().unwrap();
        let after = ipvsadm(&director, "-S -n");
        let text = String::from_utf8(output.stdout).unwrap();
        if output.status.success() || text.contains("\"interrupted\"") {
            assert_eq!(after, quiesced, "{text}");
        } else {
            assert_eq!((after.as_str(), text.as_str()), (rules.as_str(), ""));
        }
        ipvsadm(&director, "-C");
        crate::program::restore(&director, &rules);
    }
}

#[test]
fn a_machine_is_drained_in_all_its_services_and_brought_back() {
    let director = namespace("director");
    let rules = "\
-A -t 10.0.0.1:80 -s wrr -p 60
-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 3 -x 100 -y 50
-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m -w 4
-a -t 10.0.0.1:80 -r 10.0.0.3:80 -m -w 5
-A -u 10.0.0.1:53 -s wlc
-a -u 10.0.0.1:53 -r 10.0.0.2:53 -i -w 6 --tun-type gue --tun-port 6080 --tun-csum
-A -u [2001:db8::1]:53 -s wlc
-a -u [2001:db8::1]:53 -r [2001:db8::2]:53 -g -w 7
-A -f 5 -s sh -b sh-port
-a -f 5 -r 10.0.0.2:0 -g -w 8
";
    crate::program::restore(&director, rules);
    let quiesced = |server: &str| {
        let lines = rules.lines().map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let is_meant = words
                .iter()
                .any(|word| word.starts_with(server) && words[0] == "-a");
            let weight = words.iter().position(|word| *word == "-w");
            match weight.filter(|_| is_meant) {
                Some(place) => [&words[..=place], &["0"], &words[place + 2..]].concat(),
                None => words,
            }
            .join(" ")
        });
        lines.map(|line| line + "\n").collect::<String>()
    };
    for (option, server) in [
        ("10.0.0.2", "10.0.0.2:"),
        ("10.0.0.2:8080", "10.0.0.2:8080"),
        ("2001:db8::2", "[2001:db8::2]:"),
        ("[2001:db8::2]:53", "[2001:db8::2]:"),
    ] {
        let drained = ipvsadm(&director, &format!("--drain -r {option}"));
        assert_eq!(ipvsadm(&director, "-S -n"), quiesced(server), "{option}");
        ipvsadm(&director, &format!("--drain --undo -r {option}"));
        assert_eq!(ipvsadm(&director, "-S -n"), rules, "{option}");

        ipvsadm(&director, &format!("--drain -r {option}"));
        for line in drained.lines() {
            let (_, command) = line.split_once("to bring it back: ipvsadm ").unwrap();
            ipvsadm(&director, command);
        }
        assert_eq!(ipvsadm(&director, "-S -n"), rules, "{option}");
    }
}

#[test]
fn another_network_namespace_knows_nothing_of_it() {
    let [first, second] = ["first", "second"].map(namespace);
    let rules = "-A -f 5 -s rr\n-a -f 5 -r 10.0.0.2:0 -g -w 8\n";
    for director in [&first, &second] {
        crate::program::restore(director, rules);
    }
    ipvsadm(&first, "--drain -r 10.0.0.2");
    let undo = answer(&second, "--drain --undo -r 10.0.0.2");
    assert_eq!(undo.stderr, "no old weight is known of 10.0.0.2\n");
    ipvsadm(&first, "--drain --undo -r 10.0.0.2");
    assert_eq!(ipvsadm(&first, "-S -n"), rules);
}

#[test]
fn where_nothing_can_be_kept_the_server_is_drained_all_the_same() {
    let director = namespace("director");
    crate::program::restore(&director, "-A -f 5 -s rr\n-a -f 5 -r 10.0.0.2:0 -g -w 8\n");
    let program = program::path().unwrap();
    let script = format!(
        "mount -t tmpfs -o ro none /run && XDG_RUNTIME_DIR=/run exec '{}' --drain -r 10.0.0.2",
        program.display()
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script]);
    let drain = director.answer(command, "").unwrap();
    assert!(
        drain.stderr.starts_with(
            "the old weights are not kept, --drain --undo will not know them: cannot use \
             /run/ipvsadm: Read-only file system"
        ),
        "{drain:?}"
    );
    assert_eq!(drain.status, 0);
    assert_eq!(
        ipvsadm(&director, "-S -n"),
        "-A -f 5 -s rr\n-a -f 5 -r 10.0.0.2:0 -g -w 0\n"
    );
}

#[test]
fn a_server_or_service_that_somebody_removes_is_done() {
    let scene = Scene::new(1, Protocol::Tcp, "");
    let name = format!("TCP {}: ", scene.service);
    for remove in ["-d -t SERVICE -r SERVER", "-D -t SERVICE"] {
        let (_held, server) = scene.begin();
        let (waiting, _) = Waiting::start(
            scene.director(),
            &format!("--drain -r {server} --wait --remove"),
        );
        let remove = remove.replace("SERVICE", &scene.service.to_string());
        let remove = remove.replace("SERVER", &format!("{server}:{PORT}"));
        ipvsadm(scene.director(), &remove);
        let (output, errors, status) = waiting.end();
        assert_eq!(
            output.lines().last().unwrap(),
            format!("{name}{server}:{PORT} is not there any more")
        );
        assert_eq!((errors.as_str(), status.code()), ("", Some(0)));
        // For the next round.
        let service = scene.service;
        answer(scene.director(), &format!("-A -t {service} -s rr"));
        answer(
            scene.director(),
            &format!("-a -t {service} -r {server}:{PORT} -m"),
        );
    }
}

#[test]
fn a_server_that_somebody_gives_a_weight_is_not_removed() {
    let scene = Scene::new(1, Protocol::Tcp, "");
    let (held, server) = scene.begin();
    let (waiting, _) = Waiting::start(
        scene.director(),
        &format!("--drain -r {server} --wait --remove"),
    );
    let service = scene.service;
    ipvsadm(
        scene.director(),
        &format!("-e -t {service} -r {server}:{PORT} -m -w 5"),
    );
    let (output, _, status) = waiting.end();
    assert_eq!(
        output.lines().last().unwrap(),
        format!("TCP {service}: {server}:{PORT} has weight 5 again: it is not drained any more")
    );
    assert_eq!(status.code(), Some(1));
    assert_eq!(scene.weight(server), 5);
    drop(held);
}

#[test]
fn a_client_of_udp_that_goes_on_sending_keeps_the_server_until_it_is_forgotten() {
    let scene = Scene::new(2, Protocol::Udp, "");
    let director = scene.director();
    ipvsadm(director, "--set 0 0 3000");
    director.sysctl("ipv4/vs/expire_nodest_conn", "1").unwrap();
    let (mut held, server) = scene.begin();
    let name = held.ask().unwrap().server;
    let (waiting, line) = Waiting::start(director, &format!("--drain -r {server} --wait"));
    assert_eq!(
        line,
        format!("UDP {}: {server}:{PORT} has 1 connection\n", scene.service)
    );
    for _ in 0..3 {
        assert_ne!(scene.ask(), server);
        assert_eq!(held.ask().unwrap().server, name);
    }
    ipvsadm(director, "--set 0 0 1");
    // A timeout holds from the next packet on.
    held.ask().unwrap();
    let (output, errors, status) = waiting.end();
    assert_eq!((errors.as_str(), status.code()), ("", Some(0)));
    assert_eq!(
        output.lines().last().unwrap(),
        format!("UDP {}: {server}:{PORT} has no connections", scene.service)
    );
}

#[test]
fn what_a_client_of_udp_sends_to_a_removed_server_is_lost_unless_the_kernel_is_told() {
    for (setting, goes_on) in [("0", false), ("1", true)] {
        let scene = Scene::new(2, Protocol::Udp, "");
        let director = scene.director();
        director
            .sysctl("ipv4/vs/expire_nodest_conn", setting)
            .unwrap();
        let (mut held, server) = scene.begin();
        let drained = ipvsadm(director, &format!("--drain --json -r {server}"));
        let warning = &checked(&drained)["warnings"][0];
        assert_eq!(warning["cause"], "udp");
        let message = warning["message"].as_str().unwrap();
        assert_eq!(message.contains("expire_nodest_conn is 0"), !goes_on);
        let service = scene.service;
        ipvsadm(director, &format!("-d -u {service} -r {server}:{PORT}"));
        let answered = if goes_on { held.ask() } else { held.doubt() };
        assert_eq!(answered.is_ok(), goes_on, "{answered:?}");
    }
}

#[test]
fn of_a_firewall_mark_udp_counts_only_if_the_server_is_to_be_idle() {
    let network = behind(1);
    let director = &network.director;
    let _responders = respond(&network, Protocol::Udp, PORT);
    let service = service(Family::V4, PORT);
    let machine = Machine::new().unwrap();
    let mut mark = machine.command(director, "/usr/sbin/iptables");
    mark.args("-t mangle -A PREROUTING -p udp -j MARK --set-mark 7".split(' '));
    let marked = Answer::of(mark, "").unwrap();
    assert_eq!((marked.stderr.as_str(), marked.status), ("", 0));
    balance(&network, "-f 7", "", 0, "-m");
    let mut held = Conversation::begin(&network.client, Protocol::Udp, service).unwrap();
    held.ask().unwrap();
    let server = network.servers[0].addresses.v4;
    for (words, status, warns) in [("--wait 0", 0, true), ("--wait 0 --idle", 1, false)] {
        let drain = answer(director, &format!("--drain --json -r {server} {words}"));
        assert_eq!(drain.status, status, "{drain:?}");
        let drained = checked(drain.stdout.lines().next().unwrap());
        let warnings = drained["warnings"].as_array().unwrap();
        let is_mark = |warning: &Value| warning["cause"] == "fwmark";
        assert_eq!(warnings.iter().any(is_mark), warns);
    }
}

#[test]
fn an_association_of_sctp_is_active_until_its_end() {
    let scene = Scene::new(1, Protocol::Sctp, "");
    let (held, server) = scene.begin();
    let arguments = format!("--drain -r {server} --wait");
    let (waiting, line) = Waiting::start(scene.director(), &arguments);
    assert!(line.ends_with(" has 1 active connection\n"), "{line}");
    drop(held);
    let (output, _, status) = waiting.end();
    assert!(output.ends_with(" has no active connections\n"), "{output}");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn persistent_clients_come_back_unless_the_kernel_is_told() {
    for (setting, comes_back) in [("0", true), ("1", false)] {
        let scene = Scene::new(2, Protocol::Tcp, "-p 600");
        let director = scene.director();
        director
            .sysctl("ipv4/vs/expire_quiescent_template", setting)
            .unwrap();
        let (held, server) = scene.begin();
        let drained = checked(&ipvsadm(director, &format!("--drain --json -r {server}")));
        let causes: Vec<_> = drained["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|warning| warning["cause"].as_str().unwrap())
            .collect();
        assert_eq!(causes.contains(&"persistence"), comes_back, "{causes:?}");
        assert_eq!(scene.ask() == server, comes_back);
        drop(held);
    }
}

#[test]
fn with_direct_routing_the_director_does_not_see_that_a_server_ends_a_connection() {
    for (direct, active) in [(false, 0), (true, 1)] {
        let network = if direct { beside(1) } else { behind(1) };
        let responders = match direct {
            true => respond_directly(&network, Protocol::Tcp),
            false => respond(&network, Protocol::Tcp, PORT),
        };
        let service = service(Family::V4, PORT);
        let method = if direct { "-g" } else { "-m" };
        balance(&network, &format!("-t {service}"), "", PORT, method);
        let client = &network.client;
        let mut held = Conversation::begin(client, Protocol::Tcp, service).unwrap();
        held.ask().unwrap();
        drop(responders);
        held.await_end().unwrap();
        let server = network.servers[0].addresses.v4.into();
        let look = || find_server(&network.director, server).unwrap()["active_connections"].clone();
        let active = Value::from(active);
        assert_eq!(wait::for_value(&active, look), active);
        let arguments = format!("--drain --json -r {server} --wait 0");
        let drain = answer(&network.director, &arguments);
        assert_eq!(drain.status, u8::from(direct));
        let drained = checked(drain.stdout.lines().next().unwrap());
        let warnings = drained["warnings"].as_array().unwrap();
        assert_eq!(
            warnings
                .iter()
                .any(|warning| warning["cause"] == "one-direction"),
            direct
        );
    }
}

#[test]
fn on_a_terminal_one_line_is_drawn_again_and_warnings_come_first() {
    let scene = Scene::new(1, Protocol::Tcp, "-p 600");
    let (first, server) = scene.begin();
    let (second, _) = scene.begin();
    let program = program::path().unwrap();
    let command = format!("'{}' --drain -r {server} --wait", program.display());
    let mut terminal = Terminal::start(scene.director(), &command);
    terminal.await_text(&format!(
        "warning: TCP {}: clients that persistence keeps",
        scene.service
    ));
    terminal.await_text("\r\x1b[Kwaiting for 2 active connections of ");
    drop(first);
    terminal.await_text("\r\x1b[Kwaiting for 1 active connection of ");
    drop(second);
    terminal.await_text(" has no active connections\r\n");
    assert_eq!(terminal.end(), "");
}

#[test]
fn every_line_of_json_fits_the_schema() {
    let scene = Scene::new(1, Protocol::Tcp, "");
    let (held, server) = scene.begin();
    let director = scene.director();
    let mut events = Vec::new();
    let mut note = |text: &str| {
        for line in text.lines() {
            events.push(checked(line)["event"].as_str().unwrap().to_owned());
        }
    };
    note(&answer(director, &format!("--drain --json -r {server} --wait 0")).stdout);
    note(&ipvsadm(director, "--drain --json --undo"));
    ipvsadm(director, &format!("--drain -r {server}"));
    let service = scene.service;
    ipvsadm(
        director,
        &format!("-e -t {service} -r {server}:{PORT} -m -w 5"),
    );
    note(&ipvsadm(director, "--drain --json --undo"));
    let mut child = director
        .command(program::path().unwrap())
        .args(["--drain", "--json", "--wait", "--remove", "-r"])
        .arg(server.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        note(&lines.next().unwrap().unwrap());
    }
    drop(held);
    for line in lines {
        note(&line.unwrap());
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(
        events,
        [
            "drained",
            "waiting",
            "over-time",
            "restored",
            "not-restored",
            "drained",
            "waiting",
            "empty",
            "removed"
        ]
    );
}
