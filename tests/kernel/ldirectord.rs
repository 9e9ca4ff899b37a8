// SPDX-License-Identifier: MIT

//! Debian's ldirectord, as it is, with this tree's program as its `ipvsadm`.

use std::fs;

use ipvs_lab::cluster::{Cluster, expected};
use ipvs_lab::machine::Machine;
use ipvs_lab::{Answer, Namespace, packages, wait};
use tempfile::TempDir;

use crate::{ipvsadm, namespace};

/// A running ldirectord; it ends with this value.
struct Ldirectord {
    machine: Machine,
    director: Namespace,
    directory: TempDir,
}

impl Ldirectord {
    /// Writes the configuration and starts the daemon as its unit does.
    fn start(director: &Namespace, configuration: &str) -> Self {
        let daemon = Self {
            machine: Machine::new().unwrap(),
            director: director.try_clone().unwrap(),
            directory: TempDir::new().unwrap(),
        };
        let log = daemon.directory.path().join("log");
        let configuration = format!("logfile=\"{}\"\n{configuration}", log.display());
        fs::write(daemon.directory.path().join("test.cf"), configuration).unwrap();
        let answer = daemon.action("start");
        assert_eq!(answer.status, 0, "{answer:?}");
        daemon
    }

    fn action(&self, action: &str) -> Answer {
        let program = packages::LDIRECTORD.places.first().unwrap();
        let mut command = self.machine.command(&self.director, program);
        command.arg(self.directory.path().join("test.cf"));
        command.arg(action);
        Answer::of(command, "").unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    fn await_table(&self, wanted: &str) {
        let wanted = wanted.to_owned();
        let seen = wait::for_value(&wanted, || ipvsadm(&self.director, "-S -n"));
        assert_eq!(seen, wanted, "{}", self.log());
    }

    fn is_running(&self) -> bool {
        let file = self.machine.run_directory().join("ldirectord.test.cf.pid");
        file.exists()
    }

    /// Stops the daemon as its unit does and waits for its end. None of the
    /// commands that it has run may have failed.
    fn stop(&self) {
        let answer = self.action("stop");
        assert_eq!(answer.status, 0, "{answer:?}");
        let running = wait::for_value(&false, || self.is_running());
        let log = self.log();
        assert!(!running, "{log}");
        assert!(log.contains("Daemon terminated on signal: TERM"), "{log}");
        assert!(!log.contains("failed"), "{log}");
    }
}

impl Drop for Ldirectord {
    fn drop(&mut self) {
        if self.is_running() {
            self.action("stop");
            wait::for_value(&false, || self.is_running());
        }
    }
}

/// Two servers, weights 3 and 1, that must say on their page for monitors that
/// they are well.
const CHECKED: &str = "\
checkinterval=1
negotiatetimeout=10
virtual=198.51.100.100:80
    real=10.0.0.2:80 masq 3
    real=10.0.0.3:80 masq 1
    service=http
    checktype=negotiate
    request=\"health\"
    receive=\"well\"
    scheduler=wrr
    protocol=tcp
";
const SERVICE: &str = "-A -t 198.51.100.100:80 -s wrr\n";
const SERVER1: &str = "-a -t 198.51.100.100:80 -r 10.0.0.2:80 -m -w 3\n";
const SERVER2: &str = "-a -t 198.51.100.100:80 -r 10.0.0.3:80 -m -w 1\n";

/// Makes requests; each server must get its share, by these weights.
fn assert_balanced<const N: usize>(cluster: &Cluster, weights: [(&str, usize); N]) {
    let shares = cluster.requests(12, || ()).unwrap();
    assert_eq!(shares, expected(weights, 12).unwrap());
}

#[test]
fn ldirectord_removes_a_dead_server_and_restores_it_with_its_weight() {
    let mut cluster = Cluster::new(2).unwrap();
    // What others have set up is none of its business.
    let other = "-A -u 192.0.2.1:53 -s rr\n";
    ipvsadm(&cluster.director, other);
    let settings = format!("quiescent=no\n{CHECKED}");
    let daemon = Ldirectord::start(&cluster.director, &settings);
    daemon.await_table(&[SERVICE, SERVER1, SERVER2, other].concat());
    assert_balanced(&cluster, [("server1", 3), ("server2", 1)]);

    cluster.servers[0].stop();
    daemon.await_table(&[SERVICE, SERVER2, other].concat());
    assert_balanced(&cluster, [("server2", 1)]);

    cluster.servers[0].start().unwrap();
    daemon.await_table(&[SERVICE, SERVER1, SERVER2, other].concat());
    assert_balanced(&cluster, [("server1", 3), ("server2", 1)]);

    // It removes what it has set up, and only that.
    daemon.stop();
    assert_eq!(ipvsadm(&cluster.director, "-S -n"), other);
}

#[test]
fn ldirectord_quiesces_an_ill_server_and_leaves_its_table_if_told_so() {
    let cluster = Cluster::new(2).unwrap();
    let settings = format!("quiescent=yes\ncleanstop=no\n{CHECKED}");
    let daemon = Ldirectord::start(&cluster.director, &settings);
    daemon.await_table(&[SERVICE, SERVER1, SERVER2].concat());
    assert_balanced(&cluster, [("server1", 3), ("server2", 1)]);

    let quiesced = "-a -t 198.51.100.100:80 -r 10.0.0.2:80 -m -w 0\n";
    cluster.servers[0].set_well(false);
    daemon.await_table(&[SERVICE, quiesced, SERVER2].concat());
    assert_balanced(&cluster, [("server2", 1)]);

    cluster.servers[0].set_well(true);
    daemon.await_table(&[SERVICE, SERVER1, SERVER2].concat());
    assert_balanced(&cluster, [("server1", 3), ("server2", 1)]);

    daemon.stop();
    assert_eq!(
        ipvsadm(&cluster.director, "-S -n"),
        [SERVICE, SERVER1, SERVER2].concat()
    );
    assert_balanced(&cluster, [("server1", 3), ("server2", 1)]);
}

#[test]
fn ldirectord_puts_its_fallback_in_place_of_dead_servers() {
    let mut cluster = Cluster::new(3).unwrap();
    let settings = format!("quiescent=no\n{CHECKED}    fallback=10.0.0.4:80 masq\n");
    let daemon = Ldirectord::start(&cluster.director, &settings);
    // Until its first checks are done it takes each server in and out again, in
    // turns with the fallback; both are there only after them.
    daemon.await_table(&[SERVICE, SERVER1, SERVER2].concat());

    cluster.servers[0].stop();
    cluster.servers[1].stop();
    let fallback = "-a -t 198.51.100.100:80 -r 10.0.0.4:80 -m -w 1\n";
    daemon.await_table(&[SERVICE, fallback].concat());
    assert_balanced(&cluster, [("server3", 1)]);

    daemon.stop();
    assert_eq!(ipvsadm(&cluster.director, "-S -n"), "");
}

#[test]
fn ldirectord_sets_up_every_kind_of_virtual_service_and_takes_over_an_old_table() {
    let director = namespace("director");
    // Left by an earlier run with other settings. (A server that is not there
    // yet is added and deleted once before it stays, which takes its time.)
    for old in [
        "-A -t 192.0.2.1:80 -s rr -p 60",
        "-a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m -w 9 -x 3",
        "-a -t 192.0.2.1:80 -r 10.0.0.3:80 -i -w 9",
        "-a -t 192.0.2.1:80 -r 10.0.0.99:80 -m -w 9",
        "-A -t [2001:db8:1::1]:443 -s wlc -p 300 -M 64",
        "-a -t [2001:db8:1::1]:443 -r [2001:db8::2]:8443 -m -w 5",
        "-a -t [2001:db8:1::1]:443 -r [2001:db8::9]:443 -m -w 5",
        "-A -f 7 -s rr",
        "-a -f 7 -r 10.0.0.2 -i -w 1",
        "-A -f 7 -6 -s rr",
        "-a -f 7 -6 -r [2001:db8::2]:0 -g -w 5",
    ] {
        ipvsadm(&director, old);
    }
    let daemon = Ldirectord::start(
        &director,
        "\
virtual=192.0.2.1:80
    real=10.0.0.2:8080 masq 2 l:5 u:10
    real=10.0.0.3:80 gate
    real=10.0.0.4:80 ipip 65535
    checktype=on
    scheduler=wlc
virtual=192.0.2.1:53
    real=10.0.0.2:53 masq
    checktype=on
    protocol=udp
    ops=yes
    scheduler=rr
virtual=7
    real=10.0.0.2 gate 4
    checktype=on
    persistent=600
    netmask=255.255.255.0
virtual6=7
    real6=[2001:db8::2] gate 4
    checktype=on
    scheduler=sh
    schedflags=sh-port,sh-fallback
virtual6=[2001:db8:1::1]:443
    real6=[2001:db8::2]:8443 masq 3
    checktype=on
    persistent=300
    netmask=64
",
    );
    let table = "\
-A -t 192.0.2.1:80 -s wlc
-a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m -w 2 -x 10 -y 5
-a -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 1
-a -t 192.0.2.1:80 -r 10.0.0.4:80 -i -w 65535 --tun-type ipip
-A -u 192.0.2.1:53 -s rr -o
-a -u 192.0.2.1:53 -r 10.0.0.2:53 -m -w 1
-A -t [2001:db8:1::1]:443 -s wrr -p 300 -M 64
-a -t [2001:db8:1::1]:443 -r [2001:db8::2]:8443 -m -w 3
-A -f 7 -s wrr -p 600 -M 255.255.255.0
-a -f 7 -r 10.0.0.2:0 -g -w 4
-A -f 7 -6 -s sh -b sh-fallback,sh-port
-a -f 7 -6 -r [2001:db8::2]:0 -g -w 4
";
    daemon.await_table(table);
    let answer = daemon.action("status");
    assert_eq!(answer.status, 0, "{answer:?}");
    daemon.stop();
    assert_eq!(ipvsadm(&director, "-S -n"), "");
}
