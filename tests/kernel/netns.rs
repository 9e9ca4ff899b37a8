// SPDX-License-Identifier: MIT

//! Commands that are done in another network namespace (`--netns`). What they should
//! have done is asked inside of it, without the option.

use std::{
    fs::{self, File},
    net::UdpSocket,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command},
    thread,
};

use ipvs_client::{Client, NamespaceReference, NetworkNamespace};
use ipvs_lab::{Answer, Namespace, program, wait};
use serde_json::Value;
use tempfile::TempDir;

use crate::{add_sync_interface, ipvsadm, namespace, program::RULES, watch::Terminal};

/// A network namespace that has a process, a name and a file.
struct Target {
    inside: Namespace,
    process: Child,
    name: String,
    folder: TempDir,
}

impl Target {
    fn new() -> Self {
        let inside = namespace("target");
        let process = inside.command("sleep").arg("86400").spawn().unwrap();
        let name = format!("lab-{}", process.id());
        inside
            .ip(&format!("netns attach {name} {}", process.id()))
            .unwrap();
        // Docker's are mounted like this below /run/docker/netns.
        let folder = TempDir::new().unwrap();
        let target = Self {
            inside,
            process,
            name,
            folder,
        };
        File::create(target.file()).unwrap();
        let mut mount = Command::new("mount");
        mount.arg("--bind").arg(target.process_file());
        assert!(mount.arg(target.file()).status().unwrap().success());
        target
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("1-a2b3c4")
    }

    fn process_file(&self) -> String {
        format!("/proc/{}/ns/net", self.process.id())
    }

