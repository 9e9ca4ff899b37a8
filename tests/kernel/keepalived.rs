// SPDX-License-Identifier: MIT

//! Debian's keepalived sets tables up through netlink by itself; this tree's
//! program must show, save and restore what it finds there.

use std::fs::{self, File};
use std::process::{Child, Stdio};

use ipvs_lab::cluster::{Cluster, expected};
use ipvs_lab::machine::Machine;
use ipvs_lab::{Namespace, packages, wait};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::{ipvsadm, namespace};

/// A running keepalived; it ends with this value.
struct Keepalived {
    _machine: Machine,
    director: Namespace,
    directory: TempDir,
    process: Child,
}

impl Keepalived {
    fn start(director: &Namespace, arguments: &[&str], configuration: &str) -> Self {
        let machine = Machine::new().unwrap();
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("keepalived.conf");
        fs::write(&file, configuration).unwrap();
        let log = File::create(directory.path().join("log")).unwrap();
        let program = packages::KEEPALIVED.places.first().unwrap();
        let process = machine
            .command(director, program)
            .args(["--dont-fork", "--log-console", "--no-syslog", "--check"])
            .arg("--use-file")
            .arg(file)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self {
            _machine: machine,
            director: director.try_clone().unwrap(),
            directory,
            process,
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    fn await_table(&self, wanted: &str) {
        let wanted = wanted.to_owned();
        let seen = wait::for_value(&wanted, || ipvsadm(&self.director, "-S -n"));
        assert_eq!(seen, wanted, "{}", self.log());
    }

    /// Stops it as its unit does and waits for its end.
    fn stop(mut self) {
        self.terminate();
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.log());
    }

    fn terminate(&self) {
        let process = Pid::from_raw(i32::try_from(self.process.id()).unwrap());
        kill(process, Signal::SIGTERM).unwrap();
    }
}

impl Drop for Keepalived {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            self.terminate();
            let _ = self.process.wait();
        }
    }
}

/// Something of everything that keepalived can set up.
const EVERYTHING: &str = "
virtual_server 192.0.2.1 80 {
    lvs_sched wrr
    lvs_method NAT
    protocol TCP
    real_server 10.0.0.2 8080 {
        weight 3
    }
    real_server 10.0.0.3 80 {
        weight 0
        lvs_method DR
        uthreshold 100
        lthreshold 50
    }
    real_server 10.0.0.4 80 {
        weight 65535
        lvs_method TUN
    }
    real_server 10.0.0.5 80 {
        lvs_method TUN type gue port 6080 nocsum
    }
    real_server 10.0.0.6 80 {
        lvs_method TUN type gue port 6080 remcsum
    }
    real_server 10.0.0.7 80 {
        lvs_method TUN type gre csum
    }
}
virtual_server 192.0.2.1 443 {
    lvs_sched wlc
    lvs_method DR
    protocol TCP
    persistence_timeout 600
    persistence_granularity 255.255.255.0
    real_server 10.0.0.2 443 {
        weight 2
    }
}
virtual_server 192.0.2.1 53 {
    lvs_sched rr
    ops
    lvs_method NAT
    protocol UDP
    real_server 10.0.0.2 53 {
    }
}
virtual_server 192.0.2.1 5060 {
    lvs_sched sh
    sh-port
    sh-fallback
    lvs_method NAT
    protocol UDP
    persistence_timeout 300
    persistence_engine sip
    real_server 10.0.0.2 5060 {
    }
}
virtual_server 192.0.2.1 132 {
    lvs_sched mh
    mh-port
    lvs_method NAT
    protocol SCTP
    real_server 10.0.0.2 132 {
    }
}
virtual_server 2001:db8:1::1 80 {
    lvs_sched wlc
    lvs_method NAT
    protocol TCP
    persistence_timeout 100
    persistence_granularity 64
    real_server 2001:db8::2 8080 {
        weight 7
    }
    real_server 10.0.0.9 80 {
        lvs_method TUN
    }
}
virtual_server 2001:db8:1::1 53 {
    lvs_sched rr
    lvs_method DR
    protocol UDP
    real_server 2001:db8::3 53 {
    }
}
virtual_server fwmark 5 {
    lvs_sched wlc
    flag-1
    lvs_method DR
    persistence_timeout 120
    real_server 10.0.0.2 0 {
        weight 4
    }
}
virtual_server fwmark 5 {
    lvs_sched rr
    lvs_method NAT
    real_server 2001:db8::2 0 {
    }
}
virtual_server fwmark 2147483647 {
    lvs_sched rr
    lvs_method NAT
    real_server 10.0.0.2 8080 {
    }
}
virtual_server_group pair {
    192.0.2.7 8000
    192.0.2.8-9 8000
}
virtual_server group pair {
    lvs_sched lc
    lvs_method NAT
    protocol TCP
    real_server 10.0.0.2 8000 {
    }
}
";

