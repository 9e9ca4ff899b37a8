// SPDX-License-Identifier: MIT

//! The examples of the client crate, run as programs.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::{AsFd, AsRawFd},
    path::PathBuf,
    process::{Command, Stdio},
};

use ipvs_client::{Client, DestinationId, ServiceId};
use ipvs_lab::{Answer, Namespace, wait};

use crate::{ipvsadm, namespace};

/// The program of an example: cargo builds it with this one, beside it.
fn example(name: &str) -> PathBuf {
    let this = env::current_exe().unwrap();
    let path = this.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(
        path.exists(),
        "{} is missing: `cargo lab test` builds it",
        path.display()
    );
    path
}

fn run(namespace: &Namespace, name: &str, arguments: &[&str]) -> Answer {
    let mut command = namespace.command(example(name));
    command.args(arguments);
    Answer::of(command, "").unwrap()
}

/// The output of an example that succeeds and has nothing to complain about.
fn output(namespace: &Namespace, name: &str, arguments: &[&str]) -> String {
    let answer = run(namespace, name, arguments);
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    answer.stdout
}

const RULES: &str = "-A -t 192.0.2.1:80 -s wrr\n\
                     -a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 3\n\
                     -a -t 192.0.2.1:80 -r 10.0.0.3:80 -m -w 1\n";

#[test]
fn balance_adds_a_service_with_its_servers_and_tells_what_is_refused() {
    let director = namespace("director");
    let arguments = ["TCP 192.0.2.1:80", "10.0.0.2:80=3", "10.0.0.3:80=1"];
    assert_eq!(output(&director, "balance", &arguments), "");
    assert_eq!(ipvsadm(&director, "-S -n"), RULES);

    let answer = run(
        &director,
        "balance",
        &["TCP 192.0.2.1:80", "10.0.0.4:80=1", "224.0.0.1:80=1"],
    );
    assert_eq!(
        (answer.stderr.as_str(), answer.status),
        (
            "cannot add TCP 192.0.2.1:80: it exists already\n\
             cannot add 224.0.0.1:80 to TCP 192.0.2.1:80: Invalid argument (os error 22)\n",
            1
        )
    );
    assert!(ipvsadm(&director, "-S -n").contains("10.0.0.4:80"));
}

#[test]
fn list_shows_this_namespace_or_another() {
    let (director, elsewhere) = (namespace("director"), namespace("elsewhere"));
    crate::program::restore(&director, RULES);
    let table = "TCP 192.0.2.1:80, scheduler wrr\n    \
                 10.0.0.3:80, Masquerading, weight 1, 0 active and 0 inactive connections\n    \
                 10.0.0.2:80, Masquerading, weight 3, 0 active and 0 inactive connections\n";
    assert_eq!(output(&director, "list", &[]), table);
    assert_eq!(output(&elsewhere, "list", &[]), "");
    let file = format!(
        "/proc/{}/fd/{}",
        std::process::id(),
        director.as_fd().as_raw_fd()
    );
    assert_eq!(output(&elsewhere, "list", &[&file]), table);
}

#[test]
fn reconcile_changes_what_is_wrong_and_nothing_else() {
    let director = namespace("director");
    crate::program::restore(&director, RULES);
    ipvsadm(&director, "-A -u 192.0.2.1:53 -s rr");
    ipvsadm(&director, "-a -u 192.0.2.1:53 -r 10.0.0.2:53 -m");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wanted");
    let file = file.to_str().unwrap();
    let wanted = "TCP 192.0.2.1:80 wrr\n  10.0.0.2:80 5\n  10.0.0.4:80 1\n\
                  fwmark 7 IPv6 sh\n  [2001:db8::2]:80 1\n";
    fs::write(file, wanted).unwrap();
    let done = output(&director, "reconcile", &[file]);
    assert_eq!(
        done.lines().collect::<Vec<_>>(),
        [
            "add fwmark 7 IPv6",
            "add [2001:db8::2]:80 to fwmark 7 IPv6",
            "edit 10.0.0.2:80 of TCP 192.0.2.1:80",
            "add 10.0.0.4:80 to TCP 192.0.2.1:80",
            "delete 10.0.0.3:80 from TCP 192.0.2.1:80",
            "delete UDP 192.0.2.1:53",
        ]
    );
    assert_eq!(
        ipvsadm(&director, "-S -n"),
        "-A -t 192.0.2.1:80 -s wrr\n\
         -a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 5\n\
         -a -t 192.0.2.1:80 -r 10.0.0.4:80 -m -w 1\n\
         -A -f 7 -6 -s sh\n\
         -a -f 7 -6 -r [2001:db8::2]:80 -m -w 1\n"
    );
    assert_eq!(output(&director, "reconcile", &[file]), "");
}

#[test]
fn drain_waits_for_the_last_active_connection_and_removes_the_server() {
    let director = namespace("director");
    director.ip("addr add 192.0.2.1/32 dev lo").unwrap();
    ipvsadm(&director, "-A -t 192.0.2.1:80 -s rr");
    ipvsadm(&director, "-a -t 192.0.2.1:80 -r 127.0.0.1:80 -m");
    let service = SocketAddr::from(([192, 0, 2, 1], 80));
    let (client, server) = director
        .run(|| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 80)).unwrap();
            let client = TcpStream::connect(service).unwrap();
            (client, listener.accept().unwrap().0)
        })
        .unwrap();
    let mut table = Client::open_in(&director).unwrap();
    let web = ServiceId::tcp(service);
    assert_eq!(table.destinations(&web).unwrap()[0].active_connections, 1);

    let mut command: Command = director.command(example("drain"));
    command
        .args(["TCP 192.0.2.1:80", "127.0.0.1:80"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut drain = command.spawn().unwrap();
    let weight = wait::for_value(&0, || table.destinations(&web).unwrap()[0].settings.weight);
    assert_eq!(weight, 0);
    // It cannot have ended: the connection is still there.
    assert!(drain.try_wait().unwrap().is_none());
    drop((client, server));
    let output = drain.wait_with_output().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.starts_with("active connections of 127.0.0.1:80: 1\n"),
        "{said}"
    );
    assert!(
        said.ends_with("active connections of 127.0.0.1:80: 0\n"),
        "{said}"
    );
    assert_eq!(table.destinations(&web).unwrap(), []);

    let answer = run(&director, "drain", &["TCP 192.0.2.1:80", "127.0.0.1:80"]);
    assert_eq!(answer.status, 1);
    let gone = DestinationId::new(Ipv4Addr::LOCALHOST, 80);
    let words = format!("TCP 192.0.2.1:80 has no destination {gone}");
    assert!(answer.stderr.contains(&words), "{}", answer.stderr);
}