    /// Lists the words that name it.
    fn words(&self) -> [String; 4] {
        [
            self.name.clone(),
            self.process.id().to_string(),
            self.process_file(),
            self.file().display().to_string(),
        ]
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // What is left ends with the kernel.
        let _ = Command::new("umount").arg(self.file()).status();
        let _ = self.inside.ip(&format!("netns del {}", self.name));
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns what a command says, and its status.
fn told(caller: &Namespace, arguments: &str, input: &str) -> (String, String, u8) {
    let words = arguments.split_ascii_whitespace();
    let answer = ipvs_lab::ipvsadm_reading(caller, words, input).unwrap();
    (answer.stdout, answer.stderr, answer.status)
}

fn done() -> (String, String, u8) {
    (String::new(), String::new(), 0)
}

#[test]
fn changes_are_made_there_by_every_way_to_name_it_and_not_here() {
    let (caller, target) = (namespace("caller"), Target::new());
    let before = ipvsadm(&caller, "-L --timeout");
    add_sync_interface(&target.inside);
    let saved = || ipvsadm(&target.inside, "-S -n");
    for there in target.words() {
        let run = |arguments: &str| ipvsadm(&caller, &format!("--netns {there} {arguments}"));
        run("-A -t 10.0.0.1:80 -s rr");
        run("-a -t 10.0.0.1:80 -r 10.0.0.2 -m -w 3");
        assert_eq!(
            saved(),
            "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 3\n"
        );
        run("-E -t 10.0.0.1:80 -s wlc -p 60");
        run("-e -t 10.0.0.1:80 -r 10.0.0.2 -w 5 --keep");
        assert_eq!(
            saved(),
            "-A -t 10.0.0.1:80 -s wlc -p 60\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 5\n"
        );
        run("-Z");
        run("-d -t 10.0.0.1:80 -r 10.0.0.2");
        run("-A -f 5 --exist");
        run("-D -t 10.0.0.1:80");
        assert_eq!(saved(), "-A -f 5 -s wlc\n");
        run("-C");
        assert_eq!(saved(), "");
        run("--set 100 200 300");
        assert_eq!(
            ipvsadm(&target.inside, "-L --timeout"),
            "Timeout (tcp tcpfin udp): 100 200 300\n"
        );
        run("--set 900 120 300");
        // The interface is there alone.
        run("--start-daemon master --mcast-interface sync0 --syncid 7");
        let daemons = ipvsadm(&target.inside, "-L --daemon");
        assert!(daemons.contains("mcast=sync0, syncid=7"), "{daemons}");
        assert_eq!(run("-L --daemon"), daemons);
        run("--stop-daemon master");
        assert_eq!(ipvsadm(&target.inside, "-L --daemon"), "");

        let rules = |arguments: &str| {
            let arguments = format!("{arguments} --netns={there}");
            told(&caller, &arguments, RULES)
        };
        assert_eq!(rules("-R"), done());
        assert_eq!(saved(), RULES);
        assert_eq!(rules("--diff"), done());
        run("-C");
        assert_eq!(rules("--diff").2, 1);
        assert_eq!(rules("--apply"), done());
        assert_eq!(saved(), RULES);
        run("-C");
    }
    assert_eq!(ipvsadm(&caller, "-S -n"), "");
    assert_eq!(ipvsadm(&caller, "-L --daemon"), "");
    assert_eq!(ipvsadm(&caller, "-L --timeout"), before);
}

#[test]
fn listings_in_every_form_are_those_of_the_namespace() {
    let (caller, target) = (namespace("caller"), Target::new());
    assert_eq!(told(&target.inside, "-R", RULES), done());
    ipvsadm(&caller, "-A -t 192.0.2.9:9");
    // One connection, which is listed until it is forgotten.
    ipvsadm(&target.inside, "-A -u 127.0.0.1:9 -s rr");
    ipvsadm(&target.inside, "-a -u 127.0.0.1:9 -r 127.0.0.1 -m");
    let send = || UdpSocket::bind("127.0.0.1:5555")?.send_to(b"x", "127.0.0.1:9");
    target.inside.run(send).unwrap().unwrap();
    for there in target.words() {
        for arguments in [
            "-L -n",
            "-L -n --stats --exact",
            "-L -n -t 10.0.0.1:80",
            "-L -n --thresholds",
            "-L -n --output wide",
            "-L --output openmetrics --totals",
            "-L --json -f 5",
            "-S -n",
            "-S --json",
            "-L --timeout --json",
        ] {
            // The kernel brings the counters up to date every two seconds.
            let mut inside = String::new();
            let listed = wait::for_value(&true, || {
                let listed = ipvsadm(&caller, &format!("{arguments} --netns {there}"));
                inside = ipvsadm(&target.inside, arguments);
                !listed.is_empty() && listed == inside
            });
            assert!(listed, "{arguments}: {inside}");
        }
        let connections = ipvsadm(&caller, &format!("--netns {there} -Lnc"));
        let lines: Vec<_> = connections.lines().collect();
        assert_eq!(lines.len(), 3, "{connections}");
        assert!(lines[2].contains("127.0.0.1:5555"), "{connections}");
    }
    let watched = ipvsadm(
        &caller,
        &format!("--netns {} -Ln --watch 1 --count 1", target.name),
    );
    assert!(watched.contains("10.0.0.1:80"), "{watched}");
    assert!(!watched.contains("192.0.2.9"), "{watched}");
    assert_eq!(
        ipvsadm(&caller, &format!("--netns {}", target.name)),
        ipvsadm(&target.inside, ""),
        "without a command"
    );
}

#[test]
fn files_that_are_named_are_the_caller_s() {
    let (caller, target) = (namespace("caller"), Target::new());
    let there = target.process.id();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file").display().to_string();
    fs::write(&file, RULES).unwrap();
    ipvsadm(&caller, &format!("--netns {there} -R {file}"));
    assert_eq!(ipvsadm(&target.inside, "-S -n"), RULES);
    ipvsadm(
        &caller,
        &format!("--netns {there} -L --output openmetrics --output-file {file}"),
    );
    assert!(fs::read_to_string(&file).unwrap().contains("10.0.0.1"));
}

#[test]
fn the_scripts_save_and_restore_there() {
    let (caller, target) = (namespace("caller"), Target::new());
    let script = |name: &str, there: &[&str], input: &str| {
        let mut command = Command::new(program::path().unwrap());
        command.arg0(name).args(there);
        let answer = caller.answer(command, input).unwrap();
        (answer.stdout, answer.stderr, answer.status)
    };
    for there in target.words() {
        let restored = script("ipvsadm-restore", &["--netns", &there], RULES);
        assert_eq!(restored, done());
        assert_eq!(ipvsadm(&target.inside, "-S -n"), RULES);
        let saved = script("ipvsadm-save", &["-n", &format!("--netns={there}")], "");
        assert_eq!(saved, (RULES.to_owned(), String::new(), 0));
        ipvsadm(&target.inside, "-C");
    }
    assert_eq!(ipvsadm(&caller, "-S -n"), "");
    // What ipvsadm-restore does not know it ignores, as the original does. This
    // must not make it clear the table of the caller.
    ipvsadm(&caller, "-A -f 5 -s rr");
    for (words, error, status) in [
        (&["--netns"][..], "--netns: missing argument\n", 255),
        (
            &["--netns", "no-such-name"],
            "there is no network namespace \"no-such-name\" in /run/netns\n",
            2,
        ),
    ] {
        for name in ["ipvsadm-restore", "ipvsadm-save"] {
            let told = script(name, words, "");
            assert_eq!(told, (String::new(), error.to_owned(), status), "{name}");
        }
    }
    assert_eq!(ipvsadm(&caller, "-S -n"), "-A -f 5 -s rr\n");
}

#[test]
fn the_lock_and_the_weights_of_drained_servers_are_those_of_the_namespace() {
    let (caller, target) = (namespace("caller"), Target::new());
    let there = target.process.id();
    let rules = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 3\n";
    for inside in [&caller, &target.inside] {
        assert_eq!(told(inside, "-R", rules), done());
    }
    let drained = ipvsadm(&caller, &format!("--netns {there} --drain -r 10.0.0.2"));
    assert_eq!(
        drained,
        format!(
            "TCP 10.0.0.1:80: 10.0.0.2:80 had weight 3; to bring it back: ipvsadm --netns {there} \
             -e --keep -t 10.0.0.1:80 -r 10.0.0.2:80 -w 3\n"
        )
    );
    assert_eq!(
        told(&caller, "--drain --undo -r 10.0.0.2", "").1,
        "no old weight is known of 10.0.0.2\n"
    );
    assert_eq!(ipvsadm(&caller, "-S -n"), rules, "it was drained there");
    ipvsadm(&target.inside, "--drain --undo -r 10.0.0.2");
    assert_eq!(ipvsadm(&target.inside, "-S -n"), rules);

    let number = NetworkNamespace::of(&target.inside).unwrap().inode();
    let path = format!("/run/ipvsadm/net-{number}.lock");
    let held = File::open(&path).unwrap();
    held.lock().unwrap();
    let apply = format!("--netns {there} --apply");
    let (_, error, status) = told(&caller, &apply, rules);
    assert!(error.contains(&path), "{error}");
    assert_eq!(status, 1);
    assert_eq!(told(&caller, "--apply", rules), done());
    drop(held);
    assert_eq!(told(&caller, &apply, rules), done());
}

#[test]
fn whatever_is_not_a_network_namespace_is_told_in_its_own_words_with_status_2() {
    let (caller, target) = (namespace("caller"), Target::new());
    let process = target.process.id();
    let ended = {
        let mut child = caller.command("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    };
    let file = target.folder.path().join("file").display().to_string();
    fs::write(&file, "").unwrap();
    let pipe = target.folder.path().join("pipe").display().to_string();
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let left = format!("lab-left-{process}");
    fs::write(format!("/run/netns/{left}"), "").unwrap();
    for (there, error) in [
        (
            "no-such-name".to_owned(),
            "there is no network namespace \"no-such-name\" in /run/netns".to_owned(),
        ),
        (ended.to_string(), format!("process {ended} does not exist")),
        (
            "/no/such/file".to_owned(),
            "/no/such/file does not exist".to_owned(),
        ),
        (format!("{file}/x"), format!("{file}/x does not exist")),
        (file.clone(), format!("{file} is not a network namespace")),
        (pipe.clone(), format!("{pipe} is not a network namespace")),
        (
            format!("/proc/{process}/ns/mnt"),
            format!("/proc/{process}/ns/mnt is not a network namespace"),
        ),
        (
            format!("/proc/{process}"),
            format!("/proc/{process} is not a network namespace"),
        ),
        (
            left.clone(),
            format!("/run/netns/{left} is not a network namespace"),
        ),
        (
            "..".to_owned(),
            "illegal network namespace specified".to_owned(),
        ),
    ] {
        for command in [
            "-L",
            "-A -t 10.0.0.1:80",
            "-R",
            "--drain -r 10.0.0.2",
            "--apply",
        ] {
            let answer = told(&caller, &format!("{command} --netns {there}"), "");
            assert_eq!(
                answer,
                (String::new(), format!("{error}\n"), 2),
                "{command}"
            );
        }
        let (_, object, status) = told(&caller, &format!("--netns {there} -L --json"), "");
        let object: Value = serde_json::from_str(&object).unwrap();
        assert_eq!((object["message"].as_str(), status), (Some(&*error), 2));
    }
    fs::remove_file(format!("/run/netns/{left}")).unwrap();
}

#[test]
fn no_rule_goes_into_another_network_namespace() {
    let (caller, target) = (namespace("caller"), Target::new());
    let name = &target.name;
    for rule in [
        format!("-A -t 10.0.0.1:80 --netns {name}"),
        format!("--netns {name} -A -t 10.0.0.1:80"),
        format!("ipvsadm --netns={name} -C"),
    ] {
        for command in ["-R", "--apply", "-R --check"] {
            let (_, error, status) = told(&caller, command, &rule);
            let words = "the 'netns' option is for the command line, not for a rule\n";
            assert!(error.ends_with(words), "{error}");
            assert_eq!(status, 2, "{rule}");
        }
    }
    for inside in [&caller, &target.inside] {
        assert_eq!(ipvsadm(inside, "-S -n"), "");
    }
}

/// Runs a script as a user who has no rights, with the program as `$0`.
fn as_nobody(caller: &Namespace, script: &str) -> Answer {
    let mut command = caller.command("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command.args(["sh", "-c", script]);
    command.arg(program::path().unwrap());
    Answer::of(command, "").unwrap()
}

#[test]
fn who_may_not_enter_is_told_so() {
    let (caller, target) = (namespace("caller"), Target::new());
    let [name, process, ..] = target.words();
    let file = target.process_file();
    for (there, words) in [
        (&name, format!("\"{name}\"")),
        (&process, format!("of process {process}")),
        (&file, file.clone()),
    ] {
        let answer = as_nobody(&caller, &format!("\"$0\" --netns {there} -L"));
        let words = format!("entering the network namespace {words} is not permitted\n");
        assert_eq!((answer.stderr, answer.status), (words, 2));
    }
}

#[test]
fn who_owns_the_user_namespace_of_a_process_needs_no_root() {
    // The shell tells of a process that ended by a signal, but not by SIGPIPE.
    let caller = namespace("caller");
    // The module must be there: nobody loads it.
    ipvsadm(&caller, "-L");
    let answer = as_nobody(
        &caller,
        "unshare -Urn sh -c 'ip link set lo up; echo; exec sleep 86400' | { read started
            process=$(pgrep -u 65534 -n sleep)
            \"$0\" --netns $process -A -t 10.0.0.1:80 -s rr
            \"$0\" --netns $process -a -t 10.0.0.1:80 -r 127.0.0.1 -m
            \"$0\" --netns $process -S -n
            kill -PIPE $process; }",
    );
    assert_eq!(
        (answer.stdout.as_str(), answer.stderr.as_str()),
        (
            "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 127.0.0.1:80 -m -w 1\n",
            ""
        )
    );
    assert_eq!(ipvsadm(&caller, "-S -n"), "");
}

#[test]
fn a_person_is_told_what_may_have_been_meant() {
    let (caller, target) = (namespace("caller"), Target::new());
    let program = program::path().unwrap();
    let process = target.process.id();
    let other = &target.name[..target.name.len() - 1];
    for (there, hint) in [
        (other.to_owned(), format!("did you mean {}?", target.name)),
        (
            format!("/proc/{process}"),
            format!("that of a process is the file --netns /proc/{process}/ns/net"),
        ),
    ] {
        let command = format!("'{}' --netns {there} -L || :", program.display());
        let said = Terminal::start(&caller, &command).end();
        assert!(said.contains(&format!("hint: {hint}")), "{said}");
    }
}

/// Answers queries of DNS (RFC 1035): every name has this address, and no other record.
fn answer_queries(socket: &UdpSocket, address: [u8; 4]) {
    let mut query = [0; 512];
    while let Ok((length, asker)) = socket.recv_from(&mut query) {
        let asks_for_address = query[..length].ends_with(&[0, 1, 0, 1]);
        let mut answer = query[..length].to_vec();
        // A response, recursion available; one question and at most one answer.
        answer[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, asks_for_address.into()]);
        if asks_for_address {
            // The name of the question; type A, class IN, not to be kept, 4 bytes.
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
            answer.extend(address);
        }
        socket.send_to(&answer, asker).unwrap();
    }
}

#[test]
fn names_of_hosts_are_looked_up_there() {
    let (caller, target) = (namespace("caller"), Target::new());
    let bind = || UdpSocket::bind("127.0.0.1:53");
    let socket = target.inside.run(bind).unwrap().unwrap();
    thread::spawn(move || answer_queries(&socket, [10, 0, 0, 7]));
    let servers = target.folder.path().join("resolv.conf");
    fs::write(
        &servers,
        "nameserver 127.0.0.1\noptions attempts:1 timeout:1\n",
    )
    .unwrap();
    let look_up = |there: &str| {
        let mut command = caller.command("unshare");
        command.args(["--mount", "sh", "-c"]);
        command.arg(
            "mount --bind \"$1\" /etc/resolv.conf && \
             exec \"$0\" $2 -A -t www.lab.example:80 -s rr",
        );
        command.arg(program::path().unwrap());
        command.arg(&servers).arg(there);
        Answer::of(command, "").unwrap()
    };
    let answer = look_up(&format!("--netns {}", target.name));
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    assert_eq!(
        ipvsadm(&target.inside, "-S -n"),
        "-A -t 10.0.0.7:80 -s rr\n"
    );
    // Here nobody answers.
    assert_eq!(look_up("").status, 2);
}

#[test]
fn programs_open_clients_by_the_same_words() {
    let (caller, target) = (namespace("caller"), Target::new());
    ipvsadm(&target.inside, "-A -f 5 -s rr");
    caller
        .run(|| {
            let here = NetworkNamespace::current().unwrap();
            for there in target.words() {
                let reference: NamespaceReference = there.parse().unwrap();
                let mut client = Client::open_in(reference.open().unwrap()).unwrap();
                let services = client.services().unwrap();
                assert_eq!(services[0].id.to_string(), "fwmark 5");
                assert_eq!(NetworkNamespace::current().unwrap(), here);
            }
        })
        .unwrap();
}