/// The same in the words of ipvsadm.
const RULES: &str = "\
-A -t 192.0.2.1:80 -s wrr
-a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m -w 3
-a -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 0 -x 100 -y 50
-a -t 192.0.2.1:80 -r 10.0.0.4:80 -i -w 65535 --tun-type ipip
-a -t 192.0.2.1:80 -r 10.0.0.5:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum
-a -t 192.0.2.1:80 -r 10.0.0.6:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum
-a -t 192.0.2.1:80 -r 10.0.0.7:80 -i -w 1 --tun-type gre --tun-csum
-A -t 192.0.2.1:443 -s wlc -p 600 -M 255.255.255.0
-a -t 192.0.2.1:443 -r 10.0.0.2:443 -g -w 2
-A -t 192.0.2.7:8000 -s lc
-a -t 192.0.2.7:8000 -r 10.0.0.2:8000 -m -w 1
-A -t 192.0.2.8:8000 -s lc
-a -t 192.0.2.8:8000 -r 10.0.0.2:8000 -m -w 1
-A -t 192.0.2.9:8000 -s lc
-a -t 192.0.2.9:8000 -r 10.0.0.2:8000 -m -w 1
-A -u 192.0.2.1:53 -s rr -o
-a -u 192.0.2.1:53 -r 10.0.0.2:53 -m -w 1
-A -u 192.0.2.1:5060 -s sh -p 300 --pe sip -b sh-fallback,sh-port
-a -u 192.0.2.1:5060 -r 10.0.0.2:5060 -m -w 1
-A --sctp-service 192.0.2.1:132 -s mh -b mh-port
-a --sctp-service 192.0.2.1:132 -r 10.0.0.2:132 -m -w 1
-A -t [2001:db8:1::1]:80 -s wlc -p 100 -M 64
-a -t [2001:db8:1::1]:80 -r 10.0.0.9:80 -i -w 1 --tun-type ipip
-a -t [2001:db8:1::1]:80 -r [2001:db8::2]:8080 -m -w 7
-A -u [2001:db8:1::1]:53 -s rr
-a -u [2001:db8:1::1]:53 -r [2001:db8::3]:53 -g -w 1
-A -f 5 -s wlc -p 120 -b flag-1
-a -f 5 -r 10.0.0.2:0 -g -w 4
-A -f 5 -6 -s rr
-a -f 5 -6 -r [2001:db8::2]:0 -m -w 1
-A -f 2147483647 -s rr
-a -f 2147483647 -r 10.0.0.2:8080 -m -w 1
";

const LISTING: &str = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  192.0.2.1:80 wrr
  -> 10.0.0.2:8080                Masq    3      0          0         
  -> 10.0.0.3:80                  Route   0      0          0         
  -> 10.0.0.4:80                  Tunnel  65535  0          0         
  -> 10.0.0.5:80                  Tunnel  1      0          0         
  -> 10.0.0.6:80                  Tunnel  1      0          0         
  -> 10.0.0.7:80                  Tunnel  1      0          0         
TCP  192.0.2.1:443 wlc persistent 600 mask 255.255.255.0
  -> 10.0.0.2:443                 Route   2      0          0         
TCP  192.0.2.7:8000 lc
  -> 10.0.0.2:8000                Masq    1      0          0         
TCP  192.0.2.8:8000 lc
  -> 10.0.0.2:8000                Masq    1      0          0         
TCP  192.0.2.9:8000 lc
  -> 10.0.0.2:8000                Masq    1      0          0         
UDP  192.0.2.1:53 rr ops
  -> 10.0.0.2:53                  Masq    1      0          0         
UDP  192.0.2.1:5060 sh (sh-fallback,sh-port) persistent 300 pe sip
  -> 10.0.0.2:5060                Masq    1      0          0         
SCTP 192.0.2.1:132 mh (mh-port)
  -> 10.0.0.2:132                 Masq    1      0          0         
TCP  [2001:db8:1::1]:80 wlc persistent 100 mask 64
  -> 10.0.0.9:80                  Tunnel  1      0          0         
  -> [2001:db8::2]:8080           Masq    7      0          0         
UDP  [2001:db8:1::1]:53 rr
  -> [2001:db8::3]:53             Route   1      0          0         
FWM  5 wlc (flag-1) persistent 120
  -> 10.0.0.2:0                   Route   4      0          0         
FWM  5 IPv6 rr
  -> [2001:db8::2]:0              Masq    1      0          0         
FWM  2147483647 rr
  -> 10.0.0.2:8080                Masq    1      0          0         
";

#[test]
fn what_keepalived_sets_up_is_listed_saved_and_restored() {
    let director = namespace("director");
    let daemon = Keepalived::start(&director, &["--dont-release-ipvs"], EVERYTHING);
    daemon.await_table(RULES);
    // It leaves its table, as it was told to.
    daemon.stop();
    assert_eq!(ipvsadm(&director, "-S -n"), RULES);
    assert_eq!(ipvsadm(&director, "-L -n"), LISTING);
    agrees_with_the_original(&director);

    ipvsadm(&director, "-C");
    assert_eq!(ipvsadm(&director, "-S -n"), "");
    let answer = ipvs_lab::ipvsadm_reading(&director, ["-R"], RULES).unwrap();
    assert_eq!((answer.stderr.as_str(), answer.status), ("", 0));
    assert_eq!(ipvsadm(&director, "-S -n"), RULES);
    assert_eq!(ipvsadm(&director, "-L -n"), LISTING);
    agrees_with_the_original(&director);
}

/// Compares every view of the table, where the original is installed.
fn agrees_with_the_original(director: &Namespace) {
    if !ipvs_lab::original_available() {
        return;
    }
    for view in ["", "--thresholds", "--persistent-conn", "--tun-info"] {
        let words = format!("-L -n {view}");
        let words = words.split_ascii_whitespace();
        assert_eq!(
            ipvs_lab::ipvsadm(director, words.clone()).unwrap(),
            ipvs_lab::original(director, words).unwrap(),
            "{view}"
        );
    }
    // It leaves the thresholds out.
    let saved = ipvs_lab::original(director, ["-S", "-n"]).unwrap();
    assert_eq!(saved.stdout, RULES.replace(" -x 100 -y 50", ""));
}

#[test]
fn the_table_follows_the_checks_of_keepalived_and_goes_with_it() {
    const SERVICE: &str = "-A -t 198.51.100.100:80 -s wrr\n";
    const SERVER1: &str = "-a -t 198.51.100.100:80 -r 10.0.0.2:80 -m -w 3\n";
    const SERVER2: &str = "-a -t 198.51.100.100:80 -r 10.0.0.3:80 -m -w 1\n";
    let check = "\
        HTTP_GET {
            url {
                path /health
                status_code 200
            }
        }
    }
";
    let configuration = format!(
        "\
virtual_server 198.51.100.100 80 {{
    lvs_sched wrr
    lvs_method NAT
    protocol TCP
    alpha
    delay_loop 1
    delay_before_retry 1
    retry 0
    warmup 0
    sorry_server 10.0.0.4 80
    real_server 10.0.0.2 80 {{
        weight 3
{check}
    real_server 10.0.0.3 80 {{
        weight 1
        inhibit_on_failure
{check}
}}
"
    );
    let mut cluster = Cluster::new(3).unwrap();
    // What others have set up is none of its business.
    let other = "-A -u 192.0.2.1:53 -s rr\n";
    ipvsadm(&cluster.director, other);
    let daemon = Keepalived::start(&cluster.director, &[], &configuration);
    daemon.await_table(&[SERVICE, SERVER1, SERVER2, other].concat());
    let shares = cluster.requests(12, || ()).unwrap();
    assert_eq!(
        shares,
        expected([("server1", 3), ("server2", 1)], 12).unwrap()
    );

    cluster.servers[1].set_well(false);
    let quiesced = SERVER2.replace("-w 1", "-w 0");
    daemon.await_table(&[SERVICE, SERVER1, &quiesced, other].concat());
    let shares = cluster.requests(12, || ()).unwrap();
    assert_eq!(shares, expected([("server1", 1)], 12).unwrap());

    cluster.servers[0].stop();
    let sorry = "-a -t 198.51.100.100:80 -r 10.0.0.4:80 -m -w 1\n";
    daemon.await_table(&[SERVICE, &quiesced, sorry, other].concat());
    let shares = cluster.requests(12, || ()).unwrap();
    assert_eq!(shares, expected([("server3", 1)], 12).unwrap());

    cluster.servers[0].start().unwrap();
    cluster.servers[1].set_well(true);
    daemon.await_table(&[SERVICE, SERVER1, SERVER2, other].concat());
    daemon.stop();
    assert_eq!(ipvsadm(&cluster.director, "-S -n"), other);
}
